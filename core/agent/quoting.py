"""Answers of a small model from documents: the sentences that fit the question are quoted, its own words are checked."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from core.agent.answers.attribute import checked
from core.agent.answers.extract import Candidate, best_of_each, candidates, extract
from core.agent.answers.sentences import sentences
from core.agent.answers.verify import verify
from core.agent.check import answer_repeats
from core.events import AnswerSupport, Citation, RunStatus
from core.text import shorten

if TYPE_CHECKING:
    from core.agent.state import RunState
    from core.agent.types import ToolContext

log = logging.getLogger(__name__)

EMBEDDED_CHARS = 400
"""Of a sentence that is compared by meaning."""
MOST_EMBEDDED = 80
"""Sentences compared by meaning at most: a millisecond or two each."""


async def best_sentences(context: ToolContext, citations: Sequence[Citation]) -> list[Candidate]:
    """Return the sentences of the passages found that fit the question best, by words and by meaning.

    Without an embedding model that answers, words have to do.
    """
    meaning = await _meaning(context, citations)
    return await asyncio.to_thread(extract, context.question, citations, meaning)


async def nearest_sentences(context: ToolContext, citations: Sequence[Citation]) -> dict[int, Candidate]:
    """Return the sentence nearest to the question of every passage, by the passage's number."""
    meaning = await _meaning(context, citations)
    return await asyncio.to_thread(best_of_each, context.question, citations, meaning)


async def _meaning(context: ToolContext, citations: Sequence[Citation]) -> list[float] | None:
    found = await asyncio.to_thread(candidates, citations)
    if not 0 < len(found) <= MOST_EMBEDDED:
        return None
    sections = {one.number: one.section.rsplit("›", 1)[-1].strip() for one in citations}
    texts = [shorten(f"{sections[one.number]}: {one.text}", EMBEDDED_CHARS) for one in found]
    try:
        asked, *vectors = await context.engine.embed([context.question, *texts])
    except Exception:
        # Whatever is wrong with the engine: the passages are here, and words can be compared without it.
        log.info("sentences are compared by their words alone", exc_info=True)
        return None
    return [_cosine(asked, vector) for vector in vectors]


def _cosine(a: Sequence[float], b: Sequence[float]) -> float:
    size = math.sqrt(sum(x * x for x in a) * sum(y * y for y in b))
    value = sum(x * y for x, y in zip(a, b, strict=False)) / size if size else 0.0
    return value if math.isfinite(value) else 0.0


def bears_out(
    citations: Sequence[Citation], chosen: Sequence[Candidate], text: str, question: str
) -> int | None:
    """Return the number of the passage that bears out everything a small model wrote; ``None``: it is not shown.

    Words that say what a quote above them says already are not shown either.
    """
    if not text or "\n\n" in text or answer_repeats(text):
        return None
    by_number = {one.number: one for one in citations}
    folded = "".join(char for char in text.casefold() if char.isalnum())
    if any(folded in "".join(char for char in one.text.casefold() if char.isalnum()) for one in chosen):
        return None
    for number in dict.fromkeys(one.number for one in chosen):
        source = by_number[number]
        verdicts = [
            verify(one.text, source.text, context=f"{source.document} {source.section}", question=question)
            for one in sentences(text)
        ]
        statuses = {one.status for one in verdicts}
        if "supported" in statuses and statuses <= {"supported", "not_a_claim"}:
            return number
    return None


async def checked_answer(
    state: RunState | None, context: ToolContext, status: RunStatus, answer: str
) -> tuple[str, tuple[Citation, ...], AnswerSupport | None]:
    """Hold a run's answer against the passages it was made from.

    Returns:
        Its text with numbers set right, the passages it cites, and what the check gave (``None``: nothing to check).
    """
    found = tuple(context.citations)
    if not found or status != "ok" or state is None:
        cited = tuple(item for item in found if f"[{item.number}]" in answer)
        return answer, cited or found[:2], None
    if state.abstained:
        return answer, found, AnswerSupport()
    try:
        result = await asyncio.to_thread(checked, answer, found, context.question, tuple(state.told))
    except Exception as error:
        # The answer is there; that it could not be checked must not take it away.
        log.error("an answer could not be checked", exc_info=error)
        return answer, found[:2], None
    return result.text, result.citations or found[:2], result.support
