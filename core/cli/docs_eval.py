"""``llm-study docs eval``: how well search finds what answers a set of questions."""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from core.cli import print_json
from core.cli.arguments import stderr
from core.cli.work import wait
from core.errors import UsageError
from core.events import IngestProgress
from core.i18n import tr
from core.lab.stats import Estimate, estimate, percentile
from core.rag.evaluation import MEASURES, Outcome, abstention, calibrated
from core.rag.sample import corpus_dir, load_questions, questions
from core.runtime import Runtime
from core.text import clean_line

SHOWN = ("recall@1", "recall@5", "mrr", "ndcg@10")


def evaluate(work: Runtime, arguments: argparse.Namespace) -> int:
    """Index the documents apart, ask every question, print what was found."""
    if arguments.set == "sample":
        folder, asked = corpus_dir(), questions()
    else:
        if not arguments.folder:
            raise UsageError("error.docs.eval_folder")
        folder, asked = Path(arguments.folder).expanduser().absolute(), load_questions(Path(arguments.set))
    if not folder.is_dir():
        raise UsageError("error.docs.no_path", path=clean_line(str(folder)))
    outcomes, ledger = wait(work.library.evaluate(folder, asked, progress=_progress(arguments.json)))
    report = report_of(outcomes)
    report["documents"] = {
        "indexed": sum(one.status == "indexed" for one in ledger),
        "failed": sum(one.status == "failed" for one in ledger),
        "chunks": sum(one.chunks for one in ledger),
    }
    if arguments.json:
        print_json(report)
    else:
        _print(report)
    return 0


def _progress(quiet: bool) -> Callable[[IngestProgress], None]:
    def show(progress: IngestProgress) -> None:
        if progress.current and not quiet:
            stderr(f"{progress.done + progress.failed}/{progress.total}  {clean_line(progress.current)}")

    return show


def report_of(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Return every measure on the test split, by kind and by languages, with 95 % intervals; thresholds come from the
    training split, times are milliseconds."""
    train = [one for one in outcomes if one.question.split == "train"]
    test = [one for one in outcomes if one.question.split != "train"] or train
    groups: dict[str, list[Outcome]] = {"all": []}
    kinds: dict[str, list[Outcome]] = defaultdict(list)
    languages: dict[str, list[Outcome]] = defaultdict(list)
    for one in test:
        if one.question.gold:
            groups["all"].append(one)
            kinds[one.question.kind].append(one)
            languages[f"{one.question.language}→{one.question.document_language}"].append(one)
    at = calibrated(train or test)
    found = abstention(test, at)
    times = [one.ms for one in outcomes]
    return {
        "questions": {"train": len(train), "test": len(test)},
        "test": _measured(groups["all"]),
        "languages": {name: _measured(group) for name, group in sorted(languages.items())},
        "kinds": {name: _measured(group) for name, group in sorted(kinds.items())},
        "unanswerable": {
            "threshold": round(at, 4),
            "precision": round(found.precision, 4),
            "recall": round(found.recall, 4),
            "f1": round(found.f1, 4),
            "questions": sum(one.question.unanswerable for one in test),
        },
        "search_ms": {"p50": round(percentile(times, 0.5), 1), "p95": round(percentile(times, 0.95), 1)},
        "missed": [one.question.id for one in test if one.question.gold and not one.recall(5)],
    }


def _measured(group: Sequence[Outcome]) -> dict[str, Any]:
    values = {name: estimate([measure(one) for one in group], "mean") for name, measure in MEASURES.items()}
    return {"n": len(group)} | {name: _interval(one) for name, one in values.items()}


def _interval(found: Estimate) -> dict[str, float | None]:
    def short(value: float | None) -> float | None:
        # Every measure is a share: of few questions Student's interval would leave 0 to 1.
        return None if value is None else round(min(1.0, max(0.0, value)), 4)

    return {"value": short(found.value), "low": short(found.low), "high": short(found.high)}


def _print(report: Mapping[str, Any]) -> None:
    print(tr("docs.eval.documents", **report["documents"]))
    print(f"{'':<24}{'n':>5}" + "".join(f"{name:>22}" for name in SHOWN))
    rows = {tr("docs.eval.all"): report["test"], **report["languages"], **report["kinds"]}
    for name, row in rows.items():
        print(f"{name:<24}{row['n']:>5}" + "".join(f"{_cell(row[measure]):>22}" for measure in SHOWN))
    print(tr("docs.eval.unanswerable", **report["unanswerable"]))
    print(tr("docs.eval.time", **report["search_ms"]))


def _cell(found: Mapping[str, float | None]) -> str:
    if found["value"] is None:
        return "N/A"
    interval = "" if found["low"] is None else f" ({found['low']:.2f}-{found['high']:.2f})"
    return f"{found['value']:.3f}{interval}"
