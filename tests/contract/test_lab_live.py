"""The lab on a real engine: what only a real one can show."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.lab.export import table_json
from core.ollama import OllamaClient
from tests.contract.conftest import CHAT, Running
from tests.lab_ground import FakeEngine, Room


class RealEngine(FakeEngine):
    """The supervised engine of these tests under the face of core.engines.Engine."""

    kind = "embedded"
    model = CHAT

    def __init__(self, running: Running) -> None:
        self.url = running.endpoint.url
        self.token = running.endpoint.token  # type: ignore[assignment]
        self.client = OllamaClient(self.url, token=running.endpoint.token)
        self._pid = running.endpoint.pid

    def root_pids(self) -> list[int]:
        return [self._pid]


class RealRoom(Room):
    """A desk whose engine is real."""

    def __init__(self, running: Running, folder: Path) -> None:
        self._running = running
        super().__init__(running.endpoint.url, folder, num_ctx=1024, request_timeout=60.0)

    async def _engine(self, url: str) -> FakeEngine:
        return RealEngine(self._running)

    def measure_and_show(self, name: str, **options: Any) -> list[dict[str, Any]]:
        started = self.lab.start(name, options).result(10)
        self.wait(lambda event: event.run_id == started.id and event.status in ("done", "failed"), 150)
        run = self.lab.run(started.id)
        assert run.status == "done", run.error
        view = self.lab.view(run.id)
        assert view.sentence and view.table is not None
        return table_json(view.table)


@pytest.fixture(name="room")
def room_fixture(engine: Running, tmp_path: Path) -> Iterator[RealRoom]:
    room = RealRoom(engine, tmp_path)
    yield room
    room.close()


def value(row: dict[str, Any], key: str) -> float:
    return float(row[key]["value"])


def test_loading_is_told_apart_from_prefill(room: RealRoom) -> None:
    rows = room.measure_and_show("cold-start", repeats="1", output="2", expire="no")
    loaded, unloaded = rows[0], rows[1]
    assert value(unloaded, "load_mean") > 20 > value(loaded, "load_mean")
    assert value(unloaded, "ttft_mean") >= value(unloaded, "load_mean") + value(unloaded, "prefill_mean") - 1


def test_context_costs_memory(room: RealRoom) -> None:
    rows = room.measure_and_show("context", contexts="256,2048", fills="0.3", repeats="1", output="2")
    by_point = {(value(row, "num_ctx"), value(row, "fill")): row for row in rows}
    small, large = by_point[256, 0], by_point[2048, 0]
    # 30 layers × 3 heads × 64 × (K and V) × 2 bytes = 23 040 bytes a token and slot.
    assert value(large, "memory") > value(small, "memory") + 20
    filled = by_point[256, 30]
    assert 60 <= value(filled, "prompt_actual") <= 95, "prompts are as long as they were meant to be"


def test_a_warm_prompt_is_faster(room: RealRoom) -> None:
    rows = room.measure_and_show("latency", prompts="200", outputs="4", repeats="2")
    by_cache = {row["cache"]["value"]: row for row in rows}
    cold, warm = (by_cache[name] for name in sorted(by_cache))
    assert value(warm, "ttft_p50") < value(cold, "ttft_p50") / 2
    assert 170 <= value(cold, "prompt_actual") <= 230
    assert value(cold, "output_actual") == 4


def test_slots_are_engines_of_their_own(room: RealRoom) -> None:
    rows = room.measure_and_show("parallel", slots="1,2", users="2", requests="2", repeats="1", output="4")
    assert [value(row, "slots") for row in rows] == [1, 2]
    assert all(value(row, "n") == 2 and value(row, "throughput") > 0 for row in rows)
    # The engine in use is as it was.
    assert any(one.name == CHAT for one in room._call(room.engine.client.ps()).result(10))


SERVEBENCH = os.environ.get("SERVEBENCH") or shutil.which("servebench")


@pytest.mark.skipif(not SERVEBENCH, reason="servebench is not installed (SERVEBENCH names its program)")
def test_servebench_measures_the_same(engine: Running) -> None:
    """At most three tries: another program that runs on this machine disturbs one tool's turn and not the other's."""
    script = Path(__file__).parents[2] / "benchmarks/lab_crosscheck.py"
    command = [
        sys.executable, str(script), "--servebench", str(SERVEBENCH), "--url", engine.endpoint.url, "--token",
        engine.endpoint.token, "--users", "1", "--rounds", "20", "--tokens", "16",
    ]  # fmt: skip
    found: dict[str, Any] = {}
    for _ in range(3):
        done = subprocess.run(command, capture_output=True, text=True, timeout=280, check=True)
        found = json.loads(done.stdout)["results"][0]
        if found["within"]:
            return
    pytest.fail(json.dumps(found, indent=1))
