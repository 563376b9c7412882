"""``llm-study ask``: one question, headless."""

from __future__ import annotations

import argparse
import dataclasses
from typing import Any

from core.cli import print_json
from core.cli.arguments import stderr
from core.cli.work import ask, open_session, print_progress, receipt, runtime
from core.events import RunEnded, Span
from core.i18n import tr
from core.paths import Paths
from core.session import chat
from core.settings import Settings


def run(arguments: argparse.Namespace, settings: Settings, paths: Paths) -> int:
    """Ask, print the answer as it comes (or one JSON object), exit 1 when it failed."""
    with runtime(settings, paths) as work:
        session = open_session(work, arguments.session)
        if arguments.json:
            ended = ask(work, session.id, arguments.text, docs=arguments.docs)
            store = work.store
            print_json(as_json(ended, chat.spans(store, run_id=ended.run_id) if store else []))
        else:
            ended = ask(work, session.id, arguments.text, docs=arguments.docs, on_event=print_progress)
            print()
            for item in ended.citations:
                stderr(f"[{item.number}] {item.document} › {item.section}")
            stderr(receipt(ended))
        if ended.status == "error" and not arguments.json:
            stderr(f"{tr('cli.error')}: {ended.error}" + (f"\n  → {ended.fix}" if ended.fix else ""))
        return 0 if ended.status == "ok" else 1


def as_json(ended: RunEnded, spans: list[Span]) -> dict[str, Any]:
    """Write a run for programs. Times are Unix seconds, durations milliseconds, sizes bytes."""
    result: dict[str, Any] = {
        "session_id": ended.session_id,
        "run_id": ended.run_id,
        "status": ended.status,
        "answer": ended.answer,
        "engine": ended.engine,
        "model": ended.model,
        "route": ended.route,
        "spans": [span_json(span) for span in spans],
        "usage": {"input_tokens": ended.usage.input_tokens, "output_tokens": ended.usage.output_tokens},
        "ttft_ms": ended.ttft_ms,
        "tokens_per_s": ended.tokens_per_s,
        "memory": dataclasses.asdict(ended.memory),
        "citations": [dataclasses.asdict(item) for item in ended.citations],
        "support": None if ended.support is None else dataclasses.asdict(ended.support),
    }
    if ended.status != "ok":
        result["error"] = {"message": ended.error, "fix": ended.fix}
    return result


def span_json(span: Span) -> dict[str, Any]:
    """Write a span for programs."""
    return {
        "id": span.id,
        "name": span.name,
        "kind": span.kind,
        "parent": span.parent_id,
        "start": span.start,
        "duration_ms": span.duration_ms,
        "status": span.status,
        "attributes": dict(span.attributes),
    }
