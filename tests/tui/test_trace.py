"""The trace: found, filtered, followed, repeated, forked, replayed, exported. A FAKE runtime, real app and store."""

from __future__ import annotations

from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest
from rich.cells import cell_len
from textual.events import Key
from textual.widgets import Input, TextArea

from core.session.rows import Rerun
from tests.tui.fakes import START, FakeRuntime
from tests.tui.trace_fakes import FakeTraces

BODY = {"model": "smollm2:135m", "messages": [{"role": "user", "content": "What is 12*34?"}]}
MODEL = {
    "gen_ai.request.model": "smollm2:135m",
    "gen_ai.request.seed": 7,
    "gen_ai.usage.input_tokens": 412,
    "gen_ai.usage.output_tokens": 38,
    "gen_ai.response.time_to_first_chunk": 0.112,
    "app.response.tokens_per_s": 49.1,
    "gen_ai.response.finish_reasons": ["stop"],
    "app.request.body": BODY,
}


def prepared(runtime: FakeRuntime) -> None:
    runtime.auto = False
    runtime.traces = FakeTraces(runtime)  # type: ignore[attr-defined]
    runtime.tools = SimpleNamespace(list=lambda: [SimpleNamespace(name="calculator")])  # type: ignore[attr-defined]


async def one_run(bench: Any, question: str = "What is 12*34?", *, failed: bool = False) -> str:
    """A whole run with a tool call and a model call; its id."""
    await bench.ask(question)
    await bench.until(lambda: bench.runtime.current and bench.app.state.live)
    run_id = str(bench.runtime.current.run_id)
    bench.runtime.tool("error" if failed else "ok")
    bench.runtime.span("model", "root", "chat smollm2:135m", "model", "ok", 900.0, MODEL, START + 0.1)
    bench.runtime.token("It is 408.")
    bench.runtime.end()
    await bench.until(lambda: run_id not in bench.app.state.live)
    return run_id


async def opened(bench: Any, at: str = "") -> Any:
    pane = bench.app.bench.trace
    if not pane.display:
        await bench.pilot.press("f2")
    await bench.until(lambda: pane.runs and pane.children and len(pane.span_rows.rows) > 1)
    if at:
        pane.select(at)
        await bench.until(lambda: pane.span_rows.current and pane.span_rows.current.id == at)
    pane.span_rows.focus()
    await bench.pilot.pause()
    return pane


async def at(bench: Any, step: str) -> str:
    """A run, and the trace open at one of its steps; the run's id."""
    run_id = await one_run(bench)
    await opened(bench, f"{run_id}-{step}")
    return run_id


async def test_a_model_call_says_first_what_matters(runs: Any) -> None:
    async with runs(prepare=prepared) as bench:
        await at(bench, "model")
        shown = bench.screen_text()
        for text in ("prompt 412 tok · output 38 tok", "TTFT 112 ms", "49.1 tok/s", "seed 7", "finish stop"):
            assert text.split(" · ")[0] in " ".join(shown.split()), text
        assert "r again" in shown and "f fork" in shown


async def test_words_filter_the_steps_and_escape_shows_all(runs: Any) -> None:
    async with runs(prepare=prepared) as bench:
        await one_run(bench)
        pane = await opened(bench)
        every = len(pane.span_rows.rows)
        await bench.pilot.press("slash")
        await bench.until(lambda: isinstance(bench.app.focused, Input))
        await bench.type("calculator 12*34")
        await bench.until(
            lambda: [row.id.split("-")[-1] for row in pane.span_rows.rows][1:] == ["root", "tool"]
        )
        await bench.type(" nowhere")
        await bench.sees("No step has these words")
        await bench.pilot.press("escape")
        await bench.until(lambda: len(pane.span_rows.rows) == every)
        assert bench.app.bench.trace.display, "Escape closed the filter, not the trace"


async def test_errors_are_counted_gone_to_and_shown_alone(runs: Any) -> None:
    async with runs(prepare=prepared) as bench:
        first = await one_run(bench, "one", failed=True)
        second = await one_run(bench, "two", failed=True)
        await one_run(bench, "three")
        pane = await opened(bench)
        await bench.sees("2 failed")
        await bench.pilot.press("home", "e")
        await bench.until(lambda: pane.span_rows.current.id == f"{first}-tool")
        await bench.pilot.press("e")
        await bench.until(lambda: pane.span_rows.current.id == f"{second}-tool")
        await bench.pilot.press("e")
        await bench.until(lambda: pane.span_rows.current.id == f"{first}-tool")
        await bench.pilot.press("E")
        await bench.until(lambda: not any("model" in row.id for row in pane.span_rows.rows))
        await bench.pilot.press("escape")
        await bench.until(
            lambda: len(pane.runs) == 3 and any(row.left[1][0] == "three" for row in pane.span_rows.rows)
        )


async def test_the_newest_step_is_followed_until_the_user_goes_elsewhere(runs: Any) -> None:
    async with runs(prepare=prepared) as bench:
        await one_run(bench)
        pane = await opened(bench)
        bench.app.bench.chat.composer.focus()
        await bench.ask("again")
        await bench.until(lambda: len(pane.runs) == 2)
        run_id = bench.runtime.current.run_id
        bench.runtime.span("a", "root", "route", "route", "running", None)
        await bench.until(lambda: pane.span_rows.current.id == f"{run_id}-a")
        pane.span_rows.focus()
        await bench.pilot.press("home")
        bench.runtime.span("b", "root", "chat", "model", "running", None)
        await bench.until(lambda: f"{run_id}-b" in pane.spans)
        await bench.until(lambda: any(row.id == f"{run_id}-b" for row in pane.span_rows.rows))
        assert pane.span_rows.cursor == 0


async def test_a_call_is_made_again_and_the_answers_are_compared(runs: Any) -> None:
    async with runs(prepare=prepared) as bench:
        run_id = await at(bench, "model")
        await bench.pilot.press("r")
        await bench.sees("How many times")
        await bench.pilot.press("2", "enter")
        await bench.sees("1 of 2 the same, first difference at token 2")
        assert bench.runtime.traces.asked == [("rerun", f"{run_id}-model", 2)]
        await bench.until(
            lambda: "408409" in bench.screen_text().replace(" ", ""), "both words, one struck out"
        )
        await bench.pilot.press("escape")
        await bench.until(lambda: bench.app.screen is bench.app.bench)


async def test_escape_stops_what_is_repeated(runs: Any) -> None:
    held: Future[list[Rerun]] = Future()
    async with runs(prepare=prepared) as bench:
        run_id = await one_run(bench)
        bench.runtime.traces.hold = held
        await opened(bench, f"{run_id}-model")
        await bench.pilot.press("r", "enter")
        await bench.sees("0 of 3 answered")
        await bench.pilot.press("escape")
        await bench.until(held.cancelled)


async def test_a_bad_number_is_refused_in_a_sentence(runs: Any) -> None:
    async with runs(prepare=prepared) as bench:
        await at(bench, "model")
        await bench.pilot.press("r", "x", "enter")
        await bench.sees("Give a number from 1 to 50")
        assert not bench.runtime.traces.asked


async def test_determinism_is_told_for_one_seed_and_for_new_ones(runs: Any) -> None:
    async with runs(prepare=prepared) as bench:
        await at(bench, "model")
        await bench.pilot.press("d", "3", "enter")
        await bench.sees("one seed  2 of 2 the same")
        await bench.sees("a new seed each time  0 of 2 the same, first difference at token 1")
        assert bench.runtime.traces.asked[0] == ("determinism", "What is 12*34?", 3, True)


@pytest.mark.parametrize(
    ("step", "field", "value"), [("tool", "tool_result", "409"), ("model", "prompt", "What is 2+2?")]
)
async def test_a_fork_takes_the_edited_text(runs: Any, step: str, field: str, value: str) -> None:
    async with runs(prepare=prepared) as bench:
        run_id = await one_run(bench)
        before = bench.app.state.session_id
        await opened(bench, f"{run_id}-{step}")
        await bench.pilot.press("f")
        area = await bench.until(lambda: bench.app.screen.query("#fork-text"))
        area.first(TextArea).text = value
        await bench.pilot.press("ctrl+s")
        await bench.until(
            lambda: bench.runtime.traces.asked == [("fork", f"{run_id}-{step}", {field: value})]
        )
        await bench.until(lambda: bench.app.state.session_id != before)
        await bench.sees("A fork: forked")


async def test_keys_that_arrive_at_once_are_all_in_the_fork(runs: Any) -> None:
    """Over a slow line the last letters and Ctrl+S come together."""
    async with runs(prepare=prepared) as bench:
        await at(bench, "model")
        await bench.pilot.press("f")
        await bench.until(lambda: bench.app.screen.query("#fork-text"))
        for letter in "ab":
            bench.app.post_message(Key(letter, letter))
        bench.app.post_message(Key("ctrl+s", None))
        await bench.until(lambda: bench.runtime.traces.asked)
        assert bench.runtime.traces.asked[0][2] == {"prompt": "What is 12*34?ab"}


async def test_escape_forks_nothing(runs: Any) -> None:
    async with runs(prepare=prepared) as bench:
        await at(bench, "model")
        await bench.pilot.press("f")
        await bench.until(lambda: bench.app.screen.query("#fork-text"))
        await bench.pilot.press("escape")
        await bench.until(lambda: bench.app.screen is bench.app.bench)
        assert not bench.runtime.traces.asked


async def test_a_replay_stands_beside_the_recorded_run(runs: Any) -> None:
    async with runs(prepare=prepared) as bench:
        run_id = await at(bench, "model")
        await bench.pilot.press("p")
        await bench.sees("Replay on which model?")
        for _ in range(20):
            await bench.pilot.press("backspace")
        await bench.type("other:1b")
        await bench.pilot.press("enter")
        await bench.sees("The answers differ:")
        assert bench.runtime.traces.asked == [("replay", run_id, "other:1b")]
        assert "recorded" in bench.screen_text() and "≠" in bench.screen_text()


async def test_a_call_is_copied_as_a_command_without_its_token(runs: Any) -> None:
    async with runs(prepare=prepared) as bench:
        await at(bench, "model")
        await bench.pilot.press("c")
        await bench.sees("$LLM_STUDY_TOKEN")


async def test_what_works_on_a_call_only_says_so_elsewhere(runs: Any) -> None:
    async with runs(prepare=prepared) as bench:
        await at(bench, "tool")
        await bench.pilot.press("r")
        await bench.sees("That works on a model call")


async def test_a_wrong_tool_is_corrected(runs: Any) -> None:
    async with runs(prepare=prepared) as bench:
        run_id = await at(bench, "tool")
        await bench.pilot.press("o")
        await bench.sees("Which tool was it for?")
        await bench.type("calc")
        await bench.pilot.press("enter")
        await bench.until(lambda: bench.runtime.traces.asked == [("correct", run_id, "calculator")])
        await bench.sees("Noted as an example")


async def test_the_session_is_exported(runs: Any) -> None:
    async with runs(prepare=prepared) as bench:
        await at(bench, "tool")
        await bench.pilot.press("x")
        await bench.sees("Export what?")
        await bench.type("lines")
        await bench.pilot.press("enter")
        await bench.until(
            lambda: bench.runtime.traces.asked == [("export", bench.app.state.session_id, "jsonl")]
        )


async def test_a_wide_screen_has_the_trace_beside_the_chat_and_f9_gives_it_all(runs: Any) -> None:
    async with runs(size=(200, 50), prepare=prepared) as bench:
        await at(bench, "tool")
        assert bench.app.bench.chat.display and "execute_tool calculator" in bench.screen_text()
        await bench.pilot.press("f9")
        await bench.until(lambda: not bench.app.bench.chat.display)
        await bench.pilot.press("f9")
        await bench.until(lambda: bench.app.bench.chat.display)
        await bench.pilot.press("f2")
        await bench.until(lambda: bench.app.bench.documents.display and not bench.app.bench.trace.display)


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (200, 50)])
async def test_korean_and_hostile_steps_stay_in_their_columns(runs: Any, size: tuple[int, int]) -> None:
    async with runs(size=size, prepare=prepared, lang="ko") as bench:
        await bench.ask("[bold]등대[/] 이야기를 \x1b[31m길게 해줘 " + "가" * 300)
        await bench.until(lambda: bench.app.state.live)
        bench.runtime.tool("error")
        bench.runtime.span("m", "root", "chat [red]모델[/]\x1b[2J", "model", "ok", 900.0, MODEL, START + 0.1)
        bench.runtime.end()
        await opened(bench)
        lines = bench.screen_text().splitlines()
        assert all(cell_len(line) <= size[0] for line in lines)
        assert "[red]모델[/]" in bench.screen_text() and "\x1b" not in bench.screen_text()
        bars = [line.rstrip() for line in lines if "█" in line and "chat" in line]
        assert bars, "the waterfall is drawn"


async def test_arrows_open_and_close_what_is_below(runs: Any) -> None:
    async with runs(prepare=prepared) as bench:
        first = await one_run(bench, "one")
        await one_run(bench, "two")
        pane = await opened(bench)
        # All at once, as over a slow line.
        for key in ("home", "right", "down", "down"):
            bench.app.post_message(Key(key, None))
        await bench.until(lambda: pane.span_rows.current.id == f"{first}-tool")
        await bench.pilot.press("home", "left")
        await bench.until(lambda: not any(row.id == f"{first}-tool" for row in pane.span_rows.rows))


async def test_a_call_and_a_run_say_what_they_took(runs: Any) -> None:
    async with runs(prepare=prepared, power_w=20.0, power_price=0.2) as bench:
        await at(bench, "model")
        await bench.sees("412 tokens read, 38 written")
        await bench.sees("Wh at the 20 W of the settings")
        await bench.pilot.press("home")
        await bench.sees("what it took")


async def test_a_tool_that_was_not_allowed_is_no_failure(runs: Any) -> None:
    async with runs(prepare=prepared) as bench:
        await bench.ask("weather?")
        await bench.until(lambda: bench.app.state.live)
        seen = {"gen_ai.tool.name": "weather", "error.type": "error.tool.denied"}
        bench.runtime.span("no", "root", "execute_tool weather", "tool", "error", 1.0, seen)
        bench.runtime.end()
        pane = await opened(bench)
        await bench.until(lambda: any("no" in span_id for span_id in pane.spans))
        assert "failed" not in bench.screen_text()
