"""The sampler thread: reads every source on a schedule and tells one listener.

One reading a second, five a second while a run is on. The thread waits on a condition: paused, it costs nothing.
The finer figures (:class:`core.events.Detail`) are read at most once a second and only while :attr:`Hub.detail` is set.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.events import Detail, LoadedUse, MemoryUse, Sample
from core.telemetry.detail import Details, EngineUse
from core.telemetry.host import Host
from core.telemetry.process import ProcessTree

if TYPE_CHECKING:
    from core.telemetry.detail import ContainerLike

RUN_INTERVAL = 0.2
"""Seconds between samples while a run is on."""

TOKEN_WINDOW = 1.0
"""Seconds that ``tokens_per_s`` looks back."""

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _RunMemory:
    before: int | None = None
    peak: int | None = None


class Hub:
    """Samples the host and the engine's process tree in a daemon thread.

    Args:
        root_pids: Returns the roots of the engine's process tree; ``[]`` when there is none on this machine.
        on_sample: Called with each sample, from the hub's thread or from the one in ``begin_run``/``end_run``.
        interval: Seconds between samples while nothing runs.
        container: Reads the service's container; may take its time. ``None`` when there is none.
    """

    def __init__(
        self,
        *,
        root_pids: Callable[[], list[int]],
        on_sample: Callable[[Sample], None],
        interval: float = 1.0,
        container: Callable[[], ContainerLike | None] | None = None,
    ) -> None:
        self._interval = interval
        self._root_pids = root_pids
        self._on_sample = on_sample
        self._host = Host()
        self._tree = ProcessTree()
        self._details = Details(container)
        self._detail = False
        self._engine_use = EngineUse()
        self._reading = threading.Lock()
        self._wake = threading.Condition()
        self._runs: dict[str, _RunMemory] = {}
        self._tokens: deque[tuple[float, int]] = deque()
        self._paused = False
        self._stopping = False
        self._due = 0.0
        self._thread: threading.Thread | None = None
        self._latest: Sample | None = None

    @property
    def latest(self) -> Sample | None:
        """The last sample taken."""
        return self._latest

    @property
    def paused(self) -> bool:
        """Whether sampling is switched off."""
        return self._paused

    @property
    def details(self) -> Details:
        """The finer sources, with what each has cost."""
        return self._details

    @property
    def detail(self) -> bool:
        """Whether somebody looks at the finer figures. Setting it takes a sample with them soon, unless paused."""
        return self._detail

    @detail.setter
    def detail(self, wanted: bool) -> None:
        with self._wake:
            if wanted and not self._detail:
                self._due = 0.0
                self._wake.notify_all()
            self._detail = wanted

    def note_engine(
        self,
        *,
        loaded: tuple[LoadedUse, ...] = (),
        kv_used_tokens: int | None = None,
        kv_total_tokens: int | None = None,
        prompt_tokens_per_s: float | None = None,
        generated_tokens_per_s: float | None = None,
    ) -> None:
        """Tell what the engine says of itself; it goes into the next details. Any thread."""
        self._engine_use = EngineUse(
            loaded, kv_used_tokens, kv_total_tokens, prompt_tokens_per_s, generated_tokens_per_s
        )

    def start(self) -> None:
        """Start the thread; a second call does nothing."""
        if self._thread is None:
            self._stopping = False
            self._thread = threading.Thread(target=self._loop, name="telemetry", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End the thread. A sample under way is finished first (at most 2 s are waited for it)."""
        thread, self._thread = self._thread, None
        with self._wake:
            self._stopping = True
            self._wake.notify_all()
        if thread is not None and thread is not threading.current_thread():
            thread.join(2.0)
        self._details.close()

    def pause(self) -> None:
        """Read nothing until :meth:`resume`, except while a run is on: runs are always measured."""
        with self._wake:
            self._paused = True

    def resume(self) -> None:
        """Sample again, the first time at once."""
        with self._wake:
            self._paused = False
            self._due = 0.0
            self._wake.notify_all()

    def begin_run(self, run_id: str) -> None:
        """Take the reading "before" now and sample at 5 Hz until :meth:`end_run`.

        Samples carry ``run_id``; with several runs on, the one begun last.
        """
        run = _RunMemory()
        with self._wake:
            self._runs[run_id] = run
        sample = self._take()
        run.before = run.peak = sample.engine_pss_bytes
        with self._wake:
            self._due = time.monotonic() + RUN_INTERVAL
            self._wake.notify_all()

    def end_run(self, run_id: str) -> MemoryUse:
        """Take the reading "after" now and return the run's memory.

        Returns:
            Bytes; a part that was not observed is ``None``, all of them for an unknown run.
        """
        if run_id not in self._runs:
            return MemoryUse()
        after = self._take().engine_pss_bytes
        with self._wake:
            run = self._runs.pop(run_id, _RunMemory())
        return MemoryUse(run.before, run.peak, after)

    def note_tokens(self, count: int) -> None:
        """Count ``count`` tokens that arrived just now; feeds ``tokens_per_s``. Any thread."""
        now = time.monotonic()
        with self._wake:
            self._tokens.append((now, count))
            self._forget_tokens(now)

    def _forget_tokens(self, now: float) -> None:
        while self._tokens and self._tokens[0][0] < now - TOKEN_WINDOW:
            self._tokens.popleft()

    def _tokens_per_s(self) -> float | None:
        with self._wake:
            self._forget_tokens(time.monotonic())
            if not self._tokens:
                return 0.0 if self._runs else None
            return round(sum(count for _, count in self._tokens) / TOKEN_WINDOW, 1)

    def _roots(self) -> list[int]:
        try:
            return self._root_pids()
        except Exception:
            # The engine's code, not ours: its failure must not end the sampling of everything else.
            _log.exception("the engine's process ids could not be had")
            return []

    def _take(self) -> Sample:
        """Read every source, remember the peaks, tell the listener."""
        with self._reading:
            host = self._host.read()
            tree = self._tree.read(self._roots())
            detail: Detail | None = None
            if self._detail and (not self._paused or self._runs):
                detail = self._details.read(host, tree, self._tree, self._engine_use)
            with self._wake:
                run_id = next(reversed(self._runs), None)
                for run in self._runs.values():
                    if tree.pss is not None:
                        run.peak = max(run.peak or 0, tree.pss)
            sample = Sample(
                ts=time.time(),
                run_id=run_id,
                cpu_percent=host.cpu_percent,
                memory_used_bytes=host.memory_used,
                memory_total_bytes=host.memory_total,
                memory_available_bytes=host.memory_available,
                swap_used_bytes=host.swap_used,
                engine_pss_bytes=tree.pss,
                engine_rss_bytes=tree.rss,
                engine_anon_bytes=tree.anon,
                engine_file_bytes=tree.file,
                engine_cpu_percent=tree.cpu_percent,
                engine_processes=tree.processes,
                tokens_per_s=self._tokens_per_s(),
                detail=detail,
            )
            self._latest = sample
        try:
            self._on_sample(sample)
        except Exception:
            _log.exception("the listener of samples failed")
        return sample

    def _loop(self) -> None:
        while True:
            with self._wake:
                while not self._stopping:
                    left = None if self._paused and not self._runs else self._due - time.monotonic()
                    if left is not None and left <= 0:
                        break
                    self._wake.wait(left)
                if self._stopping:
                    return
                # From now, not from the last due time: after a suspended laptop there is nothing to catch up.
                self._due = time.monotonic() + (RUN_INTERVAL if self._runs else self._interval)
            self._take()
