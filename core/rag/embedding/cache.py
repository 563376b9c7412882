"""Vectors by content: a paragraph that did not change is not embedded again, whatever file it moved to."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import TypeVar

from core.rag.embedding.types import Vector

T = TypeVar("T")
log = logging.getLogger(__name__)

DEFAULT_BYTES = 512 << 20
"""Size of the cache file unless the settings say otherwise."""

PAGE_BYTES = 16_384
"""A vector of 512 numbers and its key do not fit twice into SQLite's usual page."""

SPARE = 0.9
"""A full cache is emptied to this share of its size, so that not every write has to make room."""

AT_ONCE = 500
"""Keys in one query; SQLite allows 999 in its oldest builds."""

USED_STEP_S = 3600.0
"""How finely the last use is kept: a finer clock would make every read a write."""

_LOST = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_TABLE = """
CREATE TABLE IF NOT EXISTS vectors (id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, value BLOB NOT NULL,
                                    used INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS vectors_used ON vectors (used, id);
"""


class EmbeddingCache:
    """A bounded SQLite file from content to vector. Any thread; every call blocks.

    It is a convenience: nothing that goes wrong with it is raised. A damaged file is thrown away, a full disk or a
    locked file means that nothing is found or kept this time.

    Args:
        path: The file, made at first use with the directory it is in.
        max_bytes: Its greatest size; what was not used for longest goes first. 0: nothing is kept.
    """

    def __init__(self, path: Path, max_bytes: int = DEFAULT_BYTES) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._db: sqlite3.Connection | None = None
        self._closed = False

    def get_many(self, name: str, texts: Sequence[str]) -> list[Vector | None]:
        """Return the vector kept for each text, or ``None``.

        Args:
            name: The embedder's.
            texts: As they were embedded, prefixes included.
        """
        keys = [_key(name, text) for text in texts]
        nothing: dict[bytes, bytes] = {}
        found = self._use(lambda db: _read(db, keys), nothing)
        return [_vector(found.get(key)) for key in keys]

    def put_many(self, name: str, texts: Sequence[str], vectors: Sequence[Vector]) -> None:
        """Keep vectors: one float32 array for each text."""
        now = _now()
        rows = [
            (_key(name, text), vector.astype("<f4", copy=False).tobytes(), now)
            for text, vector in zip(texts, vectors, strict=True)
        ]
        self._use(lambda db: self._write(db, rows), None)

    def size(self) -> tuple[int, int]:
        """Return how many vectors are kept, and how many bytes that takes."""
        return self._use(
            lambda db: (db.execute("SELECT COUNT(*) FROM vectors").fetchone()[0], _bytes(db)), (0, 0)
        )

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._drop()

    def close(self) -> None:
        """Close the file. Later calls find and keep nothing."""
        with self._lock:
            self._closed = True
            self._disconnect()

    def _use(self, work: Callable[[sqlite3.Connection], T], otherwise: T) -> T:
        if self._max_bytes <= 0:
            return otherwise
        with self._lock:
            if self._closed:
                return otherwise
            for attempt in range(2):
                try:
                    return work(self._connect())
                except sqlite3.Error as error:
                    # The low byte says the kind; the rest of an extended code says where.
                    if attempt or getattr(error, "sqlite_errorcode", 0) & 0xFF not in _LOST:
                        log.warning("the embedding cache is not used this time: %s", error)
                        return otherwise
                    log.warning("the embedding cache %s is damaged and starts anew: %s", self._path, error)
                    self._drop()
                except OSError as error:
                    log.warning("the embedding cache is not used this time: %s", error)
                    return otherwise
        return otherwise

    def _connect(self) -> sqlite3.Connection:
        if self._db is None:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            db = sqlite3.connect(self._path, timeout=5.0, isolation_level=None, check_same_thread=False)
            try:
                db.execute(f"PRAGMA page_size = {PAGE_BYTES}")
                db.execute("PRAGMA journal_mode = WAL")
                # What the last moments before a power cut wrote can be embedded again.
                db.execute("PRAGMA synchronous = NORMAL")
                db.executescript(_TABLE)
            except BaseException:
                db.close()
                raise
            self._db = db
        return self._db

    def _write(self, db: sqlite3.Connection, rows: list[tuple[bytes, bytes, int]]) -> None:
        db.execute("BEGIN IMMEDIATE")
        try:
            db.executemany(
                "INSERT INTO vectors (key, value, used) VALUES (?, ?, ?) "
                "ON CONFLICT (key) DO UPDATE SET value = excluded.value, used = excluded.used",
                rows,
            )
            if _bytes(db) > self._max_bytes:
                _make_room(db, int(self._max_bytes * SPARE))
            db.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                db.execute("ROLLBACK")
            raise

    def _disconnect(self) -> None:
        if self._db is not None:
            with contextlib.suppress(sqlite3.Error):
                self._db.close()
            self._db = None

    def _drop(self) -> None:
        self._disconnect()
        for ending in ("", "-wal", "-shm"):
            with contextlib.suppress(OSError):
                self._path.with_name(self._path.name + ending).unlink(missing_ok=True)


def _read(db: sqlite3.Connection, keys: list[bytes]) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = {}
    now = _now()
    stale: list[tuple[int, int]] = []
    for start in range(0, len(keys), AT_ONCE):
        part = keys[start : start + AT_ONCE]
        marks = ", ".join("?" * len(part))
        rows = db.execute(f"SELECT id, key, value, used FROM vectors WHERE key IN ({marks})", part)
        for number, key, value, used in rows:
            found[key] = value
            if used != now:
                stale.append((now, number))
    if stale:
        db.execute("BEGIN IMMEDIATE")
        try:
            db.executemany("UPDATE vectors SET used = ? WHERE id = ?", stale)
            db.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                db.execute("ROLLBACK")
            raise
    return found


def _make_room(db: sqlite3.Connection, wanted: int) -> None:
    """Delete what was used longest ago until the rest fits into ``wanted`` bytes; the pages are used again."""
    rows = db.execute("SELECT COUNT(*) FROM vectors").fetchone()[0]
    surplus = max(1, round(rows * (1 - wanted / max(1, _bytes(db)))))
    db.execute(
        "DELETE FROM vectors WHERE id IN (SELECT id FROM vectors ORDER BY used, id LIMIT ?)", (surplus,)
    )


def _bytes(db: sqlite3.Connection) -> int:
    pages = db.execute("PRAGMA page_count").fetchone()[0] - db.execute("PRAGMA freelist_count").fetchone()[0]
    return int(pages * db.execute("PRAGMA page_size").fetchone()[0])


def _now() -> int:
    return int(time.time() / USED_STEP_S)


def _key(name: str, text: str) -> bytes:
    # The zero byte keeps ("ab", "c") apart from ("a", "bc"). Lone surrogates of odd file names must not stop it.
    return blake2b(f"{name}\0{text}".encode("utf-8", "surrogatepass"), digest_size=20).digest()


def _vector(value: bytes | None) -> Vector | None:
    import numpy as np

    if not value or len(value) % 4:
        return None
    vector = np.frombuffer(value, dtype="<f4").astype(np.float32)
    return vector if np.isfinite(vector).all() and vector.any() else None
