"""How good are answers from documents with the default model? Gold answers, citations, abstention, time. JSON.

The test questions of the sample corpus are asked through the whole agent (engine embedded, tool chosen beforehand, as the
documents' ask does); every n-th is taken, so that kinds and languages keep their shares. Nothing here is judged by the
checker that made the marks, but by gold quotes of the documents:

- ``gold_quote``: the answer's own text has at least half of a gold quote (of all: ``gold_quotes_all``);
- ``gold_numbers``: of the questions whose gold answer has numbers, those whose answer has every one of them;
- ``citation_precision``: cited passages that hold a gold quote, of all cited; ``citation_recall``: gold quotes held by a
  cited passage, of all;
- ``retrieved``: questions with a gold quote among the passages found: no answer can be better than that;
- ``sentences_supported``: what the chat shows, by the checker;
- ``abstained``: answers "not in the documents", where there is an answer and where there is none.
"""

from __future__ import annotations

import argparse
import json
import queue
import re
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from typing import Any

from terminal import ROOT, machine

sys.path.insert(0, str(ROOT))

from core.agent.answers.numbers import numbers, same
from core.events import Citation, RunEnded
from core.paths import default_paths
from core.rag.evaluation import coverage, folded, is_of
from core.rag.sample import Question, corpus_dir, questions
from core.runtime import Runtime
from core.settings import Settings

HALF = 0.5
"""Share of a gold quote that counts as having it."""


@dataclass
class Asked:
    """A question, its answer, and how long it took."""

    question: Question
    ended: RunEnded
    retrieved: tuple[Citation, ...]
    seconds: float


def ask(work: Runtime, question: Question) -> Asked:
    """Ask in a session of its own; the passages found are read out of the trace."""
    events: queue.SimpleQueue[Any] = queue.SimpleQueue()
    unsubscribe = work.subscribe(events.put)
    session = work.new_session().result(60).id
    began = time.perf_counter()
    work.ask(session, question.question, docs=True).result(60)
    found: tuple[Citation, ...] = ()
    while True:
        event = events.get(timeout=300)
        span = getattr(event, "span", None)
        if span is not None and span.kind == "tool" and span.attributes.get("app.tool.citations"):
            found = tuple(Citation(**item) for item in span.attributes["app.tool.citations"])
        if isinstance(event, RunEnded) and event.session_id == session:
            break
    unsubscribe()
    return Asked(question, event, found, time.perf_counter() - began)


def holds(quote: str, text: str) -> bool:
    """Say whether a text has at least half of a quote; marks of tables do not count."""
    plain = [folded(re.sub(r"[|\"“”,:]+", " ", part)) for part in (quote, text)]
    if coverage(plain[0], plain[1]) >= HALF:
        return True
    return _longest(plain[0], plain[1]) >= HALF * len(plain[0])


def _longest(wanted: str, text: str) -> int:
    """Return the length of the longest run of words of ``wanted`` that a text has."""
    words = wanted.split()
    return max(
        (
            len(" ".join(words[start:end]))
            for start in range(len(words))
            for end in range(start + 1, len(words) + 1)
            if " ".join(words[start:end]) in text
        ),
        default=0,
    )


def has_numbers(answer: str, gold: str) -> bool | None:
    """Say whether an answer has every number of the gold answer; ``None`` where that has none."""
    wanted = numbers(gold)
    return all(any(same(one, other) for other in numbers(answer)) for one in wanted) if wanted else None


def shares(rows: list[Asked]) -> dict[str, Any]:
    """Return the measures over answerable questions."""
    given = [row for row in rows if not row.question.unanswerable]
    quotes = [[holds(gold.quote, row.ended.answer) for gold in row.question.gold] for row in given]
    counted = [
        found for row in given if (found := has_numbers(row.ended.answer, row.question.answer)) is not None
    ]
    cited = [(row, item) for row in given if not abstained(row) for item in row.ended.citations]
    right = [any(_is(gold, item) for gold in row.question.gold) for row, item in cited]
    held = [
        any(_is(gold, item) for item in row.ended.citations) for row in given for gold in row.question.gold
    ]
    checks = [row.ended.support for row in given if row.ended.support and row.ended.support.sentences]
    claims = [one.status for check in checks for one in check.sentences if one.status != "not_a_claim"]
    return {
        "questions": len(given),
        "retrieved": _share(
            [any(_is(g, i) for g in row.question.gold for i in row.retrieved) for row in given]
        ),
        "gold_quote": _share([any(row) for row in quotes]),
        "gold_quotes_all": _share([all(row) for row in quotes]),
        "gold_numbers": _share(counted),
        "citation_precision": _share(right),
        "citation_recall": _share(held),
        "sentences_supported": _share([status == "supported" for status in claims]),
        "abstained": _share([abstained(row) for row in given]),
        "answer_chars_median": statistics.median(len(row.ended.answer) for row in given) if given else None,
    }


def abstained(row: Asked) -> bool:
    """Say whether the answer is that the documents do not tell."""
    return row.ended.support is not None and not row.ended.support.sentences


def _is(gold: Any, item: Citation) -> bool:
    name = gold.document.rsplit("/", 1)[-1]
    return is_of(gold, f"/{item.document}" if "/" in item.document else f"/{gold.document}") and (
        item.document.rsplit("/", 1)[-1] == name and holds(gold.quote, item.text)
    )


def _share(values: list[bool]) -> dict[str, float] | None:
    return {"share": round(sum(values) / len(values), 3), "of": len(values)} if values else None


def main() -> int:
    """Ask, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--questions", type=int, default=60, help="answerable ones")
    parser.add_argument("--unanswerable", type=int, default=20)
    parser.add_argument("--split", default="test", choices=("train", "test"))
    parser.add_argument("--part", default="1/1", help="only this part of the questions, e.g. 2/3")
    parser.add_argument("--data", default="", help="keep the index in this folder for the next part")
    parser.add_argument("--show", action="store_true", help="every answer, on standard error")
    arguments = parser.parse_args()
    known = questions(arguments.split)
    chosen: list[Question] = []
    for unanswerable, count in ((False, arguments.questions), (True, arguments.unanswerable)):
        kind = [one for one in known if one.unanswerable == unanswerable]
        chosen += [kind[place * len(kind) // count] for place in range(min(count, len(kind)))]
    part, parts = (int(one) for one in arguments.part.split("/"))
    chosen = chosen[part - 1 :: parts]
    with tempfile.TemporaryDirectory() as folder:
        work = Runtime(Settings(engine="embedded"), default_paths(arguments.data or folder))
        work.start()
        try:
            work.engine_ready.result(120)
            work.library.add([corpus_dir()]).result(600)
            rows = [ask(work, one) for one in chosen]
        finally:
            work.stop()
    if arguments.show:
        for row in rows:
            print(
                f"{row.question.id} {row.question.question}\n  gold: {row.question.answer}\n  {row.ended.answer}",
                file=sys.stderr,
            )
    seconds = sorted(row.seconds for row in rows)
    nothing = [row for row in rows if row.question.unanswerable]
    print(
        json.dumps(
            {
                "machine": machine(),
                "split": arguments.split,
                "answerable": shares(rows),
                "same_language": shares([row for row in rows if row.question.kind != "cross_language"]),
                "unanswerable": {
                    "questions": len(nothing),
                    "abstained": _share([abstained(row) for row in nothing]),
                },
                "seconds": {
                    "median": round(statistics.median(seconds), 2),
                    "p95": round(seconds[int(0.95 * (len(seconds) - 1))], 2),
                },
                "failed": sum(row.ended.status != "ok" for row in rows),
            },
            ensure_ascii=False,
            indent=1,
        )
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
