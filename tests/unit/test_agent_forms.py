"""Forms filled in by a scripted FAKE model: arguments of MCP tools on the routed route, and close choices."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from core.agent.checkpoints import Checkpoints
from core.agent.forms import said
from core.agent.routing import Router
from core.agent.run import Agent
from core.agent.types import Tool, ToolContext, ToolResult
from core.session import Store, chat, examples
from core.settings import Settings
from tests.scripted import FakeOllama, Script
from tests.unit.test_agent_run import FakeEngine, FakeHub

SCHEMA = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "description": "Where \x1b[31mto go"},
        "nights": {"type": "integer"},
        "stars": {"type": "integer"},
    },
    "required": ["city", "nights"],
}
ASKED = "Book me a hotel in Oslo for 3 nights"


class Bench:
    """An agent with one tool of a server, taught by one example."""

    def __init__(self, folder: Path, model: FakeOllama, schema: Mapping[str, Any], parameters: int) -> None:
        self.model, self.store = model, Store.open(folder / "s.db")
        self.calls: list[dict[str, Any]] = []

        async def call(context: ToolContext, arguments: Mapping[str, Any]) -> ToolResult:
            self.calls.append(dict(arguments))
            return ToolResult("Booked.", "Booked.")

        tool = Tool("book", "Book a hotel.", schema, call, source="mcp:travel", untrusted=True)
        self.agent = Agent(
            self.store, FakeEngine(model.url, parameter_count=parameters), Settings(tools={"mcp": "allow"}),
            lambda event: None, lambda: None, FakeHub(), Checkpoints(folder / "c.db"), lambda *_: {"book": tool},
        )  # fmt: skip
        self.session = chat.create_session(self.store).result().id

    async def ask(self, text: str, *forms: dict[str, Any]) -> Any:
        self.model.scripts = [Script([json.dumps(form)]) for form in forms] + [Script(["It is booked."])]
        examples.add(self.store, text, "book").result()
        return await self.agent.run(self.session, text)


@pytest.fixture(name="make")
async def make_fixture(tmp_path: Path) -> AsyncIterator[Any]:
    model, made = await FakeOllama().start(), []

    def make(schema: Mapping[str, Any] = SCHEMA, parameters: int = 135_000_000) -> Bench:
        made.append(Bench(tmp_path, model, schema, parameters))
        # Large, without tool calling, and told to be routed: what a user may choose in the settings.
        made[-1].agent.settings.routes["tiny:135m"] = "routed"
        return made[-1]

    yield make
    for bench in made:
        await bench.agent.checkpoints.close()
        bench.store.close()
    await model.stop()


async def test_arguments_are_filled_in_by_the_tools_schema_and_seen_in_the_trace(make: Any) -> None:
    bench = make()
    ended = await bench.ask(ASKED, {"city": "Oslo", "nights": 3})
    assert ended.status == "ok" and bench.calls == [{"city": "Oslo", "nights": 3}]
    form = bench.model.requests[0]
    assert form["format"]["required"] == ["city", "nights"] and not form.get("tools")
    spans = chat.spans(bench.store, run_id=ended.run_id)
    [route] = [span for span in spans if span.kind == "route"]
    assert [span.kind for span in spans if span.parent_id == route.id] == ["model"]


async def test_a_bad_value_is_asked_for_once_more(make: Any) -> None:
    bench = make()
    await bench.ask(ASKED, {"city": "Oslo", "nights": "many"}, {"city": "Oslo", "nights": 3})
    assert bench.calls == [{"city": "Oslo", "nights": 3}]
    assert "nights" in bench.model.requests[1]["messages"][-1]["content"]


@pytest.mark.parametrize(
    ("question", "part"), [("Book me a hotel", "Please ask again"), ("호텔 예약해 줘", "다시 물어봐")]
)
async def test_what_is_missing_is_asked_of_the_user(make: Any, question: str, part: str) -> None:
    bench = make()
    # The smallest model makes something up, twice: it is not believed.
    ended = await bench.ask(question, {"city": "Paris", "nights": 2}, {"city": "Rome", "nights": 7})
    assert bench.calls == [] and ended.status == "ok"
    assert "city (Where to go)" in ended.answer and "nights" in ended.answer and part in ended.answer
    assert "\x1b" not in ended.answer and len(bench.model.requests) == 2


async def test_a_larger_model_may_say_it_in_its_own_words(make: Any) -> None:
    bench = make(parameters=8_000_000_000)
    await bench.ask("오슬로 호텔 세 밤 예약해 줘", {"city": "Oslo", "nights": 3, "stars": ""})
    assert bench.calls == [{"city": "Oslo", "nights": 3}]


@pytest.mark.parametrize(
    ("schema", "arguments"),
    [
        ({"type": "object", "properties": {}}, {}),
        ({"type": "object", "properties": {"stars": {"type": "integer"}}}, {}),
        (
            {"type": "object", "properties": {"query": {"type": "string"}}, "required": ["query"]},
            {"query": ASKED},
        ),
    ],
)
async def test_no_model_is_needed_for_what_leaves_no_choice(make: Any, schema: Any, arguments: Any) -> None:
    bench = make(schema)
    await bench.ask(ASKED)
    assert bench.calls == [arguments]
    assert all("format" not in request for request in bench.model.requests)


@pytest.mark.parametrize(
    ("value", "rule", "found"),
    [("oslo", {}, True), ("Paris", {}, False), (3, {}, True), (30, {}, False), (1200, {}, True), ("", {}, False),
     ("red", {"enum": ["red"]}, True), (True, {}, True)],
)  # fmt: skip
def test_what_counts_as_said(value: Any, rule: Any, found: bool) -> None:
    assert said(value, rule, "A hotel in Oslo, 3 nights, 1,200 crowns") is found


async def test_a_model_is_asked_only_where_it_is_close_and_its_word_counts() -> None:
    asked: list[tuple[str, Sequence[tuple[str, str]]]] = []
    word = "search_documents"

    async def embed(texts: list[str]) -> list[list[float]]:
        # Everything is as near to one kind as to the other, but what is far.
        return [[1.0, 0.0] for _ in texts]

    async def choose(text: str, shots: Sequence[tuple[str, str]]) -> str:
        asked.append((text, shots))
        return word

    router = Router(embed)
    plan = await router.plan("Where is the guide?", ["search_documents"], choose=choose)
    assert plan.by == "model" and [step.tool for step in plan.steps] == ["search_documents"]
    assert {label for _, label in asked[0][1]} == {"search_documents", "none"}
    word = "none"
    assert (await router.plan("Where is the guide?", ["search_documents"], choose=choose)).steps == ()
    # A model that says nothing leaves it to the examples.
    word = ""
    assert (await router.plan("Where is the guide?", ["search_documents"], choose=choose)).by == "examples"
    asked.clear()
    await router.plan("What is 3+4?", ["calculator", "search_documents"], choose=choose)
    assert asked == []


@pytest.mark.parametrize(("parameters", "shown"), [(135_000_000, False), (8_000_000_000, True)])
async def test_a_small_model_is_not_shown_what_tools_answered_before(
    make: Any, parameters: int, shown: bool
) -> None:
    bench = make({"type": "object", "properties": {}}, parameters)
    bench.model.scripts = [Script(["Hello."])]
    await bench.agent.run(bench.session, "Hi, I am Joon.")
    await bench.ask("Book what I need for my leave")
    assert bench.calls == [{}]
    bench.model.requests.clear()
    bench.model.scripts = [Script(["Fine."])]
    await bench.agent.run(bench.session, "How are you?")
    sent = [one["content"] for one in bench.model.requests[-1]["messages"]]
    assert sent[1:3] == ["Hi, I am Joon.", "Hello."] and sent[-1] == "How are you?"
    assert ("Book what I need for my leave" in sent) is shown
