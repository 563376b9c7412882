"""The engine's process tree: memory by kind and processor time, summed over roots and all their children.

On Linux everything comes from ``/proc`` (a few dozen microseconds a process); elsewhere from psutil.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import psutil

PSS_SHARE = 0.003
"""PSS may take this share of the time at most. The kernel walks every page for it: 2 ms for a small model,
0.1 s for a large one, with the engine's address space locked meanwhile."""

MIN_CPU_WINDOW = 0.1
"""A shorter stretch holds too few clock ticks (10 ms each on Linux) for a percentage."""

TREE_SECONDS = 5.0
"""How long a list of children found through psutil (it reads every process of the machine) stays good."""

_KB = 1024
_TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
_ERRORS = (OSError, ValueError, IndexError, psutil.Error)


@dataclass(frozen=True, slots=True)
class ProcessReading:
    """One process. Sizes are bytes; ``None`` means it could not be read."""

    rss: int
    anon: int | None
    file: int | None
    cpu_seconds: float | None
    """User and system time since it started."""
    started: float
    """Start time in the platform's unit: tells a process from a later one with the same pid."""


@dataclass(frozen=True, slots=True)
class TreeReading:
    """The sum over a process tree. Sizes are bytes; ``None`` means no process of it could be read."""

    pss: int | None = None
    """Proportional set size; RSS for a process whose PSS is not readable."""
    rss: int | None = None
    anon: int | None = None
    file: int | None = None
    """Includes shared memory: what is not anonymous."""
    cpu_percent: float | None = None
    """Since the reading before; 100 is one core."""
    processes: int | None = None
    """Live processes; ``None`` when there is no tree to look at."""


@dataclass(slots=True)
class _Known:
    """What is remembered of a process between readings."""

    started: float
    cpu_seconds: float | None = None
    pss: int | None = None
    pss_rss: int = 0
    """RSS when the PSS was read."""
    pss_due: float = 0.0


def read_linux(pid: int) -> ProcessReading | None:
    """Read ``/proc/PID``; ``None`` when it is gone, a zombie, or hidden."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
        status = Path(f"/proc/{pid}/status").read_bytes()
        # The command name may hold spaces and brackets: fields start after the last closing one.
        fields = stat[stat.rindex(b")") + 2 :].split()
        sizes: dict[bytes, int] = {}
        for line in status.splitlines():
            name, _, value = line.partition(b":")
            if name in (b"VmRSS", b"RssAnon", b"RssFile", b"RssShmem"):
                sizes[name] = int(value.split()[0]) * _KB
        if b"VmRSS" not in sizes:
            return None
        mapped = [sizes[name] for name in (b"RssFile", b"RssShmem") if name in sizes]
        return ProcessReading(
            rss=sizes[b"VmRSS"],
            anon=sizes.get(b"RssAnon"),
            file=sum(mapped) if mapped else None,
            cpu_seconds=(int(fields[11]) + int(fields[12])) / _TICKS,
            started=float(fields[19]),
        )
    except _ERRORS:
        return None


def read_portable(pid: int) -> ProcessReading | None:
    """Read a process through psutil (macOS and others); ``None`` when that is not possible."""
    try:
        process = psutil.Process(pid)
        with process.oneshot():
            if process.status() == psutil.STATUS_ZOMBIE:
                return None
            times = process.cpu_times()
            return ProcessReading(
                rss=int(process.memory_info().rss),
                anon=None,
                file=None,
                cpu_seconds=float(times.user + times.system),
                started=float(process.create_time()),
            )
    except _ERRORS:
        return None


def read_pss(pid: int) -> int | None:
    """Return a process's PSS in bytes from ``smaps_rollup``, or ``None`` (another user's, no Linux)."""
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_bytes()
        at = rollup.index(b"\nPss:")
        return int(rollup[at + 5 :].split(None, 1)[0]) * _KB
    except _ERRORS:
        return None


def _children_linux(pid: int) -> list[int] | None:
    """Direct children as the kernel lists them, for each thread; ``None`` where it does not."""
    found: list[int] = []
    try:
        with os.scandir(f"/proc/{pid}/task") as tasks:
            for task in tasks:
                found += [int(child) for child in Path(task.path, "children").read_bytes().split()]
    except _ERRORS:
        return None
    return found


def _descendants(pid: int) -> list[int]:
    try:
        return [int(child.pid) for child in psutil.Process(pid).children(recursive=True)]
    except _ERRORS:
        return []


class ProcessTree:
    """Reads a tree of processes and remembers what a rate needs. Not thread-safe: the hub holds its lock."""

    def __init__(
        self,
        read: Callable[[int], ProcessReading | None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        linux = sys.platform.startswith("linux")
        self._read = read or (read_linux if linux else read_portable)
        self._pss_readable = linux and read is None
        self._kernel_lists = self._pss_readable and _children_linux(os.getpid()) is not None
        self._clock = clock
        self._known: dict[int, _Known] = {}
        self._cpu_at: float | None = None
        self._cpu_percent: float | None = None
        self._listed: tuple[float, tuple[int, ...], list[int]] | None = None

    def read(self, roots: Iterable[int]) -> TreeReading:
        """Read the roots and all their descendants once.

        Args:
            roots: Process ids; those that do not exist are left out.
        """
        wanted = tuple(sorted(set(roots)))
        if not wanted:
            self._known.clear()
            return TreeReading()
        now = self._clock()
        elapsed = now - self._cpu_at if self._cpu_at is not None else 0.0
        measure_cpu = self._cpu_at is None or elapsed >= MIN_CPU_WINDOW
        if measure_cpu:
            self._cpu_at = now
        known: dict[int, _Known] = {}
        pss = rss = 0
        anon: int | None = None
        file: int | None = None
        cpu: float | None = None
        for pid in self._members(wanted, now):
            reading = self._read(pid)
            if reading is None:
                continue
            before = self._known.get(pid)
            if before is None or before.started != reading.started:
                before = _Known(reading.started)
            elif measure_cpu and before.cpu_seconds is not None and reading.cpu_seconds is not None:
                cpu = (cpu or 0.0) + max(0.0, reading.cpu_seconds - before.cpu_seconds)
            if measure_cpu:
                before.cpu_seconds = reading.cpu_seconds
            known[pid] = before
            rss += reading.rss
            pss += self._pss(pid, before, reading.rss)
            anon = _add(anon, reading.anon)
            file = _add(file, reading.file)
        self._known = known
        if not known:
            return TreeReading(processes=0)
        if measure_cpu:
            self._cpu_percent = round(100.0 * cpu / elapsed, 1) if cpu is not None else None
        return TreeReading(pss, rss, anon, file, self._cpu_percent, len(known))

    def _pss(self, pid: int, known: _Known, rss: int) -> int:
        """PSS now, within the budget: between two readings of it, the change of RSS is added to the last."""
        now = self._clock()
        if self._pss_readable and now >= known.pss_due:
            known.pss, known.pss_rss = read_pss(pid), rss
            cost = self._clock() - now
            known.pss_due = now + cost / PSS_SHARE
        if known.pss is None:
            return rss
        return max(0, known.pss + rss - known.pss_rss)

    def _members(self, roots: tuple[int, ...], now: float) -> list[int]:
        if self._kernel_lists:
            found: dict[int, None] = dict.fromkeys(roots)
            waiting = list(roots)
            while waiting:
                for child in _children_linux(waiting.pop()) or ():
                    if child not in found:
                        found[child] = None
                        waiting.append(child)
            return list(found)
        if self._listed is None or self._listed[1] != roots or now - self._listed[0] >= TREE_SECONDS:
            members = dict.fromkeys(roots)
            for root in roots:
                members.update(dict.fromkeys(_descendants(root)))
            self._listed = (now, roots, list(members))
        return self._listed[2]


def _add(total: int | None, more: int | None) -> int | None:
    return total if more is None else (total or 0) + more


def engine_memory(root_pids: Iterable[int]) -> TreeReading:
    """Read the memory of a process tree once, for whoever has no hub (``doctor``, benchmarks).

    Returns:
        The sums in bytes; ``cpu_percent`` is always ``None``, as a rate takes two readings.
    """
    return ProcessTree().read(root_pids)
