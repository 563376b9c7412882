"""The control groups a process is in, from its own up to the root: limits, use and kills. Linux only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

NO_LIMIT = 1 << 60
"""cgroup v1 writes "no limit" as a number near 2^63."""


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
        limit = _number(folder / ("memory.max" if unified else "memory.limit_in_bytes"))
        used = _number(folder / ("memory.current" if unified else "memory.usage_in_bytes"))
        if limit is None or used is None or limit >= NO_LIMIT:
            continue
        cache = _fields(folder / "memory.stat").get("inactive_file" if unified else "total_inactive_file", 0)
        found.append(Limit(str(folder), limit, max(0, used - cache)))
    return found


def kills(pid: int | None = None, *, proc: Path = Path("/proc")) -> int | None:
    """Processes the kernel killed for memory in the process's own group (v2: and below); ``None``: not readable."""
    for folder, unified in _folders(pid, proc):
        return _fields(folder / ("memory.events" if unified else "memory.oom_control")).get("oom_kill")
    return None


def _folders(pid: int | None, proc: Path) -> Iterator[tuple[Path, bool]]:
    """Folders of the memory controller from the process's group up, and whether they are v2."""
    try:
        groups = (proc / (str(pid) if pid else "self") / "cgroup").read_text("utf-8", "replace").splitlines()
        mounts = (proc / "self" / "mountinfo").read_text("utf-8", "replace").splitlines()
    except OSError:
        return
    paths: dict[str, str] = {}
    for line in groups:
        parts = line.split(":", 2)
        if len(parts) == 3:
            for controller in parts[1].split(","):
                paths[controller] = parts[2]
    places = _mounts(mounts)
    for controller, unified in (("memory", False), ("", True)):
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


def _mounts(lines: list[str]) -> dict[str, tuple[str, Path]]:
    """Controller → (root inside the hierarchy, mount point); the unified hierarchy under ``""``."""
    places: dict[str, tuple[str, Path]] = {}
    for line in lines:
        before, _, after = line.partition(" - ")
        fields, rest = before.split(), after.split()
        if len(fields) < 5 or len(rest) < 3 or rest[0] not in ("cgroup", "cgroup2"):
            continue
        for controller in [""] if rest[0] == "cgroup2" else rest[2].split(","):
            places.setdefault(controller, (fields[3], Path(fields[4])))
    return places


def _number(file: Path) -> int | None:
    try:
        return int(file.read_text("ascii"))
    except (OSError, ValueError):
        # v2 writes "max" for no limit.
        return None


def _fields(file: Path) -> dict[str, int]:
    try:
        lines = file.read_text("ascii").splitlines()
    except (OSError, ValueError):
        return {}
    pairs = (line.split() for line in lines)
    return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2 and pair[1].isdigit()}
