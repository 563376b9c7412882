"""Watching the engine's memory while a model loads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from core.telemetry.process import (
    ProcessTree,
    TreeReading,
    engine_memory,
    read_linux,
    read_portable,
    read_pss,
)

INTERVAL_SECONDS = 0.05
"""20 readings a second."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What loading took, bytes; ``None``: the engine's processes cannot be seen."""

    peak: int | None = None
    """Highest PSS of the process tree minus what those of its processes had that were there before."""
    anon: int | None = None
    """Anonymous memory at the end minus before."""
    file: int | None = None


class MemoryWatch:
    """Reads a process tree's memory on a thread until :meth:`stop`.

    What each process had before is taken off as long as that process lives: an engine may end another model's runner
    to make room, and that one's memory is no part of what this model takes.

    Args:
        root_pids: The roots, asked each time: a runner may be a process that does not exist yet.
    """

    def __init__(self, root_pids: Callable[[], Sequence[int]]) -> None:
        self._roots = root_pids
        self._before = {pid: _alone(pid) for pid in engine_memory(root_pids()).pids}
        self._peak: int | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="memory-watch", daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        # Between two readings of PSS, which are dear, the tree adds the change of RSS: good enough for a peak.
        tree = ProcessTree()
        while not self._over.wait(INTERVAL_SECONDS):
            self._see(tree.read(self._roots()))

    def _base(self, reading: TreeReading) -> tuple[int, int]:
        """Anonymous memory and the rest that the processes of a reading had before."""
        had = [self._before[pid] for pid in reading.pids if pid in self._before]
        return sum(anon for anon, _ in had), sum(file for _, file in had)

    def _see(self, reading: TreeReading) -> None:
        taken = _less(reading.pss, sum(self._base(reading)))
        if taken is not None:
            self._peak = max(self._peak or 0, taken)

    def stop(self) -> Taken:
        """Read once more, exactly, and say what was taken. Blocks for up to one reading."""
        self._over.set()
        self._thread.join(2.0)
        after = engine_memory(self._roots())
        self._see(after)
        anon, file = self._base(after)
        return Taken(self._peak, _less(after.anon, anon), _less(after.file, file))


def _alone(pid: int) -> tuple[int, int]:
    """Anonymous memory and the rest of one process without its children: PSS, where that is hidden RSS."""
    pss = read_pss(pid)
    if pss is not None:
        return pss.anon, pss.file
    reading = read_linux(pid) or read_portable(pid)
    if reading is None:
        return 0, 0
    anon = reading.rss if reading.anon is None else reading.anon
    return anon, reading.rss - anon


def _less(now: int | None, before: int) -> int | None:
    return None if now is None else max(0, now - before)
