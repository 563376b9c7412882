"""The fault-injecting server and the judge; then the whole matrix through the real agent: nothing may be lost."""

from __future__ import annotations

import asyncio
import json

import httpx
import pytest

from core.agent import semconv
from core.events import Span
from core.i18n import has
from core.lab.experiments.faults import settings_of, try_case
from core.lab.faulty.brain import ANSWER, QUESTION, Scripted, has_result
from core.lab.faulty.judge import Facts, judge
from core.lab.faulty.matrix import CALLING, CASES, ROUTES, Case, case
from core.lab.faulty.server import Fault, FaultyServer
from core.lab.trials.room import Seen
from core.settings import Settings

BODY = {"model": "m", "messages": [{"role": "user", "content": f"{QUESTION}\n\ncalculator: 12*34 = 408"}]}


async def _ask(server: FaultyServer, timeout: float = 2.0) -> tuple[int, list[str]]:
    """Ask as a client would: the status, and the lines that came."""
    lines: list[str] = []
    async with (
        httpx.AsyncClient(trust_env=False, timeout=timeout) as client,
        client.stream("POST", f"{server.url}/api/chat", json=BODY) as answer,
    ):
        async for line in answer.aiter_lines():
            lines.append(line)
        return answer.status_code, lines


def _server(fault: Fault) -> FaultyServer:
    return FaultyServer(Scripted(fault), fault, has_result=has_result)


async def test_without_a_fault_it_answers_like_ollama() -> None:
    async with _server(Fault()) as server:
        status, lines = await _ask(server)
        chunks = [json.loads(line) for line in lines]
        assert status == 200 and "".join(one["message"]["content"] for one in chunks) == "".join(ANSWER)
        assert chunks[-1]["done"] and chunks[-1]["done_reason"] == "stop" and chunks[-1]["eval_count"] > 0
        assert server.struck == 0


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault("refused", None), httpx.ConnectError),
        (Fault("reset"), httpx.ReadError),
        (Fault("cut"), httpx.RemoteProtocolError),
        (Fault("no_body"), httpx.RemoteProtocolError),
        (Fault("killed", wait_s=30), httpx.ReadError),
        (Fault("stall"), httpx.ReadTimeout),
        (Fault("silent"), httpx.ReadTimeout),
    ],
)
async def test_connections_break_as_told(fault: Fault, error: type[Exception]) -> None:
    async with _server(fault) as server:
        with pytest.raises(error):
            await _ask(server, timeout=0.3)
        assert server.struck == 1


@pytest.mark.parametrize(
    ("fault", "status", "words"),
    [
        (Fault("status", status=503, text="busy"), 503, "busy"),
        (Fault("html"), 200, "<html>"),
        (Fault("error_line", text="runner gone"), 200, "runner gone"),
        (Fault("garbage"), 200, "not json"),
        (Fault("load"), 200, '"done_reason": "load"'),
        (Fault("length"), 200, '"done_reason": "length"'),
    ],
)
async def test_answers_are_wrong_as_told_and_right_the_next_time(
    fault: Fault, status: int, words: str
) -> None:
    async with _server(fault) as server:
        found, lines = await _ask(server)
        assert found == status and words in "\n".join(lines)
        again, lines = await _ask(server)
        assert again == 200 and json.loads(lines[-1])["done_reason"] == "stop"


async def test_a_killed_server_comes_back_on_its_address() -> None:
    async with _server(Fault("killed", wait_s=0.01)) as server:
        with pytest.raises(httpx.HTTPError):
            await _ask(server)
        for _ in range(200):
            try:
                assert (await _ask(server))[0] == 200
                break
            except httpx.ConnectError:
                await asyncio.sleep(0.01)
        else:
            pytest.fail("it did not come back")


def test_the_matrix_names_every_fault_on_every_route_it_can_happen_on() -> None:
    assert len({one.id for one in CASES}) == len(CASES)
    kinds = {one.fault.kind for one in CASES} | {one.tool for one in CASES}
    assert {
        "refused", "status", "no_tools", "cut", "error_line", "garbage", "stall", "silent", "slow", "html", "bad_call",
        "same_call", "endless", "length", "load", "killed", "raises", "hangs", "flood", "binary", "control", "once",
    } <= kinds  # fmt: skip
    for one in CASES:
        assert set(one.routes) <= set(ROUTES)
        assert one.layer != "model" or one.routes == CALLING
    assert all(has(f"lab.layer.{one.layer}") for one in CASES)


def _span(kind: str, **attributes: object) -> Span:
    return Span("s", "r", None, kind, kind, "ok", 0.0, 1.0, attributes)  # type: ignore[arg-type]


TOOL_SPAN = _span("tool", **{semconv.TOOL_NAME: "calculator", semconv.TOOL_RESULT: "12*34 = 408"})
WHOLE = "".join(ANSWER)
GOOD = Facts((), True, True, 1, 5, 100)


def _seen(
    status: str = "ok", answer: str = WHOLE, error: str = "", spans: tuple[Span, ...] = (TOOL_SPAN,)
) -> Seen:
    return Seen("r", status, answer, error, "", 1.0, spans)


@pytest.mark.parametrize(
    ("seen", "facts", "outcome", "why"),
    [
        (_seen(), GOOD, "recovered", ""),
        (_seen("error", "12*34 is", "It broke."), GOOD, "reported", ""),
        (_seen("error", "", ""), GOOD, "lost", "silent"),
        (_seen("ok", ""), GOOD, "lost", "empty"),
        (_seen("ok", "12*34 is 408"), GOOD, "lost", "cut"),
        (_seen("never", ""), GOOD, "lost", "no_end"),
        (_seen("ok", WHOLE + "\x1b[2J"), GOOD, "lost", "control"),
        (_seen("error", "", "It broke.", spans=()), GOOD, "lost", "result"),
        (_seen(), Facts((), False, True, 1, 5, 100), "lost", "question"),
        (_seen(), Facts((), True, False, 1, 5, 100), "lost", "row"),
        (_seen(), Facts((), True, True, 2, 5, 100), "lost", "repeated"),
        (_seen(), Facts((), True, True, 1, 5, 10**7), "lost", "flood"),
        (_seen(), Facts((), True, True, 1, 5, 100, 1), "lost", "half_call"),
        (_seen("ok", "12*34 is 408\n\n(The answer was cut here: num_predict.)"), GOOD, "reported", ""),
        (_seen(), Facts(({},) * 41, True, True, 1, 5, 100), "lost", "loop"),
    ],
)
def test_the_judge(seen: Seen, facts: Facts, outcome: str, why: str) -> None:
    found, reasons = judge(case("cut-once"), seen, facts)
    assert found == outcome and [key for key, _ in reasons] == ([why] if why else [])
    assert all(has(f"lab.lost.{key}") for key, _ in reasons)


@pytest.mark.slow
@pytest.mark.parametrize("route", ROUTES)
async def test_nothing_is_lost(route: str) -> None:
    settings = settings_of(Settings(retries=2), timeout_s=0.3, backoff_s=0.05)
    tried: list[tuple[Case, dict]] = [
        (one, await try_case(one, route, settings, limit_s=20)) for one in CASES if route in one.routes
    ]
    lost = [f"{one.id}: {found}" for one, found in tried if found["outcome"] == "lost"]
    assert not lost, "\n".join(lost)
    missed = [one.id for one, found in tried if not found["struck"]]
    assert not missed, f"these faults never occurred: {missed}"
    # What happens once is got over; what stays is told.
    for one, found in tried:
        if one.fault.times == 1 and one.layer == "server" and one.fault.kind != "empty":
            assert found["outcome"] == "recovered", f"{one.id}: {found}"
        if found["outcome"] == "reported" and found["status"] == "error":
            assert found["error"] and found["fix"], f"{one.id}: {found}"
