"""Recorded runs, for the interfaces: looked at, repeated, forked, compared, taken elsewhere."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.agent.recorded import Given, docs_of, recorded_tools
from core.agent.replay import again, calls, compare, files, words
from core.agent.replay.branch import branch
from core.agent.replay.types import Call, Comparison, DiffPart, ExportFormat
from core.errors import StudyError, UsageError
from core.events import ReplayChanged, RunEnded, RunStarted
from core.ground import Ground
from core.session import Store, chat, examples, forks, imports, replays
from core.session.rows import Rerun, Run, Session
from core.text import clean, clean_line

if TYPE_CHECKING:
    from core.agent.replay.push import Pusher
    from core.runtime import Runtime


class Traces:
    """Recorded runs, to look at and to repeat. What says "blocking" reads the store: call it in a worker."""

    def __init__(self, ground: Ground, runtime: Runtime) -> None:
        self._ground = ground
        self._runtime = runtime
        self._pusher: Pusher | None = None

    # -- one call -----------------------------------------------------------------------------------------

    def call(self, span_id: str) -> Call:
        """Return a recorded model call as it was sent. Blocking.

        Raises:
            UsageError: There is no such span, it is no model call, or its body was not recorded.
        """
        ready = self._runtime.engine_ready
        engine = ready.result() if ready.done() and not ready.cancelled() and not ready.exception() else None
        if engine is None:
            return calls.call_of(self._store(), span_id)
        return calls.call_of(self._store(), span_id, engine.url, bool(engine.token))

    def curl(self, span_id: str) -> str:
        """Return the command that makes the call again, its token as ``$LLM_STUDY_TOKEN``. Blocking."""
        return calls.curl_of(self.call(span_id))

    def rerun(self, span_id: str, n: int = 1) -> Future[list[Rerun]]:
        """Make a recorded call ``n`` times more; each answer is a row, told as ``ReplayChanged``."""
        return self._ground.call(self._rerun(span_id, n))

    async def _rerun(self, span_id: str, n: int) -> list[Rerun]:
        count = again.accepted(n)
        engine, store = await self._ground.engine(), await self._ground.store()
        call = await asyncio.to_thread(calls.call_of, store, span_id, engine.url, bool(engine.token))
        return await again.rerun(store, engine, self._ground.emit, call, count)

    def reruns(self, of: str) -> list[Rerun]:
        """Return what was repeated of a span or a run, oldest first. Blocking."""
        return replays.of(self._store(), of)

    def determinism(
        self, prompt: str, k: int, seeded: bool, temperature: float | None = None
    ) -> Future[list[Rerun]]:
        """Put the same prompt to the model ``k`` times, with the settings' seed or without one.

        The first answer is the reference (``same`` is ``None``); ``differs_at`` counts tokens as they streamed.

        Args:
            temperature: ``None``: the settings'. At 0 the seed plays no part.
        """
        return self._ground.call(self._determinism(prompt, k, seeded, temperature))

    async def _determinism(self, prompt: str, k: int, seeded: bool, temperature: float | None) -> list[Rerun]:
        from core.agent.run import warm_up

        count = again.accepted(k)
        engine, store = await self._ground.engine(), await self._ground.store()
        await asyncio.to_thread(warm_up)
        settings = self._ground.settings
        return await again.determinism(
            store, engine, self._ground.emit, settings, prompt, count, seeded, temperature
        )

    # -- whole runs ---------------------------------------------------------------------------------------

    def fork(
        self,
        session_id: str,
        at: str,
        *,
        prompt: str | None = None,
        tool_result: str | None = None,
        model: str | None = None,
    ) -> Future[Session]:
        """Make a new session that goes up to a span or a message, with an edit; the original stays as it is.

        The next run is started unless nothing was edited. Tools that had answered before the span keep their recorded
        results; later ones are called, with the permissions of any run.
        """
        return self._ground.call(self._fork(session_id, at, prompt, tool_result, model))

    async def _fork(
        self, session_id: str, at: str, prompt: str | None, tool_result: str | None, model: str | None
    ) -> Session:
        store = await self._ground.store()
        if prompt is not None and not prompt.strip():
            raise StudyError("error.agent.prompt.empty")
        edit = None if tool_result is None else clean(tool_result, max_chars=20_000)
        plan = await asyncio.to_thread(
            branch, store, session_id, at, prompt=prompt, tool_result=edit, model=model
        )
        if plan.question:
            from core.agent import prompts

            # Refused before there is a session, not after.
            prompts.accepted(plan.question, self._ground.settings.num_ctx)
            await self._ground.engine()
        session = await asyncio.wrap_future(forks.fork(store, plan.session_id, plan.before_seq, at=plan.at))
        if plan.question:
            agent = self._runtime._agent_now()
            await self._runtime.runs.start(
                session.id,
                lambda started: agent.run(
                    session.id, plan.question, docs=plan.docs, started=started, model=plan.model, given=plan.given,
                    kind="fork", made_from=plan.at,
                ),
            )  # fmt: skip
        return session

    def replay(self, run_id: str, model: str | None = None, live_tools: bool = False) -> Future[str]:
        """Run a recorded question again in a hidden session; gives the new run's id once it is on disk.

        Recorded tool results are used; tools are called again only with ``live_tools``, with the permissions of any
        run. Its end is told as ``ReplayChanged``.
        """
        return self._ground.call(self._replay(run_id, model, live_tools))

    async def _replay(self, run_id: str, model: str | None, live_tools: bool) -> str:
        store = await self._ground.store()
        run = await asyncio.to_thread(compare.run_of, store, run_id)
        engine = await self._ground.engine()
        spans = await asyncio.to_thread(lambda: chat.spans(store, run_id=run.id))
        rows = await asyncio.to_thread(
            store.query, "SELECT min(seq) AS seq FROM messages WHERE run_id = ?", [run.id]
        )
        session = await asyncio.wrap_future(
            forks.fork(store, run.session_id, rows[0]["seq"] or 0, at=run.id, hidden=True, runs=False)
        )
        agent = self._runtime._agent_now()
        row = Rerun(chat.new_id(), run.id, "run", model or engine.model, time.time(), "", None)
        given = Given(None if live_tools else tuple(recorded_tools(spans)))

        async def work(started: Callable[[RunStarted], None]) -> RunEnded:
            begun = row

            def both(made: RunStarted) -> None:
                nonlocal begun
                begun = dataclasses.replace(row, run_id=made.run_id)
                # Written in the order it is asked for: before the run's end, whatever becomes of it.
                replays.put(store, begun)
                started(made)

            ended = await agent.run(
                session.id, run.question, docs=docs_of(run.options), started=both, model=model, given=given,
                kind="replay", made_from=run.id,
            )  # fmt: skip
            await self._replayed(store, run, begun, ended)
            return ended

        return await self._runtime.runs.start(session.id, work)

    async def _replayed(self, store: Store, run: Run, row: Rerun, ended: RunEnded) -> None:
        before = await asyncio.to_thread(compare.answer_text, store, run.id)
        comparable = ended.status == "ok" and bool(before)
        same = ended.answer == before if comparable else None
        row = dataclasses.replace(
            row,
            model=ended.model,
            text=ended.answer,
            same=same,
            differs_at=words.first_difference(before.split(), ended.answer.split())
            if same is False
            else None,
            seed=self._ground.settings.seed,
            input_tokens=ended.usage.input_tokens,
            output_tokens=ended.usage.output_tokens,
            ttft_ms=ended.ttft_ms,
            duration_ms=(time.time() - row.ts) * 1e3,
            error=ended.error or ("" if ended.status == "ok" else ended.status),
        )
        await asyncio.wrap_future(replays.put(store, row))
        self._ground.emit(ReplayChanged(row, 1, 1))

    def compare_runs(self, a: str, b: str) -> Comparison:
        """Put two runs side by side. Blocking."""
        return compare.compare(self._store(), a, b)

    def diff(self, a: str, b: str) -> list[DiffPart]:
        """Compare two texts by words."""
        return words.diff(a, b)

    def correct_route(self, run_id: str, tool: str) -> Future[None]:
        """Say which tool a question was for (``none``: no tool): it becomes an example of the router."""
        return self._ground.call(self._correct(run_id, tool))

    async def _correct(self, run_id: str, tool: str) -> None:
        store = await self._ground.store()
        run = await asyncio.to_thread(compare.run_of, store, run_id)
        if tool != "none" and tool not in self._runtime.tools.all():
            raise UsageError("error.tools.unknown", name=clean_line(tool, max_chars=80))
        await asyncio.wrap_future(correct(store, run, tool))

    # -- elsewhere ----------------------------------------------------------------------------------------

    def export(self, run_or_session_id: str, folder: Path, format: ExportFormat = "otlp") -> Future[Path]:
        """Write a run or a session into a new file in ``folder``, readable by its owner only; gives its path."""
        return self._ground.call(
            self._with_store(lambda store: files.write(store, run_or_session_id, folder, format))
        )

    def import_session(self, path: Path) -> Future[Session]:
        """Read a session that was exported as JSONL; it is this process's.

        Raises (through the future):
            UsageError: The file is none; the sentence names the line.
        """
        return self._ground.call(self._import(path))

    async def _import(self, path: Path) -> Session:
        store = await self._ground.store()
        rows = await asyncio.to_thread(imports.read, path)
        return await asyncio.wrap_future(imports.put(store, rows))

    def start_push(self, store: Store) -> None:
        """Send each run that ends to the collector of the settings; nothing is sent when they name none."""
        settings = self._ground.settings
        if settings.otlp_endpoint and self._pusher is None:
            from core.agent.replay.push import Pusher

            self._pusher = Pusher(store, settings.otlp_endpoint, settings.otlp_content)
            self._runtime.subscribe(self._pusher.take)

    async def close(self) -> None:
        """Send what still waits to be sent."""
        if self._pusher is not None:
            await asyncio.to_thread(self._pusher.close)

    # -- inside -------------------------------------------------------------------------------------------

    def _with_store(self, work: Callable[[Store], Path]) -> Coroutine[Any, Any, Path]:
        async def run() -> Path:
            return await asyncio.to_thread(work, await self._ground.store())

        return run()

    def _store(self) -> Store:
        store = self._ground.store_now()
        if store is None:
            raise StudyError("error.store.write", reason="closed")
        return store


def correct(store: Store, run: Run, tool: str) -> Future[examples.Example]:
    """Keep a run's question as an example of what it was for."""
    return examples.add(store, run.question, tool, run.id)
