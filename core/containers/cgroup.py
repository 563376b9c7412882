"""A container's memory and processor, read from the kernel's own files: cgroup v1 and v2."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from core.telemetry.cgroups import NO_LIMIT, UNIFIED, mounts, paths_of, read_fields, read_number


@dataclass(frozen=True, slots=True)
class Use:
    """What one group uses now. Sizes bytes; what cannot be read is ``None``."""

    memory_bytes: int | None
    """Without inactive file cache, as ``docker stats`` counts."""
    memory_limit: int | None
    cpu_seconds: float | None
    oom_kills: int | None
    """Processes the kernel killed in the group for its limit, since the group was made."""


class Group:
    """The control group of one process. Cheap: four small files a reading.

    Args:
        memory: Folder of the memory controller.
        cpu: Folder of the processor's accounting; the same for v2.
        unified: Whether it is v2.
    """

    def __init__(self, memory: Path, cpu: Path | None, *, unified: bool) -> None:
        self._memory, self._cpu, self._unified = memory, cpu, unified

    def read(self) -> Use | None:
        """Read it; ``None`` when it is gone."""
        names = (
            ("memory.current", "memory.max")
            if self._unified
            else ("memory.usage_in_bytes", "memory.limit_in_bytes")
        )
        used = read_number(self._memory / names[0])
        if used is None:
            return None
        inactive = read_fields(self._memory / "memory.stat").get(
            "inactive_file" if self._unified else "total_inactive_file", 0
        )
        limit = read_number(self._memory / names[1])
        kills = read_fields(self._memory / ("memory.events" if self._unified else "memory.oom_control"))
        return Use(
            memory_bytes=max(0, used - inactive),
            memory_limit=limit if limit is not None and limit < NO_LIMIT else None,
            cpu_seconds=self._cpu_seconds(),
            oom_kills=kills.get("oom_kill"),
        )

    def _cpu_seconds(self) -> float | None:
        if self._cpu is None:
            return None
        if self._unified:
            microseconds = read_fields(self._cpu / "cpu.stat").get("usage_usec")
            return None if microseconds is None else microseconds / 1e6
        nanoseconds = read_number(self._cpu / "cpuacct.usage")
        return None if nanoseconds is None else nanoseconds / 1e9


def find(pid: int, container_id: str, *, proc: Path = Path("/proc")) -> Group | None:
    """Find the group of a container's first process.

    Args:
        pid: The process, as this machine's kernel numbers it.
        container_id: Must be in the group's name: behind Docker Desktop the number belongs to another process.
        proc: Where the kernel's process files are.

    Returns:
        ``None`` when it cannot be seen from here (another machine, a virtual machine, a namespace of our own).
    """
    paths, places = paths_of(proc, pid), mounts(proc)
    memory = _folder(places, paths, "memory", container_id)
    if memory is not None:
        return Group(memory, _folder(places, paths, "cpuacct", container_id), unified=False)
    unified = _folder(places, paths, UNIFIED, container_id)
    if unified is not None and (unified / "memory.current").exists():
        return Group(unified, unified, unified=True)
    return None


def _folder(
    places: dict[str, tuple[str, Path]], paths: dict[str, str], controller: str, container_id: str
) -> Path | None:
    if controller not in places or controller not in paths or container_id not in paths[controller]:
        return None
    root, place = places[controller]
    path = paths[controller]
    if root != "/" and not path.startswith(root + "/"):
        return None
    folder = place / path.removeprefix(root).lstrip("/")
    return folder if folder.is_dir() else None
