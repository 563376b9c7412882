"""The engine's process: dies with its parent, is restarted when it crashes, serves in the foreground."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from core.embedded.errors import PortTakenError
from core.embedded.supervisor import EngineConfig, Supervisor
from tests.contract.conftest import Running, run_engine, wait_until

PARENT = """
import asyncio, sys
from pathlib import Path
from core.embedded.supervisor import EngineConfig, Supervisor

async def main():
    supervisor = Supervisor(EngineConfig(num_ctx=256, parallel=1), log_file=Path(sys.argv[1]))
    endpoint = await supervisor.start()
    print(endpoint.pid, endpoint.url, endpoint.token, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


def test_kill_9_of_the_parent_takes_the_engine_along(tmp_path: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path / "log")], stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    pid, url, token = parent.stdout.readline().split()
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=60) as http:
        body = {"model": "smollm2:135m", "prompt": "A long story", "options": {"num_predict": 200}}
        with http.stream("POST", "/api/generate", json=body) as stream:
            next(stream.iter_raw())
            assert token not in " ".join(psutil.Process(int(pid)).cmdline())
            assert token not in json.dumps(psutil.Process(int(pid)).environ())
            parent.kill()
            parent.wait()
            wait_until(lambda: not psutil.pid_exists(int(pid)), "the engine is gone", seconds=5)
    parent.stdout.close()


def test_kill_9_of_the_parent_while_the_model_loads(tmp_path: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path / "log")], stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    pid = int(parent.stdout.readline().split()[0])
    # The model's file is mapped: llama.cpp holds Python's lock now, no thread of Python's can react.
    wait_until(lambda: any(".gguf" in m.path for m in psutil.Process(pid).memory_maps()), "it loads")
    parent.kill()
    parent.wait()
    wait_until(lambda: not psutil.pid_exists(pid), "the engine is gone", seconds=5)
    parent.stdout.close()


@pytest.fixture
def fragile(tmp_path: Path) -> Iterator[Running]:
    yield from run_engine(EngineConfig(chat=False), tmp_path / "engine.log")


def test_a_killed_engine_comes_back_on_the_same_port(fragile: Running) -> None:
    first = fragile.endpoint
    os.kill(first.pid, signal.SIGKILL)
    wait_until(lambda: [state for state, _ in fragile.states].count("ready") == 2, "it is back")
    again = fragile.endpoint
    assert again.pid != first.pid and (again.url, again.token) == (first.url, first.token)
    with fragile.http() as http:
        assert http.get("/api/version").status_code == 200
    states = dict(fragile.states)
    assert "memory" in states["restarting"] or "메모리" in states["restarting"]


def test_an_engine_that_keeps_dying_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.embedded.supervisor.BACKOFF", (0.01, 0.01))
    for engine in run_engine(EngineConfig(chat=False), tmp_path / "log"):
        for count in range(1, 4):
            os.kill(engine.endpoint.pid, signal.SIGKILL)
            wait_until(lambda n=count, engine=engine: ended(engine) == n, "it is back, or given up")
        assert engine.supervisor.state == "down"


def ended(engine: Running) -> int:
    """How many crashes have been dealt with."""
    return sum(1 for state, reason in engine.states if state in ("ready", "down") and reason)


async def test_a_taken_port_is_said_so(tmp_path: Path, engine: Running) -> None:
    port = int(engine.endpoint.url.rsplit(":", 1)[1])
    supervisor = Supervisor(EngineConfig(chat=False, port=port), log_file=tmp_path / "log")
    with pytest.raises(PortTakenError) as caught:
        await supervisor.start()
    assert str(port) in caught.value.message and supervisor.state == "down"


async def test_start_and_stop_leave_nothing(tmp_path: Path) -> None:
    supervisor = Supervisor(EngineConfig(chat=False), log_file=tmp_path / "log")
    endpoint = await supervisor.start()
    await supervisor.stop()
    assert not psutil.pid_exists(endpoint.pid)
    assert supervisor.endpoint is None
    again = await supervisor.start()
    assert again.pid != endpoint.pid
    await asyncio.gather(supervisor.stop(), return_exceptions=False)


def test_serve_in_the_foreground(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from core.embedded.foreground import serve; "
        f"sys.exit(serve(port=0, log_file=Path({str(tmp_path / 'log')!r})))"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    found = re.search(r"http://\S+:\d+", process.stderr.readline())
    assert found
    assert httpx.get(found.group()).text == "Ollama is running"
    process.send_signal(signal.SIGINT)
    assert process.wait(15) == 0
    process.stderr.close()
