"""Does the app slow the engine down? Tokens/s through the app over the same request sent straight to it. Prints JSON.

Both sides use one engine and take turns. A rate is output tokens after the first, divided by the time from the first
piece of text to the last, as seen by whoever receives it. The straight request repeats the messages and options that the
app's model call recorded in its span. Processor time is the app's process only (user + system), store and agent included.
"""

from __future__ import annotations

import argparse
import json
import queue
import statistics
import sys
import tempfile
import time
from typing import Any

import httpx
import psutil
from terminal import ROOT, machine

sys.path.insert(0, str(ROOT))

from core.agent import semconv
from core.agent.graph import options_of
from core.engines import Engine
from core.events import RunEnded, TokenDelta
from core.paths import default_paths
from core.runtime import Runtime
from core.session import chat
from core.settings import Settings

TARGET = 0.97
QUESTION = "Tell me a very long story about a lighthouse, its keeper and the sea."


def through_app(work: Runtime) -> dict[str, Any]:
    """Ask in a new session; what came, when, and the request that was sent."""
    events: queue.SimpleQueue[tuple[float, Any]] = queue.SimpleQueue()
    unsubscribe = work.subscribe(lambda event: events.put((time.perf_counter(), event)))
    session = work.new_session().result(30)
    cpu = _cpu()
    asked = time.perf_counter()
    run_id = work.ask(session.id, QUESTION).result(60)
    times: list[float] = []
    while True:
        at, event = events.get(timeout=300)
        if isinstance(event, TokenDelta) and event.run_id == run_id:
            times.append(at)
        if isinstance(event, RunEnded) and event.run_id == run_id:
            break
    unsubscribe()
    if event.status != "ok" or work.store is None:
        raise SystemExit(f"the run ended {event.status}: {event.error}")
    calls = [
        span for span in chat.spans(work.store, run_id=run_id) if semconv.INPUT_MESSAGES in span.attributes
    ]
    return {
        "tokens": event.usage.output_tokens,
        "rate": (event.usage.output_tokens - 1) / (times[-1] - times[0]),
        "seconds": at - asked,
        "cpu_s": _cpu() - cpu,
        "messages": [_message(item) for item in calls[-1].attributes[semconv.INPUT_MESSAGES]],
    }


def straight(engine: Engine, messages: list[dict[str, str]], settings: Settings) -> dict[str, Any]:
    """Send the same request to the engine with nothing in between."""
    headers = {"Authorization": f"Bearer {engine.token}"} if engine.token else {}
    body = {"model": engine.model, "messages": messages, "stream": True, "options": options_of(settings)}
    times: list[float] = []
    tokens = 0
    asked = time.perf_counter()
    with httpx.stream("POST", f"{engine.url}/api/chat", json=body, headers=headers, timeout=300) as answer:
        answer.raise_for_status()
        for line in answer.iter_lines():
            chunk = json.loads(line)
            if chunk.get("message", {}).get("content"):
                times.append(time.perf_counter())
            if chunk.get("done"):
                tokens = chunk["eval_count"]
    return {
        "tokens": tokens,
        "rate": (tokens - 1) / (times[-1] - times[0]),
        "seconds": time.perf_counter() - asked,
    }


def _message(item: dict[str, Any]) -> dict[str, str]:
    text = "".join(str(part.get("content", "")) for part in item["parts"])
    return {"role": str(item["role"]), "content": text}


def _cpu() -> float:
    times = psutil.Process().cpu_times()
    return times.user + times.system


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=8)
    runs = parser.parse_args().runs
    settings = Settings(engine="embedded")
    with tempfile.TemporaryDirectory() as folder:
        work = Runtime(settings, default_paths(folder))
        work.start()
        try:
            engine = work.engine_ready.result(120)
            messages = through_app(work)["messages"]  # warms both sides up
            straight(engine, messages, settings)
            app_rows, straight_rows = [], []
            for _ in range(runs):
                app_rows.append(through_app(work))
                straight_rows.append(straight(engine, messages, settings))
        finally:
            work.stop()
    app_rate = statistics.median(row["rate"] for row in app_rows)
    straight_rate = statistics.median(row["rate"] for row in straight_rows)
    ratios = [mine["rate"] / theirs["rate"] for mine, theirs in zip(app_rows, straight_rows, strict=True)]
    ratio = statistics.median(ratios)
    tokens = sum(row["tokens"] for row in app_rows)
    print(
        json.dumps(
            {
                "benchmark": "streaming",
                "machine": machine(),
                "pairs": runs,
                "model": engine.model,
                "tokens_per_answer": {"app": app_rows[0]["tokens"], "straight": straight_rows[0]["tokens"]},
                "tokens_per_s": {"app": round(app_rate, 1), "straight": round(straight_rate, 1)},
                "ratios": [round(value, 3) for value in ratios],
                "answer_seconds": {
                    "app": round(statistics.median(row["seconds"] for row in app_rows), 3),
                    "straight": round(statistics.median(row["seconds"] for row in straight_rows), 3),
                },
                "app_cpu_s_per_1000_tokens": round(1000 * sum(row["cpu_s"] for row in app_rows) / tokens, 3),
                "target": f"app / straight >= {TARGET}, median of pairs",
                "measured": round(ratio, 3),
                "met": ratio >= TARGET,
            },
            indent=2,
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
