"""Where an ingest job reads what is known of files and writes what became of them.

Two of a kind: :class:`LiveLedger` writes the documents' own rows; :class:`BuildLedger` writes beside them while an
index is made anew with other settings, until :meth:`BuildLedger.switch` puts everything in force in one commit.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from core.events import Document, StoreChanged
from core.rag import scan
from core.rag.parsing.loaders import media_type
from core.session import Store, documents
from core.session.chat import new_id

if TYPE_CHECKING:
    from sqlite_utils import Database

T = TypeVar("T")

MIDDLE = ("queued", "parsing", "embedding")
"""What a document is only while a job works on it."""


MAX_NAMES = 8
"""By so many names a content is found: of a thousand copies the words of a thousand names would be in every chunk."""


@dataclass(frozen=True, slots=True)
class Row:
    """What the ledger knows of a file."""

    id: str
    status: str
    bytes: int
    mtime_ns: int
    content_hash: str
    pipeline: str
    stored_as: str
    """Key of its chunks in the index, ``""`` when it has none."""


Changed = tuple[scan.Candidate, Row | None]
"""A file, and what the ledger knows of it."""


class Ledger(Protocol):
    """What :class:`core.rag.ingest.Ingest` writes to. Methods that return nothing put a write in the store's queue."""

    def rows(self) -> dict[str, Row]:
        """Return the rows of the collection by stored path. Blocking."""
        ...

    async def queue(self, changed: Sequence[Changed]) -> list[tuple[scan.Candidate, Row]]:
        """Put files in the queue and return them with their rows, made for new ones."""
        ...

    def note(self, rows: Sequence[Row], status: str) -> None:
        """Say what is being done with documents."""
        ...

    async def write(self, changes: Mapping[str, Mapping[str, Any]]) -> None:
        """Change columns of documents, by id, in one commit."""
        ...

    def stored(self, keys: Iterable[str]) -> dict[str, int]:
        """Return which of these keys are in the index, with their chunks. Blocking."""
        ...

    def unused(self, keys: Iterable[str]) -> list[str]:
        """Return which of these keys no document refers to. Blocking."""
        ...

    def names(self, keys: Iterable[str]) -> dict[str, list[str]]:
        """Return by key what the files of these keys are called, without suffix, by path. Blocking."""
        ...


def storage_key(content_hash: str, pipeline: str) -> str:
    """Name what a content becomes: the same file twice, or once more after a crash, has the same chunks."""
    return blake2b(f"{content_hash}\0{pipeline}".encode(), digest_size=12).hexdigest()


async def committed(future: concurrent.futures.Future[T]) -> T:
    """Wait for a write. Cancelling the wait does not cancel the write, which is queued already."""
    return await asyncio.shield(asyncio.wrap_future(future))


_COLUMNS = "id, status, bytes, mtime_ns, content_hash, pipeline, stored_as"


def _row(found: Mapping[str, Any]) -> Row:
    return Row(
        found["id"],
        found["status"],
        found["bytes"] or 0,
        found["mtime_ns"] or 0,
        found["content_hash"] or "",
        found["pipeline"] or "",
        found["stored_as"] or "",
    )


class LiveLedger:
    """The documents' own rows."""

    def __init__(self, store: Store, collection: str) -> None:
        self._store = store
        self._collection = collection

    def rows(self) -> dict[str, Row]:
        found = self._store.query(
            f"SELECT path, {_COLUMNS} FROM documents WHERE collection = ?", [self._collection]
        )
        return {one["path"]: _row(one) for one in found}

    async def queue(self, changed: Sequence[Changed]) -> list[tuple[scan.Candidate, Row]]:
        # In a thread: ten thousand new rows take a fifth of a second.
        made = await asyncio.to_thread(self._made, [item for item, row in changed if row is None])
        known: dict[str, dict[str, Any]] = {}
        rows: list[tuple[scan.Candidate, Row]] = []
        new = iter(made)
        for item, row in changed:
            if row is None:
                rows.append((item, Row(next(new).id, "queued", 0, 0, "", "", "")))
            else:
                # The old version stays what a search finds, and the list says that it is not the newest.
                status = "stale" if row.stored_as else "queued"
                known[row.id] = {"status": status, "reason": "", "removed_at": None}
                rows.append((item, row))
        if made:
            await committed(documents.put_documents(self._store, made))
        if known:
            await committed(documents.set_rows(self._store, known))
        return rows

    def _made(self, items: Sequence[scan.Candidate]) -> list[Document]:
        now = time.time()
        return [_new(item, self._collection, now) for item in items]

    def note(self, rows: Sequence[Row], status: str) -> None:
        fresh = [row.id for row in rows if not row.stored_as]
        if fresh:
            documents.set_rows(self._store, {one: {"status": status} for one in fresh})

    async def write(self, changes: Mapping[str, Mapping[str, Any]]) -> None:
        await committed(documents.set_rows(self._store, changes))

    def stored(self, keys: Iterable[str]) -> dict[str, int]:
        return _stored(self._store, "stored_as", "documents", self._collection, keys)

    def unused(self, keys: Iterable[str]) -> list[str]:
        wanted = list(dict.fromkeys(keys))
        used = self.stored(wanted)
        return [key for key in wanted if key not in used]

    def names(self, keys: Iterable[str]) -> dict[str, list[str]]:
        found = paths_of(self._store, self._collection, keys)
        return {key: [called(path) for path in owners.values()] for key, owners in found.items()}


class BuildLedger:
    """Rows of an index being built beside the one in use: nothing of the documents changes before the end."""

    def __init__(self, store: Store, collection: str) -> None:
        self._store = store
        self._collection = collection

    def rows(self) -> dict[str, Row]:
        found = self._store.query(
            "SELECT d.path, d.id, b.row, b.bytes, b.mtime_ns FROM documents d LEFT JOIN builds b"
            " ON b.document_id = d.id WHERE d.collection = ? AND d.status != 'removed'",
            [self._collection],
        )
        rows = {}
        for one in found:
            built = json.loads(one["row"]) if one["row"] else {}
            columns = {**dict.fromkeys(_COLUMNS.split(", ")), **built, "id": one["id"]}
            rows[one["path"]] = _row({**columns, "bytes": one["bytes"], "mtime_ns": one["mtime_ns"]})
        return rows

    async def queue(self, changed: Sequence[Changed]) -> list[tuple[scan.Candidate, Row]]:
        # A document removed since the job began is not built.
        return [(item, row) for item, row in changed if row is not None]

    def note(self, rows: Sequence[Row], status: str) -> None:
        """Nothing to say: the old version is in force."""

    async def write(self, changes: Mapping[str, Mapping[str, Any]]) -> None:
        def work(db: Database) -> None:
            for document_id, columns in changes.items():
                row = {
                    "document_id": document_id,
                    "collection": self._collection,
                    "bytes": columns.get("bytes", 0),
                    "mtime_ns": columns.get("mtime_ns", 0),
                    "row": json.dumps(dict(columns), ensure_ascii=False),
                }
                db.table("builds").upsert(row, pk="document_id")

        await committed(self._store.submit(work))

    def stored(self, keys: Iterable[str]) -> dict[str, int]:
        wanted = set(keys)
        found = self._store.query("SELECT row FROM builds WHERE collection = ?", [self._collection])
        rows = [json.loads(one["row"]) for one in found]
        return {row["stored_as"]: row["chunks"] for row in rows if row.get("stored_as") in wanted}

    def unused(self, keys: Iterable[str]) -> list[str]:
        return []

    def names(self, keys: Iterable[str]) -> dict[str, list[str]]:
        wanted = set(keys)
        found = self._store.query(
            "SELECT d.path, b.row FROM builds b JOIN documents d ON d.id = b.document_id WHERE b.collection = ?"
            " ORDER BY d.path",
            [self._collection],
        )
        names: dict[str, list[str]] = {}
        for one in found:
            key = json.loads(one["row"]).get("stored_as")
            if key in wanted:
                names.setdefault(key, []).append(called(one["path"]))
        return names

    async def clear(self) -> None:
        """Forget what was built."""

        def work(db: Database) -> None:
            db.execute("DELETE FROM builds WHERE collection = ?", [self._collection])

        await committed(self._store.submit(work))

    async def switch(self, built: str, **settings: Any) -> bool:
        """Put what was built in force: every document's row and the collection's settings, in one commit.

        Args:
            built: The collection's ``next`` that was built. When it is another by now nothing is put in force, and what
                was built is forgotten.
            settings: The collection's columns.

        Returns:
            Whether it was put in force.
        """

        def work(db: Database) -> bool:
            wanted = db.execute("SELECT next FROM collections WHERE id = ?", [self._collection]).fetchone()
            made = list(db.query("SELECT * FROM builds WHERE collection = ?", [self._collection]))
            db.execute("DELETE FROM builds WHERE collection = ?", [self._collection])
            if wanted is None or wanted[0] != built:
                return False
            for one in made:
                columns = {**json.loads(one["row"]), "updated_at": time.time()}
                if not columns.get("stored_as"):
                    # It could not be read any more: what it was is not in the new index.
                    columns |= {"stored_as": "", "chunks": 0}
                if db.execute("SELECT 1 FROM documents WHERE id = ?", [one["document_id"]]).fetchone():
                    db.table("documents").update(one["document_id"], columns)
            db.table("collections").update(self._collection, settings)
            return True

        return await committed(
            self._store.submit(
                work, StoreChanged("documents"), StoreChanged("collections", (self._collection,))
            )
        )


def called(path: str) -> str:
    """Return a file's name without suffix, fit to be shown, on one line."""
    return " ".join(scan.shown(Path(scan.opened(path).stem)).split())


def listed(names: Iterable[str]) -> str:
    """Write names of one content as :meth:`core.rag.index.Index.replace_many` takes them."""
    return "\n".join(list(dict.fromkeys(names))[:MAX_NAMES])


def paths_of(store: Store, collection: str, keys: Iterable[str]) -> dict[str, dict[str, str]]:
    """Return by key the documents that have it, by path: id → stored path. Blocking."""
    wanted = list(dict.fromkeys(keys))
    paths: dict[str, dict[str, str]] = {}
    for start in range(0, len(wanted), 500):
        part = wanted[start : start + 500]
        rows = store.query(
            "SELECT id, path, stored_as FROM documents WHERE collection = ? AND status != 'removed'"
            f" AND stored_as IN ({', '.join('?' * len(part))}) ORDER BY path",
            [collection, *part],
        )
        for row in rows:
            paths.setdefault(row["stored_as"], {})[row["id"]] = row["path"]
    return paths


def _stored(store: Store, column: str, table: str, collection: str, keys: Iterable[str]) -> dict[str, int]:
    wanted = list(dict.fromkeys(keys))
    found: dict[str, int] = {}
    for start in range(0, len(wanted), 500):
        part = wanted[start : start + 500]
        rows = store.query(
            f"SELECT {column} AS key, MAX(chunks) AS chunks FROM {table} WHERE collection = ?"
            f" AND {column} IN ({', '.join('?' * len(part))}) GROUP BY {column}",
            [collection, *part],
        )
        found |= {row["key"]: row["chunks"] for row in rows}
    return found


def _new(item: scan.Candidate, collection: str, now: float) -> Document:
    return Document(
        id=new_id(),
        path=item.stored,
        title=scan.shown(Path(item.path.stem)),
        status="queued",
        media_type=media_type(item.path),
        bytes=max(0, item.bytes),
        added_at=now,
        updated_at=now,
        collection=collection,
    )
