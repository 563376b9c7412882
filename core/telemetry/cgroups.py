"""The kernel's files about control groups, v1 and v2: where they are and how they read. Linux only."""

from __future__ import annotations

from pathlib import Path

NO_LIMIT = 1 << 60
"""cgroup v1 writes "no limit" as a number near 2^63."""

UNIFIED = ""
"""The controller's name that stands for the hierarchy of v2."""


def paths_of(proc: Path, pid: int | None = None) -> dict[str, str]:
    """Controller → path of a process's group inside its hierarchy; empty when it cannot be read.

    Args:
        proc: Where the kernel's process files are.
        pid: ``None``: this process.
    """
    paths: dict[str, str] = {}
    for line in _lines(proc / (str(pid) if pid else "self") / "cgroup"):
        parts = line.split(":", 2)
        if len(parts) == 3:
            paths.update(dict.fromkeys(parts[1].split(","), parts[2]))
    return paths


def mounts(proc: Path) -> dict[str, tuple[str, Path]]:
    """Controller → (root inside the hierarchy, mount point)."""
    places: dict[str, tuple[str, Path]] = {}
    for line in _lines(proc / "self" / "mountinfo"):
        before, _, after = line.partition(" - ")
        fields, rest = before.split(), after.split()
        if len(fields) < 5 or len(rest) < 3 or rest[0] not in ("cgroup", "cgroup2"):
            continue
        for controller in [UNIFIED] if rest[0] == "cgroup2" else rest[2].split(","):
            places.setdefault(controller, (fields[3], Path(fields[4])))
    return places


def read_number(file: Path) -> int | None:
    """Read a file of one number; ``None`` when there is none (v2 writes ``max`` for no limit)."""
    try:
        return int(file.read_text("ascii"))
    except (OSError, ValueError):
        return None


def read_fields(file: Path) -> dict[str, int]:
    """Read a file of names and numbers, one pair a line; empty when it cannot be read."""
    pairs = (line.split() for line in _lines(file))
    return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2 and pair[1].isdecimal()}


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text("utf-8", "replace").splitlines()
    except OSError:
        return []
