"""Do the lab's figures agree with another tool's? Ours and servebench's on one live engine, turn by turn.

servebench is not a dependency: install it apart (``python -m venv V && V/bin/pip install servebench``) and name its
program. It speaks the OpenAI API and the lab Ollama's; the embedded engine answers both. Prompts are as long as
servebench's (counted by the engine), fresh in every request; answers are cut at the same number of tokens. Prints one
JSON object; ``within`` says whether TTFT, TPOT and throughput agree within 5 %.

    python benchmarks/lab_crosscheck.py --servebench V/bin/servebench [--url URL] [--rounds 8] [--users 1]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from core.embedded.registry import CHAT_MODEL  # noqa: E402
from core.embedded.supervisor import EngineConfig, Supervisor  # noqa: E402
from core.lab.client import Ask, Measured, Target, measure  # noqa: E402
from core.lab.generator import closed  # noqa: E402
from core.lab.lag import LagProbe  # noqa: E402
from core.lab.prompts import Calibration, fresh  # noqa: E402
from core.lab.stats import percentile, ratio  # noqa: E402

AGREE = 0.05
FIGURES = ("ttft_ms", "tpot_ms", "throughput")

Round = dict[str, list[float]]
"""TTFT and TPOT of each request, in ms; one throughput (tok/s); prompt and output tokens."""


def theirs(program: str, url: str, token: str, users: int, requests: int, tokens: int, seed: int) -> Round:
    """One turn of servebench."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run.json"
        command = [
            program, "run", "--url", f"{url}/v1", "--model", CHAT_MODEL, "--concurrency", str(users),
            "--num-requests", str(requests), "--input-len", "40", "--output-len", str(tokens), "--warmup", "1",
            "--seed", str(seed), "--no-gpu", "--out", str(out),
        ]  # fmt: skip
        environment = {**os.environ, **({"OPENAI_API_KEY": token} if token else {})}
        subprocess.run(command, check=True, capture_output=True, env=environment, timeout=600)
        level = json.loads(out.read_text("utf-8"))["levels"][0]
    done = [one for one in level["requests"] if one["ok"]]
    return {
        "ttft_ms": [one["ttft"] * 1e3 for one in done],
        "tpot_ms": [1e3 * (one["e2e"] - one["ttft"]) / (one["output_tokens"] - 1) for one in done if one["output_tokens"] > 1],
        "throughput": [level["summary"]["output_throughput"]],
        "prompt": [one["prompt_tokens"] for one in done],
        "output": [one["output_tokens"] for one in done],
        "lag": [level.get("client_lag_p99_ms") or 0.0],
    }  # fmt: skip


async def ours(target: Target, users: int, requests: int, tokens: int, words: int, seed: int) -> Round:
    """One turn of the lab's client."""
    await measure(target, Ask(fresh(words, seed - 1), 2))
    found: list[Measured] = []
    async with LagProbe() as lag:
        await closed(
            target, lambda number: Ask(fresh(words, seed + number), tokens, seed), users=users, requests=requests,
            on_measured=found.append,
        )  # fmt: skip
    done = [one.data(0.0) for one in found if one.ok]
    seconds = (max(one["ended_ms"] for one in done) - min(one["started_ms"] for one in done)) / 1e3
    return {
        "ttft_ms": [one["ttft_ms"] for one in done],
        "tpot_ms": [one["tpot_ms"] for one in done if "tpot_ms" in one],
        "throughput": [sum(one["output_tokens"] for one in done) / seconds],
        "prompt": [one["prompt_tokens"] for one in done],
        "output": [one["output_tokens"] for one in done],
        "lag": [lag.data().get("p99_ms", 0.0)],
    }


async def words_for(target: Target, tokens: float) -> int:
    """Return how many words make a prompt of so many tokens."""
    counts = [(await measure(target, Ask(fresh(words, words), 1))).prompt_tokens or 0 for words in (8, 64)]
    return Calibration.between(8, counts[0], 64, counts[1]).words_for(round(tokens))


async def check(
    program: str, url: str, token: str, users: int, rounds: int, requests: int, tokens: int
) -> dict[str, Any]:
    """Take turns and compare."""
    target = Target(url, CHAT_MODEL, token or None, {"temperature": 0, "num_ctx": 1024})
    first = await asyncio.to_thread(theirs, program, url, token, users, requests, tokens, 1)
    words = await words_for(target, statistics.fmean(first["prompt"]))
    seen: dict[str, list[Round]] = {"lab": [], "servebench": []}
    for turn in range(rounds):
        # Whoever goes second finds another machine: take turns at that too.
        for name in ("lab", "servebench") if turn % 2 else ("servebench", "lab"):
            seed = 1000 * (turn + 1)
            seen[name].append(
                await ours(target, users, requests, tokens, words, seed)
                if name == "lab"
                else await asyncio.to_thread(theirs, program, url, token, users, requests, tokens, seed)
            )
    result: dict[str, Any] = {
        "users": users,
        "rounds": rounds,
        "requests": requests,
        "tokens": tokens,
        "words": words,
    }
    for figure in FIGURES:
        a = [value for one in seen["servebench"] for value in one[figure]]
        b = [value for one in seen["lab"] for value in one[figure]]
        found = ratio(a, b, "median")
        by_round = [
            statistics.median(x[figure]) / statistics.median(y[figure])
            for x, y in zip(seen["lab"], seen["servebench"], strict=True)
        ]
        result[figure] = {
            "lab": round(percentile(b, 0.5), 2),
            "servebench": round(percentile(a, 0.5), 2),
            "ratio": round(found.value or 0, 4),
            "low": found.low and round(found.low, 4),
            "high": found.high and round(found.high, 4),
            "ratio_of_rounds": round(statistics.median(by_round), 4),
            "within": abs((found.value or 0) - 1) <= AGREE,
        }
    for name, some in seen.items():
        result[name] = {
            key: round(statistics.fmean(value for one in some for value in one[key]), 2)
            for key in ("prompt", "output", "lag")
        }
    result["within"] = all(result[figure]["within"] for figure in FIGURES)
    return result


async def run(flags: argparse.Namespace) -> dict[str, Any]:
    """Start an engine unless one was named, and check at each number of users."""
    program = shutil.which(flags.servebench)
    if program is None:
        raise SystemExit("servebench is not installed: name its program with --servebench")
    levels = [int(one) for one in flags.users.split(",")]
    found: dict[str, Any] = {
        "benchmark": "lab_crosscheck",
        "model": CHAT_MODEL,
        "cpus": os.cpu_count(),
        "agree": AGREE,
    }
    if flags.url:
        found["results"] = [
            await check(program, flags.url, flags.token, one, flags.rounds, flags.requests, flags.tokens)
            for one in levels
        ]
        return found
    with tempfile.TemporaryDirectory() as folder:
        supervisor = Supervisor(EngineConfig(parallel=4, num_ctx=1024), log_file=Path(folder) / "engine.log")
        endpoint = await supervisor.start()
        try:
            found["results"] = [
                await check(
                    program, endpoint.url, endpoint.token, one, flags.rounds, flags.requests, flags.tokens
                )
                for one in levels
            ]
        finally:
            await supervisor.stop()
    return found


def main() -> None:
    """Read the flags, run, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--json", type=Path, help="also write the result to this file")
    parser.add_argument(
        "--servebench", default=os.environ.get("SERVEBENCH", "servebench"), help="its program"
    )
    parser.add_argument("--url", default="", help="an engine that runs already")
    parser.add_argument("--token", default="", help="its bearer token")
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--requests", type=int, default=6)
    parser.add_argument("--tokens", type=int, default=32)
    parser.add_argument("--users", default="1,4")
    flags = parser.parse_args()
    text = json.dumps(asyncio.run(run(flags)), indent=2)
    print(text)
    if flags.json:
        flags.json.write_text(text + "\n", "utf-8")


if __name__ == "__main__":
    main()
