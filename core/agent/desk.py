"""Asking, one run at a time in each session: the queue, the user's word, going on with what broke off."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from core.agent.recorded import docs_of, given_of
from core.agent.types import Docs
from core.errors import StudyError
from core.events import QueueChanged, RunStarted
from core.ground import Ground
from core.session import Store, chat, permissions, waiting
from core.session.rows import Answer, PermissionRequest, Run

if TYPE_CHECKING:
    from core.agent.run import Agent
    from core.events import RunEnded

log = logging.getLogger(__name__)

_Started = Callable[[RunStarted], None]
_Work = Callable[["_Started"], Coroutine[Any, Any, "RunEnded | None"]]


class Runs:
    """The runs of one program. Lives on the runtime's loop; the public methods return futures at once.

    Args:
        ground: What it works on.
        agent: The agent, once the engine is there.
        ended: Called after each run.
    """

    def __init__(self, ground: Ground, agent: Callable[[], Agent], ended: Callable[[], None]) -> None:
        self._ground = ground
        self._agent = agent
        self._ended = ended
        self._tasks: dict[str, asyncio.Task[Any]] = {}
        """By session."""
        self._now: dict[str, str] = {}
        """The run of each session that has one going on."""
        self._others: set[asyncio.Task[Any]] = set()

    def ask(self, session_id: str, text: str, docs: Docs = False) -> Future[str]:
        """Ask; the future gives the run's id once the question is on disk.

        While a run of the session goes on or waits for the user, the question is put in the queue, on disk, and the
        future gives its id there.

        Args:
            docs: Search the documents whatever the router would say; a text: in the collection of this id or name only.
        """
        return self._ground.call(self._ask(session_id, text, docs))

    def retry(self, run_id: str) -> Future[str]:
        """Ask a failed or cancelled run's question again, in place of its unfinished answer.

        A run that broke off after finished tool calls goes on from there instead, as the same run.
        """
        return self._ground.call(self._retry(run_id))

    def resume(self, run_id: str) -> Future[str]:
        """Go on with an interrupted run from its last finished step; one that has none is asked again."""
        return self._ground.call(self._retry(run_id))

    def cancel(self, session_id: str) -> Future[None]:
        """Stop the session's run at once; the partial answer stays, marked. One that waits for the user ends too."""
        return self._ground.call(self._cancel(session_id))

    def answer(self, request_id: str, word: Answer) -> Future[None]:
        """Answer a permission question; its run goes on, also one whose process is gone.

        Raises (through the future):
            StudyError: The question is not open any more.
        """
        return self._ground.call(self._answer(request_id, word))

    def waiting(self, session_id: str) -> list[tuple[str, str]]:
        """Return the questions in a session's queue: id and text. Reads the store: call it in a worker."""
        store = self._ground.store_now()
        return _pairs(store, session_id) if store else []

    def unqueue(self, waiting_id: str) -> Future[None]:
        """Take a question out of the queue."""
        return self._ground.call(self._unqueue(waiting_id))

    def open_permissions(self, session_id: str) -> list[PermissionRequest]:
        """Return the questions a session's runs wait with. Reads the store: call it in a worker."""
        store = self._ground.store_now()
        return permissions.unanswered(store, session_id=session_id) if store else []

    def opened(self, session_id: str) -> None:
        """A session was opened: what waits in its queue is asked, when nothing of it goes on."""
        self._later(self._next(session_id))

    async def close(self) -> None:
        """Cancel what runs. A run that waits for the user is left waiting: the next start asks again."""
        running = list(self._tasks.values())
        if running:
            self._agent().leaving = True
            for task in running:
                task.cancel()
            await asyncio.wait(running, timeout=3)

    # -- inside -------------------------------------------------------------------------------------------

    async def _ask(self, session_id: str, text: str, docs: Docs) -> str:
        await self._ground.engine()
        store = await self._ground.store()
        if self._queued(store, session_id):
            if not text.strip():
                raise StudyError("error.agent.prompt.empty")
            question = await asyncio.wrap_future(waiting.add(store, session_id, text, docs))
            self._tell(store, session_id)
            self._later(self._next(session_id))
            return question.id
        return await self._begin(
            session_id, lambda started: self._agent().run(session_id, text, docs=docs, started=started)
        )

    def _busy(self, store: Store, session_id: str) -> bool:
        return session_id in self._tasks or bool(chat.waiting_runs(store, session_id))

    def _queued(self, store: Store, session_id: str) -> bool:
        """Whether a new question has to wait: nobody is overtaken."""
        return self._busy(store, session_id) or bool(waiting.of_session(store, session_id))

    async def _begin(self, session_id: str, work: _Work) -> str:
        """Start a run of a session that has none; returns its id once it is on disk."""
        accepted: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        def started(run: RunStarted) -> None:
            self._now[session_id] = run.run_id
            if not accepted.done():
                accepted.set_result(run.run_id)

        task = asyncio.get_running_loop().create_task(work(started))
        self._tasks[session_id] = task

        def finished(done: asyncio.Task[Any]) -> None:
            self._tasks.pop(session_id, None)
            self._now.pop(session_id, None)
            self._ended()
            error = None if done.cancelled() else done.exception()
            if error and not isinstance(error, StudyError):
                log.error("a run could not be recorded", exc_info=error)
            if not accepted.done():
                accepted.set_exception(error or StudyError("error.run.cancelled"))
            self._later(self._next(session_id))

        task.add_done_callback(finished)
        return await accepted

    async def start(self, session_id: str, work: _Work) -> str:
        """Start a run of a session nobody else asks in (a fork, a replay); returns its id once it is on disk."""
        return await self._begin(session_id, work)

    async def _next(self, session_id: str) -> None:
        """Ask what has waited longest."""
        store = await self._ground.store()
        await self._ground.engine()
        queue = await asyncio.to_thread(waiting.of_session, store, session_id)
        if not queue or self._busy(store, session_id):
            return
        first = queue[0]

        def started(tell: _Started) -> _Started:
            def both(run: RunStarted) -> None:
                # Only now: between the two a crash leaves it twice, never not at all.
                self._later(self._taken(first.id, session_id))
                tell(run)

            return both

        try:
            await self._begin(
                session_id,
                lambda tell: self._agent().run(
                    session_id, first.text, docs=first.docs, started=started(tell)
                ),
            )
        except StudyError:
            await self._taken(first.id, session_id)
            raise

    async def _taken(self, waiting_id: str, session_id: str) -> None:
        store = await self._ground.store()
        await asyncio.wrap_future(waiting.remove(store, waiting_id))
        self._tell(store, session_id)

    async def _unqueue(self, waiting_id: str) -> None:
        store = await self._ground.store()
        session_id = await asyncio.wrap_future(waiting.remove(store, waiting_id))
        if session_id is not None:
            self._tell(store, session_id)

    def _tell(self, store: Store, session_id: str) -> None:
        self._ground.emit(QueueChanged(session_id, tuple(_pairs(store, session_id))))

    async def _retry(self, run_id: str) -> str:
        await self._ground.engine()
        store = await self._ground.store()
        run = chat.get_run(store, run_id)
        if run is None:
            raise StudyError("error.run.unknown", id=run_id)
        task = self._tasks.get(run.session_id)
        if task is not None:
            await asyncio.wait({task})
        agent = self._agent()
        if run.status in ("interrupted", "error") and await agent.can_resume(run_id):
            return await self._begin(run.session_id, lambda started: agent.resume(run_id, started=started))
        again = _as_before(run, agent.engine.model)
        return await self._begin(
            run.session_id,
            lambda started: agent.run(
                run.session_id, run.question, replaces=run_id, started=started, **again
            ),
        )

    async def _cancel(self, session_id: str) -> None:
        task = self._tasks.get(session_id)
        if task is not None:
            task.cancel()
            return
        store = self._ground.store_now()
        for run_id in chat.waiting_runs(store, session_id) if store else ():
            await self._ground.engine()
            await self._agent().abandon(run_id)
            self._later(self._next(session_id))

    async def _answer(self, request_id: str, word: Answer) -> None:
        await self._ground.engine()
        agent = self._agent()
        run_id = await agent.answer_permission(request_id, word)
        if run_id in self._now.values():
            return
        store = await self._ground.store()
        run = chat.get_run(store, run_id)
        # Its process is gone: it goes on here, once nothing of it is open any more.
        if run is None or run.session_id in self._tasks or permissions.unanswered(store, run_id=run_id):
            return
        await self._begin(run.session_id, lambda started: self._resumed(run_id, started))

    async def _resumed(self, run_id: str, started: _Started) -> RunEnded | None:
        ended = await self._agent().resume(run_id, started=started)
        if ended is None:
            store = await self._ground.store()
            run = chat.get_run(store, run_id)
            if run is not None:
                # The checkpoint is lost: the question is asked anew.
                again = _as_before(run, self._agent().engine.model)
                return await self._agent().run(
                    run.session_id, run.question, replaces=run_id, started=started, **again
                )
        return ended

    def _later(self, work: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._others.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._others.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, StudyError):
            log.error("the queue could not go on", exc_info=error)


def _as_before(run: Run, model: str) -> dict[str, Any]:
    """Return how a run was made: what was made from another run is given the same of it again."""
    made: dict[str, Any] = {"docs": docs_of(run.options)}
    if run.kind in ("fork", "replay"):
        other = run.model if run.model != model else None
        made |= {"kind": run.kind, "made_from": run.made_from, "given": given_of(run.options), "model": other}
    return made


def _pairs(store: Store, session_id: str) -> list[tuple[str, str]]:
    return [(one.id, one.text) for one in waiting.of_session(store, session_id)]
