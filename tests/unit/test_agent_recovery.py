"""What a run does when things go wrong, and where it goes on: a scripted FAKE server, real LangGraph, real checkpoints."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from core.agent import retry
from core.agent.checkpoints import Checkpoints
from core.agent.run import Agent
from core.agent.types import RecordedTool, Tool, ToolContext, ToolResult
from core.errors import StudyError
from core.events import Event, PermissionAsked, RunWaits, TextReplaced
from core.session import Store, chat, permissions, tool_rules
from core.settings import Settings
from tests.scripted import FakeOllama, Script
from tests.unit.test_agent_run import FakeEngine, FakeHub


@dataclasses.dataclass
class Bench:
    """An agent with a tool that counts its calls and lets something leave the machine."""

    folder: Path
    server: FakeOllama
    store: Store
    settings: Settings = dataclasses.field(default_factory=lambda: Settings(retries=2))
    events: list[Event] = dataclasses.field(default_factory=list)
    called: list[Mapping[str, Any]] = dataclasses.field(default_factory=list)
    session: str = ""
    engine: Any = None
    agent: Any = None

    def make(self) -> Agent:
        async def call(context: ToolContext, arguments: Mapping[str, Any]) -> ToolResult:
            self.called.append(arguments)
            return ToolResult(f"sent {arguments['text']}", f"I sent {arguments['text']}.")

        send = Tool(
            "send", "Send a text.",
            {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]},
            call, leaves="tool.leaves.web_search",
        )  # fmt: skip
        from core.agent.tools.registry import builtin

        self.agent = Agent(
            self.store, self.engine, self.settings, self.events.append, lambda: None, FakeHub(),
            Checkpoints(self.folder / "checkpoints.sqlite"), lambda context, settings: {**builtin(), "send": send},
        )  # fmt: skip
        return self.agent

    async def ask(self, text: str, **options: Any) -> Any:
        return await self.agent.run(self.session, text, **options)

    def kinds(self, run_id: str) -> list[str]:
        return [span.kind for span in chat.spans(self.store, run_id=run_id)]


@pytest.fixture
async def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    monkeypatch.setattr(retry, "FIRST_WAIT_S", 0.01)
    server = await FakeOllama().start()
    store = Store.open(tmp_path / "s.db")
    bench = Bench(tmp_path, server, store, session=chat.create_session(store).result().id)
    bench.engine = FakeEngine(server.url)
    bench.make()
    yield bench
    await bench.agent.checkpoints.close()
    await server.stop()
    store.close()


def native(bench: Bench) -> None:
    bench.engine = FakeEngine(bench.server.url, "qwen3:4b", ("completion", "tools"), 4_000_000_000)
    bench.make()


def send(text: str) -> Script:
    return Script([""], tool_calls=[{"function": {"name": "send", "arguments": {"text": text}}}])


@pytest.mark.parametrize(
    "bad",
    [
        Script(["half an ans"], cut=True),
        Script(status=503, error="server busy, please try again.  maximum pending requests exceeded"),
        Script(status=500, error="an error was encountered while running the model: unexpected EOF"),
        Script(["half"], error="an error was encountered while running the model: unexpected EOF"),
    ],
    ids=["cut", "503", "500", "error line"],
)
async def test_what_may_pass_is_tried_again_and_nothing_is_said_twice(bench: Bench, bad: Script) -> None:
    bench.server.scripts = [bad, Script(["All ", "well."])]
    ended = await bench.ask("hello")
    assert (ended.status, ended.answer) == ("ok", "All well.")
    assert chat.messages(bench.store, bench.session)[-1].content == "All well."
    assert "retry" in bench.kinds(ended.run_id)
    waits = [event.text for event in bench.events if isinstance(event, RunWaits)]
    assert waits[0] and waits[-1] == "", "a wait is said, and that it is over"
    replaced = [event.text for event in bench.events if isinstance(event, TextReplaced)]
    assert replaced == ([""] if bad.status == 200 else [])


@pytest.mark.parametrize("status", [400, 404])
async def test_what_cannot_pass_is_not_tried_again(bench: Bench, status: int) -> None:
    bench.server.scripts = [Script(status=status, error="model 'tiny:135m' not found")]
    ended = await bench.ask("hello")
    assert ended.status == "error" and len(bench.server.requests) == 1


async def test_another_model_is_tried_when_one_is_missing(bench: Bench) -> None:
    bench.settings = Settings(retries=0, fallback_models="tiny:135m, other:1b")
    bench.make()
    bench.server.scripts = [Script(status=404, error="model 'tiny:135m' not found"), Script(["Here."])]
    ended = await bench.ask("hello")
    assert (ended.status, ended.answer, ended.model) == ("ok", "Here.", "other:1b")
    assert [body["model"] for body in bench.server.requests] == ["tiny:135m", "other:1b"]


async def test_a_model_that_refuses_tools_takes_another_route_and_keeps_the_turn(bench: Bench) -> None:
    native(bench)
    refusal = Script(status=400, error="registry.ollama.ai/library/qwen3:4b does not support tools")
    bench.server.scripts = [refusal, Script([json.dumps({"answer": "Still here."})])]
    ended = await bench.ask("hello")
    assert (ended.status, ended.answer, ended.route) == ("ok", "Still here.", "constrained")
    assert bench.agent.route()[0] == "constrained", "and later questions go that way at once"


async def test_a_finished_tool_is_not_repeated_when_a_later_call_has_to_be(bench: Bench) -> None:
    native(bench)
    tool_rules.put_rule(bench.store, "send", "allow").result()
    bench.server.scripts = [send("x"), Script(["I ha"], cut=True), Script(["Done."])]
    ended = await bench.ask("send x")
    assert (ended.status, ended.answer, len(bench.called)) == ("ok", "Done.", 1)


async def test_a_run_that_failed_after_its_tool_goes_on_from_there(bench: Bench) -> None:
    native(bench)
    tool_rules.put_rule(bench.store, "send", "allow").result()
    bench.settings = Settings(retries=0)
    bench.make()
    bench.server.scripts = [send("x"), Script(["I ha"], cut=True)]
    failed = await bench.ask("send x")
    assert failed.status == "error" and await bench.agent.can_resume(failed.run_id)
    await bench.agent.checkpoints.close()
    bench.make()  # As after a restart: nothing is left in memory.
    bench.server.scripts = [Script(["Done."])]
    ended = await bench.agent.resume(failed.run_id)
    assert (ended.status, ended.answer, ended.run_id, len(bench.called)) == ("ok", "Done.", failed.run_id, 1)
    assert "sent x" in str(bench.server.requests[-1]["messages"])
    assert [one.content for one in chat.messages(bench.store, bench.session)] == ["send x", "Done."]


async def asked(bench: Bench) -> PermissionAsked:
    while True:
        for event in bench.events:
            if isinstance(event, PermissionAsked):
                return event
        await asyncio.sleep(0.01)


@pytest.mark.parametrize(("word", "calls"), [("once", 1), ("always", 1), ("deny", 0)])
async def test_a_tool_that_lets_something_leave_asks_first(bench: Bench, word: Any, calls: int) -> None:
    native(bench)
    bench.server.scripts = [send("x"), Script(["Right."])]
    task = asyncio.create_task(bench.ask("send x"))
    question = (await asyncio.wait_for(asked(bench), 20)).request
    assert question.tool == "send" and question.arguments == {"text": "x"} and question.leaves
    assert permissions.unanswered(bench.store, session_id=bench.session) == [question]
    assert bench.called == []
    assert await bench.agent.answer_permission(question.id, word) == question.run_id
    ended = await asyncio.wait_for(task, 20)
    assert (ended.status, ended.answer, len(bench.called)) == ("ok", "Right.", calls)
    assert permissions.unanswered(bench.store, session_id=bench.session) == []
    assert "permission" in bench.kinds(ended.run_id)
    assert tool_rules.rules(bench.store) == ({"send": "allow"} if word == "always" else {})
    with pytest.raises(StudyError):
        await bench.agent.answer_permission(question.id, "once")


async def test_a_permission_question_outlives_the_process(bench: Bench) -> None:
    native(bench)
    bench.server.scripts = [send("x")]
    task = asyncio.create_task(bench.ask("send x"))
    question = (await asyncio.wait_for(asked(bench), 20)).request
    while not chat.waiting_runs(bench.store, bench.session):
        await asyncio.sleep(0.01)
    # The process dies here: nobody is told anything, what is in memory is gone.
    first = bench.agent
    bench.make()
    assert chat.mark_interrupted(bench.store).result() == 0, "a waiting run is not an interrupted one"
    assert permissions.unanswered(bench.store, session_id=bench.session) == [question]
    bench.server.scripts = [Script(["Sent."])]
    await bench.agent.answer_permission(question.id, "once")
    ended = await bench.agent.resume(question.run_id)
    assert (ended.status, ended.answer, len(bench.called)) == ("ok", "Sent.", 1)
    task.cancel()
    await asyncio.wait({task})
    await first.checkpoints.close()


async def test_a_waiting_run_can_be_given_up_after_a_restart(bench: Bench) -> None:
    native(bench)
    bench.server.scripts = [send("x")]
    task = asyncio.create_task(bench.ask("send x"))
    question = (await asyncio.wait_for(asked(bench), 20)).request
    while not chat.waiting_runs(bench.store, bench.session):
        await asyncio.sleep(0.01)
    first = bench.agent
    bench.make()
    await bench.agent.abandon(question.run_id)
    assert permissions.unanswered(bench.store, session_id=bench.session) == []
    assert [one.status for one in chat.messages(bench.store, bench.session)] == ["complete", "cancelled"]
    task.cancel()
    await asyncio.wait({task})
    await first.checkpoints.close()


async def test_a_loop_is_stopped_and_says_what_was_tried(bench: Bench) -> None:
    native(bench)
    tool_rules.put_rule(bench.store, "send", "allow").result()
    bench.server.scripts = [send("x") for _ in range(9)]
    ended = await bench.ask("send x")
    assert ended.status == "error" and "send(x)" in ended.error and ended.fix
    assert len(bench.called) == 2


@pytest.mark.parametrize(
    "limit",
    [{"run_calls": 3}, {"run_tokens": 5}, {"run_seconds": 0.000001}],
    ids=["calls", "tokens", "seconds"],
)
async def test_a_run_has_limits(bench: Bench, limit: dict[str, Any]) -> None:
    bench.settings = dataclasses.replace(Settings(retries=0), **limit)
    native(bench)
    tool_rules.put_rule(bench.store, "send", "allow").result()
    bench.server.scripts = [send(f"x{n}") for n in range(9)]
    ended = await bench.ask("send x")
    assert ended.status == "error" and next(iter(limit)) in ended.fix
    assert len(bench.server.requests) < 5


@pytest.mark.parametrize(
    ("replies", "answer", "calls"),
    [
        (['{"answer": "Hi \\"you\\" \\uac00\\ud83d\\ude00"}'], 'Hi "you" 가😀', 0),
        (['```json\n{"answer": "fenced"}\n```'], "fenced", 0),
        (['{"answer": "cut o'], "cut o", 0),
        (["no json at all", '{"answer": "second"}'], "second", 0),
        (["no json at all", "and none again"], "and none again", 0),
        (['{"tool": "send", "arguments": {"text": "y"}}', '{"answer": "done"}'], "done", 1),
        (['{"tool": "nothing", "arguments": {}}', '{"answer": "no such tool"}'], "no such tool", 0),
    ],
)
async def test_a_model_without_tools_chooses_by_schema(
    bench: Bench, replies: list[str], answer: str, calls: int
) -> None:
    bench.engine = FakeEngine(bench.server.url, "llama2:7b", ("completion",), 7_000_000_000)
    bench.make()
    tool_rules.put_rule(bench.store, "send", "allow").result()
    # Streamed in crumbs: the JSON around the answer must never be shown.
    bench.server.scripts = [Script([text[i : i + 3] for i in range(0, len(text), 3)]) for text in replies]
    ended = await bench.ask("hello")
    assert (ended.status, ended.answer, ended.route) == ("ok", answer, "constrained")
    assert len(bench.called) == calls and bench.server.requests[0]["format"]["anyOf"]
    assert not bench.server.requests[0].get("tools")
    shown = "".join(event.text for event in bench.events if type(event).__name__ == "TokenDelta")
    assert "{" not in shown


async def test_a_replay_calls_no_tools(bench: Bench) -> None:
    native(bench)
    bench.server.scripts = [send("x"), Script(["Again."])]
    recorded = [RecordedTool("send", {"text": "x"}, ToolResult("sent x long ago"))]
    ended = await bench.ask("send x", recorded=recorded, kind="replay", made_from="r1")
    assert (ended.status, ended.answer, bench.called) == ("ok", "Again.", [])
    assert "sent x long ago" in str(bench.server.requests[-1]["messages"])


async def test_between_runs_one_checkpoint_is_kept(bench: Bench) -> None:
    for number in range(3):
        bench.server.scripts = [Script([f"answer {number}"])]
        await bench.ask(f"question {number}")
    saver = await bench.agent.checkpoints.saver()
    rows = await saver.conn.execute_fetchall("SELECT count(*) FROM checkpoints")
    assert next(iter(rows))[0] == 1
    bench.server.scripts = [Script(["!"])]
    await bench.ask("and?")
    told = [message["content"] for message in bench.server.requests[-1]["messages"]]
    assert [told[1], told[2], told[5], told[6]] == ["question 0", "answer 0", "question 2", "answer 2"]


async def test_the_request_is_in_the_trace_exactly_as_it_was_sent(bench: Bench) -> None:
    bench.server.scripts = [Script(["Hi."])]
    ended = await bench.ask("안녕")
    model = next(span for span in chat.spans(bench.store, run_id=ended.run_id) if span.kind == "model")
    assert model.attributes["app.request.body"] == bench.server.requests[-1]
