"""Fit the decision that the documents have no answer (core/rag/abstain.py), on the training questions of the sample set alone.

    python benchmarks/abstain.py [--json OUT]

Indexes the sample corpus, searches for every training question as the app does, and prints the constants of the logistic model
with what ten-fold cross-validation says of it: F1 of "no answer", how many questions with an answer are turned away. Each
question with an answer is asked once more with the passages that hold the answer taken away: what is left is a search that
found none. These count :data:`TAKEN_AWAY` of a real one in the fit and are never counted in what is reported. Questions
without an answer are weighed as if they were :data:`SHARE` of all, as in the first part of the set.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from dataclasses import astuple, fields
from pathlib import Path
from types import SimpleNamespace
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402

from core.engines import EMBED_MODEL  # noqa: E402
from core.rag import abstain  # noqa: E402
from core.rag.evaluation import Variant  # noqa: E402
from core.rag.evaluation.bench import SearchBench  # noqa: E402
from core.rag.evaluation.measures import OVERLAP, folded, located  # noqa: E402
from core.rag.sample import Question, corpus_dir, questions  # noqa: E402
from core.rag.search import Options, Passage, search  # noqa: E402
from tests.embedder import embedder  # noqa: E402

SHARE = 0.17
TAKEN_AWAY = 0.3
RIDGE = 10.0
LEVEL = 0.015
FOLDS, REPEATS = 10, 5
#: The last one is a rule.
NAMES = [field.name for field in fields(abstain.Signs)][:-1]


def holds(question: Question, passage: Passage, path: str) -> bool:
    """Say whether a passage has something of what answers a question."""
    for gold in question.gold:
        quote = folded(gold.quote)
        start, end = located(quote, folded(passage.text))
        if path.endswith("/" + gold.document) and end - start >= min(OVERLAP, len(quote)):
            return True
    return False


async def rows() -> tuple[list[tuple[float, ...]], list[bool], list[bool], list[int]]:
    """Return the signs of every search, whether it has the answer, whether that was taken away, and of which question it is."""
    engine: Any = SimpleNamespace(kind="embedded", embed_model=EMBED_MODEL, embed=embedder())
    seen, answered, taken, number = [], [], [], []
    with tempfile.TemporaryDirectory() as base:
        bench = SearchBench(corpus_dir(), Path(base), engine)
        variant = Variant()
        found, _ = await bench._index(variant)
        snapshot = await found.index.snapshot()
        paths = found.paths()
        first = {name: int(np.argmax(snapshot.documents == at)) for at, name in enumerate(snapshot.names)}
        for at, question in enumerate(questions("train")):
            result = await search(
                found.index, bench.embedder("").query, question.question, Options(k=2 * abstain.RIVALS)
            )
            left = [one for one in result.passages if not holds(question, one, paths[one.document_id])]
            for passages in (result.passages,) if question.unanswerable else (result.passages, left):
                one = passages[0]
                rival = passages[abstain.RIVALS - 1].score if len(passages) >= abstain.RIVALS else 0.0
                place = first[one.document_id] + one.ordinal
                shown = abstain.Found(one.text, one.section, place, one.cosine, one.score - rival)
                seen.append(astuple(abstain.signs(snapshot, question.question, shown))[: len(NAMES)])
                taken.append(passages is left)
                answered.append(not question.unanswerable and passages is not left)
                number.append(at)
        await bench.close()
    return seen, answered, taken, number


def fit(signs: Any, answered: Any, weights: Any) -> Any:
    """Return base and weights of a logistic model, by Newton's method with a ridge on signs of equal spread."""
    middle, spread = signs.mean(0), signs.std(0) + 1e-9
    design = np.c_[np.ones(len(signs)), (signs - middle) / spread]
    ridge = np.diag([1e-6] + [RIDGE] * signs.shape[1])
    found = np.zeros(design.shape[1])
    for _ in range(60):
        likely = 1 / (1 + np.exp(-np.clip(design @ found, -30, 30)))
        slope = design.T @ (weights * (likely - answered)) + ridge @ found
        step = np.linalg.solve(
            (design * (weights * likely * (1 - likely))[:, None]).T @ design + ridge, slope
        )
        found -= step
    return np.r_[found[0] - (found[1:] * middle / spread).sum(), found[1:] / spread]


def weighed(answered: Any, taken: Any) -> Any:
    """Return what each search counts, so that those without an answer are :data:`SHARE` of all."""
    weights = np.where(taken, TAKEN_AWAY, 1.0)
    yes, no = weights[answered].sum(), weights[~answered].sum()
    return weights * np.where(answered, (1 - SHARE) / yes, SHARE / no) * len(answered)


def validated(signs: Any, answered: Any, taken: Any, number: Any) -> Any:
    """Return the confidence of each search by models that have not seen its question, (REPEATS, searches)."""
    out = np.zeros((REPEATS, len(answered)))
    has = {one: bool(answered[(number == one) & ~taken][0]) for one in np.unique(number)}
    for repeat in range(REPEATS):
        dice = np.random.default_rng(repeat)
        fold = np.zeros(len(has), dtype=int)
        for kind in (True, False):
            those = np.array([one for one in has if has[one] is kind])
            dice.shuffle(those)
            fold[those] = np.arange(len(those)) % FOLDS
        for part in range(FOLDS):
            out_of = fold[number] != part
            model = fit(signs[out_of], answered[out_of], weighed(answered[out_of], taken[out_of]))
            left = ~out_of
            out[repeat, left] = 1 / (1 + np.exp(-(model[0] + signs[left] @ model[1:])))
    return out


def judged(confidence: Any, answered: Any, threshold: float) -> tuple[float, float, float]:
    """Return F1 of "no answer" at :data:`SHARE`, its recall, and the share of questions with an answer turned away."""
    recall = float((confidence[~answered] < threshold).mean())
    lost = float((confidence[answered] < threshold).mean())
    said = SHARE * recall + (1 - SHARE) * lost
    return 2 * SHARE * recall / (said + SHARE), recall, lost


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    found = asyncio.run(rows())
    signs, answered, taken, number = (np.array(one) for one in found)
    real = ~taken
    unseen = validated(signs, answered, taken, number)[:, real]
    truth = answered[real]
    thresholds = np.arange(0.3, 0.96, 0.01)
    curve = [np.mean([judged(one, truth, at) for one in unseen], axis=0) for at in thresholds]
    # Of thresholds that are about as good, the one that turns fewest questions with an answer away.
    best = max(one[0] for one in curve)
    threshold = next(
        round(float(at), 2) for at, one in zip(thresholds, curve, strict=True) if one[0] > best - LEVEL
    )
    scores = np.mean([judged(one, truth, threshold) for one in unseen], axis=0)
    area = np.mean([(one[~truth][:, None] < one[truth][None]).mean() for one in unseen])
    model = fit(signs, answered, weighed(answered, taken))
    told = {
        "questions": int(real.sum()),
        "unanswerable": int((~truth).sum()),
        "BASE": round(float(model[0]), 3),
        "WEIGHTS": {name: round(float(one), 3) for name, one in zip(NAMES, model[1:], strict=True)},
        "THRESHOLD": threshold,
        "validated": {
            "area_under_roc": round(float(area), 3),
            "f1": round(float(scores[0]), 3),
            "recall": round(float(scores[1]), 3),
            "answerable_turned_away": round(float(scores[2]), 3),
            "curve": {
                f"{at:.2f}": [round(float(x), 3) for x in one]
                for at, one in zip(thresholds, curve, strict=True)
            },
        },
    }
    print(json.dumps(told, indent=2))
    if arguments.json:
        arguments.json.write_text(json.dumps(told, indent=2), "utf-8")


if __name__ == "__main__":
    main()
