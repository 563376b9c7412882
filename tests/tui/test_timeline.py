"""The memory timeline: opened from chat, trace and command, gone through with the arrows, live, hostile text."""

from __future__ import annotations

from typing import Any

import pytest

from core.events import Detail
from core.session import samples
from tests.tui.fakes import MIB, sample
from tui.screens.timeline import TimelineScreen

NASTY = "[/x] [bold]b[/bold] \x1b[31mred \u202eevil"


def record(bench: Any, run_id: str, count: int = 8, **changes: Any) -> None:
    """Store samples of a run, a fifth of a second apart, memory growing by 10 MiB each."""
    from core.session import chat

    started = chat.get_run(bench.runtime.store, run_id).started_at
    rows = [
        sample(
            0,
            **{
                "ts": started + index / 5,
                "run_id": run_id,
                "engine_pss_bytes": (200 + 10 * index) * MIB,
                "tokens_per_s": 40.0 + index,
                "engine_cpu_percent": 90.0 + index,
                **changes,
            },
        )
        for index in range(count)
    ]
    samples.add_samples(bench.runtime.store, rows).result()


async def answered(bench: Any, text: str = "What is 12*34?") -> str:
    """Ask, and return the run's id."""
    before = len(bench.app.bench.chat.answers())
    await bench.ask(text)
    await bench.until(lambda: len(bench.app.bench.chat.answers()) == before + 1 and not bench.app.state.live)
    return str(bench.app.bench.chat.answers()[-1].turn.message.run_id)


async def opened(bench: Any) -> TimelineScreen:
    await bench.until(lambda: isinstance(bench.app.screen, TimelineScreen), "the timeline is open")
    screen: TimelineScreen = bench.app.screen
    return screen


async def test_the_command_shows_the_last_answer_and_the_arrows_read_it_out(runs: Any) -> None:
    async with runs() as bench:
        record(bench, await answered(bench))
        await bench.ask("/timeline")
        screen = await opened(bench)
        await bench.sees("8 samples, peak 270 MiB")
        await bench.sees("first token")
        await bench.pilot.press("right")
        await bench.sees("0.00 s after the question   PSS 200 MiB")
        await bench.pilot.press("right", "right")
        await bench.sees(
            "0.40 s after the question   PSS 220 MiB   anon 142 MiB   file 126 MiB   CPU 92 %   tok/s 42.0"
        )
        assert [view.cursor for view in screen.views] == [0.4, 0.4, 0.4]
        await bench.pilot.press("end")
        await bench.sees("1.40 s after the question")
        await bench.pilot.press("left")
        await bench.sees("1.20 s after the question")
        await bench.pilot.press("home")
        await bench.sees("0.00 s after the question")
        await bench.pilot.press("shift+right")
        await bench.sees("1.40 s after the question")
        await bench.pilot.press("pageup")
        await bench.sees("0.00 s after the question")
        await bench.pilot.press("escape")
        await bench.sees("8 samples, peak 270 MiB")
        await bench.pilot.press("escape")
        await bench.until(lambda: bench.app.screen is bench.app.bench)


async def test_m_on_an_answer_and_on_a_step_open_it(runs: Any) -> None:
    async with runs() as bench:
        first = await answered(bench)
        await answered(bench, "And 1+1?")
        bench.app.bench.chat.answers()[0].query(".item").first().focus()
        await bench.pilot.press("m")
        assert (await opened(bench)).timeline.run.id == first
        await bench.pilot.press("escape", "f2")
        await bench.until(lambda: bench.app.bench.trace.display and bench.app.bench.trace.runs)
        bench.app.bench.trace.select(first)
        await bench.pilot.press("m")
        assert (await opened(bench)).timeline.run.id == first


async def test_brackets_turn_to_the_answers_before_and_after(runs: Any) -> None:
    async with runs() as bench:
        first = await answered(bench)
        second = await answered(bench, "And 1+1?")
        record(bench, first, 4)
        record(bench, second, 6)
        await bench.ask("/timeline")
        screen = await opened(bench)
        await bench.sees("6 samples")
        await bench.pilot.press("left_square_bracket")
        await bench.sees("4 samples")
        assert screen.timeline.run.id == first
        await bench.pilot.press("left_square_bracket")
        await bench.pilot.press("right_square_bracket")
        await bench.sees("6 samples")
        assert screen.timeline.run.id == second


async def test_a_generation_that_goes_on_is_drawn_as_it_goes(runs: Any) -> None:
    async with runs() as bench:
        bench.runtime.auto = False
        await bench.ask("What is 12*34?")
        await bench.until(lambda: bench.app.state.generating)
        run_id = bench.app.state.generating.run_id
        await bench.app.action_do("timeline")
        screen = await opened(bench)
        await bench.sees("The first samples are on their way.")
        started = screen.timeline.run.started_at
        for index in range(4):
            bench.runtime.emit(
                sample(0, ts=started + index, run_id=run_id, engine_pss_bytes=(300 + index) * MIB)
            )
        await bench.sees("4 samples, peak 303 MiB")
        record(bench, run_id, 5)
        bench.runtime.answer()
        await bench.until(lambda: screen.timeline.run.status == "ok")
        await bench.sees("5 samples")


async def test_an_answer_without_samples_says_why_there_is_no_curve(runs: Any) -> None:
    async with runs() as bench:
        await bench.ask("/timeline")
        await bench.sees("There is no answer yet")
        await answered(bench)
        await bench.ask("/timeline")
        await bench.sees("too few samples were taken")


async def test_proportional_parts_are_shown_where_they_were_measured(runs: Any) -> None:
    async with runs() as bench:
        run_id = await answered(bench)
        record(bench, run_id)
        await bench.ask("/timeline")
        screen = await opened(bench)
        detail = Detail(engine_pss_anon_bytes=77 * MIB, engine_pss_file_bytes=33 * MIB)
        last = screen.timeline.samples[-1].ts
        screen.take_sample(sample(0, ts=last + 1, run_id=run_id, detail=detail))
        await bench.pilot.press("end")
        await bench.sees("anon 77 MiB   file 33 MiB")


async def test_hostile_questions_and_explanations(runs: Any) -> None:
    async with runs() as bench:
        record(bench, await answered(bench, f"Q {NASTY}"))
        await bench.ask("/timeline")
        await opened(bench)
        await bench.sees("Q [/x] [bold]b[/bold] red evil")
        text = bench.screen_text()
        assert "\x1b" not in text and "\u202e" not in text
        await bench.pilot.press("question_mark")
        await bench.sees("proportional set size")


@pytest.mark.parametrize("lang", ["en", "ko"])
async def test_a_low_screen_shows_the_memory_alone(runs: Any, lang: str) -> None:
    async with runs(size=(80, 24), lang=lang) as bench:
        record(bench, await answered(bench))
        await bench.ask("/timeline")
        screen = await opened(bench)
        await bench.until(lambda: [view.display for view in screen.views] == [True, False, False])
        await bench.pilot.resize_terminal(120, 36)
        await bench.until(lambda: all(view.display for view in screen.views))
