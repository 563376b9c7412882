"""Small graphs made of text, from a ring of fixed size."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from tui.glyphs import glyphs

RING = 64


def ring(values: Iterable[float | None] = ()) -> deque[float | None]:
    """Return a ring buffer for one figure."""
    return deque(values, maxlen=RING)


def spark(
    values: Iterable[float | None], width: int, *, low: float | None = 0.0, high: float | None = None
) -> str:
    """Draw the last ``width`` values, one cell each.

    Args:
        values: Oldest first; ``None`` leaves a gap.
        width: Cells; fewer values are padded on the left.
        low: Value of the lowest mark; ``None`` takes the smallest.
        high: Value of the highest mark; ``None`` takes the largest.
    """
    if width <= 0:
        return ""
    marks = glyphs().spark
    shown = list(values)[-width:]
    known = [value for value in shown if value is not None]
    bottom = low if low is not None else min(known, default=0.0)
    span = (high if high is not None else max(known, default=0.0)) - bottom
    text = ""
    for value in shown:
        if value is None:
            text += " "
        elif span <= 0:
            text += marks[0]
        else:
            level = (value - bottom) / span * (len(marks) - 1)
            text += marks[max(0, min(len(marks) - 1, round(level)))]
    return text.rjust(width)


def bar(fraction: float | None, width: int) -> str:
    """Draw a filled part of ``width`` cells."""
    if fraction is None or width <= 0:
        return " " * max(0, width)
    filled = max(0, min(width, round(fraction * width)))
    if fraction > 0 and filled == 0:
        filled = 1
    return glyphs().bar * filled + glyphs().bar_empty * (width - filled)
