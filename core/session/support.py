"""Writes and reads column ``messages.support``. It may come from an imported file: nothing in it is believed unchecked."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any, cast, get_args

from core.events import AnswerSupport, SentenceSupport, SourceNote, SupportStatus
from core.text import clean_line

MAX_SENTENCES = 2_000
MAX_NOTES = 50
_STATUSES = frozenset(get_args(SupportStatus))
_KINDS = frozenset(("conflict", "superseded", "stale"))


def support_to_json(support: AnswerSupport | None) -> str | None:
    """Write what a check gave; ``None`` for an answer that was not checked."""
    return None if support is None else json.dumps(dataclasses.asdict(support), ensure_ascii=False)


def support_from_json(text: Any) -> AnswerSupport | None:
    """Read what :func:`support_to_json` wrote; ``None`` when it is nothing of the kind."""
    if not isinstance(text, str) or not text:
        return None
    try:
        return support_of(json.loads(text))
    except (ValueError, RecursionError):
        return None


def support_of(value: Any) -> AnswerSupport | None:
    """Build it from JSON values; parts that cannot be right are left out, foreign text is cleaned."""
    if not isinstance(value, Mapping):
        return None
    sentences = [_sentence(one) for one in _list(value.get("sentences"))[:MAX_SENTENCES]]
    notes = [_note(one) for one in _list(value.get("notes"))[:MAX_NOTES]]
    return AnswerSupport(
        tuple(one for one in sentences if one is not None), tuple(one for one in notes if one is not None)
    )


def _sentence(value: Any) -> SentenceSupport | None:
    if not isinstance(value, Mapping) or value.get("status") not in _STATUSES:
        return None
    start, end = _whole(value.get("start")), _whole(value.get("end"))
    if end < start:
        return None
    score = value.get("score")
    known = isinstance(score, int | float) and 0 <= score <= 1
    return SentenceSupport(
        start,
        end,
        cast(SupportStatus, value["status"]),
        tuple(_whole(one) for one in _list(value.get("citations"))[:50]),
        float(score) if known else 0.0,  # type: ignore[arg-type]
        _whole(value.get("quote_start")),
        _whole(value.get("quote_end")),
        _line(value.get("said")),
        _line(value.get("found")),
    )


def _note(value: Any) -> SourceNote | None:
    if not isinstance(value, Mapping) or value.get("kind") not in _KINDS:
        return None
    return SourceNote(
        value["kind"],
        tuple(_whole(one) for one in _list(value.get("numbers"))[:50]),
        tuple(_line(one) for one in _list(value.get("documents"))[:50]),
        tuple(_line(one) for one in _list(value.get("values"))[:50]),
    )


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else []


def _whole(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 31 else 0


def _line(value: Any) -> str:
    return clean_line(value) if isinstance(value, str) else ""
