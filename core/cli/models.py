"""``llm-study models``: list, show, fit, pull, create, remove, load and unload models."""

from __future__ import annotations

import argparse
import dataclasses
import queue
import sys
from typing import Any

from core.cli import print_json
from core.cli.arguments import stderr
from core.cli.work import runtime, wait
from core.events import Event, PullChanged
from core.fit.types import FitReport, Verdict
from core.i18n import tr
from core.models.errors import size_text
from core.models.types import LoadRecord, ModelRow, Pull
from core.paths import Paths
from core.runtime import Runtime
from core.settings import Settings
from core.text import clean_line

CLEAR = "\r\x1b[K"


def run(arguments: argparse.Namespace, settings: Settings, paths: Paths) -> int:
    """Do one ``models`` action."""
    with runtime(settings, paths) as work:
        return int(_ACTIONS[arguments.action](work, arguments))


def _list(work: Runtime, arguments: argparse.Namespace) -> int:
    rows = wait(work.models.list())
    pulls = work.models.pulls()
    loads = work.models.loads()
    if arguments.json:
        print_json(
            {
                "models": [dataclasses.asdict(row) for row in rows],
                "pulls": [_pull_json(pull) for pull in pulls],
                "loads": [_load_json(load) for load in loads],
            }
        )
        return 0
    if not rows:
        print(tr("models.none"))
        return 0
    table = [tr("models.head").split("\t"), *(_columns(row) for row in rows)]
    _print_table(table)
    for pull in pulls[:5]:
        if pull.status not in ("done",):
            print(
                f"  {pull.status:<12} {clean_line(pull.model)}  {_progress(pull)}  {pull.error or pull.note}"
            )
    return 0


def _columns(row: ModelRow) -> list[str]:
    return [
        ("* " if row.current else "  ") + row.name,
        size_text(row.size_bytes),
        row.parameter_size or "N/A",
        row.quantization or "N/A",
        str(row.context_length or "N/A"),
        f"{size_text(row.memory_bytes)} ({row.loaded_context})" if row.loaded else "-",
        _verdict(row.verdict) if row.verdict else "-",
    ]


def _print_table(table: list[list[str]]) -> None:
    widths = [max(len(line[column]) for line in table) for column in range(len(table[0]))]
    for line in table:
        print("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())


def _show(work: Runtime, arguments: argparse.Namespace) -> int:
    card = wait(work.models.show(arguments.name))
    if arguments.json:
        print_json(dataclasses.asdict(card))
        return 0
    row = card.row
    facts = {
        "model": row.name, "architecture": card.architecture, "parameters": row.parameter_size,
        "quantization": row.quantization, "context": card.metadata.get(f"{card.architecture}.context_length", ""),
        "embedding": card.embedding_length, "size": size_text(row.size_bytes), "digest": row.digest[:12],
        "capabilities": ", ".join(row.capabilities), "licence": card.licence,
        "route": f"{card.route} — {card.route_reason}" if card.route else "N/A",
    }  # fmt: skip
    for name, value in facts.items():
        print(f"{name:<14}{value or 'N/A'}")
    for name, value in card.metadata.items():
        print(f"  {name} = {value}")
    if card.template:
        print(f"template\n{card.template}")
    return 0


def _fit(work: Runtime, arguments: argparse.Namespace) -> int:
    report = wait(work.models.fit(arguments.name, arguments.num_ctx, arguments.parallel))
    if arguments.json:
        print_json(_fit_json(report))
    else:
        _print_fit(report)
    return 0


def _fit_json(report: FitReport) -> dict[str, Any]:
    values = dataclasses.asdict(report)
    values["verdict"]["short"] = report.verdict.short
    values["availability"]["bytes"] = report.availability.bytes
    if report.estimate:
        values["estimate"]["total"] = report.estimate.total
    return values


def _print_fit(report: FitReport) -> None:
    print(tr("models.fit.source", source=report.source))
    if report.metadata_bytes is not None:
        print(tr("models.fit.transferred", size=size_text(report.metadata_bytes)))
    if report.download_bytes is not None:
        print(tr("models.fit.download", size=size_text(report.download_bytes)))
    estimate = report.estimate
    if estimate:
        plan = estimate.plan
        print(
            f"\n{tr('models.fit.needed')}: {size_text(estimate.total)}  (num_ctx {plan.num_ctx} × {plan.parallel}, KV {plan.kv_type})"
        )
        for term in estimate.terms:
            print(f"  {tr(f'fit.term.{term.name}'):<22} {size_text(term.bytes):>10}   {term.formula}")
    print(f"\n{tr('models.fit.available')}: {size_text(report.availability.bytes)}")
    for room in report.availability.rooms:
        mark = tr("models.fit.binding") if room.name == report.availability.binding else ""
        total = f" / {size_text(room.total)}" if room.total else ""
        print(
            f"  {tr(f'fit.room.{room.name}'):<22} {size_text(room.available):>10}{total} {mark} {room.detail}".rstrip()
        )
    from core.fit import advice_lines, sentence

    print(f"\n→ {sentence(report)}")
    for advice in advice_lines(report):
        print(f"  - {advice}")


def _verdict(verdict: Verdict) -> str:
    return tr(f"models.verdict.{verdict.kind}", num_ctx=verdict.num_ctx, short=size_text(verdict.short))


def _pull(work: Runtime, arguments: argparse.Namespace) -> int:
    wait(work.engine_ready)
    events: queue.SimpleQueue[Event] = queue.SimpleQueue()
    unsubscribe = work.subscribe(events.put)
    line = sys.stderr.isatty() and not arguments.json
    pull = wait(work.models.pull(arguments.source, arguments.name, arguments.sha256))
    try:
        while pull.live:
            try:
                event = events.get(timeout=0.2)
            except queue.Empty:
                continue
            if isinstance(event, PullChanged) and event.pull.id == pull.id:
                pull = event.pull
                if line:
                    print(
                        f"{CLEAR}{clean_line(pull.model)}  {_progress(pull)}",
                        end="",
                        file=sys.stderr,
                        flush=True,
                    )
    except KeyboardInterrupt:
        work.models.cancel_pull(pull.id)
        while pull.live:
            event = events.get(timeout=5)
            if isinstance(event, PullChanged) and event.pull.id == pull.id:
                pull = event.pull
        if line:
            print(CLEAR, end="", file=sys.stderr)
        stderr(tr("error.pull.cancelled"))
        raise
    finally:
        unsubscribe()
    if line:
        print(CLEAR, end="", file=sys.stderr, flush=True)
    return _pulled(pull, as_json=arguments.json)


def _pulled(pull: Pull, *, as_json: bool) -> int:
    if as_json:
        print_json({"pull": _pull_json(pull)})
    elif pull.status == "done":
        rate = f"{pull.bytes_per_s / 1e6:.1f}" if pull.bytes_per_s else "N/A"
        seconds = f"{pull.seconds:.1f}"
        print(
            tr("models.pulled", model=pull.model, size=size_text(pull.done_bytes), seconds=seconds, rate=rate)
        )
        if pull.resumed_bytes:
            print(tr("models.resumed", size=size_text(pull.resumed_bytes)))
    else:
        stderr(f"{tr('cli.error')}: {pull.error or pull.note or pull.status}")
        if pull.fix:
            stderr(f"  → {pull.fix}")
    return 0 if pull.status == "done" else 1


def _progress(pull: Pull) -> str:
    parts = [f"{size_text(pull.done_bytes)} / {size_text(pull.total_bytes)}"]
    if pull.total_bytes:
        parts.append(f"{100 * pull.done_bytes / pull.total_bytes:.0f} %")
    if pull.bytes_per_s:
        parts.append(f"{pull.bytes_per_s / 1e6:.1f} MB/s")
    if pull.eta_s is not None:
        parts.append(tr("models.eta", seconds=f"{pull.eta_s:.0f}"))
    if pull.note:
        parts.append(pull.note)
    return " · ".join(parts)


def _create(work: Runtime, arguments: argparse.Namespace) -> int:
    wait(work.models.create(arguments.name, arguments.source))
    return _said(arguments, "created", arguments.name)


def _remove(work: Runtime, arguments: argparse.Namespace) -> int:
    wait(work.models.remove(arguments.name))
    return _said(arguments, "removed", arguments.name)


def _unload(work: Runtime, arguments: argparse.Namespace) -> int:
    wait(work.models.unload(arguments.name))
    return _said(arguments, "unloaded", arguments.name)


def _said(arguments: argparse.Namespace, what: str, name: str) -> int:
    if arguments.json:
        print_json({what: name})
    else:
        print(tr(f"models.{what}", model=clean_line(name)))
    return 0


def _load(work: Runtime, arguments: argparse.Namespace) -> int:
    record = wait(work.models.load(arguments.name, arguments.num_ctx, arguments.yes))
    if arguments.json:
        print_json({"load": _load_json(record)})
        return 0
    seconds = f"{(record.load_ms or 0) / 1000:.2f}"
    print(tr("models.loaded", model=record.model, seconds=seconds, num_ctx=record.num_ctx))
    difference = f"{100 * record.difference:+.1f} %" if record.difference is not None else "N/A"
    predicted, measured = size_text(record.predicted_bytes), size_text(record.measured_bytes)
    print(tr("models.measured", measured=measured, predicted=predicted, difference=difference))
    return 0


def _pull_json(pull: Pull) -> dict[str, Any]:
    return {**dataclasses.asdict(pull), "source": pull.shown_source}


def _load_json(record: LoadRecord) -> dict[str, Any]:
    return {**dataclasses.asdict(record), "difference": record.difference}


_ACTIONS = {
    "list": _list, "show": _show, "fit": _fit, "pull": _pull, "create": _create, "rm": _remove, "load": _load,
    "unload": _unload,
}  # fmt: skip
