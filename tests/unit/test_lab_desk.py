"""Whole runs of the lab against a FAKE server: rows, resuming, cancelling, failing, comparing, exporting."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import threading
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from core.errors import UsageError
from core.events import LabChanged
from core.lab import control
from core.lab.types import LabRow, LabRun
from core.session import Store
from core.session import lab as rows
from tests.lab_fakes import behave, fake_server, post
from tests.lab_ground import Room

FAST = {"prompts": "40", "outputs": "4", "repeats": "3", "warm": "no"}
Make = Callable[..., Room]


@pytest.fixture(scope="module", name="url")
def url_fixture() -> Iterator[str]:
    with fake_server() as url:
        yield url


@pytest.fixture(name="make")
def make_fixture(tmp_path: Path) -> Iterator[Make]:
    made: list[Room] = []

    def make(url: str, **more: Any) -> Room:
        made.append(Room(url, tmp_path, **more))
        return made[-1]

    yield make
    for room in made:
        room.close()


def wait_until(condition: Callable[[], Any], what: str, seconds: float = 20.0) -> Any:
    pause, waited = threading.Event(), 0.0
    while waited < seconds:
        if found := condition():
            return found
        pause.wait(0.02)
        waited += 0.02
    raise AssertionError(f"not within {seconds} s: {what}")


def test_a_run_tells_what_it_found_from_rows_that_were_on_disk_first(
    url: str, make: Make, tmp_path: Path
) -> None:
    behave(url, ttft=20, itl=5)
    told: list[tuple[int, int]] = []

    def look(event: LabChanged) -> None:
        if event.status == "running" and event.total:
            count = room.store.query("SELECT count(*) AS n FROM lab_rows")[0]["n"]
            told.append((event.done, count))

    room = make(url, on_event=look)
    run = room.measure("latency", **FAST)
    assert (run.status, run.error) == ("done", "")
    assert told and all(count >= done for done, count in told)
    view = room.lab.view(run.id)
    assert "40 prompt tokens" in view.sentence or "40" in view.sentence
    assert view.table is not None
    (row,) = view.table.rows
    figures = {column.key: cell for column, cell in zip(view.table.columns, row, strict=True)}
    assert figures["n"].value == 3 and figures["output_actual"].value == 4
    assert 20 <= figures["ttft_p50"].value < 80 and figures["ttft_p95"].flag == "few"
    for name in ("cpu", "cores", "memory_bytes", "kernel", "engine", "model", "digest", "options", "version"):
        assert run.environment[name], name
    # Warm-up rows are kept and marked.
    kinds = [(row.kind, row.warmup) for row in rows.rows_of(room.store, run.id)]
    assert kinds.count(("request", True)) == 2 and kinds.count(("request", False)) == 3


def test_load_counts_rejections_and_finds_the_capacity(url: str, make: Make) -> None:
    # Two slots, 50 ms each: 40 requests per second and not one more.
    behave(url, ttft=20, itl=10, slots=2)
    room = make(url)
    run = room.measure(
        "load", users="1,2", rates="", seconds="2", requests="6", repeats="1", output="4", prompt="40",
        slo_ttft="150", slo_tpot="100",
    )  # fmt: skip
    assert run.status == "done", run.error
    view = room.lab.view(run.id)
    goodput = next(plot for plot in view.plots if plot.key == "goodput_by_rate")
    assert goodput.marks, view.sentence
    assert 40 * 0.4 <= goodput.marks[0][0] <= 40 * 1.15
    behave(url, ttft=60, slots=1, reject_above=2)
    run = room.measure(
        "load", users="4", rates="", search="no", requests="8", repeats="1", output="2", prompt="40"
    )
    view = room.lab.view(run.id)
    assert view.table is not None
    figures = {
        column.key: cell.value for column, cell in zip(view.table.columns, view.table.rows[0], strict=True)
    }
    assert figures["n"] + figures["rejected"] == 8 and figures["rejected"] >= 1
    assert any("503" in warning for warning in view.warnings)


def test_a_killed_run_is_interrupted_and_resumed_where_it_was(url: str, make: Make, tmp_path: Path) -> None:
    behave(url, ttft=30, itl=5)
    options = {**FAST, "repeats": "12"}
    script = Path(__file__).parents[1] / "lab_ground.py"
    child = subprocess.Popen(
        [sys.executable, str(script), url, str(tmp_path), "latency", json.dumps(options)], stdout=subprocess.PIPE, text=True
    )  # fmt: skip
    assert child.stdout is not None
    run_id = child.stdout.readline().strip()
    store = Store.open(tmp_path / "session.db")
    steps = "SELECT count(*) AS n FROM lab_rows WHERE kind = 'step'"
    wait_until(lambda: store.query(steps)[0]["n"] >= 4, "four steps on disk")
    child.kill()
    child.wait()
    child.stdout.close()
    measured = store.query(steps)[0]["n"]
    store.close()
    room = make(url)
    assert room.lab.run(run_id).status == "interrupted"
    before = post(url + "/asked")["asked"]
    room.lab.resume(run_id).result(10)
    room.wait(lambda event: event.run_id == run_id and event.status in ("done", "failed"))
    run = room.lab.run(run_id)
    assert run.status == "done", run.error
    # 13 steps in all (one is the warm-up, two requests); those on disk are not asked again.
    assert post(url + "/asked")["asked"] - before == 13 - measured
    table = room.lab.view(run_id).table
    assert table is not None
    assert {c.key: cell.value for c, cell in zip(table.columns, table.rows[0], strict=True)}["n"] == 12
    with pytest.raises(UsageError):
        room.lab.resume(run_id).result(10)


def test_cancel_from_here_and_from_another_process(url: str, make: Make) -> None:
    behave(url, ttft=30, itl=5)
    room = make(url)
    slow = {**FAST, "repeats": "50"}
    first = room.lab.start("latency", slow).result(10)
    second = room.lab.start("latency", slow).result(10)
    room.wait(lambda event: event.run_id == first.id and event.done >= 4)
    assert room.lab.run(second.id).status == "queued"
    rows.change_run(room.store, first.id, wish="cancel").result(10)  # As another process does.
    room.wait(lambda event: event.run_id == first.id and event.status == "cancelled")
    view = room.lab.view(first.id)
    assert view.table is not None and view.warnings  # What was measured is kept, and marked as partial.
    room.wait(lambda event: event.run_id == second.id and event.done >= 3)
    room.lab.cancel(second.id)
    room.wait(lambda event: event.run_id == second.id and event.status == "cancelled")
    room.lab.remove(second.id).result(10)
    assert [one.id for one in room.lab.runs()] == [first.id]


def test_an_engine_that_goes_away_leaves_what_was_measured(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "BACK_S", 0.2)
    with fake_server() as url:
        behave(url, ttft=20, itl=5)
        room = make(url)
        run = room.lab.start("latency", {**FAST, "repeats": "50"}).result(10)
        room.wait(lambda event: event.run_id == run.id and event.done >= 4)
    room.wait(lambda event: event.run_id == run.id and event.status == "failed")
    found = room.lab.run(run.id)
    assert url.rpartition(":")[2] in found.error and found.fix
    view = room.lab.view(run.id)
    assert view.table is not None and view.warnings
    outcomes = [one.data.get("outcome") for one in rows.rows_of(room.store, run.id) if one.kind == "request"]
    assert outcomes.count("ok") >= 3 and outcomes[-1] in ("unreachable", "cut")


def test_a_full_disk_ends_the_run_with_a_sentence(url: str, make: Make) -> None:
    behave(url, ttft=5, itl=1)
    room = make(url)

    def fill(db: Any) -> None:
        # SQLite itself refuses to grow the file, with the error a full disk gives.
        pages = db.execute("PRAGMA page_count").fetchone()[0]
        db.execute(f"PRAGMA max_page_count = {pages + 6}")

    room.store.submit(fill).result(10)
    run = room.measure("latency", prompts="40", outputs="400", repeats="50", warm="no")
    assert run.status == "failed" and "full" in run.error
    assert room.lab.view(run.id).rows >= 2


def test_two_runs_are_compared(url: str, make: Make) -> None:
    room = make(url)
    options = {"prompts": "40", "outputs": "6", "repeats": "8", "warm": "no"}
    behave(url, ttft=20, itl=5)
    a = room.measure("latency", **options)
    behave(url, ttft=20, itl=15)
    b = room.measure("latency", **options)
    found = room.lab.compare(a.id, b.id)
    tpot = next(one for one in found.differences if one.column.key == "tpot_p50")
    assert tpot.real is True and tpot.ratio is not None and 1.8 < tpot.ratio < 4
    output = next(one for one in found.differences if one.column.key == "output_actual")
    assert output.real is False
    c = room.measure(
        "load", users="1", rates="", search="no", requests="2", repeats="1", prompt="40", output="2"
    )
    with pytest.raises(UsageError):
        room.lab.compare(a.id, c.id)


def test_exports_can_be_read_by_others(url: str, make: Make, tmp_path: Path) -> None:
    behave(url, ttft=10, itl=2)
    room = make(url)
    run = room.measure("latency", prompts="40,60", outputs="3,5", repeats="2", warm="yes")
    files = room.lab.export(run.id, tmp_path / "out")
    by_kind = {path.suffix: path for path in files}
    found = json.loads(by_kind[".json"].read_text("utf-8"))
    assert found["schema"] == "llm-study/lab/1" and found["run"]["id"] == run.id
    assert len(found["measurements"]) == found["rows"] and found["definitions"]["ttft"]["formula"]
    for path in files:
        if path.suffix == ".csv":
            lines = list(csv.reader(path.open(encoding="utf-8")))
            assert len({len(line) for line in lines}) == 1 and len(lines) > 1
        if path.suffix == ".svg":
            root = ElementTree.fromstring(path.read_text("utf-8"))
            assert root.tag.endswith("svg") and len(list(root.iter())) > 20
    assert sum(path.suffix == ".svg" for path in files) == 3


def test_a_pull_is_measured(url: str, make: Make) -> None:
    behave(url)
    room = make(url)
    run = room.measure("download", model="some:model")
    assert run.status == "done", run.error
    view = room.lab.view(run.id)
    assert view.table is not None
    figures = [
        {c.key: cell.value for c, cell in zip(view.table.columns, row, strict=True)}
        for row in view.table.rows
    ]
    assert figures[-1]["moved"] == 5.0 and figures[0]["seconds"] >= 0.04
    assert room.measure("download").status == "failed"


def test_cold_start_tells_loading_apart(url: str, make: Make) -> None:
    behave(url, ttft=10, itl=2, load=80)
    room = make(url)
    run = room.measure("cold-start", repeats="3", output="2", prompt="40", expire="no")
    assert run.status == "done", run.error
    found = {group["start"]["value"]: group for group in _table(room, run.id)}
    cold, warm = list(found.values())[1], next(iter(found.values()))
    assert cold["load_mean"]["value"] >= 79 > 40 > warm["load_mean"]["value"]
    assert cold["ttft_mean"]["value"] >= warm["ttft_mean"]["value"] + 50


def test_a_model_that_a_load_brings_back_is_told_to_go_again(url: str, make: Make) -> None:
    behave(url, ttft=10, itl=2, load=80, deaf=1)
    run = make(url).measure("cold-start", repeats="1", output="2", prompt="40", expire="no")
    assert run.status == "done", run.error


def _table(room: Room, run_id: str) -> list[dict[str, Any]]:
    from core.lab.export import table_json

    table = room.lab.view(run_id).table
    assert table is not None
    return table_json(table)


def test_parallel_needs_an_engine_of_our_own(url: str, make: Make) -> None:
    run = make(url).measure("parallel")
    assert run.status == "failed" and "OLLAMA_NUM_PARALLEL" in run.fix


@pytest.mark.parametrize(
    ("name", "options", "key"),
    [
        ("nothing", {}, "error.lab.experiment"),
        ("load", {"nothing": 1}, "error.lab.option"),
        ("load", {"users": "1,x"}, "error.lab.value"),
        ("load", {"users": "0"}, "error.lab.value"),
        ("load", {"seconds": "nan"}, "error.lab.value"),
        ("load", {"seed": True}, "error.lab.value"),
        ("latency", {"warm": "maybe"}, "error.lab.value"),
        ("load", {"rates": ",".join(str(one) for one in range(1, 60))}, "error.lab.value"),
    ],
)
def test_wrong_usage_is_one_sentence(
    url: str, make: Make, name: str, options: dict[str, Any], key: str
) -> None:
    with pytest.raises(UsageError) as caught:
        make(url).lab.start(name, options).result(10)
    assert caught.value.key == key and caught.value.message and caught.value.fix


def test_only_the_last_attempt_of_a_step_counts() -> None:
    from core.lab.summary import view

    def row(attempt: int, ttft: float, warmup: bool = False) -> LabRow:
        data = {
            "outcome": "ok",
            "ttft_ms": ttft,
            "e2e_ms": ttft + 10,
            "step": "a",
            "attempt": attempt,
            "output_tokens": 4,
        }
        return LabRow(attempt, "r", 0.0, "request", {"prompt": 8, "output": 4, "cache": "cold"}, data, warmup)

    run = LabRun("r", "latency", "done", {"prompts": [8], "outputs": [4]}, {}, 0.0)
    found = view(run, [row(1, 900.0), row(2, 50.0), row(2, 70.0), row(2, 5000.0, warmup=True)])
    assert found.table is not None
    figures = {c.key: cell for c, cell in zip(found.table.columns, found.table.rows[0], strict=True)}
    assert (figures["n"].value, figures["ttft_p50"].value) == (2, 60)


def test_hostile_names_stay_text_in_a_plot() -> None:
    from core.lab.svg import draw
    from core.lab.types import Plot, Series

    nasty = '</text><script>alert(1)</script>\x1b]0;x\x07"&'
    plot = Plot(
        "x",
        nasty,
        nasty,
        (Series(nasty, ((1.0, 2.0, 1.0, 3.0), (2.0, float("nan"), None, None))),),
        ((1.5, nasty),),
    )
    text = draw(plot, title=nasty, note=nasty)
    ElementTree.fromstring(text)
    assert "<script" not in text and "\x1b" not in text
    ElementTree.fromstring(draw(Plot("x", "", "", ()), title="empty"))


def test_every_word_the_lab_shows_is_in_both_catalogues(url: str, make: Make) -> None:
    from core.i18n import catalogue
    from core.lab.catalog import EXPERIMENTS
    from core.lab.environment import COMPARED

    wanted = [f"lab.environment.{name}" for name in COMPARED]
    for one in EXPERIMENTS:
        wanted += [
            f"lab.{one.id}.title",
            f"lab.{one.id}.help",
            *(f"lab.{one.id}.{option.name}" for option in one.options),
        ]
    source = Path(__file__).parents[2] / "core/lab/summaries"
    import re

    for file in source.glob("*.py"):
        text = file.read_text("utf-8")
        keys = re.findall(r'(?:figure\(\s*|Column\()"(\w+)"', text)
        wanted += [f"lab.column.{key}{end}" for key in keys for end in ("", ".help")]
        wanted += [f"lab.plot.{key}" for key in re.findall(r'Plot\(\s*"(\w+)"', text)]
    for lang in ("en", "ko"):
        assert not [key for key in wanted if key not in catalogue(lang)]
