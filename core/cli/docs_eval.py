"""``llm-study docs eval``: how well search finds what answers a set of questions, alone, compared, or as a grid."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from core.cli import print_json
from core.cli.arguments import stderr
from core.cli.docs_draft import draft
from core.cli.work import wait
from core.errors import UsageError
from core.events import IngestProgress
from core.i18n import tr
from core.rag.chunking import width
from core.rag.evaluation.bench import Measured
from core.rag.evaluation.report import (
    Line,
    Report,
    Silence,
    Standing,
    compare,
    json_of,
    report,
    standings,
    values_of,
    verdict,
)
from core.rag.evaluation.statistics import Estimate
from core.rag.evaluation.variants import (
    Variant,
    chunking_name,
    grid,
    parse_chunking,
    parse_variant,
    parse_weight,
)
from core.rag.sample import Question, corpus_dir, load_questions, questions
from core.runtime import Runtime
from core.text import clean_line

__all__ = ["draft", "evaluate"]

SHOWN = ("recall@1", "recall@5", "mrr", "ndcg@10")
GRID_SHOWN = ("recall@5", "mrr")
GRID_CHUNKINGS = (
    "headings+header",
    "headings-header",
    "recursive:300",
    "recursive",
    "fixed:400/80",
    "sentences",
)
GRID_KEYWORDS = ("0", "default", "0.8")


def evaluate(work: Runtime, arguments: argparse.Namespace) -> int:
    """Index the documents apart, ask every question, print what was found."""
    # Before anything is read or indexed: wrong usage is told at once.
    variants = _variants(arguments)
    folder, asked = _set(arguments)
    if arguments.answers:
        from core.cli.docs_eval_answers import measure

        return measure(
            work, [one for one in asked if arguments.split in ("all", one.split)] or asked, arguments
        )
    if arguments.grid:
        chosen = [one for one in asked if arguments.split in ("all", one.split)]
        asked = chosen or asked
    measured = wait(
        work.library.evaluate(
            folder,
            asked,
            variants,
            progress=_progress(arguments.json),
            begun=_begun(len(variants), quiet=arguments.json or len(variants) < 2),
            asked=_asked(len(asked), quiet=arguments.json),
        )
    )
    if arguments.grid:
        return _grid(measured, arguments)
    if arguments.compare:
        return _compare(measured, arguments)
    found = report(measured[0], arguments.split)
    if arguments.json:
        print_json({"variant": measured[0].variant.name, "documents": _corpus(measured[0]), **json_of(found)})
    else:
        _print_report(measured[0], found)
    return 0


def _variants(arguments: argparse.Namespace) -> list[Variant]:
    if not arguments.grid and any((arguments.chunkings, arguments.embedders, arguments.keywords)):
        raise UsageError("error.docs.eval_grid")
    if arguments.grid:
        return grid(
            [parse_chunking(one) for one in arguments.chunkings or GRID_CHUNKINGS],
            arguments.embedders or [""],
            [parse_weight(one) for one in arguments.keywords or GRID_KEYWORDS],
        )
    return [parse_variant(one) for one in arguments.compare or [arguments.variant]]


def _set(arguments: argparse.Namespace) -> tuple[Path, list[Question]]:
    if arguments.set == "sample":
        return corpus_dir(), questions()
    if not arguments.folder:
        raise UsageError("error.docs.eval_folder")
    asked = load_questions(Path(arguments.set).expanduser())
    folder = Path(arguments.folder).expanduser().absolute()
    if not folder.is_dir():
        raise UsageError("error.docs.no_path", path=clean_line(str(folder)))
    return folder, asked


def _progress(quiet: bool) -> Callable[[IngestProgress], None]:
    def show(progress: IngestProgress) -> None:
        if progress.current and not quiet:
            stderr(f"{progress.done + 1}/{progress.total}  {clean_line(progress.current)}")

    return show


def _begun(total: int, *, quiet: bool) -> Callable[[int, Variant], None]:
    def show(number: int, variant: Variant) -> None:
        if not quiet:
            stderr(f"[{number}/{total}] {variant.name}")

    return show


def _asked(total: int, *, quiet: bool) -> Callable[[int], None]:
    def show(done: int) -> None:
        if not quiet and (done == total or done % 25 == 0):
            stderr(tr("docs.eval.asked", done=done, total=total))

    return show


def _corpus(measured: Measured) -> dict[str, Any]:
    corpus = measured.corpus
    return {
        "indexed": corpus.indexed,
        "failed": corpus.failed,
        "chunks": corpus.chunks,
        "reasons": dict(corpus.reasons),
    }


# -- one variant ---------------------------------------------------------------------------------------------


def _print_report(measured: Measured, found: Report) -> None:
    corpus = measured.corpus
    print(measured.variant.name)
    print(tr("docs.eval.documents", indexed=corpus.indexed, failed=corpus.failed, chunks=corpus.chunks))
    for path, reason in corpus.reasons.items():
        stderr(f"! {path}: {reason}")
    if found.lost:
        stderr(f"! {tr('docs.eval.lost', count=len(found.lost), first=clean_line(found.lost[0]))}")
    groups = {tr("docs.eval.all"): found.whole, **found.languages, **found.kinds}
    _table(
        ["", "n", *SHOWN],
        [[name, str(line.n), *(_cell(line, name_) for name_ in SHOWN)] for name, line in groups.items()],
    )
    whole = found.whole.measures
    print(
        tr(
            "docs.eval.context",
            hit=interval(whole["hit@5"]),
            k=measured.variant.k,
            precision=interval(whole["context_precision"]),
            recall=interval(whole["context_recall"]),
        )
    )
    if found.unanswerable.questions:
        _print_silence("docs.eval.unanswerable.own", found.own_unanswerable)
        _print_silence("docs.eval.unanswerable", found.unanswerable)
    print(tr("docs.eval.risk", points=_risk(found)))
    print(
        tr("docs.eval.time", p50=interval(found.p50_ms, 1), p95=interval(found.p95_ms, 1), n=found.p50_ms.n)
    )


def _print_silence(key: str, found: Silence) -> None:
    print(
        tr(
            key,
            questions=found.questions,
            precision=interval(found.precision, 2),
            recall=interval(found.recall, 2),
            f1=interval(found.f1, 2),
            threshold="" if found.threshold is None else f"{found.threshold:.3f}",
        )
    )


def _risk(found: Report) -> str:
    """Write the curve at a few coverages: the first point that reaches each."""
    told = []
    for wanted in (0.25, 0.5, 0.75, 1.0):
        point = next((one for one in found.risk if one[1] >= wanted - 1e-9), None)
        if point is not None:
            told.append(f"{point[1] * 100:.0f} %: {point[2] * 100:.0f} %")
    return " · ".join(told)


def _cell(line: Line, measure: str) -> str:
    return interval(line.measures[measure])


def interval(found: Estimate, digits: int = 3) -> str:
    """Write a figure with the ends of its interval: ``0.735 (0.67-0.80)``."""
    if found.value is None:
        return "N/A"
    text = f"{found.value:.{digits}f}"
    if found.low is None or found.high is None:
        return text
    ends = min(digits, 2)
    return f"{text} ({found.low:.{ends}f}-{found.high:.{ends}f})"


# -- two variants --------------------------------------------------------------------------------------------


def _compare(measured: Sequence[Measured], arguments: argparse.Namespace) -> int:
    a, b = measured
    found = compare(a, b, arguments.split)
    names = a.variant.name, b.variant.name
    if arguments.json:
        print_json(
            {
                "a": names[0],
                "b": names[1],
                "split": arguments.split,
                "differences": {
                    name: {
                        **asdict(one),
                        "real": one.real,
                        "verdict": verdict(one, *names, measure=name),
                    }
                    for name, one in found.items()
                },
            }
        )
        return 0
    print(f"A  {names[0]}\nB  {names[1]}")
    rows = []
    for name, one in found.items():
        digits = 1 if name == "ms" else 3
        words = verdict(one, "A", "B", measure=name)
        rows.append([name, str(one.n), f"{one.a:.{digits}f}", f"{one.b:.{digits}f}", words])
    _table(["", "n", "A", "B", ""], rows, last_left=True)
    print(tr("docs.eval.holm", count=len(found)))
    return 0


# -- a grid --------------------------------------------------------------------------------------------------


def _grid(measured: Sequence[Measured], arguments: argparse.Namespace) -> int:
    places = {
        measure: standings([values_of(one, measure, arguments.split) for one in measured])
        for measure in GRID_SHOWN
    }
    if arguments.json:
        print_json(
            {
                "split": arguments.split,
                "variants": [
                    _grid_json(one, {measure: found[number] for measure, found in places.items()}, arguments)
                    for number, one in enumerate(measured)
                ],
            }
        )
        return 0
    for measure, found in places.items():
        print(tr("docs.eval.grid", measure=measure, n=found[0].estimate.n, split=arguments.split))
        _print_grid(measured, found)
        print()
    print(tr("docs.eval.grid.legend"))
    return 0


def _grid_json(one: Measured, places: dict[str, Standing], arguments: argparse.Namespace) -> dict[str, Any]:
    found = json_of(report(one, arguments.split))
    return {
        "variant": one.variant.name,
        "chunking": chunking_name(one.variant.chunking),
        "embedder": one.variant.embedder,
        "keyword_weight": one.variant.keyword_weight,
        "chunks": one.corpus.chunks,
        "measures": found["whole"]["measures"],
        "p50_ms": found["p50_ms"],
        "standing": {
            measure: {
                "best": place.best,
                "indistinguishable": place.level,
                "p": None if place.against_best is None else place.against_best.adjusted,
            }
            for measure, place in places.items()
        },
    }


def _print_grid(measured: Sequence[Measured], found: Sequence[Standing]) -> None:
    rows = list(dict.fromkeys(chunking_name(one.variant.chunking) for one in measured))
    columns = list(dict.fromkeys((one.variant.embedder, one.variant.keyword_weight) for one in measured))
    cells = {
        (chunking_name(one.variant.chunking), one.variant.embedder, one.variant.keyword_weight): _place(place)
        for one, place in zip(measured, found, strict=True)
    }
    chunks = {chunking_name(one.variant.chunking): str(one.corpus.chunks) for one in measured}
    many = len({embedder for embedder, _ in columns}) > 1
    heads = [_column(embedder if many else "", weight) for embedder, weight in columns]
    _table(
        ["", tr("docs.eval.chunks"), *heads],
        [[row, chunks[row], *(cells.get((row, *column), "") for column in columns)] for row in rows],
    )


def _column(embedder: str, weight: float | None) -> str:
    words = tr("docs.eval.weight", weight=tr("docs.eval.weight.default") if weight is None else f"{weight:g}")
    return f"{embedder} {words}" if embedder else words


def _place(place: Standing) -> str:
    mark = "*" if place.best else "=" if place.level else " "
    return f"{interval(place.estimate)}{mark}"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], *, last_left: bool = False) -> None:
    """Print a table by terminal cells: the first column (and the last, if asked) to the left, the others to the right."""
    widths = [max(map(width, column)) for column in zip(heads, *rows, strict=True)]
    for line in (heads, *rows):
        told = []
        for place, (text, wide) in enumerate(zip(line, widths, strict=True)):
            space = " " * (wide - width(text))
            left = place == 0 or (last_left and place == len(line) - 1)
            told.append(text + space if left else space + text)
        print("  ".join(told).rstrip())
