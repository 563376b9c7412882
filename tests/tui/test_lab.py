"""The lab's screen: every action, live progress, comparison, hostile text, sizes and languages."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from core.events import LabChanged
from core.lab.types import Cell, Column, Option, Table
from tests.tui.lab_fakes import EXPERIMENTS, START, run, table, with_lab
from tui.screens.lab import LabScreen
from tui.screens.lab_options import BadOption, OptionsDialog, read_option, written
from tui.widgets.lab_table import table_parts
from tui.widgets.plot import PlotView
from tui.widgets.rows import RowList

NASTY = "[/x] [bold]b[/bold] \x1b[31mred\x1b]0;title\x07 \u202eevil"


async def open_lab(bench: Any) -> LabScreen:
    await bench.pilot.press("f4")
    await bench.until(
        lambda: isinstance(bench.app.screen, LabScreen) and bench.app.lab.state.loaded, "the lab is open"
    )
    screen: LabScreen = bench.app.screen
    await bench.until(lambda: len(screen.rows.rows) > 4)
    return screen


async def choose(bench: Any, row_id: str) -> None:
    rows = bench.app.screen.query_one("#lab-list", RowList)
    rows.cursor = next(index for index, row in enumerate(rows.rows) if row.id == row_id)
    await bench.pilot.pause()


def fake(bench: Any) -> Any:
    return bench.runtime.lab


async def test_f4_opens_and_leaves_and_other_keys_go_to_the_workbench(runs: Any) -> None:
    async with runs(prepare=with_lab()) as bench:
        await open_lab(bench)
        await bench.sees("Experiments")
        await bench.pilot.press("f4")
        await bench.until(lambda: bench.app.screen is bench.app.bench)
        await open_lab(bench)
        await bench.pilot.press("escape")
        await bench.until(lambda: bench.app.screen is bench.app.bench)
        await open_lab(bench)
        await bench.pilot.press("f2")
        await bench.until(lambda: bench.app.screen is bench.app.bench and bench.app.bench.trace.display)


async def test_an_experiment_is_explained_with_its_options(runs: Any) -> None:
    async with runs(prepare=with_lab(run("a", "load"))) as bench:
        await open_lab(bench)
        await choose(bench, "x:load")
        await bench.sees("1, 2, 4, 8, 16")
        await bench.sees("Took 2 m 05 s here the last times.")
        await choose(bench, "x:latency")
        await bench.sees("Has not finished here yet")


async def test_enter_starts_with_the_options_shown_and_progress_is_live(runs: Any) -> None:
    async with runs(prepare=with_lab()) as bench:
        screen = await open_lab(bench)
        await choose(bench, "x:latency")
        await bench.pilot.press("enter")
        await bench.until(lambda: fake(bench).started == [("latency", {"prompts": (32, 128), "repeats": 6})])
        await bench.until(lambda: screen.run is not None and screen.run.status == "running")
        fake(bench).progress("run0", 12, now="128 prompt tokens, 48 output tokens")
        await bench.sees("128 prompt tokens, 48 output tokens")
        await bench.sees("12/40  1 m 35 s left")
        await bench.sees("● p50   ○ p99")
        assert "● lab 12/40" in bench.screen_text()
        fake(bench).progress("run0", 40, status="done")
        await bench.sees("is done. F4 shows what it found.")
        await bench.sees("Up to 4 users at once")
        await bench.until(lambda: "lab 40/40" not in bench.screen_text())


async def test_a_run_goes_on_while_the_screen_is_closed_and_its_end_is_told(runs: Any) -> None:
    async with runs(prepare=with_lab()) as bench:
        await open_lab(bench)
        await bench.pilot.press("enter")
        await bench.until(lambda: fake(bench).started)
        fake(bench).progress("run0", 1)
        await bench.pilot.press("escape", "escape")
        await bench.until(lambda: bench.app.screen is bench.app.bench)
        fake(bench).progress("run0", 20)
        await bench.sees("● lab 20/40")
        fake(bench).progress("run0", 40, status="failed")
        await bench.sees("failed. F4 says why")
        await bench.until(lambda: "lab 20/40" not in bench.screen_text())


async def test_a_question_during_a_run_is_answered_with_a_warning(runs: Any) -> None:
    async with runs(prepare=with_lab()) as bench:
        await open_lab(bench)
        await bench.pilot.press("enter")
        await bench.until(lambda: fake(bench).started)
        fake(bench).progress("run0", 1)
        await bench.pilot.press("escape", "escape")
        await bench.until(lambda: bench.app.screen is bench.app.bench)
        await bench.ask("What is 12*34?")
        await bench.sees("this question disturbs")
        await bench.sees("12 × 34 = 408")


async def test_options_are_checked_while_they_are_written(runs: Any) -> None:
    async with runs(prepare=with_lab()) as bench:
        await open_lab(bench)
        await choose(bench, "x:load")
        await bench.pilot.press("e")
        await bench.until(lambda: isinstance(bench.app.screen, OptionsDialog))
        box = bench.app.screen.query_one("#option-users")
        box.value = "1, 2, many"
        await bench.sees("“many” is not a whole number.")
        await bench.pilot.press("enter")
        assert isinstance(bench.app.screen, OptionsDialog)
        box.value = "1 1000"
        await bench.sees("Must be 1…256.")
        box.value = "1, 3"
        await bench.pilot.press("enter")
        await bench.until(lambda: isinstance(bench.app.screen, LabScreen))
        await bench.sees("In colour: changed by you.")
        await bench.pilot.press("enter")
        await bench.until(
            lambda: fake(bench).started == [("load", {"users": (1, 3), "rates": (0.5, 1.0), "search": True})]
        )


async def test_a_run_can_be_started_from_the_options_of_an_earlier_one(runs: Any) -> None:
    async with runs(prepare=with_lab(run("a", "load", options={"users": [1, 9], "search": False}))) as bench:
        await open_lab(bench)
        await choose(bench, "r:a")
        await bench.pilot.press("e")
        await bench.until(lambda: isinstance(bench.app.screen, OptionsDialog))
        assert bench.app.screen.query_one("#option-users").value == "1, 9"
        await bench.pilot.press("ctrl+s")
        await bench.until(
            lambda: fake(bench).started == [("load", {"users": (1, 9), "rates": (0.5, 1.0), "search": False})]
        )


async def test_escape_leaves_the_options_as_they_were(runs: Any) -> None:
    async with runs(prepare=with_lab()) as bench:
        await open_lab(bench)
        await bench.pilot.press("e")
        await bench.until(lambda: isinstance(bench.app.screen, OptionsDialog))
        bench.app.screen.query_one("#option-repeats").value = "9"
        await bench.pilot.press("escape")
        await bench.until(lambda: isinstance(bench.app.screen, LabScreen))
        assert not bench.app.lab.state.options.get("latency")


async def test_cancel_and_resume(runs: Any) -> None:
    async with runs(prepare=with_lab(run("a", "load", "running"))) as bench:
        screen = await open_lab(bench)
        await choose(bench, "r:a")
        await bench.pilot.press("r")
        assert not fake(bench).resumed
        await bench.pilot.press("c")
        await bench.until(lambda: fake(bench).cancelled == ["a"])
        await bench.sees("was cancelled")
        await bench.sees("r goes on where it stopped")
        await bench.pilot.press("r")
        await bench.until(lambda: fake(bench).resumed == ["a"])
        await bench.until(lambda: screen.run is not None and screen.run.status == "running")


async def test_two_marked_runs_are_compared(runs: Any) -> None:
    prepared = with_lab(run("a"), run("b", created_at=START + 9), run("c", "latency", created_at=START - 9))
    async with runs(prepare=prepared) as bench:
        await open_lab(bench)
        await choose(bench, "r:a")
        await bench.pilot.press("m")
        await choose(bench, "r:c")
        await bench.pilot.press("m")
        await bench.sees("Only runs of the same experiment can be compared.")
        await choose(bench, "r:b")
        await bench.pilot.press("m")
        await bench.sees("×1.32 (1.20–1.45)")
        text = bench.screen_text()
        assert "real" in text and "within noise" in text and "too few to tell" in text
        assert "A had 2 cores, B had 4." in text
        await bench.pilot.press("m")
        await bench.until(lambda: "×1.32" not in bench.screen_text())
        assert not bench.app.lab.state.marked


async def test_export_says_where(runs: Any) -> None:
    async with runs(prepare=with_lab(run("a"))) as bench:
        await open_lab(bench)
        await choose(bench, "r:a")
        await bench.pilot.press("x")
        await bench.sees("lab-a.svg")
        assert fake(bench).exported[0][0] == "a"


async def test_delete_asks_first(runs: Any) -> None:
    async with runs(prepare=with_lab(run("a"))) as bench:
        await open_lab(bench)
        await choose(bench, "r:a")
        await bench.pilot.press("d")
        await bench.sees("measurements?")
        await bench.pilot.press("n")
        await bench.until(lambda: isinstance(bench.app.screen, LabScreen))
        await bench.pilot.press("d")
        await bench.sees("measurements?")
        await bench.pilot.press("y")
        await bench.sees("no run yet")


async def test_the_plot_is_read_with_the_arrows_and_turned_with_p(runs: Any) -> None:
    async with runs(prepare=with_lab(run("a"))) as bench:
        await open_lab(bench)
        await choose(bench, "r:a")
        await bench.sees("● p50   ○ p99")
        await bench.pilot.press("right", "right")
        await bench.sees("2 users   ● p50 224 (200–260) ms   ○ p99 340 ms")
        await bench.pilot.press("left")
        await bench.sees("1 users   ● p50 112 (100–130) ms")
        await bench.pilot.press("p")
        await bench.sees("2/2")
        await bench.sees("tok/s   ●")
        await bench.pilot.press("p")
        await bench.until(lambda: bench.app.screen.plot.cursor is None)
        await bench.pilot.click(PlotView, offset=(70, 5))
        await bench.until(lambda: bench.app.screen.plot.cursor == 8)


async def test_every_column_is_defined(runs: Any) -> None:
    async with runs(prepare=with_lab(run("a"))) as bench:
        await open_lab(bench)
        await choose(bench, "r:a")
        await bench.sees("● p50")
        await bench.pilot.press("question_mark")
        await bench.sees("What the columns mean")
        assert "95 % confidence interval" in str(bench.app.screen._content)


async def test_an_invalid_run_says_so(runs: Any) -> None:
    marked = run("a", invalid=("client",), note="by night")
    async with runs(size=(120, 50), prepare=with_lab(marked)) as bench:
        fake(bench).warnings = ("The sample is small.",)
        await open_lab(bench)
        await choose(bench, "r:a")
        await bench.sees("Not valid:")
        await bench.sees("The sample is small.")
        await bench.sees("by night")


async def test_a_refused_start_is_a_sentence(runs: Any) -> None:
    async with runs(prepare=with_lab()) as bench:
        fake(bench).refuse = "error.run.cancelled"
        await open_lab(bench)
        await bench.pilot.press("enter")
        await bench.until(lambda: bench.app.notices)
        assert not fake(bench).started


async def test_hostile_text_of_runs_is_shown_as_it_is(runs: Any) -> None:
    hostile = run(
        "a", note=NASTY, error=NASTY, fix=NASTY, status="failed", environment={"model": NASTY, NASTY: NASTY}
    )
    async with runs(size=(160, 60), prepare=with_lab(hostile)) as bench:
        fake(bench).sentence = NASTY
        fake(bench).warnings = (NASTY,)
        await open_lab(bench)
        await choose(bench, "r:a")
        await bench.sees("[/x] [bold]b[/bold] red")
        fake(bench).put(replace(hostile, status="running"))
        bench.runtime.emit(LabChanged("a", "running", 1, 4, None, NASTY))
        await bench.until(lambda: "1/4" in bench.screen_text())
        text = bench.screen_text()
        for letter in ("\x1b", "\x9b", "\x07", "\u202e"):
            assert letter not in text


@pytest.mark.parametrize("lang", ["en", "ko"])
async def test_list_and_detail_are_two_steps_on_a_narrow_screen(runs: Any, lang: str) -> None:
    async with runs(size=(80, 24), lang=lang, prepare=with_lab(run("a"))) as bench:
        screen = await open_lab(bench)
        assert screen.rows.display and not screen.query_one("#lab-detail").display
        await choose(bench, "r:a")
        await bench.pilot.press("enter")
        await bench.sees("Up to 4 users at once")
        assert not screen.rows.display
        await bench.pilot.press("escape")
        await bench.until(lambda: screen.rows.display)
        await choose(bench, "x:latency")
        await bench.pilot.press("enter")
        await bench.until(lambda: screen.query_one("#lab-detail").display)
        assert not fake(bench).started
        await bench.pilot.press("e")
        await bench.until(lambda: isinstance(bench.app.screen, OptionsDialog))
        await bench.pilot.press("escape")
        await bench.pilot.resize_terminal(120, 36)
        await bench.until(lambda: screen.rows.display and screen.query_one("#lab-detail").display)


async def test_the_language_changes_under_the_open_lab(runs: Any, tmp_path: Any) -> None:
    async with runs(prepare=with_lab(run("a"))) as bench:
        await open_lab(bench)
        await bench.app.action_do("lang", "ko")
        await bench.sees("실행 기록")
        await bench.pilot.press("escape")
        await bench.until(lambda: bench.app.screen is bench.app.bench)


async def test_nothing_is_drawn_while_nothing_changes(runs: Any, monkeypatch: Any) -> None:
    async with runs(prepare=with_lab(run("a", "load", "running"))) as bench:
        screen = await open_lab(bench)
        await choose(bench, "r:a")
        await bench.sees("● p50")
        drawn: list[str] = []
        monkeypatch.setattr(PlotView, "render", lambda self: drawn.append("plot") or "")
        await bench.pilot.pause()
        for _ in range(3):
            screen.show_detail()
            await bench.pilot.pause()
        assert not drawn


# -- parts ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "text", "value"),
    [
        (EXPERIMENTS[0].options[0], "1 000", None),
        (EXPERIMENTS[0].options[0], "16, 64", (16, 64)),
        (EXPERIMENTS[1].options[1], "0.5 2", (0.5, 2.0)),
        (EXPERIMENTS[1].options[2], "예", True),
        (EXPERIMENTS[1].options[2], "off", False),
        (EXPERIMENTS[1].options[2], "maybe", None),
        (EXPERIMENTS[0].options[1], "1e9", None),
        (EXPERIMENTS[0].options[1], "51", None),
        (EXPERIMENTS[0].options[1], "", None),
        (Option("seconds", "float", 10.0, 0.2, 60), "nan", None),
        (Option("model", "text", ""), "", ""),
        (Option("model", "text", ""), "a\x1b[31mb", "ab"),
    ],
)
def test_options_are_read(option: Option, text: str, value: Any) -> None:
    if value is None:
        with pytest.raises(BadOption):
            read_option(option, text)
    else:
        assert read_option(option, text) == value
        assert read_option(option, written(value)) == value


def plain(parts: list[Any]) -> list[str]:
    return "".join(part if isinstance(part, str) else part[0] for part in parts).splitlines()


def test_a_table_shows_as_much_of_the_intervals_as_fits() -> None:
    assert any("112 (101–134)" in line for line in plain(table_parts(table(), 100)))
    assert any("112 ±22.4" in line for line in plain(table_parts(table(), 46)))
    narrow = plain(table_parts(table(), 30))
    assert any(line.split()[:2] == ["1", "112"] for line in narrow)
    assert all(len(line) <= 30 for line in narrow[:-1])
    split = plain(table_parts(table(), 18))
    assert sum(line.startswith("users") or "users" in line for line in split) >= 2


def test_figures_from_too_few_samples_are_marked() -> None:
    lines = plain(table_parts(table(), 100))
    assert any("20.4!" in line for line in lines)
    assert lines[-1].startswith("! ")


def test_a_missing_value_is_a_dash_not_a_zero() -> None:
    lines = plain(table_parts(Table((Column("users"), Column("ttft", "ms")), ((Cell(1), Cell(None)),)), 40))
    assert "—" in lines[-1]
