"""``llm-study docs``: add, list, search and remove documents."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import Any

from core.cli import print_json
from core.cli.arguments import stderr
from core.cli.work import runtime, wait
from core.errors import UsageError
from core.events import Document, Event, Hit, IngestProgress
from core.i18n import tr
from core.paths import Paths
from core.runtime import Runtime
from core.session import documents
from core.settings import Settings
from core.text import clean_line, shorten


def run(arguments: argparse.Namespace, settings: Settings, paths: Paths) -> int:
    """Do one ``docs`` action."""
    with runtime(settings, paths) as work:
        return int(_ACTIONS[arguments.action](work, arguments))


def _add(work: Runtime, arguments: argparse.Namespace) -> int:
    # Before the engine: a path that is not there is said at once.
    for path in arguments.paths:
        if not Path(path).expanduser().exists():
            raise UsageError("error.docs.no_path", path=clean_line(path))
    before = {item.id for item in _ledger(work)}
    unsubscribe = work.subscribe(_no_progress if arguments.json else _print_progress)
    wait(work.add_documents([str(Path(path).expanduser().absolute()) for path in arguments.paths]))
    unsubscribe()
    rows = _ledger(work)
    roots = [str(Path(path).expanduser().absolute()) for path in arguments.paths]
    touched = [
        item for item in rows if any(item.path == root or item.path.startswith(root + "/") for root in roots)
    ]
    failed = [item for item in touched if item.status == "failed"]
    if arguments.json:
        print_json(
            {
                "added": sum(item.id not in before for item in touched),
                "documents": [_row(item) for item in touched],
            }
        )
    else:
        print(tr("docs.added", indexed=sum(item.status == "indexed" for item in touched), failed=len(failed)))
        for item in failed:
            stderr(f"! {clean_line(item.path)}: {item.reason}")
    return 1 if failed and len(failed) == len(touched) else 0


def _list(work: Runtime, arguments: argparse.Namespace) -> int:
    rows = _ledger(work)
    if arguments.json:
        print_json({"documents": [_row(item) for item in rows]})
        return 0
    for item in rows:
        print(
            f"{item.id}  {item.status:<8} {item.chunks:>5}  {clean_line(item.path)}"
            + (f"  ({item.reason})" if item.reason else "")
        )
    if not rows:
        stderr(tr("docs.none"))
    return 0


def _search(work: Runtime, arguments: argparse.Namespace) -> int:
    if not arguments.query.strip():
        raise UsageError("error.docs.empty_query")
    hits = wait(work.search(arguments.query, arguments.k))
    if arguments.json:
        print_json({"hits": [_hit(hit) for hit in hits]})
        return 0
    for hit in hits:
        print(f"{hit.score:.3f}  {clean_line(hit.document)} › {clean_line(hit.section)}")
        print(f"       {shorten(' '.join(hit.text.split()), 160)}")
    if not hits:
        stderr(tr("agent.no_hits"))
    return 0


def _remove(work: Runtime, arguments: argparse.Namespace) -> int:
    wait(work.store_ready)
    store = work.store
    found = documents.get_document(store, arguments.id) if store else None
    if found is None and store:
        found = documents.get_document(store, str(Path(arguments.id).expanduser().absolute()))
    if found is None:
        raise UsageError("error.docs.unknown", id=clean_line(arguments.id))
    wait(work.remove_document(found.id))
    if arguments.json:
        print_json({"removed": found.id})
    else:
        print(tr("docs.removed", path=clean_line(found.path)))
    return 0


def _ledger(work: Runtime) -> list[Document]:
    return documents.list_documents(wait(work.store_ready))


def _no_progress(event: Event) -> None:
    return None


def _print_progress(event: Event) -> None:
    if isinstance(event, IngestProgress) and event.current:
        stderr(f"{event.done + event.failed}/{event.total}  {clean_line(event.current)}")


def _row(item: Document) -> dict[str, Any]:
    return dataclasses.asdict(item)


def _hit(hit: Hit) -> dict[str, Any]:
    values = dataclasses.asdict(hit)
    return {key: values.pop(key) for key in ("document", "path", "section", "text", "score")} | values


def _evaluate(work: Runtime, arguments: argparse.Namespace) -> int:
    from core.cli.docs_eval import evaluate

    return evaluate(work, arguments)


_ACTIONS = {"add": _add, "list": _list, "search": _search, "rm": _remove, "eval": _evaluate}
