"""``llm-study docs add``, ``retry`` and ``reindex``: documents brought into the index."""

from __future__ import annotations

import argparse
import contextlib
import os
from collections.abc import Callable, Sequence
from concurrent.futures import Future

from core.cli import print_json
from core.cli.arguments import stderr
from core.cli.docs_names import (
    collections_of,
    existing,
    find_collection,
    names_of,
    similar,
    the_collection,
    the_documents,
    under,
)
from core.cli.docs_progress import Line, follow, name_failed
from core.cli.docs_words import chunking_text, document_json
from core.cli.work import wait
from core.errors import StudyError, UsageError
from core.events import Document
from core.i18n import tr
from core.rag import scan
from core.rag.types import DEFAULT, Collection
from core.runtime import Runtime
from core.session import Store, documents
from core.text import clean_line


def add(work: Runtime, arguments: argparse.Namespace) -> int:
    """Add files and folders to a collection. Exit code 1 when a file of them could not be indexed."""
    paths = existing(arguments.paths)
    store = wait(work.store_ready)
    line = Line(quiet=arguments.json)
    collection, created = _target(work, store, arguments)
    before = {one.id: one for one in documents.list_documents(store, collection.id)}
    if created:
        line.say(
            tr("docs.collection_made", name=collection.name, chunking=chunking_text(collection.chunking))
        )
    try:
        job_id = follow(work, lambda: work.library.add(paths, collection.id), line)
    except StudyError:
        if created:
            # Nothing came of it: a collection made for this is not left behind empty.
            with contextlib.suppress(StudyError):
                wait(work.library.remove_collection(collection.id))
        raise
    # A file that is gone was not looked at: sync's business.
    touched = [
        one
        for one in under(documents.list_documents(store, collection.id), paths)
        if os.path.lexists(scan.opened(one.path))
    ]
    failed = [one for one in touched if one.status == "failed"]
    unchanged = [one for one in touched if _same(before.get(one.id), one)]
    indexed = [one for one in touched if one.status == "indexed" and not _same(before.get(one.id), one)]
    if arguments.json:
        names = {collection.id: collection.name}
        print_json(
            {
                "job_id": job_id,
                "collection": collection.name,
                "created": created,
                "indexed": len(indexed),
                "failed": len(failed),
                "unchanged": len(unchanged),
                "added": sum(one.id not in before for one in touched),
                "documents": [document_json(one, names) for one in touched],
            }
        )
    else:
        name_failed(failed, line)
        print(summary(len(indexed), len(failed), len(unchanged)))
    return 1 if failed else 0


def _target(work: Runtime, store: Store, arguments: argparse.Namespace) -> tuple[Collection, bool]:
    """Return the collection to add to, and whether it was made for this."""
    known = collections_of(store)
    name = arguments.collection or DEFAULT
    found = find_collection(known, name)
    if found is not None:
        other = arguments.chunking is not None and arguments.chunking != found.chunking
        if other or (arguments.embedder is not None and arguments.embedder != found.embedder):
            raise UsageError("error.docs.collection_settings", name=clean_line(found.name))
        return found, False
    alike = similar(known, name)
    if alike is not None:
        # A slip would leave the documents where nobody looks for them.
        raise UsageError("error.docs.collection_alike", name=clean_line(name), alike=clean_line(alike.name))
    made = wait(
        work.library.create_collection(name, chunking=arguments.chunking, embedder=arguments.embedder or "")
    )
    return made, True


def _same(before: Document | None, after: Document) -> bool:
    """Say whether a document is what it was: not even read again, or read and found to have the same text."""
    if before is None or before.status != "indexed" or after.status != "indexed":
        return False
    return (before.content_hash, before.chunks, before.parse_ms, before.embed_ms) == (
        after.content_hash,
        after.chunks,
        after.parse_ms,
        after.embed_ms,
    )


def summary(indexed: int, failed: int, unchanged: int | None = None) -> str:
    """Write what became of documents: ``41 indexed, 1 failed (see …), 3 unchanged``."""
    parts = [tr("docs.sum.indexed", count=indexed)]
    if failed:
        parts.append(tr("docs.sum.failed", count=failed))
    if unchanged:
        parts.append(tr("docs.sum.unchanged", count=unchanged))
    return ", ".join(parts)


def retry(work: Runtime, arguments: argparse.Namespace) -> int:
    """Index documents again that failed or were stopped: those named, or all. Exit code 1 when one fails again."""
    rows = _rows(wait(work.store_ready), arguments.collection)
    if arguments.ids:
        chosen = the_documents(rows, arguments.ids, folders=True)
    else:
        chosen = [one for one in rows if one.status in ("failed", "stopped")]
    if not chosen:
        return _nothing(arguments, "docs.none_left")
    return _again(work, arguments, chosen, work.library.retry)


def reindex(work: Runtime, arguments: argparse.Namespace) -> int:
    """Read and index documents again although their files did not change. Exit code 1 when one fails."""
    rows = _rows(wait(work.store_ready), arguments.collection)
    chosen = the_documents(rows, arguments.ids, folders=True) if arguments.ids else rows
    if not chosen:
        return _nothing(arguments, "docs.none")
    return _again(work, arguments, chosen, work.library.reindex)


def _again(
    work: Runtime,
    arguments: argparse.Namespace,
    chosen: Sequence[Document],
    begin: Callable[[Sequence[str]], Future[str]],
) -> int:
    store = wait(work.store_ready)
    ids = [one.id for one in chosen]
    line = Line(quiet=arguments.json)
    job_id = follow(work, lambda: begin(ids), line)
    wanted = set(ids)
    rows = [one for one in documents.list_documents(store) if one.id in wanted]
    failed = [one for one in rows if one.status == "failed"]
    indexed = sum(one.status == "indexed" for one in rows)
    if arguments.json:
        names = names_of(collections_of(store))
        listed = [document_json(one, names) for one in rows]
        print_json({"job_id": job_id, "indexed": indexed, "failed": len(failed), "documents": listed})
    else:
        name_failed(failed, line)
        print(summary(indexed, len(failed)))
    return 1 if failed else 0


def _nothing(arguments: argparse.Namespace, key: str) -> int:
    if arguments.json:
        print_json({"job_id": "", "indexed": 0, "failed": 0, "documents": []})
    else:
        stderr(tr(key))
    return 0


def _rows(store: Store, collection: str) -> list[Document]:
    if not collection:
        return documents.list_documents(store)
    return documents.list_documents(store, the_collection(collections_of(store), collection).id)
