"""How the trace copes with many steps: opening it, moving in it, a step that comes while a run goes on. Prints JSON.

The real interface and store over the tests' FAKE runtime (no engine is involved). One run holds all the steps, the
worst case: it is open. ``key`` is from what a key does to the painted screen; ``live`` from a step that came to the same (without the 50 ms in
which steps are gathered).
Ratios of the sizes are within one process.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from typing import Any

from terminal import ROOT, machine

sys.path.insert(0, str(ROOT))

from core.events import Span
from core.paths import default_paths
from core.session import chat
from core.settings import Settings
from tests.tui.fakes import START, FakeRuntime
from tui.study import StudyApp
from tui.widgets.trace import TracePane

KEY_TARGET_MS = 50.0
"""Slower than this is felt as lag."""


async def measure(count: int, keys: int) -> dict[str, Any]:
    """Open the trace of a run with ``count`` steps and use it; milliseconds."""
    with tempfile.TemporaryDirectory() as folder:
        settings, paths = Settings(lang="en"), default_paths(folder)
        paths.ensure()
        runtime = FakeRuntime(settings, paths)
        runtime.auto = False
        app = StudyApp(runtime, settings, paths)  # type: ignore[arg-type]
        async with app.run_test(size=(120, 36)) as pilot:
            while not (app.state.session and app.state.ready):
                await pilot.pause(0.01)
            run = runtime.begin(app.state.session_id, "many steps")
            store = runtime.store
            for number in range(count):
                await asyncio.wrap_future(chat.put_span(store, run.session_id, _step(run.run_id, number)))
            began = time.perf_counter()
            await pilot.press("f2")
            pane = app.bench.trace
            while not (pane.children and len(pane.span_rows.rows) > count):  # noqa: ASYNC110 - no event tells it
                await asyncio.sleep(0.001)
            await _painted(pane)
            opened = (time.perf_counter() - began) * 1e3
            pane.span_rows.focus()
            pressed = []
            for number in range(keys):
                began = time.perf_counter()
                # What the key does, without the pilot's own waits.
                if number % 3:
                    pane.span_rows.action_page(1 if number < keys / 2 else -1)
                else:
                    pane.span_rows.action_cursor(1)
                await _painted(pane)
                pressed.append((time.perf_counter() - began) * 1e3)
            live = []
            for number in range(keys):
                span = _step(run.run_id, count + number)
                began = time.perf_counter()
                pane.put_span(span)
                pane._draw()
                await _painted(pane)
                live.append((time.perf_counter() - began) * 1e3)
            drawing = []
            for _ in range(10):
                began = time.perf_counter()
                pane.refresh_rows()
                drawing.append((time.perf_counter() - began) * 1e3)
        runtime.stop()
    return {
        "steps": count,
        "open_ms": round(opened, 1),
        "key_ms": _figures(pressed),
        "live_ms": _figures(live),
        "rows_ms": _figures(drawing),
    }


async def _painted(pane: TracePane) -> None:
    """Wait until what changed is on the screen."""
    painted = asyncio.Event()
    pane.call_after_refresh(painted.set)
    await painted.wait()


def _step(run_id: str, number: int) -> Span:
    kind: Any = ("model", "tool", "retrieval")[number % 3]
    parent = f"{run_id}-root" if number % 10 == 0 else f"{run_id}-{number - number % 10}"
    seen = {"gen_ai.usage.output_tokens": number, "gen_ai.tool.call.result": "자료 " * 40}
    return Span(
        f"{run_id}-{number}", run_id, parent, f"step {number}", kind, "ok", START + number, 500.0, seen
    )


def _figures(values: list[float]) -> dict[str, float]:
    return {
        "median": round(statistics.median(values), 1),
        "p95": round(statistics.quantiles(values, n=20)[-1], 1),
        "max": round(max(values), 1),
    }


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", default="100,1000,10000")
    parser.add_argument("--keys", type=int, default=40)
    arguments = parser.parse_args()
    sizes = [int(size) for size in arguments.steps.split(",")]
    found = [asyncio.run(measure(size, arguments.keys)) for size in sizes]
    thousand = next((one for one in found if one["steps"] == 1000), found[-1])
    print(
        json.dumps(
            {
                "benchmark": "trace",
                "machine": machine(),
                "sizes": found,
                "target": f"key to paint p95 <= {KEY_TARGET_MS:g} ms with 1,000 steps",
                "measured": thousand["key_ms"]["p95"],
                "met": thousand["key_ms"]["p95"] <= KEY_TARGET_MS,
            },
            indent=2,
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
