"""``llm-study tour``: what ``make run`` does without a terminal. Two questions, with their traces and receipts."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from core.cli.arguments import stderr
from core.cli.work import ask, mebibytes, receipt, runtime, sample_path, wait
from core.events import RunEnded, Span
from core.i18n import language, tr
from core.paths import Paths, default_paths
from core.runtime import Runtime
from core.session import chat
from core.settings import Settings
from core.text import clean

QUESTIONS = {
    "en": ("What is 12*34?", "How many days a week can I work from home?"),
    "ko": ("12*34는 얼마야?", "남은 휴가는 언제까지 써?"),
}


def run(arguments: argparse.Namespace, settings: Settings, paths: Paths) -> int:
    """Ask one question that calls a tool and one over a document, in a throw-away data directory."""
    with (
        tempfile.TemporaryDirectory(prefix="llm-study-tour-") as folder,
        runtime(settings, default_paths(folder)) as work,
    ):
        wait(work.engine_ready)
        status = work.status
        print(f"LLM Study · {status.kind} · {status.version} · {status.model} · {status.route_reason}")
        wait(work.library.add([str(sample_path("handbook"))]))
        print(tr("docs.added", indexed=len(work.documents()), failed=_failed(work)))
        arithmetic, documents = QUESTIONS[language()]
        session = wait(work.new_session())
        runs = [
            ask(work, session.id, arithmetic, docs=False),
            ask(work, session.id, documents, docs=True),
        ]
        for question, ended in zip((arithmetic, documents), runs, strict=True):
            _print_run(work, question, ended)
        peak = max((item.memory.peak_bytes or 0 for item in runs), default=0)
        print(tr("tour.peak", size=mebibytes(peak or None)))
    return 0 if all(item.status == "ok" for item in runs) else 1


def _failed(work: Runtime) -> int:
    return sum(item.status == "failed" for item in work.documents())


def _print_run(work: Runtime, question: str, ended: RunEnded) -> None:
    print(f"\n> {question}")
    store = work.store
    for span in chat.spans(store, run_id=ended.run_id) if store else []:
        print(_trace_line(span))
    print(ended.answer)
    for item in ended.citations:
        print(f"[{item.number}] {Path(item.document).name} › {item.section}")
    print(receipt(ended))
    if ended.error:
        stderr(f"{tr('cli.error')}: {ended.error}")


def _trace_line(span: Span) -> str:
    depth = 0 if span.parent_id is None else 1
    took = "" if span.duration_ms is None else f"{span.duration_ms:.1f} ms"
    return clean(f"  {'  ' * depth}▸ {span.name:<44} {took:>10}  {span.status}")
