"""One question, from the words to the receipt."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.agent import prompts, semconv
from core.agent.death import DeathWatch
from core.agent.routes import choose_route, is_small
from core.agent.routing import Decision, Router
from core.agent.spans import Recorder
from core.agent.tools import Search, Toolbox
from core.errors import StudyError
from core.events import Event, Hit, MemoryUse, Route, RunEnded, RunStarted, RunStatus, Usage
from core.ollama.errors import explain
from core.session import Store, chat
from core.settings import Settings
from core.text import clean_line

if TYPE_CHECKING:
    from core.engines import Engine
    from core.telemetry import Hub

log = logging.getLogger(__name__)

MAX_STEPS = 16
"""Graph steps of one run: about seven tool calls."""

MAX_PROMPT_CHARS = 200_000


def warm_up() -> None:
    """Import the libraries the graph needs (about a second): call it in a worker, after the first paint."""
    import langchain_ollama

    import core.agent.graph

    del langchain_ollama, core


@dataclass
class Agent:
    """Answers questions with an engine, its tools and the session's history; records everything in the store.

    Args:
        search: Finds passages in the documents; ``None`` when there is no document to search.
        hub: Measures the engine's memory around each run.
    """

    store: Store
    engine: Engine
    settings: Settings
    emit: Callable[[Event], None]
    search: Callable[[], Search | None]
    hub: Hub

    def __post_init__(self) -> None:
        self.router = Router(self.engine.embed)
        self._chat_models: dict[tuple[str, str], Any] = {}

    def route(self) -> tuple[Route, str]:
        """Return the tool route of the current model, and why."""
        details = self.engine.details
        return choose_route(
            self.engine.model,
            details.capabilities if details else (),
            details.parameter_count if details else None,
        )

    async def run(
        self,
        session_id: str,
        question: str,
        *,
        docs: bool = False,
        replaces: str | None = None,
        started: Callable[[RunStarted], None] | None = None,
    ) -> RunEnded:
        """Answer a question. Every event is emitted after its row is on disk.

        Args:
            docs: Search the documents whatever the router would say.
            replaces: The failed run this one tries again.
            started: Called once the question is on disk.

        Returns:
            How it ended; failures are in there, not raised.

        Raises:
            StudyError: The question was not accepted (empty, too long, unknown session, disk full).
        """
        question = self._accept(question)
        run = await asyncio.wrap_future(
            chat.begin_run(
                self.store,
                session_id,
                question,
                engine=self.engine.kind,
                engine_version=self.engine.version,
                model=self.engine.model,
                options={"docs": docs, "num_ctx": self.settings.num_ctx, "seed": self.settings.seed},
                replaces=replaces,
            )
        )
        self.emit(run)
        if started:
            started(run)
        return await self._answer(run, question, docs, replaces)

    def _accept(self, question: str) -> str:
        text = question.strip()
        if not text:
            raise StudyError("error.agent.prompt.empty")
        room = self.settings.num_ctx - 200
        if len(text) > MAX_PROMPT_CHARS or prompts.estimate_tokens(text) > room * 3:
            tokens = prompts.estimate_tokens(text[:MAX_PROMPT_CHARS])
            raise StudyError(
                "error.agent.prompt.long", tokens=tokens, room=room, num_ctx=self.settings.num_ctx
            )
        return text

    async def _answer(self, run: RunStarted, question: str, docs: bool, replaces: str | None) -> RunEnded:
        recorder = Recorder(self.store, self.emit, run)
        route, reason = self.route()
        search = self.search()
        toolbox = Toolbox(recorder, search or _no_documents)
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
            state = self._state(run, question, recorder, toolbox, route, reason, docs, search is not None)
            attributes = {
                semconv.OPERATION: "invoke_agent",
                semconv.AGENT_NAME: "llm-study",
                semconv.CONVERSATION_ID: run.session_id,
                semconv.ROUTE: route,
                semconv.ROUTE_REASON: reason,
            } | ({semconv.RETRY_OF: replaces} if replaces else {})
            async with recorder.span("invoke_agent", "agent", attributes):
                await self._stream(state, run)
        except asyncio.CancelledError:
            status = "cancelled"
        except Exception as error:
            status, failure = "error", _explained(error, self.engine)
            if watch is not None:
                # A cancel that comes now must not keep the run from ending.
                with contextlib.suppress(asyncio.CancelledError):
                    failure = await asyncio.to_thread(watch.explain, failure)
        answer = recorder.finish_text()
        ended = RunEnded(
            run_id=run.run_id,
            session_id=run.session_id,
            message_id=run.assistant_message_id,
            status=status,
            answer=answer,
            route=route,
            engine=self.engine.kind,
            model=self.engine.model,
            usage=state.usage if state else _NO_USAGE,
            ttft_ms=(state.first_token_at - began) * 1000 if state and state.first_token_at else None,
            tokens_per_s=state.usage.output_tokens / state.generation_s
            if state and state.generation_s
            else None,
            memory=await asyncio.to_thread(self._memory, run.run_id),
            citations=tuple(item for item in toolbox.citations if f"[{item.number}]" in answer)
            or toolbox.citations[:2],
            error=failure.message if failure else "",
            fix=failure.fix if failure else "",
        )
        await asyncio.shield(asyncio.wrap_future(chat.end_run(self.store, ended)))
        self.emit(ended)
        return ended

    def _memory(self, run_id: str) -> MemoryUse:
        return self.hub.end_run(run_id)

    def _state(
        self,
        run: RunStarted,
        question: str,
        recorder: Recorder,
        toolbox: Toolbox,
        route: Route,
        reason: str,
        docs: bool,
        has_documents: bool,
    ) -> Any:
        from core.agent.graph import RunState

        details = self.engine.details
        forced = (
            Decision("search_documents", {"query": clean_line(question, max_chars=400)}) if docs else None
        )
        return RunState(
            question=question,
            recorder=recorder,
            toolbox=toolbox,
            router=self.router,
            settings=self.settings,
            route=route,
            route_reason=reason,
            model_name=self.engine.model,
            small=is_small(details.parameter_count if details else None),
            tools=["calculator", "search_documents"] if has_documents or docs else ["calculator"],
            forced=forced,
        )

    async def _stream(self, state: Any, run: RunStarted) -> None:
        from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage
        from langgraph.errors import GraphRecursionError

        from core.agent.graph import build

        reserve = min(self.settings.num_predict, self.settings.num_ctx // 2)
        room = self.settings.num_ctx - reserve - prompts.estimate_tokens(state.question) - 80
        earlier = [
            message
            for message in chat.messages(self.store, run.session_id, limit=60)
            if message.id not in (run.user_message_id, run.assistant_message_id)
        ]
        kept, state.dropped = prompts.fit_history(earlier, room)
        messages: list[BaseMessage] = [
            HumanMessage(item.content) if item.role == "user" else AIMessage(item.content) for item in kept
        ]
        messages.append(HumanMessage(state.question))
        graph = build(self._chat_model(), state)
        try:
            async for part in graph.astream(
                {"messages": messages}, {"recursion_limit": MAX_STEPS}, stream_mode=["messages"], version="v2"
            ):
                chunk = part["data"][0]
                if isinstance(chunk, AIMessageChunk):
                    self.hub.note_tokens(1)
                    state.take(str(chunk.content))
        except GraphRecursionError as error:
            raise StudyError("error.agent.steps", steps=MAX_STEPS) from error

    def _chat_model(self) -> Any:
        """Return the client of the current model. Kept: making one takes 90 ms, most of it reading certificates."""
        connection = self.engine.chat_client_kwargs()
        key = (str(connection["base_url"]), self.engine.model)
        if key not in self._chat_models:
            self._chat_models = {key: self._new_chat_model(connection)}
        return self._chat_models[key]

    def _new_chat_model(self, connection: dict[str, Any]) -> Any:
        import httpx
        from langchain_ollama import ChatOllama

        from core.agent.graph import options_of

        timeout = httpx.Timeout(self.settings.request_timeout, connect=5.0)
        return ChatOllama(
            model=self.engine.model,
            base_url=connection["base_url"],
            # Without trust_env=False, an HTTP_PROXY of the environment would come between us and the loopback address.
            client_kwargs={
                "headers": connection.get("headers") or {},
                "timeout": timeout,
                "trust_env": connection.get("trust_env", True),
            },
            keep_alive=self.settings.keep_alive,
            cache=False,
            **options_of(self.settings),
        )


def _rate(state: Any) -> float | None:
    """Output tokens per second of generation, as the engine timed it; one token alone has no rate."""
    if state is None or not state.generation_s or state.usage.output_tokens < 2:
        return None
    return float(state.usage.output_tokens / state.generation_s)


async def _no_documents(query: str, k: int) -> list[Hit]:
    return []


def _explained(error: Exception, engine: Engine) -> StudyError:
    """Turn whatever went wrong into a sentence for the user; the log has the rest."""
    if isinstance(error, StudyError):
        return error
    log.error("a run failed", exc_info=error)
    return explain(error, url=engine.url, model=engine.model)


_NO_USAGE = Usage()
