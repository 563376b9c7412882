"""``llm-study trace``: look at recorded runs, repeat and fork them, take them elsewhere.

What only reads or writes the store (show, call, curl, diff, export, import, correct) needs no engine.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import queue
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core.agent.replay import calls, compare, files
from core.agent.replay.desk import correct
from core.agent.replay.types import Comparison, DiffPart
from core.agent.replay.words import json_text
from core.agent.tools import registry
from core.cli import print_json
from core.cli.ask import span_json
from core.cli.stored import opened
from core.cli.work import runtime, wait
from core.errors import UsageError
from core.events import Event, PermissionAsked, RunEnded, Span
from core.i18n import tr
from core.paths import Paths
from core.runtime import Runtime
from core.session import Store, chat, imports
from core.session.rows import Rerun, Run, Session
from core.settings import Settings
from core.text import clean, clean_line, shorten


def run(arguments: argparse.Namespace, settings: Settings, paths: Paths) -> int:
    """Do one ``trace`` action."""
    if arguments.action in ("rerun", "fork", "replay", "determinism"):
        with runtime(settings, paths) as work:
            wait(work.store_ready)
            return _ENGINE[arguments.action](work, arguments)
    with opened(paths) as store:
        return _STORE[arguments.action](store, arguments)


# -- without an engine -------------------------------------------------------------------------------------


def _runs(store: Store, id: str) -> list[Run]:
    """Return the run, or a session's runs, that a user named."""
    session = chat.last_session(store) if id == "last" else chat.get_session(store, id)
    return chat.runs(store, session.id) if session is not None else [compare.run_of(store, id)]


def _show(store: Store, arguments: argparse.Namespace) -> int:
    shown = [(one, chat.spans(store, run_id=one.id)) for one in _runs(store, arguments.id)]
    if arguments.json:
        print_json(
            {"runs": [{**_run_json(one), "spans": [span_json(s) for s in spans]} for one, spans in shown]}
        )
        return 0
    for one, spans in shown:
        head = f"{one.id}  {one.status}  {one.model}  {one.route or ''}  {clean_line(one.question, max_chars=80)}"
        print(clean_line(head, max_chars=300))
        for depth, span in _tree(spans):
            took = "…" if span.duration_ms is None else f"{span.duration_ms:.1f} ms"
            mark = "" if span.status == "ok" else f"  {span.status}"
            print(f"  {span.id}  {'  ' * depth}{clean_line(span.name)}  {took}{mark}")
    return 0


def _tree(spans: list[Span]) -> Iterator[tuple[int, Span]]:
    known = {span.id for span in spans}
    below: dict[str | None, list[Span]] = {}
    for span in spans:
        below.setdefault(span.parent_id if span.parent_id in known else None, []).append(span)
    waiting = [(0, span) for span in reversed(below.pop(None, []))]
    while waiting:
        depth, span = waiting.pop()
        yield depth, span
        waiting += [(depth + 1, child) for child in reversed(below.pop(span.id, []))]


def _run_json(one: Run) -> dict[str, Any]:
    return {key: value for key, value in dataclasses.asdict(one).items() if key != "options"}


def _call(store: Store, arguments: argparse.Namespace) -> int:
    call = calls.call_of(store, arguments.span)
    if arguments.json:
        print(json_text(dataclasses.asdict(call)), flush=True)
        return 0
    print(f"{call.method} {call.url}")
    for name, value in call.headers.items():
        print(f"{name}: {value}")
    print(f"\n{json_text(call.body, indent=2)}\n\n{clean(call.text)}")
    return 0


def _curl(store: Store, arguments: argparse.Namespace) -> int:
    command = calls.curl_of(calls.call_of(store, arguments.span))
    if arguments.json:
        print_json({"curl": command})
    else:
        print(command)
    return 0


def _diff(store: Store, arguments: argparse.Namespace) -> int:
    _compared(compare.compare(store, arguments.a, arguments.b), arguments.json)
    return 0


def _export(store: Store, arguments: argparse.Namespace) -> int:
    session = chat.last_session(store) if arguments.id == "last" else None
    id = session.id if session is not None else arguments.id
    path = files.write(store, id, Path(arguments.output), arguments.format)
    if arguments.json:
        print_json({"path": str(path), "format": arguments.format})
    else:
        print(tr("session.exported", path=clean_line(str(path), max_chars=4000)))
    return 0


def _import(store: Store, arguments: argparse.Namespace) -> int:
    session = imports.put(store, imports.read(Path(arguments.file))).result()
    chat.release_sessions(store).result()
    if arguments.json:
        print_json({"session_id": session.id, "title": session.title, "messages": session.message_count})
    else:
        print(
            tr("trace.imported", id=session.id, count=session.message_count, title=clean_line(session.title))
        )
    return 0


def _correct(store: Store, arguments: argparse.Namespace) -> int:
    one = compare.run_of(store, arguments.run)
    if arguments.tool != "none" and arguments.tool not in registry.builtin():
        raise UsageError("error.tools.unknown", name=clean_line(arguments.tool, max_chars=80))
    example = correct(store, one, arguments.tool).result()
    if arguments.json:
        print_json({"example": dataclasses.asdict(example)})
    else:
        print(tr("tools.examples.added", text=clean_line(example.text), tool=example.tool))
    return 0


# -- with an engine ----------------------------------------------------------------------------------------


def _rerun(work: Runtime, arguments: argparse.Namespace) -> int:
    store = work.store_ready.result()
    call = calls.call_of(store, arguments.span)
    found = wait(work.traces.rerun(call.span_id, arguments.n))
    parts = [work.traces.diff(call.text, one.text) for one in found]
    if arguments.json:
        both = zip(found, parts, strict=True)
        print_json(
            {"recorded": call.text, "reruns": [{**_json(one), "diff": _parts(diff)} for one, diff in both]}
        )
    else:
        for number, (one, diff) in enumerate(zip(found, parts, strict=True), 1):
            print(f"{number}  {_verdict(one)}  {_numbers(one)}")
            if one.same is False:
                print(f"   {_marked(diff)}")
    return 0 if not any(one.error for one in found) else 1


def _fork(work: Runtime, arguments: argparse.Namespace) -> int:
    store = work.store_ready.result()
    source = (
        chat.last_session(store)
        if arguments.session == "last"
        else chat.get_session(store, arguments.session)
    )
    if source is None:
        raise UsageError("error.session.unknown", id=clean_line(arguments.session))
    at = _place(store, source, arguments.at)
    with _watch(work) as events:
        session = wait(
            work.traces.fork(
                source.id, at, prompt=arguments.prompt, tool_result=arguments.tool_result,
                model=getattr(arguments, "model", None),
            )
        )  # fmt: skip
        edited = any(
            value is not None
            for value in (arguments.prompt, arguments.tool_result, getattr(arguments, "model", None))
        )
        ended = _end(work, events, session_id=session.id) if edited else None
    result = {"session_id": session.id, "forked_from": source.id, "forked_at": at}
    if arguments.json:
        more = {"run_id": ended.run_id, "status": ended.status, "answer": ended.answer} if ended else {}
        print_json({**result, **more})
    else:
        print(tr("trace.forked", id=session.id, source=source.id))
        if ended is not None:
            print(clean(ended.answer or ended.error))
    return 0 if ended is None or ended.status == "ok" else 1


def _place(store: Store, source: Session, at: str) -> str:
    """Return a span's or message's whole id for the beginning of it."""
    if any(message.id == at for message in chat.messages(store, source.id)):
        return at
    return calls.find_span(store, at).id


def _replay(work: Runtime, arguments: argparse.Namespace) -> int:
    store = work.store_ready.result()
    before = compare.run_of(store, arguments.run)
    model = getattr(arguments, "model", None)
    with _watch(work) as events:
        new = wait(work.traces.replay(before.id, model, arguments.live_tools))
        ended = _end(work, events, run_id=new)
    _compared(work.traces.compare_runs(before.id, new), arguments.json)
    return 0 if ended.status == "ok" else 1


@contextlib.contextmanager
def _watch(work: Runtime) -> Iterator[queue.SimpleQueue[Event]]:
    events: queue.SimpleQueue[Event] = queue.SimpleQueue()
    unsubscribe = work.subscribe(events.put)
    try:
        yield events
    finally:
        unsubscribe()


def _end(
    work: Runtime, events: queue.SimpleQueue[Event], *, session_id: str = "", run_id: str = ""
) -> RunEnded:
    """Wait for a run's end. A tool that has to be allowed is asked about on a terminal, and refused without one."""
    while True:
        try:
            event = events.get(timeout=0.2)
        except queue.Empty:
            continue
        if isinstance(event, PermissionAsked):
            wait(work.answer(event.request.id, "once" if _allowed(event) else "deny"))
        if isinstance(event, RunEnded) and (event.session_id == session_id or event.run_id == run_id):
            return event


def _allowed(event: PermissionAsked) -> bool:
    if not sys.stdin.isatty():
        return False
    asked = event.request
    question = tr("trace.allow", tool=clean_line(asked.tool), leaves=clean_line(asked.leaves, max_chars=400))
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes", "예", "네")


def _determinism(work: Runtime, arguments: argparse.Namespace) -> int:
    if arguments.temperature is not None and not 0 <= arguments.temperature <= 2:
        raise UsageError(
            "error.settings.value", name="temperature", value=repr(arguments.temperature), expected="0 … 2"
        )
    found: dict[str, list[Rerun]] = {}
    for seeded in (True, False):
        word = "with" if seeded else "without"
        if arguments.seed in (word, "both"):
            found[word] = wait(
                work.traces.determinism(arguments.prompt, arguments.k, seeded, arguments.temperature)
            )
    if arguments.json:
        print_json({f"{word}_seed": _report(rows) for word, rows in found.items()})
    else:
        for word, rows in found.items():
            report = _report(rows)
            print(tr(f"trace.seed.{word}", same=report["identical"], count=report["answers"]))
            for number, one in enumerate(rows, 1):
                print(f"  {number}  {_verdict(one, first=number == 1)}  {_numbers(one)}")
    return 0 if not any(one.error for rows in found.values() for one in rows) else 1


def _report(rows: list[Rerun]) -> dict[str, Any]:
    answers = [one for one in rows if not one.error]
    places = [one.differs_at for one in answers if one.differs_at is not None]
    return {
        "answers": len(answers),
        "identical": sum(one.text == answers[0].text for one in answers) if answers else 0,
        "different_texts": len({one.text for one in answers}),
        "first_difference_at_token": min(places, default=None),
        "runs": [_json(one) for one in rows],
    }


# -- words -------------------------------------------------------------------------------------------------


def _verdict(one: Rerun, first: bool = False) -> str:
    if one.error:
        return f"{tr('cli.error')}: {clean_line(one.error)}"
    if one.same is None:
        return tr("trace.reference") if first else "—"
    return tr("trace.same") if one.same else tr("trace.differs", place=one.differs_at)


def _numbers(one: Rerun) -> str:
    took = "" if one.duration_ms is None else f"  {one.duration_ms:.0f} ms"
    return f"{one.output_tokens} tok{took}"


def _json(one: Rerun) -> dict[str, Any]:
    return dataclasses.asdict(one)


def _parts(parts: list[DiffPart]) -> list[dict[str, str]]:
    return [dataclasses.asdict(part) for part in parts]


def _marked(parts: list[DiffPart] | tuple[DiffPart, ...]) -> str:
    marks = {"same": ("", ""), "removed": ("[-", "-]"), "added": ("{+", "+}")}
    return clean("".join(f"{marks[part.kind][0]}{part.text}{marks[part.kind][1]}" for part in parts))


def _compared(found: Comparison, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "a": _run_json(found.a),
                "b": _run_json(found.b),
                "same_answer": found.same_answer,
                "answer_a": found.answer_a,
                "answer_b": found.answer_b,
                "steps": [
                    {
                        "a": span_json(row.a) if row.a else None,
                        "b": span_json(row.b) if row.b else None,
                        "same": row.same,
                    }
                    for row in found.steps
                ],
                "diff": _parts(list(found.diff)),
            }
        )
        return
    print(
        f"  {clean_line(f'{found.a.id} {found.a.model}'):<40}  {clean_line(f'{found.b.id} {found.b.model}')}"
    )
    for row in found.steps:
        left, right = (
            shorten(clean_line(one.name), 40) if one is not None else "—" for one in (row.a, row.b)
        )
        print(f"{'=' if row.same else '≠'} {left:<40}  {right}")
    print(f"\n{tr('trace.same') if found.same_answer else _marked(found.diff)}")


_STORE = {
    "show": _show,
    "call": _call,
    "curl": _curl,
    "diff": _diff,
    "export": _export,
    "import": _import,
    "correct": _correct,
}
_ENGINE = {"rerun": _rerun, "fork": _fork, "replay": _replay, "determinism": _determinism}
