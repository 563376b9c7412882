"""Plots made of text: several lines over common axes, in braille or, where that is not to be had, in ASCII.

:func:`draw` is the whole of it, from data to lines of text.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import replace

from rich.cells import cell_len, get_character_cell_size

from core.i18n import tr
from core.lab.types import Plot, Series
from core.text import clean_line
from tui import format
from tui.glyphs import glyphs
from tui.widgets.plot_scale import Look, Scale, finite, nice_ticks, number, scaled, x_scale, xs_of, y_scale

Part = tuple[str, str]
"""Text and its tone: ``""``, ``quiet``, ``strong``, ``mark``, ``cursor`` or ``series0`` … ``series5``."""
Line = tuple[Part, ...]

COLOURS = 6
DASHES: tuple[tuple[int, int], ...] = ((1, 0), (4, 3), (1, 2), (8, 3), (2, 4), (1, 5))
"""Dots drawn and left out along each series' line, so that lines differ without colour."""

SIGN_EVERY = 24
"""Cells between the signs that name a line whose points are not marked."""

SMALLEST = (16, 5)
"""Columns and rows below which only the legend is drawn."""


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
    factor, _ = y_unit(shown)
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
    factor, _ = y_unit(plot)
    _, ticks = _rescaled(plot, look.zero, count, factor)
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
    factor, unit = y_unit(plot)
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


def y_unit(plot: Plot) -> tuple[float, str]:
    """Return what y values are divided by and their unit: the same for the axis and for what is read out."""
    return scaled(
        plot.y_unit, max((abs(point[1]) for series in plot.series for point in finite(series)), default=0)
    )


def read_out(series: Series, x: float, factor: float, unit: str) -> str:
    """Write a series' value at x with its interval, as ``112 (98–130) ms``."""
    point = next((point for point in finite(series) if point[0] == x), None)
    if point is None:
        return format.none()
    text = number(point[1] / factor)
    if point[2] is not None and point[3] is not None:
        text += f" ({number(point[2] / factor)}{glyphs().to}{number(point[3] / factor)})"
    return f"{text} {unit}".strip()
