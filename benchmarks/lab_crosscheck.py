"""Do the lab's figures agree with another tool's? Ours and servebench's on one live engine, turn by turn.

servebench is not a dependency: install it apart (``python -m venv V && V/bin/pip install servebench``) and name its
program. It speaks the OpenAI API and the lab Ollama's; the embedded engine answers both. Prompts are as long as
servebench's, made by it and fresh in every request; answers are cut at the same number of tokens. Prints one
JSON object; ``within`` says whether TTFT, TPOT and throughput agree within 5 %.

    python benchmarks/lab_crosscheck.py --servebench V/bin/servebench [--url URL] [--rounds 30] [--users 1,4]
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
from core.lab.client import Ask, Measured, Target  # noqa: E402
from core.lab.generator import closed  # noqa: E402
from core.lab.lag import LagProbe  # noqa: E402
from core.lab.stats import percentile, ratio  # noqa: E402

AGREE = 0.05
FIGURES = ("ttft_ms", "tpot_ms", "throughput")

Round = dict[str, list[float]]
"""TTFT and TPOT of each request, in ms; one throughput (tok/s); prompt and output tokens."""


WORKER = """
import json, sys, servebench
for line in sys.stdin:
    one = json.loads(line)
    if "prompts" in one:
        from servebench.prompts import synthetic
        print("=" + json.dumps([p.text for p in synthetic(one["prompts"], 40, one["seed"])]), flush=True)
        continue
    run = servebench.benchmark(**one, gpu_telemetry=False, warmup=0, input_len=40)
    level = run.levels[0]
    print("=" + json.dumps({
        "throughput": level.summary.output_throughput, "lag": level.client_lag_p99_ms,
        "requests": [
            {name: getattr(r, name) for name in ("ok", "ttft", "e2e", "prompt_tokens", "output_tokens")}
            for r in level.requests
        ],
    }), flush=True)
"""


class Servebench:
    """servebench in its own environment, waiting for work: starting it anew would put a second between the turns."""

    def __init__(self, program: str, url: str, token: str) -> None:
        self._fixed = {"url": f"{url}/v1", "model": CHAT_MODEL, "api_key": token or None}
        self._process = subprocess.Popen(
            [str(Path(program).with_name("python")), "-c", WORKER],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip

    def measure(self, users: int, requests: int, tokens: int, seed: int) -> Round:
        """One turn."""
        asked = {"levels": [users], "num_requests": requests, "output_len": tokens, "seed": seed}
        level = self._ask({**self._fixed, **asked})
        done = [one for one in level["requests"] if one["ok"]]
        tpot = [
            (one["e2e"] - one["ttft"]) / (one["output_tokens"] - 1)
            for one in done
            if one["output_tokens"] > 1
        ]
        return {
            "ttft_ms": [one["ttft"] * 1e3 for one in done],
            "tpot_ms": [one * 1e3 for one in tpot],
            "throughput": [level["throughput"]],
            "prompt": [one["prompt_tokens"] for one in done],
            "output": [one["output_tokens"] for one in done],
            "lag": [level["lag"] or 0.0],
        }

    def prompts(self, count: int, seed: int) -> list[str]:
        """Prompts as it makes them: they begin alike, which the prompt cache saves, so ours must too."""
        found: list[str] = self._ask({"prompts": count, "seed": seed})
        return found

    def _ask(self, asked: dict[str, Any]) -> Any:
        if self._process.stdin is None or self._process.stdout is None:
            raise SystemExit("servebench has no pipes")
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        line = next((line for line in self._process.stdout if line.startswith("=")), "")
        if not line:
            raise SystemExit("servebench ended")
        return json.loads(line[1:])

    def close(self) -> None:
        """End it."""
        self._process.communicate(timeout=10)


async def ours(target: Target, users: int, prompts: list[str], tokens: int) -> Round:
    """One turn of the lab's client."""
    found: list[Measured] = []
    async with LagProbe() as lag:
        await closed(
            target, lambda number: Ask(prompts[number], tokens), users=users, requests=len(prompts),
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


async def check(
    program: str, url: str, token: str, users: int, rounds: int, requests: int, tokens: int
) -> dict[str, Any]:
    """Take turns and compare."""
    requests = requests or users  # One for each user: as little as possible between the two of a pair.
    target = Target(url, CHAT_MODEL, token or None, {"temperature": 0, "num_ctx": 1024})
    other = Servebench(program, url, token)
    seen: dict[str, list[Round]] = {"lab": [], "servebench": []}
    try:
        await asyncio.to_thread(other.measure, users, 2 * users, tokens, 1)
        for turn in range(rounds):
            # Whoever goes second finds another machine: take turns at that too.
            for name in ("lab", "servebench") if turn % 2 else ("servebench", "lab"):
                seed = 1000 * (turn + 1)
                seen[name].append(
                    await ours(
                        target, users, await asyncio.to_thread(other.prompts, requests, seed + 500), tokens
                    )
                    if name == "lab"
                    else await asyncio.to_thread(other.measure, users, requests, tokens, seed)
                )
    finally:
        other.close()
    result: dict[str, Any] = {
        "users": users,
        "rounds": rounds,
        "requests": requests,
        "tokens": tokens,
    }
    for figure in FIGURES:
        # One value for each turn; those of a pair were measured next to each other and are drawn together.
        a = [statistics.median(one[figure]) for one in seen["servebench"]]
        b = [statistics.median(one[figure]) for one in seen["lab"]]
        found = ratio(a, b, "median", paired=True)
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
            "within": abs(statistics.median(by_round) - 1) <= AGREE,
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
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--requests", type=int, default=0)
    parser.add_argument("--tokens", type=int, default=32)
    parser.add_argument("--users", default="1,4")
    flags = parser.parse_args()
    text = json.dumps(asyncio.run(run(flags)), indent=2)
    print(text)
    if flags.json:
        flags.json.write_text(text + "\n", "utf-8")


if __name__ == "__main__":
    main()
