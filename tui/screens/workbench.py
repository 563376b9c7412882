"""The main screen: resources | chat | documents, the trace in their place, tabs when it is narrow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.message import Message
from textual.widget import Widget

from core.i18n import tr
from tui import actions
from tui.screens.told import ToldScreen
from tui.state import State
from tui.widgets.basics import Choices, Divider, Plain
from tui.widgets.chat import ChatPane, FindBar
from tui.widgets.documents import DocumentsPane
from tui.widgets.header import Header
from tui.widgets.resources import ResourcesPane
from tui.widgets.trace import TracePane

Pane = Literal["chat", "resources", "documents", "trace"]
BESIDE = 150
"""Columns from which the trace has room beside the chat."""
PANES: tuple[Pane, ...] = ("chat", "resources", "documents", "trace")
NARROW = 100
"""Below this many columns the panes become tabs."""

MIN_SIZE = (60, 16)
SIDE_WIDTH = (18, 100)
"""Narrowest and widest a side pane gets, in cells."""

CHAT_WIDTH = 36
"""Cells the chat is always left."""

RESOURCES_WIDTH = 28

DOCUMENTS_WIDTH = (32, 120, 0.4)
"""Cells of the documents where nobody arranged them, up to how many columns, and their share of every column more:
the lines of an answer do not get longer than 112."""


@dataclass
class Layout:
    """What the user arranged; kept when the screen is built anew."""

    view: Pane | None = None
    """The one pane shown, or ``None`` for all three."""
    tab: bool = False
    """It was chosen as a tab: where there is room for three, it is not meant to be alone."""
    whole_trace: bool = False
    """The trace has the screen to itself where there is room for the chat beside it."""
    resources: int | None = None
    documents: int | None = None
    """Cells, once the user has set them; ``None``: by the width of the terminal."""


class Workbench(ToldScreen):
    """Arranges the panes; what is in them is theirs."""

    @dataclass
    class Arranged(Message):
        """Which panes are seen changed."""

        panes: frozenset[str]

    def __init__(self, state: State, layout: Layout, keys: Mapping[str, str]) -> None:
        super().__init__()
        self.state = state
        self.arrangement = layout
        self._keys = keys

    def compose(self) -> ComposeResult:
        yield Header(self.state)
        yield Choices(id="tabs", gap=3)
        with Horizontal(id="panes"):
            yield ResourcesPane(self.state)
            yield Divider(id="divider-left")
            yield ChatPane(self.state)
            yield Divider(id="divider-right")
            yield DocumentsPane(self.state, self._keys)
            yield TracePane()
        yield Choices(id="keys")
        yield Plain(tr("screen.small", width=MIN_SIZE[0], height=MIN_SIZE[1]), id="small")

    @property
    def chat(self) -> ChatPane:
        """The chat pane."""
        return self.query_one(ChatPane)

    @property
    def trace(self) -> TracePane:
        """The trace."""
        return self.query_one(TracePane)

    @property
    def documents(self) -> DocumentsPane:
        """The documents pane."""
        return self.query_one(DocumentsPane)

    @property
    def resources(self) -> ResourcesPane:
        """The resources pane."""
        return self.query_one(ResourcesPane)

    @property
    def narrow(self) -> bool:
        """Whether the panes are tabs."""
        return self.size.width < NARROW

    @property
    def beside(self) -> bool:
        """Whether the trace stands beside the chat; F9 gives it the whole screen."""
        wide = self.size.width >= BESIDE
        return wide and self.arrangement.view == "trace" and not self.arrangement.whole_trace

    def on_mount(self) -> None:
        self.lay_out()
        self.chat.composer.focus()

    def on_resize(self, event: events.Resize) -> None:
        self.lay_out()

    async def rebuild(self) -> None:
        """Build every pane anew, in the language of now."""
        await self.recompose()
        self.lay_out()
        self.chat.composer.focus()

    # -- arranging ---------------------------------------------------------------------------------------

    def seen(self) -> frozenset[str]:
        """Return the panes on screen; ``strip`` stands for the narrow screen's line of figures."""
        view = self.arrangement.view
        if self.narrow:
            shown = view or "chat"
            return frozenset({shown, "strip"} if shown == "chat" else {shown})
        if self.beside:
            return frozenset({"chat", "trace"})
        return frozenset({view} if view else {"resources", "chat", "documents"})

    def lay_out(self) -> None:
        """Show what the width and the user's choice ask for."""
        if self.arrangement.tab and not self.narrow:
            self.arrangement.tab = False
            if self.arrangement.view != "trace":
                self.arrangement.view = None
        seen, narrow = self.seen(), self.narrow
        three = not narrow and self.arrangement.view is None
        if "trace" in seen:
            self.trace.fill()
        small = self.size.width < MIN_SIZE[0] or self.size.height < MIN_SIZE[1]
        self.set_class(narrow, "-narrow")
        self.set_class(small, "-small")
        with self.app.batch_update():
            for name in PANES:
                self.query_one(f"#{name}").display = name in seen
            for divider in self.query(Divider):
                divider.display = three
            self.query_one("#strip").display = "strip" in seen
            self.query_one("#tabs").display = narrow
            resources, documents = self._side_widths()
            self.resources.styles.width = resources if three else "1fr"
            self.documents.styles.width = documents if three else "1fr"
            self.set_class(self.beside, "-beside")
            whole = self.arrangement.view == "documents"
            self.documents.stand("one" if narrow else "whole" if whole else "beside")
        self._show_tabs()
        self._show_keys()
        if "strip" in seen:
            self.chat.show_strip()
        focused = self.focused
        if (
            focused is None
            or not focused.display
            or not all(node.display for node in focused.ancestors if isinstance(node, Widget))
        ):
            self.focus_pane(next(name for name in PANES if name in seen))
        self.post_message(self.Arranged(seen))

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        active = self.focused_pane()
        for name in PANES:
            title = tr(f"pane.{name}") + (self.trace.note if name == "trace" else "")
            self.query_one(f"#{name}").border_title = f"[bold $accent]{title}[/]" if name == active else title

    def _show_tabs(self) -> None:
        items = [(name, "", tr(f"pane.{name}")) for name in PANES]
        self.query_one("#tabs", Choices).show(items, active=self.arrangement.view or "chat")

    def _show_keys(self) -> None:
        self.query_one("#keys", Choices).show(actions.footer(self._keys, self.app.size.width - 2))

    def view(self, pane: Pane | None) -> None:
        """Show one pane alone (the tab, on a narrow screen), or all three again."""
        if pane == "chat" and self.narrow:
            pane = None
        self.arrangement.view = pane
        self.arrangement.tab = self.narrow
        self.lay_out()

    def focus_pane(self, pane: str) -> None:
        """Bring a pane on screen and move the focus into it."""
        if pane not in self.seen():
            self.view(pane)  # type: ignore[arg-type]
        match pane:
            case "chat":
                self.chat.composer.focus()
            case "resources":
                self.resources.focus()
            case "documents":
                self.documents.take_focus()
            case "trace":
                self.trace.span_rows.focus()

    def focused_pane(self) -> str:
        """Return the pane that has the focus."""
        for node in self.focused.ancestors_with_self if self.focused else ():
            if node.id in PANES:
                return str(node.id)
        return "chat"

    def next_pane(self) -> None:
        """Move on to the next pane, or tab."""
        current = self.focused_pane()
        order = (
            PANES
            if self.narrow
            else [name for name in ("resources", "chat", "documents", "trace") if name in self.seen()]
        )
        place = order.index(current) if current in order else 0
        self.focus_pane(order[(place + 1) % len(order)])

    def maximize_pane(self) -> None:
        """Give the focused pane the whole screen, or restore the three; the trace goes beside the chat where it can."""
        if self.arrangement.view == "trace" and self.size.width >= BESIDE:
            self.arrangement.whole_trace = not self.arrangement.whole_trace
            self.lay_out()
            return
        if self.arrangement.view and not self.narrow:
            pane = self.arrangement.view
            self.view(None)
            self.focus_pane(pane if pane in self.seen() else "chat")
        elif not self.narrow:
            self.view(self.focused_pane())  # type: ignore[arg-type]

    def resize_pane(self, step: int) -> None:
        """Make the focused side pane wider or narrower; from the chat, both the other way."""
        pane = self.focused_pane()
        if pane != "documents":
            self._widen("resources", step if pane == "resources" else -step)
        if pane != "resources":
            self._widen("documents", step if pane == "documents" else -step)
        self.lay_out()

    def _side_widths(self) -> tuple[int, int]:
        """Return the cells of resources and documents: as arranged, or by the width; the chat keeps room."""
        narrowest, widest = SIDE_WIDTH
        least, columns, share = DOCUMENTS_WIDTH
        width = self.size.width
        resources = self.arrangement.resources or RESOURCES_WIDTH
        documents = self.arrangement.documents or min(widest, least + int(max(0, width - columns) * share))
        room = width - CHAT_WIDTH - 2  # Both dividers.
        documents = max(narrowest, min(documents, room - resources))
        return max(narrowest, min(resources, room - documents)), documents

    def _widen(self, pane: Literal["resources", "documents"], step: int) -> None:
        resources, documents = self._side_widths()
        now, other = (resources, documents) if pane == "resources" else (documents, resources)
        most = min(SIDE_WIDTH[1], self.size.width - other - CHAT_WIDTH - 2)
        setattr(self.arrangement, pane, max(SIDE_WIDTH[0], min(most, now + step)))

    @on(Divider.Dragged)
    def _dragged(self, event: Divider.Dragged) -> None:
        left = event.divider.id == "divider-left"
        self._widen("resources" if left else "documents", event.delta if left else -event.delta)
        self.lay_out()

    @on(Choices.Clicked, "#tabs")
    def _tab(self, event: Choices.Clicked) -> None:
        self.focus_pane(event.name)

    def toggle_trace(self) -> None:
        """Show the trace, or leave it."""
        if self.arrangement.view == "trace":
            self.view(None)
            self.focus_pane("chat")
        else:
            self.focus_pane("trace")

    # -- going back ---------------------------------------------------------------------------------------

    def back(self) -> bool:
        """Undo one step of wandering about. False when there is nothing to undo."""
        find = self.query_one(FindBar)
        if find.display:
            find.display = False
            self.chat.mark_match(None)
            self.chat.composer.focus()
            return True
        if self.focused_pane() == "trace" and self.trace.close_filter():
            return True
        if self.focused_pane() == "documents" and self.documents.back():
            return True
        if self.arrangement.view:
            self.view(None)
            self.focus_pane("chat")
            return True
        if self.focused is not self.chat.composer:
            self.chat.composer.focus()
            return True
        return False
