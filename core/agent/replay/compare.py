"""Two runs side by side."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any

from core.agent import semconv
from core.agent.replay.calls import answer_of
from core.agent.replay.types import ComparedStep, Comparison
from core.agent.replay.words import diff
from core.errors import UsageError
from core.events import Span
from core.session import Store, chat
from core.session.rows import Run
from core.text import clean_line

KINDS = ("route", "memory", "tool", "model", "permission", "retry", "summary")
"""Steps that are compared; what is inside them is seen there."""


def run_of(store: Store, run_id: str) -> Run:
    """Return a run by its id, or an unambiguous beginning of it.

    Raises:
        UsageError: There is none.
    """
    run = chat.get_run(store, run_id)
    if run is None and run_id.isalnum() and len(run_id) >= 4:
        rows = store.query("SELECT id FROM runs WHERE id LIKE ? LIMIT 2", [f"{run_id}%"])
        run = chat.get_run(store, rows[0]["id"]) if len(rows) == 1 else None
    if run is None:
        raise UsageError("error.run.unknown", id=clean_line(run_id, max_chars=60))
    return run


def answer_text(store: Store, run_id: str) -> str:
    """Return a run's answer as it is in the conversation."""
    rows = store.query(
        "SELECT content FROM messages WHERE run_id = ? AND role = 'assistant' ORDER BY seq DESC LIMIT 1",
        [run_id],
    )
    return str(rows[0]["content"]) if rows else ""


def compare(store: Store, a: str, b: str) -> Comparison:
    """Put two runs side by side: steps that match in their order, and the answers' differences."""
    left, right = run_of(store, a), run_of(store, b)
    steps_a, steps_b = _steps(store, left.id), _steps(store, right.id)
    rows: list[ComparedStep] = []
    matcher = difflib.SequenceMatcher(
        None, [_key(one) for one in steps_a], [_key(one) for one in steps_b], autojunk=False
    )
    for word, a0, a1, b0, b1 in matcher.get_opcodes():
        if word == "equal":
            pairs = zip(steps_a[a0:a1], steps_b[b0:b1], strict=True)
            rows += [ComparedStep(one, other, _outcome(one) == _outcome(other)) for one, other in pairs]
        else:
            rows += [ComparedStep(one, None, False) for one in steps_a[a0:a1]]
            rows += [ComparedStep(None, other, False) for other in steps_b[b0:b1]]
    said_a, said_b = answer_text(store, left.id), answer_text(store, right.id)
    return Comparison(left, right, tuple(rows), said_a, said_b, tuple(diff(said_a, said_b)))


def _steps(store: Store, run_id: str) -> Sequence[Span]:
    return [span for span in chat.spans(store, run_id=run_id) if span.kind in KINDS]


def _key(span: Span) -> tuple[str, str]:
    return span.kind, str(span.attributes.get(semconv.TOOL_NAME, "")) if span.kind == "tool" else ""


def _outcome(span: Span) -> Any:
    seen = span.attributes
    if span.kind == "tool":
        return seen.get(semconv.TOOL_ARGUMENTS), seen.get(semconv.TOOL_RESULT), span.status
    if span.kind == "model":
        return answer_of(span), span.status
    return span.name, span.status
