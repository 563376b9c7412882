"""The finer figures of a sample, each source with its own period: cores and pressure each second, the rest slower."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from core.events import ContainerUse, Detail, Gpu, LoadedUse
from core.telemetry.gpu import Gpus
from core.telemetry.group import Group, GroupMemory
from core.telemetry.host import Cores, Disks, HostReading, Networks, load_average
from core.telemetry.process import ProcessTree, TreeIo, TreeReading
from core.telemetry.source import SlowSource, Source

PERIOD = 0.95
"""Seconds between two details: not more than one for each sample of an idle machine."""


class ContainerLike(Protocol):
    """What is read of :class:`core.containers.types.ContainerStatus`, which lives in a room above."""

    @property
    def name(self) -> str: ...
    @property
    def state(self) -> str: ...
    @property
    def cpu_percent(self) -> float | None: ...
    @property
    def memory_bytes(self) -> int | None: ...
    @property
    def memory_limit(self) -> int | None: ...
    @property
    def restarts(self) -> int | None: ...
    @property
    def oom_killed(self) -> bool | None: ...
    @property
    def oom_kills(self) -> int | None: ...


@dataclass(frozen=True, slots=True)
class EngineUse:
    """What the engine last said of itself."""

    loaded: tuple[LoadedUse, ...] = ()
    kv_used_tokens: int | None = None
    kv_total_tokens: int | None = None
    prompt_tokens_per_s: float | None = None
    generated_tokens_per_s: float | None = None


class Details:
    """One cached sampler for each finer source. Not thread-safe: the hub holds its lock around it.

    Args:
        container: Reads the service's container, ``None`` when there is none. Read in a thread of its own.
        gpus: Reads the graphics cards, in a thread of its own.
        group: The control group of this program.
        clock: Seconds that never run backwards.
    """

    def __init__(
        self,
        container: Callable[[], ContainerLike | None] | None = None,
        *,
        gpus: Gpus | None = None,
        group: Group | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._due = float("-inf")
        self._pids: tuple[int, ...] = ()
        self._tree: ProcessTree | None = None
        cards, pressed = gpus or Gpus(), group or Group()
        self.cores: Source[tuple[float, ...]] = Source("cores", Cores().read, PERIOD, clock)
        self.load = Source("load", load_average, 5.0, clock)
        self.disks = Source("disks", Disks().read, 2.0, clock)
        self.networks = Source("networks", Networks().read, 2.0, clock)
        self.engine_io: Source[TreeIo] = Source(
            "engine-io", lambda: self._tree.io() if self._tree else None, 2.0, clock
        )
        self.pressure = Source("pressure", pressed.pressure, 2.0, clock)
        self.group = Source("cgroup", pressed.memory, 5.0, clock)
        self.gpus: SlowSource[tuple[Gpu, ...]] = SlowSource("gpu", lambda: cards.read(self._pids), 2.0, clock)
        self.container: SlowSource[ContainerUse] = SlowSource(
            "container", lambda: _use(container), 2.0, clock
        )

    @property
    def sources(self) -> tuple[Source[object], ...]:
        """Every source, for who counts their cost."""
        return (  # type: ignore[return-value]
            self.cores,
            self.load,
            self.disks,
            self.networks,
            self.engine_io,
            self.pressure,
            self.group,
            self.gpus,
            self.container,
        )

    def read(
        self, host: HostReading, tree: TreeReading, processes: ProcessTree, engine: EngineUse
    ) -> Detail | None:
        """Return the details; ``None`` when the last ones are still good (see :data:`PERIOD`)."""
        now = self._clock()
        if now < self._due:
            return None
        self._due = now + PERIOD
        self._pids, self._tree = tree.pids, processes
        disks, networks = self.disks.get(), self.networks.get()
        io = self.engine_io.get() or TreeIo()
        pressure, group = self.pressure.get(), self.group.get() or GroupMemory()
        return Detail(
            cores_percent=self.cores.get() or (),
            load_average=self.load.get(),
            swap_total_bytes=host.swap_total,
            disk_read=disks[0] if disks else None,
            disk_write=disks[1] if disks else None,
            network_received=networks[0] if networks else None,
            network_sent=networks[1] if networks else None,
            engine_threads=tree.threads,
            engine_read=io.read,
            engine_write=io.write,
            gpus=self.gpus.get() or (),
            pressure_cpu=pressure.cpu if pressure else None,
            pressure_memory=pressure.memory if pressure else None,
            pressure_io=pressure.io if pressure else None,
            cgroup_memory_bytes=group.used,
            cgroup_limit_bytes=group.limit,
            oom_kills=group.oom_kills,
            container=self.container.get(),
            loaded=engine.loaded,
            kv_used_tokens=engine.kv_used_tokens,
            kv_total_tokens=engine.kv_total_tokens,
            prompt_tokens_per_s=engine.prompt_tokens_per_s,
            generated_tokens_per_s=engine.generated_tokens_per_s,
        )

    def close(self) -> None:
        """End the threads of the slow sources."""
        self.gpus.close()
        self.container.close()


def _use(container: Callable[[], ContainerLike | None] | None) -> ContainerUse | None:
    found = container() if container is not None else None
    if found is None:
        return None
    return ContainerUse(
        name=found.name,
        state=found.state,
        cpu_percent=None if found.cpu_percent is None else round(found.cpu_percent, 1),
        memory_bytes=found.memory_bytes,
        memory_limit=found.memory_limit,
        restarts=found.restarts,
        oom_killed=found.oom_killed,
        oom_kills=found.oom_kills,
    )
