"""Tokens per second and time to first token: over the engine's HTTP server, and of llama.cpp called directly.

Both arms run in one process run on the same machine, turn by turn, with the same model, settings, prompts and
seeds, so that what differs is the server's own cost. Prints one JSON object.

    python benchmarks/engine.py [--json OUT] [--rounds 3] [--tokens 64] [--concurrency 1,2,4,8]
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from core.embedded.llama import Llama, LoadSpec, default_threads  # noqa: E402
from core.embedded.registry import CHAT_MODEL, Registry  # noqa: E402
from core.embedded.supervisor import Endpoint, EngineConfig, Supervisor  # noqa: E402

NUM_CTX = 512


@dataclass(frozen=True)
class Answer:
    """One request: tokens generated, seconds to the first text."""

    tokens: int
    ttft: float


Ask = Callable[[int, int], Answer]
"""Send request number N for so many tokens and read its stream to the end."""


def question(number: int) -> list[dict[str, str]]:
    return [{"role": "user", "content": f"Tell me a long story about traveller number {number} and the sea."}]


def over_http(endpoint: Endpoint) -> Ask:
    """Ask through the server, with the cheapest client there is: it runs on the same cores."""
    address = urlsplit(endpoint.url)
    local = threading.local()
    headers = {"Authorization": f"Bearer {endpoint.token}"}

    def ask(number: int, tokens: int) -> Answer:
        if not hasattr(local, "connection"):
            local.connection = http.client.HTTPConnection(address.hostname, address.port, timeout=300)
        options = {"num_predict": tokens, "seed": number, "temperature": 0.8}
        body = {"model": CHAT_MODEL, "messages": question(number), "options": options}
        started, first = time.perf_counter(), 0.0
        local.connection.request("POST", "/api/chat", json.dumps(body), headers)
        response, last = local.connection.getresponse(), b"{}"
        for line in response:
            first = first or time.perf_counter()
            last = line
        final = json.loads(last)
        return Answer(final["eval_count"], first - started)

    return ask


def direct(llama: Llama) -> Ask:
    """Ask llama.cpp itself, in this process."""
    defaults = {"top_k": 40, "top_p": 0.9, "min_p": 0.0, "repeat_penalty": 1.0, "temperature": 0.8}

    def ask(number: int, tokens: int) -> Answer:
        found: dict[str, Any] = {}

        def chunk(value: dict[str, Any]) -> None:
            choices = value.get("choices") or [{}]
            if "first" not in found and (choices[0].get("delta") or {}).get("content"):
                found["first"] = time.perf_counter()
            found["timings"] = value.get("timings") or found.get("timings")

        body = {
            **defaults,
            "messages": question(number),
            "max_tokens": tokens,
            "seed": number,
            "stream": True,
        }
        started = time.perf_counter()
        llama._server.handle_chat_completions(body, chunk)
        return Answer(int(found["timings"]["predicted_n"]), found.get("first", time.perf_counter()) - started)

    return ask


def measure(
    ask: Ask, pool: ThreadPoolExecutor, concurrency: int, tokens: int, seed: int
) -> tuple[float, float]:
    """One turn: tokens per second over all requests, and the median time to first token in milliseconds."""
    started = time.perf_counter()
    answers = list(pool.map(lambda n: ask(seed + n, tokens), range(concurrency)))
    seconds = time.perf_counter() - started
    return sum(answer.tokens for answer in answers) / seconds, statistics.median(
        a.ttft for a in answers
    ) * 1e3


def compare(arms: dict[str, Ask], levels: list[int], rounds: int, tokens: int) -> list[dict[str, Any]]:
    """All levels of concurrency, the arms turn by turn."""
    rows = []
    with ThreadPoolExecutor(max(levels)) as pool:
        for ask in arms.values():
            measure(ask, pool, 1, 8, 1)
        for level in levels:
            seen: dict[str, list[tuple[float, float]]] = {name: [] for name in arms}
            for turn in range(rounds):
                # Whoever goes second finds a warmer machine: take turns at that too.
                order = list(arms) if turn % 2 == 0 else list(reversed(arms))
                for name in order:
                    seen[name].append(measure(arms[name], pool, level, tokens, 1000 * turn + 10 * level))
            row: dict[str, Any] = {"concurrency": level}
            for name, turns in seen.items():
                row[f"{name}_tokens_per_s"] = round(statistics.median(rate for rate, _ in turns), 2)
                row[f"{name}_ttft_ms"] = round(statistics.median(ttft for _, ttft in turns), 1)
            ratios = [a[0] / b[0] for a, b in zip(seen["http"], seen["direct"], strict=True)]
            row["ratio"] = round(statistics.median(ratios), 3)
            row["ratios"] = [round(value, 3) for value in ratios]
            rows.append(row)
    return rows


async def run(levels: list[int], rounds: int, tokens: int) -> dict[str, Any]:
    """Start both arms and compare them."""
    slots = max(levels)
    with tempfile.TemporaryDirectory() as folder:
        config = EngineConfig(parallel=slots, num_ctx=NUM_CTX, queue=2 * slots)
        supervisor = Supervisor(config, log_file=Path(folder) / "engine.log")
        endpoint = await supervisor.start()
        try:
            model = Registry({}).first_chat()
            if model is None:
                raise SystemExit("the bundled chat model is not installed: run `make setup`")
            llama = await asyncio.to_thread(Llama, model.path, LoadSpec(NUM_CTX, default_threads(), slots))
            arms = {"http": over_http(endpoint), "direct": direct(llama)}
            rows = await asyncio.to_thread(compare, arms, levels, rounds, tokens)
            await asyncio.to_thread(llama.close)
        finally:
            await supervisor.stop()
    return {
        "benchmark": "engine", "model": CHAT_MODEL, "cpus": os.cpu_count(), "threads": default_threads(),
        "slots": slots, "num_ctx": NUM_CTX, "tokens": tokens, "rounds": rounds, "target_ratio": 0.95, "results": rows,
    }  # fmt: skip


def main() -> None:
    """Read the flags, run, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--json", type=Path, help="also write the result to this file")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--concurrency", default="1,2,4,8")
    flags = parser.parse_args()
    result = asyncio.run(run([int(n) for n in flags.concurrency.split(",")], flags.rounds, flags.tokens))
    text = json.dumps(result, indent=2)
    print(text)
    if flags.json:
        flags.json.write_text(text + "\n", "utf-8")


if __name__ == "__main__":
    main()
