"""Tools inside a whole run: a scripted FAKE model asks for them; services are STAND-INS over HTTP, MCP is real."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from core.agent.checkpoints import Checkpoints
from core.agent.run import Agent
from core.agent.tools import runner
from core.agent.tools.mcp import servers
from core.events import Event
from core.session import Store, chat
from core.settings import Settings
from tests.scripted import FakeOllama, Script
from tests.service_standins import Fault, Services
from tests.unit.test_agent_run import FakeEngine, FakeHub

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Scene:
    """An agent with a native model, the stand-ins, and what was recorded."""

    agent: Agent
    model: FakeOllama
    services: Services
    store: Store
    session: str
    folder: Path
    events: list[Event] = field(default_factory=list)

    async def ask(self, text: str, *scripts: Script) -> tuple[Any, list[Any]]:
        self.model.scripts = list(scripts)
        ended = await self.agent.run(self.session, text)
        return ended, chat.spans(self.store, run_id=ended.run_id)


def calling(tool: str, **arguments: Any) -> Script:
    return Script([""], tool_calls=[{"function": {"name": tool, "arguments": arguments}}])


@pytest.fixture
async def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    monkeypatch.setattr(runner, "FIRST_WAIT_S", 0.001)
    model, services, store = await FakeOllama().start(), Services().start(), Store.open(tmp_path / "s.db")
    settings = Settings(
        weather_url=services.url,
        geocoding_url=services.url,
        searxng_url=services.url,
        tools={"weather": "allow", "web_search": "allow", "fetch_page": "allow", "mcp": "allow"},
    )
    events: list[Event] = []
    agent = Agent(
        store,
        FakeEngine(model.url, "qwen3:4b", ("completion", "tools"), 4_000_000_000),
        settings,
        events.append,
        lambda: None,
        FakeHub(),
        Checkpoints(tmp_path / "checkpoints.sqlite"),
    )
    yield Scene(agent, model, services, store, chat.create_session(store).result().id, tmp_path, events)
    await agent.checkpoints.close()
    await model.stop()
    services.stop()
    store.close()


def tools_of(spans: list[Any]) -> list[tuple[str, str]]:
    return [(span.attributes["gen_ai.tool.name"], span.status) for span in spans if span.kind == "tool"]


async def test_weather_is_asked_for_tried_again_and_told(scene: Scene) -> None:
    scene.services.fail("/v1/forecast", Fault(503))
    ended, spans = await scene.ask(
        "서울 날씨 알려줘", calling("weather", place="서울", day="today"), Script(["서울은 17.5도입니다."])
    )
    assert (ended.status, ended.answer) == ("ok", "서울은 17.5도입니다.")
    (tool,) = [span for span in spans if span.kind == "tool"]
    assert "서울, 대한민국의 현재 날씨" in tool.attributes["gen_ai.tool.call.result"]
    (retry,) = [span for span in spans if span.kind == "retry"]
    assert retry.parent_id == tool.id and retry.attributes["app.retry.attempt"] == 2
    told = scene.model.requests[-1]["messages"][-1]
    assert told["role"] == "tool" and "Open-Meteo.com (CC BY 4.0)" in told["content"]


async def test_a_failing_tool_is_told_to_the_model_and_the_run_goes_on(scene: Scene) -> None:
    ended, spans = await scene.ask(
        "weather in Atlantis", calling("weather", place="Atlantis"), Script(["I know no such place."])
    )
    assert ended.status == "ok" and tools_of(spans) == [("weather", "error")]
    assert "No place called Atlantis was found." in scene.model.requests[-1]["messages"][-1]["content"]


async def test_a_page_is_opened_only_after_a_search_found_it(scene: Scene) -> None:
    """The stand-in's pages are on loopback, so even a found one is refused in the end: but for that reason only."""
    page = f"{scene.services.url}/page/tea"
    _, spans = await scene.ask("read about tea", calling("fetch_page", url=page), Script(["No."]))
    (tool,) = [span for span in spans if span.kind == "tool"]
    assert tool.attributes["error.type"] == "error.fetch.not_found_here"
    await scene.ask("search tea", calling("web_search", query="tea"), Script(["Found."]))
    _, spans = await scene.ask("open the first", calling("fetch_page", url=page), Script(["No."]))
    (tool,) = [span for span in spans if span.kind == "tool"]
    assert tool.attributes["error.type"] in ("error.fetch.private", "error.fetch.port")
    assert scene.services.seen("/page/tea") == []


@pytest.mark.slow
async def test_a_tool_of_an_mcp_server_is_one_like_any_other(scene: Scene) -> None:
    entry = {"command": sys.executable, "args": ["-m", "tests.mcp_server"], "env": {"PYTHONPATH": str(ROOT)}}
    file = scene.folder / "mcp.json"
    file.write_text(json.dumps({"mcpServers": {"srv": entry}}), "utf-8")
    attached = servers.attach(file, scene.store, lambda text: None)
    try:
        await attached.refresh()
        ended, spans = await scene.ask("add 2 and 3", calling("srv__add", a=2, b=3), Script(["5."]))
    finally:
        await attached.close()
    assert ended.status == "ok" and tools_of(spans) == [("srv__add", "ok")]
    assert "2 + 3 = 5" in scene.model.requests[-1]["messages"][-1]["content"]
    offered = {tool["function"]["name"]: tool["function"] for tool in scene.model.requests[0]["tools"]}
    assert offered["srv__add"]["parameters"]["required"] == ["a", "b"]
    assert len(offered["srv__hostile"]["description"]) <= 300
