"""The real embedded engine, found, used, killed and followed."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from core.engines import Engine, connect
from core.events import EngineStatus
from core.paths import Paths
from core.settings import Settings
from core.telemetry import engine_memory

pytestmark = pytest.mark.slow


class Statuses:
    """Collects statuses and waits for one that fits."""

    def __init__(self) -> None:
        self.all: list[EngineStatus] = []
        self._changed = asyncio.Event()

    def __call__(self, status: EngineStatus) -> None:
        self.all.append(status)
        self._changed.set()

    async def wait(self, fits: Callable[[EngineStatus], bool], after: int = 0) -> EngineStatus:
        async with asyncio.timeout(60):
            while True:
                self._changed.clear()
                for status in self.all[after:]:
                    if fits(status):
                        return status
                await self._changed.wait()


async def answer(engine: Engine, tokens: int) -> str:
    options = {"num_predict": tokens, "temperature": 0}
    chunks = engine.client.chat(engine.model, [{"role": "user", "content": "Say hello."}], options=options)
    return "".join([chunk.text async for chunk in chunks])


async def test_the_embedded_engine_answers_embeds_dies_and_comes_back(tmp_path: Path) -> None:
    statuses = Statuses()
    settings = Settings(engine="embedded", threads=1, parallel=1, num_ctx=512)
    engine = await connect(settings, Paths(tmp_path, tmp_path, tmp_path), statuses)
    try:
        assert engine.model == "smollm2:135m" and engine.details is not None
        assert engine.details.parameter_count == 134_515_008 and "completion" in engine.details.capabilities
        (pid,) = engine.root_pids()
        assert await answer(engine, 8)
        vectors = await engine.embed(["How many days of leave?", "휴가는 며칠인가요?", "The engine is hot."])
        assert [len(vector) for vector in vectors] == [512, 512, 512]
        memory = engine_memory([pid])
        assert memory.pss is not None and memory.pss > 100 << 20
        assert (await engine.refresh()).context_length == 512

        seen = len(statuses.all)
        os.kill(pid, signal.SIGKILL)
        down = await statuses.wait(lambda status: status.state == "restarting", seen)
        assert down.detail and down.pid is None
        back = await statuses.wait(lambda status: status.state == "ready", seen)
        assert back.pid not in (None, pid) and engine.root_pids() == [back.pid]
        assert await answer(engine, 4)
    finally:
        pids = engine.root_pids()
        await engine.close()
    assert not any(psutil.pid_exists(one) for one in pids)


async def test_beside_another_engine_only_the_embedding_model_runs(tmp_path: Path) -> None:
    # The engine object of an Ollama that is not asked anything: only its embeddings are real here.
    engine = Engine("ollama", Settings(), Paths(tmp_path, tmp_path, tmp_path), lambda status: None)
    try:
        one, two, other = await engine.embed(
            ["a cat on a mat", "고양이가 매트 위에 있다", "quarterly tax report"]
        )
        dot = lambda a, b: sum(x * y for x, y in zip(a, b, strict=True))  # noqa: E731
        assert dot(one, two) > dot(one, other)
    finally:
        await engine.close()
