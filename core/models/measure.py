"""Watching the engine's memory while a model loads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from core.telemetry.process import ProcessTree, TreeReading, engine_memory

INTERVAL_SECONDS = 0.05
"""20 readings a second."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What loading took, bytes; ``None``: the engine's processes cannot be seen."""

    peak: int | None = None
    """Highest PSS of the process tree minus what it was before."""
    anon: int | None = None
    """Anonymous memory at the end minus before."""
    file: int | None = None


class MemoryWatch:
    """Reads a process tree's memory on a thread until :meth:`stop`.

    Args:
        root_pids: The roots, asked each time: a runner may be a process that does not exist yet.
    """

    def __init__(self, root_pids: Callable[[], Sequence[int]]) -> None:
        self._roots = root_pids
        self._before = engine_memory(root_pids())
        self._peak = self._before.pss
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="memory-watch", daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        # Between two readings of PSS, which are dear, the tree adds the change of RSS: good enough for a peak.
        tree = ProcessTree()
        while not self._over.wait(INTERVAL_SECONDS):
            self._see(tree.read(self._roots()))

    def _see(self, reading: TreeReading) -> None:
        if reading.pss is not None:
            self._peak = max(self._peak or 0, reading.pss)

    def stop(self) -> Taken:
        """Read once more, exactly, and say what was taken. Blocks for up to one reading."""
        self._over.set()
        self._thread.join(2.0)
        after = engine_memory(self._roots())
        self._see(after)
        before = self._before
        return Taken(
            _less(self._peak, before.pss), _less(after.anon, before.anon), _less(after.file, before.file)
        )


def _less(now: int | None, before: int | None) -> int | None:
    return None if now is None else max(0, now - (before or 0))
