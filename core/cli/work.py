"""Running one piece of work on a runtime, from the command line."""

from __future__ import annotations

import contextlib
import queue
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

from core.agent.answers.guard import unfenced
from core.agent.types import Docs
from core.cli.arguments import stderr
from core.events import Event, RunEnded, SpanEnded, TokenDelta
from core.i18n import tr
from core.paths import Paths
from core.runtime import Runtime
from core.session.rows import Session
from core.settings import Settings
from core.text import clean, shorten

T = TypeVar("T")


@contextlib.contextmanager
def runtime(settings: Settings, paths: Paths) -> Iterator[Runtime]:
    """A runtime for one command: started, and stopped whatever happens."""
    started = Runtime(settings, paths)
    started.pause_telemetry()
    started.start()
    try:
        yield started
    finally:
        started.stop()


def wait(future: Future[T]) -> T:
    """Wait for a future, in small steps so that Ctrl-C is noticed at once."""
    while True:
        with contextlib.suppress(TimeoutError):
            return future.result(0.2)


def open_session(work: Runtime, name: str) -> Session:
    """Open the session a user named: an id, ``last`` or ``new``."""
    return wait(work.new_session() if name == "new" else work.open_session(name))


def ask(
    work: Runtime,
    session_id: str,
    text: str,
    *,
    docs: Docs,
    on_event: Callable[[Event], None] = lambda event: None,
) -> RunEnded:
    """Ask a question and wait for its end."""
    events: queue.SimpleQueue[Event] = queue.SimpleQueue()
    unsubscribe = work.subscribe(events.put)
    try:
        run_id = wait(work.ask(session_id, text, docs))
        while True:
            try:
                event = events.get(timeout=0.2)
            except queue.Empty:
                continue
            on_event(event)
            if isinstance(event, RunEnded) and event.run_id == run_id:
                return event
    except KeyboardInterrupt:
        work.cancel(session_id)
        raise
    finally:
        unsubscribe()


def print_progress(event: Event) -> None:
    """Print an answer as it streams, and each tool call as it ends."""
    if isinstance(event, TokenDelta):
        print(event.text, end="", flush=True)
    elif isinstance(event, SpanEnded) and event.span.kind == "tool":
        attributes = event.span.attributes
        arguments = ", ".join(
            str(value) for value in dict(attributes.get("gen_ai.tool.call.arguments", {})).values()
        )
        result = " ".join(unfenced(str(attributes.get("gen_ai.tool.call.result", ""))).split())
        stderr(
            clean(
                f"▸ {attributes.get('gen_ai.tool.name')}  {arguments} → {shorten(result, 120)}  {event.span.duration_ms:.1f} ms"
            )
        )


def receipt(ended: RunEnded) -> str:
    """Write the line under an answer: tokens, speed, first token, memory."""
    parts = [tr("receipt.tokens", count=ended.usage.output_tokens)]
    if ended.tokens_per_s is not None:
        parts.append(f"{ended.tokens_per_s:.1f} tok/s")
    if ended.ttft_ms is not None:
        parts.append(f"TTFT {ended.ttft_ms:.0f} ms")
    if ended.memory.peak_bytes is not None:
        parts.append(tr("receipt.peak", size=mebibytes(ended.memory.peak_bytes)))
    return " · ".join(parts)


def mebibytes(size: int | None) -> str:
    """Write a size in MiB, or N/A."""
    return "N/A" if size is None else f"{size / 2**20:.0f} MiB"


def sample_path(name: str) -> Path:
    """Return a path inside the samples that come with the source."""
    return Path(__file__).resolve().parents[2] / "samples" / name


Json = dict[str, Any]
