"""The room's desk at the runtime: methods that return at once, with futures."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from typing import TYPE_CHECKING

from core.containers.types import ContainerStatus, UpProgress
from core.errors import StudyError
from core.events import ContainerChanged, ContainerLog, Notice
from core.ground import Ground

if TYPE_CHECKING:
    from core.containers.compose import Project
    from core.containers.stats import ContainerSampler


class Containers:
    """Starts, watches and stops the compose service's container.

    Args:
        ground: What it works on.
        file: A compose file other than the usual one.
    """

    def __init__(self, ground: Ground, file: str = "") -> None:
        from core.containers.oom import Watch
        from core.containers.stats import ContainerSampler

        self._ground = ground
        self._file = file
        self._one = asyncio.Lock()
        """Starting, stopping and restarting happen one after the other."""
        self._watch = Watch()
        self._watching = threading.Lock()
        self._shares = ContainerSampler()
        """For the processor's share, which takes two readings."""
        self._stops: set[threading.Event] = set()
        self._follower: object | None = None
        self._following = threading.Lock()

    def status(self) -> Future[ContainerStatus]:
        """Ask how the container is. Also tells everybody, with a notice if it ran out of memory since the last time."""
        return self._ground.call(self._status())

    def sampler(self) -> ContainerSampler:
        """Return a sampler of its own for one thread. What it reads is watched for deaths for lack of memory."""
        from core.containers.stats import ContainerSampler

        return ContainerSampler(on_status=self._watched)

    def up(self, gpu: bool = False) -> Future[ContainerStatus]:
        """Start the container and wait until it is healthy; progress comes as events. Cancelling the future stops it."""

        def work(stop: threading.Event) -> ContainerStatus:
            from core.containers.up import Up

            return Up(self._project(), gpu=gpu, tell=self._tell, stop=stop).run()

        return self._ground.call(self._change(work))

    def restart(self) -> Future[ContainerStatus]:
        """Restart the container and wait until it is healthy."""

        def work(stop: threading.Event) -> ContainerStatus:
            from core.containers.up import Up, current

            project = self._project()
            gpu = current(project).service == "ollama-gpu"
            return Up(project, gpu=gpu, tell=self._tell, stop=stop).restart()

        return self._ground.call(self._change(work))

    def down(self) -> Future[None]:
        """Stop and remove the container; the volume with the models stays."""
        return self._ground.call(self._down())

    def logs(self, lines: int = 200) -> Future[tuple[str, ...]]:
        """Read the last lines of its log, cleaned."""

        def work() -> tuple[str, ...]:
            from core.containers.logs import recent

            return recent(self._project().name, lines)

        return self._ground.call(asyncio.to_thread(work))

    def follow(self, on: bool) -> None:
        """Begin or end telling new lines of its log as events. Any thread."""
        threading.Thread(target=self._follow, args=(on,), name="follow", daemon=True).start()

    async def close(self) -> None:
        """Stop what runs, on the runtime's loop."""
        for stop in list(self._stops):
            stop.set()
        await asyncio.to_thread(self._follow, False)
        await asyncio.to_thread(self._shares.close)

    # -- inside -----------------------------------------------------------------------------------------

    def _project(self) -> Project:
        from core.containers.compose import load
        from core.containers.files import compose_file

        return load(compose_file(self._ground.paths, self._file), os.environ)

    def _tell(self, status: ContainerStatus, progress: UpProgress | None = None) -> None:
        self._ground.emit(ContainerChanged(status, progress))
        self._watched(status)

    def _watched(self, status: ContainerStatus) -> None:
        """Say so when something in the container was killed for memory. Any thread."""
        with self._watching:
            killed = self._watch.feed(status)
        if killed is not None:
            self._ground.emit(Notice(str(killed), "error"))

    async def _status(self) -> ContainerStatus:
        def work() -> ContainerStatus:
            from core.containers.up import current

            found = current(self._project())
            sample = self._shares.read()
            same = sample is not None and sample.name == found.name
            return replace(found, cpu_percent=sample.cpu_percent) if same and sample else found

        found = await asyncio.to_thread(work)
        self._tell(found)
        return found

    async def _change(self, work: Callable[[threading.Event], ContainerStatus]) -> ContainerStatus:
        """Run blocking work that can be told to stop, one at a time."""
        from core.containers.errors import Cancelled

        stop = threading.Event()
        self._stops.add(stop)
        try:
            async with self._one:
                thread = asyncio.ensure_future(asyncio.to_thread(work, stop))
                try:
                    found = await asyncio.shield(thread)
                except asyncio.CancelledError:
                    stop.set()
                    with contextlib.suppress(Exception):
                        await thread
                    with contextlib.suppress(StudyError):
                        await self._status()
                    raise
                except Cancelled:
                    raise asyncio.CancelledError from None
                except StudyError:
                    with contextlib.suppress(StudyError):
                        await self._status()
                    raise
            self._tell(found)
            return found
        finally:
            self._stops.discard(stop)

    async def _down(self) -> None:
        def work() -> None:
            from core.containers.up import down

            down(self._project())

        async with self._one:
            await asyncio.to_thread(work)
        await self._status()

    def _follow(self, on: bool) -> None:
        from core.containers.logs import Follower

        with self._following:
            if isinstance(self._follower, Follower):
                if on and self._follower.alive:
                    return
                self._follower.close()
                self._follower = None
            if not on:
                return
            try:
                project = self._project()
            except StudyError as error:
                self._ground.emit(Notice(str(error), "error"))
                return
            self._follower = Follower(
                project.name,
                lambda lines: self._ground.emit(ContainerLog(lines)),
                lambda error: self._ground.emit(Notice(str(error), "error")),
            )
