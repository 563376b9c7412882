"""Whether what was found answers the question, or the documents say nothing about it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from core.rag.passages import Span
from core.rag.queries import Unit
from core.rag.snapshot import Matched, Snapshot

THRESHOLD = 0.5
MET = 0.2
"""From here on a unit of the question counts as met."""


@dataclass(frozen=True, slots=True)
class Signs:
    """What the decision rests on."""

    missing: float
    """Weighted share of the question's words that the best passage does not meet, 0–1."""
    score: float
    """Of the best passage, 0–1."""
    margin: float
    """By which it is better than the second best."""


def signs(
    snapshot: Snapshot,
    query: str,
    units: Sequence[Unit],
    matched: Matched,
    scores: Any,
    found: Sequence[Span],
) -> Signs:
    """Look at the best passages."""
    if not found:
        return Signs(1.0, 0.0, 0.0)
    best = found[0]
    met = matched.met[:, best.first : best.last].max(axis=1)
    total = float(matched.weights.sum()) or 1.0
    missing = float(matched.weights[met < MET].sum()) / total
    score = float(scores[best.best])
    second = float(scores[found[1].best]) if len(found) > 1 else 0.0
    return Signs(missing, score, score - second)


def confidence(seen: Signs) -> float:
    """Return how likely the answer is there, 0–1."""
    return 1 / (1 + math.exp(-(2.0 - 4.0 * seen.missing)))
