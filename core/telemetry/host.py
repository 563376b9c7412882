"""The machine as a whole: processor, memory, swap; on demand each core, the load, disks and networks."""

from __future__ import annotations

import os
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from core.telemetry.rates import Rates

#: A shorter stretch holds too few clock ticks (10 ms each on Linux) for a percentage.
MIN_CPU_WINDOW = 0.1
SECTOR = 512
"""Bytes of a sector in ``/proc/diskstats``, whatever the disk's own are."""

_LINUX = sys.platform.startswith("linux")
_READ_ERRORS = (OSError, RuntimeError, NotImplementedError, ValueError, IndexError, psutil.Error)
#: Disks made of other disks or of memory: their traffic is counted where it arrives.
_DERIVED = ("loop", "ram", "dm-", "md", "zram", "sr", "fd")

Pair = tuple[int, int]


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
    swap_total: int | None = None


class Host:
    """Reads the machine: what every sample has. Not thread-safe: the hub holds its lock around it."""

    def __init__(self) -> None:
        self._cpu_at = 0.0
        self._cpu_times: tuple[float, float] | None = None
        self._cpu_percent: float | None = None

    def read(self) -> HostReading:
        """Read everything once; a part that cannot be read is ``None``."""
        total, available, swap_total, swap = _memory_linux() if _LINUX else _memory_portable()
        used = total - available if total is not None and available is not None else None
        return HostReading(self._cpu(), used, total, available, swap, swap_total)

    def _cpu(self) -> float | None:
        now = time.monotonic()
        if self._cpu_times is not None and now - self._cpu_at < MIN_CPU_WINDOW:
            return self._cpu_percent
        try:
            times = psutil.cpu_times()
        except _READ_ERRORS:
            return None
        before, self._cpu_times, self._cpu_at = self._cpu_times, _busy(times), now
        share = _share(before, self._cpu_times)
        self._cpu_percent = share if share is not None else self._cpu_percent
        return self._cpu_percent


class Cores:
    """Busy share of each core since the reading before, 0–100. Not thread-safe."""

    def __init__(self) -> None:
        self._before: list[tuple[float, float]] = []

    def read(self) -> tuple[float, ...]:
        """Read every core; ``()`` the first time and when their number changed."""
        try:
            now = [_busy(times) for times in psutil.cpu_times(percpu=True)]
        except _READ_ERRORS:
            return ()
        before, self._before = self._before, now
        if len(before) != len(now):
            return ()
        return tuple(_share(old, new) or 0.0 for old, new in zip(before, now, strict=True))


class Disks:
    """Bytes per second the machine reads from and writes to its disks."""

    def __init__(self, counters: Callable[[], dict[str, Pair]] | None = None) -> None:
        self._counters = counters or (disk_counters if _LINUX else _disks_portable)
        self._rates = Rates()

    def read(self) -> tuple[float, float] | None:
        """Return read and written; ``None`` the first time and where there are no counters."""
        return self._rates.per_second(self._counters())


class Networks:
    """Bytes per second the machine receives and sends, this machine talking to itself left out."""

    def __init__(self, counters: Callable[[], dict[str, Pair]] | None = None) -> None:
        self._counters = counters or network_counters
        self._rates = Rates()

    def read(self) -> tuple[float, float] | None:
        """Return received and sent; ``None`` the first time and where there are no counters."""
        return self._rates.per_second(self._counters())


def load_average() -> tuple[float, float, float] | None:
    """Return the load of the last 1, 5 and 15 minutes, where the system has one."""
    try:
        one, five, fifteen = os.getloadavg()
    except (OSError, AttributeError):
        return None
    return round(one, 2), round(five, 2), round(fifteen, 2)


def disk_counters(stats: Path = Path("/proc/diskstats")) -> dict[str, Pair]:
    """Return bytes read and written of each whole disk since the machine started."""
    try:
        lines = [line.split() for line in stats.read_text("ascii", "replace").splitlines()]
    except OSError:
        return {}
    found: dict[str, Pair] = {}
    for fields in lines:
        try:
            found[fields[2]] = int(fields[5]) * SECTOR, int(fields[9]) * SECTOR
        except (IndexError, ValueError):
            continue
    whole = {name: pair for name, pair in found.items() if not _partition(name, found)}
    real = {name: pair for name, pair in whole.items() if not name.startswith(_DERIVED)}
    return real or whole


def _partition(name: str, names: dict[str, Pair]) -> bool:
    """Whether ``name`` is a part of another of the names: sda1 of sda, nvme0n1p2 of nvme0n1."""
    base = name.rstrip("0123456789")
    if base == name:
        return False
    return base in names or (base.endswith("p") and base[-2:-1].isdigit() and base[:-1] in names)


def network_counters() -> dict[str, Pair]:
    """Return bytes received and sent of each interface with a device behind it, else of all but the loopback.

    Bridges, tunnels and a container's end of a cable carry what a device carries once more.
    """
    try:
        all_of_them = psutil.net_io_counters(pernic=True, nowrap=False)
    except _READ_ERRORS:
        return {}
    found = {
        name: (int(one.bytes_recv), int(one.bytes_sent))
        for name, one in all_of_them.items()
        if name not in ("lo", "lo0")
    }
    real = {name: pair for name, pair in found.items() if Path("/sys/class/net", name, "device").exists()}
    return real or found


def _disks_portable() -> dict[str, Pair]:
    try:
        disks = psutil.disk_io_counters(perdisk=True, nowrap=False) or {}
    except _READ_ERRORS:
        return {}
    return {name: (int(one.read_bytes), int(one.write_bytes)) for name, one in disks.items()}


def _busy(times: Any) -> tuple[float, float]:
    """Return total and busy seconds."""
    # Linux counts guest time inside user time as well; waiting for a disk is not work.
    total = sum(times) - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)
    return total, total - times.idle - getattr(times, "iowait", 0.0)


def _share(before: tuple[float, float] | None, now: tuple[float, float]) -> float | None:
    if before is None or now[0] <= before[0]:
        return None
    # Counters may step back a little (iowait, hot-plugged cores): keep inside 0–100.
    return round(min(100.0, max(0.0, 100.0 * (now[1] - before[1]) / (now[0] - before[0]))), 1)


def _memory_linux(file: Path = Path("/proc/meminfo")) -> tuple[int | None, ...]:
    """Return total, available, swap total and swap used from one small file (psutil reads four for it)."""
    values: dict[bytes, int] = {}
    try:
        for line in file.read_bytes().splitlines():
            name, _, rest = line.partition(b":")
            if name in (b"MemTotal", b"MemAvailable", b"MemFree", b"Cached", b"SwapTotal", b"SwapFree"):
                values[name] = int(rest.split()[0]) * 1024
    except _READ_ERRORS:
        return _memory_portable()
    available = values.get(b"MemAvailable")
    total, swap_total, swap_free = (values.get(name) for name in (b"MemTotal", b"SwapTotal", b"SwapFree"))
    swap = swap_total - swap_free if swap_total is not None and swap_free is not None else None
    if total is None or available is None:
        return _memory_portable()
    return total, available, swap_total, swap


def _memory_portable() -> tuple[int | None, ...]:
    total = available = swap = swap_total = None
    try:
        memory = psutil.virtual_memory()
        total, available = int(memory.total), int(memory.available)
    except _READ_ERRORS:
        pass
    try:
        with warnings.catch_warnings():
            # psutil warns where /proc/vmstat is hidden (some containers); the value we want is there all the same.
            warnings.simplefilter("ignore")
            memory = psutil.swap_memory()
            swap, swap_total = int(memory.used), int(memory.total)
    except _READ_ERRORS:
        pass
    return total, available, swap_total, swap
