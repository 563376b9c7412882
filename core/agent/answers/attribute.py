"""Checks a whole answer against the passages it was made from, and gives its sentences the numbers they lack."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.agent.answers import conflicts
from core.agent.answers.negation import clauses
from core.agent.answers.sentences import CITATION, Sentence, sentences
from core.agent.answers.verify import Verdict, is_claim, verify
from core.events import AnswerSupport, Citation, SentenceSupport

MAX_SENTENCES = 200
"""Of one answer; what is behind is not checked."""

_TELLING = ("number_mismatch", "negation")
"""What a passage says against a sentence, in the order it is believed."""


@dataclass(frozen=True, slots=True)
class Checked:
    """An answer after the check."""

    text: str
    """With numbers put in and set right."""
    support: AnswerSupport
    citations: tuple[Citation, ...]
    """Those the text cites, with what was matched in them."""


@dataclass(frozen=True, slots=True)
class _Judged:
    sentence: Sentence
    verdict: Verdict
    number: int | None
    """Of the passage the verdict is about."""
    cited: tuple[int, ...]
    """As the answer has it."""


def checked(
    answer: str, citations: Sequence[Citation], question: str = "", told: Sequence[str] = ()
) -> Checked:
    """Check an answer.

    A sentence without a number gets that of the passage that bears it out; a wrong number is set right where another
    passage bears the sentence out. What no passage bears out is marked, never removed.

    Args:
        answer: The model's text.
        citations: Every passage it was given, not only those it cites.
        question: What was asked.
        told: What else the answer may rest on (other tools' results): a sentence borne out by it needs no number.
    """
    known = {one.number: one for one in citations}
    pieces = sentences(answer)
    judged = [_told(_judge(one, known, question), told) for one in pieces[:MAX_SENTENCES]]
    text, spans = _numbered(answer, judged)
    found = [_supported(one, span, text) for one, span in zip(judged, spans, strict=True)]
    cited = [
        _with_quote(one, judged) for one in citations if any(one.number in item.citations for item in found)
    ]
    support = AnswerSupport(tuple(found), conflicts.notes(cited, citations))
    return Checked(text, support, tuple(cited))


def _told(one: _Judged, told: Sequence[str]) -> _Judged:
    if one.cited or one.verdict.status in ("supported", "not_a_claim"):
        return one
    for text in told:
        verdict = verify(one.sentence.text, text)
        if verdict.status == "supported":
            return dataclasses.replace(one, verdict=Verdict("supported", verdict.score), number=None)
    return one


def _cited(text: str) -> tuple[int, ...]:
    numbers = [int(number) for match in CITATION.finditer(text) for number in re.findall(r"\d+", match[1])]
    return tuple(dict.fromkeys(numbers))


def _judge(one: Sentence, known: Mapping[int, Citation], question: str) -> _Judged:
    cited = _cited(one.text)
    if not is_claim(one.text):
        return _Judged(one, Verdict("not_a_claim"), None, cited)
    mine = [number for number in cited if number in known]
    verdicts = {number: _verdict(one, known[number], question) for number in mine}
    number, verdict = _best(verdicts)
    if verdict is not None and verdict.status == "supported":
        return _Judged(one, verdict, number, cited)
    if len(mine) > 1 and (together := _together(one, [known[number] for number in mine], question)):
        return _Judged(one, together[1], together[0], cited)
    others = {
        number: _verdict(one, source, question) for number, source in known.items() if number not in verdicts
    }
    other, better = _best(others)
    if better is not None and better.status == "supported":
        return _Judged(one, better, other, cited)
    if verdict is not None:
        return _Judged(one, verdict, number, cited)
    if cited:
        return _Judged(one, Verdict("unknown_source"), None, cited)
    if better is not None and better.status in _TELLING and better.score >= 0.6:
        return _Judged(one, better, other, cited)
    score = better.score if better is not None else 0.0
    return _Judged(one, Verdict("uncited", score), None, cited)


def _together(one: Sentence, sources: Sequence[Citation], question: str) -> tuple[int, Verdict] | None:
    """Return the first passage and its verdict when each clause of a sentence is borne out by one of those it cites."""
    plain = CITATION.sub("", one.text)
    spans = clauses(plain)
    if len(spans) < 2:
        return None
    found: list[tuple[int, Verdict]] = []
    for start, end in spans:
        part = Sentence(start, end, plain[start:end].strip())
        number, verdict = _best({source.number: _verdict(part, source, question) for source in sources})
        if verdict is None or number is None or verdict.status != "supported":
            return None
        found.append((number, verdict))
    return found[0]


def _verdict(one: Sentence, source: Citation, question: str) -> Verdict:
    if one.code:
        body = " ".join(
            line for line in one.text.split("\n")[1:] if not line.strip().startswith(("```", "~~~"))
        )
        held = " ".join(body.split()) in " ".join(source.text.split())
        return Verdict("supported" if held else "weak", float(held))
    return verify(one.text, source.text, context=f"{source.document} {source.section}", question=question)


_ORDER = {"supported": 0, "number_mismatch": 2, "negation": 2, "unchecked": 1, "weak": 3}


def _best(verdicts: Mapping[int, Verdict]) -> tuple[int | None, Verdict | None]:
    if not verdicts:
        return None, None
    number = min(verdicts, key=lambda one: (_ORDER.get(verdicts[one].status, 4), -verdicts[one].score, one))
    return number, verdicts[number]


def _numbered(answer: str, judged: Sequence[_Judged]) -> tuple[str, list[tuple[int, int]]]:
    """Put missing numbers in and set wrong ones right; returns the text and where its sentences are now."""
    parts: list[str] = []
    spans: list[tuple[int, int]] = []
    at = length = 0
    for place, one in enumerate(judged):
        start, end = one.sentence.start, one.sentence.end
        gap = answer[at:start]
        text = _with_number(one, judged[place + 1] if place + 1 < len(judged) else None, answer)
        parts += [gap, text]
        spans.append((length + len(gap), length + len(gap) + len(text)))
        length += len(gap) + len(text)
        at = end
    return "".join([*parts, answer[at:]]), spans


def _with_number(one: _Judged, following: _Judged | None, answer: str) -> str:
    text = one.sentence.text
    if (
        one.verdict.status != "supported"
        or one.number is None
        or one.number in one.cited
        or one.sentence.code
    ):
        return text
    if one.cited:
        return _replaced(text, one.number)
    if (
        following is not None
        and following.verdict.status == "supported"
        and following.number == one.number
        and following.number in following.cited
    ):
        between = answer[one.sentence.end : following.sentence.start]
        if "\n\n" not in between:
            # One number behind the last sentence of a passage's share is how people cite.
            return text
    if text.rstrip().endswith("|"):
        head = text.rstrip().removesuffix("|").rstrip()
        return f"{head} [{one.number}] |"
    return f"{text} [{one.number}]"


def _replaced(text: str, number: int) -> str:
    """Put one number in place of those a sentence has."""
    first = True

    def put(match: re.Match[str]) -> str:
        nonlocal first
        if first:
            first = False
            return f"[{number}]"
        return ""

    return CITATION.sub(put, text).rstrip()


def _supported(one: _Judged, span: tuple[int, int], text: str) -> SentenceSupport:
    verdict = one.verdict
    now = _cited(text[slice(*span)])
    numbers = now if one.number is None else (one.number, *(number for number in now if number != one.number))
    if verdict.status in ("uncited", "not_a_claim"):
        numbers = now
    return SentenceSupport(
        *span, verdict.status, numbers, round(verdict.score, 3), verdict.start, verdict.end, verdict.said, verdict.found
    )  # fmt: skip


def _with_quote(source: Citation, judged: Sequence[_Judged]) -> Citation:
    """Give a citation the part of its text that bears out the first sentence citing it."""
    best = next(
        (
            one.verdict
            for one in judged
            if one.number == source.number
            and one.verdict.end
            and one.verdict.status in ("supported", "unchecked")
        ),
        None,
    )
    return source if best is None else dataclasses.replace(source, quote=source.text[best.start : best.end])
