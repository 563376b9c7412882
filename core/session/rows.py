"""What the store hands out: frozen rows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from core.events import AnswerSupport, Citation, MemoryUse, Route, RunStatus, Span, Usage
from core.session.support import support_from_json

MessageStatus = Literal["complete", "streaming", "cancelled", "failed", "interrupted"]
Answer = Literal["once", "always", "deny"]
"""What a user says to a permission question: this time, from now on, no."""


@dataclass(frozen=True, slots=True)
class Session:
    """One conversation."""

    id: str
    title: str
    created_at: float
    updated_at: float
    engine: str
    model: str
    message_count: int
    owner_pid: int | None = None
    owner_started: float | None = None
    forked_from: str = ""
    """Id of the session it was made from."""
    forked_at: str = ""
    """Id of the span or message there that it goes up to."""
    hidden: bool = False
    """Made to measure or to compare (a replay): in no list."""


@dataclass(frozen=True, slots=True)
class Message:
    """A question or an answer. ``interrupted``: its process died while it streamed."""

    id: str
    session_id: str
    run_id: str | None
    role: Literal["user", "assistant"]
    content: str
    status: MessageStatus
    error: str
    fix: str
    created_at: float
    seq: int
    citations: tuple[Citation, ...] = ()
    support: AnswerSupport | None = None
    """How far an answer from documents is borne out; ``None``: it is not from any, or was never checked."""


@dataclass(frozen=True, slots=True)
class Run:
    """One question's work: route, tokens, times, memory."""

    id: str
    session_id: str
    status: RunStatus
    question: str
    options: Mapping[str, Any]
    route: Route | None
    engine: str
    engine_version: str
    model: str
    started_at: float
    ended_at: float | None
    usage: Usage
    ttft_ms: float | None
    tokens_per_s: float | None
    memory: MemoryUse
    error: str
    fix: str
    kind: str = "chat"
    """``chat``; ``replay`` of another run; ``fork``: what a fork began with; ``copy``: taken over by a fork, counted
    where it was made; ``import``: made elsewhere."""
    made_from: str = ""
    """Id of the run (of a fork: of the span or message) it was made from."""


@dataclass(frozen=True, slots=True)
class PermissionRequest:
    """A question to the user, a row of ``permissions``; open until ``answer`` is set."""

    id: str
    run_id: str
    session_id: str
    tool: str
    arguments: Mapping[str, Any]
    leaves: str
    """What leaves the machine, a sentence."""
    asked_at: float
    answer: Answer | None = None


@dataclass(frozen=True, slots=True)
class Fact:
    """Something the user asked to remember, a row of ``facts``."""

    id: str
    text: str
    created_at: float
    updated_at: float
    session_id: str = ""
    """Where it was said."""
    used: int = 0
    """Times it was recalled into a prompt."""


@dataclass(frozen=True, slots=True)
class Rerun:
    """One more answer to a recorded model call, or one more run of a question: a row of ``replays``."""

    id: str
    of: str
    """Id of the span (a model call) or of the run that was repeated."""
    kind: Literal["call", "run", "determinism"]
    model: str
    ts: float
    text: str
    same: bool | None
    """Whether it is the recorded answer, character for character."""
    differs_at: int | None = None
    """First token (whitespace-separated word where tokens are unknown) that differs, from 0."""
    seed: int | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    ttft_ms: float | None = None
    duration_ms: float | None = None
    run_id: str = ""
    """The new run, when a whole run was replayed."""
    error: str = ""


def session_of(row: Mapping[str, Any]) -> Session:
    """Build a session from its row (with ``message_count``)."""
    return Session(
        id=row["id"],
        title=row["title"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        engine=row["engine"] or "",
        model=row["model"] or "",
        message_count=row.get("message_count") or 0,
        owner_pid=row["owner_pid"],
        owner_started=row["owner_started"],
        forked_from=row.get("forked_from") or "",
        forked_at=row.get("forked_at") or "",
        hidden=bool(row.get("hidden")),
    )


def message_of(row: Mapping[str, Any]) -> Message:
    """Build a message from its row."""
    return Message(
        id=row["id"],
        session_id=row["session_id"],
        run_id=row["run_id"],
        role=row["role"],
        content=row["content"],
        status=row["status"],
        error=row["error"] or "",
        fix=row["fix"] or "",
        created_at=row["created_at"],
        seq=row["seq"],
        citations=tuple(Citation(**item) for item in json.loads(row["citations"] or "[]")),
        support=support_from_json(row.get("support")),
    )


def run_of(row: Mapping[str, Any]) -> Run:
    """Build a run from its row."""
    return Run(
        id=row["id"],
        session_id=row["session_id"],
        status=row["status"],
        question=row["question"] or "",
        options=json.loads(row["options"] or "{}"),
        route=row["route"],
        engine=row["engine"] or "",
        engine_version=row["engine_version"] or "",
        model=row["model"] or "",
        started_at=row["started_at"],
        ended_at=row["ended_at"],
        usage=Usage(row["input_tokens"] or 0, row["output_tokens"] or 0),
        ttft_ms=row["ttft_ms"],
        tokens_per_s=row["tokens_per_s"],
        memory=MemoryUse(row["memory_before"], row["memory_peak"], row["memory_after"]),
        error=row["error"] or "",
        fix=row["fix"] or "",
        kind=row.get("kind") or "chat",
        made_from=row.get("made_from") or "",
    )


def span_of(row: Mapping[str, Any]) -> Span:
    """Build a span from its row."""
    return Span(
        id=row["id"],
        run_id=row["run_id"],
        parent_id=row["parent_id"],
        name=row["name"],
        kind=row["kind"],
        status=row["status"],
        start=row["start"],
        duration_ms=row["duration_ms"],
        attributes=json.loads(row["attributes"] or "{}"),
    )
