"""Where a fork begins, and what its first run is given."""

from __future__ import annotations

from dataclasses import dataclass

from core.agent.recorded import NOTHING, Given, docs_of, edited, recorded_tool, recorded_tools
from core.agent.types import Docs
from core.errors import UsageError
from core.events import Span
from core.session import Store, chat
from core.session.rows import Message, Run
from core.text import clean_line


@dataclass(frozen=True)
class Branch:
    """A fork that is to be made."""

    session_id: str
    before_seq: int | None
    """The messages before this one are taken over; ``None``: all."""
    at: str
    question: str = ""
    """Asked first; empty: nothing is."""
    docs: Docs = False
    given: Given = NOTHING
    model: str | None = None


def branch(
    store: Store,
    session_id: str,
    at: str,
    *,
    prompt: str | None = None,
    tool_result: str | None = None,
    model: str | None = None,
) -> Branch:
    """Work out a fork.

    Args:
        at: A span or a message. With an edit the turn it belongs to is made again with that edit (an edited prompt at
            an answer is the next question); without one the fork ends with that turn.
        tool_result: In place of that of the tool call ``at``.

    Raises:
        UsageError: ``at`` is not of this session, or cannot be edited so.
    """
    session = chat.get_session(store, session_id)
    if session is None:
        raise UsageError("error.session.unknown", id=clean_line(session_id, max_chars=60))
    messages = chat.messages(store, session.id)
    changed = prompt is not None or tool_result is not None or model is not None
    message = next((one for one in messages if one.id == at), None)
    if message is not None:
        run = chat.get_run(store, message.run_id) if message.run_id else None
        span = None
    else:
        span = next((one for one in chat.spans(store, session_id=session.id) if one.id == at), None)
        if span is None:
            raise UsageError("error.trace.not_here", id=clean_line(at, max_chars=60))
        run = chat.get_run(store, span.run_id)
    if tool_result is not None and (span is None or span.kind != "tool"):
        raise UsageError("error.trace.not_a_tool")
    turn = [one for one in messages if run is not None and one.run_id == run.id] or [
        one for one in messages if message is not None and one.id == message.id
    ]
    if not turn:
        # The answer of this run was asked for again: its question is with the later one.
        raise UsageError("error.trace.replaced")
    if not changed:
        return Branch(session.id, turn[-1].seq + 1, at)
    if message is not None and message.role == "assistant" and prompt is not None:
        return Branch(session.id, turn[-1].seq + 1, at, question=prompt, model=model)
    return Branch(
        session.id,
        turn[0].seq,
        at,
        question=prompt if prompt is not None else _question(turn, run),
        docs=docs_of(run.options) if run is not None else False,
        given=_given(store, span, run, prompt, tool_result),
        model=model,
    )


def _question(turn: list[Message], run: Run | None) -> str:
    return next((one.content for one in turn if one.role == "user"), run.question if run is not None else "")


def _given(
    store: Store, span: Span | None, run: Run | None, prompt: str | None, tool_result: str | None
) -> Given:
    if span is None or run is None:
        return NOTHING
    spans = chat.spans(store, run_id=run.id)
    if tool_result is not None:
        known = recorded_tool(span, spans)
        return Given(first=(*recorded_tools(spans, span.id), edited(known, tool_result)), edited=True)
    # What tools had found before that place stays found; another question asks anew.
    return NOTHING if prompt is not None else Given(first=tuple(recorded_tools(spans, span.id)))
