"""Plots made of text: several lines over common axes, in braille or, where that is not to be had, in ASCII.

:func:`draw` is the whole of it, from data to lines of text; :class:`PlotView` puts its result on screen.
"""

from __future__ import annotations

import bisect
import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from rich.cells import cell_len, get_character_cell_size
from textual import events
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from core.i18n import tr
from core.lab.types import Plot, Series
from core.text import clean_line
from tui import format
from tui.glyphs import glyphs

Part = tuple[str, str]
"""Text and its tone: ``""``, ``quiet``, ``strong``, ``mark``, ``cursor`` or ``series0`` … ``series5``."""
Line = tuple[Part, ...]

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
COLOURS = 6
DASHES: tuple[tuple[int, int], ...] = ((1, 0), (4, 3), (1, 2), (8, 3), (2, 4), (1, 5))
"""Dots drawn and left out along each series' line, so that lines differ without colour."""

SIGN_EVERY = 24
"""Cells between the signs that name a line whose points are not marked."""

SMALLEST = (16, 5)
"""Columns and rows below which only the legend is drawn."""


@dataclass(frozen=True)
class Look:
    """How to draw a plot."""

    width: int
    height: int
    cursor: float | None = None
    """An x whose values are read out in the legend."""
    log_x: bool | None = None
    """``None`` decides by the data."""
    gutter: int = 0
    """Least width of the y labels, so that plots above each other share their columns."""
    zero: bool | None = None
    """Whether y begins at 0; ``None`` decides by the data."""
    x_axis: bool = True
    points: bool | None = None
    """Whether every point is marked; ``None``: where they stand apart. Else a sign here and there names the line."""
    x_range: tuple[float, float] | None = None


def finite(series: Series) -> list[tuple[float, float, float | None, float | None]]:
    """Return the points that can be drawn, by x."""
    return sorted(
        (point for point in series.points if math.isfinite(point[0]) and math.isfinite(point[1])),
        key=lambda point: point[0],
    )


def xs_of(plot: Plot) -> list[float]:
    """Return every x of the plot once, ascending: where the cursor can stand."""
    return sorted({point[0] for series in plot.series for point in finite(series)})


# -- scales --------------------------------------------------------------------------------------------------


def nice_step(span: float, count: int) -> float:
    """Return a step of 1, 2 or 5 times a power of ten that divides ``span`` into at most about ``count`` parts."""
    if span <= 0 or not math.isfinite(span):
        return 1.0
    raw = span / max(1, count)
    power = 10.0 ** math.floor(math.log10(raw))
    for factor in (1, 2, 5, 10):
        if raw <= factor * power * 1.0000001:
            return float(factor * power)
    return 10.0 * power


def nice_ticks(low: float, high: float, count: int) -> list[float]:
    """Return round values from ``low`` to ``high``, about ``count`` of them."""
    step = nice_step(high - low, count)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [index * step for index in range(first, min(last, first + 100) + 1)]


def scaled(unit: str, top: float) -> tuple[float, str]:
    """Return what values are divided by and the unit they are shown in: bytes and long times in larger units."""
    if unit in {"bytes", "B"}:
        for name, factor in (("GiB", 2.0**30), ("MiB", 2.0**20), ("KiB", 1024.0)):
            if abs(top) >= factor * (2 if name == "GiB" else 1):
                return factor, name
        return 1.0, "B"
    if unit == "ms" and abs(top) >= 10_000:
        return 1000.0, "s"
    return 1.0, unit


def number(value: float, step: float | None = None) -> str:
    """Write a number: as many decimals as ``step`` needs, else three significant digits; thousands apart."""
    if abs(value) >= 1e7:
        return f"{value / 1e6:,.4g}M".replace(",", " ") if abs(value) < 1e10 else f"{value:.3g}"
    if step is not None:
        decimals = max(0, -math.floor(math.log10(step) + 1e-9)) if step > 0 else 0
    else:
        size = abs(value)
        decimals = 0 if size >= 100 or value == int(value) else 1 if size >= 10 else 2 if size >= 0.1 else 3
    return f"{value:,.{min(6, decimals)}f}".replace(",", " ")


@dataclass(frozen=True)
class Scale:
    """From values to 0…1."""

    low: float
    high: float
    log: bool = False

    def place(self, value: float) -> float:
        """Return where a value lies."""
        low, high = self.low, self.high
        if self.log:
            value, low, high = (math.log(max(item, 1e-12)) for item in (value, low, high))
        return 0.5 if high <= low else (value - low) / (high - low)

    def value(self, place: float) -> float:
        """Return the value at a place."""
        if self.log:
            return math.exp(
                math.log(self.low) + place * (math.log(max(self.high, 1e-12)) - math.log(self.low))
            )
        return self.low + place * (self.high - self.low)


def wants_log(xs: Sequence[float]) -> bool:
    """Say whether x is better drawn by its logarithm: few values that keep doubling."""
    if len(xs) < 3 or len(xs) > 12 or xs[0] <= 0 or xs[-1] / xs[0] < 6:
        return False
    gaps = [after - before for before, after in itertools.pairwise(xs)]
    return gaps[-1] >= 3 * gaps[0]


def x_scale(plot: Plot, look: Look) -> Scale:
    """Return the x scale of a plot."""
    xs = xs_of(plot)
    if look.x_range:
        return Scale(*look.x_range)
    log = wants_log(xs) if look.log_x is None else look.log_x and xs[0] > 0
    low = min([xs[0], *(mark[0] for mark in plot.marks if math.isfinite(mark[0]) and not log)])
    high = max([xs[-1], *(mark[0] for mark in plot.marks if math.isfinite(mark[0]) and not log)])
    return Scale(low, high, log)


def y_scale(plot: Plot, zero: bool | None, count: int) -> tuple[Scale, list[float]]:
    """Return the y scale and its ticks. Whiskers far above every point do not flatten the rest."""
    ys = [point[1] for series in plot.series for point in finite(series)]
    lows = [point[2] for series in plot.series for point in finite(series) if point[2] is not None]
    highs = [point[3] for series in plot.series for point in finite(series) if point[3] is not None]
    top, bottom = max(ys), min(ys)
    reach = max(abs(top), abs(bottom), 1e-9)
    high = max(top, min(max(highs, default=top), top + 0.6 * reach))
    low = min(bottom, max(min(lows, default=bottom), bottom - 0.6 * reach))
    if low >= 0 and (zero or (zero is None and low < 0.7 * high)):
        low = 0.0
    if high <= low:
        high = low + (abs(low) * 0.1 or 1.0)
    step = nice_step(high - low, count)
    low, high = math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step
    return Scale(low, high), nice_ticks(low, high, count)


# -- the picture ---------------------------------------------------------------------------------------------


class Grid:
    """Cells of text with tones; wide characters take two."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self._cells: list[list[Part]] = [[(" ", "")] * width for _ in range(height)]

    def put(self, x: int, y: int, text: str, tone: str = "") -> None:
        """Write ``text`` from a cell on; what does not fit is left out."""
        if not 0 <= y < self.height:
            return
        for character in text:
            width = get_character_cell_size(character)
            if x < 0 or x + width > self.width:
                return
            if width == 0:
                continue
            self._cells[y][x] = (character, tone)
            if width == 2:
                self._cells[y][x + 1] = ("", tone)
            x += width

    def free(self, x: int, y: int, width: int) -> bool:
        """Say whether nothing is written in ``width`` cells."""
        return x >= 0 and x + width <= self.width and all(c[0] == " " for c in self._cells[y][x : x + width])

    def lines(self) -> list[Line]:
        """Return the rows, neighbours of one tone joined."""
        rows: list[Line] = []
        for cells in self._cells:
            parts: list[Part] = []
            for text, tone in cells:
                if parts and parts[-1][1] == tone:
                    parts[-1] = (parts[-1][0] + text, tone)
                else:
                    parts.append((text, tone))
            rows.append(tuple(parts))
        return rows


_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""Braille bits by row and column of a cell."""


class Canvas:
    """Dots finer than cells: 2 × 4 to a cell in braille, 1 × 1 in ASCII."""

    def __init__(self, columns: int, rows: int, *, braille: bool) -> None:
        self.braille = braille
        self.across, self.down = (2, 4) if braille else (1, 1)
        self.width, self.height = columns * self.across, rows * self.down
        self.columns, self.rows = columns, rows
        self._cells: dict[tuple[int, int], tuple[int, int]] = {}

    def dot(self, x: int, y: int, series: int) -> None:
        """Set a dot; y counts from the top. Out of the picture is left out."""
        if 0 <= x < self.width and 0 <= y < self.height:
            cell = (x // self.across, y // self.down)
            bits = self._cells.get(cell, (0, 0))[0]
            self._cells[cell] = (bits | _DOTS[y % self.down][x % self.across], series)

    def line(self, start: tuple[int, int], end: tuple[int, int], series: int, walked: int) -> int:
        """Draw a line with the series' dashes; ``walked`` dots of it lie behind. Returns how many now do."""
        (x, y), (end_x, end_y) = start, end
        on, off = DASHES[series % COLOURS]
        length = max(abs(end_x - x), abs(end_y - y), 1)
        for step in range(length + 1):
            if not off or (walked + step) % (on + off) < on:
                along = step / length
                self.dot(round(x + (end_x - x) * along), round(y + (end_y - y) * along), series)
        return walked + length

    def onto(self, grid: Grid, left: int, top: int) -> None:
        """Copy to the grid."""
        signs = glyphs().plot_marks
        for (x, y), (bits, series) in self._cells.items():
            text = chr(0x2800 + bits) if self.braille else signs[series % len(signs)]
            grid.put(left + x, top + y, text, f"series{series % COLOURS}")


def thin(
    points: Sequence[tuple[float, float, float | None, float | None]], limit: int
) -> list[tuple[float, float, float | None, float | None]]:
    """Return at most about ``limit`` points: of each run of points the lowest and the highest, so that peaks stay."""
    if len(points) <= limit:
        return list(points)
    size = math.ceil(len(points) * 2 / limit)
    kept: list[tuple[float, float, float | None, float | None]] = []
    for start in range(0, len(points), size):
        run = points[start : start + size]
        low, high = min(run, key=lambda point: point[1]), max(run, key=lambda point: point[1])
        kept += sorted({low, high}, key=lambda point: point[0])
    return kept


def draw(plot: Plot, look: Look) -> list[Line]:
    """Draw a plot as exactly ``look.height`` lines, none wider than ``look.width`` cells.

    The first lines are the legend, which reads out the values when there is a cursor; then the labels of the marks;
    then the picture over its x axis.
    """
    if look.width < 1 or look.height < 1:
        return []
    shown = replace(plot, series=tuple(series for series in plot.series if finite(series)))
    if not shown.series:
        return _pad([((format.fit(tr("plot.empty"), look.width), "quiet"),)], look.height)
    axis_rows = 2 if look.x_axis else 0
    legend = legend_lines(shown, look, 1 if look.height < 10 else 2 if look.height < 18 else 3)
    rows = look.height - len(legend) - axis_rows
    scale_x = x_scale(shown, look)
    labels = _label_rows(shown, rows)
    rows -= labels
    if look.width < SMALLEST[0] or rows < SMALLEST[1] - 2:
        return _pad(legend, look.height)
    count = max(1, min(6, rows // 3))
    scale_y, ticks = y_scale(shown, look.zero, count)
    factor, _ = scaled(shown.y_unit, max(abs(scale_y.low), abs(scale_y.high)))
    if factor != 1:
        # Round in the unit that is shown.
        scale_y, ticks = _rescaled(shown, look.zero, count, factor)
    step = (ticks[1] - ticks[0]) / factor if len(ticks) > 1 else None
    texts = [number(tick / factor, step) for tick in ticks]
    gutter = max(look.gutter, *(cell_len(text) for text in texts)) + 1
    width = look.width - gutter - 1
    if width < SMALLEST[0] // 2:
        return _pad(legend, look.height)
    grid = Grid(look.width, rows + labels + axis_rows)
    marks = glyphs()
    for y in range(labels, labels + rows):
        grid.put(gutter, y, marks.vline, "quiet")
    for tick, text in zip(ticks, texts, strict=True):
        y = labels + round((1 - scale_y.place(tick)) * (rows - 1))
        grid.put(gutter - 1 - cell_len(text), y, text, "quiet")
        grid.put(gutter, y, marks.plot_tick_left, "quiet")

    def column(value: float) -> int:
        return gutter + 1 + max(0, min(width - 1, round(scale_x.place(value) * (width - 1))))

    _draw_marks(grid, shown, column, labels, rows)
    if look.cursor is not None:
        for y in range(labels, labels + rows):
            grid.put(column(look.cursor), y, marks.plot_cursor, "cursor")
    _draw_series(grid, shown, look, (scale_x, scale_y), (gutter + 1, labels, width, rows))
    if look.x_axis:
        _draw_x_axis(grid, shown, look, scale_x, column, gutter, labels + rows)
    return _pad([*legend, *grid.lines()], look.height)


def gutter_of(plot: Plot, look: Look) -> int:
    """Return how wide the y labels are, for plots that share their columns."""
    if not any(finite(series) for series in plot.series):
        return 0
    count = max(1, min(6, (look.height - 4) // 3))
    scale, _ = y_scale(plot, look.zero, count)
    factor, _ = scaled(plot.y_unit, max(abs(scale.low), abs(scale.high)))
    scale, ticks = _rescaled(plot, look.zero, count, factor)
    step = (ticks[1] - ticks[0]) / factor if len(ticks) > 1 else None
    return max(cell_len(number(tick / factor, step)) for tick in ticks)


def _rescaled(plot: Plot, zero: bool | None, count: int, factor: float) -> tuple[Scale, list[float]]:
    def divided(series: Series) -> Series:
        points = tuple(
            (x, y / factor, None if low is None else low / factor, None if high is None else high / factor)
            for x, y, low, high in series.points
        )
        return replace(series, points=points)

    scale, ticks = y_scale(replace(plot, series=tuple(map(divided, plot.series))), zero, count)
    return Scale(scale.low * factor, scale.high * factor), [tick * factor for tick in ticks]


def _pad(lines: list[Line], height: int) -> list[Line]:
    return [*lines[:height], *((("", ""),),) * (height - len(lines))]


def _label_rows(plot: Plot, rows: int) -> int:
    named = sum(bool(label) for _, label in plot.marks)
    return 0 if not named or rows < 6 else 1 if named < 3 or rows < 9 else 2


def _draw_marks(grid: Grid, plot: Plot, column: Callable[[float], int], labels: int, rows: int) -> None:
    for x, label in plot.marks:
        if not math.isfinite(x):
            continue
        place = column(x)
        for y in range(labels, labels + rows):
            grid.put(place, y, glyphs().plot_mark, "mark")
        text = clean_line(label, max_chars=40)
        width = cell_len(text)
        start = min(place, grid.width - width)
        for y in range(labels):
            # One cell apart from its neighbours.
            if grid.free(max(0, start - 1), y, min(width + 2, grid.width - max(0, start - 1))):
                grid.put(start, y, text, "mark")
                break


def _draw_series(
    grid: Grid, plot: Plot, look: Look, scales: tuple[Scale, Scale], area: tuple[int, int, int, int]
) -> None:
    left, top, width, rows = area
    signs = glyphs().plot_marks
    canvas = Canvas(width, rows, braille=glyphs().braille)
    scale_x, scale_y = scales
    points_of: list[list[tuple[int, int]]] = []

    def spot(x: float, y: float) -> tuple[int, int]:
        across = round(scale_x.place(x) * (width - 1) * canvas.across)
        down = round((1 - scale_y.place(y)) * (rows - 1) * canvas.down)
        return across, down + (canvas.down - 1) // 2

    for index, series in reversed(list(enumerate(plot.series))):
        points = thin(finite(series), width * 4)
        few = len(points) * 3 <= width if look.points is None else look.points
        spots = [spot(x, y) for x, y, _, _ in points]
        aside = index if few and len(plot.series) > 1 else 0
        for x, _, low, high in points:
            if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
                continue
            (place, bottom), (_, ceiling) = spot(x, low), spot(x, high)
            if few:
                for y in range(max(0, ceiling), min(canvas.height, bottom + 1)):
                    canvas.dot(place + aside, y, index)
            else:
                canvas.dot(place, bottom, index)
                canvas.dot(place, ceiling, index)
        walked = 0
        for start, end in itertools.pairwise(spots):
            walked = canvas.line(start, end, index, walked)
        if len(spots) == 1:
            canvas.dot(*spots[0], index)
        points_of.insert(0, spots if few else _apart(spots, index, canvas.across))
    canvas.onto(grid, left, top)
    for index, spots in reversed(list(enumerate(points_of))):
        for across, down in spots:
            x, y = across // canvas.across, min(rows - 1, max(0, down // canvas.down))
            grid.put(left + x, top + y, signs[index % len(signs)], f"series{index % COLOURS}")


def _apart(spots: list[tuple[int, int]], series: int, across: int) -> list[tuple[int, int]]:
    """Return a few places along a line, others for each series."""
    kept: list[tuple[int, int]] = []
    due = (SIGN_EVERY // 4 + series * 7) * across
    for spot in spots:
        if spot[0] >= due:
            kept.append(spot)
            due = spot[0] + SIGN_EVERY * across
    return kept


def _draw_x_axis(
    grid: Grid, plot: Plot, look: Look, scale: Scale, column: Callable[[float], int], gutter: int, y: int
) -> None:
    marks = glyphs()
    factor, unit = scaled(plot.x_unit, max(abs(scale.low), abs(scale.high)))
    grid.put(gutter, y, marks.plot_corner + marks.plot_axis * (grid.width - gutter - 1), "quiet")
    xs = xs_of(plot)
    if len(xs) <= 12 and look.x_range is None:
        ticks, step = xs, None
    else:
        count = max(2, (grid.width - gutter) // 10)
        ticks = [tick * factor for tick in nice_ticks(scale.low / factor, scale.high / factor, count)]
        step = (ticks[1] - ticks[0]) / factor if len(ticks) > 1 else None
    for tick in ticks:
        text = number(tick / factor, step)
        place = column(tick)
        start = min(max(0, place - cell_len(text) // 2), grid.width - cell_len(text))
        before = max(0, start - 1)
        if grid.free(before, y + 1, min(cell_len(text) + 2, grid.width - before)):
            grid.put(place, y, marks.plot_tick, "quiet")
            grid.put(start, y + 1, text, "quiet")
    shown = f" {clean_line(unit, max_chars=20)}" if unit else ""
    grid.put(grid.width - cell_len(shown), y, shown, "quiet")


def legend_lines(plot: Plot, look: Look, most: int) -> list[Line]:
    """Return the legend, wrapped to at most ``most`` lines; with a cursor it says the values there."""
    top = max(abs(point[1]) for series in plot.series for point in finite(series))
    factor, unit = scaled(plot.y_unit, top)
    x_factor, x_unit = scaled(plot.x_unit, max(abs(x) for x in xs_of(plot)))
    signs = glyphs().plot_marks
    items: list[list[Part]] = []
    head = unit
    if look.cursor is not None:
        head = " ".join(part for part in (number(look.cursor / x_factor), x_unit) if part)
    if head:
        items.append([(clean_line(head, max_chars=30), "strong" if look.cursor is not None else "quiet")])
    for index, series in enumerate(plot.series):
        tone = f"series{index % COLOURS}"
        name = clean_line(series.name, max_chars=40)
        item: list[Part] = [(signs[index % len(signs)], tone)]
        if name:
            item.append((f" {name}", "quiet"))
        if look.cursor is not None:
            item.append((f" {read_out(series, look.cursor, factor, unit)}", "strong"))
        items.append(item)
    lines: list[list[Part]] = [[]]
    used = 0
    for item in items:
        width = sum(cell_len(text) for text, _ in item)
        gap = 3 if used else 0
        if used and used + gap + width > look.width and len(lines) < most:
            lines.append([])
            used = gap = 0
        if used + gap >= look.width:
            break
        if gap:
            lines[-1].append((" " * gap, ""))
            used += gap
        for text, tone in item:
            cut = format.fit(text, max(0, look.width - used))
            lines[-1].append((cut, tone))
            used += cell_len(cut)
    return [tuple(line) for line in lines]


def read_out(series: Series, x: float, factor: float, unit: str) -> str:
    """Write a series' value at x with its interval, as ``112 (98–130) ms``."""
    point = next((point for point in finite(series) if point[0] == x), None)
    if point is None:
        return format.none()
    text = number(point[1] / factor)
    if point[2] is not None and point[3] is not None:
        text += f" ({number(point[2] / factor)}{glyphs().to}{number(point[3] / factor)})"
    return f"{text} {unit}".strip()


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
