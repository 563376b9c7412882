"""Axes of plots: what there is to draw, round ticks, units, numbers, and where a value stands."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from core.lab.types import Plot, Series


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
