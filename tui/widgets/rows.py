"""A list of one-line rows with text at both ends, measured in cells: documents, hits, sessions, spans, commands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui import format

Fragment = tuple[str, str]
"""Text and its tone: ``""``, ``quiet``, ``accent``, ``graph``, ``strong``, ``error``, ``warning`` or ``success``.

``name`` and ``folder`` look as ``""`` and ``quiet`` do, and are cut in their middle.
"""

CUT_IN_MIDDLE = {"name": "", "folder": "quiet"}
"""Tones that say how to cut, and what they look like."""


@dataclass(frozen=True)
class Row:
    """One line. Text from outside must be cleaned; it is never markup here."""

    id: str
    left: tuple[Fragment, ...]
    right: tuple[Fragment, ...] = ()
    data: Any = None
    selectable: bool = True


class RowList(ScrollView, can_focus=True):
    """Rows with a cursor. Redraws the lines that changed, and nothing while nothing changes."""

    BINDINGS = [
        Binding("up,k", "cursor(-1)", show=False),
        Binding("down,j", "cursor(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
        Binding("pagedown", "page(1)", show=False),
        Binding("home", "edge(-1)", show=False),
        Binding("end", "edge(1)", show=False),
        Binding("enter,space", "choose", show=False),
    ]
    COMPONENT_CLASSES = {
        "rows--cursor",
        "rows--blurred",
        "rows--quiet",
        "rows--accent",
        "rows--graph",
        "rows--strong",
        "rows--error",
        "rows--warning",
        "rows--success",
    }

    cursor: reactive[int] = reactive(0)

    @dataclass
    class Moved(Message):
        """The cursor is on another row."""

        list: RowList
        row: Row

        @property
        def control(self) -> RowList:
            return self.list

    @dataclass
    class Chosen(Message):
        """Enter, space or a click on a row."""

        list: RowList
        row: Row

        @property
        def control(self) -> RowList:
            return self.list

    def __init__(
        self, rows: Sequence[Row] = (), *, id: str | None = None, classes: str | None = None
    ) -> None:
        super().__init__(id=id, classes=classes)
        self.rows: list[Row] = list(rows)

    def set_rows(self, rows: Sequence[Row], *, select: str | None = None) -> None:
        """Show other rows. The cursor stays on the row with its id, or goes to ``select``."""
        wanted = select or (self.current.id if self.current else None)
        if list(rows) == self.rows and select is None:
            return
        self.rows = list(rows)
        place = next((i for i, row in enumerate(self.rows) if row.id == wanted), None)
        if place is None:
            place = next((i for i, row in enumerate(self.rows) if row.selectable), 0)
        self.set_reactive(RowList.cursor, place)
        self._measure()
        self.refresh()
        if self.rows:
            self._keep_visible()

    @property
    def current(self) -> Row | None:
        """The row under the cursor."""
        if 0 <= self.cursor < len(self.rows) and self.rows[self.cursor].selectable:
            return self.rows[self.cursor]
        return None

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """A list of automatic height is as high as its rows."""
        return len(self.rows)

    def _measure(self) -> None:
        self.virtual_size = Size(max(1, self.scrollable_content_region.width), len(self.rows))
        if self.styles.is_auto_height:
            self.refresh(layout=True)

    def on_mount(self) -> None:
        self._measure()

    def on_resize(self) -> None:
        self._measure()

    def watch_cursor(self, old: int, new: int) -> None:
        for index in (old, new):
            self.refresh_line(index)
        self._keep_visible()
        if self.current:
            self.post_message(self.Moved(self, self.current))

    def _keep_visible(self) -> None:
        self.scroll_to_region(Region(0, self.cursor, 1, 1), animate=False, force=True, immediate=True)

    def _move(self, start: int, step: int) -> None:
        index = start
        while 0 <= index < len(self.rows):
            if self.rows[index].selectable:
                self.cursor = index
                return
            index += step

    def action_cursor(self, step: int) -> None:
        """Move by one row."""
        self._move(self.cursor + step, step)

    def action_page(self, direction: int) -> None:
        """Move by one screenful."""
        target = self.cursor + direction * max(1, self.size.height - 1)
        self._move(max(0, min(len(self.rows) - 1, target)), -direction)

    def action_edge(self, direction: int) -> None:
        """Move to the first or last row."""
        self._move(0 if direction < 0 else len(self.rows) - 1, -direction)

    def action_choose(self) -> None:
        """Choose the row under the cursor."""
        if self.current:
            self.post_message(self.Chosen(self, self.current))

    def on_click(self, event: events.Click) -> None:
        index = event.y + self.scroll_offset.y
        if 0 <= index < len(self.rows) and self.rows[index].selectable:
            again = self.cursor == index
            self.cursor = index
            if again or event.chain > 1 or not self.can_focus:
                self.action_choose()

    def render_line(self, y: int) -> Strip:
        """Draw one row: the left gives way to the right."""
        width = self.scrollable_content_region.width
        index = y + self.scroll_offset.y
        base = self.rich_style
        if not 0 <= index < len(self.rows):
            return Strip.blank(width, base)
        row = self.rows[index]
        if index == self.cursor and row.selectable:
            cursor = "rows--cursor" if self.has_focus or not self.can_focus else "rows--blurred"
            base = base + self.get_component_rich_style(cursor, partial=True)
            plain = self.has_focus or not self.can_focus
        else:
            plain = False
        right_width = min(width, sum(cell_len(text) for text, _ in row.right))
        room = width - right_width - (1 if right_width else 0)
        segments = self._segments(row.left, room, base, plain)
        used = sum(cell_len(segment.text) for segment in segments)
        segments.append(Segment(" " * (width - right_width - used), base))
        segments += self._segments(row.right, right_width, base, plain)
        return Strip(segments).adjust_cell_length(width, base)

    def _segments(self, parts: tuple[Fragment, ...], room: int, base: Style, plain: bool) -> list[Segment]:
        segments: list[Segment] = []
        for text, tone in parts:
            length = cell_len(text)
            if length > room:
                text = (format.fit_middle if tone in CUT_IN_MIDDLE else format.fit)(text, room)
                text = set_cell_size(text, min(room, cell_len(text)))
            style, tone = base, CUT_IN_MIDDLE.get(tone, tone)
            if tone and not plain:
                style = base + self.get_component_rich_style(f"rows--{tone}", partial=True)
            if text:
                segments.append(Segment(text, style))
            room -= min(room, length)
        return segments
