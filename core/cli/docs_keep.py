"""``llm-study docs sync``, ``watch``, ``check`` and ``rm``: the index kept as the files are."""

from __future__ import annotations

import argparse
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from core.cli import print_json
from core.cli.arguments import stderr
from core.cli.docs_names import (
    collections_of,
    names_of,
    sources_of,
    the_collection,
    the_documents,
    the_source,
)
from core.cli.docs_progress import Line, follow, name_failed, waiting
from core.cli.docs_words import document_json, source_json, trouble_json
from core.cli.work import wait
from core.errors import StudyError, UsageError
from core.events import Document
from core.i18n import tr
from core.rag import scan
from core.rag.types import Source, SyncReport, Trouble
from core.runtime import Runtime
from core.session import Store, documents
from core.text import clean, clean_line

COUNTS = ("added", "changed", "moved", "removed", "unchanged")


def sync(work: Runtime, arguments: argparse.Namespace) -> int:
    """Bring the index up to what the folders hold. Exit code 1 when a file failed or a folder is out of reach."""
    store = wait(work.store_ready)
    collection = _collection(store, arguments.collection)
    _some_source(store, collection)
    line = Line(quiet=arguments.json)
    before = _ledger(store, collection)
    report = follow(work, lambda: work.library.sync(collection), line)
    changed = [one for one in _ledger(store, collection).values() if one != before.get(one.id)]
    if arguments.json:
        names = names_of(collections_of(store))
        print_json(_report_json(report) | {"documents": [document_json(one, names) for one in changed]})
    else:
        name_failed([one for one in changed if one.status == "failed"], line)
        _tell_suspended(set(report.suspended), set(), as_json=False)
        _print_report(report)
    return 1 if report.failed or report.suspended else 0


def _collection(store: Store, name: str) -> str:
    return the_collection(collections_of(store), name).id if name else ""


def _followed(store: Store, collection: str) -> list[Source]:
    return [one for one in sources_of(store) if collection in ("", one.collection)]


def _some_source(store: Store, collection: str) -> None:
    if not _followed(store, collection):
        raise UsageError("error.docs.no_sources")


def _ledger(store: Store, collection: str) -> dict[str, Document]:
    return {one.id: one for one in documents.list_documents(store, collection)}


def _report_json(report: SyncReport) -> dict[str, Any]:
    counts = {name: getattr(report, name) for name in (*COUNTS, "failed")}
    return {"job_id": report.job_id, **counts, "suspended": [scan.shown(one) for one in report.suspended]}


def _print_report(report: SyncReport) -> None:
    parts = [tr(f"docs.sync.{name}", count=getattr(report, name)) for name in COUNTS]
    if report.failed:
        parts.append(tr("docs.sum.failed", count=report.failed))
    print(", ".join(parts))


# -- watch -------------------------------------------------------------------------------------------------------


def watch(work: Runtime, arguments: argparse.Namespace) -> int:
    """Sync, then keep on until Ctrl+C, a line for each change.

    Between syncs only the files' sizes and times are read: a sync is a job with a row of its own, and one every few
    seconds would leave nothing else in the list of jobs.
    """
    store = wait(work.store_ready)
    collection = _collection(store, arguments.collection)
    _some_source(store, collection)
    names = names_of(collections_of(store))
    line = Line(quiet=arguments.json)
    pause = threading.Event()
    before = _ledger(store, collection)
    suspended: set[str] = set()
    trouble = ""
    seen: dict[str, tuple[int, int]] | None = None
    while True:
        now = _disk(_followed(store, collection))
        if now == seen:
            pause.wait(arguments.every)
            continue
        try:
            report = follow(work, lambda: work.library.sync(collection), line)
        except StudyError as error:
            if seen is None:
                raise
            # Another process is writing, or the engine is away: the next look tries again.
            trouble = _tell_trouble(str(error), trouble, line)
            pause.wait(arguments.every)
            continue
        after, trouble = _ledger(store, collection), ""
        for what, document in changes(before, after):
            _tell(what, document, names, arguments.json)
        suspended = _tell_suspended(set(report.suspended), suspended, arguments.json)
        if seen is None and not arguments.json:
            _print_report(report)
            print(tr("docs.watching", count=len(after), seconds=f"{arguments.every:g}"), flush=True)
        before, seen = after, now


def _tell_trouble(now: str, before: str, line: Line) -> str:
    if now != before:
        line.say(f"! {clean(now)}")
    return now


def _disk(sources: Sequence[Source]) -> dict[str, tuple[int, int]]:
    """Return size and time of every file that is followed, by path; of a folder that is gone it says so."""
    roots = [scan.opened(one.path) for one in sources]
    found = {scan.stored(root): (-1, 0) for root in roots if not os.path.lexists(root)}
    there = [root for root in roots if os.path.lexists(root)]
    return found | {scan.stored(one.path): (one.bytes, one.mtime_ns) for one in scan.find_files(there)}


def changes(before: Mapping[str, Document], after: Mapping[str, Document]) -> Iterator[tuple[str, Document]]:
    """Compare two readings of the ledger: what was added, changed, moved, failed, removed, by path."""
    for one in sorted({**before, **after}.values(), key=lambda item: item.path):
        old, new = before.get(one.id), after.get(one.id)
        if new is None:
            yield "removed", one
        elif old is None:
            yield ("failed" if new.status == "failed" else "added"), new
        elif new.status == "failed" and (old.status, old.reason, old.mtime) != (
            "failed",
            new.reason,
            new.mtime,
        ):
            yield "failed", new
        elif old.path != new.path:
            yield "moved", new
        elif new.status == "indexed" and (old.content_hash, old.status) != (new.content_hash, "indexed"):
            yield "changed", new


SIGNS = {"added": "+", "changed": "~", "moved": ">", "removed": "-", "failed": "!"}


def _tell(what: str, document: Document, names: Mapping[str, str], as_json: bool) -> None:
    if as_json:
        # One object a line here: a watch has no end at which to print one.
        print_json({"event": what, "document": document_json(document, names)})
        return
    reason = f": {clean(document.reason)}" if what == "failed" else ""
    print(f"{SIGNS[what]} {scan.shown(document.path)}{reason}", flush=True)


def _tell_suspended(now: set[str], before: set[str], as_json: bool) -> set[str]:
    for path in sorted(now ^ before):
        event = "suspended" if path in now else "back"
        if as_json:
            print_json({"event": event, "path": scan.shown(path)})
        else:
            stderr(tr(f"docs.{event}", path=scan.shown(path)))
    return now


# -- rm and check ------------------------------------------------------------------------------------------------


def remove(work: Runtime, arguments: argparse.Namespace) -> int:
    """Take documents, or a followed folder with its documents, off the index. Files are not touched."""
    store = wait(work.store_ready)
    collection = _collection(store, arguments.collection)
    names = names_of(collections_of(store))
    followed = _followed(store, collection)
    sources = [one for path in arguments.source for one in the_source(followed, path)]
    rows = documents.list_documents(store, collection)
    chosen = the_documents(rows, arguments.ids)
    for source in sources:
        wait(work.library.remove_source(source.id))
    left = {one.id for one in documents.list_documents(store, collection)}
    gone = [one for one in rows if one.id not in left]
    if chosen:
        wait(work.library.remove([one.id for one in chosen if one.id in left]))
        gone += [one for one in chosen if one.id in left]
    if arguments.json:
        print_json(
            {
                "removed": [document_json(one, names) for one in gone],
                "sources": [source_json(one, names) for one in sources],
            }
        )
        return 0
    for source in sources:
        print(tr("docs.source_removed", path=scan.shown(source.path)))
    if sources:
        print(tr("docs.removed_count", count=len(gone)))
    for one in chosen:
        print(tr("docs.removed", path=scan.shown(one.path)))
    return 0


def check(work: Runtime, arguments: argparse.Namespace) -> int:
    """Compare ledger and index. Exit code 1 when a disagreement is left, or a document waits to be indexed."""
    line = Line(quiet=arguments.json)
    store = wait(work.store_ready)
    if arguments.repair:
        report = follow(work, lambda: work.library.check(True), line)
        # What a repair did is not taken on trust: it is looked at again.
        again = wait(work.library.check(False))
        left, counted = again.troubles, again
    else:
        report = counted = wait(work.library.check(False))
        left = report.troubles
    waits = waiting(store)
    names = names_of(collections_of(store))
    if arguments.json:
        print_json(
            {
                "documents": counted.documents,
                "chunks": counted.chunks,
                "repaired": arguments.repair and not left,
                "left": len(left),
                "waiting": waits,
                "troubles": [trouble_json(one, names) for one in report.troubles],
            }
        )
        return 1 if left or waits else 0
    for one in report.troubles:
        print(f"! {_sentence(one, names)}")
    if waits:
        print(f"! {tr('error.docs.none_ready', count=waits)} {tr('error.docs.none_ready.fix')}")
    if report.troubles or not waits:
        print(_verdict(counted.documents, counted.chunks, report.troubles, left))
    return 1 if left or waits else 0


def _sentence(trouble: Trouble, names: Mapping[str, str]) -> str:
    what = scan.shown(trouble.path) if trouble.path else clean_line(trouble.document_id)
    return tr(
        f"docs.check.{trouble.kind}",
        what=what,
        collection=clean_line(names.get(trouble.collection, trouble.collection)),
        expected=trouble.expected,
        found=trouble.found,
    )


def _verdict(documents: int, chunks: int, troubles: Sequence[Trouble], left: Sequence[Trouble]) -> str:
    if not troubles:
        return tr("docs.check.ok", documents=documents, chunks=chunks)
    if not left:
        return tr("docs.check.repaired", count=len(troubles))
    return tr("docs.check.left", count=len(left))
