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
from tui.widgets.basics import Choices, Plain, SplitLine
from tui.widgets.documents_actions import DocumentsActions
from tui.widgets.documents_box import SearchBox
from tui.widgets.documents_list import READ_KEYS, DocumentsListing, Mode
from tui.widgets.documents_reader import Reader
from tui.widgets.documents_reading import DocumentsReading
from tui.widgets.documents_rows import ShelfList
from tui.widgets.flow import Flow
from tui.widgets.rows import RowList

if TYPE_CHECKING:
    from core.rag import DocumentView
    from core.rag.types import Details, SearchResult

Shape = Literal["beside", "whole", "one"]

SEARCH_AFTER_S = 0.15
"""A search begins when typing has rested this long."""

READ_AFTER_S = 0.12
"""What the cursor is on is read when the cursor has rested this long."""


class DocumentsPane(DocumentsActions, DocumentsListing, DocumentsReading, Vertical):
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
        # Built anew, it shows no source: there is none to go back from.
        self.state.cited = None
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
        self._waits_for = ""
        self._typing = False
        """The search box was asked for and has not got the focus yet."""
        search = keys.get("document_search", actions.BY_ID["document_search"].keys)
        self._search_keys = frozenset(search.split(","))
        self._wanted = ""
        """The document asked for last: an answer for another one comes too late."""

    def compose(self) -> ComposeResult:
        with Horizontal(id="documents-body"):
            with Vertical(id="documents-left"):
                yield SearchBox(
                    placeholder=tr("documents.search"),
                    id="documents-search",
                    compact=True,
                    # What was typed before the focus came must not be replaced by what comes after.
                    select_on_focus=False,
                )
                yield Plain(id="documents-note")
                yield Flow(id="documents-job", tail=True)
                yield ShelfList(id="documents-list")
            with Vertical(id="documents-right"):
                yield SplitLine(id="passage-title")
                yield Flow(id="passage-scores", gap="   ")
                yield Reader(id="passage")
                with VerticalScroll(id="passage-page"):
                    yield Plain(id="passage-text")
                yield Flow(id="documents-details", gap="   ")
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
        before, self.shape = self.shape, shape
        self.set_class(shape == "whole", "-whole")
        self.set_class(shape == "one", "-one")
        if not self.is_mounted:
            return
        if before == "whole" != shape and self.page == "text" and not self.state.cited:
            self._clear_page()
        self._show_parts()
        if shape == "whole" and shape != before:
            self._read_soon()

    def _show_parts(self) -> None:
        whole, one = self.shape == "whole", self.shape == "one"
        shown = bool(self.page)
        right = shown or whole
        left = not (one and shown)
        self.query_one("#documents-left").display = left
        self.query_one("#documents-right").display = right
        self.query_one("#passage").display = self.page == "document"
        self.query_one("#passage-page").display = self.page != "document"
        strip = self.query_one("#documents-details", Flow)
        strip.display = whole and self.details is not None
        self.show_keys()

    def show_keys(self) -> None:
        """Name the keys that do something now."""
        keys = self.query_one("#documents-keys", Choices)
        if self.box.has_focus:
            # A letter would be typed.
            enter = actions.key_label("enter", short=True)
            keys.show(
                [
                    ("list", enter, tr("documents.keys.list")),
                    ("stop", self.key("stop"), tr("documents.keys.back")),
                ]
            )
            return
        names = list(
            READ_KEYS
            if self.page == "document" and (self.reading or self.shape == "one")
            else self.list_keys()
        )
        if self.reading and self.shape == "beside":
            names.insert(0, "zoom")  # A column is narrow to read in.
        if self.state.cited:
            names.insert(0, "citation_back")
        elif self.mode != "tree" or self.page:
            names.insert(0, "stop")
        items = []
        for name in names:
            title = tr("documents.keys.back") if name == "stop" else tr(f"action.{name}.short")
            items.append((name, self.key(name), title))
        keys.show(items)

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
        elif event.name == "list":
            self.rows.focus()
        else:
            await self.run_action(actions.BY_ID[event.name].target)

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
                self.show_keys()
                return
            if self.mode == "tree" and (before.narrows or self.query_now.narrows):
                self.show_list()
                return
        self._note()

    def _search_now(self) -> None:
        self._timer = None
        if self.query_now.searches:
            self._searching, self._waits_for = True, ""
            self.state.cited = None  # Something else is looked for.
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
        other = typed != self.query_now.typed.strip()
        if other:
            self._take_query(typed)
        waited = self._timer is not None
        if self._timer:
            self._timer.stop()
        # What was found for other words is no answer to these.
        if waited or other or self.result is None:
            self._search_now()
        if not self.query_now.problem:
            self.rows.focus()

    def show_waiting(self, query: Query, what: str) -> None:
        """Say what a search that takes long waits for; ``""``: it is not known."""
        if query == self.query_now and self._searching and what != self._waits_for:
            self._waits_for = what
            self._note()

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
        if self.page == "text":
            self._clear_page()
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
        if self._searching and self.mode == "tree":
            return  # Meant for what is being found, which will stand here.
        if isinstance(data, Node):
            self.fold(data, closed=data.key not in self.state.shelf.folded)
        else:
            self.state.cited = None
            self._read(data, focus=True)

    @on(RowList.Moved)
    def _moved(self, event: RowList.Moved) -> None:
        event.stop()
        if self.mode == "tasks":
            self.show_keys()
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
            self.box.delete_selection()
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
