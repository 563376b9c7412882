"""Answers of the whole agent judged: which sentences and citations count, and what is told. The agent is a FAKE."""

from __future__ import annotations

import argparse
import json
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from core.cli import docs_eval_answers
from core.cli.docs_eval_answers import judge, measure, spread
from core.errors import UsageError
from core.events import AnswerSupport, Citation, Document, MemoryUse, RunEnded, SentenceSupport, Usage
from core.i18n import set_language
from core.rag.sample import Gold, Question
from core.session import Store, chat, documents

PATHS = {"d1": "/share/hr/leave.md", "d2": "/share/hr/travel.md"}
TEXT = "Everyone has fifteen days of paid leave a year. It is counted from the day of joining."
ANSWER = "Everyone has fifteen days of paid leave a year [1][2]. Ask your team leader."


def question(*quotes: str, answer: str = "", name: str = "q1") -> Question:
    gold = tuple(Gold("hr/leave.md", quote) for quote in quotes)
    return Question(name, "test", "en", "en", "lookup", "How many days of leave?", answer, gold, not quotes)


def citation(number: int, document: str, text: str) -> Citation:
    return Citation(number, document, Path(PATHS[document]).name, "Leave", f"c{number}", text, 0.9)


def ended(answer: str, support: AnswerSupport | None, *citations: Citation) -> RunEnded:
    memory = MemoryUse(None, None, None)
    return RunEnded(
        "r", "s", "m", "ok", answer, None, "fake", "fake", Usage(1, 1), None, None, memory, citations, support=support
    )  # fmt: skip


SUPPORT = AnswerSupport(
    (SentenceSupport(0, 54, "supported", (1, 2)), SentenceSupport(55, 77, "uncited"), SentenceSupport(0, 0, "not_a_claim"))
)  # fmt: skip
CITED = (citation(1, "d1", TEXT), citation(2, "d2", "A day on the road is paid with 40 euros."))


def test_each_citation_of_a_sentence_is_judged_by_its_own_passage() -> None:
    found = judge(
        question("Everyone has fifteen days", answer="15 days"), ended(ANSWER, SUPPORT, *CITED), PATHS
    )
    first, second = found.verdict.sentences
    assert first.supported and first.citations == (True, False) and second.citations == ()
    assert not second.supported and not found.verdict.abstained and found.cites_gold
    assert found.verdict.correct is True, "fifteen is 15"
    wrong = judge(
        question("Everyone has fifteen days", answer="20 days"), ended(ANSWER, SUPPORT, *CITED), PATHS
    )
    assert wrong.verdict.correct is False
    elsewhere = judge(question("A day on the road"), ended(ANSWER, SUPPORT, *CITED), PATHS)
    assert not elsewhere.cites_gold, "the gold is in another document"


def test_an_answer_without_a_claim_is_an_abstention() -> None:
    silent = AnswerSupport((SentenceSupport(0, 30, "not_a_claim"),))
    found = judge(question(), ended("The documents do not say.", silent), PATHS)
    assert found.verdict.abstained and found.verdict.unanswerable and found.verdict.correct is None


def test_questions_are_taken_evenly() -> None:
    many = [question("x", name=f"q{number}") for number in range(10)]
    assert [one.id for one in spread(many, 4)] == ["q0", "q2", "q5", "q7"]
    assert len(spread(many, 99)) == 10


class Work:
    """FAKE runtime: a real store, and an agent that always answers the same."""

    def __init__(self, store: Store) -> None:
        self.store_ready: Future[Store] = Future()
        self.store_ready.set_result(store)
        self.store = store

    def new_session(self) -> Any:
        return chat.create_session(self.store)


@pytest.fixture(name="store")
def store_fixture(tmp_path: Path) -> Any:
    store = Store.open(tmp_path / "session.db")
    for name, path in PATHS.items():
        documents.put_document(store, Document(name, path, "t", "indexed", chunks=1)).result(10)
    yield store
    store.close()


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_shares_are_told_and_no_session_is_left(
    store: Store, capsys: Any, monkeypatch: pytest.MonkeyPatch, lang: Any
) -> None:
    def ask(work: Any, session: str, text: str, *, docs: bool) -> RunEnded:
        assert docs and chat.get_session(store, session) is not None
        return ended(ANSWER, SUPPORT, *CITED)

    monkeypatch.setattr(docs_eval_answers, "ask", ask)
    asked = [question("Everyone has fifteen days", name=f"q{number}") for number in range(3)] + [question()]
    set_language(lang)
    try:
        assert measure(Work(store), asked, argparse.Namespace(answers=4, json=False)) == 0  # type: ignore[arg-type]
        told = capsys.readouterr().out
        assert measure(Work(store), asked, argparse.Namespace(answers=4, json=True)) == 0  # type: ignore[arg-type]
    finally:
        set_language("en")
    found = json.loads(capsys.readouterr().out)
    assert "docs.eval" not in told and "n=8" in told
    assert found["answers"]["faithfulness"]["value"] == 0.5 and found["cites_gold"]["value"] == 1.0
    assert found["answers"]["citation_precision"]["value"] == 0.5
    assert [one["question"] for one in found["rows"]] == ["q0", "q1", "q2", "q1"]
    assert not chat.list_sessions(store)


def test_documents_that_were_not_added_are_told_before_anything_is_asked(store: Store) -> None:
    other = Question("q", "test", "en", "en", "lookup", "?", "", (Gold("other.md", "x"),), False)
    with pytest.raises(UsageError, match=r"among yours|added|documents"):
        measure(Work(store), [other], argparse.Namespace(answers=1, json=True))  # type: ignore[arg-type]
