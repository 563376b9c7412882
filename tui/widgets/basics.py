"""The small parts: one-line texts, the draggable divider, the key bar."""

from __future__ import annotations

from dataclasses import dataclass

from rich.cells import cell_len
from textual import events
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from tui import format
from tui.glyphs import glyphs


class Plain(Static):
    """Text that is never markup, redrawn only when it changed."""

    def __init__(
        self, text: str | Content = "", *, id: str | None = None, classes: str | None = None
    ) -> None:
        super().__init__(text, id=id, classes=classes, markup=False)
        self._shown: str | Content = text

    def show(self, text: str | Content) -> None:
        """Show ``text``; nothing happens when it is shown already."""
        same = (
            text.is_same(self._shown)
            if isinstance(text, Content) and isinstance(self._shown, Content)
            else text == self._shown
        )
        if not same:
            # A number that changed within its width moves nothing: the screen need not be laid out for it.
            moved = _shape(text) != _shape(self._shown)
            self._shown = text
            self.update(text, layout=moved)


def _shape(text: str | Content) -> list[list[int]]:
    """Return the cells of every word, line by line: what wrapping depends on."""
    plain = text.plain if isinstance(text, Content) else text
    return [[cell_len(word) for word in line.split(" ")] for line in plain.split("\n")]


class SplitLine(Widget):
    """One line with text at both ends; the left gives way. ``tone`` styles are theme colours."""

    DEFAULT_CSS = "SplitLine { height: 1; width: 1fr; }"

    def __init__(
        self,
        left: Content | str = "",
        right: Content | str = "",
        *,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._left, self._right = _content(left), _content(right)

    def show(self, left: Content | str, right: Content | str = "") -> None:
        """Show other texts; nothing happens when they are shown already."""
        new_left, new_right = _content(left), _content(right)
        if not (new_left.is_same(self._left) and new_right.is_same(self._right)):
            self._left, self._right = new_left, new_right
            self.refresh()

    def render(self) -> Content:
        """Draw both ends within the width."""
        width = self.content_size.width
        right = self._right
        room = width - right.cell_length - (1 if right.plain else 0)
        if room < 8 and right.plain:
            right, room = Content(""), width
        left = self._left
        if left.cell_length > room:
            left = left.truncate(max(0, room), ellipsis=True)
        gap = width - left.cell_length - right.cell_length
        return Content.assemble(left, " " * max(0, gap), right)


def _content(text: Content | str) -> Content:
    return text if isinstance(text, Content) else Content(text)


class Divider(Widget):
    """The line between two panes; drag it to resize the side pane."""

    DEFAULT_CSS = """
    Divider { width: 1; height: 1fr; color: $line; pointer: ew-resize; }
    Divider:hover, Divider.-dragging { color: $accent; }
    """

    @dataclass
    class Dragged(Message):
        """The divider was pulled by ``delta`` cells to the right."""

        divider: Divider
        delta: int

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._last_x: int | None = None

    def render(self) -> Content:
        """Draw a vertical rule hanging from the pane titles."""
        marks = glyphs()
        return Content("\n".join([marks.tee, *[marks.vline] * max(0, self.size.height - 1)]))

    def on_mouse_down(self, event: events.MouseDown) -> None:
        self.capture_mouse()
        self.add_class("-dragging")
        self._last_x = event.screen_x
        event.stop()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        if self._last_x is not None and event.screen_x != self._last_x:
            self.post_message(self.Dragged(self, event.screen_x - self._last_x))
            self._last_x = event.screen_x

    def on_mouse_up(self) -> None:
        self._last_x = None
        self.remove_class("-dragging")
        self.release_mouse()


class Choices(Widget):
    """A line of names to click: the footer's keys, the tabs of a narrow screen."""

    DEFAULT_CSS = "Choices { height: 1; width: 1fr; }"

    @dataclass
    class Clicked(Message):
        """A name was clicked."""

        choices: Choices
        name: str

        @property
        def control(self) -> Choices:
            return self.choices

    def __init__(self, *, id: str, gap: int = 2) -> None:
        super().__init__(id=id)
        self._gap = gap
        self._items: list[tuple[str, str, str]] = []
        self._active = ""
        self._spans: list[tuple[int, int, str]] = []

    def show(self, items: list[tuple[str, str, str]], *, active: str = "") -> None:
        """Show ``(name, key, title)`` items; those that do not fit are left out from the end."""
        if (items, active) != (self._items, self._active):
            self._items, self._active = items, active
            self.refresh()

    def render(self) -> Content:
        """Draw the items that fit."""
        width, place = self.content_size.width, 0
        texts = [cell_len(f"{key} {title}" if key else title) for _, key, title in self._items]
        gap = self._gap if sum(texts) + self._gap * (len(texts) - 1) <= width else 1
        parts: list[Content | str | tuple[str, str]] = []
        self._spans = []
        for index, (name, key, title) in enumerate(self._items):
            text_width = texts[index]
            if place + text_width > width:
                break
            self._spans.append((place, place + text_width, name))
            if key:
                parts += [(key, "$accent"), " "]
            parts.append((title, "bold $accent" if name == self._active else "$quiet"))
            place += text_width
            if index + 1 < len(self._items):
                parts.append(" " * gap)
                place += gap
        return Content.assemble(*parts)

    def on_click(self, event: events.Click) -> None:
        x = event.x - self.gutter.left
        for start, end, name in self._spans:
            if start <= x < end:
                self.post_message(self.Clicked(self, name))


def heading(text: str) -> Content:
    """Return a quiet section heading."""
    return Content.styled(format.fit(text, 200), "$quiet")
