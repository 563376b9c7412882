"""One run of the agent against a scripted FAKE server: events, rows, errors, cancelling, hostile text."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from core.agent.run import Agent
from core.errors import StudyError
from core.events import Event, Hit, MemoryUse, RunStarted, SpanEnded, TokenDelta
from core.session import Store, chat
from core.settings import Settings
from tests.scripted import FakeOllama, Script


class FakeHub:
    """FAKE telemetry: no process to measure here."""

    def begin_run(self, run_id: str) -> None:
        pass

    def end_run(self, run_id: str) -> MemoryUse:
        return MemoryUse(1, 2, 1)

    def note_tokens(self, count: int) -> None:
        pass


@dataclass
class FakeEngine:
    """FAKE engine: points at the scripted server; embeds by word overlap with two axes."""

    url: str
    model: str = "tiny:135m"
    capabilities: tuple[str, ...] = ("completion",)
    parameter_count: int | None = 135_000_000
    kind: str = "ollama"
    version: str = "0.0-fake"
    embed_model: str = "fake"

    @property
    def details(self) -> Any:
        return SimpleNamespace(capabilities=self.capabilities, parameter_count=self.parameter_count)

    def chat_client_kwargs(self) -> dict[str, Any]:
        return {"base_url": self.url, "headers": {}}

    def root_pids(self) -> list[int]:
        return []

    async def embed(self, texts: list[str]) -> list[list[float]]:
        return [[1.0, 0.0] if "leave" in text.lower() else [0.0, 1.0] for text in texts]


HIT = Hit(
    "d1", "leave.md", "/x/leave.md", "Leave › Carry-over", "Five days until the end of March.", 0.9, "c1"
)


@dataclass
class World:
    agent: Agent
    server: FakeOllama
    store: Store
    session: str
    events: list[Event]

    async def ask(self, text: str, **options: Any):
        return await self.agent.run(self.session, text, **options)

    def kinds(self) -> list[tuple[str, str]]:
        return [(e.span.kind, e.span.status) for e in self.events if isinstance(e, SpanEnded)]


@pytest.fixture
async def world(tmp_path: Path):
    server = await FakeOllama().start()
    store = Store.open(tmp_path / "s.db")
    events: list[Event] = []

    async def search(query: str, k: int) -> list[Hit]:
        return [HIT] if "leave" in query.lower() else []

    agent = Agent(
        store, FakeEngine(server.url), Settings(retries=0), events.append, lambda: search, FakeHub()
    )  # fmt: skip
    yield World(agent, server, store, chat.create_session(store).result().id, events)
    await server.stop()
    store.close()


async def test_arithmetic_goes_to_the_calculator_before_the_model_speaks(world: World) -> None:
    world.server.scripts = [Script(["12*34 ", "is 408."])]
    ended = await world.ask("What is 12*34?")
    assert (ended.status, ended.answer, ended.route) == ("ok", "12*34 is 408.", "routed")
    assert world.kinds() == [("route", "ok"), ("tool", "ok"), ("model", "ok"), ("agent", "ok")]
    spans = {span.kind: span.attributes for span in chat.spans(world.store, run_id=ended.run_id)}
    assert spans["tool"]["gen_ai.tool.name"] == "calculator"
    assert spans["tool"]["gen_ai.tool.call.arguments"] == {"expression": "12*34"}
    assert spans["tool"]["gen_ai.tool.call.result"] == "12*34 = 408"
    assert spans["model"]["app.answer.check"] == "kept"
    assert world.server.requests[0]["options"]["num_ctx"] == Settings().num_ctx
    assert (ended.usage.output_tokens, ended.memory.peak_bytes) == (2, 2) and ended.ttft_ms is not None


@pytest.mark.parametrize("words", ["12*34 is 4080.", "It is 408, or 409.", "Let me think", "", "408 " * 40])
async def test_a_small_model_that_misreports_the_result_is_not_believed(world: World, words: str) -> None:
    world.server.scripts = [Script([words])]
    ended = await world.ask("What is 12*34?")
    assert (ended.answer, ended.status) == ("12*34 = 408.", "ok")
    model = next(span for span in chat.spans(world.store, run_id=ended.run_id) if span.kind == "model")
    assert model.attributes["app.answer.check"] == "replaced"
    assert words in str(model.attributes["gen_ai.output.messages"])


async def test_a_document_question_quotes_the_passage_and_cites_it(world: World) -> None:
    world.server.scripts = [Script(["You can use leftover leave ", "until the end of March."])]
    ended = await world.ask("Until when can I use leftover leave?")
    quote, words = ended.answer.split("\n\n")
    assert quote == "“Five days until the end of March.” [1]"
    assert words == "You can use leftover leave until the end of March. [1]"
    assert ended.citations[0].document == "leave.md" and ended.citations[0].chunk_id == "c1"
    assert [kind for kind, _ in world.kinds()] == ["route", "retrieval", "tool", "model", "agent"]
    assert chat.messages(world.store, world.session)[-1].citations == ended.citations


@pytest.mark.parametrize(
    "words", ["You have 30 days.", "Until when can I use leftover leave?", "Banana boats sail away."]
)
async def test_what_a_small_model_invents_about_a_passage_is_not_shown(world: World, words: str) -> None:
    world.server.scripts = [Script([words])]
    ended = await world.ask("Until when can I use leftover leave?")
    assert ended.answer == "“Five days until the end of March.” [1]"


async def test_a_native_model_calls_its_tools_itself(world: World) -> None:
    world.agent.engine = FakeEngine(world.server.url, "qwen3:4b", ("completion", "tools"), 4_000_000_000)
    call = {"function": {"name": "calculator", "arguments": {"expression": "2^10"}}}
    world.server.scripts = [Script([""], tool_calls=[call]), Script(["It is ", "1024."])]
    ended = await world.ask("two to the tenth, please")
    assert (ended.status, ended.answer, ended.route) == ("ok", "It is 1024.", "native")
    assert "2**10 = 1024" in str(world.server.requests[1]["messages"])
    assert world.server.requests[0]["tools"]


async def test_a_tool_that_fails_is_reported_and_the_run_goes_on(world: World) -> None:
    world.server.scripts = [Script(["."])]
    ended = await world.ask("What is 1/0?")
    assert ended.status == "ok" and "zero" in ended.answer
    assert ("tool", "error") in world.kinds()


async def test_every_row_is_on_disk_before_its_event(world: World) -> None:
    seen: list[bool] = []

    def check(event: Event) -> None:
        if isinstance(event, RunStarted):
            seen.append(chat.get_run(world.store, event.run_id) is not None)
        if isinstance(event, SpanEnded):
            rows = {span.id: span.status for span in chat.spans(world.store, run_id=event.span.run_id)}
            seen.append(rows.get(event.span.id) == event.span.status)

    world.agent.emit = check
    await world.ask("hello")
    assert len(seen) == 4 and all(seen)


async def test_cancelling_before_anything_is_asked_ends_the_run_too(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    began, go_on = threading.Event(), threading.Event()

    def slow(engine: object) -> None:
        began.set()
        go_on.wait(10)

    monkeypatch.setattr("core.agent.run.DeathWatch", slow)
    task = asyncio.create_task(world.ask("hello"))
    await asyncio.to_thread(began.wait, 10)
    task.cancel()
    go_on.set()
    ended = await task
    assert ended.status == "cancelled"
    assert [message.status for message in chat.messages(world.store, world.session)][-1] == "cancelled"


async def test_cancelling_keeps_the_partial_answer_and_hangs_up(world: World) -> None:
    world.server.scripts = [Script(["Once ", "upon ", "a time"], hold_after=2)]
    shown = asyncio.Event()
    world.agent.emit = lambda event: (
        shown.set() if isinstance(event, TokenDelta) and "Once" in event.text else None
    )
    task = asyncio.create_task(world.ask("tell me a story"))
    await asyncio.wait_for(shown.wait(), 20)
    task.cancel()
    ended = await asyncio.wait_for(task, 5)
    await asyncio.wait_for(world.server.disconnected.wait(), 5)
    answer = chat.messages(world.store, world.session)[-1]
    assert ended.status == "cancelled" and answer.status == "cancelled" and answer.content.startswith("Once")
    assert all(span.status != "running" for span in chat.spans(world.store, run_id=ended.run_id))


@pytest.mark.parametrize(
    ("script", "key"),
    [
        (Script(["half an ans"], cut=True), "cut"),
        (Script(["half"], error="an error was encountered while running the model: x"), "half"),
        (Script(status=404, error="model 'tiny:135m' not found"), "missing"),
        (
            Script(status=503, error="server busy, please try again.  maximum pending requests exceeded"),
            "busy",
        ),
        (
            Script(
                status=500, error="model requires more system memory (5.5 GiB) than is available (5.2 GiB)"
            ),
            "memory",
        ),
    ],
)
async def test_a_failure_is_a_sentence_with_a_remedy_and_loses_nothing(
    world: World, script: Script, key: str
) -> None:
    world.server.scripts = [script]
    ended = await world.ask("hello")
    assert ended.status == "error" and ended.error and ended.fix and "Traceback" not in ended.error
    question, answer = chat.messages(world.store, world.session)
    assert question.content == "hello" and answer.status == "failed" and answer.error == ended.error
    assert answer.content == "".join(script.words) * (script.status == 200)


async def test_an_engine_that_is_gone_is_said_so(world: World) -> None:
    await world.server.stop()
    world.agent.engine = FakeEngine("http://127.0.0.1:9")
    ended = await world.ask("hello")
    assert ended.status == "error" and ended.fix
    assert ended.error and "http://127.0.0.1:9 " in ended.error


async def test_trying_again_replaces_the_failed_answer(world: World) -> None:
    world.server.scripts = [Script(status=500, error="boom"), Script(["Fine."])]
    failed = await world.ask("hello")
    again = await world.ask("hello", replaces=failed.run_id)
    assert again.answer == "Fine."
    assert [m.content for m in chat.messages(world.store, world.session)] == ["hello", "Fine."]


async def test_earlier_turns_are_remembered(world: World) -> None:
    world.server.scripts = [Script(["Nice to meet you, Kim."]), Script(["Kim."])]
    await world.ask("My name is Kim.")
    await world.ask("What is my name?")
    told = [m["content"] for m in world.server.requests[1]["messages"]]
    assert "My name is Kim." in told and "Nice to meet you, Kim." in told


async def test_history_that_does_not_fit_is_left_out_and_counted(world: World) -> None:
    for _ in range(4):
        await world.ask("word " * 400)
    ended = await world.ask("short?")
    model = next(s for s in chat.spans(world.store, run_id=ended.run_id) if s.kind == "model")
    assert model.attributes["app.history.dropped_messages"] > 0
    assert len(str(world.server.requests[-1]["messages"])) < 2048 * 4


async def test_hostile_model_text_is_harmless_even_when_split(world: World) -> None:
    world.server.scripts = [Script(["a\x1b", "[2Jb\x1b]0;own", "ed\x07c\x00\u202e[/x][bold]d\x1b"])]
    shown: list[str] = []
    world.agent.emit = lambda event: shown.append(event.text) if isinstance(event, TokenDelta) else None
    ended = await world.ask("hi there")
    assert ended.answer == "abc[/x][bold]d" == "".join(shown)


@pytest.mark.parametrize("text", ["", "   \n", "x" * 300_000])
async def test_questions_that_cannot_be_asked(world: World, text: str) -> None:
    with pytest.raises(StudyError) as caught:
        await world.ask(text)
    assert caught.value.key.startswith("error.agent.prompt.")
    assert chat.messages(world.store, world.session) == []
