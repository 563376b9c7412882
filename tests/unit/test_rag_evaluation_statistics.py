"""Statistics of comparisons against exact enumeration and numbers worked out by hand."""

from __future__ import annotations

import itertools
import random

import pytest

from core.rag.evaluation import statistics as stats
from core.rag.evaluation.answers import AnswerVerdict, SentenceVerdict, answer_measures


def enumerated(differences: list[float]) -> float:
    """The p-value by trying every sign pattern, zeros included, in plain Python."""
    observed = abs(sum(differences))
    sums = [
        abs(sum(sign * one for sign, one in zip(signs, differences, strict=True)))
        for signs in itertools.product((1, -1), repeat=len(differences))
    ]
    return sum(one >= observed - 1e-9 for one in sums) / len(sums)


@pytest.mark.parametrize("seed", range(6))
def test_p_values_are_those_of_enumeration(seed: int) -> None:
    rng = random.Random(seed)
    few = [rng.choice([-1.0, 0.0, 0.5, 1.0, 0.1]) for _ in range(10)]
    assert stats.randomisation(few) == pytest.approx(enumerated(few))
    # The same by random flips, within what 10,000 of them can tell (three standard errors and the one added).
    many = [rng.gauss(0.3, 1.0) for _ in range(12)]
    exact = enumerated(many)
    assert stats.randomisation(many, exact=0) == pytest.approx(exact, abs=3 * (exact / 10_000) ** 0.5 + 2e-4)


def test_p_values_at_the_ends() -> None:
    assert stats.randomisation([0.0] * 50) == 1.0 and stats.randomisation([]) == 1.0
    # Five questions that all got better cannot be told from chance; six can.
    assert stats.randomisation([1.0] * 5) == 2 / 32 and stats.randomisation([1.0] * 6) == 2 / 64
    assert stats.randomisation([1.0] * 200) == 1 / 10_001
    assert stats.randomisation([0.1, 0.2, 0.3, -0.6]) == 1.0, "a sum of 0 to the last bit"


def test_no_difference_is_called_one_as_often_as_the_level_says() -> None:
    rng = random.Random(5)
    values = [stats.randomisation([rng.gauss(0, 1) for _ in range(30)], flips=500) for _ in range(400)]
    found = sum(one < 0.05 for one in values) / 400
    assert 0.02 <= found <= 0.085  # 0.05 and three standard errors


def test_a_difference_has_means_an_interval_and_a_verdict() -> None:
    rng = random.Random(1)
    a = [float(rng.random() < 0.9) for _ in range(150)]
    b = [one if rng.random() < 0.8 else 0.0 for one in a]
    found = stats.difference(a, b)
    assert found.a == pytest.approx(sum(a) / 150) and found.value == pytest.approx(found.a - found.b)
    assert found.low is not None and found.high is not None
    assert 0 < found.low < found.value < found.high and found.real and found.n == 150
    same = stats.difference(a, a)
    assert (same.value, same.low, same.high, same.p, same.real) == (0, 0, 0, 1.0, False)
    assert stats.difference(a, b) == found, "the same twice"
    with pytest.raises(ValueError, match="as many"):
        stats.difference(a, b[:-1])


def test_holm_of_a_textbook_family() -> None:
    assert stats.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert stats.holm([0.6, 0.7]) == [1.0, 1.0] and stats.holm([]) == []
    one = stats.Difference(1, 0, 1, None, None, 0.03, 9, adjusted=0.06)
    assert not one.real, "what the family does not bear is not called a difference"


def test_an_interval_of_a_mean_holds_the_truth_about_as_often_as_it_says() -> None:
    rng = random.Random(3)
    held = 0
    for _ in range(200):
        found = stats.mean([float(rng.random() < 0.7) for _ in range(100)])
        held += found.low is not None and found.high is not None and found.low <= 0.7 <= found.high
    assert 0.89 <= held / 200 <= 0.99


def test_ten_of_ten_are_not_certain() -> None:
    assert (stats.mean([1.0] * 10).low, stats.mean([1.0] * 10).high) == (pytest.approx(0.6915, abs=1e-4), 1)
    assert (stats.mean([0.0] * 10).low, stats.mean([0.0] * 10).high) == (0, pytest.approx(0.3085, abs=1e-4))


def test_few_values_have_no_interval() -> None:
    assert stats.mean([]).value is None
    few = stats.mean([1.0, 0.0])
    assert (few.value, few.low, few.n) == (0.5, None, 2)
    assert stats.quantile([1.0, 2.0, 3.0, 4.0, 5.0], 0.95).low is None
    middle = stats.quantile([float(one) for one in range(101)], 0.5)
    assert middle.value == 50 and middle.low is not None and middle.high is not None
    assert 30 < middle.low < 50 < middle.high < 70


def test_precision_recall_and_f1_of_known_judgements() -> None:
    said = [True] * 4 + [False] * 6
    true = [True, True, True, False, True, True, False, False, False, False]
    precision, recall, both = stats.f1(said, true)
    assert (precision.value, recall.value) == (0.75, 0.6) and both.value == pytest.approx(2 / 3)
    assert both.low is not None and both.high is not None and 0 <= both.low < both.high <= 1
    never = stats.f1([False] * 9, [True] * 9)
    assert (never[0].value, never[1].value, never[2].value) == (None, 0, 0)


def sentence(supported: bool, *citations: bool) -> SentenceVerdict:
    return SentenceVerdict(supported, citations)


def test_answers_by_hand() -> None:
    rows = [
        AnswerVerdict(
            "q1", False, False, (sentence(True, True), sentence(True), sentence(False, False)), True
        ),
        AnswerVerdict("q2", False, False, (sentence(True, True, False),), False),
        AnswerVerdict("q3", False, True, (), True),  # it could have been answered: an abstention is not right
        AnswerVerdict("q4", True, True),
        AnswerVerdict("q5", True, False, (sentence(False),)),
    ]
    found = answer_measures(rows)
    assert found.answers == 5
    assert (found.faithfulness.value, found.faithfulness.n) == (3 / 5, 5)
    assert (found.citation_precision.value, found.citation_precision.n) == (2 / 4, 4)
    assert found.citation_recall.value == 2 / 5 and found.uncited.value == 2 / 5
    assert (found.abstention_precision.value, found.abstention_recall.value) == (0.5, 0.5)
    assert found.correct.value == pytest.approx(1 / 3)
    nothing = answer_measures([])
    assert nothing.answers == 0 and nothing.faithfulness.value is None


def test_an_interval_over_answers_is_wider_than_over_their_sentences() -> None:
    # Ten answers, each all right or all wrong: ten independent things were seen, not a hundred.
    right = [10.0, 0.0] * 5
    over_answers = stats.ratio(right, [10.0] * 10)
    over_sentences = stats.mean([1.0, 0.0] * 50)
    assert over_answers.value == over_sentences.value == 0.5 and over_answers.n == 100
    assert over_answers.low is not None and over_sentences.low is not None
    assert over_answers.low < over_sentences.low - 0.1
