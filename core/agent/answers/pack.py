"""Chooses which passages go into a prompt, and in what order."""

from __future__ import annotations

import dataclasses
import functools
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
    kept: list[tuple[Hit, _Said]] = []
    for hit in hits:
        said = _Said(hit.text)
        if not any(said.inside(other) for _hit, other in kept):
            kept.append((hit, said))
    return [hit for hit, _said in kept]


class _Said:
    """What a passage says, as far as it is compared; its words are read once, and only where it comes to them."""

    def __init__(self, text: str) -> None:
        self.text = " ".join(text.split())
        self.numbers = set(re.findall(r"\d+(?:[.,]\d+)*", text))

    @functools.cached_property
    def keys(self) -> frozenset[str]:
        return keys_of(words(self.text)) | bigrams(self.text)

    def inside(self, other: _Said) -> bool:
        """Say whether another passage says all of this one."""
        if self.text in other.text:
            return True
        if self.numbers != other.numbers or not self.keys:
            return False
        return len(self.keys & other.keys) / len(self.keys | other.keys) >= SAME


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
