"""One question, from the words to the receipt."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from core.agent import prompts, semconv
from core.agent.checkpoints import Checkpoints, config_of
from core.agent.clients import ChatModels
from core.agent.context.counter import Counter, counter_for
from core.agent.context.record import last_summary
from core.agent.death import DeathWatch
from core.agent.quoting import checked_answer
from core.agent.recorded import NOTHING, Given, docs_of, given_of
from core.agent.routes import details_of, is_small, route_of, without_tools
from core.agent.routing import Router
from core.agent.spans import Recorder
from core.agent.types import Docs, Plan, RecordedTool, Search, Step, Tool, ToolContext
from core.agent.words import Words
from core.errors import StudyError
from core.events import (
    Event,
    MemoryUse,
    Route,
    RunEnded,
    RunStarted,
    RunStatus,
    Usage,
)
from core.i18n import tr
from core.ollama.errors import explain
from core.session import Store, chat, examples
from core.session.rows import Answer
from core.settings import Settings
from core.text import clean_line

if TYPE_CHECKING:
    from core.engines import Engine
    from core.ollama import ModelDetails
    from core.telemetry import Hub

log = logging.getLogger(__name__)

MAX_STEPS = 64
"""Supersteps of the graph: the limits of the settings end a run long before."""
ENGINE_PATIENCE_S = 60.0
"""So long an engine that restarts is waited for before a call is tried again."""

Tools = Callable[[ToolContext, Settings], dict[str, Tool]]


def warm_up() -> None:
    """Import the libraries the graph needs (about a second): call it in a worker, after the first paint."""
    import aiosqlite
    import langchain_ollama
    import langgraph.checkpoint.sqlite.aio

    import core.agent.graph

    del aiosqlite, langchain_ollama, langgraph, core


def _registered(context: ToolContext, settings: Settings) -> dict[str, Tool]:
    from core.agent.tools.registry import tools_for

    return tools_for(context, settings)


@dataclass
class Agent:
    """Answers questions with an engine, its tools and the session's history; records everything in the store.

    Args:
        search: Finds passages in the documents; ``None`` when there is no document to search.
        hub: Measures the engine's memory around each run.
        checkpoints: Where a run's place is kept; ``None``: nowhere, a run that breaks off begins anew.
        tools: Which tools there are.
    """

    store: Store
    engine: Engine
    settings: Settings
    emit: Callable[[Event], None]
    search: Callable[[], Search | None]
    hub: Hub
    checkpoints: Checkpoints | None = None
    tools: Tools = _registered
    leaving: bool = False
    """The program ends: a run that waits for the user is left waiting, for the next start."""
    _refused: set[str] = field(default_factory=set)
    """Models that refused tools, whatever they say of themselves."""

    _graphs: Any = None
    _counters: dict[str, Counter] = field(default_factory=dict)
    """By model: estimates, corrected by what the server counted in earlier runs."""

    def __post_init__(self) -> None:
        self.router = Router(self.engine.embed, self._taught)
        self._clients = ChatModels(lambda: self.engine, self.settings)
        self._words = Words(self.store, lambda event: self.emit(event))

    def _taught(self) -> list[tuple[str, str]]:
        return [(one.text, one.tool) for one in examples.examples(self.store)]

    def route(self) -> tuple[Route, str]:
        """Return the tool route of the current model, and why."""
        if self.engine.model in self._refused:
            return self._without_tools(self.engine.model)
        return route_of(self.engine.model, self.engine.details, self.settings.routes)

    def _without_tools(self, model: str) -> tuple[Route, str]:
        details = self.engine.details
        count = details.parameter_count if details else None
        route: Route = "routed" if is_small(count) else without_tools(model)[0]
        return route, tr("route.refused", model=model)

    def _reroute(self, model: str) -> tuple[Route, str]:
        self._refused.add(model)
        return self._without_tools(model)

    # -- asking -----------------------------------------------------------------------------------------

    async def run(
        self,
        session_id: str,
        question: str,
        *,
        docs: Docs = False,
        replaces: str | None = None,
        started: Callable[[RunStarted], None] | None = None,
        model: str | None = None,
        recorded: Sequence[RecordedTool] | None = None,
        given: Given = NOTHING,
        kind: str = "chat",
        made_from: str = "",
    ) -> RunEnded:
        """Answer a question. Every event is emitted after its row is on disk.

        Args:
            docs: Search the documents whatever the router would say; a text: in the collection of this id or name only.
            replaces: The failed run this one tries again.
            started: Called once the question is on disk.
            model: Another model than the one in use.
            recorded: Results of an earlier run, given instead of calling the tools.
            given: What is taken over from an earlier run; kept with this one.
            kind: ``chat``, ``replay`` or ``fork``.
            made_from: Id of the run or message it was made from.

        Returns:
            How it ended; failures are in there, not raised.

        Raises:
            StudyError: The question was not accepted (empty, too long, unknown session, disk full).
        """
        question = prompts.accepted(question, self.settings.num_ctx)
        if recorded is not None:
            given = dataclasses.replace(given, recorded=tuple(recorded))
        options = {"docs": docs, "num_ctx": self.settings.num_ctx, "seed": self.settings.seed}
        run = await asyncio.wrap_future(
            chat.begin_run(
                self.store,
                session_id,
                question,
                engine=self.engine.kind,
                engine_version=self.engine.version,
                model=model or self.engine.model,
                options=options | given.options(),
                replaces=replaces,
                kind=kind,
                made_from=made_from,
            )
        )
        self.emit(run)
        if started:
            started(run)
        return await self._answer(run, question, docs=docs, replaces=replaces, model=model, given=given)

    async def resume(
        self, run_id: str, *, started: Callable[[RunStarted], None] | None = None
    ) -> RunEnded | None:
        """Go on with a run that was interrupted or waits, from its last finished step.

        Returns:
            How it ended; ``None`` when there is nothing to go on with, and the question has to be asked anew.
        """
        row = await asyncio.to_thread(chat.get_run, self.store, run_id)
        if row is None or await self._place(row.session_id, run_id) is None:
            return None
        run = await asyncio.wrap_future(chat.reopen_run(self.store, run_id))
        if run is None:
            return None
        self.emit(run)
        if started:
            started(run)
        model = row.model if row.model != self.engine.model else None
        docs, given = docs_of(row.options), given_of(row.options)
        return await self._answer(run, row.question, docs=docs, model=model, given=given, again=True)

    async def can_resume(self, run_id: str) -> bool:
        """Say whether a run has finished steps that need not be done again."""
        row = await asyncio.to_thread(chat.get_run, self.store, run_id)
        if row is None:
            return False
        place = await self._place(row.session_id, run_id)
        return bool(place and any(message.type == "tool" for message in place.get("messages", ())))

    async def abandon(self, run_id: str) -> None:
        """End a waiting run whose process is gone: the user does not want it any more."""
        run = await asyncio.wrap_future(chat.reopen_run(self.store, run_id))
        row = await asyncio.to_thread(chat.get_run, self.store, run_id)
        if run is None or row is None:
            return
        await self._words.close(run_id)
        texts = [
            one.content
            for one in chat.messages(self.store, run.session_id)
            if one.id == run.assistant_message_id
        ]
        ended = RunEnded(
            run_id, run.session_id, run.assistant_message_id, "cancelled", texts[0] if texts else "", row.route,
            self.engine.kind, row.model, row.usage, None, None, MemoryUse(),
        )  # fmt: skip
        await asyncio.wrap_future(chat.end_run(self.store, ended))
        self.emit(ended)

    async def answer_permission(self, request_id: str, word: Answer) -> str:
        """Write the user's word; returns the run that waits for it.

        Raises:
            StudyError: The question is not open any more.
        """
        return await self._words.give(request_id, word)

    # -- one run ----------------------------------------------------------------------------------------

    async def _answer(
        self,
        run: RunStarted,
        question: str,
        *,
        docs: Docs,
        replaces: str | None = None,
        model: str | None = None,
        given: Given = NOTHING,
        again: bool = False,
    ) -> RunEnded:
        recorder = Recorder(self.store, self.emit, run)
        route, reason = self.route()
        search = self.search()
        context = ToolContext(
            run.run_id,
            run.session_id,
            self.store,
            self.engine,
            self.settings,
            recorder,
            self.hub,
            search,
            question,
        )
        self.hub.begin_run(run.run_id)
        began = time.perf_counter()
        state: Any = None
        status: RunStatus = "ok"
        failure: StudyError | None = None
        watch: DeathWatch | None = None
        try:
            watch = await asyncio.to_thread(DeathWatch, self.engine)
            # The graph module imports LangChain: in a thread, the loop stays free meanwhile.
            await asyncio.to_thread(warm_up)
            details = await details_of(self.engine, model)
            if model and model != self.engine.model and model not in self._refused:
                route, reason = route_of(model, details, self.settings.routes)
            state = await self._state(context, route, reason, docs, model, given, details)
            attributes = {
                semconv.OPERATION: "invoke_agent",
                semconv.AGENT_NAME: "llm-study",
                semconv.CONVERSATION_ID: run.session_id,
                semconv.ROUTE: route,
                semconv.ROUTE_REASON: reason,
            } | ({semconv.RETRY_OF: replaces} if replaces else {})
            async with recorder.span("invoke_agent", "agent", attributes):
                await self._stream(state, run, again, given)
                if state.cut:
                    recorder.add_text(f"\n\n{tr('agent.length', tokens=self.settings.num_predict)}")
                if not recorder.text.strip():
                    raise StudyError("error.agent.empty")
        except asyncio.CancelledError:
            if self.leaving and run.run_id in chat.waiting_runs(self.store, run.session_id):
                raise
            status = "cancelled"
        except Exception as error:
            status, failure = "error", _explained(error, self.engine)
            if watch is not None:
                # A cancel that comes now must not keep the run from ending.
                with contextlib.suppress(asyncio.CancelledError):
                    failure = await asyncio.to_thread(watch.explain, failure)
        answer = recorder.finish_text()
        answer, citations, support = await checked_answer(state, context, status, answer)
        ended = RunEnded(
            run_id=run.run_id,
            session_id=run.session_id,
            message_id=run.assistant_message_id,
            status=status,
            answer=answer,
            route=state.route if state else route,
            engine=self.engine.kind,
            model=state.model_name if state else model or self.engine.model,
            usage=state.usage if state else Usage(),
            ttft_ms=(state.first_token_at - began - state.waited_first) * 1000
            if state and state.first_token_at
            else None,
            tokens_per_s=state.usage.output_tokens / state.generation_s
            if state and state.generation_s
            else None,
            memory=await asyncio.to_thread(self._memory, run.run_id),
            citations=citations,
            error=failure.message if failure else "",
            fix=failure.fix if failure else "",
            support=support,
        )
        await asyncio.shield(self._end(ended))
        # The next run of this model counts with what this one taught. Nothing may come after the event: who hears it
        # may ask at once, and should not find the session busy.
        self._counters.pop(ended.model, None)
        self.emit(ended)
        return ended

    async def _end(self, ended: RunEnded) -> None:
        if ended.status != "ok":
            await self._words.close(ended.run_id)
        await asyncio.wrap_future(chat.end_run(self.store, ended))
        if ended.status == "ok" and self.checkpoints is not None:
            # What a finished run leaves is the store's; a failed one may be gone on with.
            with contextlib.suppress(Exception):
                await self.checkpoints.prune(ended.session_id)

    def _memory(self, run_id: str) -> MemoryUse:
        return self.hub.end_run(run_id)

    async def _state(
        self, context: ToolContext, route: Route, reason: str, docs: Docs, model: str | None,
        given: Given, details: ModelDetails | None,
    ) -> Any:  # fmt: skip
        from core.agent.state import RunState

        tools = await asyncio.to_thread(self.tools, context, self.settings)
        asked = {"query": clean_line(context.question, max_chars=400)}
        if isinstance(docs, str):
            asked["collection"] = docs
        return RunState(
            question=context.question,
            recorder=context.recorder,
            context=context,
            tools=tools,
            router=self.router,
            settings=self.settings,
            route=route,
            route_reason=reason,
            model_name=model or self.engine.model,
            small=is_small(details.parameter_count if details else None),
            chat_model=self._clients.get,
            engine_ready=self._engine_ready,
            emit=self.emit,
            reroute=self._reroute,
            digest=str(getattr(details, "digest", "") or ""),
            counter=await self._counter(model or self.engine.model),
            summary=await asyncio.to_thread(last_summary, self.store, context.session_id),
            forced=Plan((Step("search_documents", asked),), "user") if docs else None,
            recorded=None if given.recorded is None else list(given.recorded),
        )

    async def _counter(self, model: str) -> Counter:
        if model not in self._counters:
            self._counters[model] = await asyncio.to_thread(counter_for, self.store, model)
        return self._counters[model]

    async def _engine_ready(self) -> None:
        """Wait while the engine restarts, for a limited time."""
        status = getattr(self.engine, "status", None)
        until = time.monotonic() + ENGINE_PATIENCE_S
        while status is not None and status.state in ("restarting", "starting") and time.monotonic() < until:
            await asyncio.sleep(0.1)  # Another process is waited for.
            status = self.engine.status

    # -- the graph ----------------------------------------------------------------------------------------

    async def _place(self, session_id: str, run_id: str) -> dict[str, Any] | None:
        """Return the checkpoint's state when it belongs to this run."""
        if self.checkpoints is None:
            return None
        await asyncio.to_thread(warm_up)
        saver = await self.checkpoints.saver()
        found = await saver.aget_tuple(config_of(session_id))  # type: ignore[arg-type]
        values: dict[str, Any] = found.checkpoint["channel_values"] if found is not None else {}
        return values if values.get("run_id") == run_id else None

    async def _stream(self, state: Any, run: RunStarted, again: bool, given: Given) -> None:
        from langgraph.errors import GraphRecursionError
        from langgraph.types import Command

        from core.agent.graphs import Graphs
        from core.agent.history import first_input
        from core.agent.state import running

        saver = await self.checkpoints.saver() if self.checkpoints is not None else None
        self._graphs = self._graphs or Graphs()
        graph = self._graphs.get(state.chat_model(state.model_name), state.tools.values(), saver)
        running.set(state)
        config = config_of(run.session_id, recursion_limit=MAX_STEPS)
        inputs: Any = (
            await self._resumed(state, run)
            if again
            else await first_input(state, run, saver is not None, given)
        )
        try:
            while open_interrupts := await self._pass(graph, inputs, config, state, saver is not None):
                await self._wait_for_words(state, run)
                inputs = Command(resume=dict.fromkeys(open_interrupts, True))
        except GraphRecursionError as error:
            raise StudyError("error.agent.steps", steps=MAX_STEPS) from error

    async def _resumed(self, state: Any, run: RunStarted) -> Any:
        """Bring the run's own state to where the checkpoint is; returns the graph's input: go on."""
        from langgraph.types import Command

        from core.agent.state import calls_of, citations_of, this_turn

        place = await self._place(run.session_id, run.run_id) or {}
        turn = this_turn(place.get("messages", []))
        state.context.citations.extend(citations_of(turn))
        state.told.extend(
            str(one.content) for one in turn if one.type == "tool" and one.name != "search_documents"
        )
        state.calls = len(turn) + len(calls_of(turn))
        said = "\n\n".join(str(one.content) for one in turn if one.type == "ai" and one.content)
        # What a call that never ended had streamed is said again by its repetition.
        await state.recorder.rewind(0, text=said)
        await asyncio.wrap_future(chat.set_text(self.store, run.session_id, run.assistant_message_id, said))
        await self._wait_for_words(state, run)
        assert self.checkpoints is not None  # noqa: S101 - there is a place
        saver = await self.checkpoints.saver()
        found = await saver.aget_tuple(config_of(run.session_id))  # type: ignore[arg-type]
        interrupts = [
            item.id
            for _, channel, value in (found.pending_writes or () if found is not None else ())
            if channel == "__interrupt__"
            for item in value
        ]
        return Command(resume=dict.fromkeys(interrupts, True)) if interrupts else None

    async def _pass(
        self, graph: Any, inputs: Any, config: dict[str, Any], state: Any, kept: bool
    ) -> list[str]:
        """Run the graph until it ends or stops for the user; returns the ids of its interrupts."""
        interrupts: list[str] = []
        durability = {"durability": "sync"} if kept else {}
        async for part in graph.astream(inputs, config, stream_mode="updates", version="v2", **durability):
            if "__interrupt__" in part["data"]:
                interrupts += [item.id for item in part["data"]["__interrupt__"]]
        return interrupts

    async def _wait_for_words(self, state: Any, run: RunStarted) -> None:
        """Wait for the user. The time is not the run's."""
        seconds = await self._words.wait(run)
        state.waited += seconds
        if state.first_token_at is None:
            state.waited_first += seconds


def _explained(error: Exception, engine: Engine) -> StudyError:
    """Turn whatever went wrong into a sentence for the user; the log has the rest."""
    if isinstance(error, StudyError):
        return error
    log.error("a run failed", exc_info=error)
    return explain(error, url=engine.url, model=engine.model)
