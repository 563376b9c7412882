"""A room for trials: the real agent and its real graph on a store of their own, with tools that leave nothing out.

Everything observed is read back from the store, as a user's screen would: what is not on disk was not seen.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import hashlib
import json
import math
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from core.agent import semconv
from core.agent.checkpoints import Checkpoints
from core.agent.types import Search, Tool, ToolContext
from core.events import Event, MemoryUse, RunEnded, RunStarted, Span, Usage
from core.lab.trials.grade import Call
from core.session import Store, chat, facts
from core.settings import Settings

AXES = 128
"""Dimensions of :func:`hashed`."""
BODY = "app.request.body"
"""Attribute of a model span: the request exactly as it was sent."""
PATIENCE_S = 10.0
"""So long a run that was told to stop may take to end."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What one question led to, as the store has it."""

    run_id: str
    status: str
    """``RunStatus``; ``never`` when it did not end in time, ``raised`` when it threw."""
    answer: str
    error: str
    fix: str
    ms: float
    spans: tuple[Span, ...]
    usage_in: int = 0
    usage_out: int = 0
    raised: str = ""
    """Name of what was thrown."""
    route: str = ""
    """The route it took in the end: a model that refuses tools is given another."""

    def kind(self, kind: str) -> list[Span]:
        """Return the spans of a kind, in order."""
        return [span for span in self.spans if span.kind == kind]

    @property
    def calls(self) -> list[Call]:
        """The tools called, in order."""
        return [
            (
                str(span.attributes.get(semconv.TOOL_NAME, "")),
                _mapping(span.attributes.get(semconv.TOOL_ARGUMENTS)),
            )
            for span in self.kind("tool")
        ]

    @property
    def requests(self) -> list[str]:
        """What models were sent, as text."""
        return [
            "\n".join(
                [
                    *_texts(span.attributes.get(semconv.INPUT_MESSAGES)),
                    json.dumps(span.attributes.get(BODY, ""), ensure_ascii=False),
                ]
            )
            for span in self.kind("model")
        ]

    @property
    def systems(self) -> list[str]:
        """The system texts sent."""
        return [
            text
            for span in self.kind("model")
            for message in span.attributes.get(semconv.INPUT_MESSAGES) or ()
            if message.get("role") == "system"
            for text in _texts([message])
        ]

    @property
    def names(self) -> list[str]:
        """Names a screen may show beside results: of spans, documents and sections."""
        found = [span.name for span in self.spans]
        for span in self.kind("retrieval"):
            for hit in span.attributes.get(semconv.RETRIEVED) or ():
                found += [str(hit.get("document", "")), str(hit.get("section", ""))]
        return found

    @property
    def results(self) -> list[str]:
        """What tools returned, in order."""
        return [str(span.attributes.get(semconv.TOOL_RESULT, "")) for span in self.kind("tool")]


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _texts(messages: Any) -> list[str]:
    """Return the texts of recorded messages."""
    return [
        str(part.get("content", part.get("arguments", "")))
        for message in messages or ()
        for part in message.get("parts", ())
    ]


class Quiet:
    """Telemetry that measures nothing: the lab has its own."""

    latest = None

    def begin_run(self, run_id: str) -> None:
        """A run begins."""

    def end_run(self, run_id: str) -> MemoryUse:
        """It ended."""
        return MemoryUse(0, 0, 0)

    def note_tokens(self, count: int) -> None:
        """Tokens came."""


class Front:
    """An engine seen through another address or with another face; everything else is the engine's own.

    Args:
        engine: The real one; ``None`` for a scripted server alone.
        over: What is different: ``url``, ``token``, ``model``, ``details``, ``embed`` …
    """

    def __init__(self, engine: Any, **over: Any) -> None:
        self._engine = engine
        self._over = over

    def __getattr__(self, name: str) -> Any:
        over = self.__dict__["_over"]
        if name in over:
            return over[name]
        if self.__dict__["_engine"] is None:
            raise AttributeError(name)
        return getattr(self.__dict__["_engine"], name)


#: What a model must look like to be given each route.
FACES: dict[str, tuple[str, tuple[str, ...], int]] = {
    "routed": ("scripted:135m", ("completion",), 135_000_000),
    "constrained": ("llama2:7b", ("completion",), 7_000_000_000),
    "native": ("qwen3:4b", ("completion", "tools"), 4_000_000_000),
}


def scripted_front(url: str, route: str) -> Front:
    """Return a scripted server as an engine whose model gets this route."""
    name, capabilities, size = FACES[route]

    async def embed(texts: list[str]) -> list[list[float]]:
        return [hashed(text) for text in texts]

    async def refresh() -> Any:
        return SimpleNamespace(state="ready", pid=None)

    return Front(
        None,
        url=url,
        token=None,
        model=name,
        kind="ollama",
        version="0.0.0-scripted",
        embed_model="hashed",
        embed=embed,
        refresh=refresh,
        status=SimpleNamespace(state="ready", pid=None, detail=""),
        loaded=(),
        details=SimpleNamespace(
            capabilities=capabilities, parameter_count=size, context_length=4096, digest="", name=name
        ),
        chat_client_kwargs=lambda: {"base_url": url, "headers": {}, "trust_env": False},
        root_pids=lambda: [],
    )


def hashed(text: str) -> list[float]:
    """Return a vector of a text from its three-letter groups: no model, the same every time."""
    vector = [0.0] * AXES
    plain = f"  {text.casefold()} "
    for i in range(len(plain) - 2):
        at = int.from_bytes(hashlib.blake2b(plain[i : i + 3].encode(), digest_size=2).digest(), "big")
        vector[at % AXES] += 1.0
    norm = math.sqrt(sum(one * one for one in vector)) or 1.0
    return [one / norm for one in vector]


class Room:
    """The agent in a store of its own: ``async with room(...) as it``.

    Args:
        store: Empty.
        engine: Which engine.
        settings: The agent's.
        tools: What it may use.
        search: Finds passages.
        checkpoints: Where runs keep their place.
        make: Makes the agent.
    """

    def __init__(
        self,
        store: Store,
        engine: Any,
        settings: Settings,
        *,
        tools: Mapping[str, Tool],
        search: Search | None,
        checkpoints: Checkpoints,
        make: Callable[..., Any],
    ) -> None:
        self.store = store
        self.events: list[Event] = []
        self._agent = make(store, engine, settings, self.events.append, tools, search, checkpoints)

    async def session(self) -> str:
        """Begin a session and return its id."""
        return (await asyncio.wrap_future(chat.create_session(self.store))).id

    async def know(self, session_id: str, text: str) -> None:
        """Put something the user said earlier into the session, as if it had been answered."""
        run = await asyncio.wrap_future(
            chat.begin_run(self.store, session_id, text, engine="", engine_version="", model="", options={})
        )
        usage = Usage(0, 0)
        ended = RunEnded(
            run.run_id, session_id, run.assistant_message_id, "ok", "OK.", None, "", "", usage, None, None, MemoryUse(0, 0, 0)
        )  # fmt: skip
        chat.append_text(self.store, session_id, run.assistant_message_id, "OK.")
        await asyncio.wrap_future(chat.end_run(self.store, ended))

    async def remember(self, text: str) -> None:
        """Put a fact into long-term memory, the way the app does when the user asks for it."""
        await asyncio.wrap_future(facts.add(self.store, text, await self.session()))

    async def ask(self, session_id: str, question: str, *, limit_s: float) -> Seen:
        """Ask, wait for the end, and read back what is on disk.

        Cancelling this cancels the run, waits until that is written, and is passed on.
        """
        began = time.perf_counter()
        started: list[RunStarted] = []
        task = asyncio.ensure_future(self._agent.run(session_id, question, started=started.append))
        try:
            done, _ = await asyncio.wait({task}, timeout=limit_s)
        except asyncio.CancelledError:
            await _stop(task)
            raise
        ms = (time.perf_counter() - began) * 1e3
        status, raised, ended = "never", "", None
        if not done:
            await _stop(task)
        elif error := task.exception():
            status, raised = "raised", type(error).__name__
        else:
            ended = task.result()
        run_id = ended.run_id if ended else started[0].run_id if started else ""
        spans = await asyncio.to_thread(chat.spans, self.store, run_id=run_id) if run_id else []
        if not isinstance(ended, RunEnded):
            return Seen(run_id, status, "", "", "", ms, tuple(spans), raised=raised)
        return Seen(
            run_id, ended.status, ended.answer, ended.error, ended.fix, ms, tuple(spans),
            ended.usage.input_tokens, ended.usage.output_tokens, route=ended.route or "",
        )  # fmt: skip


async def _stop(task: asyncio.Future[Any]) -> None:
    task.cancel()
    await asyncio.wait({task}, timeout=PATIENCE_S)


@contextlib.asynccontextmanager
async def room(
    engine: Any,
    settings: Settings,
    *,
    tools: Mapping[str, Tool],
    search: Search | None = None,
    make: Callable[..., Any] | None = None,
) -> AsyncIterator[Room]:
    """Open a room; its store is deleted at the end.

    Args:
        engine: A :class:`core.engines.Engine`, or a :class:`Front`.
        settings: The agent's settings.
        tools: By name.
        search: Finds passages; ``None`` when there are no documents.
        make: Makes the agent.
    """
    folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="llm-study-trial-"))
    store = await asyncio.to_thread(Store.open, folder / "session.db")
    checkpoints = Checkpoints(folder / "checkpoints.db")
    try:
        yield Room(
            store,
            engine,
            settings,
            tools=tools,
            search=search,
            checkpoints=checkpoints,
            make=make or make_agent,
        )
    finally:
        await checkpoints.close()
        await asyncio.to_thread(store.close)
        await asyncio.to_thread(shutil.rmtree, folder, True)


def make_agent(
    store: Store,
    engine: Any,
    settings: Settings,
    emit: Callable[[Event], None],
    tools: Mapping[str, Tool],
    search: Search | None,
    checkpoints: Checkpoints,
) -> Any:
    """Make the real agent, with these tools."""
    from core.agent.run import Agent

    def usable(context: ToolContext, settings: Settings) -> dict[str, Tool]:
        return {name: tool for name, tool in tools.items() if search or name != "search_documents"}

    return Agent(store, engine, settings, emit, lambda: search, Quiet(), checkpoints, usable)  # type: ignore[arg-type]


def all_allowed(settings: Settings, tools: Sequence[str], **changes: Any) -> Settings:
    """Return settings in which every tool may be used without a question: nobody is there to answer one."""
    return dataclasses.replace(settings, tools=dict.fromkeys(tools, "allow"), **changes)
