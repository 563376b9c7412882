"""The lab's tables as text: figures with their intervals, as much of them as the width has room for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from rich.cells import cell_len

from core.i18n import has, tr
from core.lab.types import Cell, Column, Comparison, Difference, Table
from core.text import clean_line
from tui import format
from tui.glyphs import glyphs
from tui.widgets.plot_scale import number

Part = str | tuple[str, str]

GAP = 2


def value(cell: Cell) -> str:
    """Write a cell's value."""
    if cell.value is None:
        return format.none()
    return clean_line(cell.value, max_chars=60) if isinstance(cell.value, str) else number(cell.value)


def with_range(cell: Cell) -> str:
    """Write a value with the ends of its interval: ``112 (98–130)``."""
    if cell.low is None or cell.high is None or isinstance(cell.value, str):
        return value(cell)
    return f"{value(cell)} ({number(cell.low)}{glyphs().to}{number(cell.high)})"


def with_margin(cell: Cell) -> str:
    """Write a value with the larger half of its interval: ``112 ±18``."""
    if cell.low is None or cell.high is None or cell.value is None or isinstance(cell.value, str):
        return value(cell)
    return f"{value(cell)} ±{number(max(cell.high - cell.value, cell.value - cell.low))}"


FORMS: tuple[Callable[[Cell], str], ...] = (with_range, with_margin, value)
"""From the fullest to the shortest; the first one with which the table fits is taken."""


def column_title(column: Column) -> str:
    """Return a column's title."""
    key = f"lab.column.{column.key}"
    return tr(key) if has(key) else clean_line(column.key, max_chars=30)


def point_text(point: Mapping[str, Any]) -> str:
    """Write what was varied: ``users 4``."""
    parts = []
    for key, item in point.items():
        text = number(item) if isinstance(item, (int, float)) and not isinstance(item, bool) else str(item)
        parts.append(f"{column_title(Column(key))} {clean_line(text, max_chars=40)}")
    return f" {glyphs().dot} ".join(parts)


@dataclass(frozen=True)
class Drawn:
    """A column as text."""

    title: str
    unit: str
    cells: tuple[tuple[str, str], ...]
    """Text and tone."""
    lead: bool = False
    left: bool = False

    @property
    def width(self) -> int:
        """Cells it needs."""
        return max([cell_len(self.title), cell_len(self.unit), *(cell_len(text) for text, _ in self.cells)])


def drawn_columns(table: Table, form: Callable[[Cell], str]) -> list[Drawn]:
    """Return a table's columns as text, with the number of samples as the last."""
    columns: list[Drawn] = []
    leading = True
    for index, column in enumerate(table.columns):
        cells = [row[index] for row in table.rows]
        texts = tuple(
            (f"{form(cell)}{'!' if cell.flag else ''}", "$warning" if cell.flag else "") for cell in cells
        )
        leading = leading and (index == 0 or (index < 3 and all(cell.n is None for cell in cells)))
        left = any(isinstance(cell.value, str) for cell in cells)
        columns.append(Drawn(column_title(column), clean_line(column.unit), texts, leading, left))
    if all(column.lead for column in columns):
        columns = [Drawn(c.title, c.unit, c.cells, i == 0, c.left) for i, c in enumerate(columns)]
    counts = [[cell.n for cell in row if cell.n is not None] for row in table.rows]
    if any(counts) and not any(column.key == "n" for column in table.columns):
        texts = tuple((str(min(known)) if known else format.none(), "$quiet") for known in counts)
        columns.append(Drawn("n", "", texts))
    return columns


def _total(columns: Iterable[Drawn]) -> int:
    widths = [column.width for column in columns]
    return sum(widths) + GAP * max(0, len(widths) - 1)


def blocks_of(table: Table, width: int) -> list[list[Drawn]]:
    """Return the columns in as few tables as fit ``width``, each beginning with what was varied."""
    columns: list[Drawn] = []
    for form in FORMS:
        columns = drawn_columns(table, form)
        if _total(columns) <= width:
            return [columns]
    lead = [column for column in columns if column.lead]
    if _total(lead) > width // 2:
        lead = lead[:1]
    blocks: list[list[Drawn]] = []
    for column in (column for column in columns if column not in lead):
        if not blocks or _total([*blocks[-1], column]) > width:
            blocks.append([*lead])
        blocks[-1].append(column)
    return blocks or [lead]


def table_parts(table: Table, width: int) -> list[Part]:
    """Write a table: titles, units, figures right-aligned; below, what its flags mean."""
    parts: list[Part] = []
    for number_, block in enumerate(blocks_of(table, width)):
        if number_:
            parts.append("\n")
        parts += _row([(column.title, "$quiet") for column in block], block)
        if any(column.unit for column in block):
            parts += _row([(column.unit, "$quiet") for column in block], block)
        for index in range(len(table.rows)):
            parts += _row([column.cells[index] for column in block], block)
    flags = sorted({cell.flag for row in table.rows for cell in row if cell.flag})
    for flag in flags:
        key = f"lab.flag.{flag}"
        parts += [("! ", "$warning"), (f"{tr(key) if has(key) else clean_line(flag)}\n", "$quiet")]
    return parts


def _row(texts: list[tuple[str, str]], block: list[Drawn]) -> list[Part]:
    parts: list[Part] = []
    for (text, tone), column in zip(texts, block, strict=True):
        space = " " * (column.width - cell_len(text))
        padded = text + space if column.left else space + text
        gap = " " * GAP if parts else ""
        parts.append((gap + padded, tone) if tone else gap + padded)
    parts.append("\n")
    return parts


# -- two runs ------------------------------------------------------------------------------------------------


def verdict(difference: Difference) -> tuple[str, str]:
    """Return what is to be said of a difference, and its colour."""
    if difference.real is None:
        return tr("labui.few"), "$warning"
    return (tr("labui.real"), "bold $accent") if difference.real else (tr("labui.noise"), "$quiet")


def ratio_text(difference: Difference) -> str:
    """Write how many times ``a`` is ``b``, with the interval: ``×1.32 (1.20–1.45)``."""
    if difference.ratio is None:
        return format.none()
    text = f"×{difference.ratio:.2f}"
    if difference.low is not None and difference.high is not None:
        text += f" ({difference.low:.2f}{glyphs().to}{difference.high:.2f})"
    return text


def comparison_parts(comparison: Comparison, width: int) -> list[Part]:
    """Write two runs' figures side by side, point by point, each with whether its difference is real."""
    if not comparison.differences:
        return [(f"{tr('labui.compare.nothing')}\n", "$warning")]
    points: dict[str, list[Difference]] = {}
    for difference in comparison.differences:
        points.setdefault(point_text(difference.point), []).append(difference)
    columns = [tr("labui.compare.figure"), "A", "B", "B / A", ""]
    rows: list[tuple[str, list[tuple[str, str]]]] = []
    for point, differences in points.items():
        for difference in differences:
            name = column_title(difference.column)
            if difference.column.unit:
                name += f" ({clean_line(difference.column.unit)})"
            cells = [(name, ""), (value(difference.a), ""), (value(difference.b), "")]
            rows.append((point, [*cells, (ratio_text(difference), "$quiet"), verdict(difference)]))
    widths = [max([cell_len(columns[i]), *(cell_len(cells[i][0]) for _, cells in rows)]) for i in range(5)]
    if sum(widths) + 2 + GAP * 4 > width:
        widths[0] = max(8, width - 2 - GAP * 4 - sum(widths[1:]))

    def line(cells: list[tuple[str, str]]) -> list[Part]:
        written: list[Part] = ["  "]
        for index, (text, tone) in enumerate(cells):
            text = format.fit(text, widths[index]) if index == 0 else text
            space = " " * max(0, widths[index] - cell_len(text))
            padded = text + space if index in {0, 4} else space + text
            gap = " " * GAP if index else ""
            written.append((gap + padded, tone) if tone else gap + padded)
        return [*written, "\n"]

    parts = line([(title, "$quiet") for title in columns])
    shown = None
    for point, cells in rows:
        if point != shown:
            parts.append((f"{point}\n", "bold"))
            shown = point
        parts += line(cells)
    return parts
