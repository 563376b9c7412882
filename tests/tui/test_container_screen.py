"""The container's screen: every action over a labelled fake desk; what goes wrong, and what to try next."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Any

import pytest

from core.containers.errors import ContainerError
from tests.tui.engine_room_fakes import ABSENT, HEALTHY, NO_DOCKER, FakeContainers, engine_room
from tests.tui.fakes import FakeRuntime
from tui.container_room import LOG_LINES
from tui.screens.container import ContainerScreen
from tui.screens.dialogs import Confirm

Runs = Callable[..., AbstractAsyncContextManager[Any]]


async def open_container(bench: Any, state: str = "healthy") -> FakeContainers:
    await bench.app.action_do("container")
    await bench.until(lambda: isinstance(bench.app.screen, ContainerScreen))
    if state:
        await bench.sees(state)
    return bench.runtime.containers  # type: ignore[no-any-return]


def absent(runtime: FakeRuntime) -> None:
    engine_room(runtime)
    runtime.containers.now = ABSENT  # type: ignore[attr-defined]
    runtime.containers.lines = ()  # type: ignore[attr-defined]


@pytest.mark.parametrize("size", [(80, 24), (120, 36)])
async def test_how_it_is(runs: Runs, size: tuple[int, int]) -> None:
    async with runs(size=size, prepare=engine_room) as bench:
        desk = await open_container(bench)
        for text in (
            "ollama/ollama:0.12.3",
            "http://127.0.0.1:11434",
            "1.4 GiB / 6.0 GiB",
            "23 %",
            "OOM-killed",
        ):
            await bench.sees(text)
        await bench.sees("inference compute id=cpu")
        await bench.until(lambda: ("follow", True) in desk.calls)
        desk.now = replace(HEALTHY, state="exited", exit_code=137, oom_killed=True, oom_kills=2)
        bench.app.container.refresh()
        await bench.sees("exit code 137")
        await bench.sees("2 kernel kills inside")


async def test_from_the_models_and_back(runs: Runs) -> None:
    async with runs(prepare=engine_room) as bench:
        await bench.pilot.press("f3")
        await bench.sees("available (")
        await bench.pilot.press("o")
        await bench.until(lambda: isinstance(bench.app.screen, ContainerScreen))
        await bench.pilot.press("escape")
        await bench.sees("available (")


async def test_starting_shows_how_far_it_is_and_then_how_to_use_it(runs: Runs) -> None:
    async with runs(prepare=absent) as bench:
        desk = await open_container(bench, "absent")
        desk.going = Future()
        await bench.pilot.press("s")
        await bench.until(lambda: desk.called("up") == [("up", False)])
        desk.now = replace(ABSENT, state="pulling")
        desk.progress("image", "Pulling ollama/ollama:0.12.3.", 512 * 2**20, 2048 * 2**20)
        await bench.sees("Pulling ollama/ollama:0.12.3.")
        await bench.sees("25 %  512 MiB / 2.0 GiB")
        await bench.pilot.press("s")
        await bench.until(lambda: any("already" in notice.text for notice in bench.app.notices))
        desk.now = HEALTHY
        desk.lines = ("llama runner started",)
        desk.progress("health", "Waiting for the health check.")
        await bench.sees("Waiting for the health check.")
        await bench.sees("llama runner started")
        desk.going.set_result(HEALTHY)
        await bench.sees("llm-study --engine docker")
        assert len(desk.called("up")) == 1


async def test_giving_up(runs: Runs) -> None:
    async with runs(prepare=absent) as bench:
        desk = await open_container(bench, "absent")
        desk.going = Future()
        await bench.pilot.press("s")
        await bench.until(lambda: desk.called("up"))
        await bench.pilot.press("c")
        await bench.sees("Given up. s goes on from there.")
        assert desk.going.cancelled()


async def test_with_a_graphics_card(runs: Runs) -> None:
    async with runs(prepare=absent) as bench:
        desk = await open_container(bench, "absent")
        await bench.pilot.press("g")
        await bench.sees("an NVIDIA card (profile gpu)")
        await bench.pilot.press("s")
        await bench.until(lambda: desk.called("up") == [("up", True)])


async def test_stopping_asks_and_restarting_does_not(runs: Runs) -> None:
    async with runs(prepare=engine_room) as bench:
        desk = await open_container(bench)
        await bench.pilot.press("R")
        await bench.until(lambda: desk.called("restart"))
        await bench.until(lambda: not bench.app.container.state.doing)
        await bench.pilot.press("S")
        await bench.until(lambda: isinstance(bench.app.screen, Confirm))
        await bench.pilot.press("n")
        await bench.until(lambda: isinstance(bench.app.screen, ContainerScreen))
        assert not desk.called("down")
        await bench.pilot.press("S")
        await bench.until(lambda: isinstance(bench.app.screen, Confirm))
        await bench.pilot.press("y")
        await bench.until(lambda: desk.called("down"))
        await bench.sees("its models stay")


@pytest.mark.parametrize(
    ("error", "message", "fix"),
    [
        (NO_DOCKER, "Docker is not on this machine.", "Install Docker"),
        (ContainerError("error.container.port", port=11434), "Port 11434 is taken", "another OLLAMA_PORT"),
        (
            ContainerError("error.container.image.unknown", image="x:1", reason="404"),
            "There is no image x:1",
            "Check OLLAMA_IMAGE",
        ),
    ],
)
async def test_each_error_has_its_sentence_and_the_next_thing_to_try(
    runs: Runs, error: Any, message: str, fix: str
) -> None:
    async with runs(prepare=absent) as bench:
        desk = await open_container(bench, "absent")
        desk.error = error
        await bench.pilot.press("s")
        await bench.sees(message)
        await bench.sees(fix)
        assert not bench.app.container.state.doing


async def test_no_docker_from_the_start(runs: Runs) -> None:
    def prepare(runtime: FakeRuntime) -> None:
        engine_room(runtime)
        runtime.containers.error = NO_DOCKER  # type: ignore[attr-defined]

    async with runs(size=(80, 24), lang="ko", prepare=prepare) as bench:
        await open_container(bench, "")
        await bench.sees("Docker")
        await bench.sees("설치")


async def test_the_log_is_bounded_clean_and_can_stand_still(runs: Runs) -> None:
    async with runs(prepare=engine_room) as bench:
        desk = await open_container(bench)
        await bench.until(lambda: ("follow", True) in desk.calls)
        desk.log("[bold]plain[/x]\x1b[2J text")
        await bench.sees("[bold]plain[/x] text")
        desk.log(*(f"line {number}" for number in range(3 * LOG_LINES)))
        await bench.sees(f"line {3 * LOG_LINES - 1}")
        assert len(bench.app.container.state.lines) == LOG_LINES
        assert len(bench.app.screen.log_view.lines) <= LOG_LINES
        await bench.pilot.press("f")
        await bench.sees("standing still")
        await bench.until(lambda: desk.calls[-1] == ("follow", False))
        desk.log("not seen")
        await bench.pilot.pause()
        assert "not seen" not in bench.screen_text()
        await bench.pilot.press("f")
        await bench.sees("streaming")


async def test_closing_stops_reading(runs: Runs) -> None:
    async with runs(prepare=engine_room) as bench:
        desk = await open_container(bench)
        await bench.until(lambda: ("follow", True) in desk.calls)
        await bench.pilot.press("escape")
        await bench.until(lambda: bench.app.screen is bench.app.bench)
        await bench.until(lambda: desk.calls[-1] == ("follow", False))
        desk.log("into the void")
        assert not any("void" in line for line in bench.app.container.state.lines)
