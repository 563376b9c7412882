"""A plot on screen: what :mod:`tui.widgets.plot_lines` draws, with a cursor to read it by."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import dataclass, replace

from textual import events
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from core.lab.types import Plot
from tui.widgets.plot_lines import Line, draw, gutter_of
from tui.widgets.plot_scale import Look, x_scale, xs_of

TONES = {
    "quiet": "$quiet",
    "strong": "bold",
    "mark": "$quiet",
    "cursor": "$foreground",
    "series0": "$accent",
    "series1": "$warning",
    "series2": "$success",
    "series3": "$foreground",
    "series4": "$secondary",
    "series5": "$graph",
}


class PlotView(Widget):
    """A plot on screen. Draws only when its data, its size or its cursor changed."""

    DEFAULT_CSS = "PlotView { height: 1fr; width: 1fr; }"

    @dataclass
    class Scrubbed(Message):
        """The cursor stands on another x."""

        view: PlotView
        x: float

        @property
        def control(self) -> PlotView:
            return self.view

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.plot: Plot | None = None
        self.cursor: float | None = None
        self.look = Look(0, 0)
        """Everything but size and cursor."""

    def show(self, plot: Plot | None, look: Look | None = None) -> bool:
        """Show a plot. False when it is on screen already."""
        look = look or self.look
        if plot == self.plot and look == self.look:
            return False
        self.plot, self.look = plot, look
        if plot is None or (self.cursor is not None and self.cursor not in xs_of(plot)):
            self.cursor = None
        self.refresh()
        return True

    def move_to(self, x: float | None) -> None:
        """Put the cursor on the point nearest to x; ``None`` takes it away."""
        xs = xs_of(self.plot) if self.plot else []
        wanted = None if x is None or not xs else min(xs, key=lambda known: abs(known - x))
        if wanted != self.cursor:
            self.cursor = wanted
            self.refresh()
            if wanted is not None:
                self.post_message(self.Scrubbed(self, wanted))

    def step(self, step: int) -> None:
        """Move the cursor by points; the first step puts it on the end it comes from."""
        xs = xs_of(self.plot) if self.plot else []
        if not xs:
            return
        if self.cursor is None:
            self.move_to(xs[0] if step > 0 else xs[-1])
        else:
            place = bisect.bisect_left(xs, self.cursor) + step
            self.move_to(xs[max(0, min(len(xs) - 1, place))])

    def edge(self, direction: int) -> None:
        """Put the cursor on the first (-1) or the last (1) point."""
        xs = xs_of(self.plot) if self.plot else []
        if xs:
            self.move_to(xs[0] if direction < 0 else xs[-1])

    def on_click(self, event: events.Click) -> None:
        if self.plot and xs_of(self.plot):
            look = replace(self.look, width=self.content_size.width, height=self.content_size.height)
            gutter = max(look.gutter, gutter_of(self.plot, look)) + 2
            width = max(2, look.width - gutter)
            place = (event.x - self.gutter.left - gutter) / (width - 1)
            self.move_to(x_scale(self.plot, look).value(max(0.0, min(1.0, place))))

    def render(self) -> Content:
        """Draw it."""
        width, height = self.content_size
        if self.plot is None:
            return Content("")
        return content(draw(self.plot, replace(self.look, width=width, height=height, cursor=self.cursor)))


def content(lines: Sequence[Line]) -> Content:
    """Return drawn lines as what Textual shows."""
    parts: list[str | tuple[str, str]] = []
    for number_, line in enumerate(lines):
        if number_:
            parts.append("\n")
        parts += [(text, TONES[tone]) if tone else text for text, tone in line if text]
    return Content.assemble(*parts)
