"""The control groups a process is in, from its own up to the root: limits, use and kills. Linux only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from core.telemetry.cgroups import NO_LIMIT, UNIFIED, mounts, paths_of, read_fields, read_number


@dataclass(frozen=True, slots=True)
class Limit:
    """One group's limit. Sizes bytes."""

    path: str
    limit: int
    used: int
    """Without inactive file cache, which the kernel gives back before it kills."""


def limits(pid: int | None = None, *, proc: Path = Path("/proc")) -> list[Limit]:
    """The limits that hold for a process, its own group first; empty where there are none."""
    found = []
    for folder, unified in _folders(pid, proc):
        limit = read_number(folder / ("memory.max" if unified else "memory.limit_in_bytes"))
        used = read_number(folder / ("memory.current" if unified else "memory.usage_in_bytes"))
        if limit is None or used is None or limit >= NO_LIMIT:
            continue
        cache = read_fields(folder / "memory.stat").get(
            "inactive_file" if unified else "total_inactive_file", 0
        )
        found.append(Limit(str(folder), limit, max(0, used - cache)))
    return found


def kills(pid: int | None = None, *, proc: Path = Path("/proc")) -> int | None:
    """Processes the kernel killed for memory in the process's own group (v2: and below); ``None``: not readable."""
    for folder, unified in _folders(pid, proc):
        return read_fields(folder / ("memory.events" if unified else "memory.oom_control")).get("oom_kill")
    return None


def _folders(pid: int | None, proc: Path) -> Iterator[tuple[Path, bool]]:
    """Folders of the memory controller from the process's group up, and whether they are v2."""
    paths, places = paths_of(proc, pid), mounts(proc)
    for controller, unified in (("memory", False), (UNIFIED, True)):
        if controller not in places or controller not in paths:
            continue
        root, mount = places[controller]
        inside = paths[controller]
        if root != "/" and (inside == root or inside.startswith(root + "/")):
            inside = inside[len(root) :]
        folder = mount.joinpath(*[part for part in inside.split("/") if part not in ("", "..")])
        if not folder.is_dir():
            # In a container the path may be the host's, while only the group itself is mounted.
            folder = mount
        name = "memory.current" if unified else "memory.usage_in_bytes"
        while True:
            if (folder / name).exists():
                yield folder, unified
            if folder == mount or mount not in folder.parents:
                break
            folder = folder.parent
