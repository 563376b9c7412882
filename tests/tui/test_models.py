"""The models' screen: every action over labelled fake desks, at every size, against hostile names."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Any

import pytest

from core.errors import StudyError
from core.events import ModelsChanged
from core.models.types import LoadRecord
from tests.tui.engine_room_fakes import FakeModels, engine_room, fit_report, load_record, model, pull
from tests.tui.fakes import FakeRuntime, done
from tui.models_room import next_ctx
from tui.screens.dialogs import Ask, Confirm
from tui.screens.models import ModelsScreen
from tui.screens.models_dialogs import ConfirmReport, SourceDialog
from tui.widgets.rows import RowList

Runs = Callable[..., AbstractAsyncContextManager[Any]]


async def open_models(bench: Any) -> FakeModels:
    await bench.pilot.press("f3")
    await bench.until(lambda: isinstance(bench.app.screen, ModelsScreen))
    await bench.sees("available (")
    return bench.runtime.models  # type: ignore[no-any-return]


def shown(bench: Any) -> str:
    return str(bench.screen_text())


async def told(bench: Any, text: str) -> None:
    """Wait for a sentence to be told; on screen its words are wrapped."""
    await bench.until(lambda: any(text in notice.text for notice in bench.app.notices), f"{text!r} told")


async def on_row(bench: Any, name: str) -> None:
    """Move to a model, and wait for its verdict."""
    table: RowList = bench.app.screen.list_of("models")
    table.cursor = next(place for place, row in enumerate(table.rows) if row.id == name)
    await bench.until(lambda: bench.app.models.state.report(name), f"a verdict for {name}")
    await bench.pilot.pause()


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (200, 50)])
async def test_the_table_says_what_fits_and_why(runs: Runs, size: tuple[int, int]) -> None:
    async with runs(size=size, prepare=engine_room) as bench:
        await open_models(bench)
        assert "smollm2:135m" in shown(bench)
        await on_row(bench, "llama2:7b")
        await bench.sees("needs 5.5 GiB")
        await bench.sees("5.2 GiB available (memory)")
        await bench.sees("short by 0.3 GiB")
        assert "ctx up to 1 024" in shown(bench)


async def test_korean(runs: Runs) -> None:
    async with runs(size=(80, 24), lang="ko", prepare=engine_room) as bench:
        await bench.pilot.press("f3")
        await bench.sees("사용 가능(메모리)")
        await on_row(bench, "llama2:7b")
        await bench.sees("5.5 GiB 필요")
        await bench.sees("0.3 GiB 부족")


async def test_ascii_draws_only_ascii(runs: Runs) -> None:
    async with runs(size=(80, 24), ascii=True, prepare=engine_room) as bench:
        desk = await open_models(bench)
        desk.move(pull(1))
        await bench.pilot.press("2")
        await bench.sees("62 %")
        drawn = set(shown(bench).replace("×", ""))
        assert {letter for letter in drawn if not letter.isascii()} <= set("│─"), drawn


async def test_terms_with_formulas_and_sources(runs: Runs) -> None:
    async with runs(size=(120, 50), prepare=engine_room) as bench:
        await open_models(bench)
        await bench.sees("2 × 30 layers × 2048 × 3 heads × 64 × 2 B")
        await bench.sees("cgroup limit")
        assert "/sys/fs/cgroup/user.slice" in shown(bench)
        assert "decides" in shown(bench)
        await bench.pilot.press("t")
        await bench.until(lambda: "272 tensors" not in shown(bench))
        await bench.pilot.press("t")
        await bench.sees("272 tensors")


async def test_the_verdict_moves_with_the_context(runs: Runs) -> None:
    async with runs(prepare=engine_room) as bench:
        desk = await open_models(bench)
        await on_row(bench, "tinyllama:1.1b")
        await bench.sees("fits, ")
        for _ in range(6):
            await bench.pilot.press("right_square_bracket")
        await bench.sees("num_ctx 131 072")
        await bench.sees("short by")
        await bench.pilot.press("left_square_bracket")
        await bench.sees("num_ctx 65 536")
        await bench.pilot.press("n")
        await bench.until(lambda: isinstance(bench.app.screen, Ask))
        bench.app.screen.query_one("Input").value = "4,096"
        await bench.pilot.press("enter")
        await bench.sees("num_ctx 4 096")
        await bench.until(lambda: ("fit", "tinyllama:1.1b", 4096) in desk.calls)
        await bench.pilot.press("n")
        await bench.until(lambda: isinstance(bench.app.screen, Ask))
        bench.app.screen.query_one("Input").value = "many"
        await bench.pilot.press("enter")
        await told(bench, "num_ctx is a whole number")
        assert bench.app.models.state.num_ctx == 4096


@pytest.mark.parametrize(
    ("current", "step", "expected"),
    [
        (2048, 1, 4096),
        (2048, -1, 1024),
        (3000, 1, 4096),
        (3000, -1, 2048),
        (128, -1, 128),
        (1 << 20, 1, 1 << 20),
    ],
)
def test_contexts_go_by_powers_of_two(current: int, step: int, expected: int) -> None:
    assert next_ctx(current, step) == expected


@pytest.mark.parametrize("key", ["enter", "u"])
async def test_using_a_model(runs: Runs, key: str) -> None:
    async with runs(prepare=engine_room) as bench:
        desk = await open_models(bench)
        await on_row(bench, "tinyllama:1.1b")
        await bench.pilot.press(key)
        await bench.until(lambda: desk.called("use") == [("use", "tinyllama:1.1b")])
        await told(bench, "The chat now uses tinyllama:1.1b.")
        await bench.until(lambda: bench.app.models.state.row("tinyllama:1.1b").current)


async def test_loading_measures_and_lists_it(runs: Runs) -> None:
    async with runs(size=(160, 40), prepare=engine_room) as bench:
        desk = await open_models(bench)
        await on_row(bench, "tinyllama:1.1b")
        await bench.pilot.press("l")
        await told(bench, "predicted 301 MiB, measured 287 MiB")
        assert desk.called("load") == [("load", "tinyllama:1.1b", None, False)]
        await bench.sees("+5 %")
        await bench.pilot.press("3")
        await bench.sees("file-mapped")
        await bench.pilot.press("1", "x")
        await bench.until(lambda: desk.called("unload") == [("unload", "tinyllama:1.1b")])


async def test_a_load_that_would_exhaust_memory_asks_with_the_numbers(runs: Runs) -> None:
    async with runs(prepare=engine_room) as bench:
        desk = await open_models(bench)
        await on_row(bench, "llama2:7b")
        await bench.pilot.press("l")
        await bench.until(lambda: isinstance(bench.app.screen, ConfirmReport))
        await bench.sees("would exhaust the memory")
        await bench.sees("short by 0.3 GiB")
        await bench.pilot.press("enter")
        await bench.until(lambda: isinstance(bench.app.screen, ModelsScreen))
        assert desk.called("load") == [("load", "llama2:7b", None, False)]
        await bench.pilot.press("l")
        await bench.until(lambda: isinstance(bench.app.screen, ConfirmReport))
        await bench.pilot.press("y")
        await bench.until(lambda: ("load", "llama2:7b", None, True) in desk.calls)


async def test_what_is_being_done_shows_and_is_not_done_twice(runs: Runs) -> None:
    async with runs(prepare=engine_room) as bench:
        desk = await open_models(bench)
        await on_row(bench, "tinyllama:1.1b")
        desk.held = Future()
        await bench.pilot.press("l")
        await bench.sees("loading")
        await bench.pilot.press("x")
        await told(bench, "still busy")
        assert not desk.called("unload")
        desk.held.set_result(load_record(1, model="tinyllama:1.1b"))
        await bench.until(lambda: not bench.app.models.state.busy)


async def test_the_verdict_comes_before_the_download(runs: Runs) -> None:
    async with runs(prepare=engine_room) as bench:
        desk = await open_models(bench)
        await bench.pilot.press("p")
        await bench.sees("The verdict comes first")
        bench.app.screen.query_one("#source-input").value = "qwen:0.5b"
        await bench.pilot.press("enter")
        await bench.sees("fits, ")
        assert "download 717 MiB" in shown(bench)
        assert not desk.called("pull")
        await bench.pilot.press("enter")
        await bench.until(lambda: desk.called("pull") == [("pull", "qwen:0.5b")])
        await bench.until(lambda: isinstance(bench.app.screen, ModelsScreen))
        await bench.sees("queued")


async def test_a_download_that_does_not_fit_is_chosen_not_stumbled_into(runs: Runs) -> None:
    async with runs(prepare=engine_room) as bench:
        desk = await open_models(bench)
        await bench.pilot.press("p")
        await bench.until(lambda: isinstance(bench.app.screen, SourceDialog))
        bench.app.screen.query_one("#source-input").value = "too/big:70b"
        await bench.pilot.press("enter")
        await bench.sees("short by 35.8 GiB")
        await bench.pilot.press("enter")
        await bench.until(lambda: isinstance(bench.app.screen, ModelsScreen))
        assert not desk.called("pull")
        await bench.pilot.press("p")
        await bench.until(lambda: isinstance(bench.app.screen, SourceDialog))
        bench.app.screen.query_one("#source-input").value = "too/big:70b"
        await bench.pilot.press("enter")
        await bench.sees("Download all the same")
        await bench.pilot.press("down", "enter")
        await bench.until(lambda: desk.called("pull") == [("pull", "too/big:70b")])


async def test_typing_on_takes_the_verdict_back(runs: Runs) -> None:
    async with runs(prepare=engine_room) as bench:
        desk = await open_models(bench)
        await bench.pilot.press("f")
        await bench.until(lambda: isinstance(bench.app.screen, SourceDialog))
        box = bench.app.screen.query_one("#source-input")
        box.value = "qwen:0.5b"
        await bench.pilot.press("enter")
        await bench.sees("Do not download")
        box.focus()
        await bench.pilot.press("x")
        await bench.until(lambda: "Do not download" not in shown(bench))
        assert not desk.called("pull")


async def test_why_something_cannot_be_estimated(runs: Runs) -> None:
    def prepare(runtime: FakeRuntime) -> None:
        engine_room(runtime)
        runtime.models.failures["fit"] = StudyError("error.docker.absent")  # type: ignore[attr-defined]

    async with runs(prepare=prepare) as bench:
        await bench.pilot.press("f3")
        await bench.sees("Docker is not on this machine.")
        await bench.pilot.press("f")
        await bench.until(lambda: isinstance(bench.app.screen, SourceDialog))
        bench.app.screen.query_one("#source-input").value = "http://127.0.0.1:1/x.gguf"
        await bench.pilot.press("enter")
        await bench.sees("Download all the same")


@pytest.mark.parametrize("size", [(80, 24), (120, 36)])
async def test_a_pull_shows_progress_and_can_be_stopped_and_continued(
    runs: Runs, size: tuple[int, int]
) -> None:
    async with runs(size=size, prepare=engine_room) as bench:
        desk = await open_models(bench)
        desk.move(pull(1))
        await bench.pilot.press("2")
        await bench.sees("62 %")
        for text in ("12.3 MB/s", "355 MiB / 572 MiB", "18 s"):
            await bench.sees(text)
        await bench.pilot.press("c")
        await bench.until(lambda: desk.called("cancel_pull"))
        await bench.sees("stopped")
        await bench.pilot.press("r")
        await bench.until(lambda: desk.called("retry_pull"))
        await bench.sees("running")
        desk.move(pull(1, status="failed", error="The disk is full.", fix="Make room.", eta_s=None))
        await bench.sees("The disk is full.")
        await bench.sees("Make room.")


async def test_a_pull_that_ends_elsewhere_is_told(runs: Runs) -> None:
    async with runs(prepare=engine_room) as bench:
        bench.runtime.models.move(pull(1))
        bench.runtime.models.move(pull(1, status="done", done_bytes=600_000_000, seconds=48.8))
        await told(bench, "is downloaded: 572 MiB in 48.8 s")
        bench.runtime.models.move(pull(2, status="failed", error="The disk is full.", fix="Make room."))
        await told(bench, "could not be downloaded. The disk is full.")
        assert not isinstance(bench.app.screen, ModelsScreen)


async def test_deleting_asks(runs: Runs) -> None:
    async with runs(prepare=engine_room) as bench:
        desk = await open_models(bench)
        await on_row(bench, "tinyllama:1.1b")
        await bench.pilot.press("d")
        await bench.until(lambda: isinstance(bench.app.screen, Confirm))
        await bench.pilot.press("n")
        await bench.until(lambda: isinstance(bench.app.screen, ModelsScreen))
        await bench.pilot.press("d")
        await bench.until(lambda: isinstance(bench.app.screen, Confirm))
        await bench.pilot.press("y")
        await bench.until(lambda: desk.called("remove") == [("remove", "tinyllama:1.1b")])
        await bench.until(lambda: bench.app.screen.list_of("models").rows[-1].id == "smollm2:135m")


async def test_details_and_definitions(runs: Runs) -> None:
    async with runs(size=(120, 50), prepare=engine_room) as bench:
        await open_models(bench)
        await bench.pilot.press("i")
        await bench.sees("134 515 008")
        assert "routed tools: below 500M parameters" in shown(bench)
        assert "Apache-2.0" in shown(bench)
        await bench.pilot.press("escape")
        await bench.until(lambda: isinstance(bench.app.screen, ModelsScreen))
        await bench.pilot.press("question_mark")
        await bench.sees("Needs minus available")


async def test_sorting_by_key_and_by_click(runs: Runs) -> None:
    async with runs(prepare=engine_room) as bench:
        await open_models(bench)
        names = lambda: [row.id for row in bench.app.screen.list_of("models").rows]  # noqa: E731
        assert names() == ["llama2:7b", "smollm2:135m", "tinyllama:1.1b"]
        await bench.pilot.press("s")
        await bench.until(lambda: names() == ["llama2:7b", "tinyllama:1.1b", "smollm2:135m"])
        await bench.pilot.click("#models-heads", offset=(4, 0))
        await bench.until(lambda: names()[1] == "smollm2:135m")


HOSTILE = "[bold red]evil[/x] \x1b[31m\x1b]0;title\x07\u202eabc"


async def test_hostile_names_and_metadata_are_plain_text(runs: Runs) -> None:
    def prepare(runtime: FakeRuntime) -> None:
        engine_room(runtime)
        desk = runtime.models  # type: ignore[attr-defined]
        desk.rows = [
            model(HOSTILE, family=HOSTILE, quantization=HOSTILE, capabilities=(HOSTILE,), expires_at=1e300)
        ]
        desk.card_changes = {"licence": HOSTILE, "template": HOSTILE, "metadata": {HOSTILE: HOSTILE}}
        desk.records = [load_record(1, model=HOSTILE, outcome="failed", error=HOSTILE)]

    async with runs(size=(120, 40), prepare=prepare) as bench:
        desk = await open_models(bench)
        await bench.sees("[bold red]evil[/x] abc")
        desk.move(pull(1, model=HOSTILE, source=HOSTILE, error=HOSTILE, status="failed", note=HOSTILE))
        await bench.pilot.press("2")
        await bench.pilot.press("3")
        await bench.pilot.press("1", "i")
        await bench.until(lambda: not isinstance(bench.app.screen, ModelsScreen))
        assert "\x1b" not in shown(bench)
        await bench.pilot.press("escape")
        await bench.until(lambda: isinstance(bench.app.screen, ModelsScreen))
        await bench.pilot.press("d")
        await bench.sees("[bold red]evil[/x] abc (")


async def test_a_thousand_models_stay_light(runs: Runs) -> None:
    def prepare(runtime: FakeRuntime) -> None:
        engine_room(runtime)
        runtime.models.rows = [model(f"model-{number:04}:latest") for number in range(1000)]  # type: ignore[attr-defined]

    async with runs(prepare=prepare) as bench:
        desk = await open_models(bench)
        table = bench.app.screen.list_of("models")
        await bench.until(lambda: len(table.rows) == 1000)
        for _ in range(60):
            table.action_cursor(1)
        await on_row(bench, "model-0060:latest")
        # The cursor runs ahead of the estimates: not every model it passed was asked about.
        assert len(desk.called("fit")) <= 3
        assert len(bench.app.screen.query("*")) < 60


async def test_nothing_is_redrawn_while_nothing_changes(runs: Runs) -> None:
    async with runs(prepare=engine_room) as bench:
        desk = await open_models(bench)
        desk.move(pull(1))
        await bench.sees("62 %")
        await bench.pilot.pause()
        drawn: list[str] = []

        def watched(widget: Any) -> Callable[..., Any]:
            def refresh(*_: Any, **__: Any) -> Any:
                drawn.append(str(widget.id))
                return widget

            return refresh

        for widget in bench.app.screen.query("*"):
            widget.refresh = watched(widget)
        desk.move(pull(1))
        bench.app.screen.show_all()
        await bench.pilot.pause()
        assert drawn == []


async def test_in_and_out_while_an_answer_is_written(runs: Runs) -> None:
    async with runs(prepare=engine_room) as bench:
        bench.runtime.auto = False
        await bench.ask("What is 12*34?")
        bench.runtime.token("12 × ")
        await bench.pilot.press("f3")
        await bench.until(lambda: isinstance(bench.app.screen, ModelsScreen))
        bench.runtime.token("34 = 408")
        await bench.pilot.press("escape")
        await bench.until(lambda: bench.app.screen is bench.app.bench)
        assert not bench.runtime.cancelled
        bench.runtime.end()
        await bench.sees("12 × 34 = 408")


async def test_closing_in_the_middle_leaves_nothing_behind(runs: Runs) -> None:
    async with runs(prepare=engine_room) as bench:
        desk = await open_models(bench)
        desk.held = Future()
        await on_row_without_waiting(bench, "tinyllama:1.1b")
        await bench.until(lambda: any(call[1] == "tinyllama:1.1b" for call in desk.called("fit")))
        await bench.pilot.press("f3")
        await bench.until(lambda: bench.app.screen is bench.app.bench)
        assert not bench.app.models.watched
        desk.held.set_result(fit_report("tinyllama:1.1b"))
        desk.held = None
        bench.runtime.emit(ModelsChanged())
        await bench.pilot.pause()
        await bench.until(
            lambda: not [w for w in bench.app.workers if w.group.startswith("models") and w.is_running]
        )
        await open_models(bench)


async def on_row_without_waiting(bench: Any, name: str) -> None:
    table: RowList = bench.app.screen.list_of("models")
    table.cursor = next(place for place, row in enumerate(table.rows) if row.id == name)
    await bench.pilot.pause()


async def test_slash_commands(runs: Runs) -> None:
    async with runs(prepare=engine_room) as bench:
        desk: FakeModels = bench.runtime.models
        await bench.ask("/use tinyllama:1.1b")
        await bench.until(lambda: desk.called("use") == [("use", "tinyllama:1.1b")])
        await bench.ask("/load smollm2:135m")
        await bench.until(lambda: desk.called("load"))
        await bench.ask("/unload smollm2:135m")
        await bench.until(lambda: desk.called("unload"))
        await bench.ask("/fit llama2:7b")
        await bench.until(lambda: isinstance(bench.app.screen, SourceDialog))
        await bench.sees("short by 0.3 GiB")
        await bench.pilot.press("escape", "escape")
        await bench.until(lambda: bench.app.screen is bench.app.bench)
        await bench.ask("/pull qwen:0.5b")
        await bench.sees("fits, ")
        await bench.pilot.press("escape", "escape")
        await bench.until(lambda: bench.app.screen is bench.app.bench)
        await bench.ask("/models")
        await bench.until(lambda: isinstance(bench.app.screen, ModelsScreen))


async def test_an_engine_that_is_down_is_a_sentence(runs: Runs) -> None:
    def prepare(runtime: FakeRuntime) -> None:
        engine_room(runtime)
        runtime.models.failures["list"] = StudyError("error.docker.down", reason="refused")  # type: ignore[attr-defined]

    async with runs(prepare=prepare) as bench:
        await bench.pilot.press("f3")
        await bench.sees("Docker does not answer (refused).")
        await bench.pilot.press("l", "u", "x", "d", "i", "t", "c", "r")
        await bench.until(lambda: isinstance(bench.app.screen, ModelsScreen))


async def test_the_language_changes_on_the_screen(runs: Runs) -> None:
    async with runs(prepare=engine_room) as bench:
        await open_models(bench)
        await bench.app.action_do("lang", "ko")
        await bench.sees("내려받기")
        await on_row(bench, "llama2:7b")
        await bench.sees("5.5 GiB 필요")


async def test_a_load_that_died_for_memory_reads_so(runs: Runs) -> None:
    def prepare(runtime: FakeRuntime) -> None:
        engine_room(runtime)
        desk = runtime.models  # type: ignore[attr-defined]

        def load(name: str, num_ctx: int | None = None, confirmed: bool = False) -> Future[LoadRecord]:
            record = replace(
                load_record(1, model=name),
                outcome="out_of_memory",
                error="Needs 5.5 GiB, 5.2 GiB are available.",
            )
            desk.records.append(record)
            return done(record)

        desk.load = load

    async with runs(prepare=prepare) as bench:
        await open_models(bench)
        await bench.pilot.press("l")
        await told(bench, "ran out of memory. Needs 5.5 GiB, 5.2 GiB are available.")
        await bench.pilot.press("3")
        await bench.sees("out of memory")


async def test_a_download_can_have_another_name(runs: Runs) -> None:
    async with runs(prepare=engine_room) as bench:
        desk = await open_models(bench)
        await bench.pilot.press("p")
        await bench.until(lambda: isinstance(bench.app.screen, SourceDialog))
        bench.app.screen.query_one("#source-input").value = "http://127.0.0.1:9/x.gguf"
        bench.app.screen.query_one("#source-name").value = "mine:1"
        await bench.pilot.press("enter")
        await bench.sees("fits, ")
        await bench.pilot.press("enter")
        await bench.until(lambda: desk.called("pull") == [("pull", "http://127.0.0.1:9/x.gguf", "mine:1")])
