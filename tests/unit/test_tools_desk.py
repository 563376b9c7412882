"""The tools' desk behind the runtime: permissions and MCP servers, on a loop of its own."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.agent.tools import registry
from core.agent.tools.desk import Tools
from core.agent.tools.trial import trial_context
from core.errors import UsageError
from core.events import Event, Notice
from core.ground import Ground
from core.paths import default_paths
from core.session import Store
from core.settings import Settings
from tests.tool_ground import open_store


class Room:
    """A desk with its store, loop and what it told."""

    def __init__(self, folder: Path) -> None:
        self.store = open_store(folder)
        self.events: list[Event] = []
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()

        async def store() -> Store:
            return self.store

        async def none() -> Any:
            return None

        self.desk = Tools(
            Ground(
                settings=Settings(tools={"now": "ask"}),
                paths=default_paths(folder),
                call=lambda work: asyncio.run_coroutine_threadsafe(work, self.loop),
                emit=self.events.append,
                store=store,
                engine=none,
                store_now=lambda: self.store,
                hub=lambda: None,
            )
        )

    def on_loop(self, act: Any) -> Any:
        async def work() -> Any:
            return act()

        return asyncio.run_coroutine_threadsafe(work(), self.loop).result(10)

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self.desk.close(), self.loop).result(10)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(5)
        self.store.close()


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    made = Room(tmp_path)
    yield made
    made.close()


def test_permissions_at_the_desk(room: Room) -> None:
    room.on_loop(lambda: room.desk.attach(room.store))
    found = {row.name: row.permission for row in room.desk.list()}
    assert (found["calculator"], found["weather"], found["now"]) == ("allow", "ask", "ask")
    room.desk.set("weather", "allow").result(5)
    assert {row.name: row.permission for row in room.desk.list()}["weather"] == "allow"
    room.desk.forget("weather").result(5)
    assert {row.name: row.permission for row in room.desk.list()}["weather"] == "ask"
    with pytest.raises(UsageError):
        room.desk.set("ghost", "allow")
    assert room.desk.servers() == () and room.events == []


def test_a_tool_tried_at_the_desk_leaves_no_run(room: Room) -> None:
    context = trial_context(room.store, Settings(), question="what is 6*7")
    result = room.desk.run(registry.builtin()["calculator"], context, {"expression": "6*7"}).result(5)
    assert result.ok and result.text == "6*7 = 42"
    assert room.store.query("SELECT count(*) AS n FROM spans")[0]["n"] == 0


def test_a_server_that_fails_is_told_as_a_notice(room: Room, tmp_path: Path) -> None:
    entry = {"mcpServers": {"gone": {"command": "/no/such/program"}}}
    (tmp_path / "mcp.json").write_text(json.dumps(entry), "utf-8")
    room.on_loop(lambda: room.desk.attach(room.store))
    (status,) = room.desk.refresh().result(30)
    assert status.state == "failed"
    (notice,) = room.events
    assert isinstance(notice, Notice) and notice.severity == "warning" and "gone" in notice.text


def test_a_broken_file_is_told_and_the_tools_are_there(room: Room, tmp_path: Path) -> None:
    (tmp_path / "mcp.json").write_text('{"mcpServers": 5}', "utf-8")
    room.on_loop(lambda: room.desk.attach(room.store))
    (notice,) = room.events
    assert isinstance(notice, Notice) and "mcp.json" in notice.text
    assert "calculator" in room.desk.all()
