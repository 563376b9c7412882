"""What the app's workers post when they are done: results come back as messages, never as widget calls."""

from __future__ import annotations

from dataclasses import dataclass

from textual.message import Message

from core.events import Span
from core.session.rows import Message as ChatMessage
from core.session.rows import Run, Session
from tui.state import Pending, Turn


@dataclass
class SessionOpened(Message):
    """A session is open; its last messages are read."""

    session: Session
    turns: list[Turn]
    more: bool


@dataclass
class EarlierLoaded(Message):
    """Messages before the window are read."""

    session_id: str
    turns: list[Turn]
    more: bool


@dataclass
class Asked(Message):
    """A question was accepted: its run has begun or it waits in the queue."""

    pending: Pending


@dataclass
class AskFailed(Message):
    """A question was not accepted."""

    pending: Pending
    error: Exception


@dataclass
class MatchesFound(Message):
    """Messages of the session that contain the text, oldest first."""

    text: str
    matches: list[ChatMessage]


@dataclass
class WindowLoaded(Message):
    """The window of messages around a match is read."""

    turns: list[Turn]
    more: bool
    match: ChatMessage


@dataclass
class TraceLoaded(Message):
    """A session's runs and spans are read."""

    session_id: str
    runs: list[Run]
    spans: list[Span]


@dataclass
class SessionsLoaded(Message):
    """The list of sessions is read."""

    sessions: list[Session]


@dataclass
class QuestionsLoaded(Message):
    """Earlier questions are read, oldest first."""

    questions: list[str]


@dataclass
class Told(Message):
    """A worker has something to say."""

    text: str
    severity: str = "information"
