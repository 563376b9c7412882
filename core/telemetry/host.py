"""The machine as a whole: processor, memory, swap."""

from __future__ import annotations

import time
import warnings
from dataclasses import dataclass

import psutil

#: A shorter stretch holds too few clock ticks (10 ms each on Linux) for a percentage.
MIN_CPU_WINDOW = 0.1
_READ_ERRORS = (OSError, RuntimeError, NotImplementedError, ValueError, psutil.Error)


@dataclass(frozen=True, slots=True)
class HostReading:
    """One reading of the machine. Sizes are bytes."""

    cpu_percent: float | None = None
    """Busy share of all cores since the reading before, 0–100."""
    memory_used: int | None = None
    """Total minus available."""
    memory_total: int | None = None
    memory_available: int | None = None
    swap_used: int | None = None


class Host:
    """Reads the machine. Not thread-safe: the hub holds its lock around it."""

    def __init__(self) -> None:
        self._cpu_at = 0.0
        self._cpu_times: tuple[float, float] | None = None
        self._cpu_percent: float | None = None

    def read(self) -> HostReading:
        """Read everything once; a part that cannot be read is ``None``."""
        total = available = swap = None
        try:
            memory = psutil.virtual_memory()
            total, available = int(memory.total), int(memory.available)
        except _READ_ERRORS:
            pass
        try:
            with warnings.catch_warnings():
                # psutil warns where /proc/vmstat is hidden (some containers); the value we want is there all the same.
                warnings.simplefilter("ignore")
                swap = int(psutil.swap_memory().used)
        except _READ_ERRORS:
            pass
        used = total - available if total is not None and available is not None else None
        return HostReading(self._cpu(), used, total, available, swap)

    def _cpu(self) -> float | None:
        now = time.monotonic()
        if self._cpu_times is not None and now - self._cpu_at < MIN_CPU_WINDOW:
            return self._cpu_percent
        try:
            times = psutil.cpu_times()
        except _READ_ERRORS:
            return None
        # Linux counts guest time inside user time as well; waiting for a disk is not work.
        total = sum(times) - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)
        busy = total - times.idle - getattr(times, "iowait", 0.0)
        before, self._cpu_times, self._cpu_at = self._cpu_times, (total, busy), now
        if before is not None and total > before[0]:
            # Counters may step back a little (iowait, hot-plugged cores): keep inside 0–100.
            share = (busy - before[1]) / (total - before[0])
            self._cpu_percent = round(min(100.0, max(0.0, 100.0 * share)), 1)
        return self._cpu_percent
