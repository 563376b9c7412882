"""The lab's client against a FAKE server with known delays."""

from __future__ import annotations

import asyncio
import itertools
import json
import statistics
from collections.abc import Iterator
from typing import Any

import pytest

from core.lab.client import Ask, Measured, Target, _Reader, measure
from core.lab.generator import arrivals, closed, open_loop
from core.lab.lag import LagProbe, too_late
from core.lab.wire import Answer
from tests.lab_fakes import behave, fake_server


@pytest.fixture(scope="module", name="url")
def url_fixture() -> Iterator[str]:
    with fake_server() as url:
        yield url


def target(url: str, **more: Any) -> Target:
    return Target(url, "fake:1b", **more)


def ask(tokens: int = 8) -> Ask:
    return Ask("some words", tokens)


def near(value: float, wanted: float) -> bool:
    """Within 2 ms or 2 %."""
    return abs(value - wanted) <= max(2.0, 0.02 * wanted)


async def one_near(url: str, tokens: int, **wanted: float) -> bool:
    """Ask until an answer's figures are all near what the server was set to.

    Processes of a busy machine wake up late, so single figures come out too long; what never happens to a client
    without a bias of its own is that all of them do. None may be shorter than the server waited.
    """
    for _ in range(60):
        found = (await measure(target(url), ask(tokens))).data(0.0)
        found["itl_ms"] = statistics.median(found["itl_ms"])
        assert found["ttft_ms"] > wanted["ttft_ms"] - 0.2
        if all(near(found[name], value) for name, value in wanted.items()):
            return True
    return False


async def test_known_delays_come_out(url: str) -> None:
    for ttft, itl in ((30.0, 10.0), (120.0, 25.0)):
        behave(url, ttft=ttft, itl=itl)
        assert await one_near(url, 8, ttft_ms=ttft, tpot_ms=itl, itl_ms=itl, e2e_ms=ttft + 7 * itl)


def test_stamps_survive_any_cut_of_the_stream() -> None:
    """The parser alone, with stamps of the test's own: exact, wherever the network cuts."""
    lines = [{"message": {"content": text}, "done": False} for text in ("", "a", "b", "c")]
    lines.append({"message": {"content": ""}, "done": True, "eval_count": 3, "prompt_eval_count": 9})
    body = [json.dumps(one).encode() + b"\n" for one in lines]
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    parts = [head, *(b"%x\r\n%s\r\n" % (len(one), one) for one in body), b"0\r\n\r\n"]
    for cut in range(1, len(parts[2])):
        found = Measured(0.0, 0.0)
        reader = _Reader(found)
        answer = Answer(reader.line)
        for index, part in enumerate(parts):
            answer.feed(part[:cut], index - 0.5)
            answer.feed(part[cut:], float(index))
        found.outcome = "ok"
        data = found.data(0.0)
        assert answer.complete and reader.done
        # A line is there when its last byte is; the last bytes of these are line ends, which may come with the cut.
        assert data["ttft_ms"] in (1500.0, 2000.0)
        assert [round(one) for one in data["itl_ms"]] == [1000, 1000]
        assert data["output_tokens"] == 3


async def test_a_chunk_without_text_is_not_the_first_token(url: str) -> None:
    behave(url, ttft=60, empty_first=True)
    found = (await measure(target(url), ask())).data(0.0)
    assert found["first_byte_ms"] < found["ttft_ms"] - 20 and found["ttft_ms"] >= 59
    assert found["chunks"] == 8


async def test_tokens_are_the_servers_count_not_the_chunks(url: str) -> None:
    behave(url, ttft=10, itl=20, burst=4)
    found = (await measure(target(url), ask(9))).data(0.0)
    assert (found["output_tokens"], found["chunks"], found["token_source"]) == (9, 3, "usage")
    assert await one_near(url, 9, ttft_ms=10, tpot_ms=2 * 20 / 8, itl_ms=20)
    behave(url, no_usage=True)
    found = (await measure(target(url), ask(5))).data(0.0)
    assert (found["output_tokens"], found["token_source"]) == (5, "chunks")


@pytest.mark.parametrize(
    ("mode", "outcome"),
    [("cut", "cut"), ("garbage", "garbage"), ("error", "error"), ("html", "garbage"), ("nohttp", "garbage"), ("stall", "stalled")],
)  # fmt: skip
async def test_bad_answers_are_outcomes(url: str, mode: str, outcome: str) -> None:
    behave(url, ttft=5, itl=5, mode=mode)
    found = await measure(target(url, stall_s=0.3), ask())
    assert found.outcome == outcome
    data = found.data(0.0)
    assert "tpot_ms" not in data and data["ended_ms"]
    if mode in ("cut", "stall"):
        assert data["chunks"] == 2 and data["ttft_ms"]


async def test_rejections_are_told_apart(url: str) -> None:
    behave(url, ttft=80, slots=2, reject_above=3)
    found = await asyncio.gather(*(measure(target(url), ask(2)) for _ in range(6)))
    assert sorted(one.outcome for one in found) == ["ok"] * 3 + ["rejected"] * 3
    assert all("busy" in one.error and one.status == 503 for one in found if one.outcome == "rejected")


async def test_nobody_there() -> None:
    assert (await measure(target("http://127.0.0.1:9"), ask())).outcome == "unreachable"


async def test_a_cancelled_request_is_kept(url: str) -> None:
    behave(url, ttft=5, itl=50)
    kept: list[Measured] = []
    task = asyncio.create_task(measure(target(url), ask(100), kept=kept))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.15):
            await task
    assert [one.outcome for one in kept] == ["cancelled"] and len(kept[0].chunks) >= 1


async def test_latency_counts_from_when_a_request_was_due(url: str) -> None:
    """Coordinated omission: the server stops once, for 1.5 s. One closed user sees one slow answer; those who would
    have come meanwhile are only seen by open load, counted from the moment each was due."""
    stall = {"ttft": 5, "itl": 1, "slots": 1, "stall_at_s": 0.1, "stall_for": 1500}
    behave(url, **stall)
    one_user: list[Measured] = []
    await closed(target(url), lambda number: ask(2), users=1, requests=40, on_measured=one_user.append)
    behave(url, **stall)
    arrived: list[Measured] = []
    moments = [number * 0.02 for number in range(40)]
    await open_loop(target(url), lambda number: ask(2), moments=moments, on_measured=arrived.append)
    # By the end: the stall may begin between two chunks of an answer.
    slow = [sum((one.ended - one.scheduled) > 0.1 for one in some) for some in (one_user, arrived)]
    assert slow[0] == 1
    assert slow[1] >= 12, "of the requests due in the stall most waited more than 100 ms"
    assert max(one.chunks[0] - one.scheduled for one in arrived) > 0.3


def test_arrivals_are_poisson_and_repeatable() -> None:
    moments = arrivals(50, 5000, 1)
    gaps = [b - a for a, b in itertools.pairwise(moments)]
    assert moments == arrivals(50, 5000, 1) != arrivals(50, 5000, 2)
    assert statistics.fmean(gaps) == pytest.approx(1 / 50, rel=0.05)
    assert statistics.stdev(gaps) == pytest.approx(1 / 50, rel=0.06)  # exponential: as large as the mean


async def test_sixteen_users_do_not_slow_the_client(url: str) -> None:
    behave(url, ttft=40, itl=20)
    found: list[Measured] = []
    async with LagProbe() as probe:
        await closed(target(url), lambda number: ask(10), users=16, requests=32, on_measured=found.append)
    assert [one.outcome for one in found] == ["ok"] * 32
    # Half a token off at most, on a machine that has something else to do as well.
    assert abs(statistics.median(one.data(0.0)["tpot_ms"] for one in found) - 20) < 4
    assert probe.data()["n"] > 10


async def test_a_blocked_loop_is_noticed() -> None:
    import time

    async with LagProbe() as probe:
        for _ in range(5):
            await asyncio.sleep(0.012)
            until = time.perf_counter() + 0.05
            while time.perf_counter() < until:
                pass
    assert probe.data()["max_ms"] > 20
    assert too_late(probe.data()["p99_ms"], itl_ms=20)
    assert not too_late(9, None) and not too_late(40, 500) and too_late(60, 500)
