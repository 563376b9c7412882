"""Whether what was found answers the question, or the documents say nothing about it.

What tells best is not how good the best passage is but how far it stands out: the words of a question whose answer is there
meet in one place, the words of one that has none are met a little everywhere. Words cannot tell more than that: a
question about a thing that is described, asking what is not said of it, looks answerable.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from core.rag.passages import Span
from core.rag.queries import Unit
from core.rag.snapshot import Matched, Snapshot

RIVALS = 5
"""The best passage is compared with the one that comes so many places after, by words."""

SLOPE = 3.1
MIDDLE = 0.28
"""Logistic model of one feature, fitted to the 127 training questions of the sample set (22 without an answer)."""

THRESHOLD = 0.65
"""Below it the search says that the documents have no answer. On the training questions F1 is 0.6 here and at 0.8;
here fewer questions that have an answer are turned away."""

UNHEARD = 0.2
"""What is left of the confidence when the question names a code or number no document has."""


@dataclass(frozen=True, slots=True)
class Signs:
    """What the decision rests on."""

    lead: float
    """Words of the question that the best passage's best chunk meets beyond the fifth best one's; a word that only one
    chunk has counts 1, a common one less."""
    unheard: bool
    """A code, such as ``E33``, is in no document."""


def signs(snapshot: Snapshot, units: Sequence[Unit], matched: Matched, found: Sequence[Span]) -> Signs:
    """Look at the best passages.

    Args:
        snapshot: What was searched.
        units: Of the question.
        matched: How chunks meet them.
        found: The :data:`RIVALS` best passages.
    """
    shares = matched.shares
    tops = [float(max(shares[place] for place in range(span.first, span.last))) for span in found[:RIVALS]]
    rival = sorted(tops, reverse=True)[RIVALS - 1] if len(tops) == RIVALS else 0.0
    own = float(shares[found[0].best]) if found else 0.0
    rarest = math.log(1 + (snapshot.size - 0.5) / 1.5)
    lead = (own - rival) * matched.weight / rarest if rarest else 0.0
    unheard = any(_is_code(unit.own[0]) and not snapshot.frequency(unit.own[0]) for unit in units)
    return Signs(lead, unheard)


def confidence(seen: Signs) -> float:
    """Return how likely the answer is there, 0–1."""
    likely = 1 / (1 + math.exp(-SLOPE * (seen.lead - MIDDLE)))
    return likely * (UNHEARD if seen.unheard else 1.0)


def _is_code(term: str) -> bool:
    return any(char.isdigit() for char in term) and any(char.isalpha() for char in term)
