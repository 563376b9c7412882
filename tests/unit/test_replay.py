"""Recorded runs repeated, forked, replayed: a scripted FAKE server, real store, real LangGraph."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import shlex
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import Future
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from core.agent import semconv
from core.agent.desk import Runs
from core.agent.replay.calls import call_of, curl_of
from core.agent.replay.desk import Traces
from core.agent.types import ToolResult
from core.cost.desk import each_run, of_runs
from core.errors import StudyError, UsageError
from core.events import ReplayChanged, RunEnded
from core.ground import Ground
from core.ollama import OllamaClient
from core.paths import default_paths
from core.session import chat, examples, tool_rules
from core.settings import Settings
from tests.scripted import Script
from tests.unit.test_agent_recovery import Bench, bench, native, send

__all__ = ["bench"]


class Room:
    """The desk on a bench: what a runtime gives it, on the test's own loop."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        bench.engine.client = OllamaClient(bench.server.url)
        bench.engine.token = "s3cret-token"
        ready: Future[Any] = Future()
        ready.set_result(bench.engine)

        async def store() -> Any:
            return bench.store

        async def engine() -> Any:
            return bench.engine

        def call(work: Any) -> Any:
            return asyncio.ensure_future(work)

        ground = Ground(
            bench.settings, default_paths(bench.folder), call, bench.events.append, store, engine,
            lambda: bench.store, lambda: None,
        )  # fmt: skip
        runs = Runs(ground, lambda: bench.agent, lambda: None)
        tools = SimpleNamespace(all=lambda: {"calculator": None, "send": None})
        runtime = SimpleNamespace(engine_ready=ready, runs=runs, _agent_now=lambda: bench.agent, tools=tools)
        self.traces = Traces(ground, runtime)  # type: ignore[arg-type]

    async def ended(self, *, session: str = "", run: str = "") -> RunEnded:
        while True:
            for event in self.bench.events:
                if isinstance(event, RunEnded) and (event.session_id == session or event.run_id == run):
                    return event
            await asyncio.sleep(0.01)

    def spans(self, run_id: str, kind: str) -> list[Any]:
        return [span for span in chat.spans(self.bench.store, run_id=run_id) if span.kind == kind]

    def everything(self) -> list[Any]:
        store = self.bench.store
        tables = ("sessions", "messages", "runs", "spans")
        return [store.query(f"SELECT * FROM {table} ORDER BY rowid") for table in tables]


@pytest.fixture
async def room(bench: Bench) -> AsyncIterator[Room]:
    native(bench)
    tool_rules.put_rule(bench.store, "send", "allow").result()
    made = Room(bench)
    yield made
    await bench.engine.client.aclose()


async def sent(room: Room) -> Any:
    """A run with one tool call: "send x" → "Done."."""
    room.bench.server.scripts = [send("x"), Script(["Done ", "with ", "x."])]
    return await room.bench.ask("send x")


async def test_a_call_is_told_as_it_was_sent_and_never_with_its_token(room: Room) -> None:
    run = await sent(room)
    span = room.spans(run.run_id, "model")[-1]
    call = room.traces.call(span.id)
    assert call.body == room.bench.server.requests[-1] and call.text == "Done with x."
    command = room.traces.curl(span.id)
    assert "s3cret" not in command + str(call) and '-H "Authorization: Bearer $LLM_STUDY_TOKEN"' in command
    words = shlex.split(command)
    assert json.loads(words[words.index("--data-raw") + 1]) == call.body
    assert words[2] == f"{room.bench.server.url}/api/chat"
    with pytest.raises(UsageError):
        room.traces.call(room.spans(run.run_id, "tool")[0].id)


async def test_hostile_bodies_stay_exact_and_harmless_in_a_command(room: Room) -> None:
    evil = "'; rm -rf ~ #\x1b]0;t\x07 \u202etxt\u2028 $(id) `id`"
    room.bench.server.scripts = [Script(["ok"])]
    run = await room.bench.ask(f"say {evil}")
    span = room.spans(run.run_id, "model")[-1]
    command = room.traces.curl(span.id)
    assert not set(command) & set("\x1b\x07\u202e\u2028")
    words = shlex.split(command)
    assert json.loads(words[words.index("--data-raw") + 1]) == room.bench.server.requests[-1]
    big = dataclasses.replace(room.traces.call(span.id), body={"model": "m", "messages": ["가" * 60_000]})
    assert curl_of(big).endswith("\nLLM_STUDY\n") and "--data-raw" not in curl_of(big)


async def test_a_call_made_again_is_compared_word_by_word_and_kept(room: Room) -> None:
    run = await sent(room)
    span = room.spans(run.run_id, "model")[-1]
    server = room.bench.server
    server.scripts = [
        Script(["Done ", "with ", "x."]),
        Script(["Done ", "without\x1b[31m ", "x."]),
        Script(status=500, error="no"),
    ]
    found = await room.traces.rerun(span.id, 3)
    assert [one.same for one in found] == [True, False, None]
    assert (found[1].differs_at, found[1].text) == (1, "Done without x.")
    assert found[2].error and found[0].output_tokens == 3
    assert room.traces.reruns(span.id) == found, "they are rows"
    assert server.requests[-3:] == [server.requests[-4]] * 3, "the same body, exactly"
    told = [(one.done, one.total) for one in room.bench.events if isinstance(one, ReplayChanged)]
    assert told == [(1, 3), (2, 3), (3, 3)]
    for count in (0, 101):
        with pytest.raises(UsageError):
            await room.traces.rerun(span.id, count)


async def test_determinism_counts_tokens_and_is_in_no_list(room: Room) -> None:
    room.bench.server.scripts = [
        Script(["A ", "b ", "c"]),
        Script(["A ", "b ", "c"]),
        Script(["A ", "x ", "c"]),
    ]
    found = await room.traces.determinism("say it", 3, False, 0.8)
    assert [(one.same, one.differs_at) for one in found] == [(None, None), (True, None), (False, 1)]
    body = room.bench.server.requests[-1]
    assert "seed" not in body["options"] and body["options"]["temperature"] == 0.8
    assert room.traces.reruns(found[0].of) == found
    run = chat.get_run(room.bench.store, found[0].of)
    assert run is not None and (run.status, run.kind, run.usage.output_tokens) == ("ok", "determinism", 9)
    assert (
        chat.list_sessions(room.bench.store) == [] and chat.search_messages(room.bench.store, "say it") == []
    )


async def test_a_fork_with_another_tool_result_goes_on_from_there_and_leaves_the_original(room: Room) -> None:
    run = await sent(room)
    before = room.everything()
    tool = room.spans(run.run_id, "tool")[0]
    room.bench.server.scripts = [Script(["So ", "it failed."])]
    session = await room.traces.fork(room.bench.session, tool.id, tool_result="the post is closed\x1b[2J")
    ended = await asyncio.wait_for(room.ended(session=session.id), 20)
    assert (ended.status, ended.answer) == ("ok", "So it failed.")
    assert len(room.bench.called) == 1, "the tool is not called again"
    prompt = json.dumps(room.bench.server.requests[-1]["messages"])
    assert "the post is closed" in prompt and "sent x" not in prompt and "\\u001b" not in prompt
    [step] = room.spans(ended.run_id, "tool")
    assert step.attributes[semconv.TOOL_EDITED] and step.attributes[semconv.RECORDED]
    after = room.everything()
    assert [rows[: len(old)] for rows, old in zip(after, before, strict=True)] == before
    assert session.forked_from == room.bench.session and session.forked_at == tool.id
    assert [one.content for one in chat.messages(room.bench.store, session.id)] == ["send x", "So it failed."]


async def test_a_fork_without_an_edit_is_a_copy_that_costs_nothing_twice(room: Room) -> None:
    run = await sent(room)
    store, settings = room.bench.store, Settings()
    whole = of_runs(store, settings)
    answer = chat.messages(store, room.bench.session)[-1]
    session = await room.traces.fork(room.bench.session, answer.id)
    assert [one.content for one in chat.messages(store, session.id)] == ["send x", "Done with x."]
    [copy] = chat.runs(store, session.id)
    assert (copy.kind, copy.made_from) == ("copy", run.run_id)
    assert len(chat.spans(store, run_id=copy.id)) == len(chat.spans(store, run_id=run.run_id))
    assert whole.output_tokens and of_runs(store, settings) == whole
    assert of_runs(store, settings, session_id=session.id).output_tokens == 0
    assert each_run(store, settings, session_id=session.id, copies=True)[copy.id].output_tokens
    room.bench.server.scripts = [Script(["Again."])]
    await room.bench.agent.run(session.id, "and?")
    told = json.dumps(room.bench.server.requests[-1]["messages"])
    assert "send x" in told and "Done with x." in told, "it goes on with what was said"


async def test_a_fork_at_a_question_asks_the_edited_one(room: Room) -> None:
    room.bench.server.scripts = [Script(["One."]), Script(["Two."]), Script(["Three."])]
    await room.bench.ask("first")
    await room.bench.ask("second")
    question = chat.messages(room.bench.store, room.bench.session)[2]
    session = await room.traces.fork(room.bench.session, question.id, prompt="another")
    await asyncio.wait_for(room.ended(session=session.id), 20)
    said = [one.content for one in chat.messages(room.bench.store, session.id)]
    assert said == ["first", "One.", "another", "Three."]
    for options in ({"prompt": "  "}, {"tool_result": "x"}):
        with pytest.raises(StudyError):
            await room.traces.fork(room.bench.session, question.id, **options)
    with pytest.raises(UsageError):
        await room.traces.fork(room.bench.session, "nowhere", prompt="x")


async def test_a_replay_gives_the_recorded_results_and_calls_no_tool(room: Room) -> None:
    run = await sent(room)
    room.bench.server.scripts = [send("x"), Script(["Done ", "with ", "y."])]
    new = await room.traces.replay(run.run_id)
    ended = await asyncio.wait_for(room.ended(run=new), 20)
    assert ended.status == "ok" and len(room.bench.called) == 1
    while not any(one.text for one in room.traces.reruns(run.run_id)):
        await asyncio.sleep(0.01)
    [row] = room.traces.reruns(run.run_id)
    assert (row.run_id, row.same, row.differs_at, row.kind) == (new, False, 2, "run")
    assert [one.id for one in chat.list_sessions(room.bench.store)] == [room.bench.session]
    found = room.traces.compare_runs(run.run_id, new)
    kinds = [(step.a.kind, step.same) for step in found.steps if step.a and step.b]
    assert kinds == [("model", True), ("tool", True), ("model", False)] and not found.same_answer
    assert "".join(one.text for one in found.diff if one.kind != "added") == "Done with x."
    assert "".join(one.text for one in found.diff if one.kind != "removed") == "Done with y."
    room.bench.server.scripts = [send("x"), Script(["Live."])]
    live = await room.traces.replay(run.run_id, live_tools=True)
    await asyncio.wait_for(room.ended(run=live), 20)
    assert len(room.bench.called) == 2, "only when asked for"
    chat.delete_session(room.bench.store, room.bench.session).result()
    assert chat.session_ids(room.bench.store) == [] and room.traces.reruns(run.run_id) == []


async def test_a_replay_on_another_model_takes_that_models_route(room: Room) -> None:
    run = await sent(room)
    # The FAKE server says nothing of what this model can do: it is not trusted with tools.
    room.bench.server.scripts = [Script(["Other."])]
    new = await room.traces.replay(run.run_id, "other:1b")
    ended = await asyncio.wait_for(room.ended(run=new), 20)
    assert (ended.status, ended.model, ended.route) == ("ok", "other:1b", "routed")
    assert room.bench.server.requests[-1]["model"] == "other:1b"
    assert room.bench.engine.model == "qwen3:4b", "what is asked next goes to the model in use"


async def test_a_replay_that_broke_off_still_calls_no_tool_when_it_goes_on(room: Room) -> None:
    run = await sent(room)
    room.bench.server.scripts = [Script(status=400, error="no")]
    new = await room.traces.replay(run.run_id)
    assert (await asyncio.wait_for(room.ended(run=new), 20)).status == "error"
    row = chat.get_run(room.bench.store, new)
    assert row is not None
    from core.agent.desk import _as_before

    again = _as_before(row, room.bench.engine.model)
    room.bench.server.scripts = [send("x"), Script(["Done."])]
    ended = await room.bench.agent.run(row.session_id, row.question, replaces=new, **again)
    assert ended.status == "ok" and len(room.bench.called) == 1


async def test_a_correction_becomes_an_example(room: Room) -> None:
    run = await sent(room)
    await room.traces.correct_route(run.run_id, "calculator")
    [known] = examples.examples(room.bench.store)
    assert (known.text, known.tool, known.run_id) == ("send x", "calculator", run.run_id)
    with pytest.raises(UsageError):
        await room.traces.correct_route(run.run_id, "rm -rf")


async def test_what_a_tool_found_is_recorded_whole(room: Room) -> None:
    run = await sent(room)
    [step] = room.spans(run.run_id, "tool")
    from core.agent.recorded import from_json, recorded_tools, to_json

    [known] = recorded_tools(chat.spans(room.bench.store, run_id=run.run_id))
    assert known.result == ToolResult("sent x", "I sent x.") and dict(known.arguments) == {"text": "x"}
    assert from_json(to_json([known])) == [known]
    assert isinstance(step.attributes, Mapping)


def test_a_call_of_an_imported_session_never_sends_a_token_where_the_file_says(tmp_path: Path) -> None:
    from core.session import Store, imports

    body = {"model": "m", "messages": []}
    span = {
        "type": "span", "id": "sp1", "run_id": "r1", "parent_id": None, "name": "chat m", "kind": "model",
        "status": "ok", "start": 1.0, "duration_ms": 2.0,
        "attributes": {semconv.REQUEST_BODY: body, semconv.SERVER_ADDRESS: "http://evil.example/api/chat"},
    }  # fmt: skip
    run = {
        "type": "run",
        "id": "r1",
        "session_id": "s1",
        "status": "ok",
        "started_at": 1.0,
        "engine": "embedded",
    }
    head = {
        "type": "llm-study-session",
        "format": 1,
        "session": {"id": "s1", "title": "t", "created_at": 1.0},
    }
    end = {"type": "end", "messages": 0, "runs": 1, "spans": 1}
    path = tmp_path / "x.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in (head, run, span, end)), "utf-8")
    store = Store.open(tmp_path / "s.db")
    imports.put(store, imports.read(path)).result()
    command = curl_of(call_of(store, "sp1"))
    assert "evil" not in command and "TOKEN" not in command
    store.close()
