"""What presses: pressure stall information (PSI), and the memory of the control group this program runs in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from core.telemetry.cgroups import NO_LIMIT, UNIFIED, mounts, paths_of, read_fields, read_number


@dataclass(frozen=True, slots=True)
class Pressure:
    """PSI ``some avg10``: share of the last 10 s in which some task waited for it, percent."""

    cpu: float | None = None
    memory: float | None = None
    io: float | None = None


@dataclass(frozen=True, slots=True)
class GroupMemory:
    """Memory of a control group, bytes."""

    used: int | None = None
    """Without inactive file cache."""
    limit: int | None = None
    """The smallest limit on the way to the root; ``None``: none."""
    oom_kills: int | None = None
    """Kernel kills for lack of memory: the group's, else the machine's since it started."""


class Group:
    """The control group of this process, v1 or v2. Its place is found once: a process seldom moves.

    Args:
        proc: Where the kernel's process files are.
    """

    def __init__(self, proc: Path = Path("/proc")) -> None:
        self._proc = proc
        self._unified, self._v1, self._root = _places(proc)

    def pressure(self) -> Pressure:
        """Read the group's pressure; the machine's where the group has none."""

        def one(name: str) -> float | None:
            own = _some(self._unified / f"{name}.pressure") if self._unified is not None else None
            return own if own is not None else _some(self._proc / "pressure" / name)

        return Pressure(one("cpu"), one("memory"), one("io"))

    def memory(self) -> GroupMemory:
        """Read the group's memory, its limit and its kills."""
        if self._unified is not None and (self._unified / "memory.current").exists():
            stat = read_fields(self._unified / "memory.stat")
            used = read_number(self._unified / "memory.current")
            limit = self._limit_above(self._unified)
            kills = read_fields(self._unified / "memory.events").get("oom_kill")
            inactive = stat.get("inactive_file", 0)
        elif self._v1 is not None:
            stat = read_fields(self._v1 / "memory.stat")
            used = read_number(self._v1 / "memory.usage_in_bytes")
            limit = stat.get("hierarchical_memory_limit", read_number(self._v1 / "memory.limit_in_bytes"))
            kills = read_fields(self._v1 / "memory.oom_control").get("oom_kill")
            inactive = stat.get("total_inactive_file", stat.get("inactive_file", 0))
        else:
            used = limit = kills = None
            inactive = 0
        if kills is None:
            kills = read_fields(self._proc / "vmstat").get("oom_kill")
        return GroupMemory(
            used=max(0, used - inactive) if used is not None else None,
            limit=limit if limit is not None and limit < NO_LIMIT else None,
            oom_kills=kills,
        )

    def _limit_above(self, folder: Path) -> int | None:
        """A group of v2 may use no more than any group above it."""
        limits = []
        while folder != self._root and folder != folder.parent:
            limits.append(read_number(folder / "memory.max"))
            folder = folder.parent
        return min((limit for limit in limits if limit is not None), default=None)


def _places(proc: Path) -> tuple[Path | None, Path | None, Path | None]:
    """Return the folders of this process's v2 group and v1 memory group, and the root of v2."""
    paths, places = paths_of(proc), mounts(proc)

    def own(controller: str) -> Path | None:
        if controller not in paths or controller not in places:
            return None
        root, mount = places[controller]
        return _below(mount, root, paths[controller])

    top = places[UNIFIED][1] if UNIFIED in paths and UNIFIED in places else None
    return own(UNIFIED), own("memory"), top


def _below(mount: Path, root: str, path: str) -> Path | None:
    """Return a group's folder under a mount; the mount itself where a container sees only its own part."""
    folder = mount / path.removeprefix(root if root != "/" else "").lstrip("/")
    if folder.is_dir():
        return folder
    return mount if mount.is_dir() else None


def _some(file: Path) -> float | None:
    """Read ``some avg10=1.23 …``."""
    try:
        for line in file.read_text("ascii").splitlines():
            kind, _, rest = line.partition(" ")
            if kind == "some":
                return float(dict(pair.split("=", 1) for pair in rest.split())["avg10"])
    except (OSError, ValueError, KeyError):
        pass
    return None
