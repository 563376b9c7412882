"""Starting and leaving: light imports, first run's greeting, notices, broken settings, signals."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import Any

from core.errors import StudyError
from tests.tui.fakes import FakeRuntime, sample

HEAVY = (
    "langchain",
    "langchain_core",
    "langgraph",
    "lancedb",
    "fastapi",
    "docker",
    "numpy",
    "pyarrow",
    "xllamacpp",
)

PROBE = """
import json, sys, tempfile
from pathlib import Path
import tui.app
assert not any(name.split(".")[0] == "textual" for name in sys.modules), "tui.app imports textual"
from core.paths import default_paths
from core.settings import Settings
from core.runtime import Runtime
from tui.study import StudyApp
paths = default_paths(tempfile.mkdtemp())
StudyApp(Runtime(Settings(), paths), Settings(), paths)
print(json.dumps(sorted({name.split(".")[0] for name in sys.modules})))
"""


def test_building_the_app_imports_nothing_heavy() -> None:
    done = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    loaded = set(json.loads(done.stdout))
    assert not loaded & set(HEAVY)


async def test_the_first_run_greets_with_what_was_found(runs: Any) -> None:
    async with runs() as bench:
        bench.runtime.emit(sample())
        await bench.sees("smollm2:135m on embedded llama.cpp b11549")
        await bench.sees("19.9 GiB of 23.0 GiB memory free")
        await bench.pilot.press("shift+tab")
        await bench.pilot.press("up", "up")
        await bench.until(lambda: bench.app.focused.has_class("suggestion"))
        await bench.pilot.press("enter")
        await bench.sees("12 × 34 = 408")
        assert bench.runtime.asked[0][1] == "What is 12*34?"


async def test_a_suggestion_works_by_mouse(runs: Any) -> None:
    async with runs() as bench:
        await bench.pilot.click(".suggestion")
        await bench.sees("12 × 34 = 408")


async def test_a_broken_store_is_told_not_thrown(runs: Any) -> None:
    def broken(runtime: FakeRuntime) -> None:
        runtime.delay_store = True
        error = StudyError("error.store.corrupt", path="/x/session.db", reason="not a database")
        runtime.store_ready.set_exception(error)
        FakeRuntime.store = property(lambda self: None)  # type: ignore[assignment, method-assign]

    original = FakeRuntime.store
    try:
        async with runs(ready=False, prepare=broken) as bench:
            await bench.sees("The session file /x/session.db is damaged")
    finally:
        FakeRuntime.store = original  # type: ignore[method-assign]


async def test_wrong_settings_are_told(runs: Any) -> None:
    async with runs(theme="nosuch", keymap={"fly": "x"}) as bench:
        await bench.sees("There is no theme nosuch")
        await bench.sees("The keymap names actions that do not exist: fly")


async def test_a_signal_leaves_cleanly(runs: Any, monkeypatch: Any) -> None:
    async with runs() as bench:
        monkeypatch.setattr("tui.study.threading.Timer", FakeTimer)
        os.kill(os.getpid(), signal.SIGTERM)
        await bench.until(lambda: bench.app._exit)


class FakeTimer:
    """A timer that never fires (labelled fake)."""

    daemon = False

    def __init__(self, seconds: float, function: Any, args: Any) -> None:
        pass

    def start(self) -> None:
        pass


async def test_two_interrupts_quit(runs: Any) -> None:
    async with runs() as bench:
        await bench.pilot.press("ctrl+c")
        await bench.sees("Ctrl+C again quits")
        await bench.pilot.press("ctrl+c")
        await bench.until(lambda: bench.app._exit)
