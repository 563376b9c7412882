"""How well search finds what answers a question: gold passages against the passages found. Pure functions.

Gold is a quote of a document, not a chunk: another way of cutting documents is judged by the same questions. Definitions:
a passage *covers* a gold quote when it holds at least :data:`COVERED` of its characters; recall@k is the share of a
question's gold quotes covered by the first k passages; the reciprocal rank is 1/rank of the first passage that covers one
(MRR is its mean); nDCG@k as in Järvelin and Kekäläinen 2002 with one gain for each gold quote, where it is first covered.
"""

from __future__ import annotations

import itertools
import math
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from core.events import Hit
from core.rag.sample import Gold, Question

COVERED = 0.5
"""Share of a gold quote's characters a passage must hold to count."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the search gave for one question."""

    question: Question
    ranks: tuple[int | None, ...]
    """For each gold quote the rank (from 1) of the first passage that covers it."""
    score: float
    """Of the best passage; 0 when nothing was found."""
    ms: float
    """Of the whole search, the question's embedding included."""
    found: int
    """Passages given."""

    def recall(self, k: int) -> float:
        """Return the share of gold quotes covered by the first ``k`` passages."""
        return sum(rank is not None and rank <= k for rank in self.ranks) / len(self.ranks)

    def reciprocal_rank(self) -> float:
        """Return 1/rank of the first passage that covers a gold quote, else 0."""
        ranks = [rank for rank in self.ranks if rank is not None]
        return 1 / min(ranks) if ranks else 0.0

    def ndcg(self, k: int) -> float:
        """Return the discounted gain of the first ``k`` passages over the best there could be."""
        gain = sum(1 / math.log2(rank + 1) for rank in self.ranks if rank is not None and rank <= k)
        # Two quotes in one passage gain both at its rank: the best order cannot be worse than that.
        best = sum(1 / math.log2(place + 2) for place in range(min(len(self.ranks), k)))
        return min(1.0, gain / best) if best else 0.0


@dataclass(frozen=True, slots=True)
class Abstention:
    """How well a low score tells that the documents have no answer."""

    threshold: float
    """Below it the search says so."""
    precision: float
    recall: float
    f1: float


def folded(text: str) -> str:
    """Return a text for comparison: NFC, runs of white space as one space."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def coverage(quote: str, passage: str) -> float:
    """Return the share of a quote's characters that a passage holds: all of it, or its end or beginning where the
    passage begins or ends inside it."""
    wanted, held = folded(quote), folded(passage)
    if not wanted:
        return 0.0
    if wanted in held:
        return 1.0
    for size in range(len(wanted) - 1, 0, -1):
        if held.endswith(wanted[:size]) or held.startswith(wanted[-size:]):
            return size / len(wanted)
    return 0.0


def is_of(gold: Gold, path: str) -> bool:
    """Say whether a path is the gold's document."""
    return unicodedata.normalize("NFC", path).endswith("/" + unicodedata.normalize("NFC", gold.document))


def judge(question: Question, hits: Sequence[Hit], ms: float) -> Outcome:
    """Compare what was found with a question's gold."""
    ranks = tuple(
        next(
            (
                rank
                for rank, hit in enumerate(hits, 1)
                if is_of(gold, hit.path) and coverage(gold.quote, hit.text) >= COVERED
            ),
            None,
        )
        for gold in question.gold
    )
    return Outcome(question, ranks, hits[0].score if hits else 0.0, ms, len(hits))


def abstention(outcomes: Iterable[Outcome], threshold: float) -> Abstention:
    """Judge a threshold: below it a question counts as unanswerable."""
    right = said = unanswerable = 0
    for one in outcomes:
        silent = one.score < threshold
        said += silent
        unanswerable += one.question.unanswerable
        right += silent and one.question.unanswerable
    precision = right / said if said else 0.0
    recall = right / unanswerable if unanswerable else 0.0
    f1 = 2 * precision * recall / (precision + recall) if right else 0.0
    return Abstention(threshold, precision, recall, f1)


def calibrated(outcomes: Sequence[Outcome]) -> float:
    """Return the threshold with the best F1 on these questions; judge it on others."""
    candidates = sorted({one.score for one in outcomes})
    between = [(a + b) / 2 for a, b in itertools.pairwise(candidates)]
    return max(between, key=lambda at: abstention(outcomes, at).f1, default=0.0)


Measure = Callable[[Outcome], float]

MEASURES: dict[str, Measure] = {
    "recall@1": lambda one: one.recall(1),
    "recall@3": lambda one: one.recall(3),
    "recall@5": lambda one: one.recall(5),
    "recall@10": lambda one: one.recall(10),
    "mrr": Outcome.reciprocal_rank,
    "ndcg@10": lambda one: one.ndcg(10),
}
"""By name; each a mean over answerable questions."""
DEPTH = 10
"""Passages asked for, so that every measure can be computed."""
