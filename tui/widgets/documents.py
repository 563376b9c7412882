"""The documents pane: search box, the tree (or passages, failed files, jobs), and the document being read.

It asks for everything by :class:`DocumentsPane.Wants`; :mod:`tui.documents_room` does it and calls ``show_*``.
Beside the chat the reader stands below the list; with the screen to itself, at its right with the details below;
on a narrow screen there is one at a time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Input

from core.events import Document, Hit
from core.i18n import tr
from tui import actions
from tui.documents_query import Query, parse
from tui.documents_shelf import Node
from tui.pasted_paths import looks_like_paths
from tui.state import State
from tui.widgets import documents_rows, documents_text
from tui.widgets.basics import Choices, Plain, SplitLine
from tui.widgets.documents_actions import DocumentsActions
from tui.widgets.documents_reader import Reader
from tui.widgets.documents_reading import DocumentsReading
from tui.widgets.documents_rows import ShelfList
from tui.widgets.rows import RowList

if TYPE_CHECKING:
    from core.rag import DocumentView
    from core.rag.types import Details, SearchResult

Mode = Literal["tree", "hits", "failed", "tasks"]
Shape = Literal["beside", "whole", "one"]

SEARCH_AFTER_S = 0.15
"""A search begins when typing has rested this long."""

READ_AFTER_S = 0.12
"""What the cursor is on is read when the cursor has rested this long."""

LIST_KEYS: Mapping[Mode, tuple[str, ...]] = {
    "tree": (
        *("document_add", "document_search", "document_details", "document_redo", "document_remove"),
        *(
            "document_open",
            "documents_sync_here",
            "document_failed",
            "document_tasks",
            "document_collections",
        ),
    ),
    "hits": ("document_explain", "passage_export", "document_copy", "document_open", "document_search"),
    "failed": ("document_redo", "document_retry_all", "document_copy", "document_open", "document_remove"),
    "tasks": ("job_pause", "job_stop"),
}
READ_KEYS = (
    *("passage_previous", "passage_next", "hit_next", "hit_previous", "document_explain", "document_details"),
    *("passage_export", "document_copy", "document_open"),
)


class SearchBox(Input):
    """The search box; files dropped on the terminal while it has the focus are not typed into it."""

    @dataclass
    class Dropped(Message):
        """Paths were pasted or dropped."""

        text: str

    def _on_paste(self, event: events.Paste) -> None:
        if looks_like_paths(event.text):
            event.stop()
            event.prevent_default()
            self.post_message(self.Dropped(event.text))


class DocumentsPane(DocumentsActions, DocumentsReading, Vertical):
    """The pane."""

    BINDINGS = actions.bindings("documents")

    @dataclass
    class Wants(Message):
        """Something is to be done by the app: ``what`` names a method of :class:`tui.documents_room.DocumentsRoom`."""

        what: str
        item: Any = None
        more: Any = None

    def __init__(self, state: State, keys: Mapping[str, str]) -> None:
        super().__init__(id="documents", classes="pane")
        self.border_title = tr("pane.documents")
        self.state = state.documents
        self._keymap = keys
        self.mode: Mode = "tree"
        self.shape: Shape = "beside"
        self.query_now = Query()
        self.result: SearchResult | None = None
        self.view: DocumentView | None = None
        self.page: Literal["", "document", "text"] = ""
        """What the reading part shows."""
        self.details: Details | None = None
        self._timer: Timer | None = None
        self._read_timer: Timer | None = None
        self._entries: list[tuple[Node | str, int]] = []
        self._matching = 0
        self._searching = False
        self._typing = False
        """The search box was asked for and has not got the focus yet."""
        search = keys.get("document_search", actions.BY_ID["document_search"].keys)
        self._search_keys = frozenset(search.split(","))
        self._wanted = ""
        """The document asked for last: an answer for another one comes too late."""

    def compose(self) -> ComposeResult:
        with Horizontal(id="documents-body"):
            with Vertical(id="documents-left"):
                yield SearchBox(placeholder=tr("documents.search"), id="documents-search", compact=True)
                yield Plain(id="documents-note")
                yield Plain(id="documents-job")
                yield ShelfList(id="documents-list")
            with Vertical(id="documents-right"):
                yield SplitLine(id="passage-title")
                yield Plain(id="passage-scores")
                yield Reader(id="passage")
                with VerticalScroll(id="passage-page"):
                    yield Plain(id="passage-text")
                yield Plain(id="documents-details")
        yield Choices(id="documents-keys")

    def on_mount(self) -> None:
        self.show_list()
        self.show_progress()
        self.stand(self.shape)

    # -- parts ---------------------------------------------------------------------------------------

    @property
    def rows(self) -> ShelfList:
        """The list."""
        return self.query_one(ShelfList)

    @property
    def box(self) -> SearchBox:
        """The search box."""
        return self.query_one(SearchBox)

    @property
    def reader(self) -> Reader:
        """The reader."""
        return self.query_one(Reader)

    @property
    def reading(self) -> bool:
        """Whether the focus is in the reading part."""
        focused = self.screen.focused
        return focused is not None and focused.id in {"passage", "passage-page"}

    @property
    def documents(self) -> list[Document]:
        """Every document there is."""
        return list(self.state.shelf.documents.values())

    def stand(self, shape: Shape) -> None:
        """Stand beside the chat, have the whole screen, or show one part at a time."""
        self.shape = shape
        self.set_class(shape == "whole", "-whole")
        self.set_class(shape == "one", "-one")
        if self.is_mounted:
            self._show_parts()

    def _show_parts(self) -> None:
        whole, one = self.shape == "whole", self.shape == "one"
        shown = bool(self.page)
        right = shown or whole
        left = not (one and shown)
        self.query_one("#documents-left").display = left
        self.query_one("#documents-right").display = right
        self.query_one("#passage").display = self.page == "document"
        self.query_one("#passage-page").display = self.page != "document"
        strip = self.query_one("#documents-details", Plain)
        strip.display = whole and self.details is not None
        self.show_keys()

    def show_keys(self) -> None:
        """Name the keys that do something now."""
        names = list(
            READ_KEYS
            if self.page == "document" and (self.reading or self.shape == "one")
            else LIST_KEYS[self.mode]
        )
        if self.state.cited:
            names.insert(0, "citation_back")
        elif self.mode != "tree" or self.page:
            names.insert(0, "stop")
        items = []
        for name in names:
            title = tr("documents.keys.back") if name == "stop" else tr(f"action.{name}.short")
            items.append((name, self.key(name), title))
        self.query_one("#documents-keys", Choices).show(items)

    def key(self, action_id: str) -> str:
        """Return the first key of an action, as people read it."""
        keys = self._keymap.get(action_id, actions.BY_ID[action_id].keys)
        return actions.key_label(keys.split(",")[0], short=True)

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        self._typing = False
        self.show_keys()

    @on(Choices.Clicked, "#documents-keys")
    async def _key_clicked(self, event: Choices.Clicked) -> None:
        event.stop()
        if event.name == "stop":
            self.back()
        else:
            await self.run_action(event.name)

    # -- the list ------------------------------------------------------------------------------------

    @on(Reader.Moved)
    def _read_on(self, event: Reader.Moved) -> None:
        event.stop()
        self._show_title()

    def take_focus(self) -> None:
        """Move the focus into the pane: to what is read where it is alone, else to the list."""
        if self.query_one("#documents-left").display:
            self.rows.focus()
        elif self.page == "document":
            self.reader.focus()
        else:
            self.query_one("#passage-page").focus()

    def show_list(self, *, select: str | None = None) -> None:
        """Show what the mode says."""
        state, rows = self.state, self.rows
        if self.mode == "hits":
            hits = self.result.hits if self.result else ()
            made = [documents_rows.hit_row(number, hit) for number, hit in enumerate(hits, 1)]
            rows.show([row.id for row in made], made.__getitem__, select=select)
        elif self.mode == "failed":
            failed = state.shelf.failed()
            rows.show(
                [one.id for one in failed],
                lambda place: documents_rows.failed_row(failed[place]),
                select=select,
            )
        elif self.mode == "tasks":
            jobs = list(state.jobs)
            rows.show(
                [job.id for job in jobs],
                lambda place: documents_rows.job_row(jobs[place], state.progress.get(jobs[place].id)),
                select=select,
            )
        else:
            self._show_tree(select)
        self._note()

    def _show_tree(self, select: str | None) -> None:
        shelf, query = self.state.shelf, self.query_now
        narrowed = query.narrows and not query.problem
        matching = shelf.matching(query.test()) if narrowed else None
        self._matching = len(matching) if matching is not None else 0
        self._entries = entries = shelf.entries(matching)
        self.rows.show(
            [documents_rows.key_of(entry) for entry in entries],
            lambda place: documents_rows.tree_row(entries[place], shelf, unfolded=narrowed),
            select=select,
        )

    def show_changed(self, ids: set[str], *, shape: bool) -> None:
        """Show that documents are not what they were.

        Args:
            ids: Which; empty: all may have changed.
            shape: Whether rows came or went.
        """
        if self.mode == "tree" and ids and not shape and not self.query_now.narrows:
            # The nodes above them count them: they are drawn again too.
            above = {node.key for node in self.state.shelf.nodes()}
            self.rows.redraw(ids | above)
            self._note()
        elif self.mode != "hits":
            self.show_list()
        read = self.view.document.id if self.view else ""
        if read and (read in ids or not ids):
            self._refresh_read(self.state.shelf.documents.get(read))

    def _refresh_read(self, document: Document | None) -> None:
        """The document being read changed: read it again once its new text is in."""
        if document is None or self.view is None:
            return
        changed = document.content_hash != self.view.document.content_hash or document.chunks != len(
            self.view.chunks
        )
        if document.status == "indexed" and changed and self._wanted == document.id:
            chunk = self.reader.chunk
            self.post_message(self.Wants("view", document.id, chunk.chunk_id if chunk else None))
        if self.details and self.details.document.id == document.id and self.shape == "whole":
            self.post_message(self.Wants("strip", document.id))

    def _note(self) -> None:
        note = self.query_one("#documents-note", Plain)
        text, tone = self._note_text()
        note.display = bool(text)
        note.show(Content.styled(text, tone))

    def _note_text(self) -> tuple[str, str]:
        shelf, query = self.state.shelf, self.query_now
        if query.problem:
            return query.problem, "$warning"
        if self.mode == "failed":
            count = len(self.rows.keys)
            return (
                tr("documents.failed.title", count=count) if count else tr("documents.failed.none")
            ), "$quiet"
        if self.mode == "tasks":
            return tr("documents.tasks.title" if self.state.jobs else "documents.tasks.none"), "$quiet"
        if self.mode == "hits" and self.result is not None:
            if not self.result.hits:
                return tr("documents.none"), "$warning"
            if not self.result.answerable:
                return tr("documents.unanswerable", confidence=f"{self.result.confidence:.2f}"), "$warning"
            return tr("documents.hits", count=len(self.result.hits)), "$quiet"
        if self._searching:
            return tr("documents.searching"), "$quiet"
        if query.narrows:
            return tr("documents.narrowed", count=self._matching, total=len(shelf.documents)), "$quiet"
        if self.state.loaded and not shelf.documents:
            return tr("documents.empty"), "$quiet"
        return "", "$quiet"

    def show_progress(self) -> None:
        """Say how far the job is that goes on."""
        line, running = self.query_one("#documents-job", Plain), self.state.running
        line.display = running is not None
        if running:
            line.show(documents_text.progress_line(running, self.key("job_pause"), self.key("job_stop")))
        if self.mode == "tasks":
            self.rows.refresh()
            self._show_task()

    def show_jobs(self) -> None:
        """The list of jobs was read."""
        if self.mode == "tasks":
            self.show_list()
            self._show_task()

    def go(self, mode: Mode, *, select: str | None = None) -> None:
        """Show another list."""
        if mode != self.mode:
            self.mode = mode
            if mode in {"failed", "tasks"}:
                self.state.cited = None
                self._clear_page()
            self.rows.set_reactive(RowList.cursor, 0)
            self.show_list(select=select)
            self._show_parts()
        if self._shown():
            self.rows.focus()

    def _shown(self) -> bool:
        return self.display and self.query_one("#documents-left").display

    # -- searching -----------------------------------------------------------------------------------

    @on(Input.Changed, "#documents-search")
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self._take_query(event.value)
        if self._timer:
            self._timer.stop()
        if self.query_now.searches:
            self._timer = self.set_timer(SEARCH_AFTER_S, self._search_now)

    def _take_query(self, typed: str) -> None:
        shelf = self.state.shelf
        before, self.query_now = self.query_now, parse(typed, shelf.collections, shelf.suffixes())
        if not self.query_now.searches:
            self._searching = False
            self.result = None
            if self.mode == "hits" or (self.mode != "tree" and typed):
                self.mode = "tree"
                self.show_list()
                return
            if self.mode == "tree" and (before.narrows or self.query_now.narrows):
                self.show_list()
                return
        self._note()

    def _search_now(self) -> None:
        self._timer = None
        if self.query_now.searches:
            self._searching = True
            self.post_message(self.Wants("search", self.query_now))
            self._note()

    @on(Input.Submitted, "#documents-search")
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.search(event.value.strip())

    def search(self, typed: str) -> None:
        """Search at once, as if typed and entered."""
        if self.box.value.strip() != typed:
            with self.prevent(Input.Changed):
                self.box.value = typed
        if typed != self.query_now.typed.strip():
            self._take_query(typed)
        if self._timer:
            self._timer.stop()
            self._timer = None
            self._search_now()
        elif self.result is None:
            self._search_now()
        if not self.query_now.problem:
            self.rows.focus()

    def show_result(self, query: Query, result: SearchResult | None) -> None:
        """Show what a search found, if it is for what is in the box now. ``None``: it failed."""
        if query != self.query_now:
            return
        self._searching = False
        if result is None:
            self._note()
            return
        again = self.result is not None and self.mode == "hits"
        self.result = result
        self.mode = "hits"
        if not again:
            self.rows.set_reactive(RowList.cursor, 0)
        self.show_list(
            select=None
            if self.rows.has_focus
            else (f"hit:1:{result.hits[0].chunk_id}" if result.hits else None)
        )
        self.show_keys()
        self._read_soon()

    @on(SearchBox.Dropped)
    def _dropped(self, event: SearchBox.Dropped) -> None:
        event.stop()
        self.post_message(self.Wants("ask_add", event.text, self.collection_here))

    def on_paste(self, event: events.Paste) -> None:
        """Files dropped on the pane are added."""
        if looks_like_paths(event.text):
            event.stop()
            self.post_message(self.Wants("ask_add", event.text, self.collection_here))

    def close_search(self) -> bool:
        """Show the tree again, the box empty. False when it is so already."""
        if self.mode == "tree" and not self.box.value:
            return False
        with self.prevent(Input.Changed):
            self.box.value = ""
        if self._timer:
            self._timer.stop()
            self._timer = None
        self.query_now, self.result, self._searching = Query(), None, False
        self.mode = "tree"
        self.show_list()
        self.show_keys()
        return True

    def back(self) -> bool:
        """Go back one step: to the answer, from reading to the list, from a list to the tree. False: nothing to undo."""
        beside = self.shape == "beside"
        if self.state.cited:
            self.action_citation_back()
            return True
        if self.page and (self.reading or self.shape == "one"):
            if self.shape == "one" or (beside and self.mode == "tree"):
                self._clear_page()
            self.rows.focus()
            return True
        if isinstance(self.screen.focused, Input) and not self.box.value:
            self.rows.focus()
            return True
        if self.close_search() or (self.page and beside):
            if beside:
                self._clear_page()
            self.rows.focus()
            return True
        return False

    # -- what the cursor is on -----------------------------------------------------------------------

    @property
    def collection_here(self) -> str:
        """The collection the cursor is in."""
        row = self.rows.current
        data = row.data if row else None
        if isinstance(data, (Node, Document, Hit)):
            return data.collection
        return "default"

    @on(RowList.Chosen)
    def _chosen(self, event: RowList.Chosen) -> None:
        event.stop()
        data = event.row.data
        if isinstance(data, Node):
            self.fold(data, closed=data.key not in self.state.shelf.folded)
        else:
            self.state.cited = None
            self._read(data, focus=True)

    @on(RowList.Moved)
    def _moved(self, event: RowList.Moved) -> None:
        event.stop()
        if (
            isinstance(event.row.data, Hit)
            or self.shape == "whole"
            or (self.page and self.mode in {"failed", "tasks"})
        ):
            self._read_soon()

    def _read_soon(self) -> None:
        if self._read_timer:
            self._read_timer.stop()
        self._read_timer = self.set_timer(READ_AFTER_S, self._read_here)

    def _read_here(self) -> None:
        self._read_timer = None
        row = self.rows.current
        if row and self.shape != "one" and not self.state.cited:
            self._read(row.data, focus=False)

    def fold(self, node: Node, *, closed: bool) -> None:
        """Fold a node up, or open it."""
        folded = self.state.shelf.folded
        (folded.add if closed else folded.discard)(node.key)
        self.show_list(select=node.key)

    def on_key(self, event: events.Key) -> None:
        # Keys that arrive at once reach the list before the focus has moved: what follows / is typed, not obeyed.
        focused = isinstance(self.screen.focused, SearchBox)
        if (self._typing or focused) and event.is_printable and event.character:
            event.stop()
            event.prevent_default()
            self.box.insert_text_at_cursor(event.character)
        elif self._typing and event.key == "enter":
            event.stop()
            event.prevent_default()
            self.call_later(lambda: self.search(self.box.value.strip()))
        elif not focused and event.key in self._search_keys:
            event.stop()
            event.prevent_default()
            self.action_document_search()
        elif event.key == "down" and isinstance(self.screen.focused, SearchBox):
            event.stop()
            self.rows.focus()
        elif event.key in {"left", "right"} and self.rows.has_focus and self.mode == "tree":
            event.stop()
            self._step(closing=event.key == "left")

    def _step(self, *, closing: bool) -> None:
        """Left folds, or goes up to the folder; right opens, or goes down into it."""
        row = self.rows.current
        if row is None:
            return
        data, folded = row.data, self.state.shelf.folded
        if isinstance(data, Node) and (data.key in folded) != closing and not self.query_now.narrows:
            self.fold(data, closed=closing)
        elif closing:
            depth = self._entries[self.rows.cursor][1]
            above = range(self.rows.cursor - 1, -1, -1)
            self.rows.cursor = next(
                (place for place in above if self._entries[place][1] < depth), self.rows.cursor
            )
        elif isinstance(data, Node):
            self.rows.action_cursor(1)
