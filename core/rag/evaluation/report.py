"""From outcomes to what is told: shares with intervals by group, two variants compared, the best of a grid.

Everything is computed from the questions of one split; only the threshold for "not in the documents" comes from the
training split, so that it is not judged on what it was chosen by.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from core.i18n import tr
from core.rag.evaluation import statistics
from core.rag.evaluation.bench import Measured
from core.rag.evaluation.measures import (
    MEASURES,
    Outcome,
    area_under_risk,
    calibrated,
    is_of,
    risk_coverage,
)
from core.rag.evaluation.statistics import Difference, Estimate, difference, holm

LOWER = frozenset({"ms"})
"""Measures of which less is better."""
RISK_POINTS = 20
"""Of the risk-coverage curve, so many are told."""


@dataclass(frozen=True, slots=True)
class Line:
    """One group of questions."""

    n: int
    measures: Mapping[str, Estimate]
    p50_ms: Estimate
    p95_ms: Estimate


@dataclass(frozen=True, slots=True)
class Silence:
    """How well a low score told that there is no answer."""

    threshold: float | None
    """Chosen on the training questions; ``None``: the search's own."""
    questions: int
    """Unanswerable ones."""
    precision: Estimate
    recall: Estimate
    f1: Estimate


@dataclass(frozen=True, slots=True)
class Report:
    """What one variant found on one split."""

    split: str
    whole: Line
    languages: Mapping[str, Line]
    """By the question's and its document's language, ``en→ko``."""
    kinds: Mapping[str, Line]
    unanswerable: Silence
    """By the threshold that is best on the training questions."""
    own_unanswerable: Silence
    """By the search's own threshold, what a user sees."""
    own_unanswerable_by_language: Mapping[str, Silence]
    """The same by the question's language."""
    risk: tuple[tuple[float, float, float], ...]
    """(threshold, coverage, risk), from the surest questions to all."""
    risk_area: float | None
    p50_ms: Estimate
    p95_ms: Estimate
    missed: tuple[str, ...]
    """Ids of the questions none of whose answers were among the first five."""
    lost: tuple[str, ...]
    """Gold documents that are not in the folder, or were not indexed."""


def report(measured: Measured, split: str) -> Report:
    """Tell what a variant found.

    Args:
        measured: With the outcomes of both splits, where the set has both.
        split: ``train``, ``test`` or ``all``.
    """
    chosen = of_split(measured, split)
    answerable = [one for one in chosen if one.question.gold]
    kinds: dict[str, list[Outcome]] = defaultdict(list)
    languages: dict[str, list[Outcome]] = defaultdict(list)
    for one in answerable:
        kinds[one.question.kind].append(one)
        languages[f"{one.question.language}→{one.question.document_language}"].append(one)
    times = [one.ms for one in chosen]
    at = threshold_of(measured)
    points = risk_coverage(chosen)
    step = max(1, len(points) // RISK_POINTS)
    shown = [point for number, point in enumerate(points) if number % step == 0 or number == len(points) - 1]
    return Report(
        split=split,
        whole=_line(answerable),
        languages={name: _line(group) for name, group in sorted(languages.items())},
        kinds={name: _line(group) for name, group in sorted(kinds.items())},
        unanswerable=_silence(chosen, [one.score < at for one in chosen], at),
        own_unanswerable=_own(chosen),
        own_unanswerable_by_language={
            language: _own([one for one in chosen if one.question.language == language])
            for language in sorted({one.question.language for one in chosen})
        },
        risk=tuple((point.threshold, point.coverage, point.risk) for point in shown),
        risk_area=area_under_risk(points),
        p50_ms=statistics.quantile(times, 0.5),
        p95_ms=statistics.quantile(times, 0.95),
        missed=tuple(one.question.id for one in answerable if not one.hit(5)),
        lost=_lost(measured),
    )


def of_split(measured: Measured, split: str) -> list[Outcome]:
    """Return the outcomes of a split; of a set that is all one split, that one."""
    chosen = [one for one in measured.outcomes if split in ("all", one.question.split)]
    return chosen or list(measured.outcomes)


def threshold_of(measured: Measured) -> float:
    """Return the best score below which a question counts as unanswerable, from the training questions if any."""
    train = [one for one in measured.outcomes if one.question.split == "train"]
    return calibrated(train or measured.outcomes)


def _line(group: Sequence[Outcome]) -> Line:
    times = [one.ms for one in group]
    return Line(
        len(group),
        {name: statistics.mean([measure(one) for one in group]) for name, measure in MEASURES.items()},
        statistics.quantile(times, 0.5),
        statistics.quantile(times, 0.95),
    )


def _silence(chosen: Sequence[Outcome], said: Sequence[bool], threshold: float | None) -> Silence:
    unanswerable = [one.question.unanswerable for one in chosen]
    return Silence(threshold, sum(unanswerable), *statistics.f1(said, unanswerable))


def _own(chosen: Sequence[Outcome]) -> Silence:
    return _silence(chosen, [not one.answered for one in chosen], None)


def _lost(measured: Measured) -> tuple[str, ...]:
    gold = {one.document: one for outcome in measured.outcomes for one in outcome.question.gold}
    return tuple(
        name
        for name, one in sorted(gold.items())
        if not any(is_of(one, path) for path in measured.corpus.paths)
    )


def json_of(found: Report) -> dict[str, Any]:
    """Return a report as JSON values, figures to four places."""
    rounded: dict[str, Any] = _rounded(asdict(found))
    return rounded


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, dict):
        return {name: _rounded(one) for name, one in value.items()}
    return [_rounded(one) for one in value] if isinstance(value, list | tuple) else value


# -- comparing -----------------------------------------------------------------------------------------------


def compare(a: Measured, b: Measured, split: str) -> dict[str, Difference]:
    """Compare two variants measure by measure on the same questions; p-values are Holm's over the measures.

    Also ``abstention`` (1 where a question was rightly answered or rightly left unanswered, by each variant's own
    threshold; all questions) and ``ms`` (all questions).
    """
    left, right = of_split(a, split), of_split(b, split)
    pairs = [(one, other) for one, other in zip(left, right, strict=True) if one.question.gold]
    found = {
        name: difference([measure(one) for one, _ in pairs], [measure(other) for _, other in pairs])
        for name, measure in MEASURES.items()
        if pairs
    }
    if any(one.question.unanswerable for one in left):
        found["abstention"] = difference(_decided(a, left), _decided(b, right))
    found["ms"] = difference([one.ms for one in left], [one.ms for one in right])
    adjusted = holm([one.p for one in found.values()])
    return {name: replace(one, adjusted=p) for (name, one), p in zip(found.items(), adjusted, strict=True)}


def _decided(measured: Measured, chosen: Sequence[Outcome]) -> list[float]:
    at = threshold_of(measured)
    return [float((one.score < at) == one.question.unanswerable) for one in chosen]


@dataclass(frozen=True, slots=True)
class Standing:
    """A variant's place in a grid by one measure."""

    estimate: Estimate
    best: bool
    against_best: Difference | None
    """The best one minus this, p-values Holm's over the grid; ``None`` for the best itself."""

    @property
    def level(self) -> bool:
        """Whether it cannot be told from the best."""
        return self.against_best is not None and not self.against_best.real


def standings(values: Sequence[Sequence[float]]) -> list[Standing]:
    """Compare the variants of a grid with the best of them.

    Args:
        values: For each variant one value for each question, in the same order; at least one question.
    """
    means = [sum(one) / len(one) for one in values]
    best = max(range(len(values)), key=means.__getitem__, default=0)
    against = [difference(values[best], one) for number, one in enumerate(values) if number != best]
    adjusted = iter(
        [replace(one, adjusted=p) for one, p in zip(against, holm([one.p for one in against]), strict=True)]
    )
    return [
        Standing(statistics.mean(one), number == best, None if number == best else next(adjusted))
        for number, one in enumerate(values)
    ]


def values_of(measured: Measured, measure: str, split: str) -> list[float]:
    """Return a measure's value for each answerable question of a split."""
    return [MEASURES[measure](one) for one in of_split(measured, split) if one.question.gold]


def verdict(found: Difference, a: str, b: str, *, measure: str = "") -> str:
    """Say in words which of two is better, by how much and how surely; or that they cannot be told apart.

    Args:
        found: ``a − b``.
        a: Name of one.
        b: Name of the other.
        measure: Its name; of ``ms`` less is better.
    """
    p = found.p if found.adjusted is None else found.adjusted
    unit, digits = (" ms", 1) if measure in LOWER else ("", 3)
    low, high = found.low, found.high
    if low is None or high is None:
        return tr("docs.eval.level.few", p=p_text(p))
    if not found.real:
        return tr("docs.eval.level", low=f"{low:+.{digits}f}", high=f"{high:+.{digits}f}", p=p_text(p))
    value = found.value
    if value < 0:
        value, low, high = -value, -high, -low
    first = (found.value > 0) != (measure in LOWER)
    return tr(
        "docs.eval.better",
        name=a if first else b,
        value=f"{value:.{digits}f}{unit}",
        low=f"{low:.{digits}f}",
        high=f"{high:.{digits}f}",
        p=p_text(p),
    )


def p_text(p: float) -> str:
    """Write a p-value: ``= 0.012`` or ``< 0.001``."""
    return "< 0.001" if p < 0.001 else f"= {p:.3f}" if p < 0.1 else f"= {p:.2f}"
