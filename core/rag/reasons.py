"""Why the documents probably have no answer: the signs of :mod:`core.rag.abstain` as codes with words, and as sentences."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable
from typing import TYPE_CHECKING

from core.i18n import tr
from core.rag import abstain
from core.rag.asked import Word, understand
from core.rag.types import Reason
from core.text import clean_line

if TYPE_CHECKING:
    from core.rag.snapshot import Snapshot

MOST = 3
"""Reasons told at most, and words of each."""

FAR = 0.03
"""Nearness in meaning below which it is told: next to none beyond what unrelated texts have. Of the sample's training
questions 10 % of those with an answer are below, and more than a fifth of the others."""


def reasons(snapshot: Snapshot, query: str, found: abstain.Found, seen: abstain.Signs) -> tuple[Reason, ...]:
    """Return what spoke against an answer, what weighed most first and distance last; empty where no single thing did.

    Args:
        snapshot: What was searched.
        query: The question as it was asked.
        found: The best passage.
        seen: Its signs.
    """
    asked = understand(query, snapshot.vocabulary)
    levels = abstain.met(snapshot, asked, found)
    missing = [word for word, level in zip(asked.words, levels, strict=True) if level < abstain.MET]
    weights = abstain.WEIGHTS
    codes = [word for word in missing if word.role == "code"]
    unheard = [word for word in codes if not snapshot.frequency(word.unit.own[0])]
    goal = [word for word in missing if word.asked and word not in codes and not asked.yes_or_no]
    rest = [word for word in missing if word.role == "thing" and word not in goal]
    numbers = [word for word in missing if word.role == "number"]
    named = [
        (-math.inf, "unheard", unheard),
        (weights.codes * seen.codes, "code", [word for word in codes if word not in unheard]),
        (weights.numbers * seen.numbers, "number", numbers),
        (weights.lacking * seen.lacking, "words" if asked.bare else "asked", goal),
        (weights.topic * (seen.topic - 1), "words", rest),
    ]
    weighed = [
        (weight, Reason(code, _written(query, words)))
        for weight, code, words in named
        if words and weight < 0
    ]
    if seen.unfit and weights.unfit < 0:
        weighed.append((weights.unfit, Reason(f"kind.{asked.wants}")))
    if seen.near < FAR:
        # It names nothing that could be looked at: told after what does.
        weighed.append((0.0, Reason("far")))
    ordered = sorted(weighed, key=lambda one: one[0])
    return tuple(reason for _, reason in ordered[:MOST])


def _written(query: str, words: Iterable[Word]) -> tuple[str, ...]:
    """Return words as the user wrote them: a code in capitals, a number with the word it belongs to."""
    plain = clean_line(unicodedata.normalize("NFKC", query))
    found = []
    for word in words:
        said = f"{word.beside} {word.said}" if word.beside.isascii() and word.beside else word.said
        place = re.search(re.escape(said), plain, re.IGNORECASE)
        found.append(place[0] if place else said)
    return tuple(dict.fromkeys(found))[:MOST]


def sentence(reason: Reason) -> str:
    """Say a reason in a short sentence."""
    return tr(f"rag.why.{reason.code}", words=", ".join(reason.words))


def digits(confidence: float) -> str:
    """Write a confidence with two digits, cut off: rounded, one just below the threshold would seem to reach it."""
    return f"{math.floor(confidence * 100 + 1e-9) / 100:.2f}"
