"""What is told of an evaluation: groups, thresholds, two variants compared, the best of a grid, in both languages."""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from core.cli.docs_eval import evaluate
from core.errors import UsageError
from core.i18n import set_language
from core.rag.evaluation import Context, Outcome, Variant, parse_variant
from core.rag.evaluation.bench import Measured
from core.rag.evaluation.indexes import Corpus
from core.rag.evaluation.report import compare, report, standings, verdict
from core.rag.evaluation.statistics import Difference
from core.rag.sample import Gold, Question

CORPUS = Corpus(3, 0, 40, 9000, 0.1, {}, ("/share/a.md", "/share/b.md"))


def question(
    number: int, *, split: str = "test", unanswerable: bool = False, kind: str = "lookup"
) -> Question:
    gold = () if unanswerable else (Gold("a.md" if number % 2 else "b.md", "x"),)
    return Question(
        f"q{number}", split, "ko" if number % 3 else "en", "ko", kind, "?", "", gold, unanswerable
    )


def outcome(
    asked: Question, rank: int | None, score: float, ms: float = 10.0, answered: bool = True
) -> Outcome:
    ranks = (rank,) if asked.gold else ()
    return Outcome(asked, ranks, score, ms, 10, Context(5, 10, 10 if rank == 1 else 0, 100), answered)


def measured(variant: str, found: float, seed: int = 1) -> Measured:
    """200 questions, of which a share is found first; answerable ones score above 0.5, the others below, but for a few."""
    rng = random.Random(seed)
    outcomes = []
    for number in range(200):
        asked = question(number, split="train" if number % 5 == 0 else "test", unanswerable=number % 10 == 9)
        lucky = random.Random(number).random() < found
        score = 0.5 + (rng.random() * 0.4 if asked.gold else -rng.random() * 0.4)
        outcomes.append(outcome(asked, 1 if lucky else None, score, ms=10 + rng.random()))
    return Measured(parse_variant(variant), CORPUS, tuple(outcomes))


def test_groups_thresholds_and_times_of_known_outcomes() -> None:
    outcomes = (
        outcome(question(1, split="train"), 1, 0.9),
        outcome(question(2, split="train", unanswerable=True), None, 0.2),
        outcome(question(3, kind="table"), 1, 0.8, ms=20),
        outcome(question(4), None, 0.7, ms=30),
        outcome(question(5, unanswerable=True), None, 0.6, ms=40, answered=False),
    )
    found = report(Measured(Variant(), CORPUS, outcomes), "test")
    assert found.whole.n == 2 and found.whole.measures["recall@5"].value == 0.5
    assert found.kinds["table"].measures["mrr"].value == 1 and found.languages["en→ko"].n == 1
    # The threshold between the training questions' 0.2 and 0.9; on the test question it fails, the search's own does not.
    assert found.unanswerable.threshold == pytest.approx(0.55) and found.unanswerable.f1.value == 0
    assert found.own_unanswerable.f1.value == 1 and found.own_unanswerable.questions == 1
    assert found.own_unanswerable_by_language["ko"].f1.value == 1
    assert found.own_unanswerable_by_language["en"].questions == 0
    assert found.kinds["table"].p50_ms.value == 20 and found.kinds["table"].p50_ms.n == 1
    assert found.missed == ("q4",) and found.p50_ms.value == 30
    assert found.risk[-1] == (0.6, 1.0, pytest.approx(2 / 3))


def test_two_variants_that_differ_and_two_that_do_not() -> None:
    good, bad = measured("headings", 0.9), measured("fixed", 0.6)
    found = compare(good, bad, "test")
    one = found["recall@5"]
    assert one.real and one.value > 0.2 and one.adjusted is not None and one.adjusted > one.p
    told = verdict(one, "A", "B")
    assert told.startswith("A is better by 0.") and "p = 0.001" in told
    assert verdict(compare(bad, good, "test")["recall@5"], "A", "B").startswith("B is better by 0.")
    same = compare(good, measured("headings", 0.9, seed=2), "test")
    assert not same["recall@5"].real and "not distinguishable" in verdict(same["recall@5"], "A", "B")
    slower = Difference(20.0, 12.0, 8.0, 7.0, 9.0, 0.001, 100)
    assert verdict(slower, "A", "B", measure="ms").startswith("B is better by 8.0 ms (7.0 to 9.0)")


def test_the_best_of_a_grid_and_what_cannot_be_told_from_it() -> None:
    rng = random.Random(4)
    best = [float(rng.random() < 0.9) for _ in range(120)]
    close = [one if rng.random() < 0.98 else 1 - one for one in best]
    far = [one if rng.random() < 0.6 else 0.0 for one in best]
    first, second, third = standings([far, best, close])
    assert (first.best, second.best, third.best) == (False, True, False)
    assert not first.level and third.level and second.against_best is None
    assert first.against_best is not None and first.against_best.value > 0
    (alone,) = standings([best])
    assert alone.best and not alone.level


class Library:
    """FAKE desk: gives outcomes made up here."""

    def __init__(self, found: Callable[[Variant], Measured]) -> None:
        self.found = found

    def evaluate(self, folder: Path, questions: Any, variants: Any, **told: Any) -> Future[list[Measured]]:
        done: Future[list[Measured]] = Future()
        done.set_result([self.found(one) for one in variants])
        return done


def run(capsys: Any, found: Callable[[Variant], Measured], **given: Any) -> str:
    arguments = {
        "set": "sample", "folder": "", "split": "test", "variant": "headings", "compare": None, "grid": False, "answers": None,
        "chunkings": None, "embedders": None, "keywords": None, "json": False, **given,
    }  # fmt: skip
    work = argparse.Namespace(library=Library(found))
    assert evaluate(work, argparse.Namespace(**arguments)) == 0  # type: ignore[arg-type]
    return str(capsys.readouterr().out)


def shares(variant: Variant) -> Measured:
    by_weight = {None: 0.9, 0.0: 0.5, 0.8: 0.88}
    share = by_weight[variant.keyword_weight] if variant.chunking.strategy == "headings" else 0.4
    return Measured(variant, CORPUS, measured(variant.name, share).outcomes)


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_a_grid_marks_the_best_and_its_equals(capsys: Any, lang: Any) -> None:
    set_language(lang)
    try:
        told = run(capsys, shares, grid=True, chunkings=["headings", "fixed:400/80"])
    finally:
        set_language("en")
    lines = told.splitlines()
    headings = next(line for line in lines if line.startswith("headings"))
    cells = headings.split(")")
    assert cells[0].count("*") == 0 and cells[2].startswith("*") and cells[3].startswith("=")
    fixed = next(line for line in lines if line.startswith("fixed:400/80"))
    assert "*" not in fixed and "=" not in fixed and "docs." not in told
    assert told.count("headings") == 2, "once for each measure"


def test_the_json_of_each_way_of_asking(capsys: Any) -> None:
    one = json.loads(run(capsys, shares, json=True))
    assert one["variant"] == "headings" and one["whole"]["measures"]["recall@5"]["n"] == one["whole"]["n"]
    assert {"low", "high", "value", "n"} == one["whole"]["measures"]["mrr"].keys()
    two = json.loads(run(capsys, shares, json=True, compare=["headings", "fixed,keyword=0.8"]))
    assert (
        two["differences"]["recall@5"]["real"]
        and "headings is better" in two["differences"]["recall@5"]["verdict"]
    )
    grid = json.loads(run(capsys, shares, json=True, grid=True, chunkings=["headings"]))
    assert [one["standing"]["recall@5"]["best"] for one in grid["variants"]] == [False, True, False]


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_a_report_is_told_in_the_users_language(capsys: Any, lang: Any) -> None:
    set_language(lang)
    try:
        told = run(capsys, shares)
        both = run(capsys, shares, compare=["headings", "fixed"])
    finally:
        set_language("en")
    assert "docs." not in told + both and "recall@5" in told and "F1" in told and "Holm" in both


@pytest.mark.parametrize(
    "given",
    [
        {"compare": ["headings", "magic"]},
        {"variant": "keyword=-2"},
        {"keywords": ["0.3"]},
        {"grid": True, "keywords": ["loud"]},
        {"set": "mine.yaml"},
    ],
)
def test_wrong_usage_is_told_before_anything_is_measured(capsys: Any, given: dict[str, Any]) -> None:
    def never(variant: Variant) -> Measured:
        raise AssertionError

    with pytest.raises(UsageError):
        run(capsys, never, **given)
