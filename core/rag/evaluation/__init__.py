"""How well search and answers do on labelled questions, and whether one way of searching is better than another.

Front doors: :func:`judge` and :data:`MEASURES` for one search, :class:`core.rag.evaluation.bench.SearchBench` to put one
question set to many variants, :mod:`core.rag.evaluation.statistics` for what their differences mean,
:func:`core.rag.evaluation.answers.answer_measures` for answers.
"""

from core.rag.evaluation.measures import (
    CONTEXT,
    COVERED,
    DEPTH,
    MEASURES,
    Abstention,
    Context,
    Measure,
    Outcome,
    RiskPoint,
    abstention,
    area_under_risk,
    calibrated,
    coverage,
    folded,
    is_of,
    judge,
    risk_coverage,
)
from core.rag.evaluation.variants import Variant, parse_variant

__all__ = [
    "CONTEXT",
    "COVERED",
    "DEPTH",
    "MEASURES",
    "Abstention",
    "Context",
    "Measure",
    "Outcome",
    "RiskPoint",
    "Variant",
    "abstention",
    "area_under_risk",
    "calibrated",
    "coverage",
    "folded",
    "is_of",
    "judge",
    "parse_variant",
    "risk_coverage",
]
