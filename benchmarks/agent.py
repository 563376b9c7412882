"""What does the agent cost over the bare model call? First token, processor time while streaming, checkpoints. JSON.

Through the agent and straight to the engine take turns on one engine with the same request: the straight one sends
the messages and options that the agent's own model call recorded. Both are warm (the prompt is in the engine's cache),
so the difference is the agent's: session store, tool route, graph, trace. Processor time is this process's (user and
system, all threads), from the first piece of text to the last; the samplers run on both sides. Checkpoints are
counted in a data directory of their own: short questions in one session, file sizes after a WAL checkpoint.
"""

from __future__ import annotations

import argparse
import json
import queue
import sqlite3
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
from terminal import ROOT, machine

sys.path.insert(0, str(ROOT))

from core.agent import semconv
from core.agent.graph import options_of
from core.engines import Engine
from core.events import RunEnded, TokenDelta
from core.paths import Paths, default_paths
from core.runtime import Runtime
from core.session import chat
from core.settings import Settings

FIRST_TARGET_MS = 30.0
CPU_TARGET_MS = 5.0
CHECKPOINT_TARGET = 2 * 2**20
QUESTION = "Tell me a very long story about a lighthouse, its keeper and the sea."
TURNS = ("What is {}*7?", "{} 더하기 12는?", "Hello number {}!", "What is {} minus 3?")


def through_agent(work: Runtime, question: str, session: str = "") -> dict[str, Any]:
    """Ask; times in seconds, processor time of this process."""
    events: queue.SimpleQueue[tuple[float, float, Any]] = queue.SimpleQueue()
    unsubscribe = work.subscribe(lambda event: events.put((time.perf_counter(), time.process_time(), event)))
    session = session or work.new_session().result(30).id
    asked = time.perf_counter()
    # Its id is that of the queue when the session was still busy with its last moment: the session's events are taken.
    work.ask(session, question).result(60)
    text: list[tuple[float, float]] = []
    while True:
        at, cpu, event = events.get(timeout=300)
        if isinstance(event, TokenDelta) and event.session_id == session:
            text.append((at, cpu))
        if isinstance(event, RunEnded) and event.session_id == session:
            break
    unsubscribe()
    if event.status != "ok" or work.store is None:
        raise SystemExit(f"the run ended {event.status}: {event.error}")
    return {
        "run": event.run_id,
        "route": event.route,
        "first_ms": (text[0][0] - asked) * 1e3 if text else None,
        "stream_s": text[-1][0] - text[0][0] if text else 0.0,
        "cpu_ms": (text[-1][1] - text[0][1]) * 1e3 if text else 0.0,
        "tokens": event.usage.output_tokens,
    }


def request_of(work: Runtime, run_id: str, engine: Engine, settings: Settings) -> dict[str, Any]:
    """Return the request the agent's model call sent."""
    if work.store is None:
        raise SystemExit("the store is not open")
    span = [one for one in chat.spans(work.store, run_id=run_id) if one.kind == "model"][-1]
    body = span.attributes.get("app.request.body")
    if body:
        return dict(json.loads(body) if isinstance(body, str) else body)
    messages = [
        {"role": one["role"], "content": "".join(str(part.get("content", "")) for part in one["parts"])}
        for one in span.attributes[semconv.INPUT_MESSAGES]
    ]
    return {"model": engine.model, "messages": messages, "stream": True, "options": options_of(settings)}


def straight(engine: Engine, body: dict[str, Any], client: httpx.Client) -> dict[str, Any]:
    """Send the same request with nothing in between."""
    headers = {"Authorization": f"Bearer {engine.token}"} if engine.token else {}
    text: list[tuple[float, float]] = []
    tokens = 0
    asked = time.perf_counter()
    with client.stream("POST", f"{engine.url}/api/chat", json=body, headers=headers) as answer:
        answer.raise_for_status()
        for line in answer.iter_lines():
            chunk = json.loads(line)
            if chunk.get("message", {}).get("content"):
                text.append((time.perf_counter(), time.process_time()))
            if chunk.get("done"):
                tokens = chunk["eval_count"]
    return {
        "first_ms": (text[0][0] - asked) * 1e3,
        "stream_s": text[-1][0] - text[0][0],
        "cpu_ms": (text[-1][1] - text[0][1]) * 1e3,
        "tokens": tokens,
    }


def checkpoint_bytes(paths: Paths) -> int:
    """Return the size of the checkpoints' file, everything written back into it; 0 when there is none."""
    path = Path(paths.checkpoint_db)
    if not path.exists():
        return 0
    with sqlite3.connect(path, timeout=10) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return sum(one.stat().st_size for one in path.parent.glob(f"{path.name}*"))


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=12)
    parser.add_argument("--turns", type=int, default=100)
    arguments = parser.parse_args()
    settings = Settings(engine="embedded")
    with tempfile.TemporaryDirectory() as folder:
        paths = default_paths(folder)
        work = Runtime(settings, paths)
        work.start()
        try:
            engine = work.engine_ready.result(120)
            first = through_agent(work, QUESTION)  # warms both sides up
            body = request_of(work, first["run"], engine, settings)
            with httpx.Client(timeout=300, trust_env=False) as client:
                straight(engine, body, client)
                pairs = [
                    (through_agent(work, QUESTION), straight(engine, body, client))
                    for _ in range(arguments.pairs)
                ]
            before = checkpoint_bytes(paths)
            session = work.new_session().result(30).id
            for number in range(arguments.turns):
                through_agent(work, TURNS[number % len(TURNS)].format(number + 11), session)
            grown = checkpoint_bytes(paths) - before
        finally:
            work.stop()
        left = checkpoint_bytes(paths)
    report(engine.model, first["route"], pairs, arguments.turns, grown, left)
    return 0


def report(
    model: str,
    route: str,
    pairs: list[tuple[dict[str, Any], dict[str, Any]]],
    turns: int,
    grown: int,
    left: int,
) -> None:
    """Print the JSON."""
    added = [mine["first_ms"] - theirs["first_ms"] for mine, theirs in pairs]
    ratios = [mine["first_ms"] / theirs["first_ms"] for mine, theirs in pairs]

    def per_second(side: int) -> float:
        return sum(one[side]["cpu_ms"] for one in pairs) / sum(one[side]["stream_s"] for one in pairs)

    cpu = per_second(0) - per_second(1)
    hundred = grown * 100 / turns if turns else 0.0
    print(
        json.dumps(
            {
                "benchmark": "agent",
                "machine": machine(),
                "model": model,
                "route": route,
                "pairs": len(pairs),
                "first_token": {
                    "agent_ms": round(statistics.median(one["first_ms"] for one, _ in pairs), 1),
                    "straight_ms": round(statistics.median(one["first_ms"] for _, one in pairs), 1),
                    "added_ms": [round(one, 1) for one in added],
                    "ratio": round(statistics.median(ratios), 2),
                    "target": f"added <= {FIRST_TARGET_MS:g} ms, median of pairs",
                    "measured": round(statistics.median(added), 1),
                    "met": statistics.median(added) <= FIRST_TARGET_MS,
                },
                "processor": {
                    "agent_ms_per_streamed_s": round(per_second(0), 1),
                    "straight_ms_per_streamed_s": round(per_second(1), 1),
                    "tokens_per_streamed_s": round(
                        sum(one["tokens"] for one, _ in pairs) / sum(one["stream_s"] for one, _ in pairs), 1
                    ),
                    "target": f"added <= {CPU_TARGET_MS:g} ms of processor per streamed second",
                    "measured": round(cpu, 1),
                    "met": cpu <= CPU_TARGET_MS,
                },
                "checkpoints": {
                    "turns": turns,
                    "grown_bytes": grown,
                    "after_stop_bytes": left,
                    "target": f"<= {CHECKPOINT_TARGET} bytes per 100 turns",
                    "measured": round(hundred),
                    "met": hundred <= CHECKPOINT_TARGET,
                },
            },
            indent=2,
        )
    )


if __name__ == "__main__":
    sys.exit(main())
