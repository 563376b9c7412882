"""The program's own search on the sample corpus with the real embedder: floors below what was measured, not targets."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from core.engines import EMBED_MODEL
from core.rag.evaluation import Variant
from core.rag.evaluation.bench import SearchBench
from core.rag.evaluation.report import compare, report
from core.rag.sample import corpus_dir, questions
from tests.embedder import embedder


@pytest.mark.slow
async def test_search_finds_what_it_found_when_it_was_measured(tmp_path: Path) -> None:
    engine = SimpleNamespace(kind="embedded", embed_model=EMBED_MODEL, embed=embedder())
    bench = SearchBench(corpus_dir(), tmp_path, engine)  # type: ignore[arg-type]
    try:
        usual, meaning = await bench.measure([Variant(), Variant(keyword_weight=0.0)], questions())
    finally:
        await bench.close()
    assert (usual.corpus.indexed, usual.corpus.failed) == (68, 0)
    found = report(usual, "test")
    assert found.whole.n == 151 and not found.lost
    for name, floor in (("recall@5", 0.90), ("mrr", 0.80), ("ndcg@10", 0.82)):
        value = found.whole.measures[name].value
        assert value is not None and value >= floor, name
    across = found.kinds["cross_language"].measures["recall@5"].value
    assert across is not None and across >= 0.85
    # That there is no answer is noticed more often than by always saying so (F1 0.32), and seldom where there is one.
    without = found.own_unanswerable
    assert without.questions == 35 and without.f1.value is not None and without.f1.value >= 0.45
    lost = [one for one in usual.outcomes if one.question.split == "test" and not one.question.unanswerable]
    assert sum(not one.answered for one in lost) <= 0.2 * len(lost)
    # Searching by meaning alone finds less, beyond chance: the comparison sees a difference that is there.
    worse = compare(usual, meaning, "test")["recall@5"]
    assert worse.real and worse.value > 0.05
