"""From an engine's status lines to a pull's figures: bytes, rate over the last seconds, time left."""

from __future__ import annotations

import dataclasses
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from core.i18n import tr
from core.models.types import Layer, Pull
from core.ollama import PullProgress

WINDOW_SECONDS = 5.0
"""The rate shown is over this long."""


@dataclass
class _Part:
    """One layer while it comes."""

    total: int | None
    done: int
    resumed: int
    seconds: float = 0.0


class Tracker:
    """Follows one attempt of a pull.

    Args:
        pull: Its state when the attempt starts.
        clock: Seconds, monotonic.
    """

    def __init__(self, pull: Pull, clock: Callable[[], float] = time.monotonic) -> None:
        self._pull = pull
        self._clock = clock
        self._parts: dict[str, _Part] = {}
        self._recent: deque[tuple[float, int]] = deque()
        self._last = clock()
        self._waited = False
        # An earlier attempt's time counts: the rate of the whole download is over both.
        self._seconds = pull.seconds
        self._before = {layer.digest: layer.seconds for layer in pull.layers}

    @property
    def fresh_bytes(self) -> int:
        """Bytes this attempt has transferred."""
        return sum(part.done - part.resumed for part in self._parts.values())

    def add(self, line: PullProgress) -> Pull:
        """Take in a line; returns the pull as it is now."""
        now = self._clock()
        if line.total_bytes is not None or line.completed_bytes is not None:
            self._layer(line, now)
        self._waited = line.status.startswith("waiting")
        if self._waited:
            note = tr("models.pull.waiting", reason=line.status.partition(": ")[2])
        else:
            note = line.status if not self._parts or line.completed_bytes is None else ""
        checking = line.status.startswith(("verifying", "writing", "removing"))
        done = sum(part.done for part in self._parts.values())
        totals = [part.total for part in self._parts.values() if part.total is not None]
        total = sum(totals) if totals else None
        rate = self._rate(now)
        left = total - done if total is not None else None
        self._last = now
        self._pull = dataclasses.replace(
            self._pull,
            status="verifying" if checking else "running",
            total_bytes=total,
            done_bytes=done,
            bytes_per_s=rate,
            eta_s=left / rate if left is not None and rate else None,
            seconds=self._seconds,
            resumed_bytes=sum(part.resumed for part in self._parts.values()),
            layers=tuple(
                Layer(key, part.total, part.done, part.seconds) for key, part in self._parts.items()
            ),
            note=note,
        )
        return self._pull

    def _layer(self, line: PullProgress, now: float) -> None:
        key = line.digest or line.status
        done = line.completed_bytes or 0
        part = self._parts.get(key)
        if part is None:
            # An engine that does not say: what the first line already has was there before.
            resumed = line.resumed_bytes if line.resumed_bytes is not None else done
            part = self._parts[key] = _Part(line.total_bytes, resumed, resumed, self._before.get(key, 0.0))
        if done > part.done:
            spent = now - self._last if not self._waited else 0.0
            part.seconds += spent
            self._seconds += spent
        elif done < part.done:
            # It started over.
            part.resumed = min(part.resumed, done)
        part.done = done
        part.total = line.total_bytes if line.total_bytes is not None else part.total

    def _rate(self, now: float) -> float | None:
        fresh = self.fresh_bytes
        self._recent.append((now, fresh))
        while len(self._recent) > 2 and now - self._recent[0][0] > WINDOW_SECONDS:
            self._recent.popleft()
        first, bytes_then = self._recent[0]
        return (fresh - bytes_then) / (now - first) if now - first > 0.1 and fresh > bytes_then else None
