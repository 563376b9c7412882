"""The lab's statistics against distributions whose truth is known."""

from __future__ import annotations

import math
import random
import statistics

import pytest

from core.lab.stats import cluster_ratio, estimate, percentile, ratio, share_interval


def test_percentiles_interpolate() -> None:
    values = [15.0, 20.0, 35.0, 40.0, 50.0]
    assert percentile(values, 0.4) == pytest.approx(29.0)
    assert percentile(values, 0) == 15 and percentile(values, 1) == 50
    random_values = [random.Random(3).gauss(0, 1) for _ in range(37)]
    cuts = statistics.quantiles(random_values, n=100, method="inclusive")
    assert [percentile(random_values, p / 100) for p in range(1, 100)] == pytest.approx(cuts)
    with pytest.raises(ValueError):
        percentile([], 0.5)


@pytest.mark.parametrize(("statistic", "n", "few"), [("p95", 19, True), ("p95", 20, False), ("p99", 99, True), ("p99", 100, False), ("median", 2, False)])  # fmt: skip
def test_a_percentile_of_too_few_values_is_flagged(statistic: str, n: int, few: bool) -> None:
    assert estimate([float(one) for one in range(n)], statistic).few is few


def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    rng = random.Random(11)
    for statistic, n, truth in (
        ("mean", 5, 10.0),
        ("mean", 30, 10.0),
        ("median", 30, 10.0),
        ("p90", 60, 10 + 1.2816),
    ):
        held = 0
        for _ in range(200):
            found = estimate([rng.gauss(10, 1) for _ in range(n)], statistic, resamples=200)
            assert found.low is not None and found.high is not None
            held += found.low <= truth <= found.high
        assert 0.87 <= held / 200 <= 1.0, (statistic, n, held)


def test_the_same_values_always_give_the_same_interval() -> None:
    values = [random.Random(5).expovariate(1) for _ in range(40)]
    assert estimate(values, "median", resamples=300) == estimate(list(values), "median", resamples=300)


def test_nothing_and_nonsense_are_no_figures() -> None:
    assert estimate([]).value is None
    assert estimate([math.nan, math.inf]).value is None
    assert ratio([], [1.0]).value is None
    assert ratio([0.0] * 9, [1.0] * 9).value is None


def test_a_real_difference_is_told_from_noise() -> None:
    rng = random.Random(2)
    wrong = 0
    for _ in range(100):
        a = [rng.gauss(100, 10) for _ in range(12)]
        b = [rng.gauss(100, 10) for _ in range(12)]
        wrong += bool(ratio(a, b, "mean", resamples=200).real)
    assert wrong <= 12  # 5 % are expected to be wrong
    slow = [rng.gauss(130, 10) for _ in range(12)]
    found = ratio([rng.gauss(100, 10) for _ in range(12)], slow, "mean")
    assert found.real and found.low is not None and found.low > 1.1


def test_pairs_see_what_drift_hides() -> None:
    rng = random.Random(4)
    drift = [100.0 + 20 * one for one in range(10)]
    a = [base + rng.gauss(0, 1) for base in drift]
    b = [base * 1.05 + rng.gauss(0, 1) for base in drift]
    assert ratio(a, b, "mean").real is False
    assert ratio(a, b, "mean", paired=True).real is True
    with pytest.raises(ValueError):
        ratio([1.0], [1.0, 2.0], paired=True)


def test_too_few_values_decide_nothing() -> None:
    assert ratio([1.0, 2.0], [10.0, 20.0]).real is None


def test_a_share_never_leaves_its_range() -> None:
    none, all_of_them = share_interval(0, 10), share_interval(10, 10)
    assert (none.value, none.low) == (0, 0) and none.high is not None and 0.2 < none.high < 0.35
    assert all_of_them.high == 1 and all_of_them.low is not None and all_of_them.low > 0.6


def test_gaps_of_one_answer_count_as_one_witness() -> None:
    """Ten answers, each with a pace of its own: taken one by one their gaps would prove a difference that is none."""
    rng = random.Random(3)

    def answers(pace: float) -> list[list[float]]:
        return [
            [own * rng.uniform(0.98, 1.02) for _ in range(40)]
            for own in (pace * rng.uniform(0.7, 1.3) for _ in range(10))
        ]

    a, b, slower = answers(20), answers(21.5), answers(60)
    flat = ratio([gap for one in a for gap in one], [gap for one in b for gap in one])
    assert flat.real, "this is what clusters are for"
    assert cluster_ratio(a, b).real is False
    assert cluster_ratio(a, slower).real is True
    assert cluster_ratio(a[:3], slower[:3]).real is None
