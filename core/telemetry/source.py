"""One cached sampler per source: each with its period, its share of the time, and a count of what it cost."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")
_log = logging.getLogger(__name__)

SHARE = 0.005
"""A source may take this share of a core at most: one that costs much is read less often."""


@dataclass(slots=True)
class Cost:
    """What a source has cost so far."""

    reads: int = 0
    seconds: float = 0.0
    """Of processor time, in the reading thread."""
    failures: int = 0


class Source(Generic[T]):
    """Keeps the last reading of one source. For one thread at a time.

    Args:
        name: For the log.
        read: Reads it; what it raises is logged once and counts as nothing read.
        period: Seconds a reading stays good.
        clock: Seconds that never run backwards.
    """

    def __init__(
        self,
        name: str,
        read: Callable[[], T | None],
        period: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self.cost = Cost()
        self._read = read
        self._period = period
        self._clock = clock
        self._due = float("-inf")
        self._value: T | None = None

    def get(self) -> T | None:
        """Return the last reading, a new one when it is due; ``None`` when it could not be read."""
        if self._clock() >= self._due:
            self._value = self._read_now()
        return self._value

    def forget(self) -> None:
        """Drop the reading: the next :meth:`get` reads again."""
        self._due, self._value = float("-inf"), None

    def _read_now(self) -> T | None:
        began, worked = self._clock(), time.thread_time()
        value: T | None = None
        try:
            value = self._read()
        except Exception:
            if not self.cost.failures:
                _log.exception("%s cannot be read", self.name)
            self.cost.failures += 1
        # Processor time: who waits for a daemon's answer takes nothing from anybody.
        took = time.thread_time() - worked
        self.cost.reads += 1
        self.cost.seconds += took
        self._due = began + max(self._period, took / SHARE)
        return value


class SlowSource(Source[T]):
    """A source that may take its time (a driver, a daemon): read in a thread of its own, so that nobody waits for it.

    :meth:`get` returns what was read last; the thread starts with the first call and waits while nobody asks.
    """

    def __init__(
        self,
        name: str,
        read: Callable[[], T | None],
        period: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(name, read, period, clock)
        self._wanted: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._asked = False
        self._thread: threading.Thread | None = None

    def get(self) -> T | None:
        """Return the last reading, and ask for a new one when it is due."""
        if not self._asked and self._clock() >= self._due:
            self._asked = True
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name=f"telemetry-{self.name}", daemon=True)
                self._thread.start()
            self._wanted.put(True)
        return self._value

    def close(self) -> None:
        """End the thread after the reading under way; nobody waits for it."""
        if self._thread is not None:
            self._wanted.put(False)
            self._thread = None

    def _work(self) -> None:
        while self._wanted.get():
            self._value = self._read_now()
            self._asked = False
