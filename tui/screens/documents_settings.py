"""A collection's settings: how its documents are cut, what embeds them, whether its folders are watched."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content

from core.errors import StudyError
from core.i18n import tr
from core.text import clean_line
from tui import format
from tui.screens.dialogs import Ask, Dialog
from tui.widgets.basics import Plain
from tui.widgets.rows import Row, RowList

if TYPE_CHECKING:
    from core.rag.types import Collection

STEPS = {"size": 20, "overlap": 10}
"""How far left and right change a number, in cells."""

FIELDS = ("strategy", "size", "overlap", "header", "embedder", "watch")


class CollectionSettings(Dialog):
    """Gives what was changed, as ``change_collection`` takes it, or ``None``."""

    BINDINGS = [Binding("ctrl+s,s", "save", show=False)]

    def __init__(self, collection: Collection) -> None:
        super().__init__()
        self._collection = collection
        self.chunking = collection.chunking
        self.embedder, self.watch = collection.embedder, collection.watch

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog -wide documents-dialog"):
            yield Plain(
                tr("documents.settings.title", name=clean_line(self._collection.name, max_chars=60)),
                classes="dialog-title",
            )
            yield RowList(classes="dialog-rows", id="settings-rows")
            yield Plain(id="settings-about", classes="dialog-note")
            yield Plain(id="settings-note", classes="dialog-note")
            yield Plain(tr("documents.settings.keys"), classes="dialog-note")

    def on_mount(self) -> None:
        self._show()
        self.query_one(RowList).focus()

    # -- what is shown -------------------------------------------------------------------------------

    def value(self, name: str) -> str:
        """Write a setting."""
        if name == "strategy":
            return str(self.chunking.strategy)
        if name in STEPS:
            return tr("documents.settings.cells", count=format.count(getattr(self.chunking, name)))
        if name == "header":
            return tr("dialog.yes" if self.chunking.header else "dialog.no")
        if name == "watch":
            return tr("dialog.yes" if self.watch else "dialog.no")
        return clean_line(self.embedder) or tr("documents.embedder.own")

    @property
    def changes(self) -> dict[str, Any]:
        """What is not as it was."""
        found: dict[str, Any] = {}
        if self.chunking != self._collection.chunking:
            found["chunking"] = self.chunking
        if self.embedder != self._collection.embedder:
            found["embedder"] = self.embedder
        if self.watch != self._collection.watch:
            found["watch"] = self.watch
        return found

    @property
    def problem(self) -> str:
        """Why these settings cannot be, a sentence; empty when they can."""
        try:
            self.chunking.check()
        except StudyError as error:
            return str(error)
        return ""

    def _show(self) -> None:
        rows = []
        for name in FIELDS:
            label = format.pad(tr(f"documents.settings.{name}"), 18)
            rows.append(Row(name, ((label, "quiet"), (self.value(name), "strong")), data=name))
        self.query_one(RowList).set_rows(rows)
        note = self.query_one("#settings-note", Plain)
        changes = self.changes
        if self.problem:
            note.show(Content.styled(self.problem, "$error"))
        elif "chunking" in changes or "embedder" in changes:
            note.show(Content.styled(tr("documents.settings.rebuild"), "$warning"))
        else:
            note.show("")
        note.display = bool(self.problem) or bool(changes.keys() & {"chunking", "embedder"})
        self._about()

    def _about(self) -> None:
        row = self.query_one(RowList).current
        name = row.id if row else FIELDS[0]
        text = tr(f"documents.settings.{name}.help")
        if name == "strategy":
            text += " " + tr(f"documents.strategy.{self.chunking.strategy}")
        self.query_one("#settings-about", Plain).show(text)

    @on(RowList.Moved)
    def _moved(self) -> None:
        self._about()

    # -- changing ------------------------------------------------------------------------------------

    def on_key(self, event: events.Key) -> None:
        row = self.query_one(RowList).current
        if event.key in {"left", "right"} and row:
            event.stop()
            self._change(row.id, -1 if event.key == "left" else 1)

    def _change(self, name: str, step: int) -> None:
        from core.rag.chunking import STRATEGIES

        chunking = self.chunking
        if name == "strategy":
            place = (STRATEGIES.index(chunking.strategy) + step) % len(STRATEGIES)
            strategy = STRATEGIES[place]
            overlap = chunking.overlap if strategy in {"fixed", "recursive"} else 0
            self.chunking = dataclasses.replace(chunking, strategy=strategy, overlap=overlap)
        elif name in STEPS:
            self._set_number(name, max(0, getattr(chunking, name) + step * STEPS[name]))
        elif name == "header":
            self.chunking = dataclasses.replace(chunking, header=not chunking.header)
        elif name == "watch":
            self.watch = not self.watch
        self._show()

    def _set_number(self, name: str, number: int) -> None:
        self.chunking = dataclasses.replace(self.chunking, **{name: number})  # type: ignore[arg-type]

    @on(RowList.Chosen)
    def _chosen(self, event: RowList.Chosen) -> None:
        name = event.row.id
        if name not in STEPS and name != "embedder":
            self._change(name, 1)
            return

        def given(text: str | None) -> None:
            if name == "embedder":
                self.embedder = clean_line(text or "")
            elif text:
                self._set_number(name, int(text))
            self._show()

        value = self.embedder if name == "embedder" else str(getattr(self.chunking, name))
        note = tr("documents.settings.embedder.help") if name == "embedder" else ""
        check = None if name == "embedder" else self._number_problem(name)
        self.app.push_screen(
            Ask(tr(f"documents.settings.{name}"), value=value, note=note, check=check), given
        )

    def _number_problem(self, name: str) -> Callable[[str], str]:
        """Return what says why a text cannot be the value of a number."""

        def problem(text: str) -> str:
            if not (text.isascii() and text.isdecimal()):
                return tr("documents.settings.number", value=clean_line(text, max_chars=40) or "''")
            # Longer than any width there is: no number of a thousand digits in the sentence.
            number = int(text) if len(text) <= 7 else 10**7
            try:
                dataclasses.replace(self.chunking, **{name: number}).check()  # type: ignore[arg-type]
            except StudyError as error:
                return str(error)
            return ""

        return problem

    def action_save(self) -> None:
        """Close with what was changed, if it can be."""
        if not self.problem:
            self.dismiss(self.changes or None)
