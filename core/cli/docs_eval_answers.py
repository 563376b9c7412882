"""``llm-study docs eval --answers N``: questions put to the whole agent, over the documents the user has added."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from core.agent.answers.numbers import numbers, same
from core.agent.answers.verify import verify
from core.cli import print_json
from core.cli.arguments import stderr
from core.cli.work import ask, wait
from core.errors import UsageError
from core.events import Citation, RunEnded, SentenceSupport
from core.i18n import tr
from core.rag.evaluation.answers import AnswerMeasures, AnswerVerdict, SentenceVerdict, answer_measures
from core.rag.evaluation.measures import COVERED, coverage, is_of
from core.rag.evaluation.statistics import Estimate, ratio
from core.rag.sample import Question
from core.runtime import Runtime
from core.session import chat, documents
from core.text import clean_line


@dataclass(frozen=True, slots=True)
class Judged:
    """One question, its answer and what is to be said of it."""

    question: Question
    answer: str
    status: str
    verdict: AnswerVerdict
    cites_gold: bool
    """A passage it cites holds a gold quote."""
    unchecked: int
    """Claims in another language than their passage: counted as not supported, since nobody could tell."""


def measure(work: Runtime, asked: Sequence[Question], arguments: argparse.Namespace) -> int:
    """Ask some of the questions, judge the answers, print shares with intervals."""
    store = wait(work.store_ready)
    paths = {one.id: one.path for one in documents.list_documents(store)}
    gold = [one for question in asked for one in question.gold]
    if gold and not any(is_of(one, path) for one in gold for path in paths.values()):
        raise UsageError("error.docs.eval_not_added")
    chosen = spread(asked, arguments.answers)
    judged = []
    for number, question in enumerate(chosen, 1):
        if not arguments.json:
            stderr(f"{number}/{len(chosen)}  {clean_line(question.question)}")
        session = wait(work.new_session()).id
        try:
            judged.append(judge(question, ask(work, session, question.question, docs=True), paths))
        finally:
            # Dozens of one-question sessions are not what a user wants to find among theirs.
            wait(chat.delete_session(store, session))
    found = answer_measures([one.verdict for one in judged])
    gold_share = ratio(
        [float(one.cites_gold) for one in judged if one.question.gold],
        [1.0 for one in judged if one.question.gold],
    )
    if arguments.json:
        rows = [asdict(one) | {"question": one.question.id} for one in judged]
        print_json({"answers": asdict(found), "cites_gold": asdict(gold_share), "rows": rows})
    else:
        _print(found, gold_share, judged)
    return 0


def spread(asked: Sequence[Question], count: int) -> list[Question]:
    """Return so many questions, evenly from the whole set, so that kinds and languages keep their shares."""
    count = min(count, len(asked))
    return [asked[place * len(asked) // count] for place in range(count)]


def judge(question: Question, ended: RunEnded, paths: Mapping[str, str]) -> Judged:
    """Turn an answer and what its checker said into verdicts.

    Args:
        question: What was asked.
        ended: Its answer.
        paths: Each document's path by its id.
    """
    claims = [
        one for one in (ended.support.sentences if ended.support else ()) if one.status != "not_a_claim"
    ]
    verdict = AnswerVerdict(
        question.id,
        question.unanswerable,
        abstained=not claims,
        sentences=tuple(_sentence(one, ended, question) for one in claims),
        correct=_numbers_right(question, ended.answer),
    )
    return Judged(
        question,
        ended.answer,
        ended.status,
        verdict,
        cites_gold=any(_holds(question, one, paths) for one in ended.citations),
        unchecked=sum(one.status == "unchecked" for one in claims),
    )


def _sentence(one: SentenceSupport, ended: RunEnded, question: Question) -> SentenceVerdict:
    by_number = {item.number: item for item in ended.citations}
    text = ended.answer[one.start : one.end]

    def supports(number: int) -> bool:
        if number == one.citations[0]:
            return one.status == "supported"
        item = by_number.get(number)
        if item is None:
            return False
        context = f"{item.document} {item.section}"
        return verify(text, item.text, context=context, question=question.question).status == "supported"

    return SentenceVerdict(one.status == "supported", tuple(map(supports, one.citations)))


def _numbers_right(question: Question, answer: str) -> bool | None:
    """Say whether an answer has every number of the gold answer; ``None`` where that has none to compare."""
    wanted = numbers(question.answer)
    if not wanted:
        return None
    given = numbers(answer)
    return all(any(same(one, other) for other in given) for one in wanted)


def _holds(question: Question, item: Citation, paths: Mapping[str, str]) -> bool:
    path = paths.get(item.document_id, "")
    return any(is_of(gold, path) and coverage(gold.quote, item.text) >= COVERED for gold in question.gold)


def _print(found: AnswerMeasures, gold: Estimate, judged: Sequence[Judged]) -> None:
    from core.cli.docs_eval import interval

    failed = sum(one.status != "ok" for one in judged)
    print(tr("docs.eval.answers", count=found.answers, failed=failed))
    rows: list[tuple[str, Estimate]] = [
        ("faithfulness", found.faithfulness),
        ("citation_precision", found.citation_precision),
        ("citation_recall", found.citation_recall),
        ("uncited", found.uncited),
        ("cites_gold", gold),
        ("numbers", found.correct),
        ("abstention_precision", found.abstention_precision),
        ("abstention_recall", found.abstention_recall),
    ]
    for name, estimate in rows:
        print(f"  {interval(estimate, 2):<20} n={estimate.n:<4} {tr(f'docs.eval.answers.{name}')}")
    unchecked = sum(one.unchecked for one in judged)
    if unchecked:
        print(tr("docs.eval.answers.unchecked", count=unchecked))
