"""Deaths for lack of memory, seen from one status to the next.

Two ways to die: of a real Ollama only the model's process is killed and the container lives on, which only the
kernel's counter tells; a server that is the container's first process takes the container along, and Docker says so.
"""

from __future__ import annotations

from core.containers.errors import ContainerError
from core.containers.types import ContainerStatus

KILLED = 137
"""Exit status of a process that got SIGKILL: 128 + 9."""


class Watch:
    """Compares each status with the one before. For one thread at a time."""

    def __init__(self) -> None:
        self._last: ContainerStatus | None = None
        self._peak = 0

    def feed(self, status: ContainerStatus) -> ContainerError | None:
        """Take a status; return what to say when a process was killed for memory since the last one.

        The first status only tells where counting begins, unless it is of a container that is dead already.
        """
        last, self._last = self._last, status
        same = last is not None and last.name == status.name and last.started_at == status.started_at
        if same:
            self._peak = max(self._peak, status.memory_bytes or 0)
        peak = self._peak
        if not same:
            self._peak = status.memory_bytes or 0
        if last is None or last.name != status.name:
            return None
        if same and (status.oom_kills or 0) > (last.oom_kills or 0) and status.pid is not None:
            return killed("error.container.memory.runner", status, peak)
        if status.oom_killed and (not last.oom_killed or (status.restarts or 0) > (last.restarts or 0)):
            return killed("error.container.memory", status, peak)
        return None


def killed(key: str, status: ContainerStatus, peak: int) -> ContainerError:
    """Say that something was killed, with the numbers that are known.

    Args:
        key: What was killed: ``error.container.memory`` or ``error.container.memory.runner``.
        status: The container.
        peak: Most memory seen in use before, bytes; 0 when not known.
    """
    return ContainerError(
        key,
        name=status.name,
        limit=mebibytes(status.memory_limit),
        used=mebibytes(peak or None),
        kills=status.oom_kills if status.oom_kills is not None else "—",
        code=status.exit_code if status.exit_code is not None else KILLED,
    )


def mebibytes(size: int | None) -> str:
    """A size for a sentence."""
    return "N/A" if size is None else f"{size / 2**20:,.0f} MiB"
