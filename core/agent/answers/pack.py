"""Chooses which passages go into a prompt, and in what order."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Sequence

from core.agent.answers.guard import delimited
from core.agent.answers.sentences import sentences
from core.agent.answers.words import bigrams, keys_of, words
from core.events import Citation, Hit

SAME = 0.92
"""Share of words from which two passages are one."""


def unique(hits: Sequence[Hit]) -> list[Hit]:
    """Leave out passages that say what a better one says already: the same text, or a part of it. Order is kept.

    Passages of another document stay where a number differs: that is a conflict, and is said.
    """
    kept: list[Hit] = []
    for hit in hits:
        if not any(_inside(hit, other) for other in kept):
            kept.append(hit)
    return kept


def _inside(hit: Hit, other: Hit) -> bool:
    mine, theirs = " ".join(hit.text.split()), " ".join(other.text.split())
    if mine in theirs:
        return True
    if _numbers(mine) != _numbers(theirs):
        return False
    a, b = keys_of(words(mine)) | bigrams(mine), keys_of(words(theirs)) | bigrams(theirs)
    return bool(a) and len(a & b) / len(a | b) >= SAME


def _numbers(text: str) -> set[str]:
    return set(re.findall(r"\d+(?:[.,]\d+)*", text))


def pack(
    citations: Sequence[Citation], budget: int, count: Callable[[str], int]
) -> list[tuple[Citation, str]]:
    """Choose passages for a prompt, best first, and write them; those of one section stand together in reading order.

    Args:
        citations: What was found.
        budget: Tokens there are.
        count: Tokens of a text.

    Returns:
        The passages with their text as it is sent. At least one, cut at the end of a sentence when it alone is too long,
        unless there is no room for even a sentence; never a number cut in two.
    """
    chosen: list[Citation] = []
    left = budget
    for one in sorted(citations, key=lambda one: (-one.score, one.number)):
        cost = count(delimited([one])[0]) + 2
        if cost <= left:
            chosen.append(one)
            left -= cost
        elif not chosen:
            part = shortened(one, budget, count)
            if part is None:
                return []
            chosen.append(part)
            left = 0
    ordered = _by_section(chosen)
    return list(zip(ordered, delimited(ordered), strict=True))


def _by_section(chosen: Sequence[Citation]) -> list[Citation]:
    """Put the parts of a section together, where its best one stands, in the order of the document."""
    places: dict[tuple[str, str], list[Citation]] = {}
    for one in chosen:
        places.setdefault((one.document_id, one.section), []).append(one)
    return [
        part
        for parts in places.values()
        for part in sorted(parts, key=lambda one: (one.char_start, one.number))
    ]


def shortened(one: Citation, budget: int, count: Callable[[str], int]) -> Citation | None:
    """Return a passage with its first sentences, as many as there is room for; ``None`` when not even one fits."""
    kept: Citation | None = None
    for sentence in sentences(one.text):
        part = dataclasses.replace(one, text=one.text[: sentence.end])
        if count(delimited([part])[0]) + 2 > budget:
            break
        kept = part
    return kept
