"""What became of a run in which something went wrong: recovered, reported or lost."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from core.agent import semconv
from core.lab.faulty.brain import QUESTION, RESULT
from core.lab.faulty.matrix import Case
from core.lab.trials.room import Seen

Outcome = Literal["recovered", "reported", "lost"]
MOST_REQUESTS = 40
"""More requests than this for one question is a loop nobody stopped."""
MOST_CHARS = 200_000
"""A longer request has a flood in it."""

NOTE_CHARS = 20
"""What comes after a cut answer and is at least this long is a sentence that says so."""

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff]")
_WORDS = re.compile(r"12\*34\s+is\s+408")


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known besides the run itself."""

    requests: Sequence[Mapping[str, Any]]
    """Bodies of the chat requests."""
    question_kept: bool
    """The question is in the session."""
    ended_on_disk: bool
    """The run's row says how it ended."""
    finished_calls: int
    """Times the tool came to its end."""
    limit_s: float
    request_chars: int
    """Of the longest request."""
    wrong_calls: int = 0
    """Times the tool was called with other arguments than the model meant."""


Reason = tuple[str, dict[str, Any]]


def judge(case: Case, seen: Seen, facts: Facts) -> tuple[Outcome, list[Reason]]:
    """Return the outcome and, for what is lost, why (keys ``lab.lost.<key>`` and their parameters)."""
    reasons = [*_broken(case, seen, facts), *_kept(case, seen, facts), *_honest(case, seen)]
    if reasons:
        return "lost", reasons
    whole = seen.status == "ok" and RESULT in seen.answer and not _stops(seen)
    return ("recovered" if whole else "reported"), []


def _broken(case: Case, seen: Seen, facts: Facts) -> list[Reason]:
    if seen.status == "never":
        return [("no_end", {"seconds": round(facts.limit_s)})]
    if seen.status == "raised":
        return [("raised", {"error": seen.raised})]
    if len(facts.requests) > MOST_REQUESTS:
        return [("loop", {"calls": len(facts.requests)})]
    return []


def _kept(case: Case, seen: Seen, facts: Facts) -> list[Reason]:
    found: list[Reason] = []
    if not facts.question_kept:
        found.append(("question", {}))
    if not facts.ended_on_disk and seen.status not in ("never", "raised"):
        found.append(("row", {}))
    good = [span for span in seen.kind("tool") if span.status == "ok" and RESULT in str(span.attributes.get(semconv.TOOL_RESULT, ""))]  # fmt: skip
    if facts.finished_calls and not good and case.tool not in ("flood", "control"):
        found.append(("result", {}))
    if facts.finished_calls > 1 and case.fault.kind not in ("same_call", "endless"):
        found.append(("repeated", {"calls": facts.finished_calls}))
    if facts.wrong_calls:
        found.append(("half_call", {"calls": facts.wrong_calls}))
    if facts.request_chars > MOST_CHARS:
        found.append(("flood", {"bytes": facts.request_chars}))
    return found


def _honest(case: Case, seen: Seen) -> list[Reason]:
    found: list[Reason] = []
    if seen.status == "ok" and not seen.answer.strip():
        found.append(("empty", {}))
    if seen.status not in ("ok", "never", "raised") and not seen.error.strip():
        found.append(("silent", {}))
    if seen.status == "ok" and _cut(seen):
        found.append(("cut", {}))
    results = " ".join(seen.results)
    if seen.status == "ok" and RESULT in seen.answer and RESULT not in results and seen.kind("tool"):
        found.append(("wrong", {}))
    if _CONTROL.search(seen.answer) or any(_CONTROL.search(text) for text in seen.results):
        found.append(("control", {}))
    return found


def _cut(seen: Seen) -> bool:
    """Say whether the model's answer stops in the middle and nothing says so."""
    return _stops(seen) and len(_after(seen.answer).strip()) < NOTE_CHARS


def _stops(seen: Seen) -> bool:
    """Say whether the model's answer stops in the middle.

    A small model's wording of a result is cut on purpose and checked against it: what states the result is whole.
    """
    if "12*34 is" not in seen.answer:
        return "{" in seen.answer and "}" not in seen.answer
    if "complete." in seen.answer:
        return False
    checked = any(semconv.CHECK in span.attributes for span in seen.kind("model"))
    return not (checked and _WORDS.search(seen.answer))


def _after(answer: str) -> str:
    match = _WORDS.search(answer)
    return answer[match.end() :] if match else ""


def question_is(text: str) -> bool:
    """Say whether a stored message is the question."""
    return text.strip() == QUESTION
