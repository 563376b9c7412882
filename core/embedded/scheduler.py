"""Who may use which model when: loading, slots, the bounded queue, keep-alive and unloading.

Everything here runs on the event loop's thread, so its state needs no lock; only the blocking calls of
:class:`~core.embedded.llama.Llama` run in threads. Requests wait in one line. A request whose model is loaded with a
free slot goes at once, unless somebody before it waits for the same model: so a reload is never starved.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import math
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from core.embedded.llama import Delta, Final, Job, Llama, LoadSpec
from core.embedded.measure import LoadFact, measured
from core.embedded.parent import killed_with_parent
from core.embedded.registry import Model
from core.embedded.wire import ApiError

BUSY = "server busy, please try again.  maximum pending requests exceeded"
FOREVER = math.inf
KEPT_LOADS = 8

_log = logging.getLogger(__name__)


@dataclass
class Runner:
    """A model that is loaded, or about to be."""

    model: Model
    spec: LoadSpec
    keep_alive: float
    """Seconds it stays after its last request."""
    llama: Llama | None = None
    running: int = 0
    expires_at: float = FOREVER
    """Unix seconds; moves with every request."""
    timer: asyncio.TimerHandle | None = None
    closing: bool = False

    @property
    def ready(self) -> bool:
        """Requests may run on it."""
        return self.llama is not None and not self.closing


@dataclass
class _Ticket:
    """A request in line."""

    model: Model
    num_ctx: int | None
    threads: int | None
    keep_alive: float | None
    granted: asyncio.Future[Runner]


class Generation:
    """A running generation, fed by a thread and read on the event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._items: deque[Delta | Final] = deque()
        self._signalled = False
        self._wake = asyncio.Event()
        self._done = False
        self._error: BaseException | None = None
        self.cancelled = False

    def cancel(self) -> None:
        """Stop it: the thread notices at the next token or prompt batch."""
        self.cancelled = True

    def push(self, item: Delta | Final) -> None:
        """Add a piece (called on the generating thread)."""
        self._items.append(item)
        # One wake-up for all pieces that pile up before the loop runs.
        if not self._signalled:
            self._signalled = True
            self._loop.call_soon_threadsafe(self._wake.set)

    def end(self, error: BaseException | None) -> None:
        """Nothing more will come (called on the event loop)."""
        self._done, self._error = True, error
        self._wake.set()

    async def batches(self) -> AsyncIterator[list[Delta | Final]]:
        """All pieces that arrived since the last look, until the end.

        Raises:
            ApiError: the generation failed.
        """
        while True:
            await self._wake.wait()
            self._wake.clear()
            self._signalled = False
            items = list(self._items)
            for _ in items:
                self._items.popleft()
            if items:
                yield items
            if self._done and not self._items:
                if self._error is not None:
                    raise self._error
                return


@dataclass
class Lease:
    """A slot on a loaded model. Give it back with :meth:`release`, or let :meth:`run` do it."""

    runner: Runner
    _scheduler: Scheduler = field(repr=False)
    _keep_alive: float | None = None
    _held: bool = True

    def release(self) -> None:
        """Give the slot back; a second time does nothing."""
        if self._held:
            self._held = False
            self._scheduler._release(self.runner, self._keep_alive)

    def run(self, job: Job) -> Generation:
        """Start generating. The slot is free again when the generating thread has really ended."""
        llama = self.runner.llama
        if llama is None:
            raise ApiError(500, "model runner has unexpectedly stopped")
        loop = asyncio.get_running_loop()
        generation = Generation(loop)

        def push(item: Delta | Final) -> None:
            if isinstance(item, Final):
                self._scheduler.note(item)
            generation.push(item)

        future = self._scheduler.threads.submit(llama.run, job, push, lambda: generation.cancelled)

        def ended(done: Future[None]) -> None:
            error = done.exception()
            if error is not None and not isinstance(error, ApiError):
                _log.error("generation failed", exc_info=error)
                error = ApiError(
                    500, f"an error was encountered while running the model: {type(error).__name__}"
                )
            self.release()
            generation.end(error)

        future.add_done_callback(lambda done: loop.call_soon_threadsafe(ended, done))
        return generation


class Scheduler:
    """Loads models and hands out their slots.

    Args:
        parallel: Slots of each model.
        queue: Requests that may wait; one more is refused.
        num_ctx: Context in tokens when a request does not say.
        threads: Generation threads.
        keep_alive: Seconds a model stays loaded when a request does not say.
        max_loaded: Models in memory at the same time.
        beside: What else has memory in this process; a load during which it changes is not measured.
    """

    def __init__(
        self, *, parallel: int, queue: int, num_ctx: int, threads: int, keep_alive: float, max_loaded: int = 1,
        beside: Callable[[], object] = lambda: None,
    ) -> None:  # fmt: skip
        self._parallel = parallel
        self._queue = queue
        self._num_ctx = num_ctx
        self._threads = threads
        self._keep_alive = keep_alive
        self._max_loaded = max_loaded
        self._line: list[_Ticket] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._verified: set[tuple[str, int, float]] = set()
        self.runners: dict[str, Runner] = {}
        self._last: Final | None = None
        self._beside = beside
        self._loads = itertools.count(1)
        self.loads: deque[LoadFact] = deque(maxlen=KEPT_LOADS)
        """The last loads, oldest first."""
        self.threads = ThreadPoolExecutor(max_workers=parallel * max_loaded + 2, thread_name_prefix="llama")

    async def acquire(
        self, model: Model, *, num_ctx: int | None = None, threads: int | None = None,
        keep_alive: float | None = None,
    ) -> Lease:  # fmt: skip
        """Wait for a slot on the model, loading it first if need be.

        Raises:
            ApiError: 503 when too many wait already; 500 when the model cannot be loaded.
        """
        loop = asyncio.get_running_loop()
        ticket = _Ticket(model, num_ctx, threads, keep_alive, loop.create_future())
        self._line.append(ticket)
        self._dispatch()
        waiting = sum(1 for other in self._line if not other.granted.done())
        if not ticket.granted.done() and waiting > max(1, self._queue):
            self._line.remove(ticket)
            raise ApiError(503, BUSY)
        try:
            runner = await ticket.granted
        except asyncio.CancelledError:
            self._abandon(ticket)
            raise
        return Lease(runner, self, keep_alive)

    def _abandon(self, ticket: _Ticket) -> None:
        """The client left while it waited, or in the very moment its turn came."""
        if ticket in self._line:
            self._line.remove(ticket)
        granted = ticket.granted
        if granted.done() and not granted.cancelled() and granted.exception() is None:
            self._release(granted.result(), ticket.keep_alive)

    def _spec(self, ticket: _Ticket) -> LoadSpec:
        """What this request needs loaded: what it does not say stays as it is."""
        current = self.runners.get(ticket.model.digest)
        num_ctx = ticket.num_ctx or (current.spec.num_ctx if current else self._num_ctx)
        trained = ticket.model.header.number("context_length") or num_ctx
        # llama.cpp rounds a slot's context up to 256 tokens.
        num_ctx = max(256, -(-min(num_ctx, trained) // 256) * 256)
        default = current.spec.threads if current else self._threads
        return LoadSpec(num_ctx, ticket.threads or default, self._parallel)

    def _dispatch(self) -> None:
        """Let everybody go whose turn it is; start a load where one is needed."""
        blocked: set[str] = set()
        for ticket in list(self._line):
            key = ticket.model.digest
            if ticket.granted.done():
                self._line.remove(ticket)
            elif key not in blocked and not self._try(ticket, key):
                blocked.add(key)

    def _try(self, ticket: _Ticket, key: str) -> bool:
        try:
            spec = self._spec(ticket)
        except ApiError as error:
            ticket.granted.set_exception(error)
            self._line.remove(ticket)
            return True
        runner = self.runners.get(key)
        if runner is not None and runner.spec == spec:
            if not runner.ready or runner.running >= self._parallel:
                return False
            self._grant(ticket, runner)
            return True
        if runner is not None:
            self._close_if_idle(runner)
        elif len(self.runners) >= self._max_loaded:
            idle = [other for other in self.runners.values() if not other.running and other.ready]
            if idle:
                self._close_if_idle(min(idle, key=lambda other: other.keep_alive))
        else:
            fresh = Runner(ticket.model, spec, self._keep_alive)
            self.runners[key] = fresh
            self._spawn(self._load(fresh))
        return False

    def _grant(self, ticket: _Ticket, runner: Runner) -> None:
        runner.running += 1
        # One file may have several names: it goes by the one it was last asked for by.
        runner.model = ticket.model
        if runner.timer is not None:
            runner.timer.cancel()
            runner.timer = None
        if ticket.keep_alive is not None:
            runner.keep_alive = ticket.keep_alive
        runner.expires_at = time.time() + runner.keep_alive
        self._line.remove(ticket)
        ticket.granted.set_result(runner)

    def _release(self, runner: Runner, keep_alive: float | None) -> None:
        runner.running -= 1
        if keep_alive is not None:
            runner.keep_alive = keep_alive
        if not runner.running:
            self._start_timer(runner)
        self._dispatch()

    def _start_timer(self, runner: Runner) -> None:
        runner.expires_at = time.time() + runner.keep_alive
        if runner.keep_alive <= 0:
            self._close_if_idle(runner)
        elif runner.keep_alive < FOREVER:
            loop = asyncio.get_running_loop()
            runner.timer = loop.call_later(runner.keep_alive, self._close_if_idle, runner)

    def _close_if_idle(self, runner: Runner) -> None:
        if runner.ready and not runner.running:
            runner.closing = True
            if runner.timer is not None:
                runner.timer.cancel()
            self._spawn(self._close(runner))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _in_thread(self, function: Callable[[], object]) -> object:
        return await asyncio.get_running_loop().run_in_executor(self.threads, function)

    async def _load(self, runner: Runner) -> None:
        key = runner.model.digest
        try:
            await self._in_thread(lambda: self._open(runner))
        except Exception as error:
            _log.error("cannot load %s: %s", runner.model.name.short, error)
            failure = (
                error if isinstance(error, ApiError) else ApiError(500, f"unable to load model: {error}")
            )
            del self.runners[key]
            for ticket in [other for other in self._line if other.model.digest == key]:
                self._line.remove(ticket)
                if not ticket.granted.done():
                    ticket.granted.set_exception(failure)
        else:
            # Nobody may be left of those who wanted it: then its time starts now.
            if not any(ticket.model.digest == key for ticket in self._line):
                self._start_timer(runner)
        self._dispatch()

    def _open(self, runner: Runner) -> None:
        """Check the file, once for each state of it, and load it (on a thread)."""
        model = runner.model
        identity = (str(model.path), model.size, model.modified)
        if identity not in self._verified:
            model.verify()
            self._verified.add(identity)
        spec = runner.spec

        def load() -> Llama:
            with killed_with_parent():
                return Llama(model.path, spec)

        llama, fact = measured(
            load, number=next(self._loads), model=model.name.short, num_ctx=spec.num_ctx,
            parallel=spec.parallel, others=self._beside,
        )  # fmt: skip
        # In this order: who sees the model loaded may look for what it took.
        self.loads.append(fact)
        runner.llama = llama

    async def _close(self, runner: Runner) -> None:
        llama, runner.llama = runner.llama, None
        if llama is not None:
            await self._in_thread(llama.close)
        if self.runners.get(runner.model.digest) is runner:
            del self.runners[runner.model.digest]
        self._dispatch()

    def unload(self, model: Model) -> None:
        """Unload it as soon as its running requests are done."""
        runner = self.runners.get(model.digest)
        if runner is not None:
            runner.keep_alive = 0.0
            runner.expires_at = time.time()
            self._close_if_idle(runner)

    async def preload(self, model: Model) -> None:
        """Load a model before anybody asks; a failure waits for the first request, which will be told."""
        try:
            (await self.acquire(model)).release()
        except ApiError as error:
            _log.warning("preload of %s failed: %s", model.name.short, error.text)

    def note(self, final: Final) -> None:
        """Remember what the last answer cost. Any thread."""
        self._last = final

    def speeds(self) -> dict[str, float]:
        """Tokens per second of the last finished answer: its prompt (without what was cached), and its text."""
        last = self._last
        if last is None:
            return {}
        found = {"generated_per_second": last.tokens / (last.tokens_ns / 1e9)}
        fresh = last.prompt_tokens - last.cached_tokens
        if fresh > 0:
            found["prompt_per_second"] = fresh / (last.prompt_ns / 1e9)
        return {name: round(value, 2) for name, value in found.items()}

    @property
    def waiting(self) -> int:
        """Requests in line."""
        return len(self._line)
