"""What ``retrieval`` found."""

from __future__ import annotations

import functools
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from core.i18n import tr
from core.lab.figures import Group, by_point, figure, keyed, number
from core.lab.types import Column, HeatCell, HeatMap, LabRow, LabRun, Plot, Series
from core.rag.evaluation.report import Standing, standings

Data = Sequence[Mapping[str, Any]]

FIGURES = {
    "recall5": "recall@5",
    "mrr": "mrr",
    "ndcg10": "ndcg@10",
    "context_precision": "context_precision",
    "context_recall": "context_recall",
}
"""Column → measure of a question's row."""
MOST_DRAWN = 4
"""Curves in one plot."""
MOST_NAMED = 12
"""So many questions that no variant answers are named."""


def groups(run: LabRun, rows: Sequence[LabRow]) -> list[Group]:
    """One row for each variant."""
    chunks = {
        (row.point["chunking"], row.point["embedder"]): row.data["chunks"]
        for row in rows
        if row.kind == "index"
    }
    found = by_point(rows, ("question",))
    embedders = {point["embedder"] for point, _ in found}
    return [
        _group(point, [row.data for row in some], chunks.get((point["chunking"], point["embedder"])), len(embedders) > 1)
        for point, some in found
    ]  # fmt: skip


def _group(point: Mapping[str, Any], data: Data, chunks: Any, embedder: bool) -> Group:
    answerable = [one for one in data if not one["unanswerable"]]
    decided = [(str(one["question"]), one["answered"] != one["unanswerable"]) for one in data]
    times = [one["ms"] for one in data]
    labels: list[tuple[Column, float | str]] = [(Column("chunking"), point["chunking"])]
    if embedder:
        labels.append((Column("embedder"), point["embedder"]))
    labels.append((Column("keyword"), _weight(point["keyword"])))
    if chunks is not None:
        labels.append((Column("chunks"), float(chunks)))
    return Group(
        point,
        tuple(labels),
        (
            *(
                keyed(key, "", ((str(one["question"]), one.get(name)) for one in answerable), "mean")
                for key, name in FIGURES.items()
            ),
            keyed("decided", "%", decided, "share"),
            figure("search_ms", "ms", times, "median"),
            figure("search_p95", "ms", times, "p95"),
        ),
    )


def _weight(text: str) -> str:
    return tr("docs.eval.weight.default") if text == "default" else text


def plots(run: LabRun, rows: Sequence[LabRow], groups: Sequence[Group]) -> list[Plot]:
    """How many questions may be answered at which risk, of the variants that find most."""
    best = sorted(groups, key=lambda one: -(one.value("recall5") or 0.0))[:MOST_DRAWN]
    data = {
        json.dumps(point, sort_keys=True): [row.data for row in some]
        for point, some in by_point(rows, ("question",))
    }
    lines = tuple(
        Series(
            f"{one.point['chunking']} {_weight(str(one.point['keyword']))}",
            _risk(data[json.dumps(dict(one.point), sort_keys=True)]),
        )
        for one in best
    )
    return [Plot("risk_coverage", "%", "%", lines)] if lines else []


def _risk(data: Data) -> tuple[tuple[float, float, None, None], ...]:
    """Return share answered and share of those in vain, as the search answers less and less sure questions."""
    ordered = sorted(data, key=lambda one: -float(one["score"]))
    points: list[tuple[float, float, None, None]] = []
    wrong = 0
    for place, one in enumerate(ordered, 1):
        wrong += one["unanswerable"] or not one.get("hit@5")
        # Questions of one score are answered together or not at all.
        if place == len(ordered) or ordered[place]["score"] != one["score"]:
            points.append((place / len(ordered) * 100, wrong / place * 100, None, None))
    return tuple(points)


def heat(run: LabRun, groups: Sequence[Group]) -> HeatMap | None:
    """Draw recall@5: chunkings by embedders and weights, with what cannot be told from the best."""
    if not groups:
        return None
    ranked = {id(group): place for group, place in _ranked(groups)}
    rows = list(dict.fromkeys(str(one.point["chunking"]) for one in groups))
    columns = list(dict.fromkeys((str(one.point["embedder"]), str(one.point["keyword"])) for one in groups))
    by_place = {(one.point["chunking"], one.point["embedder"], one.point["keyword"]): one for one in groups}
    many = len({embedder for embedder, _ in columns}) > 1

    def cell(row: str, column: tuple[str, str]) -> HeatCell:
        group = by_place.get((row, *column))
        if group is None:
            return HeatCell(None)
        place = ranked.get(id(group))
        value = group.value("recall5")
        if place is None or not (place.best or place.level):
            return HeatCell(value)
        return HeatCell(value, "best" if place.best else "level")

    return HeatMap(
        "recall5",
        tuple(rows),
        tuple(
            (embedder if many else "", tr("docs.eval.weight", weight=_weight(weight)))
            for embedder, weight in columns
        ),
        tuple(tuple(cell(row, column) for column in columns) for row in rows),
    )


def _ranked(groups: Sequence[Group]) -> list[tuple[Group, Standing]]:
    """Compare the variants that answered the same questions; the one still measuring waits."""
    keys = {id(one): found.keys for one in groups if (found := one.figure("recall5")) and found.keys}
    if not keys:
        return []
    whole = max(keys.values(), key=len)
    complete = [one for one in groups if set(keys.get(id(one), ())) == set(whole)]
    values = []
    for one in complete:
        found = one.figure("recall5")
        by_key = dict(zip(found.keys, found.values, strict=True)) if found else {}
        values.append(tuple(by_key[key] for key in whole))
    return list(zip(complete, _standings(tuple(values)), strict=True))


@functools.lru_cache(8)  # A live view asks again after every row, and each test flips 10,000 signs.
def _standings(values: tuple[tuple[float, ...], ...]) -> list[Standing]:
    return standings(values)


def sentence(run: LabRun, groups: Sequence[Group]) -> str:
    """Which variant is best, and how many cannot be told from it."""
    ranked = _ranked(groups)
    best = next((group for group, place in ranked if place.best), None)
    if best is None:
        return ""
    recall, mrr = best.cell("recall5"), best.cell("mrr")
    level = sum(place.level for _, place in ranked)
    return tr(
        "lab.found.retrieval" if len(ranked) > 1 else "lab.found.retrieval.one",
        name=f"{best.point['chunking']}, {tr('docs.eval.weight', weight=_weight(str(best.point['keyword'])))}",
        embedder=best.point["embedder"],
        recall=number(best.value("recall5")),
        low=number(recall.low),
        high=number(recall.high),
        mrr=number(best.value("mrr")),
        n=mrr.n or 0,
        count=len(ranked),
        level=level,
    )


def notes(run: LabRun, rows: Sequence[LabRow]) -> list[str]:
    """Say which questions no variant answers, and which documents could not be read."""
    told = []
    asked = [row.data for row in rows if row.kind == "question" and not row.data["unanswerable"]]
    best: dict[str, float] = {}
    for one in asked:
        best[one["question"]] = max(best.get(one["question"], 0.0), float(one.get("hit@5", 0.0)))
    never = [name for name, hit in best.items() if not hit]
    variants = max(Counter(one["question"] for one in asked).values(), default=0)
    if never and variants:
        named = ", ".join(never[:MOST_NAMED]) + (" …" if len(never) > MOST_NAMED else "")
        told.append(tr("lab.warn.retrieval.never", count=len(never), named=named))
    failed = max((row.data["failed"] for row in rows if row.kind == "index"), default=0)
    if failed:
        told.append(tr("lab.warn.retrieval.failed", count=failed))
    return told
