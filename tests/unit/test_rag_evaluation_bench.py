"""One question set put to several ways of searching, with a FAKE engine that embeds by the letters of words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from core.errors import UsageError
from core.rag.chunking import Chunking
from core.rag.evaluation import Variant, parse_variant
from core.rag.evaluation.bench import WARM_UP, SearchBench
from core.rag.evaluation.report import compare, report
from core.rag.sample import Gold, Question
from tests.evaluation_ground import LEAVE, SAFETY, Engine


def ask(name: str, question: str, *quotes: tuple[str, str], split: str = "test") -> Question:
    gold = tuple(Gold(document, quote) for document, quote in quotes)
    return Question(name, split, "en", "en", "lookup", question, "", gold, not quotes)


QUESTIONS = [
    ask("q1", "How many unused days may be carried over?", ("leave.md", "Up to five unused days may be carried over")),
    ask("q2", "Who checks the fire extinguishers?", ("safety.md", "The night shift checks the fire extinguishers")),
    ask("q3", "What is served in the canteen?"),
    ask("q4", "Where is a helmet needed?", ("safety.md", "Nobody enters the press hall without a helmet"), split="train"),
    ask("q5", "Which colour has the moon?", split="train"),
]  # fmt: skip


@pytest.fixture(name="folder")
def folder_fixture(tmp_path: Path) -> Path:
    folder = tmp_path / "share"
    folder.mkdir()
    (folder / "leave.md").write_text(LEAVE, "utf-8")
    (folder / "safety.md").write_text(SAFETY, "utf-8")
    (folder / "empty.txt").write_text("", "utf-8")
    return folder


async def measured(folder: Path, base: Path, *variants: str, engine: Any = None) -> list[Any]:
    bench = SearchBench(folder, base, engine or Engine())
    try:
        return await bench.measure([parse_variant(one) for one in variants], QUESTIONS)
    finally:
        await bench.close()


async def test_what_answers_a_question_is_found_and_told(folder: Path, tmp_path: Path) -> None:
    one, two = await measured(folder, tmp_path / "kept", "headings", "sentences,keyword=0")
    assert (one.corpus.indexed, one.corpus.failed) == (2, 1) and "empty.txt" in next(iter(one.corpus.reasons))
    assert two.corpus.chunks >= one.corpus.chunks
    found = report(one, "test")
    assert found.whole.n == 2 and found.whole.measures["recall@5"].value == 1.0
    assert found.languages.keys() == {"en→en"} and found.unanswerable.questions == 1
    assert found.unanswerable.threshold is not None and not found.missed and not found.lost
    assert report(one, "all").whole.n == 3 and report(one, "train").unanswerable.questions == 1
    differences = compare(one, two, "test")
    assert differences["recall@5"].n == 2 and differences["abstention"].n == 3
    assert all(one.adjusted is not None and one.adjusted >= one.p for one in differences.values())


async def test_a_second_evaluation_parses_and_embeds_only_what_changed(folder: Path, tmp_path: Path) -> None:
    base = tmp_path / "kept"
    await measured(folder, base, "headings")
    engine = Engine()
    (again,) = await measured(folder, base, "headings", engine=engine)
    asked = {one.question for one in QUESTIONS} | {WARM_UP}
    assert set(engine.texts) == asked, "no passage was embedded again"
    (folder / "leave.md").write_text(LEAVE.replace("fifteen", "twenty"), "utf-8")
    (folder / "safety.md").unlink()
    (folder / "empty.txt").write_text("Now there is a sentence in this file.", "utf-8")
    engine = Engine()
    (changed,) = await measured(folder, base, "headings", engine=engine)
    embedded = set(engine.texts) - asked
    assert any("twenty" in text for text in embedded) and not any("helmet" in text for text in embedded)
    assert changed.corpus.indexed == 2 and changed.corpus.failed == 0
    assert report(changed, "test").lost == ("safety.md",)
    assert changed.outcomes[1].ranks == (None,) and again.outcomes[1].ranks != (None,)


async def test_an_evaluation_cut_off_in_the_middle_is_put_right(folder: Path, tmp_path: Path) -> None:
    base = tmp_path / "kept"

    class Failing(Engine):
        async def embed(self, texts: list[str]) -> list[list[float]]:
            raise RuntimeError("the engine went away")

    bench = SearchBench(folder, base, Failing())  # type: ignore[arg-type]
    with pytest.raises(RuntimeError):
        await bench.prepare(Variant())
    await bench.close()
    # The ledger that says what is in the index is lost, the index is not.
    (whole,) = await measured(folder, base, "headings")
    for ledger in base.glob("*/documents.json"):
        ledger.unlink()
    (again,) = await measured(folder, base, "headings")
    assert again.corpus.chunks == whole.corpus.chunks
    assert [one.ranks for one in again.outcomes] == [one.ranks for one in whole.outcomes]
    # The index is damaged, the ledger is not.
    for manifest in base.glob("*/index/manifest.json"):
        manifest.write_text("{}", "utf-8")
    (once_more,) = await measured(folder, base, "headings")
    assert [one.ranks for one in once_more.outcomes] == [one.ranks for one in whole.outcomes]


async def test_each_chunking_has_an_index_of_its_own_and_unknown_embedders_are_told_at_once(
    folder: Path, tmp_path: Path
) -> None:
    base = tmp_path / "kept"
    bench = SearchBench(folder, base, Engine())  # type: ignore[arg-type]
    try:
        for chunking in (Chunking(header=False), Chunking("fixed", 60, 20), Chunking(header=True)):
            await bench.prepare(Variant(chunking))
        assert len(list(base.glob("*/documents.json"))) == 3
        with pytest.raises(UsageError):
            bench.embedder("no-such-model")
    finally:
        await bench.close()


async def test_an_empty_folder_and_the_first_search_of_all(tmp_path: Path) -> None:
    asked: list[list[str]] = []

    class Cold(Engine):
        """FAKE: its first embedding would take long, as loading a model does."""

        async def embed(self, texts: list[str]) -> list[list[float]]:
            asked.append(texts)
            return await super().embed(texts)

    (tmp_path / "share").mkdir()
    (nothing,) = await measured(tmp_path / "share", tmp_path / "kept", "headings", engine=Cold())
    assert (nothing.corpus.indexed, nothing.corpus.chunks) == (0, 0)
    assert not any(one.found for one in nothing.outcomes)
    assert asked[0] == [WARM_UP], "no question's time has the loading of the model in it"
    assert asked.count([WARM_UP]) == 1 and len(asked) > 1
    assert report(nothing, "test").lost == ("leave.md", "safety.md")
