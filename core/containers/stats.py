"""What the container uses: sampled about once a second, cheaply, without the two seconds ``docker stats`` takes."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from core.containers import cgroup, describe
from core.containers.daemon import connect, translated
from core.containers.types import ContainerStatus
from core.engines.container import docker_present
from core.errors import StudyError
from core.telemetry.cgroups import NO_LIMIT

INSPECT_SECONDS = 3.0
"""State, health and restarts are asked this often; memory and processor at every reading."""

ABSENT_SECONDS = 5.0
"""How often to look for a container while there is none."""

DOWN_SECONDS = 30.0
"""How long to leave a Docker alone that did not answer."""

API_SECONDS = 3.0

SHORTEST_SECONDS = 0.05
"""Readings closer together say nothing of the processor's share."""

UNWANTED_SECONDS = 5.0
"""The daemon is asked no longer when nobody wanted its numbers for this long; older numbers are not shown."""


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
        self._share: float | None = None
        self._daemon = _Daemon(clock)

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
                return known
        when = self._clock()
        if use is None:
            # The daemon answers once a second, when it has counted: nobody waits for that here.
            latest = self._daemon.latest(self._id)
            if latest is None:
                return known
            use, when = latest
        return describe.with_use(
            known,
            memory_bytes=use.memory_bytes,
            memory_limit=use.memory_limit,
            oom_kills=use.oom_kills,
            cpu_percent=self._percent(use.cpu_seconds, when),
        )

    def _percent(self, seconds: float | None, when: float) -> float | None:
        """Processor use since the last reading; 100 is one core."""
        if seconds is None:
            return None
        before = self._cpu
        if before is not None and before[0] == self._id and when - before[1] < SHORTEST_SECONDS:
            return self._share
        self._cpu, self._share = (self._id, when, seconds), None
        if before is not None and before[0] == self._id and seconds >= before[2]:
            self._share = 100.0 * (seconds - before[2]) / (when - before[1])
        return self._share


class _Daemon:
    """Asks the daemon for statistics in a thread of its own, for as long as somebody wants them."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._id = ""
        self._wanted = float("-inf")
        self._found: tuple[str, cgroup.Use, float] | None = None
        self._thread: threading.Thread | None = None
        self._pause = threading.Event()

    def latest(self, container_id: str) -> tuple[cgroup.Use, float] | None:
        """Return the newest numbers and when they are from; ``None`` at first. Does not block."""
        with self._lock:
            self._id, self._wanted = container_id, self._clock()
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._ask, name="container-stats", daemon=True)
                self._thread.start()
            found = self._found
            if found is None or found[0] != container_id or self._wanted - found[2] > UNWANTED_SECONDS:
                return None
            return found[1], found[2]

    def _ask(self) -> None:
        import docker

        # Whatever goes wrong, the next one who wants numbers tries again.
        with contextlib.suppress(StudyError):
            client = connect(API_SECONDS)
            try:
                while self._clock() - self._wanted < UNWANTED_SECONDS:
                    container_id = self._id
                    with translated():
                        try:
                            use = from_stats(client.stats(container_id, stream=False, one_shot=True))
                        except docker.errors.NotFound:
                            return
                    if use is None:
                        return
                    with self._lock:
                        self._found = (container_id, use, self._clock())
                    # A daemon that answers at once need not be asked more often than it counts.
                    self._pause.wait(0.5)
            finally:
                client.close()


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
        memory_limit=int(limit) if limit and limit < NO_LIMIT else None,
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
