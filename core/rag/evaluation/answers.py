"""How well answers keep to the passages they were made from. Pure functions over verdicts somebody else reached.

Whether a passage supports a sentence is for the verifier of answers (or a person) to say; this only counts, as ALCE does
(Gao et al. 2023, arXiv 2305.14627): faithfulness is the share of an answer's sentences that any passage given to the model
supports, citation recall the share that the passages they cite support, citation precision the share of citations that
support their sentence. Sentences and citations of all answers count alike; intervals are over answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.rag.evaluation.statistics import Estimate, f1, mean, ratio


@dataclass(frozen=True, slots=True)
class SentenceVerdict:
    """One sentence of an answer that claims something."""

    supported: bool
    """By any passage the model was given."""
    citations: tuple[bool, ...] = ()
    """For each passage it cites, whether that passage exists and supports it."""


@dataclass(frozen=True, slots=True)
class AnswerVerdict:
    """One answer."""

    question: str
    """The question's id."""
    unanswerable: bool
    """Whether the documents have no answer."""
    abstained: bool
    """Whether it says that they have none."""
    sentences: tuple[SentenceVerdict, ...] = ()
    """Empty when it abstained."""
    correct: bool | None = None
    """Whether it says what the gold answer says; ``None`` where nobody judged that."""


@dataclass(frozen=True, slots=True)
class AnswerMeasures:
    """Every share with its 95 % interval; ``n`` is how many sentences, citations or questions it is a share of."""

    answers: int
    faithfulness: Estimate
    citation_precision: Estimate
    citation_recall: Estimate
    uncited: Estimate
    """Sentences without any citation."""
    abstention_precision: Estimate
    abstention_recall: Estimate
    abstention_f1: Estimate
    correct: Estimate
    """Of the answerable questions that were judged: an abstention is wrong there."""


def answer_measures(rows: Sequence[AnswerVerdict]) -> AnswerMeasures:
    """Count what was judged."""
    given = [row for row in rows if not row.abstained]
    sentences = [len(row.sentences) for row in given]
    cited = [[one for sentence in row.sentences for one in sentence.citations] for row in given]
    precision, recall, both = f1([row.abstained for row in rows], [row.unanswerable for row in rows])
    judged = [row for row in rows if row.correct is not None and not row.unanswerable]
    return AnswerMeasures(
        answers=len(rows),
        faithfulness=ratio([sum(one.supported for one in row.sentences) for row in given], sentences),
        citation_precision=ratio([sum(one) for one in cited], [len(one) for one in cited]),
        citation_recall=ratio([sum(any(one.citations) for one in row.sentences) for row in given], sentences),
        uncited=ratio([sum(not one.citations for one in row.sentences) for row in given], sentences),
        abstention_precision=precision,
        abstention_recall=recall,
        abstention_f1=both,
        correct=mean([float(bool(row.correct) and not row.abstained) for row in judged]),
    )
