"""Draws a plot as a standalone SVG, by hand: no library, no script, readable on light and dark paper."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from core.lab.types import Plot, Series
from core.text import clean_line

WIDTH, HEIGHT = 720, 420
LEFT, RIGHT, TOP, BOTTOM = 76, 24, 56, 96
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8a8a8a")
"""Okabe and Ito's, told apart by most colour-blind people, and with enough contrast on white and on black."""
DASHES = ("", "6 3", "2 3", "8 3 2 3", "12 4", "4 4", "1 4")
INK = "#7a7a7a"
_TICKS = 6


def ticks(low: float, high: float, count: int = _TICKS) -> list[float]:
    """Return round numbers from below ``low`` to above ``high``."""
    if not math.isfinite(low) or not math.isfinite(high) or high <= low:
        return [low, low + 1]
    raw = (high - low) / max(1, count - 1)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(size * power for size in (1, 2, 2.5, 5, 10) if size * power >= raw * 0.999)
    first = math.floor(low / step + 1e-9)
    last = math.ceil(high / step - 1e-9)
    return [round(index * step, 12) for index in range(first, last + 1)]


def draw(plot: Plot, *, title: str, note: str = "") -> str:
    """Return the SVG's text.

    Args:
        plot: What to draw.
        title: Above it.
        note: A small line below it.
    """
    series = [
        Series(
            one.name,
            tuple(point for point in one.points if math.isfinite(point[0]) and math.isfinite(point[1])),
        )
        for one in plot.series
    ]
    xs = [point[0] for one in series for point in one.points] + [mark[0] for mark in plot.marks] or [0.0]
    ys = [value for one in series for point in one.points for value in point[1:] if value is not None] or [
        0.0
    ]
    across = ticks(min(xs), max(xs) if max(xs) > min(xs) else min(xs) + 1)
    up = ticks(min(0.0, *ys), max(ys) if max(ys) > 0 else 1.0)
    frame = _Frame(across[0], across[-1], up[0], up[-1])
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        f'role="img" aria-label="{_text(title)}" font-family="system-ui, sans-serif" font-size="13" fill="{INK}">',
        f"<title>{_text(title)}</title>",
        f'<text x="{LEFT}" y="26" font-size="17" font-weight="600">{_text(title)}</text>',
        *_axes(frame, across, up, plot),
        *(piece for index, one in enumerate(series) for piece in _series(frame, one, index)),
        *(piece for mark in plot.marks for piece in _mark(frame, mark)),
        *_legend(series),
    ]
    if note:
        parts.append(f'<text x="{LEFT}" y="{HEIGHT - 10}" font-size="11">{_text(note)}</text>')
    return "\n".join([*parts, "</svg>", ""])


class _Frame:
    """From figures to pixels."""

    def __init__(self, x_low: float, x_high: float, y_low: float, y_high: float) -> None:
        self._x, self._y = (x_low, x_high), (y_low, y_high)

    def x(self, value: float) -> float:
        low, high = self._x
        return round(LEFT + (value - low) / (high - low) * (WIDTH - LEFT - RIGHT), 2)

    def y(self, value: float) -> float:
        low, high = self._y
        return round(HEIGHT - BOTTOM - (value - low) / (high - low) * (HEIGHT - TOP - BOTTOM), 2)


def _axes(frame: _Frame, across: Sequence[float], up: Sequence[float], plot: Plot) -> list[str]:
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    parts = []
    for value in up:
        y = frame.y(value)
        parts.append(
            f'<line x1="{LEFT}" y1="{y}" x2="{right}" y2="{y}" stroke="{INK}" stroke-opacity="0.25"/>'
        )
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4}" text-anchor="end">{_number(value)}</text>')
    for value in across:
        x = frame.x(value)
        parts.append(f'<line x1="{x}" y1="{bottom}" x2="{x}" y2="{bottom + 5}" stroke="{INK}"/>')
        parts.append(f'<text x="{x}" y="{bottom + 20}" text-anchor="middle">{_number(value)}</text>')
    parts.append(f'<path d="M{LEFT} {TOP}V{bottom}H{right}" fill="none" stroke="{INK}"/>')
    middle = (LEFT + right) / 2
    parts.append(f'<text x="{middle}" y="{bottom + 40}" text-anchor="middle">{_text(plot.x_unit)}</text>')
    parts.append(f'<text x="{LEFT - 8}" y="{TOP - 10}" text-anchor="end">{_text(plot.y_unit)}</text>')
    return parts


def _series(frame: _Frame, series: Series, index: int) -> list[str]:
    colour, dash = COLOURS[index % len(COLOURS)], DASHES[index % len(DASHES)]
    points = sorted(series.points)
    parts = []
    banded = [point for point in points if point[2] is not None and point[3] is not None]
    if len(banded) > 1:
        above = [f"{frame.x(x)},{frame.y(high)}" for x, _, _, high in banded if high is not None]
        below = [f"{frame.x(x)},{frame.y(low)}" for x, _, low, _ in reversed(banded) if low is not None]
        parts.append(f'<polygon points="{" ".join([*above, *below])}" fill="{colour}" fill-opacity="0.18"/>')
    for x, _, low, high in banded:
        if low is not None and high is not None:
            at = frame.x(x)
            parts.append(
                f'<line x1="{at}" y1="{frame.y(low)}" x2="{at}" y2="{frame.y(high)}" stroke="{colour}"/>'
            )
    if len(points) > 1:
        path = " ".join(f"{frame.x(x)},{frame.y(y)}" for x, y, _, _ in points)
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"{dashed}/>')
    parts += [
        f'<circle cx="{frame.x(x)}" cy="{frame.y(y)}" r="3" fill="{colour}"><title>{_number(x)}: {_number(y)}</title></circle>'
        for x, y, _, _ in points
    ]
    return parts


def _mark(frame: _Frame, mark: tuple[float, str]) -> list[str]:
    x = frame.x(mark[0])
    side = "end" if x > (LEFT + WIDTH) / 2 else "start"
    shift = -6 if side == "end" else 6
    return [
        f'<line x1="{x}" y1="{TOP}" x2="{x}" y2="{HEIGHT - BOTTOM}" stroke="{INK}" stroke-dasharray="3 3"/>',
        f'<text x="{x + shift}" y="{TOP + 12}" text-anchor="{side}">{_text(mark[1])}</text>',
    ]


def _legend(series: Sequence[Series]) -> list[str]:
    parts, x, y = [], float(LEFT), HEIGHT - 34.0
    for index, one in enumerate(series):
        name = clean_line(one.name, max_chars=40)
        # Korean letters are twice as wide.
        wide = 40 + sum(14 if ord(letter) > 0x1100 else 8 for letter in name)
        if x + wide > WIDTH - RIGHT and x > LEFT:
            x, y = float(LEFT), y + 16
        colour, dash = COLOURS[index % len(COLOURS)], DASHES[index % len(DASHES)]
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        parts.append(
            f'<line x1="{x}" y1="{y - 4}" x2="{x + 24}" y2="{y - 4}" stroke="{colour}" stroke-width="2"{dashed}/>'
        )
        parts.append(f'<text x="{x + 30}" y="{y}">{_text(name)}</text>')
        x += wide
    return parts


def _text(text: str) -> str:
    return escape(clean_line(text), quote=True)


def _number(value: float) -> str:
    if value and (abs(value) >= 1e6 or abs(value) < 1e-3):
        return f"{value:.3g}"
    return f"{round(value, 3):,g}" if abs(value) < 1e5 else f"{value:,.0f}"
