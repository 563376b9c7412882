"""From rows to figures: what all summaries share.

A summary turns rows into groups (one for each point), each with its figures: the values and the statistic of them.
Table, plots, comparison and export all read the same groups, so they cannot disagree.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.lab import stats
from core.lab.types import Cell, Column, LabRow, Series, Table

MIB = 2**20


@dataclass(frozen=True, slots=True)
class Figure:
    """Values of one column at one point, and which statistic of them is shown."""

    column: Column
    values: tuple[float, ...]
    statistic: stats.Statistic | str = "median"
    """Also ``share`` (the values are 0 or 1, shown in percent) and ``count`` (their number)."""
    clusters: tuple[tuple[float, ...], ...] = ()
    """The same values by what they belong to, where those of one answer are no independent ones."""
    keys: tuple[str, ...] = ()
    """Which case each value is of: two runs that did the same cases are compared case by case."""

    def cell(self) -> Cell:
        """Return the figure with its interval."""
        n = len(self.values)
        if self.statistic == "count":
            return Cell(float(n), n=n)
        if self.statistic == "share":
            found = stats.share_interval(round(sum(self.values)), n)
            return Cell(_times(found.value, 100), _times(found.low, 100), _times(found.high, 100), n)
        found = stats.estimate(self.values, self.statistic)  # type: ignore[arg-type]
        return Cell(found.value, found.low, found.high, found.n, "few" if found.few else "")


@dataclass(frozen=True, slots=True)
class Group:
    """One point: what was varied, how it reads in the table, and its figures."""

    point: Mapping[str, Any]
    labels: tuple[tuple[Column, float | str], ...]
    figures: tuple[Figure, ...]

    def figure(self, key: str) -> Figure | None:
        """Return one figure."""
        return next((one for one in self.figures if one.column.key == key), None)

    def cell(self, key: str) -> Cell:
        """Return one figure's cell; empty when there is none."""
        found = self.figure(key)
        return found.cell() if found else Cell(None)

    def value(self, key: str) -> float | None:
        """Return one figure's value."""
        value = self.cell(key).value
        return value if isinstance(value, float | int) else None


def keyed(
    key: str, unit: str, values: Iterable[tuple[str, float | int | bool | None]], statistic: str
) -> Figure:
    """Make a figure of cases, each with its name; a name that comes again (a repeat) is numbered."""
    seen: dict[str, int] = {}
    names: list[str] = []
    numbers: list[float] = []
    for name, value in values:
        seen[name] = seen.get(name, 0) + 1
        if value is not None:
            names.append(f"{name}#{seen[name]}")
            numbers.append(float(value))
    return Figure(Column(key, unit), tuple(numbers), statistic, keys=tuple(names))


def _times(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor


def figure(key: str, unit: str, values: Iterable[Any], statistic: str = "median") -> Figure:
    """Make a figure; values that are missing are left out."""
    numbers = tuple(
        float(one) for one in values if isinstance(one, int | float) and not isinstance(one, bool)
    )
    return Figure(Column(key, unit), numbers, statistic)


def itl_figure(key: str, data: Sequence[Mapping[str, Any]], statistic: str = "median") -> Figure:
    """Make a figure of the gaps between the tokens of answers, pooled."""
    clusters = tuple(tuple(float(gap) for gap in one.get("itl_ms", ())) for one in data)
    return Figure(Column(key, "ms"), tuple(gap for one in clusters for gap in one), statistic, clusters)


def measured(rows: Sequence[LabRow]) -> list[LabRow]:
    """Return the rows that count: no warm-up, and of a step that was measured again only the last attempt."""
    last: dict[str, int] = {}
    for row in rows:
        key = str(row.data.get("step", ""))
        last[key] = max(last.get(key, 0), int(row.data.get("attempt", 1)))
    return [
        row
        for row in rows
        if not row.warmup and int(row.data.get("attempt", 1)) == last[str(row.data.get("step", ""))]
    ]


def by_point(rows: Sequence[LabRow], kinds: Sequence[str] = ()) -> list[tuple[dict[str, Any], list[LabRow]]]:
    """Group rows by what was varied, in order of appearance."""
    found: dict[str, tuple[dict[str, Any], list[LabRow]]] = {}
    for row in rows:
        if not kinds or row.kind in kinds:
            found.setdefault(json.dumps(row.point, sort_keys=True), (dict(row.point), []))[1].append(row)
    return list(found.values())


def requests(rows: Sequence[LabRow], *, ok: bool = True) -> list[Mapping[str, Any]]:
    """Return the data of requests, by default of those answered whole."""
    return [row.data for row in rows if row.kind == "request" and (not ok or row.data.get("outcome") == "ok")]


def by_step(rows: Sequence[LabRow]) -> list[list[LabRow]]:
    """Group rows by step."""
    found: dict[str, list[LabRow]] = {}
    for row in rows:
        found.setdefault(str(row.data.get("step", "")), []).append(row)
    return list(found.values())


def itl(data: Sequence[Mapping[str, Any]]) -> list[float]:
    """Pool the inter-token gaps of requests."""
    return [gap for one in data for gap in one.get("itl_ms", ())]


def span_s(data: Sequence[Mapping[str, Any]]) -> float:
    """Seconds from the first request's start to the last one's end."""
    starts = [one["started_ms"] for one in data if "started_ms" in one]
    ends = [one["ended_ms"] for one in data if "ended_ms" in one]
    return max(0.0, (max(ends) - min(starts)) / 1e3) if starts and ends else 0.0


def throughputs(rows: Sequence[LabRow]) -> list[float]:
    """Output tokens per second over all requests, one value for each step."""
    found = []
    for step in by_step(rows):
        data = requests(step)
        seconds = span_s(data)
        if seconds > 0:
            found.append(sum(one.get("output_tokens", 0) for one in data) / seconds)
    return found


def memory(rows: Sequence[LabRow], name: str = "peak_bytes") -> list[float]:
    """The engine's memory in MiB, one value for each step."""
    return [row.data[name] / MIB for row in rows if row.kind == "memory" and name in row.data]


def per_second(data: Iterable[Mapping[str, Any]], tokens: str, duration: str) -> list[float]:
    """Tokens per second of each request, from the server's own counters."""
    return [one[tokens] / one[duration] * 1e3 for one in data if one.get(tokens) and one.get(duration, 0) > 0]


def table(groups: Sequence[Group]) -> Table | None:
    """Lay groups out as a table; ``None`` without any."""
    if not groups:
        return None
    labels = [column for column, _ in groups[0].labels]
    columns: dict[str, Column] = {}
    for group in groups:
        for one in group.figures:
            columns.setdefault(one.column.key, one.column)
    rows = tuple(
        (*(Cell(value) for _, value in group.labels), *(group.cell(key) for key in columns))
        for group in groups
    )
    return Table((*labels, *columns.values()), rows)


def line(name: str, groups: Sequence[Group], x: Callable[[Group], float], key: str) -> Series:
    """Draw one figure of the groups over something; groups without it are left out."""
    points = []
    for group in groups:
        cell = group.cell(key)
        if isinstance(cell.value, float | int):
            points.append((x(group), float(cell.value), cell.low, cell.high))
    return Series(name, tuple(sorted(points)))


def number(value: float | None, digits: int = 3) -> str:
    """Write a number for a sentence: three significant digits, no exponent."""
    if value is None:
        return "N/A"
    if abs(value) >= 10 ** (digits - 1):
        return f"{value:,.0f}"
    return f"{value:.{digits}g}"


def seconds(ms: float | None) -> str:
    """Write a duration for a sentence."""
    if ms is None:
        return "N/A"
    return f"{number(ms / 1e3)} s" if ms >= 1000 else f"{number(ms)} ms"
