"""Dialogs of the documents: what to add and where to, and the collections."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from textual import events, on, work
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Input

from core.errors import StudyError, UsageError
from core.i18n import tr
from core.text import clean_line
from tui import actions, format
from tui.glyphs import glyphs
from tui.pasted_paths import parse_paths
from tui.screens.dialogs import Ask, Dialog, Problem
from tui.widgets.basics import Choices, Plain
from tui.widgets.composer import complete_path
from tui.widgets.rows import Row, RowList

if TYPE_CHECKING:
    from core.rag.types import Collection
    from tui.documents_room import DocumentsRoom


class PathBox(Input):
    """Paths; several lines pasted at once (files dropped on the terminal) become one line."""

    def _on_paste(self, event: events.Paste) -> None:
        lines = [line.strip() for line in event.text.splitlines() if line.strip()]
        if len(lines) > 1:
            event.stop()
            event.prevent_default()
            self.insert_text_at_cursor(" ".join(_quoted(line) for line in lines))


def _quoted(line: str) -> str:
    import shlex

    paths = parse_paths(line)
    return " ".join(shlex.quote(path) for path in paths)


class AddDialog(Dialog):
    """Paths with completion, and the collection they go to. Gives ``(text, collection id)``, or ``None``."""

    @dataclass
    class Completed(Message):
        """Paths for what is typed."""

        typed: str
        paths: list[str]

    @dataclass
    class Looked(Message):
        """Whether what is named is there."""

        text: str
        problem: str

    def __init__(self, collections: Sequence[Collection], collection: str, text: str = "") -> None:
        super().__init__()
        self._collections, self._collection, self._text = list(collections), collection, text

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog -wide documents-dialog"):
            yield Plain(tr("documents.add"), classes="dialog-title")
            text = (
                self._text
                if "\n" not in self._text.strip()
                else " ".join(map(_quoted, self._text.splitlines()))
            )
            yield PathBox(
                text.strip(),
                placeholder=tr("documents.add.placeholder"),
                compact=True,
                select_on_focus=False,
                id="add-path",
            )
            yield Problem()
            yield RowList(classes="dialog-rows", id="add-completion")
            yield Plain(tr("documents.add.into"), classes="dialog-note", id="add-into")
            rows = [Row(one.id, ((clean_line(one.name), ""),)) for one in self._collections]
            yield RowList(rows, classes="dialog-rows", id="add-collection")
            yield Plain(tr("documents.add.note"), classes="dialog-note")

    def on_mount(self) -> None:
        self.query_one("#add-completion").display = False
        several = len(self._collections) > 1
        self.query_one("#add-into").display = several
        chosen = self.query_one("#add-collection", RowList)
        chosen.display = several
        chosen.set_rows(chosen.rows, select=self._collection)
        box = self.query_one(PathBox)
        box.cursor_position = len(box.value)
        box.focus()

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        self.query_one(Problem).say("")
        if event.value and not event.value.startswith(("'", '"', "file:")):
            self._complete(event.value)
        else:
            self.query_one("#add-completion").display = False

    @work(group="complete", exclusive=True, exit_on_error=False)
    async def _complete(self, typed: str) -> None:
        self.post_message(self.Completed(typed, await asyncio.to_thread(complete_path, typed)))

    def on_add_dialog_completed(self, event: Completed) -> None:
        """Offer the paths found, if they are for what is typed now."""
        if self.query_one(PathBox).value == event.typed:
            rows = self.query_one("#add-completion", RowList)
            rows.set_rows([Row(path, ((clean_line(path), ""),)) for path in event.paths])
            rows.display = bool(event.paths) and event.paths != [event.typed]

    def on_key(self, event: events.Key) -> None:
        rows, box = self.query_one("#add-completion", RowList), self.query_one(PathBox)
        if not box.has_focus or not rows.display:
            return
        if event.key == "tab" and rows.current:
            event.stop()
            event.prevent_default()
            self._take(rows.current.id)
        elif event.key in {"up", "down"}:
            rows.action_cursor(-1 if event.key == "up" else 1)

    @on(RowList.Chosen, "#add-completion")
    def _chosen(self, event: RowList.Chosen) -> None:
        self._take(event.row.id)

    @on(RowList.Chosen, "#add-collection")
    def _collection_chosen(self) -> None:
        self._accept()

    def _take(self, path: str) -> None:
        box = self.query_one(PathBox)
        box.value = path
        box.cursor_position = len(path)
        box.focus()

    @on(Input.Submitted)
    def _accept(self) -> None:
        text = self.query_one(PathBox).value
        if text.strip():
            self._look(text)
        else:
            self.dismiss(None)

    @work(group="look", exclusive=True, exit_on_error=False)
    async def _look(self, text: str) -> None:
        self.post_message(self.Looked(text, await asyncio.to_thread(path_problem, text)))

    def on_add_dialog_looked(self, event: Looked) -> None:
        """Close with what was named when it is there; else say so, and leave it to be put right."""
        if event.problem:
            self.query_one(Problem).say(event.problem)
            self.query_one(PathBox).focus()
            return
        row = self.query_one("#add-collection", RowList).current
        self.dismiss((event.text, row.id if row else self._collection))


def path_problem(text: str) -> str:
    """Return what is wrong with the paths a text names, a sentence; empty when all are there. Looks at the disk."""
    from core.rag.scan import check_paths

    try:
        check_paths(map(Path, parse_paths(text)))
    except StudyError as error:
        return str(error)
    except (RuntimeError, ValueError):  # ~ of nobody; a NUL.
        return str(UsageError("error.rag.no_path", path=clean_line(text, max_chars=200)))
    return ""


class CollectionsScreen(Dialog):
    """The collections, to create, rename, set up, watch and remove."""

    BINDINGS = actions.bindings("collections")

    def __init__(self, room: DocumentsRoom, keys: Mapping[str, str]) -> None:
        super().__init__()
        self._room, self._keys = room, keys

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog -wide"):
            yield Plain(tr("documents.collections"), classes="dialog-title")
            yield RowList(classes="dialog-rows -many", id="collections-list")
            yield Plain(id="collections-about", classes="dialog-note")
            yield Choices(id="collections-keys")

    def on_mount(self) -> None:
        self.show()
        self.query_one(RowList).focus()

    def show(self) -> None:
        """Show the collections as they are."""
        rows = [self._row(one) for one in self._room.state.shelf.collections]
        self.query_one(RowList).set_rows(rows)
        names = (
            "collection_new",
            "collection_settings",
            "collection_rename",
            "collection_watch",
            "collection_remove",
        )
        items = []
        for name in names:
            keys = self._keys.get(name, actions.BY_ID[name].keys)
            items.append(
                (name, actions.key_label(keys.split(",")[0], short=True), tr(f"action.{name}.short"))
            )
        items.append(("close", actions.key_label("escape"), tr("documents.keys.close")))
        self.query_one(Choices).show(items)
        self._about()

    def _row(self, one: Collection) -> Row:
        node = self._room.state.shelf.node(f"c:{one.id}")
        marks = glyphs()
        right = f"{format.count(node.total if node else one.documents)} {marks.dot} {one.chunking.strategy}"
        state = (
            f"  {tr('documents.building')}"
            if one.building
            else f"  {tr('documents.watched')}"
            if one.watch
            else ""
        )
        return Row(
            one.id, ((clean_line(one.name), "strong"), (state, "accent")), ((right, "quiet"),), data=one
        )

    def _about(self) -> None:
        one = self.current
        if one is None:
            return
        shelf = self._room.state.shelf
        node = shelf.node(f"c:{one.id}")
        rows = shelf.of(node) if node else []
        text = tr(
            "documents.collection.about",
            chunking=one.chunking.version,
            embedder=clean_line(one.embedder) or tr("documents.embedder.own"),
            chunks=format.count(sum(row.chunks for row in rows if not row.same_as)),
            size=format.size(sum(row.bytes for row in rows)),
        )
        self.query_one("#collections-about", Plain).show(Content.styled(text, "$quiet"))

    @property
    def current(self) -> Collection | None:
        """The collection under the cursor."""
        row = self.query_one(RowList).current
        return row.data if row else None

    @on(RowList.Moved)
    def _moved(self) -> None:
        self._about()

    @on(RowList.Chosen)
    def _chosen(self) -> None:
        self.action_collection_settings()

    @on(Choices.Clicked)
    def _key_clicked(self, event: Choices.Clicked) -> None:
        event.stop()
        getattr(self, f"action_{event.name}")()

    def action_collection_new(self) -> None:
        """Ask for a name."""

        def given(name: str | None) -> None:
            if name:
                self._room.create_collection(name)

        self.app.push_screen(Ask(tr("documents.collection.new"), check=self._name_problem), given)

    def _name_problem(self, name: str, own: str = "") -> str:
        """Return why a collection cannot be called so, a sentence; empty when it can."""
        from core.rag.shelving import MAX_NAME

        name = clean_line(name, max_chars=MAX_NAME + 1).strip()
        others = [one for one in self._room.state.shelf.collections if one.id != own]
        if not name or len(name) > MAX_NAME or "/" in name:
            return str(UsageError("error.rag.collection.name", name=name or "''", most=MAX_NAME))
        if any(name in {one.id, one.name} for one in others):
            return str(UsageError("error.rag.collection.taken", name=name))
        return ""

    def action_collection_rename(self) -> None:
        """Ask for another name."""
        one = self.current
        if one is None:
            return

        def given(name: str | None) -> None:
            if name and name != one.name:
                self._room.change_collection(one.id, name=name)

        self.app.push_screen(
            Ask(
                tr("documents.collection.name"),
                value=one.name,
                check=lambda name: self._name_problem(name, one.id),
            ),
            given,
        )

    def action_collection_settings(self) -> None:
        """Ask for its settings."""
        if self.current:
            self._room.collection_settings(self.current.id)

    def action_collection_watch(self) -> None:
        """Watch its folders, or no longer."""
        if self.current:
            self._room.change_collection(self.current.id, watch=not self.current.watch)

    def action_collection_remove(self) -> None:
        """Remove it, after asking."""
        if self.current:
            self._room.remove_collection(self.current.id)
