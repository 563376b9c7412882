"""What the lab's client costs: processor time and event-loop lag with 16 users, against a fake server with set delays.

The same load is also sent with httpx, turn by turn: the reason why the lab has a client of its own. The server runs in
a process of its own. Prints one JSON object.

    python benchmarks/lab.py [--json OUT] [--users 16] [--requests 96] [--tokens 64] [--rounds 3]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from core.lab.client import Ask, Measured, Target  # noqa: E402
from core.lab.generator import closed  # noqa: E402
from core.lab.lag import LagProbe  # noqa: E402
from core.ollama import OllamaClient  # noqa: E402
from tests.lab_fakes import behave, fake_server  # noqa: E402

TTFT, ITL = 50.0, 15.0

Sent = tuple[list[float], list[float]]
"""TTFT and TPOT of each request, ms."""


async def with_lab(url: str, users: int, requests: int, tokens: int) -> Sent:
    """The lab's client."""
    found: list[Measured] = []
    target = Target(url, "fake:1b")
    await closed(
        target, lambda n: Ask("a word", tokens), users=users, requests=requests, on_measured=found.append
    )
    data = [one.data(0.0) for one in found]
    return [one["ttft_ms"] for one in data], [one["tpot_ms"] for one in data]


async def with_httpx(url: str, users: int, requests: int, tokens: int) -> Sent:
    """The program's own client, on httpx."""
    ttfts: list[float] = []
    tpots: list[float] = []
    numbers = iter(range(requests))
    async with OllamaClient(url) as client:

        async def user() -> None:
            for _ in numbers:
                started, first, last = time.perf_counter(), 0.0, 0.0
                messages = [{"role": "user", "content": "a word"}]
                async for chunk in client.chat("fake:1b", messages, options={"num_predict": tokens}):
                    last = time.perf_counter()
                    if chunk.text and not first:
                        first = last
                ttfts.append((first - started) * 1e3)
                tpots.append((last - first) * 1e3 / (tokens - 1))

        await asyncio.gather(*(user() for _ in range(users)))
    return ttfts, tpots


async def one(
    send: Callable[..., Awaitable[Sent]], url: str, users: int, requests: int, tokens: int
) -> dict[str, float]:
    """Measure one turn."""
    processor, started = time.process_time(), time.perf_counter()
    async with LagProbe() as probe:
        ttfts, tpots = await send(url, users, requests, tokens)
    used, wall = time.process_time() - processor, time.perf_counter() - started
    return {
        "cpu_ms_per_request": 1e3 * used / requests,
        "cpu_ms_per_1000_tokens": 1e6 * used / (requests * tokens),
        "cpu_percent": 100 * used / wall,
        "lag_p99_ms": probe.data()["p99_ms"],
        "ttft_p50_ms": statistics.median(ttfts),
        "tpot_p50_ms": statistics.median(tpots),
    }


async def run(users: int, requests: int, tokens: int, rounds: int) -> dict[str, Any]:
    """Take turns."""
    seen: dict[str, list[dict[str, float]]] = {"lab": [], "httpx": []}
    with fake_server() as url:
        behave(url, ttft=TTFT, itl=ITL)
        for turn in range(rounds):
            for name in ("lab", "httpx") if turn % 2 else ("httpx", "lab"):
                seen[name].append(
                    await one(with_lab if name == "lab" else with_httpx, url, users, requests, tokens)
                )
    found: dict[str, Any] = {
        "benchmark": "lab", "cpus": os.cpu_count(), "users": users, "requests": requests, "tokens": tokens,
        "rounds": rounds, "set_ttft_ms": TTFT, "set_tpot_ms": ITL, "target_tokens_per_s": round(users * 1e3 / ITL),
    }  # fmt: skip
    for name, turns in seen.items():
        found[name] = {key: round(statistics.median(turn[key] for turn in turns), 3) for key in turns[0]}
    return found


def main() -> None:
    """Read the flags, run, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--json", type=Path, help="also write the result to this file")
    parser.add_argument("--users", type=int, default=16)
    parser.add_argument("--requests", type=int, default=96)
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    flags = parser.parse_args()
    text = json.dumps(asyncio.run(run(flags.users, flags.requests, flags.tokens, flags.rounds)), indent=2)
    print(text)
    if flags.json:
        flags.json.write_text(text + "\n", "utf-8")


if __name__ == "__main__":
    main()
