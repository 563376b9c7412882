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

QUIET_SECONDS = 15.0
"""PSS is read again no sooner than this while RSS stays within :data:`QUIET_BYTES`: an idle engine is not walked
through. The little that RSS moves is added all the same."""

QUIET_BYTES = 1 << 20
"""An engine that answers a question about its state touches a few pages each time."""

MIN_CPU_WINDOW = 0.1
"""A shorter stretch holds too few clock ticks (10 ms each on Linux) for a percentage."""

TREE_SECONDS = 5.0
"""How long a list of children found through psutil (it reads every process of the machine) stays good."""

LIST_SECONDS = 1.5
"""How long a list of children found through the kernel (a small file for each thread) stays good."""

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
    threads: int | None = None


@dataclass(frozen=True, slots=True)
class PssReading:
    """A process's proportional set size in its parts, bytes: ``pss == anon + file``."""

    anon: int
    file: int
    """Mapped from files, shared memory included."""


@dataclass(frozen=True, slots=True)
class TreeReading:
    """The sum over a process tree. Sizes are bytes; ``None`` means no process of it could be read."""

    pss: int | None = None
    """Proportional set size; RSS for a process whose PSS is not readable."""
    rss: int | None = None
    anon: int | None = None
    """The part of :attr:`pss` that belongs to no file."""
    file: int | None = None
    """The rest of :attr:`pss`: mapped from files, shared memory included."""
    cpu_percent: float | None = None
    """Since the reading before; 100 is one core."""
    processes: int | None = None
    """Live processes; ``None`` when there is no tree to look at."""
    threads: int | None = None
    pids: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class TreeIo:
    """What a tree reads from and writes to disks now, bytes per second; the page cache does not count."""

    read: float | None = None
    write: float | None = None


@dataclass(slots=True)
class _Known:
    """What is remembered of a process between readings."""

    started: float
    cpu_seconds: float | None = None
    pss: PssReading | None = None
    at: tuple[int, int] = (0, 0)
    """RSS, its anonymous part and the rest, when the PSS was read."""
    pss_due: float = 0.0
    pss_at: float = float("-inf")


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
            threads=int(fields[17]),
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
                threads=int(process.num_threads()),
            )
    except _ERRORS:
        return None


def read_pss(pid: int) -> PssReading | None:
    """Return a process's PSS from ``smaps_rollup``, or ``None`` (another user's, no Linux)."""
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_bytes()
        pss = _kilobytes(rollup, b"\nPss:")
    except _ERRORS:
        return None
    try:
        anon = min(pss, _kilobytes(rollup, b"\nPss_Anon:"))
    except ValueError:
        # Before Linux 5.9 there is no split; anonymous memory is seldom shared, so all of it counts.
        try:
            anon = min(pss, _kilobytes(rollup, b"\nAnonymous:"))
        except ValueError:
            anon = pss
    return PssReading(anon, pss - anon)


def _kilobytes(text: bytes, name: bytes) -> int:
    at = text.index(name)
    return int(text[at + len(name) :].split(None, 1)[0]) * _KB


def read_io(pid: int) -> tuple[int, int] | None:
    """Return the bytes a process read from and wrote to disks since it started, or ``None`` (another user's)."""
    try:
        if not sys.platform.startswith("linux"):
            counters = psutil.Process(pid).io_counters()
            return int(counters.read_bytes), int(counters.write_bytes)
        text = Path(f"/proc/{pid}/io").read_bytes()
        values = dict(line.split(b": ", 1) for line in text.splitlines())
        return int(values[b"read_bytes"]), int(values[b"write_bytes"])
    except (*_ERRORS, KeyError, AttributeError):
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
        self._io: tuple[float, dict[tuple[int, float], tuple[int, int] | None]] | None = None

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
        threads: int | None = None
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
            parts = self._pss(pid, before, reading)
            pss += reading.rss if parts is None else parts[0] + parts[1]
            if parts is not None:
                anon, file = _add(anon, parts[0]), _add(file, parts[1])
            threads = _add(threads, reading.threads)
        self._known = known
        if not known:
            return TreeReading(processes=0)
        if measure_cpu:
            self._cpu_percent = round(100.0 * cpu / elapsed, 1) if cpu is not None else None
        return TreeReading(pss, rss, anon, file, self._cpu_percent, len(known), threads, tuple(known))

    def _pss(self, pid: int, known: _Known, reading: ProcessReading) -> tuple[int, int] | None:
        """PSS now in its parts, within the budget: between two readings of it, the change of RSS is added to the last.

        Returns:
            Anonymous and the rest; those of RSS where PSS is hidden, ``None`` where those are, too.
        """
        if reading.anon is None:
            return None
        now_at = (reading.anon, reading.rss - reading.anon)
        now = self._clock()
        moved = abs(now_at[0] - known.at[0]) + abs(now_at[1] - known.at[1])
        changed = moved > QUIET_BYTES or now - known.pss_at >= QUIET_SECONDS
        if self._pss_readable and changed and now >= known.pss_due:
            known.pss, known.at, known.pss_at = read_pss(pid), now_at, now
            cost = self._clock() - now
            known.pss_due = now + cost / PSS_SHARE
        if known.pss is None:
            return now_at
        return (
            max(0, known.pss.anon + now_at[0] - known.at[0]),
            max(0, known.pss.file + now_at[1] - known.at[1]),
        )

    def io(self) -> TreeIo:
        """What the processes of the last reading read and wrote since the last call of this."""
        now = self._clock()
        before, self._io = (
            self._io,
            (now, {(pid, one.started): read_io(pid) for pid, one in self._known.items()}),
        )
        if before is None or now <= before[0]:
            return TreeIo()
        read = write = 0.0
        both = 0
        for key, counters in self._io[1].items():
            earlier = before[1].get(key)
            if counters is not None and earlier is not None:
                # A counter that stepped back was put to zero: nothing is known of that stretch.
                read += max(0, counters[0] - earlier[0])
                write += max(0, counters[1] - earlier[1])
                both += 1
        seconds = now - before[0]
        return TreeIo(read / seconds, write / seconds) if both else TreeIo()

    def _members(self, roots: tuple[int, ...], now: float) -> list[int]:
        good_for = LIST_SECONDS if self._kernel_lists else TREE_SECONDS
        if self._listed is None or self._listed[1] != roots or now - self._listed[0] >= good_for:
            members = dict.fromkeys(roots)
            for root in roots:
                members.update(dict.fromkeys(self._below(root)))
            self._listed = (now, roots, list(members))
        return self._listed[2]

    def _below(self, root: int) -> list[int]:
        if not self._kernel_lists:
            return _descendants(root)
        found: dict[int, None] = {}
        waiting = [root]
        while waiting:
            for child in _children_linux(waiting.pop()) or ():
                if child not in found:
                    found[child] = None
                    waiting.append(child)
        return list(found)


def _add(total: int | None, more: int | None) -> int | None:
    return total if more is None else (total or 0) + more


def engine_memory(root_pids: Iterable[int]) -> TreeReading:
    """Read the memory of a process tree once, for whoever has no hub (``doctor``, benchmarks).

    Returns:
        The sums in bytes; ``cpu_percent`` is always ``None``, as a rate takes two readings.
    """
    return ProcessTree().read(root_pids)
