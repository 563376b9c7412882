"""Rates out of counters that only grow, until one wraps, is put to zero or vanishes."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping


class Rates:
    """Bytes per second of pairs of counters, summed over devices. Not thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._before: tuple[float, Mapping[str, tuple[int, int]]] | None = None

    def per_second(self, counters: Mapping[str, tuple[int, int]]) -> tuple[float, float] | None:
        """Return both rates since the last call.

        Returns:
            ``None`` when no device was there both times. A counter that stepped back adds nothing: how far it had
            come before it was put to zero is not known.
        """
        now = self._clock()
        before, self._before = self._before, (now, dict(counters))
        if before is None or now <= before[0]:
            return None
        both = [(counters[name], old) for name, old in before[1].items() if name in counters]
        if not both:
            return None
        seconds = now - before[0]
        first = sum(max(0, new[0] - old[0]) for new, old in both)
        second = sum(max(0, new[1] - old[1]) for new, old in both)
        return round(first / seconds, 1), round(second / seconds, 1)
