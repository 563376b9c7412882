"""The document ledger: which files were added and what became of each. The truth about their status."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from core.events import Document, DocumentStatus, StoreChanged
from core.session.store import Store

if TYPE_CHECKING:
    from sqlite_utils import Database

_COMPUTED = ("same_as", "mtime")
_FIELDS = tuple(field.name for field in dataclasses.fields(Document) if field.name not in _COMPUTED)


def _document_of(row: Mapping[str, Any], same_as: str = "", path: str = "") -> Document:
    values = {name: row[name] for name in _FIELDS if row[name] is not None}
    if path:
        values["path"] = path
    return Document(**values, same_as=same_as, mtime=(row["mtime_ns"] or 0) / 1e9)


def put_document(store: Store, document: Document, *, mtime_ns: int = 0, pipeline: str = "") -> Future[None]:
    """Insert a document's row, or replace it.

    Args:
        mtime_ns: The file's modification time, to tell an unchanged file.
        pipeline: Parser, chunker and embedder versions, to tell a file indexed by an older pipeline.
    """
    return put_documents(store, [document], mtime_ns=mtime_ns, pipeline=pipeline)


def put_documents(
    store: Store, found: Sequence[Document], *, mtime_ns: int = 0, pipeline: str = ""
) -> Future[None]:
    """Insert rows, or replace them, in one commit."""

    def work(db: Database) -> None:
        rows = []
        for document in found:
            row = {name: getattr(document, name) for name in _FIELDS}
            rows.append({**row, "mtime_ns": mtime_ns, "pipeline": pipeline})
        db.table("documents").upsert_all(rows, pk="id")

    return store.submit(work, StoreChanged("documents", tuple(one.id for one in found)))


def set_status(
    store: Store, document_id: str, status: DocumentStatus, *, reason: str = "", **fields: Any
) -> Future[None]:
    """Change a document's status, and other columns of its row by name."""
    return set_rows(store, {document_id: {"status": status, "reason": reason, **fields}})


def set_rows(store: Store, changes: Mapping[str, Mapping[str, Any]]) -> Future[None]:
    """Change columns of several documents in one commit.

    Args:
        changes: By document id; column names and values.
    """

    def work(db: Database) -> None:
        now = time.time()
        for document_id, columns in changes.items():
            values = {"updated_at": now, **columns}
            assignments = ", ".join(f"{name} = :{name}" for name in values)
            db.execute(f"UPDATE documents SET {assignments} WHERE id = :id", {**values, "id": document_id})

    return store.submit(work, StoreChanged("documents", tuple(changes)))


def list_documents(
    store: Store,
    collection: str = "",
    *,
    ids: Iterable[str] = (),
    removed: bool = False,
    shown: Callable[[str], str] = str,
) -> list[Document]:
    """Return documents, by path.

    Args:
        collection: Of this one only; ``""`` for all.
        ids: Only these; empty for all.
        removed: With those whose file is gone.
        shown: Makes a stored path fit for people.
    """
    conditions, values = ["1"], []
    if collection:
        conditions.append("collection = ?")
        values.append(collection)
    wanted = list(ids)
    if wanted:
        conditions.append(f"id IN ({', '.join('?' * len(wanted))})")
        values += wanted
    if not removed:
        conditions.append("status != 'removed'")
    where = " AND ".join(conditions)
    rows = store.query(f"SELECT * FROM documents WHERE {where} ORDER BY path, collection", values)
    # Of some documents only, the first with a content may be another.
    first = _firsts(rows if not wanted else _sharing(store, rows))
    found = []
    for row in rows:
        owner = first.get((row["collection"], row["stored_as"]), row["id"])
        found.append(_document_of(row, "" if owner == row["id"] else owner, shown(row["path"])))
    return found


def _firsts(rows: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], str]:
    """Return the first document with each content in each collection."""
    first: dict[tuple[str, str], str] = {}
    for row in rows:
        if row["stored_as"]:
            first.setdefault((row["collection"], row["stored_as"]), row["id"])
    return first


def _sharing(store: Store, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return every document that has the content of one of these, by path."""
    found: list[dict[str, Any]] = []
    for part in _batches(list({row["stored_as"] for row in rows if row["stored_as"]})):
        marks = ", ".join("?" * len(part))
        found += store.query(
            f"SELECT id, collection, stored_as FROM documents WHERE stored_as IN ({marks})"
            " AND status != 'removed' ORDER BY path",
            list(part),
        )
    return found


def get_document(store: Store, id_or_path: str) -> Document | None:
    """Return a document by its id or its path, one whose file is gone too."""
    rows = store.query(
        "SELECT * FROM documents WHERE id = ? OR path = ? ORDER BY status = 'removed' LIMIT 1",
        [id_or_path, id_or_path],
    )
    return _document_of(rows[0]) if rows else None


def columns_of(store: Store, document_id: str) -> dict[str, Any]:
    """Return the whole row of a document, ``{}`` when there is none."""
    rows = store.query("SELECT * FROM documents WHERE id = ?", [document_id])
    return rows[0] if rows else {}


def rows_of(store: Store, ids_or_paths: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return whole rows of documents whose file is there, by what each was named by: its id or its path."""
    found: dict[str, dict[str, Any]] = {}
    for column in ("id", "path"):
        for part in _batches([one for one in dict.fromkeys(ids_or_paths) if one not in found]):
            marks = ", ".join("?" * len(part))
            rows = store.query(
                f"SELECT * FROM documents WHERE {column} IN ({marks}) AND status != 'removed'", list(part)
            )
            for row in rows:
                found.setdefault(row[column], row)
    return found


def end_middle(
    store: Store,
    collection: str,
    middle: Sequence[str],
    reason: str,
    mine: Callable[[str], bool] = lambda path: True,
) -> Future[None]:
    """Let no document of a collection be in the middle of anything: it was stopped; with an older version, it is stale.

    Decided when it is written: what a job wrote just before may say that a document is done.

    Args:
        middle: Statuses that end.
        reason: Why what is not in the index was not read.
        mine: Says of a path whether it is meant.
    """
    marks = ", ".join("?" * len(middle))

    def work(db: Database) -> None:
        rows = db.query(
            f"SELECT id, path FROM documents WHERE collection = ? AND status IN ({marks})",
            [collection, *middle],
        )
        now = time.time()
        db.conn.executemany(
            "UPDATE documents SET status = CASE stored_as WHEN '' THEN 'stopped' ELSE 'stale' END,"
            " reason = CASE stored_as WHEN '' THEN ? ELSE reason END, updated_at = ? WHERE id = ?",
            [(reason, now, row["id"]) for row in list(rows) if mine(row["path"])],
        )

    return store.submit(work, StoreChanged("documents"))


def any_stored(store: Store, collection: str = "") -> bool:
    """Say whether any document can be searched, in one collection or in all."""
    return bool(
        store.query(
            "SELECT 1 FROM documents WHERE stored_as != '' AND status != 'removed'"
            " AND (collection = ? OR ? = '') LIMIT 1",
            [collection, collection],
        )
    )


def move_documents(
    store: Store, collection: str, moved: Mapping[str, str], changes: Mapping[str, Mapping[str, Any]]
) -> Future[None]:
    """Change the paths of documents whose files were moved, and what else follows from that, in one commit.

    Args:
        moved: By document id, the new path.
        changes: By document id, other columns.
    """

    def work(db: Database) -> None:
        for document_id, path in moved.items():
            # A row of a file that was there once.
            db.execute("DELETE FROM documents WHERE collection = ? AND path = ?", [collection, path])
            db.execute(
                "UPDATE documents SET path = ?, updated_at = ? WHERE id = ?", [path, time.time(), document_id]
            )
        for document_id, columns in changes.items():
            db.table("documents").update(document_id, dict(columns))

    return store.submit(work, StoreChanged("documents", tuple(moved)))


def forget_documents(store: Store, document_ids: Sequence[str]) -> Future[None]:
    """Delete rows. Files inside a folder that is followed are remembered as left out, until added by name again."""

    def work(db: Database) -> None:
        for part in _batches(document_ids):
            marks = ", ".join("?" * len(part))
            # Of every one: a later sync of a folder it is in must leave it alone.
            db.execute(
                f"INSERT OR IGNORE INTO exclusions SELECT collection, path FROM documents WHERE id IN ({marks})",
                list(part),
            )
            db.execute(
                "DELETE FROM sources WHERE EXISTS (SELECT 1 FROM documents d WHERE d.collection = sources.collection"
                f" AND d.path = sources.path AND d.id IN ({marks}))",
                list(part),
            )
            db.execute(f"DELETE FROM documents WHERE id IN ({marks})", list(part))

    return store.submit(work, StoreChanged("documents", tuple(document_ids)), StoreChanged("sources"))


def _batches(values: Sequence[str], size: int = 500) -> Iterable[Sequence[str]]:
    return (values[start : start + size] for start in range(0, len(values), size))
