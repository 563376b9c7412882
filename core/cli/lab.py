"""``llm-study lab``: run experiments, show, compare and export what they measured."""

from __future__ import annotations

import argparse
import dataclasses
import queue
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from core.cli import print_json
from core.cli.arguments import stderr
from core.cli.work import runtime, wait
from core.errors import StudyError, UsageError
from core.events import Event, LabChanged
from core.i18n import tr
from core.lab.catalog import EXPERIMENTS
from core.lab.types import Cell, Column, Comparison, LabRun, LabView
from core.paths import Paths
from core.runtime import Runtime
from core.session import Store
from core.session import lab as rows
from core.settings import Settings
from core.text import clean, clean_line

OVER = ("done", "failed", "cancelled", "interrupted")


def run(arguments: argparse.Namespace, settings: Settings, paths: Paths) -> int:
    """Do one ``lab`` action."""
    if arguments.action in ("run", "resume"):
        return _measure(arguments, settings, paths)
    with _desk(settings, paths) as desk:
        actions = {
            "list": _list,
            "show": _show,
            "compare": _compare,
            "export": _export,
            "cancel": _cancel,
            "rm": _rm,
        }
        return actions[arguments.action](arguments, desk)


class _Reader:
    """The desk without an engine: for what only reads the store (or writes a wish into it)."""

    def __init__(self, store: Store, settings: Settings, paths: Paths) -> None:
        from core.ground import Ground
        from core.lab.desk import Lab

        self.store = store

        async def no_engine() -> Any:
            raise StudyError("error.lab.not_ready")

        async def the_store() -> Store:
            return store

        def call(work: Any) -> Future[Any]:
            import asyncio

            done: Future[Any] = Future()
            try:
                done.set_result(asyncio.run(work))
            except BaseException as error:
                done.set_exception(error)
            return done

        self.lab = Lab(
            Ground(
                settings, paths, call, lambda event: None, the_store, no_engine, lambda: store, lambda: None
            )
        )

    def id_of(self, name: str) -> str:
        return rows.find_run(self.store, name).id


@contextmanager
def _desk(settings: Settings, paths: Paths) -> Iterator[_Reader]:
    paths.ensure()
    store = Store.open(paths.session_db)
    try:
        yield _Reader(store, settings, paths)
    finally:
        store.close()


# -- measuring ----------------------------------------------------------------------------------------------


def _pairs(given: Sequence[str]) -> dict[str, str]:
    found = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise UsageError("error.lab.pair", text=clean_line(text, max_chars=60))
        found[name.strip()] = value
    return found


def _measure(arguments: argparse.Namespace, settings: Settings, paths: Paths) -> int:
    from core.lab.catalog import experiment
    from core.lab.options import read

    options: dict[str, str] = {}
    if arguments.action == "run":
        options = _pairs(arguments.pairs)
        read(experiment(arguments.name), options)  # Wrong usage is told before an engine is started.
    events: queue.SimpleQueue[Event] = queue.SimpleQueue()
    with runtime(settings, paths) as work:
        work.subscribe(events.put)
        store = wait(work.store_ready)
        if arguments.action == "run":
            wait(work.engine_ready)
            started = wait(work.lab.start(arguments.name, options))
        else:
            run_id = rows.find_run(store, arguments.run).id
            wait(work.engine_ready)
            started = wait(work.lab.resume(run_id))
        stderr(tr("lab.cli.started", id=started.id))
        status = _follow(work, started.id, events)
        shown = work.lab.view(started.id)
    if arguments.json:
        print_json(_json(shown))
    else:
        _print_view(shown)
    if status == "cancelled":
        return 130
    return 0 if status == "done" else 1


def _follow(work: Runtime, run_id: str, events: queue.SimpleQueue[Event]) -> str:
    """Print progress until the run is over; the first Ctrl-C cancels it, the second leaves."""
    told = ""
    cancelled = False
    while True:
        try:
            event = events.get(timeout=0.2)
        except queue.Empty:
            continue
        except KeyboardInterrupt:
            if cancelled:
                raise
            cancelled = True
            work.lab.cancel(run_id)
            continue
        if not isinstance(event, LabChanged) or event.run_id != run_id:
            continue
        if event.status in OVER:
            if sys.stderr.isatty():
                sys.stderr.write("\r\x1b[K")
            return event.status
        told = _progress(event, told)


def _progress(event: LabChanged, told: str) -> str:
    key = "lab.cli.progress" if event.eta_s is not None else "lab.cli.progress.open"
    line = tr(
        key, done=event.done, total=event.total, eta=_duration(event.eta_s or 0), now=clean_line(event.now)
    )
    if sys.stderr.isatty():
        sys.stderr.write("\r\x1b[K" + line)
        sys.stderr.flush()
    elif event.now != told:
        stderr(line)
    return event.now


def _duration(seconds: float) -> str:
    whole = round(seconds)
    return f"{whole // 60}:{whole % 60:02d}"


# -- showing ------------------------------------------------------------------------------------------------


def _list(arguments: argparse.Namespace, desk: _Reader) -> int:
    runs = desk.lab.runs(50)
    if arguments.json:
        print_json(
            {
                "experiments": [
                    {"id": one.id, "title": tr(f"lab.{one.id}.title"), "options": [dataclasses.asdict(option) for option in one.options]}
                    for one in EXPERIMENTS
                ],
                "runs": [dataclasses.asdict(one) for one in runs],
            }
        )  # fmt: skip
        return 0
    print(tr("lab.cli.experiments"))
    for one in EXPERIMENTS:
        print(f"  {one.id:<12}{tr(f'lab.{one.id}.help')}")
        for option in one.options:
            default = (
                ",".join(map(str, option.default)) if isinstance(option.default, tuple) else option.default
            )
            print(
                f"    {option.name:<11} {tr(f'lab.{one.id}.{option.name}')} ({tr('lab.cli.default', value=default)})"
            )
    print(f"\n{tr('lab.cli.runs')}")
    for found in runs:
        print(f"  {_headline(found)}")
    if not runs:
        print(f"  {tr('lab.cli.no_runs')}")
    return 0


def _headline(found: LabRun) -> str:
    from core.lab.summary import started_text

    model = clean_line(str(found.environment.get("model", "")), max_chars=40)
    flag = " !" if found.invalid else ""
    return f"{found.id}  {started_text(found)}  {found.experiment:<11} {tr(f'lab.status.{found.status}')}{flag}  {model}"


def _show(arguments: argparse.Namespace, desk: _Reader) -> int:
    view = desk.lab.view(desk.id_of(arguments.run))
    if arguments.json:
        print_json(_json(view))
    else:
        _print_view(view)
    return 0


def _json(view: LabView) -> dict[str, Any]:
    from core.lab.export import summary

    return summary(view)


def _print_view(view: LabView) -> None:
    print(_headline(view.run))
    print(clean(view.sentence))
    if view.run.error:
        stderr(f"{tr('cli.error')}: {clean(view.run.error)}")
        if view.run.fix:
            stderr(f"  → {clean(view.run.fix)}")
    for warning in view.warnings:
        print(f"! {clean(warning)}")
    if view.table is not None:
        heads = [_title(column) for column in view.table.columns]
        _print_table(heads, [[_cell(cell) for cell in row] for row in view.table.rows])
        if any(cell.flag for row in view.table.rows for cell in row):
            print(f"* {tr('lab.flag.few')}")


def _title(column: Column) -> str:
    title = tr(f"lab.column.{column.key}")
    return f"{title} {column.unit}" if column.unit and column.unit not in title else title


def _cell(cell: Cell) -> str:
    if cell.value is None:
        return "—"
    if isinstance(cell.value, str):
        return clean_line(cell.value)
    text = _figure(cell.value) + ("*" if cell.flag else "")
    if cell.low is not None and cell.high is not None:
        text += f" [{_figure(cell.low)}–{_figure(cell.high)}]"
    return text


def _figure(value: float) -> str:
    if value == int(value) and abs(value) < 1e6:
        return str(int(value))
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _print_table(heads: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    widths = [max(map(_width, column)) for column in zip(heads, *lines, strict=True)]
    for line in (heads, *lines):
        print(
            "  ".join(
                text + " " * (wide - _width(text)) for text, wide in zip(line, widths, strict=True)
            ).rstrip()
        )


def _width(text: str) -> int:
    import unicodedata

    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def _compare(arguments: argparse.Namespace, desk: _Reader) -> int:
    found = desk.lab.compare(desk.id_of(arguments.a), desk.id_of(arguments.b))
    if arguments.json:
        print_json(dataclasses.asdict(found))
    else:
        _print_comparison(found)
    return 0


def _print_comparison(found: Comparison) -> None:
    print(f"A  {_headline(found.a)}\nB  {_headline(found.b)}")
    for warning in found.warnings:
        print(f"! {clean(warning)}")
    words = {True: tr("lab.cli.real"), False: tr("lab.cli.noise"), None: tr("lab.cli.unknown")}
    lines = []
    for one in found.differences:
        point = " ".join(
            f"{name}={clean_line(str(value), max_chars=24)}" for name, value in one.point.items()
        )
        ratio = "—" if one.ratio is None else f"{one.ratio:.3f}"
        if one.low is not None and one.high is not None:
            ratio += f" [{one.low:.3f}–{one.high:.3f}]"
        lines.append([point, _title(one.column), _cell(one.a), _cell(one.b), ratio, words[one.real]])
    if lines:
        heads = [tr("lab.cli.point"), tr("lab.cli.figure"), "A", "B", "B/A", tr("lab.cli.verdict")]
        _print_table(heads, lines)


def _export(arguments: argparse.Namespace, desk: _Reader) -> int:
    written = desk.lab.export(desk.id_of(arguments.run), Path(arguments.folder).expanduser())
    if arguments.json:
        print_json({"files": [str(path) for path in written]})
    else:
        for path in written:
            print(path)
    return 0


def _cancel(arguments: argparse.Namespace, desk: _Reader) -> int:
    run_id = desk.id_of(arguments.run)
    found = desk.lab.run(run_id)
    if found.status in OVER:
        raise UsageError("error.lab.over", id=run_id, status=tr(f"lab.status.{found.status}"))
    wait(rows.change_run(desk.store, run_id, wish="cancel"))
    if arguments.json:
        print_json({"run": run_id, "wish": "cancel"})
    else:
        print(tr("lab.cli.cancelled", id=run_id))
    return 0


def _rm(arguments: argparse.Namespace, desk: _Reader) -> int:
    run_id = desk.id_of(arguments.run)
    wait(desk.lab.remove(run_id))
    if arguments.json:
        print_json({"removed": run_id})
    else:
        print(tr("lab.cli.removed", id=run_id))
    return 0
