"""A room beside the workbench: a screen of its own with the same header and the same keys at the bottom."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.widget import Widget

from core.i18n import tr
from tui import actions
from tui.screens.told import ToldScreen
from tui.screens.workbench import MIN_SIZE, NARROW
from tui.state import State
from tui.widgets.basics import Choices, Plain
from tui.widgets.header import Header


class Room(ToldScreen):
    """Header, what :meth:`body` gives, the room's keys, the app's keys. Escape leaves it.

    Args:
        state: What the header says.
        keys: The user's keymap.
    """

    BINDINGS = [Binding("escape", "leave", show=False)]
    HELP: ClassVar[str] = ""
    """``pane.<HELP>`` and ``help.<HELP>`` are its title and its help."""

    def __init__(self, state: State, keys: Mapping[str, str]) -> None:
        super().__init__()
        self.state = state
        self._keys = keys

    def compose(self) -> ComposeResult:
        yield Header(self.state)
        yield from self.body()
        yield Choices(id="room-keys")
        yield Choices(id="keys")
        yield Plain(tr("screen.small", width=MIN_SIZE[0], height=MIN_SIZE[1]), id="small")

    def body(self) -> Iterable[Widget]:
        """Return what is in the room."""
        return ()

    @property
    def narrow(self) -> bool:
        """Whether list and detail are two steps."""
        return self.app.size.width < NARROW

    def on_mount(self) -> None:
        self.lay_out()

    def on_resize(self, event: events.Resize) -> None:
        self.lay_out()

    def lay_out(self) -> None:
        """Show what the size asks for."""
        width, height = self.app.size
        self.set_class(self.narrow, "-narrow")
        self.set_class(width < MIN_SIZE[0] or height < MIN_SIZE[1], "-small")
        self.query_one("#keys", Choices).show(actions.footer(self._keys, self.app.size.width - 2))

    async def rebuild(self) -> None:
        """Build it anew, in the language of now."""
        await self.recompose()
        self.lay_out()

    def show_keys(self, items: list[str]) -> None:
        """Name the keys that do something now: ids of actions, each with its ``.short`` title."""
        shown = []
        for name in items:
            keys = self._keys.get(name, actions.BY_ID[name].keys).split(",")
            shown.append((name, actions.key_label(keys[0], short=True), tr(f"action.{name}.short")))
        self.query_one("#room-keys", Choices).show(shown)

    def action_leave(self) -> None:
        """Go back to the workbench."""
        self.app.pop_screen()


class Page(VerticalScroll, can_focus=True, inherit_bindings=False):
    """Text that scrolls up and down; left and right are the room's."""

    BINDINGS = [
        Binding("up,k", "scroll_up", show=False),
        Binding("down,j", "scroll_down", show=False),
        Binding("pageup", "page_up", show=False),
        Binding("pagedown", "page_down", show=False),
        Binding("home", "scroll_home", show=False),
        Binding("end", "scroll_end", show=False),
    ]
