"""FAKES, for unit tests of the interface only: a runtime without engine over a real store."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import Any

from core.agent.types import Cost, Fact, PermissionRequest
from core.errors import StudyError
from core.events import (
    AnswerSupport,
    Citation,
    Document,
    EngineChanged,
    EngineStatus,
    Event,
    Hit,
    MemoryUse,
    PermissionAnswered,
    PermissionAsked,
    QueueChanged,
    RunEnded,
    RunStarted,
    Sample,
    Span,
    SpanEnded,
    SpanStarted,
    TokenDelta,
    Usage,
)
from core.paths import Paths
from core.session import Store, chat, documents
from core.session.rows import Session
from core.settings import Settings
from tests.tui.documents_fakes import FakeChunk, FakeLibrary, FakeView, done

__all__ = ["FakeChunk", "FakeRuntime", "FakeView", "Script", "document", "sample"]

READY = EngineStatus(
    kind="embedded",
    state="ready",
    version="llama.cpp b11549",
    model="smollm2:135m",
    route="routed",
    context_length=2048,
    queue=0,
    slots=4,
    slots_busy=0,
)
START = 1_790_000_000.0
"""The fixed time of spans and samples."""

MIB = 2**20


@dataclass
class Script:
    """What a fake answer does."""

    text: str = "12 × 34 = 408"
    tool: bool = True
    error: str = ""
    citations: tuple[Citation, ...] = ()
    support: AnswerSupport | None = None
    result: Any = "408"
    tokens: list[str] = field(default_factory=list)


class FakeRuntime:
    """Behaves like core.runtime.Runtime; tests drive an answer step by step with :meth:`begin` … :meth:`end`."""

    def __init__(self, settings: Settings, paths: Paths) -> None:
        self.settings, self.paths = settings, paths
        self.store_ready: Future[Store] = Future()
        self.engine_ready: Future[Any] = Future()
        self.status = EngineStatus(kind="embedded", state="starting")
        self.listeners: list[Callable[[Event], None]] = []
        self.script = Script()
        self.auto = True
        """Answer by itself as soon as it is asked."""
        self.cancelled: list[str] = []
        self.asked: list[tuple[str, str, bool | str]] = []
        self.added: list[str] = []
        self.hits: list[Hit] = []
        self.views: dict[str, FakeView] = {}
        self.details = False
        self.telemetry = True
        self.current: RunStarted | None = None
        self.delay_store = False
        self.running: dict[str, RunStarted] = {}
        """The run of each session that is on."""
        self.queued: dict[str, list[tuple[str, str]]] = {}
        self.permissions: list[PermissionRequest] = []
        self.answered: list[tuple[str, str]] = []
        self.resumed: list[str] = []
        self.costs = FakeCosts()
        self.facts = FakeFacts()
        self.library = FakeLibrary(self)

    # -- as in the real one ------------------------------------------------------------------------

    def start(self) -> None:
        if not self.delay_store:
            self.open_store()

    def open_store(self) -> None:
        self.paths.ensure()
        store = Store.open(self.paths.session_db)
        store.subscribe(self.emit)
        self.store_ready.set_result(store)
        self.set_status(READY)

    def stop(self, timeout: float = 8) -> None:
        if self.store:
            self.store.close()

    @property
    def store(self) -> Store | None:
        return self.store_ready.result() if self.store_ready.done() else None

    def subscribe(self, listener: Callable[[Event], None]) -> Callable[[], None]:
        self.listeners.append(listener)
        return lambda: self.listeners.remove(listener)

    def emit(self, event: Event) -> None:
        """Tell the listeners from another thread, as the real one does."""
        thread = threading.Thread(target=lambda: [listener(event) for listener in list(self.listeners)])
        thread.start()
        thread.join()

    def emit_soon(self, event: Event) -> None:
        """The same, without waiting: for a call that comes from the interface's own loop."""
        threading.Thread(target=lambda: [listener(event) for listener in list(self.listeners)]).start()

    def set_status(self, status: EngineStatus) -> None:
        self.status = status
        self.emit(EngineChanged(status))

    def new_session(self) -> Future[Session]:
        assert self.store
        return chat.create_session(self.store)

    def open_session(self, session_id: str) -> Future[Session]:
        assert self.store
        if session_id == "last":
            last = chat.last_session(self.store)
            return chat.claim_session(self.store, last.id) if last else self.new_session()
        return chat.claim_session(self.store, session_id)

    def ask(self, session_id: str, text: str, docs: bool | str = False) -> Future[str]:
        self.asked.append((session_id, text, docs))
        if self.status.state == "down":
            future: Future[str] = Future()
            future.set_exception(StudyError("error.unexpected", error="no engine", log="-"))
            return future
        if session_id in self.running:
            return done(self.queue(session_id, text))
        run = self.begin(session_id, text)
        if self.auto:
            self.answer()
        return done(run.run_id)

    def queue(self, session_id: str, text: str) -> str:
        """Let a question wait; its id."""
        queue = self.queued.setdefault(session_id, [])
        queue.append((f"w{len(self.asked)}-{len(queue)}", text))
        self.emit(QueueChanged(session_id, tuple(queue)))
        return queue[-1][0]

    def waiting(self, session_id: str) -> list[tuple[str, str]]:
        return list(self.queued.get(session_id, ()))

    def unqueue(self, waiting_id: str) -> Future[None]:
        for session_id, queue in self.queued.items():
            queue[:] = [item for item in queue if item[0] != waiting_id]
            self.emit(QueueChanged(session_id, tuple(queue)))
        return done(None)

    def ask_permission(self, tool: str = "web_search", **arguments: Any) -> PermissionRequest:
        """Let the current run ask for permission."""
        assert self.current
        leaves = 'The search words "cats" are sent to public search engines.' if tool == "web_search" else ""
        run = self.current
        request = PermissionRequest(
            f"p{len(self.permissions)}", run.run_id, run.session_id, tool, arguments, leaves, START
        )
        self.permissions.append(request)
        self.emit(PermissionAsked(request))
        return request

    def open_permissions(self, session_id: str) -> list[PermissionRequest]:
        return [item for item in self.permissions if item.session_id == session_id and not item.answer]

    def answer_permission(self, request_id: str, word: Any) -> None:
        self.answered.append((request_id, word))
        for place, item in enumerate(self.permissions):
            if item.id == request_id:
                self.permissions[place] = replace(item, answer=word)
                self.emit(PermissionAnswered(self.permissions[place]))

    def retry(self, run_id: str) -> Future[str]:
        assert self.store
        run = chat.get_run(self.store, run_id)
        assert run
        started = self.begin(run.session_id, run.question, replaces=run_id)
        if self.auto:
            self.answer()
        return done(started.run_id)

    def resume_run(self, run_id: str) -> Future[str]:
        """Go on: the same answer streams again."""
        assert self.store and self.current
        self.resumed.append(run_id)
        self.running[self.current.session_id] = self.current
        change = "UPDATE messages SET status = 'streaming' WHERE id = ?"
        self.store.submit(lambda db: db.execute(change, [self.current.assistant_message_id])).result()
        self.emit(self.current)
        return done(run_id)

    def cancel(self, session_id: str) -> None:
        self.cancelled.append(session_id)
        threading.Thread(target=lambda: self.end(status="cancelled")).start()

    def add_documents(self, paths: list[str], collection: str = "default") -> Future[str]:
        assert self.store
        self.added += paths
        for path in paths:
            documents.put_document(self.store, document(path, collection=collection)).result()
        return done("job")

    def remove_document(self, document_id: str) -> Future[None]:
        assert self.store
        return documents.forget_documents(self.store, [document_id])

    def search(self, query: str, k: int = 5) -> Future[list[Hit]]:
        return done(self.hits)

    def view_document(self, document_id: str) -> Future[Any]:
        return done(self.views[document_id])

    def documents(self) -> list[Document]:
        return documents.list_documents(self.store) if self.store else []

    def pause_telemetry(self) -> None:
        self.telemetry = False

    def resume_telemetry(self) -> None:
        self.telemetry = True

    def watch_details(self, wanted: bool) -> None:
        self.details = wanted

    # -- an answer, step by step ---------------------------------------------------------------------

    def begin(self, session_id: str, text: str, replaces: str | None = None) -> RunStarted:
        assert self.store
        self.current = chat.begin_run(
            self.store,
            session_id,
            text,
            engine="embedded",
            engine_version="llama.cpp b11549",
            model="smollm2:135m",
            options={"seed": 7, "num_ctx": 2048},
            replaces=replaces,
        ).result()
        self.running[session_id] = self.current
        self.emit(self.current)
        self.span("root", None, "invoke_agent", "agent", "running", None)
        return self.current

    def span(
        self,
        name: str,
        parent: str | None,
        title: str,
        kind: Any,
        status: Any = "ok",
        duration: float | None = 1.0,
        attributes: dict[str, Any] | None = None,
        start: float = START,
    ) -> Span:
        assert self.current and self.store
        run = self.current.run_id
        span = Span(
            f"{run}-{name}",
            run,
            f"{run}-{parent}" if parent else None,
            title,
            kind,
            status,
            start,
            duration,
            attributes or {},
        )
        chat.put_span(self.store, self.current.session_id, span).result()
        event = SpanStarted if status == "running" else SpanEnded
        self.emit(event(self.current.session_id, span))
        return span

    def tool(self, status: str = "ok") -> None:
        attributes: dict[str, Any] = {
            "gen_ai.tool.name": "calculator",
            "gen_ai.tool.call.arguments": {"expression": "12*34"},
        }
        if status == "ok":
            attributes["gen_ai.tool.call.result"] = self.script.result
        elif status == "error":
            attributes["app.error.message"] = "division by zero"
        self.span("tool", "root", "execute_tool calculator", "tool", status, 0.4, attributes)

    def token(self, text: str) -> None:
        assert self.current and self.store
        chat.append_text(
            self.store, self.current.session_id, self.current.assistant_message_id, text
        ).result()
        self.script.tokens.append(text)
        run = self.current
        self.emit(TokenDelta(run.run_id, run.session_id, run.assistant_message_id, text))

    def end(self, status: Any = "ok") -> None:
        assert self.current and self.store
        run = self.current
        answer = "".join(self.script.tokens)
        self.span("root", None, "invoke_agent", "agent", status, 1900.0)
        ended = RunEnded(
            run_id=run.run_id,
            session_id=run.session_id,
            message_id=run.assistant_message_id,
            status=status,
            answer=answer,
            route="routed",
            engine="embedded",
            model="smollm2:135m",
            usage=Usage(96, 38),
            ttft_ms=112.0,
            tokens_per_s=49.1,
            memory=MemoryUse(262 * MIB, 268 * MIB, 266 * MIB),
            citations=self.script.citations,
            support=self.script.support,
            error=self.script.error if status == "error" else "",
            fix="Press r." if status == "error" else "",
        )
        chat.end_run(self.store, ended).result()
        self.script.tokens = []
        self.running.pop(run.session_id, None)
        self.emit(ended)
        queue = self.queued.get(run.session_id)
        if queue:
            _, text = queue.pop(0)
            self.begin(run.session_id, text)
            self.emit(QueueChanged(run.session_id, tuple(queue)))
            if self.auto:
                self.answer()

    def answer(self, request_id: str = "", word: str = "") -> Any:
        """A whole answer; with the id of a permission question (as the real one takes it), the user's word to it."""
        if request_id:
            self.answer_permission(request_id, word)
            return done(None)
        if self.script.tool:
            self.tool()
        self.span(
            "chat",
            "root",
            "chat smollm2:135m",
            "model",
            "ok",
            1800.0,
            {"gen_ai.usage.output_tokens": 38},
            START + 0.05,
        )
        for word in self.script.text.split(" "):
            self.token(f"{word} ")
        self.end("error" if self.script.error else "ok")


class FakeCosts:
    """What runs took, as a test says; nothing by default, as in an app without prices."""

    def __init__(self) -> None:
        self.each = Cost()

    def of_run(self, run_id: str) -> Cost:
        return self.each

    def by_run(self, session_id: str) -> dict[str, Cost]:
        return {}


class FakeFacts:
    """A memory in a list; what is near a query contains it."""

    def __init__(self) -> None:
        self.kept: list[Fact] = []

    def list(self) -> list[Fact]:
        return list(self.kept)

    def add(self, text: str) -> Future[Fact]:
        fact = Fact(f"f{time.monotonic_ns()}", text, START, START)
        self.kept.insert(0, fact)
        return done(fact)

    def edit(self, fact_id: str, text: str) -> Future[Fact]:
        self.kept = [replace(fact, text=text) if fact.id == fact_id else fact for fact in self.kept]
        return done(next(fact for fact in self.kept if fact.id == fact_id))

    def forget(self, fact_id: str) -> Future[None]:
        self.kept = [fact for fact in self.kept if fact.id != fact_id]
        return done(None)

    def search(self, query: str) -> Any:
        return done([fact for fact in self.kept if query in fact.text])


def document(path: str, **changes: Any) -> Document:
    fields: dict[str, Any] = {
        "id": path.rsplit("/", 1)[-1],
        "path": path,
        "title": path.rsplit("/", 1)[-1],
        "status": "indexed",
        "chunks": 3,
        "added_at": START,
        "updated_at": START,
    }
    return Document(**{**fields, **changes})


def sample(second: int = 0, **changes: Any) -> Sample:
    fields: dict[str, Any] = {
        "ts": START + second,
        "cpu_percent": 40.0 + second * 5 % 50,
        "memory_used_bytes": int(3.1 * 2**30),
        "memory_total_bytes": 23 * 2**30,
        "memory_available_bytes": int(19.9 * 2**30),
        "swap_used_bytes": 0,
        "engine_pss_bytes": (262 + second) * MIB,
        "engine_rss_bytes": 300 * MIB,
        "engine_anon_bytes": 142 * MIB,
        "engine_file_bytes": 126 * MIB,
        "engine_cpu_percent": 97.0,
        "engine_processes": 1,
    }
    return Sample(**{**fields, **changes})


def now() -> float:
    return time.monotonic()
