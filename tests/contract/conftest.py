"""One real engine for all contract tests: a child process, started and watched by the real supervisor."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from core.embedded.supervisor import Endpoint, EngineConfig, Supervisor

CHAT = "smollm2:135m"
EMBED = "use-multilingual-v3"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this directory runs a real model."""
    for item in items:
        if Path(item.path).parent == Path(__file__).parent:
            item.add_marker(pytest.mark.slow)


def wait_until(condition: Callable[[], Any], what: str, seconds: float = 20.0) -> Any:
    """Poll until the condition is true; fail when the time is over."""
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        pause.wait(0.02)
    raise AssertionError(f"not within {seconds} s: {what}")


@dataclass
class Running:
    """A supervised engine on a loop of its own, for tests that are not asyncio themselves."""

    supervisor: Supervisor
    states: list[tuple[str, str]]
    _loop: asyncio.AbstractEventLoop

    @property
    def endpoint(self) -> Endpoint:
        assert self.supervisor.endpoint is not None
        return self.supervisor.endpoint

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.endpoint.token}"}

    def http(self, timeout: float = 60.0) -> httpx.Client:
        return httpx.Client(base_url=self.endpoint.url, headers=self.headers, timeout=timeout)

    def call(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(60)


def run_engine(config: EngineConfig, log_file: Path, token: str | None = None) -> Iterator[Running]:
    """Start an engine, yield it, stop it."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    states: list[tuple[str, str]] = []
    supervisor = Supervisor(
        config, log_file=log_file, on_state=lambda state, reason: states.append((state, reason)), token=token
    )
    running = Running(supervisor, states, loop)
    running.call(supervisor.start())
    try:
        yield running
    finally:
        running.call(supervisor.stop())
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
        loop.close()


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The engine most tests share. Four slots, four waiting."""
    log = tmp_path_factory.mktemp("engine") / "engine.log"
    config = EngineConfig(parallel=4, queue=4, num_ctx=1024)
    for running in run_engine(config, log):
        with running.http() as http:
            http.post("/api/generate", json={"model": CHAT}).raise_for_status()
        yield running


@pytest.fixture
def http(engine: Running) -> Iterator[httpx.Client]:
    """A client that sends the token."""
    with engine.http() as client:
        yield client
