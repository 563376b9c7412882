"""A heat map as text: in each cell a shade and the number itself, so that nothing depends on colour."""

from __future__ import annotations

import itertools

from rich.cells import cell_len
from textual.content import Content

from core.i18n import has, tr
from core.lab.types import HeatCell, HeatMap
from core.text import clean_line
from tui import format
from tui.glyphs import glyphs
from tui.widgets.basics import Plain
from tui.widgets.lab_table import GAP, Part

ROW_WIDTH, TITLE_WIDTH = 24, 16
"""Most cells of a row's name and of a column's."""
TONES = ("$quiet", "$graph", "$accent", "bold $accent")
"""Of the four shades, from the least to the most."""


class HeatView(Plain):
    """A heat map on screen; not there without one."""

    DEFAULT_CSS = "HeatView { height: auto; display: none; }"

    def show_map(self, heat: HeatMap | None, width: int) -> None:
        """Draw a map in so many cells, or take it away."""
        self.display = heat is not None
        if heat is not None:
            self.show(Content.assemble("\n", *heat_parts(heat, width)))


def heat_parts(heat: HeatMap, width: int) -> list[Part]:
    """Write a heat map: title, columns (in as many blocks as the width needs), a legend of shades and marks."""
    key = f"lab.heat.{heat.key}"
    parts: list[Part] = [(f"{tr(key) if has(key) else clean_line(heat.key)}\n", "bold")]
    values = [cell.value for row in heat.cells for cell in row if cell.value is not None]
    low, high = min(values, default=0.0), max(values, default=0.0)
    names = [clean_line(name, max_chars=60) for name in heat.rows]
    lead = min(ROW_WIDTH, max(map(cell_len, names), default=0))
    for number, block in enumerate(_blocks(heat, width - lead)):
        if number:
            parts.append("\n")
        parts += _heads(heat, block, lead)
        for name, row in zip(names, heat.cells, strict=True):
            parts.append(format.pad(format.fit(name, lead), lead))
            for place in block:
                parts.append(" " * GAP)
                parts += _cell(row[place], low, high, _width(heat, place))
            parts.append("\n")
    return [*parts, *_legend(low, high, bool(values))]


def _text(cell: HeatCell) -> str:
    return format.none() if cell.value is None else f"{cell.value:.3f}"


def _width(heat: HeatMap, place: int) -> int:
    """Return the cells of a column: two of shade, the number, its mark; or its title where that is wider."""
    return max(9, min(TITLE_WIDTH, cell_len(clean_line(heat.columns[place][1]))))


def _blocks(heat: HeatMap, width: int) -> list[list[int]]:
    """Return the columns in as few blocks as fit beside the rows' names."""
    blocks: list[list[int]] = []
    used = 0
    for place in range(len(heat.columns)):
        needed = GAP + _width(heat, place)
        if not blocks or used + needed > width:
            blocks.append([])
            used = 0
        blocks[-1].append(place)
        used += needed
    return blocks


def _heads(heat: HeatMap, block: list[int], lead: int) -> list[Part]:
    """Write the columns' titles, above them the groups' where there are any, each over all of its columns."""
    lines = []
    if any(heat.columns[place][0] for place in block):
        line = " " * lead
        for group, places in itertools.groupby(block, key=lambda place: heat.columns[place][0]):
            room = sum(_width(heat, place) + GAP for place in places) - GAP
            line += " " * GAP + format.pad(format.fit(clean_line(group), room), room)
        lines.append(line)
    titles = [
        format.pad(format.fit(clean_line(heat.columns[place][1]), TITLE_WIDTH), _width(heat, place))
        for place in block
    ]
    lines.append(" " * lead + "".join(" " * GAP + title for title in titles))
    return [(f"{line.rstrip()}\n", "$quiet") for line in lines]


def _cell(cell: HeatCell, low: float, high: float, width: int) -> list[Part]:
    mark = {"best": "*", "level": "="}.get(cell.mark, " ")
    if cell.value is None:
        return [format.pad(format.none(), width)]
    level = level_of(cell.value, low, high)
    number = f" {_text(cell)}{mark}"
    rest = " " * max(0, width - 2 - cell_len(number))
    return [
        (glyphs().shades[level] * 2, TONES[level]),
        (number, "bold") if cell.mark == "best" else number,
        rest,
    ]


def level_of(value: float, low: float, high: float) -> int:
    """Return which of the four shades a value has: the map's own range, in quarters."""
    if high <= low:
        return len(TONES) - 1
    return min(len(TONES) - 1, int((value - low) / (high - low) * len(TONES)))


def _legend(low: float, high: float, any_: bool) -> list[Part]:
    if not any_:
        return []
    shades = glyphs().shades
    scale = f"{shades[0] * 2} {low:.3f} {glyphs().to} {high:.3f} {shades[-1] * 2}"
    return [(f"{scale}  {tr('labui.heat.legend')}", "$quiet")]
