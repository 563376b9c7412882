"""What no tool can do to a run: raise, hang, flood it, hand back rubbish; and what is tried again."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from core.agent.tools import runner
from core.agent.tools.failures import HttpFailed, Unreachable
from core.agent.types import Tool, ToolContext, ToolResult
from core.errors import StudyError
from core.session import Store, tool_cache
from tests.tool_ground import open_store, tool_context

SCHEMA = {
    "type": "object",
    "properties": {
        "text": {"type": "string"},
        "count": {"type": "integer", "minimum": 1, "maximum": 9, "default": 3},
        "share": {"type": "number"},
        "loud": {"type": "boolean"},
        "kind": {"type": "string", "enum": ["a", "B"]},
    },
    "required": ["text"],
}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(tmp_path)
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "FIRST_WAIT_S", 0.001)


def make(act: Callable[[Mapping[str, Any]], Any], **figures: Any) -> Tool:
    """A tool that does ``act``."""

    async def call(context: ToolContext, arguments: Mapping[str, Any]) -> ToolResult:
        found = act(arguments)
        return await found if isinstance(found, Awaitable) else found

    return Tool("probe", "For tests.", SCHEMA, call, **figures)


def failing(*errors: BaseException | str) -> tuple[Callable[[Mapping[str, Any]], ToolResult], list[float]]:
    """Fail with each error in turn, answer where there is a word."""
    calls: list[float] = []

    def act(arguments: Mapping[str, Any]) -> ToolResult:
        now = errors[min(len(calls), len(errors) - 1)]
        calls.append(time.monotonic())
        if isinstance(now, BaseException):
            raise now
        return ToolResult(now, now)

    return act, calls


# -- arguments ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ({"text": " hi "}, {"text": "hi", "count": 3}),
        ({"text": 5, "count": "4"}, {"text": "5", "count": 4}),
        ({"text": "x", "count": 4.0, "share": "0.5"}, {"text": "x", "count": 4, "share": 0.5}),
        ({"text": "x", "loud": "TRUE", "kind": "b"}, {"text": "x", "count": 3, "loud": True, "kind": "B"}),
        ({"text": "x", "count": None, "invented": 1}, {"text": "x", "count": 3}),
        ({"text": "a\x1b[31mb\x00"}, {"text": "ab", "count": 3}),
    ],
)
async def test_arguments_become_what_the_schema_says(store: Store, given: Any, taken: Any) -> None:
    seen: list[Any] = []
    tool = make(lambda arguments: seen.append(dict(arguments)) or ToolResult("done"))
    assert (await runner.run(tool, tool_context(store), given)).ok
    assert seen == [taken]


@pytest.mark.parametrize(
    ("given", "key"),
    [
        ({}, "missing"),
        ({"text": "   "}, "missing"),
        ({"text": ["x"]}, "type"),
        ({"text": "x", "count": "many"}, "type"),
        ({"text": "x", "count": 10}, "type"),
        ({"text": "x", "count": 1.5}, "type"),
        ({"text": "x", "count": True}, "type"),
        ({"text": "x", "share": float("nan")}, "type"),
        ({"text": "x", "kind": "c"}, "type"),
        ({"text": "x" * 30_000}, "long"),
    ],
)
async def test_wrong_arguments_are_a_sentence_and_no_call(store: Store, given: Any, key: str) -> None:
    called: list[Any] = []
    result = await runner.run(make(called.append), tool_context(store, "안녕"), given)
    assert (result.ok, result.error, called) == (False, f"error.tool.argument.{key}", [])
    assert "인자" in result.text and result.answer == result.text


# -- what a tool may do -------------------------------------------------------------------------------


async def test_a_tool_that_raises_is_a_result_with_a_sentence(store: Store) -> None:
    def burn(arguments: Any) -> Any:
        raise RuntimeError("no\x1b[2J luck\nat all")

    result = await runner.run(make(burn), tool_context(store, "what now"), {"text": "x"})
    assert (result.ok, result.error) == (False, "error.tool.raised")
    assert result.text == "probe failed (RuntimeError: no luck at all)."


async def test_a_tool_that_hangs_is_left_even_when_it_will_not_stop(store: Store) -> None:
    stopped = asyncio.Event()

    async def stubborn() -> ToolResult:
        while not stopped.is_set():
            try:
                await stopped.wait()
            except asyncio.CancelledError:
                continue
        return ToolResult("late")

    tool = make(lambda arguments: stubborn(), timeout_s=0.05)
    result = await runner.run(tool, tool_context(store, "hello"), {"text": "x"})
    assert (result.ok, result.error) == (False, "error.tool.timeout")
    assert result.text == "probe gave no answer within 0.05 s."
    stopped.set()


async def test_cancelling_the_run_cancels_the_tool(store: Store) -> None:
    began, ended = asyncio.Event(), asyncio.Event()

    async def wait() -> ToolResult:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return ToolResult("")

    task = asyncio.create_task(runner.run(make(lambda arguments: wait()), tool_context(store), {"text": "x"}))
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.wait_for(ended.wait(), 5)


@pytest.mark.parametrize("value", [None, 42, {"a": 1}, ToolResult(None), ToolResult(["x"])])  # type: ignore[arg-type]
async def test_what_is_not_text_is_refused(store: Store, value: Any) -> None:
    result = await runner.run(make(lambda arguments: value), tool_context(store, "hello"), {"text": "x"})
    assert (result.ok, result.text) == (False, "probe returned something that is not text.")


@pytest.mark.parametrize(
    "value", [b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40, "\x00\x01\x02" * 500, bytes(10 << 20)]
)
async def test_binary_data_is_named_and_not_shown(store: Store, value: Any) -> None:
    result = await runner.run(
        make(lambda arguments: ToolResult(value)), tool_context(store, "hello"), {"text": "x"}
    )
    assert (result.ok, result.error) == (False, "error.tool.binary")
    assert f"{len(value):,} bytes" in result.text


async def test_ten_megabytes_are_cut_and_that_is_said(store: Store) -> None:
    flood = "All work and no play. " * 500_000
    tool = make(lambda arguments: ToolResult(flood, flood), max_chars=1_000)
    result = await runner.run(tool, tool_context(store, "read it"), {"text": "x"})
    assert result.ok and len(result.text) < 1_100 and len(result.answer) <= 1_001
    assert result.text.endswith("[cut: 1,000 of 11,000,000 characters are shown]")
    assert result.data["cut_from"] == 11_000_000


async def test_bytes_and_control_characters_become_plain_text(store: Store) -> None:
    raw = "좋아요 \x1b]0;title\x07\x1b[31mred\x1b[0m\x00\u202e end".encode() + b"\xff"
    result = await runner.run(
        make(lambda arguments: ToolResult(raw)), tool_context(store, "hi"), {"text": "x"}
    )  # type: ignore[arg-type]
    assert result.ok
    assert result.text == "좋아요 red end\ufffd\n[some bytes were not valid text and were replaced]"


async def test_nothing_at_all_says_so(store: Store) -> None:
    result = await runner.run(make(lambda arguments: ""), tool_context(store, "hello"), {"text": "x"})
    assert result.ok and result.text == "probe returned nothing."


async def test_what_is_kept_for_the_trace_and_links_are_cleaned(store: Store) -> None:
    links = (
        "https://a.example/x",
        "javascript:alert(1)",
        "https://b.example/\x1b[31m",
        "https://a.example/x",
        "ftp://c",
    )
    loop: dict[str, Any] = {}
    loop["self"] = loop
    for data, kept in (
        ({"a": "\x1b[31mb", "n": [1]}, {"a": "b", "n": [1]}),
        ({"a": object()}, {}),
        (loop, {}),
        ({"a": "x" * 50_000}, {"left_out_chars": 50_009}),
    ):
        result = await runner.run(
            make(lambda arguments, d=data: ToolResult("t", links=links, data=d)),
            tool_context(store),
            {"text": "x"},
        )
        assert result.links == ("https://a.example/x",) and dict(result.data) == kept


# -- trying again -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "error",
    [
        Unreachable("S", "reset"),
        HttpFailed("S", 503),
        HttpFailed("S", 429, retry_after=0.0),
        ConnectionResetError(),
    ],
)
async def test_what_may_pass_is_tried_again_with_the_wait_in_the_trace(
    store: Store, error: Exception
) -> None:
    act, calls = failing(error, error, "there")
    context = tool_context(store)
    result = await runner.run(make(act, retries=2), context, {"text": "x"})
    assert (result.ok, result.text, result.attempts, len(calls)) == (True, "there", 3, 3)
    spans = context.recorder.spans  # type: ignore[attr-defined]
    assert [(kind, attributes["app.retry.attempt"]) for _, kind, attributes in spans] == [
        ("retry", 2),
        ("retry", 3),
    ]
    assert spans[0][0].startswith("retry 2/3")


@pytest.mark.parametrize(
    "error", [HttpFailed("S", 400), HttpFailed("S", 404), HttpFailed("S", 403), ValueError("x"), StudyError("error.tool.denied", tool="x")]
)  # fmt: skip
async def test_what_will_not_pass_is_asked_once(store: Store, error: Exception) -> None:
    act, calls = failing(error)
    result = await runner.run(make(act, retries=2), tool_context(store), {"text": "x"})
    assert (result.ok, len(calls), result.attempts) == (False, 1, 1)


async def test_a_service_that_asks_for_more_patience_than_there_is_is_not_waited_for(store: Store) -> None:
    act, calls = failing(HttpFailed("S", 429, retry_after=3600.0, reason="slow down"), "there")
    result = await runner.run(make(act, retries=2), tool_context(store, "hello"), {"text": "x"})
    assert (result.ok, len(calls)) == (False, 1)
    assert result.text == "S answered with an error: HTTP 429 (slow down)."


async def test_it_gives_up_after_the_last_attempt(store: Store) -> None:
    act, calls = failing(Unreachable("S", "refused"))
    result = await runner.run(make(act, retries=1), tool_context(store, "hello"), {"text": "x"})
    assert (result.ok, result.attempts, len(calls)) == (False, 2, 2)


# -- answers kept -------------------------------------------------------------------------------------


async def test_an_answer_is_kept_as_long_as_it_is_fresh(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    act, calls = failing("first", "second", "third")
    tool = make(act, cache_s=600.0)
    context = tool_context(store)
    first = await runner.run(tool, context, {"text": "x"})
    again = await runner.run(tool, context, {"text": " x "})
    assert (first.cached, again.cached, again.text, len(calls)) == (False, True, "first", 1)
    assert not (await runner.run(tool, context, {"text": "y"})).cached
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 601)
    assert (await runner.run(tool, context, {"text": "x"})).text == "third"


async def test_failures_are_not_kept_and_a_tool_that_ages_keeps_nothing(store: Store) -> None:
    act, calls = failing(ValueError("once"), "fine")
    tool = make(act, cache_s=600.0)
    assert not (await runner.run(tool, tool_context(store), {"text": "x"})).ok
    assert (await runner.run(tool, tool_context(store), {"text": "x"})).ok
    bare = dataclasses.replace(tool, cache_s=0.0, name="bare")
    for _ in range(2):
        assert not (await runner.run(bare, tool_context(store), {"text": "x"})).cached
    assert len(calls) == 4


@pytest.mark.parametrize(
    ("later_s", "question", "head"),
    [
        (1_800, "hello", "S cannot be reached (refused). Check the network connection and try again. This is the last answer, 30 min old:"),
        (5 * 3600, "안녕", "마지막으로 받은 5시간 전 결과입니다."),
        (3 * 86_400, "안녕", "마지막으로 받은 3일 전 결과입니다."),
    ],
)  # fmt: skip
async def test_without_a_network_the_last_answer_comes_with_its_age(
    store: Store, monkeypatch: pytest.MonkeyPatch, later_s: float, question: str, head: str
) -> None:
    act, _ = failing("sunny", Unreachable("S", "refused"))
    tool = make(act, cache_s=600.0)
    context = tool_context(store, question)
    await runner.run(tool, context, {"text": "x"})
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + later_s)
    result = await runner.run(tool, context, {"text": "x"})
    assert result.ok and result.cached and result.data["stale"] is True
    assert head in result.answer and result.answer.endswith("\nsunny")


async def test_a_question_that_was_wrong_gets_no_old_answer(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    act, _ = failing("sunny", StudyError("error.weather.place", place="x"))
    tool = make(act, cache_s=600.0)
    await runner.run(tool, tool_context(store), {"text": "x"})
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 5_000)
    assert not (await runner.run(tool, tool_context(store), {"text": "x"})).ok


async def test_a_damaged_row_is_as_if_there_were_none(store: Store) -> None:
    act, calls = failing("new")
    tool = make(act, cache_s=600.0)
    await runner.run(tool, tool_context(store), {"text": "x"})
    store.submit(lambda db: db.execute("UPDATE tool_cache SET result = '{\"nonsense\": 1}'")).result()
    assert (await runner.run(tool, tool_context(store), {"text": "x"})).text == "new"
    store.submit(lambda db: db.execute("UPDATE tool_cache SET result = 'not json'")).result()
    assert (await runner.run(tool, tool_context(store), {"text": "x"})).ok and len(calls) == 3


def test_old_answers_go(store: Store) -> None:
    now = time.time()
    tool_cache.put(store, "old", "t", {"text": "x"}, now - 30 * 86_400, 600.0).result()
    tool_cache.put(store, "for ever", "t", {"text": "x"}, now - 30 * 86_400, float("inf")).result()
    tool_cache.put(store, "new", "t", {"text": "x"}, now, 600.0).result()
    assert tool_cache.get(store, "old") is None
    assert tool_cache.get(store, "for ever") is not None and tool_cache.get(store, "new") is not None


@pytest.mark.parametrize("pace", [0.5, 2.0])
def test_the_wait_before_the_next_attempt_keeps_the_pace_of_the_settings(pace: float) -> None:
    wait = runner._wait(1, TimeoutError(), pace)
    assert 0.7 * pace * runner.FIRST_WAIT_S <= wait <= 1.3 * pace * runner.FIRST_WAIT_S
    # What a service asks for is kept whatever the pace.
    assert runner._wait(1, HttpFailed("S", 429, retry_after=3.0), pace) == 3.0
