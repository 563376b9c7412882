"""What memory is available to the engine, each source named."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from core.fit import cgroups
from core.fit.types import Availability, Room, RoomName
from core.text import clean_line

if TYPE_CHECKING:
    from core.containers.types import ContainerStatus

_BINDING: tuple[RoomName, ...] = ("memory", "cgroup", "container")
"""Swap is no room to run in, and llama.cpp goes on with the processor when a GPU is too small."""


def availability(
    *,
    root_pids: Sequence[int] = (),
    container: ContainerStatus | None = None,
    freed: int = 0,
    proc: Path = Path("/proc"),
    gpus: bool = True,
) -> Availability:
    """Ask the kernel (and the GPU's driver) what may be used now. Blocks for milliseconds.

    Args:
        root_pids: The engine's first processes on this machine; empty: it would be started by this one.
        container: Where the engine runs, when it runs in one.
        freed: Bytes that unloading what is loaded would give back first.
        proc: Where the kernel's files are.
        gpus: Whether to ask for GPU memory.
    """
    rooms = list(_machine(proc, freed))
    contained = container is not None and container.state not in ("absent", "exited")
    pid = container.pid if contained and container else next(iter(root_pids), None)
    limits = [] if contained and pid is None else cgroups.limits(pid, proc=proc)
    tightest = min(limits, key=lambda limit: limit.limit - limit.used, default=None)
    if tightest is not None and not contained:
        left = _left(tightest.limit, tightest.used, freed)
        rooms.append(Room("cgroup", left, tightest.limit, clean_line(tightest.path)))
    if contained and container is not None and container.memory_limit is not None:
        used = container.memory_bytes or 0
        left = _left(container.memory_limit, used, freed)
        rooms.append(Room("container", left, container.memory_limit, clean_line(container.name)))
    if gpus:
        rooms += _gpus()
    deciding = [room for room in rooms if room.name in _BINDING]
    binding = min(deciding, key=lambda room: room.available).name if deciding else None
    return Availability(tuple(rooms), binding)


def _left(limit: int, used: int, freed: int) -> int:
    return min(limit, max(0, limit - used + freed))


def _machine(proc: Path, freed: int) -> list[Room]:
    fields = _meminfo(proc / "meminfo")
    if "MemAvailable" in fields:
        total = fields.get("MemTotal")
        free = fields["MemAvailable"] + freed
        rooms = [Room("memory", min(free, total) if total else free, total, "MemAvailable")]
        if fields.get("SwapTotal"):
            rooms.append(Room("swap", fields.get("SwapFree", 0), fields["SwapTotal"], "SwapFree"))
        return rooms
    if proc != Path("/proc"):
        return []
    try:
        memory, swap = psutil.virtual_memory(), psutil.swap_memory()
    except (psutil.Error, OSError, RuntimeError):
        return []
    rooms = [Room("memory", min(memory.total, memory.available + freed), memory.total, "")]
    if swap.total:
        rooms.append(Room("swap", swap.free, swap.total, ""))
    return rooms


def _meminfo(file: Path) -> dict[str, int]:
    try:
        lines = file.read_text("ascii").splitlines()
    except (OSError, ValueError):
        return {}
    found = {}
    for line in lines:
        name, _, rest = line.partition(":")
        words = rest.split()
        if words and words[0].isdigit():
            found[name] = int(words[0]) * 1024
    return found


def _gpus() -> list[Room]:
    """Free memory of every NVIDIA card; empty without its library or driver."""
    try:
        import pynvml

        pynvml.nvmlInit()
    except Exception:
        return []
    rooms = []
    try:
        for index in range(pynvml.nvmlDeviceGetCount()):
            handle = pynvml.nvmlDeviceGetHandleByIndex(index)
            memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
            name = pynvml.nvmlDeviceGetName(handle)
            text = name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name)
            rooms.append(Room("gpu", int(memory.free), int(memory.total), clean_line(text)))
    except Exception:
        return rooms
    finally:
        pynvml.nvmlShutdown()
    return rooms
