"""What a run sends fits its context window, and what does not fit is said: a scripted FAKE server."""

from __future__ import annotations

from typing import Any

import pytest

from core.agent.context.counter import estimate
from core.agent.context.record import report_of
from core.agent.types import RecordedTool, ToolResult
from core.events import ContextMeasured
from core.session import chat
from core.settings import Settings
from tests.scripted import Script
from tests.unit.test_agent_recovery import Bench, bench, native, send
from tests.unit.test_agent_run import FakeEngine

__all__ = ["bench"]


def measured(bench: Bench) -> list[Any]:
    return [event.budget for event in bench.events if isinstance(event, ContextMeasured)]


def tokens_of(request: dict[str, Any]) -> int:
    return sum(estimate(message.get("content") or "") for message in request["messages"])


async def test_where_the_window_went_is_told_before_and_after_each_call(bench: Bench) -> None:
    bench.server.scripts = [Script(["Hi."], prompt_tokens=31)]
    ended = await bench.ask("hello there")
    before, after = measured(bench)
    assert before.reported is None and (after.reported, after.cut_by_server) == (31, False)
    assert before.num_ctx == Settings().num_ctx and before.system and before.question and before.reserve
    report = report_of(bench.store, ended.run_id)
    assert report is not None and report.budget == after


async def test_a_server_that_cuts_the_front_is_found_out(bench: Bench) -> None:
    bench.server.scripts = [Script(["Hm."], prompt_tokens=40)]
    ended = await bench.ask("word " * 500)
    assert measured(bench)[-1].cut_by_server
    model = next(span for span in chat.spans(bench.store, run_id=ended.run_id) if span.kind == "model")
    assert model.attributes["app.request.cut_by_server"] is True


async def test_what_was_left_out_can_be_seen(bench: Bench) -> None:
    for number in range(5):
        bench.server.scripts = [Script([f"answer {number} " + "word " * 200])]
        await bench.ask(f"question {number} " + "word " * 200)
    bench.server.scripts = [Script(["Short."])]
    ended = await bench.ask("short?")
    report = report_of(bench.store, ended.run_id)
    kept = str(bench.server.requests[-1]["messages"])
    assert report is not None and report.dropped and report.budget.dropped == len(report.dropped)
    said = {one.id: one.content[:10] for one in chat.messages(bench.store, bench.session)}
    assert [said[one] for one in report.dropped][:2] == ["question 0", "answer 0 w"]
    assert all(said[one] not in kept for one in report.dropped) and "answer 4" in kept


@pytest.mark.parametrize("size", [900, 4000, 40_000])
async def test_results_of_tools_never_overflow_the_window(bench: Bench, size: int) -> None:
    native(bench)
    bench.server.scripts = [send("a"), send("b"), Script(["Done."])]
    recorded = [
        RecordedTool("send", {"text": name}, ToolResult(f"result {name} " + "x" * size)) for name in "ab"
    ]
    ended = await bench.ask("send a and b", recorded=recorded)
    assert (ended.status, ended.answer) == ("ok", "Done.")
    last = bench.server.requests[-1]
    assert tokens_of(last) <= Settings().num_ctx - Settings().num_predict
    assert [one["role"] for one in last["messages"]] == [
        "system", "user", "assistant", "tool", "assistant", "tool"
    ]  # fmt: skip
    assert last["messages"][1]["content"] == "send a and b"
    assert "result b" in last["messages"][-1]["content"], "the newest result is cut, never left out"
    budget = measured(bench)[-1]
    assert budget.retrieved and budget.prompt + budget.reserve <= budget.num_ctx


async def test_a_larger_model_summarises_what_does_not_fit_once(bench: Bench) -> None:
    native(bench)
    for number in range(3):
        bench.server.scripts = [Script([f"answer {number} " + "word " * 100])]
        await bench.ask(f"question {number} " + "word " * 100)
    bench.server.scripts = [Script(["They counted to three."]), Script(["Go on."])]
    ended = await bench.ask("and now? " + "word " * 120)
    assert (ended.status, ended.answer) == ("ok", "Go on.")
    assert "summary" in bench.kinds(ended.run_id)
    told = [one["content"] for one in bench.server.requests[-1]["messages"]]
    assert "They counted to three." in told[1] and not any("question 0" in text for text in told)
    assert chat.messages(bench.store, bench.session)[-1].content == "Go on."
    asked = len(bench.server.requests)
    bench.server.scripts = [Script(["Fine."])]
    await bench.ask("ok?")
    assert len(bench.server.requests) == asked + 1, "it is not made again"
    assert "They counted to three." in str(bench.server.requests[-1]["messages"])


async def test_a_long_korean_question_is_not_refused_by_an_estimate(bench: Bench) -> None:
    """Hangul is counted three times too high at first: what may fit is sent."""
    bench.server.scripts = [Script(["네."])]
    ended = await bench.ask("가나다라 " * 160)
    assert (ended.status, ended.answer) == ("ok", "네.")
    budget = measured(bench)[-1]
    assert budget.prompt + budget.reserve <= budget.num_ctx


async def test_estimates_learn_from_what_the_server_counts(bench: Bench) -> None:
    text = "say something about the sea and its lighthouses, please, and be brief"
    for _ in range(6):
        bench.server.scripts = [Script(["Hi."], prompt_tokens=24)]
        session = chat.create_session(bench.store).result()
        await bench.agent.run(session.id, text)
    first, last = measured(bench)[0], measured(bench)[-1]
    assert last.prompt < first.prompt


async def test_a_long_answer_that_is_no_json_leaves_room_to_ask_once_more(bench: Bench) -> None:
    bench.engine = FakeEngine(bench.server.url, "scripted:1b", ("completion",), 1_200_000_000)
    bench.make()
    bench.server.scripts = [Script(["words " * 30_000]), Script(["Still words."])]
    ended = await bench.ask("hello")
    assert (ended.status, ended.route, ended.answer) == ("ok", "constrained", "Still words.")


async def test_a_window_too_small_for_a_summary_goes_without_one(bench: Bench) -> None:
    bench.settings = Settings(num_ctx=256, num_predict=32)
    native(bench)
    bench.agent.tools = lambda context, settings: {}
    for number in range(8):
        bench.server.scripts = [Script([f"answer {number} " + "word " * 30])]
        ended = await bench.ask(f"question {number} " + "word " * 30)
        assert ended.status == "ok", ended.error
    assert "summary" not in bench.kinds(ended.run_id)
    report = report_of(bench.store, ended.run_id)
    assert report is not None and report.dropped
