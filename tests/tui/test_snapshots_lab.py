"""Whole screens of the lab and the memory timeline at two sizes in both languages, compared with those kept."""

from __future__ import annotations

from typing import Any

import pytest

from core.session import samples
from tests.tui.fakes import MIB, START, sample
from tests.tui.lab_fakes import run, with_lab
from tests.tui.test_lab import choose, open_lab
from tests.tui.test_timeline import answered, opened

SIZES = {"80x24": (80, 24), "120x36": (120, 36)}


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Dates on screen do not depend on where the tests run."""
    import time

    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize("lang", ["en", "ko"])
@pytest.mark.parametrize("size", SIZES)
async def test_a_running_experiment(runs: Any, svg: Any, size: str, lang: str) -> None:
    going = run("b", "load", "running", created_at=START + 90, started_at=START + 91)
    prepared = with_lab(run("a"), going, run("c", "latency", "failed", created_at=START - 90))
    async with runs(size=SIZES[size], lang=lang, prepare=prepared) as bench:
        screen = await open_lab(bench)
        await choose(bench, "r:b")
        bench.runtime.lab.progress("b", 12)
        if size == "80x24":
            await bench.pilot.press("enter")
        await bench.sees("12/40")
        await bench.until(lambda: screen.view is not None and screen.plot.plot is not None)
        await bench.pilot.press("right", "right")
        await bench.sees("224 (200–260) ms")
        await bench.pilot.wait_for_animation()
        await bench.pilot.pause()
        assert bench.app.export_screenshot() == svg


@pytest.mark.parametrize("lang", ["en", "ko"])
async def test_two_runs_compared(runs: Any, svg: Any, lang: str) -> None:
    prepared = with_lab(run("a"), run("b", created_at=START + 9))
    async with runs(size=SIZES["120x36"], lang=lang, prepare=prepared) as bench:
        await open_lab(bench)
        await choose(bench, "r:a")
        await bench.pilot.press("m")
        await choose(bench, "r:b")
        await bench.pilot.press("m")
        await bench.sees("×1.32 (1.20–1.45)")
        await bench.pilot.pause()
        assert bench.app.export_screenshot() == svg


@pytest.mark.parametrize("lang", ["en", "ko"])
@pytest.mark.parametrize("size", SIZES)
async def test_the_memory_timeline(runs: Any, svg: Any, size: str, lang: str, monkeypatch: Any) -> None:
    monkeypatch.setattr("core.session.chat.time.time", lambda: START)
    async with runs(size=SIZES[size], lang=lang) as bench:
        run_id = await answered(bench)
        rows = [
            sample(
                0,
                ts=START + index / 5,
                run_id=run_id,
                engine_pss_bytes=(262 + min(index, 6) ** 2) * MIB,
                engine_anon_bytes=(136 + min(index, 6) ** 2) * MIB,
                engine_cpu_percent=20.0 + 7 * min(index, 10),
                tokens_per_s=None if index < 3 else 40.0 + index % 5,
            )
            for index in range(24)
        ]
        samples.add_samples(bench.runtime.store, rows).result()
        await bench.ask("/timeline")
        await opened(bench)
        await bench.sees("298 MiB")
        await bench.pilot.press(*["right"] * 6)
        await bench.sees("287 MiB")
        await bench.pilot.pause()
        assert bench.app.export_screenshot() == svg
