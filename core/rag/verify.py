"""Ledger against index: what they disagree about, and how it is put right."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from core.i18n import tr
from core.rag import scan
from core.rag.index import IndexUnusable
from core.rag.ledger import MIDDLE, committed
from core.rag.shelf import Shelf
from core.rag.types import CheckReport, Trouble
from core.session import Store, documents


async def examine(store: Store, shelf: Shelf, *, thorough: bool = True) -> CheckReport:
    """Compare a collection's ledger with its index.

    Args:
        thorough: Count every document's chunks; otherwise only look whether there is an index.
    """
    rows = await asyncio.to_thread(_rows, store, shelf.id)
    stored = [row for row in rows if row["stored_as"]]
    report = CheckReport(len(rows), sum(row["chunks"] for row in stored))
    if not stored and not shelf.index.exists:
        return report
    if not shelf.index.exists:
        return replace(report, troubles=(Trouble("index", shelf.id, path="missing"),))
    if not thorough:
        return report
    try:
        counts = await shelf.index.counts()
    except IndexUnusable as unusable:
        return replace(report, troubles=(Trouble("index", shelf.id, path=unusable.reason),))
    # In a thread: an index that lost ten thousand documents has as many troubles.
    troubles = await asyncio.to_thread(_compared, rows, counts, shelf.id)
    return replace(report, troubles=troubles)


def _compared(
    rows: Sequence[Mapping[str, Any]], counts: Mapping[str, int], collection: str
) -> tuple[Trouble, ...]:
    stored = [row for row in rows if row["stored_as"]]
    troubles = []
    for row in stored:
        found = counts.get(row["stored_as"], 0)
        if found != row["chunks"]:
            kind: Literal["count", "missing"] = "count" if found else "missing"
            path = scan.shown(row["path"])
            troubles.append(Trouble(kind, collection, row["id"], path, row["chunks"], found))
    known = {row["stored_as"] for row in stored}
    troubles += [
        Trouble("orphan", collection, key, found=found) for key, found in counts.items() if key not in known
    ]
    troubles += [
        Trouble("unfinished", collection, row["id"], scan.shown(row["path"]))
        for row in rows
        if row["status"] in MIDDLE
    ]
    return tuple(troubles)


async def mend(store: Store, shelf: Shelf, troubles: Sequence[Trouble]) -> None:
    """Delete what only the index has, and queue what the index lost; unfinished documents are queued already."""
    orphans = [one.document_id for one in troubles if one.kind == "orphan"]
    lost = [one.document_id for one in troubles if one.kind in ("missing", "count")]
    if lost:
        await committed(documents.set_rows(store, dict.fromkeys(lost, _again("rag.reason.repair"))))
        rows = await asyncio.to_thread(_rows, store, shelf.id)
        known = {row["stored_as"] for row in rows}
        counts = await shelf.index.counts()
        orphans = [key for key in counts if key not in known]
    if orphans:
        await shelf.index.delete_many(orphans)


async def disown(store: Store, collection: str) -> None:
    """Say of every document that nothing of it is in the index, and put those that can be read in the queue."""
    rows = await asyncio.to_thread(_rows, store, collection)
    again = _again("rag.reason.rebuild")
    # What failed or was stopped and never was in the index stays as it is, with its reason.
    lost = [row["id"] for row in rows if row["stored_as"] or row["status"] not in ("failed", "stopped")]
    await committed(documents.set_rows(store, dict.fromkeys(lost, again)))


def joined(one: CheckReport, other: CheckReport, *, repaired: bool) -> CheckReport:
    """Add up reports of two collections."""
    return CheckReport(
        one.documents + other.documents, one.chunks + other.chunks, one.troubles + other.troubles, repaired
    )


def _again(reason: str) -> dict[str, Any]:
    columns = {"content_hash": "", "mtime_ns": 0, "stored_as": "", "chunks": 0}
    return {"status": "queued", "reason": tr(reason), **columns}


def _rows(store: Store, collection: str) -> list[dict[str, Any]]:
    return store.query(
        "SELECT id, path, status, stored_as, COALESCE(chunks, 0) AS chunks FROM documents"
        " WHERE collection = ? AND status != 'removed' ORDER BY path",
        [collection],
    )
