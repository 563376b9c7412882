"""Energy counters of the processor package (RAPL), where the kernel lets this user read them.

Linux only, root only since 5.10 unless the administrator allowed it, absent in most virtual machines. The counters are
of the whole machine, other programs included.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

POWERCAP = Path("/sys/class/powercap")


@dataclass(frozen=True)
class Zone:
    """One counter and the value after which it begins again, both in microjoules."""

    counter: Path
    wraps_at: int


def zones(root: Path = POWERCAP) -> tuple[Zone, ...]:
    """Return the counters that add up: every package and its memory. ``()`` where none can be read."""
    found: list[Zone] = []
    for folder in sorted(root.glob("intel-rapl:*")):
        try:
            name = (folder / "name").read_text("ascii").strip()
            # Cores and the graphics part are inside their package, "psys" is the packages and more.
            if name != "dram" and not name.startswith("package"):
                continue
            counter = folder / "energy_uj"
            int(counter.read_text("ascii"))
            found.append(Zone(counter, int((folder / "max_energy_range_uj").read_text("ascii"))))
        except (OSError, ValueError):
            continue
    return tuple(found)


@functools.lru_cache(maxsize=1)
def _here() -> tuple[Zone, ...]:
    return zones()


Reading = Mapping[Path, int]


def read(counters: tuple[Zone, ...] | None = None) -> Reading:
    """Read the counters; a few microseconds each. Empty where there are none."""
    values: dict[Path, int] = {}
    for zone in _here() if counters is None else counters:
        try:
            values[zone.counter] = int(zone.counter.read_text("ascii"))
        except (OSError, ValueError):
            continue
    return values


def joules_since(before: Reading, counters: tuple[Zone, ...] | None = None) -> float | None:
    """Return what was used since a reading, in joules; ``None`` where nothing can be read.

    A counter that began again in between is taken to have done so once: at 100 W that is after most of an hour.
    """
    now = read(counters)
    total, seen = 0, False
    for zone in _here() if counters is None else counters:
        if zone.counter in before and zone.counter in now:
            used = now[zone.counter] - before[zone.counter]
            total += used if used >= 0 else used + zone.wraps_at
            seen = True
    return total / 1e6 if seen else None
