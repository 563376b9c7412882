"""The heads of the models' table; a click sorts by one."""

from __future__ import annotations

from dataclasses import dataclass

from textual import events
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from tui import format
from tui.models_room import SortColumn
from tui.widgets.models_text import right


class Heads(Widget):
    """One line, columns as wide as those of the rows below."""

    @dataclass
    class Clicked(Message):
        """A head was clicked."""

        column: SortColumn

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._items: list[tuple[SortColumn, str, int]] = []
        self._sort: SortColumn = "name"

    def show(self, items: list[tuple[SortColumn, str, int]], sort: SortColumn) -> None:
        """Show columns ``(column, title, width)``, the first as wide as what is left, and which one sorts."""
        if (items, sort) != (self._items, self._sort):
            self._items, self._sort = items, sort
            self.refresh()

    def _widths(self) -> list[int]:
        rest = sum(width for _, _, width in self._items)
        return [width or max(0, self.content_size.width - rest) for _, _, width in self._items]

    def render(self) -> Content:
        """Draw the heads."""
        parts: list[tuple[str, str]] = []
        for (name, title, _), width in zip(self._items, self._widths(), strict=True):
            style = "bold $accent" if name == self._sort else "$quiet"
            text = format.pad(f"  {title}", width) if not parts else right(title, width)
            parts.append((text, style))
        return Content.assemble(*parts)

    def on_click(self, event: events.Click) -> None:
        place = 0
        for (name, _, _), width in zip(self._items, self._widths(), strict=True):
            place += width
            if event.x - self.gutter.left < place:
                self.post_message(self.Clicked(name))
                return
