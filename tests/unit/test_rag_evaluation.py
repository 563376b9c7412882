"""Measures of search against numbers worked out by hand."""

from __future__ import annotations

import math

import pytest

from core.events import Hit
from core.rag.evaluation import Outcome, abstention, calibrated, coverage, judge
from core.rag.sample import Gold, Question


def question(*quotes: str, split: str = "test") -> Question:
    gold = tuple(Gold("hr/leave.md", quote) for quote in quotes)
    return Question("q", split, "en", "en", "lookup", "?", "", gold, not quotes)


def hit(text: str, path: str = "/share/hr/leave.md", score: float = 0.5) -> Hit:
    return Hit("d", "leave.md", path, "", text, score, "c")


def outcome(*ranks: int | None, score: float = 0.5, unanswerable: bool = False) -> Outcome:
    quotes = () if unanswerable else tuple("x" for _ in ranks)
    return Outcome(question(*quotes), ranks, score, 1.0, 10)


@pytest.mark.parametrize(
    ("quote", "passage", "share"),
    [
        ("five days", "at most  five\ndays a year", 1.0),
        ("five days", "it ends with five", 4 / 9),
        ("five days", "days begin it", 4 / 9),
        ("five days", "nothing of it", 0.0),
        ("휴가 5일", "휴가 5일", 1.0),
        ("", "anything", 0.0),
    ],
)
def test_coverage_is_the_share_of_the_quote_in_the_passage(quote: str, passage: str, share: float) -> None:
    assert coverage(quote, passage) == pytest.approx(share)


def test_a_quote_counts_in_its_own_document_only() -> None:
    hits = [hit("five days", "/share/it/leave.md"), hit("none"), hit("of five days")]
    assert judge(question("five days"), hits, 1.0).ranks == (3,)
    assert judge(question("five days"), [], 1.0).ranks == (None,)


def test_measures_of_known_ranks() -> None:
    one = outcome(2, None, 4)
    assert (
        one.recall(1) == 0
        and one.recall(2) == pytest.approx(1 / 3)
        and one.recall(10) == pytest.approx(2 / 3)
    )
    assert one.reciprocal_rank() == 0.5
    best = 1 + 1 / math.log2(3) + 1 / math.log2(4)
    assert one.ndcg(10) == pytest.approx((1 / math.log2(3) + 1 / math.log2(5)) / best)
    assert outcome(1).ndcg(10) == 1 and outcome(None).ndcg(10) == 0
    assert outcome(1, 1).ndcg(10) == 1, "two quotes in the first passage are no better than the best"


def test_the_threshold_separates_what_has_no_answer() -> None:
    answered = [outcome(1, score=score) for score in (0.9, 0.8, 0.3)]
    without = [outcome(score=score, unanswerable=True) for score in (0.1, 0.2, 0.4)]
    at = calibrated([*answered, *without])
    found = abstention([*answered, *without], at)
    assert 0.4 < at < 0.8 and (found.precision, found.recall) == (0.75, 1.0)
    assert found.f1 == pytest.approx(6 / 7)
    assert abstention(answered, 0.0).f1 == 0
