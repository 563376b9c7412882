"""How well search finds what answers a question: gold passages against the passages found. Pure functions.

Gold is a quote of a document, not a chunk: another way of cutting documents is judged by the same questions. Definitions:

- a passage *covers* a gold quote when it holds at least :data:`COVERED` of its characters;
- recall@k: share of a question's gold quotes covered by the first k passages;
- hit@k: 1 when at least one of them is;
- reciprocal rank: 1/rank of the first passage that covers one (MRR is its mean);
- nDCG@k: as in Järvelin and Kekäläinen 2002, with one gain for each gold quote where it is first covered;
- context precision: share of the characters of the first k passages that are gold; a gold character counts once, since
  a second passage that repeats it tells nothing new;
- context recall: share of the gold characters that the first k passages hold, wherever they were cut;
- abstention: a best score below a threshold says "not in the documents"; precision and recall on unanswerable questions;
- risk and coverage: answering only the questions with the best scores, how many are answered and how many of those in vain.

Characters are counted after folding: NFC, runs of white space as one space.
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

OVERLAP = 8
"""So many characters of a quote at a passage's edge are no coincidence; fewer do not count as context."""

CONTEXT = 5
"""Passages an answer is made from, unless a variant says otherwise."""

DEPTH = 10
"""Passages asked for, so that every measure can be computed."""


@dataclass(frozen=True, slots=True)
class Context:
    """Characters of the first k passages against those of the gold."""

    k: int
    gold: int
    """Characters of the gold quotes."""
    covered: int
    """Of those, held by a passage."""
    returned: int
    """Characters of the passages."""

    @property
    def precision(self) -> float:
        """Share of the returned characters that are gold."""
        return self.covered / self.returned if self.returned else 0.0

    @property
    def recall(self) -> float:
        """Share of the gold characters that were returned."""
        return self.covered / self.gold if self.gold else 0.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the search gave for one question."""

    question: Question
    ranks: tuple[int | None, ...]
    """For each gold quote the rank (from 1) of the first passage that covers it."""
    score: float
    """How sure the search is that the question is answered, 0 to 1; 0 when nothing was found."""
    ms: float
    """Of the whole search, the question's embedding included."""
    found: int
    """Passages given."""
    context: Context = Context(CONTEXT, 0, 0, 0)
    answered: bool = True
    """Whether the search itself, with its own threshold, thinks that the question is answered."""

    def recall(self, k: int) -> float:
        """Return the share of gold quotes covered by the first ``k`` passages."""
        return sum(rank is not None and rank <= k for rank in self.ranks) / len(self.ranks)

    def hit(self, k: int) -> float:
        """Return 1 when any gold quote is covered by the first ``k`` passages, else 0."""
        return float(any(rank is not None and rank <= k for rank in self.ranks))

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


@dataclass(frozen=True, slots=True)
class RiskPoint:
    """Answering only what scores at least ``threshold``."""

    threshold: float
    coverage: float
    """Share of all questions answered."""
    risk: float
    """Share of those answered in vain: nothing that answers them was among the passages, or nothing could be."""


def folded(text: str) -> str:
    """Return a text for comparison: NFC, runs of white space as one space."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def located(quote: str, passage: str) -> tuple[int, int]:
    """Return which characters of a quote a passage holds, both folded: all, the whole passage where it lies inside the
    quote, or the quote's end or beginning where the passage begins or ends inside it. ``(0, 0)``: none."""
    if not quote or not passage:
        return 0, 0
    if quote in passage:
        return 0, len(quote)
    inside = quote.find(passage)
    if inside >= 0:
        return inside, inside + len(passage)
    for size in range(min(len(quote) - 1, len(passage)), 0, -1):
        if passage.endswith(quote[:size]):
            return 0, size
        if passage.startswith(quote[-size:]):
            return len(quote) - size, len(quote)
    return 0, 0


def coverage(quote: str, passage: str) -> float:
    """Return the share of a quote's characters that a passage holds, see :func:`located`."""
    wanted = folded(quote)
    start, end = located(wanted, folded(passage))
    return (end - start) / len(wanted) if wanted else 0.0


def is_of(gold: Gold, path: str) -> bool:
    """Say whether a path is the gold's document."""
    return unicodedata.normalize("NFC", path).endswith("/" + unicodedata.normalize("NFC", gold.document))


def judge(question: Question, hits: Sequence[Hit], ms: float, k: int = CONTEXT) -> Outcome:
    """Compare what was found with a question's gold.

    Args:
        question: With its gold.
        hits: Best first.
        ms: What the search took.
        k: Passages the context's measures look at.
    """
    quotes = [folded(gold.quote) for gold in question.gold]
    ranks: list[int | None] = [None] * len(quotes)
    held: list[set[int]] = [set() for _ in quotes]
    for rank, hit in enumerate(hits, 1):
        for number, gold in enumerate(question.gold):
            if not is_of(gold, hit.path):
                continue
            start, end = _best(quotes[number], hit)
            if ranks[number] is None and quotes[number] and end - start >= COVERED * len(quotes[number]):
                ranks[number] = rank
            if rank <= k and end - start >= min(OVERLAP, len(quotes[number])):
                held[number].update(range(start, end))
    context = Context(
        k,
        gold=sum(map(len, quotes)),
        covered=sum(map(len, held)),
        returned=sum(len(folded(hit.text)) for hit in hits[:k]),
    )
    return Outcome(question, tuple(ranks), hits[0].score if hits else 0.0, ms, len(hits), context)


def _best(quote: str, hit: Hit) -> tuple[int, int]:
    """Return which of a quote's characters a hit holds. A heading path or a table's header may stand before the
    document's own text: a quote that begins outside the passage is looked for without it, too."""
    found = located(quote, folded(hit.text))
    own = hit.char_end - hit.char_start
    if 0 < own < len(hit.text):
        other = located(quote, folded(hit.text[-own:]))
        if other[1] - other[0] > found[1] - found[0]:
            return other
    return found


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
    """Return the threshold with the best F1 on these questions; judge it on others. Of equals the lowest."""
    ordered = sorted(outcomes, key=lambda one: one.score)
    unanswerable = sum(one.question.unanswerable for one in ordered)
    best, threshold, right = 0.0, 0.0, 0
    for said, (one, other) in enumerate(itertools.pairwise(ordered), 1):
        right += one.question.unanswerable
        f1 = 2 * right / (said + unanswerable)
        if f1 > best and one.score < other.score:
            best, threshold = f1, (one.score + other.score) / 2
    return threshold


def risk_coverage(outcomes: Sequence[Outcome], k: int = CONTEXT) -> list[RiskPoint]:
    """Return one point for each different best score, from the surest questions alone to all of them.

    Questions of one score are answered together or not at all.
    """
    ordered = sorted(outcomes, key=lambda one: -one.score)
    points: list[RiskPoint] = []
    wrong = 0
    for number, one in enumerate(ordered, 1):
        wrong += one.question.unanswerable or not one.hit(k)
        if number == len(ordered) or ordered[number].score != one.score:
            points.append(RiskPoint(one.score, number / len(ordered), wrong / number))
    return points


def area_under_risk(points: Sequence[RiskPoint]) -> float | None:
    """Return the mean risk over all coverages (steps, from 0 to 1); lower is better. ``None`` without questions."""
    if not points:
        return None
    area, before = 0.0, 0.0
    for point in points:
        area += (point.coverage - before) * point.risk
        before = point.coverage
    return area


Measure = Callable[[Outcome], float]

MEASURES: dict[str, Measure] = {
    "recall@1": lambda one: one.recall(1),
    "recall@3": lambda one: one.recall(3),
    "recall@5": lambda one: one.recall(5),
    "recall@10": lambda one: one.recall(10),
    "hit@5": lambda one: one.hit(5),
    "mrr": Outcome.reciprocal_rank,
    "ndcg@10": lambda one: one.ndcg(10),
    "context_precision": lambda one: one.context.precision,
    "context_recall": lambda one: one.context.recall,
}
"""By name; each a mean over answerable questions, between 0 and 1, the more the better."""
