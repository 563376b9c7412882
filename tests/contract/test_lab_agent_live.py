"""The experiments on the agent, a small slice of each, on the real embedded engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from core.lab.export import table_json
from core.lab.types import LabView
from tests.contract.conftest import EMBED, Running
from tests.contract.test_lab_live import RealEngine, RealRoom, value
from tests.lab_ground import FakeEngine, Room


class AgentEngine(RealEngine):
    """The supervised engine with what the agent asks of one besides."""

    embed_model = EMBED
    version = "test"
    loaded: tuple[Any, ...] = ()

    @property
    def details(self) -> Any:
        return SimpleNamespace(
            capabilities=("completion",),
            parameter_count=134_515_008,
            context_length=8192,
            digest="",
            name=self.model,
        )

    @property
    def status(self) -> Any:
        return SimpleNamespace(state="ready", pid=self._pid, detail="", context_length=1024)

    async def refresh(self) -> Any:
        return self.status

    async def embed(self, texts: list[str]) -> list[list[float]]:
        return [vector for text in texts for vector in await self.client.embed(EMBED, [text])]

    def chat_client_kwargs(self) -> dict[str, Any]:
        return {
            "base_url": self.url,
            "headers": {"Authorization": f"Bearer {self.token}"},
            "trust_env": False,
        }


class AgentRoom(RealRoom):
    """A desk whose engine can carry the agent."""

    def __init__(self, running: Running, folder: Path) -> None:
        self._running = running
        # Short answers: what is graded comes first.
        Room.__init__(self, running.endpoint.url, folder, num_ctx=1024, num_predict=24, request_timeout=60.0)

    async def _engine(self, url: str) -> FakeEngine:
        return AgentEngine(self._running)

    def see(self, name: str, **options: Any) -> LabView:
        started = self.lab.start(name, options).result(10)
        self.wait(lambda event: event.run_id == started.id and event.status in ("done", "failed"), 150)
        run = self.lab.run(started.id)
        assert run.status == "done", run.error
        return self.lab.view(run.id)


@pytest.fixture(name="room")
def room_fixture(engine: Running, tmp_path: Path) -> Iterator[AgentRoom]:
    room = AgentRoom(engine, tmp_path)
    yield room
    room.close()


def rows_of(view: LabView) -> list[dict[str, Any]]:
    assert view.table is not None
    return table_json(view.table)


def test_tasks_are_done_and_graded(room: AgentRoom) -> None:
    view = room.see("agent", categories="single,none", tasks="1")
    whole = rows_of(view)[0]
    assert value(whole, "trials") == 4 and whole["category"]["value"] in ("all", "전체")
    # Arithmetic is the calculator's: the smallest model gets that right.
    assert value(whole, "success") >= 50 and value(whole, "model_calls") >= 1
    assert value(whole, "tokens_in") > 0 and "/" not in view.sentence
    assert not view.run.invalid


def test_hostile_texts_do_not_move_the_routed_route(room: AgentRoom) -> None:
    view = room.see("injection", channels="search,document,weather,mcp", langs="en", cases="1")
    whole = rows_of(view)[0]
    assert value(whole, "cases") == 4
    assert value(whole, "changed") == 0, view.warnings


def test_faults_are_recovered_or_reported(room: AgentRoom) -> None:
    view = room.see("faults", cases="none,cut-once,404,tool-raises", routes="routed")
    rows = rows_of(view)
    assert sum(value(row, "fault_cases") for row in rows) == 4
    assert all(value(row, "lost") == 0 for row in rows), view.warnings


def test_tools_are_chosen_right_and_quickly(room: AgentRoom) -> None:
    view = room.see("tool-routing", repeats="1")
    whole = rows_of(view)[0]
    assert value(whole, "questions") >= 130
    assert value(whole, "tool_right") >= 97, view.warnings
    assert value(whole, "arguments_right") >= 95, view.warnings
    assert value(whole, "decision_ms") > 0 and "/" not in view.sentence
