"""Measures of search against numbers worked out by hand."""

from __future__ import annotations

import math
import random

import pytest

from core.events import Hit
from core.rag.evaluation import (
    MEASURES,
    Context,
    Outcome,
    abstention,
    area_under_risk,
    calibrated,
    coverage,
    judge,
    risk_coverage,
)
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
        # A sentence of a longer quote lies inside it.
        ("One. Two three. Four", "Two three.", 0.5),
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


def test_context_counts_characters_once_and_joins_what_was_cut() -> None:
    quote = "abcdefghij klmnopqrst"  # 21 characters
    hits = [
        hit("before it abcdefghij"),  # 20, of which 10 are gold
        hit("klmnopqrst after"),  # 16, of which 10 are gold (the blank between is in neither)
        hit("abcdefghij again"),  # 16, nothing new
        hit("abcdefghij klmnopqrst", "/share/other/leave.md"),  # another document
    ]
    found = judge(question(quote), hits, 1.0, k=4).context
    assert found == Context(4, gold=21, covered=20, returned=20 + 16 + 16 + 21)
    assert found.recall == pytest.approx(20 / 21) and found.precision == pytest.approx(20 / 73)
    assert judge(question(quote), hits, 1.0, k=1).context.covered == 10
    # Two letters that happen to be the quote's are no part of it.
    assert judge(question(quote), [hit("it ends with ab")], 1.0).context.covered == 0
    assert judge(question(quote), [], 1.0).context.precision == 0


def test_a_heading_put_before_a_passage_does_not_hide_what_it_begins_with() -> None:
    text = "Rules › Leave\n\nfive days a year and no more"
    own = len("five days a year and no more")
    headed = Hit("d", "leave.md", "/share/hr/leave.md", "", text, 0.5, "c", None, None, 100, 100 + own)
    one = judge(question("Everyone has five days a year and no more"), [headed], 1.0)
    assert one.ranks == (1,) and one.context.covered == own


def test_hits_and_means_by_name() -> None:
    one = outcome(7, 3)
    values = {name: measure(one) for name, measure in MEASURES.items()}
    assert values["hit@5"] == 1 and values["recall@5"] == 0.5 and values["recall@10"] == 1
    assert outcome(6).hit(5) == 0 and outcome(None).hit(10) == 0


def test_risk_and_coverage_of_known_scores() -> None:
    outcomes = [
        outcome(1, score=0.9),
        outcome(None, score=0.8),  # answered in vain: not found
        outcome(2, score=0.6),
        outcome(score=0.6, unanswerable=True),  # the same score: both or neither
        outcome(score=0.1, unanswerable=True),
    ]
    points = risk_coverage(outcomes)
    assert [(one.threshold, one.coverage) for one in points] == [
        (0.9, 0.2),
        (0.8, 0.4),
        (0.6, 0.8),
        (0.1, 1.0),
    ]
    assert [one.risk for one in points] == [0, 0.5, 0.5, 0.6]
    assert area_under_risk(points) == pytest.approx(0.2 * 0 + 0.2 * 0.5 + 0.4 * 0.5 + 0.2 * 0.6)
    assert risk_coverage([]) == [] and area_under_risk([]) is None


def test_the_threshold_is_the_best_of_all_there_are() -> None:
    rng = random.Random(2)
    for _ in range(30):
        outcomes = [
            outcome(1, score=rng.choice([0.1, 0.2, 0.4, 0.5, 0.8]))
            if rng.random() < 0.7
            else outcome(score=rng.choice([0.1, 0.3, 0.5]), unanswerable=True)
            for _ in range(12)
        ]
        # Beyond the highest score every question would be left unanswered: no threshold at all.
        most = max(one.score for one in outcomes)
        tried = [abstention(outcomes, at).f1 for at in (0.0, 0.15, 0.25, 0.35, 0.45, 0.65) if at < most]
        assert abstention(outcomes, calibrated(outcomes)).f1 == pytest.approx(max(tried))
    assert calibrated([]) == 0.0 and calibrated([outcome(1)]) == 0.0
