"""The models' screen and the container's, whole, compared as SVG: two sizes, Korean and English, on fixed data."""

from __future__ import annotations

from typing import Any

import pytest

from tests.tui.engine_room_fakes import GIB, HEALTHY, engine_room, load_record, pull
from tests.tui.fakes import FakeRuntime

SIZES = {"80x24": (80, 24), "120x36": (120, 36)}


def prepare(runtime: FakeRuntime) -> None:
    engine_room(runtime)
    desk = runtime.models  # type: ignore[attr-defined]
    desk.all_pulls = {
        item.id: item
        for item in (
            pull(3),
            pull(2, model="qwen:0.5b", status="queued", done_bytes=0, bytes_per_s=None, eta_s=None),
            pull(
                1,
                model="llama2:7b",
                status="failed",
                error="The disk is full.",
                fix="Free space and pull again.",
            ),
        )
    }
    desk.records = [
        load_record(
            2, model="tinyllama:1.1b", predicted_bytes=int(1.31 * GIB), measured_bytes=int(1.18 * GIB)
        ),
        load_record(1),
    ]


async def settle(bench: Any) -> None:
    await bench.until(lambda: bench.app.models.state.report("llama2:7b"))
    await bench.pilot.wait_for_animation()
    await bench.pilot.pause()


@pytest.mark.parametrize("lang", ["en", "ko"])
@pytest.mark.parametrize("size", SIZES)
async def test_models(runs: Any, svg: Any, size: str, lang: str) -> None:
    async with runs(size=SIZES[size], lang=lang, prepare=prepare) as bench:
        await bench.pilot.press("f3")
        await bench.sees("5.2 GiB")
        bench.app.screen.list_of("models").cursor = 0
        await settle(bench)
        assert bench.app.export_screenshot() == svg


@pytest.mark.parametrize("lang", ["en", "ko"])
async def test_pulls_on_a_narrow_screen(runs: Any, svg: Any, lang: str) -> None:
    async with runs(size=(80, 24), lang=lang, prepare=prepare) as bench:
        await bench.pilot.press("f3")
        await bench.sees("5.2 GiB")
        await bench.pilot.press("2")
        await bench.sees("62 %")
        await bench.pilot.wait_for_animation()
        await bench.pilot.pause()
        assert bench.app.export_screenshot() == svg


@pytest.mark.parametrize("lang", ["en", "ko"])
@pytest.mark.parametrize("size", SIZES)
async def test_container(runs: Any, svg: Any, size: str, lang: str) -> None:
    async with runs(size=SIZES[size], lang=lang, prepare=prepare) as bench:
        bench.runtime.containers.now = HEALTHY
        await bench.app.action_do("container")
        await bench.sees("inference compute")
        await bench.pilot.wait_for_animation()
        await bench.pilot.pause()
        assert bench.app.export_screenshot() == svg
