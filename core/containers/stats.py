"""What the container uses: sampled about once a second, cheaply, without the two seconds ``docker stats`` takes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from core.containers import cgroup, describe
from core.containers.daemon import connect, translated
from core.containers.types import ContainerStatus
from core.engines.container import docker_present
from core.errors import StudyError

INSPECT_SECONDS = 3.0
"""State, health and restarts are asked this often; memory and processor at every reading."""

ABSENT_SECONDS = 5.0
"""How often to look for a container while there is none."""

DOWN_SECONDS = 30.0
"""How long to leave a Docker alone that did not answer."""

API_SECONDS = 3.0


class ContainerSampler:
    """Reads the service's container again and again. For one thread at a time; blocks for milliseconds.

    Args:
        project: Compose project it must belong to; ``""``: any.
        on_status: Called with every reading, in the reading thread.
        clock: Seconds that never run backwards.
    """

    def __init__(
        self,
        project: str = "",
        *,
        on_status: Callable[[ContainerStatus], None] = lambda status: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._project = project
        self._on_status = on_status
        self._clock = clock
        self._lock = threading.Lock()
        self._client: Any = None
        self._known: ContainerStatus | None = None
        self._id = ""
        self._group: cgroup.Group | None = None
        self._next = float("-inf")
        self._cpu: tuple[str, float, float] | None = None
        """Container, when, and its processor seconds then."""

    def read(self) -> ContainerStatus | None:
        """Return what is known now; ``None`` without Docker, while it is down, or when there is no container."""
        with self._lock:
            now = self._clock()
            try:
                if now >= self._next:
                    self._inspect(now)
                status = self._sample()
            except StudyError:
                self._forget(now + DOWN_SECONDS)
                return None
        if status is not None:
            self._on_status(status)
        return status

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._forget(float("-inf"))

    def _forget(self, again: float) -> None:
        if self._client is not None:
            self._client.close()
        self._client, self._known, self._group, self._next = None, None, None, again

    def _inspect(self, now: float) -> None:
        if self._client is None:
            if not docker_present():
                self._known, self._next = None, now + ABSENT_SECONDS
                return
            self._client = connect(API_SECONDS)
        with translated():
            found = describe.find(self._client, self._project)
        if found is None:
            self._known, self._group, self._next = None, None, now + ABSENT_SECONDS
            return
        known = describe.status(found)
        if self._known is None or known.pid != self._known.pid or found["Id"] != self._id:
            self._group = cgroup.find(known.pid, found["Id"]) if known.pid else None
        self._known, self._id, self._next = known, found["Id"], now + INSPECT_SECONDS

    def _sample(self) -> ContainerStatus | None:
        known = self._known
        if known is None or known.pid is None:
            return known
        use = self._group.read() if self._group is not None else None
        if use is None and self._group is not None:
            # It ended, or was started again with a new group.
            self._inspect(self._clock())
            known = self._known
            if known is None or known.pid is None:
                return known
            use = self._group.read() if self._group is not None else None
        if use is None:
            use = self._ask()
        if use is None:
            return known
        return describe.with_use(
            known,
            memory_bytes=use.memory_bytes,
            memory_limit=use.memory_limit,
            oom_kills=use.oom_kills,
            cpu_percent=self._percent(use.cpu_seconds),
        )

    def _ask(self) -> cgroup.Use | None:
        """Ask the daemon, where the group's files cannot be seen."""
        import docker

        with translated():
            try:
                return from_stats(self._client.stats(self._id, stream=False, one_shot=True))
            except docker.errors.NotFound:
                return None

    def _percent(self, seconds: float | None) -> float | None:
        """Processor use since the last reading; 100 is one core."""
        if seconds is None:
            return None
        now, before = self._clock(), self._cpu
        if before is not None and before[0] == self._id and now - before[1] < 0.05:
            return None
        self._cpu = (self._id, now, seconds)
        if before is None or before[0] != self._id or seconds < before[2]:
            return None
        return 100.0 * (seconds - before[2]) / (now - before[1])


def from_stats(stats: Mapping[str, Any]) -> cgroup.Use | None:
    """Read the daemon's one-shot statistics; ``None`` when the container does not run."""
    memory = stats.get("memory_stats") or {}
    used = memory.get("usage")
    if used is None:
        return None
    fine = memory.get("stats") or {}
    # v1 counts the children in `total_…`; v2 has one number.
    inactive = fine.get("total_inactive_file", fine.get("inactive_file", 0))
    limit = memory.get("limit")
    cpu = ((stats.get("cpu_stats") or {}).get("cpu_usage") or {}).get("total_usage")
    return cgroup.Use(
        memory_bytes=max(0, int(used) - int(inactive)),
        memory_limit=int(limit) if limit and limit < cgroup.NO_LIMIT else None,
        cpu_seconds=None if cpu is None else cpu / 1e9,
        oom_kills=None,
    )


def once(client: Any, inspected: Mapping[str, Any]) -> ContainerStatus:
    """One reading with all that can be known at once: everything but the processor's share.

    Args:
        client: A ``docker.APIClient``.
        inspected: What ``docker inspect`` says of the container.
    """
    import docker

    known = describe.status(inspected)
    if known.pid is None:
        return known
    group = cgroup.find(known.pid, str(inspected["Id"]))
    use = group.read() if group is not None else None
    if use is None:
        try:
            use = from_stats(client.stats(inspected["Id"], stream=False, one_shot=True))
        except docker.errors.NotFound:
            return known
    if use is None:
        return known
    return describe.with_use(
        known, memory_bytes=use.memory_bytes, memory_limit=use.memory_limit, oom_kills=use.oom_kills
    )
