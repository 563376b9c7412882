"""Everything running behind the interface: one background thread with an event loop of its own.

The terminal app and the command line talk to a :class:`Runtime` only. Its methods return at once, with
futures; what happens meanwhile comes as events (:mod:`core.events`), called from background threads.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import dataclasses
import logging
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from core.agent.checkpoints import Checkpoints
from core.agent.desk import Runs
from core.errors import StudyError
from core.events import Document, EngineChanged, EngineStatus, Event, Hit, Notice, Sample
from core.ground import Ground
from core.i18n import tr
from core.paths import Paths
from core.session import Store, chat, documents
from core.session.keeping import SampleKeeper
from core.session.rows import Answer, PermissionRequest, Session
from core.settings import Settings

if TYPE_CHECKING:
    from core.agent.context.desk import Facts
    from core.agent.replay.desk import Traces
    from core.agent.run import Agent
    from core.agent.tools.desk import Tools
    from core.agent.types import Docs
    from core.containers.desk import Containers
    from core.containers.stats import ContainerSampler
    from core.containers.types import ContainerStatus
    from core.cost.desk import Costs
    from core.engines import Engine
    from core.lab.desk import Lab
    from core.models.desk import Models
    from core.rag import Library
    from core.rag.desk import Documents
    from core.telemetry import Hub

T = TypeVar("T")
log = logging.getLogger(__name__)

REFRESH_S = 2.0
"""How often the engine is asked for its slots and queue while telemetry is shown."""


class Runtime:
    """Store, engine, agent, documents and telemetry of one program.

    Args:
        settings: See :class:`core.settings.Settings`.
        paths: Where files live; created when needed.
        follow: Keep watched collections as their folders are.
    """

    def __init__(self, settings: Settings, paths: Paths, *, follow: bool = False) -> None:
        self.settings = settings
        self.paths = paths
        self._follow = follow
        self.store_ready: Future[Store] = Future()
        self.engine_ready: Future[Engine] = Future()
        self.status = EngineStatus(kind="embedded", state="starting")
        self._listeners: list[Callable[[Event], None]] = []
        self._lock = threading.Lock()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._main, name="runtime", daemon=True)
        self._library_ready: asyncio.Future[Library] | None = None
        self._agent: Agent | None = None
        self._hub: Hub | None = None
        self._samples = SampleKeeper(lambda: self.store)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._telemetry_shown = threading.Event()
        self._telemetry_shown.set()
        self._details_wanted = False
        self._sampler: ContainerSampler | None = None
        self._stopping = False
        self._checkpoints = Checkpoints(paths.checkpoint_db)
        self.runs = Runs(self._ground, self._agent_now, self._samples.save)

    # -- life -----------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin bringing everything up. Returns at once; ``store_ready`` and ``engine_ready`` tell how it went."""
        self._thread.start()

    def stop(self, timeout: float = 8.0) -> None:
        """Cancel what runs, save, stop the engine. Blocks up to ``timeout`` seconds; safe to call twice."""
        if self._stopping or not self._thread.is_alive():
            return
        self._stopping = True
        done = asyncio.run_coroutine_threadsafe(self._shut_down(), self._loop)
        try:
            done.result(timeout)
        except (TimeoutError, concurrent.futures.TimeoutError):
            log.error("shutting down took longer than %s s", timeout)
        except Exception:
            log.exception("shutting down failed")
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(2)

    def subscribe(self, listener: Callable[[Event], None]) -> Callable[[], None]:
        """Call ``listener`` with every event, from background threads. Returns how to stop."""
        with self._lock:
            self._listeners.append(listener)

        def unsubscribe() -> None:
            with self._lock:
                if listener in self._listeners:
                    self._listeners.remove(listener)

        return unsubscribe

    @property
    def store(self) -> Store | None:
        """The store once it is open, else ``None``."""
        ready = self.store_ready
        return ready.result() if ready.done() and not ready.exception() else None

    # -- rooms: imported when first asked for, so that the first paint does not wait for them ------------------

    @cached_property
    def models(self) -> Models:
        """The engine's models."""
        from core.agent.routes import choose_route
        from core.models.desk import Models

        return Models(self._ground, choose_route, lambda: self.containers.status())

    @cached_property
    def containers(self) -> Containers:
        """The compose service's container."""
        from core.containers.desk import Containers

        return Containers(self._ground)

    @cached_property
    def lab(self) -> Lab:
        """The performance lab."""
        from core.lab.desk import Lab

        return Lab(self._ground)

    @cached_property
    def tools(self) -> Tools:
        """The agent's tools and the user's MCP servers."""
        from core.agent.tools.desk import Tools

        return Tools(self._ground)

    @cached_property
    def facts(self) -> Facts:
        """What the user asked to remember."""
        from core.agent.context.desk import Facts

        return Facts(self._ground)

    @cached_property
    def traces(self) -> Traces:
        """Recorded runs, to look at and to repeat."""
        from core.agent.replay.desk import Traces

        return Traces(self._ground, self)

    @cached_property
    def library(self) -> Documents:
        """Documents, beyond adding, listing and searching."""
        from core.rag.desk import Documents

        return Documents(self._ground, self._library_now)

    @cached_property
    def costs(self) -> Costs:
        """What calls, runs and sessions took."""
        from core.cost.desk import Costs

        return Costs(self._ground)

    @cached_property
    def _ground(self) -> Ground:
        return Ground(
            settings=self.settings,
            paths=self.paths,
            call=self._call,
            emit=self._emit,
            store=self._store,
            engine=self._engine,
            store_now=lambda: self.store,
            hub=lambda: self._hub,
        )

    def _agent_now(self) -> Agent:
        assert self._agent is not None  # noqa: S101 - set before engine_ready
        return self._agent

    async def _engine(self) -> Engine:
        return await asyncio.shield(asyncio.wrap_future(self.engine_ready))

    # -- sessions ---------------------------------------------------------------------------------------

    def new_session(self) -> Future[Session]:
        """Create a session, open in this process."""
        return self._call(self._new_session())

    def open_session(self, session_id: str) -> Future[Session]:
        """Open a session: its id, the beginning of it, or ``"last"``."""
        return self._call(self._open_session(session_id))

    # -- questions --------------------------------------------------------------------------------------

    def ask(self, session_id: str, text: str, docs: Docs = False) -> Future[str]:
        """Ask a question; the future gives the run's id once the question is on disk.

        While a run of the session goes on the question is put in its queue; the future gives its id there.

        Args:
            docs: Search the documents whatever the router would say; a text: in the collection of this id or name only.
        """
        return self.runs.ask(session_id, text, docs)

    def retry(self, run_id: str) -> Future[str]:
        """Ask a failed or cancelled run's question again; one that broke off after finished steps goes on."""
        return self.runs.retry(run_id)

    def resume_run(self, run_id: str) -> Future[str]:
        """Go on with an interrupted run from its last finished step."""
        return self.runs.resume(run_id)

    def cancel(self, session_id: str) -> None:
        """Stop the session's generation at once; the partial answer stays, marked."""
        self.runs.cancel(session_id)

    def answer(self, request_id: str, word: Answer) -> Future[None]:
        """Answer a permission question; its run goes on."""
        return self.runs.answer(request_id, word)

    def open_permissions(self, session_id: str) -> list[PermissionRequest]:
        """Return the permission questions a session waits with. Reads the store: call it in a worker."""
        return self.runs.open_permissions(session_id)

    def waiting(self, session_id: str) -> list[tuple[str, str]]:
        """Return the questions in a session's queue: id and text. Reads the store: call it in a worker."""
        return self.runs.waiting(session_id)

    def unqueue(self, waiting_id: str) -> Future[None]:
        """Take a question out of the queue."""
        return self.runs.unqueue(waiting_id)

    # -- documents --------------------------------------------------------------------------------------

    def search(self, query: str, k: int = 5) -> Future[list[Hit]]:
        """Search the documents."""
        return self._call(self._search(query, k))

    def documents(self) -> list[Document]:
        """Return the ledger. Reads the store: call it in a worker."""
        return documents.list_documents(self.store) if self.store else []

    # -- telemetry --------------------------------------------------------------------------------------

    def pause_telemetry(self) -> None:
        """Stop sampling while nothing shows it; runs are measured all the same."""
        self._telemetry_shown.clear()
        if self._hub:
            self._hub.pause()

    def resume_telemetry(self) -> None:
        """Sample again."""
        self._telemetry_shown.set()
        if self._hub:
            self._hub.resume()

    def watch_details(self, wanted: bool) -> None:
        """Read the finer figures too (per core, disks, pressure, GPU, container), or no longer."""
        self._details_wanted = wanted
        if self._hub:
            self._hub.detail = wanted

    # -- inside -----------------------------------------------------------------------------------------

    def _emit(self, event: Event) -> None:
        with self._lock:
            listeners = list(self._listeners)
        for listener in listeners:
            try:
                listener(event)
            except Exception:
                log.exception("an event listener failed")

    def _call(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        if self._stopping:
            work.close()
            failed: Future[T] = Future()
            failed.cancel()
            return failed
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def _main(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._library_ready = self._loop.create_future()
        self._spawn(self._bring_up())
        try:
            self._loop.run_forever()
        finally:
            with contextlib.suppress(RuntimeError):
                self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.close()

    def _spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _bring_up(self) -> None:
        try:
            store = await asyncio.to_thread(self._open_store)
        except StudyError as error:
            self.store_ready.set_exception(error)
            self.engine_ready.set_exception(error)
            self._emit(Notice(str(error), "error"))
            return
        store.subscribe(self._emit)
        self.store_ready.set_result(store)
        interrupted = await asyncio.wrap_future(chat.mark_interrupted(store))
        if interrupted:
            self._emit(Notice(tr("runtime.interrupted", count=interrupted), "warning"))
        await self._start_engine(store)

    def _open_store(self) -> Store:
        try:
            self.paths.ensure()
        except OSError as error:
            raise StudyError("error.data_dir", path=self.paths.data, reason=error) from error
        return Store.open(self.paths.session_db)

    async def _start_engine(self, store: Store) -> None:
        from core.engines import connect
        from core.telemetry import Hub

        self._hub = Hub(
            root_pids=self._root_pids,
            on_sample=self._on_sample,
            interval=self.settings.sample_interval,
            container=self._read_container,
        )
        self._hub.detail = self._details_wanted
        self._hub.start()
        if not self._telemetry_shown.is_set():
            self._hub.pause()
        try:
            engine = await connect(self.settings, self.paths, self._on_status)
        except StudyError as error:
            self._on_status(dataclasses.replace(self.status, state="down", detail=str(error)))
            self.engine_ready.set_exception(error)
            return
        except Exception as error:
            log.exception("no engine could be started")
            failed = StudyError("error.unexpected", error=type(error).__name__, log=self.paths.log_file)
            self._on_status(dataclasses.replace(self.status, state="down", detail=str(failed)))
            self.engine_ready.set_exception(failed)
            return
        await self._start_rooms(store, engine)
        self.engine_ready.set_result(engine)
        self._spawn(self._refresh(engine))

    async def _start_rooms(self, store: Store, engine: Engine) -> None:
        from core.agent.run import Agent, warm_up
        from core.rag.opening import open_library, searching

        assert self._hub is not None and self._library_ready is not None  # noqa: S101 - set in _main and above
        library = open_library(store, self.paths, self.settings, engine, self._emit)
        await library.open()
        self._library_ready.set_result(library)
        self.tools.attach(store)
        self._agent = Agent(
            store=store,
            engine=engine,
            settings=self.settings,
            emit=self._emit,
            search=lambda: searching(library) if documents.any_stored(store) else None,
            hub=self._hub,
            checkpoints=self._checkpoints,
        )
        if self.settings.otlp_endpoint:
            self.traces.start_push(store)
        self._on_status(self.status)
        self._spawn(self._warm_up(store, warm_up))
        self._spawn(self._keep_up(library))

    async def _keep_up(self, library: Library) -> None:
        """Go on with what was cut off, then follow folders."""
        try:
            await library.resume(self._emit)
        except StudyError as error:
            self._emit(Notice(str(error), "error"))
        if self._follow:
            await asyncio.wrap_future(self.library.follow())

    async def _warm_up(self, store: Store, imports: Callable[[], None]) -> None:
        await asyncio.to_thread(imports)
        sessions = await asyncio.to_thread(chat.session_ids, store)
        await self._checkpoints.keep_only(sessions)

    async def _refresh(self, engine: Engine) -> None:
        """Keep slots, queue and context up to date while somebody looks."""
        from core.engines.figures import note_engine

        while True:
            await asyncio.sleep(REFRESH_S)
            if self._telemetry_shown.is_set():
                with contextlib.suppress(StudyError):
                    await engine.refresh()
                    if self._hub is not None:
                        note_engine(self._hub, engine)
                    await self.models.spot(engine)

    def _read_container(self) -> ContainerStatus | None:
        """Read the service's container. Called in the sampler's own thread for it, only while details are wanted."""
        from core.engines.container import docker_present

        if self._sampler is None and docker_present():
            self._sampler = self.containers.sampler()
        return self._sampler.read() if self._sampler is not None else None

    def _root_pids(self) -> list[int]:
        ready = self.engine_ready
        return ready.result().root_pids() if ready.done() and not ready.exception() else []

    def _on_status(self, status: EngineStatus) -> None:
        if self._agent is not None:
            # Each time: the model may be another one by now.
            route, reason = self._agent.route()
            status = dataclasses.replace(status, route=route, route_reason=reason)
        if status != self.status:
            self.status = status
            self._emit(EngineChanged(status))

    def _on_sample(self, sample: Sample) -> None:
        self._emit(sample)
        self._samples.take(sample)

    async def _store(self) -> Store:
        return await asyncio.wrap_future(self.store_ready)

    async def _new_session(self) -> Session:
        return await asyncio.wrap_future(chat.create_session(await self._store()))

    async def _open_session(self, session_id: str) -> Session:
        store = await self._store()
        found = chat.last_session(store) if session_id == "last" else chat.get_session(store, session_id)
        if found is None:
            if session_id == "last":
                return await self._new_session()
            raise StudyError("error.session.unknown", id=session_id)
        session = await asyncio.wrap_future(chat.claim_session(store, found.id))
        self.runs.opened(session.id)
        return session

    async def _library_now(self) -> Library:
        await asyncio.shield(asyncio.wrap_future(self.engine_ready))
        assert self._library_ready is not None  # noqa: S101 - set in _main
        return await asyncio.shield(self._library_ready)

    async def _search(self, query: str, k: int) -> list[Hit]:
        return await (await self._library_now()).search(query, k)

    async def _shut_down(self) -> None:
        await self.runs.close()
        for room in ("traces", "lab", "models", "containers", "tools"):
            desk = self.__dict__.get(room)  # Only those that were ever asked for.
            if desk is not None:
                with contextlib.suppress(StudyError):
                    await desk.close()
        if self._library_ready and self._library_ready.done() and not self._library_ready.cancelled():
            # Before its tasks are cancelled: it would take that for a user's stop, and not go on at the next start.
            await self._library_ready.result().close()
        current = asyncio.current_task()
        others = [task for task in asyncio.all_tasks() if task is not current]
        for task in others:
            task.cancel()
        if others:
            await asyncio.wait(others, timeout=2)
        if self._hub:
            await asyncio.to_thread(self._hub.stop)
        if self.engine_ready.done() and not self.engine_ready.exception():
            await self.engine_ready.result().close()
        await self._checkpoints.close()
        self._samples.save()
        if self.store:
            chat.release_sessions(self.store)
            await asyncio.to_thread(self.store.close)
