"""What the interface knows: plain data that widgets show and only the app changes."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from core.events import Detail, EngineStatus, LabChanged, MemoryUse, Sample, Span
from core.paths import Paths
from core.session import Store, chat
from core.session.rows import Message, Run, Session
from core.settings import Settings
from tui.documents_state import DocumentsState
from tui.widgets.sparkline import ring

if TYPE_CHECKING:
    from core.agent.types import Budget, Cost, PermissionRequest

WINDOW = 100
"""Messages shown at once; earlier ones are loaded on request and the rest stay rows in the store."""


@dataclass(frozen=True)
class Turn:
    """A message with, for an answer, its run and the run's spans."""

    message: Message
    run: Run | None = None
    spans: tuple[Span, ...] = ()


@dataclass
class Live:
    """An answer that is being written: what arrived so far."""

    run_id: str
    session_id: str
    message_id: str
    text: str = ""
    spans: dict[str, Span] = field(default_factory=dict)


@dataclass
class Pending:
    """A question accepted but not begun: the engine starts, or another answer is being written."""

    text: str
    docs: bool | str = False
    """Whether to search the documents in any case; a text: in the collection of this name only."""
    sent: bool = False
    accepted: bool = False
    """The runtime has it on disk; the event that shows it is on its way."""
    future: Future[str] | None = None
    """The runtime's answer to it, once sent."""


@dataclass
class State:
    """Everything on screen that is not a widget's own business (cursor, scroll)."""

    settings: Settings
    paths: Paths
    session: Session | None = None
    status: EngineStatus | None = None
    sample: Sample | None = None
    detail: Detail | None = None
    """The finer figures of the last sample that had them; ``None`` while nobody looks."""
    live: dict[str, Live] = field(default_factory=dict)
    """By run id."""
    pending: list[Pending] = field(default_factory=list)
    last_run: Run | None = None
    history: dict[str, deque[float | None]] = field(
        default_factory=lambda: {name: ring() for name in ("cpu", "ram", "pss", "tps", "answer")}
    )
    questions: list[str] = field(default_factory=list)
    """Earlier questions, oldest first, for the input's history."""
    answer_memory: MemoryUse = field(default_factory=MemoryUse)
    lab: LabChanged | None = None
    """How far the experiment is that is being measured now."""
    permissions: list[PermissionRequest] = field(default_factory=list)
    """Questions of the open session's run that wait for the user's word, oldest first."""
    queue: tuple[tuple[str, str], ...] = ()
    """Questions of the open session that wait for its run to end, id and text, oldest first; they are on disk."""
    waits: dict[str, str] = field(default_factory=dict)
    """By run: what it waits for that is not the user."""
    budget: Budget | None = None
    """Where the context window of the open session's last model call went."""
    costs: dict[str, Cost] = field(default_factory=dict)
    """What each run of the open session took."""
    cost: Cost | None = None
    """Their sum."""
    documents: DocumentsState = field(default_factory=DocumentsState)
    session_messages: int = 0
    """Messages of the open session on screen when it was opened; 0 shows the greeting."""

    @property
    def session_id(self) -> str:
        """The open session's id, ``""`` while none is."""
        return self.session.id if self.session else ""

    @property
    def generating(self) -> Live | None:
        """The open session's answer being written."""
        return next((live for live in self.live.values() if live.session_id == self.session_id), None)

    @property
    def ready(self) -> bool:
        """Whether the engine answers."""
        return self.status is not None and self.status.state in {"ready", "generating", "loading"}

    def take_sample(self, sample: Sample) -> None:
        """Remember a reading for the panels."""
        self.sample = sample
        self.detail = sample.detail or self.detail
        total = sample.memory_total_bytes
        used = sample.memory_used_bytes
        self.history["cpu"].append(sample.cpu_percent)
        self.history["ram"].append(used / total * 100 if used is not None and total else None)
        pss = sample.engine_pss_bytes if sample.engine_pss_bytes is not None else sample.engine_rss_bytes
        self.history["pss"].append(pss)
        self.history["tps"].append(sample.tokens_per_s)
        if sample.run_id is not None:
            self.history["answer"].append(pss)

    def begin_answer(self) -> None:
        """Forget the last answer's memory curve."""
        self.history["answer"].clear()
        self.answer_memory = MemoryUse()


def load_turns(
    store: Store, session_id: str, *, before_seq: int | None = None, limit: int = WINDOW
) -> tuple[list[Turn], bool]:
    """Read a window of a session. Blocking: call it off the interface's loop.

    Returns:
        The turns, oldest first, and whether there are earlier ones.
    """
    messages = chat.messages(store, session_id, limit=limit + 1, before_seq=before_seq)
    more = len(messages) > limit
    if more:
        messages = messages[1:]
    return [turn_of(store, message) for message in messages], more


def turn_of(store: Store, message: Message) -> Turn:
    """Read what belongs to a message."""
    if message.role == "user" or message.run_id is None:
        return Turn(message)
    return Turn(message, chat.get_run(store, message.run_id), tuple(chat.spans(store, run_id=message.run_id)))


def load_run(store: Store, session_id: str, message_ids: tuple[str, str]) -> list[Turn]:
    """Read the question and the answer of a run that just began. Blocking."""
    found = [m for m in chat.messages(store, session_id, limit=6) if m.id in message_ids]
    return [turn_of(store, message) for message in found]


def questions(store: Store, limit: int = 200) -> list[str]:
    """Return earlier questions of all sessions, oldest first, repeats left out. Blocking."""
    rows = store.query("SELECT content FROM messages WHERE role = 'user' ORDER BY seq DESC LIMIT ?", [limit])
    return list(dict.fromkeys(row["content"] for row in rows))[::-1]
