"""The store itself: one SQLite file, one writer thread, any number of readers.

Why one writer: SQLite allows one at a time anyway, and a queue in front of it lets many small writes (streamed
text, spans, samples) share a commit, so that no caller ever waits on a lock held by another.
"""

from __future__ import annotations

import functools
import logging
import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from core.errors import StudyError
from core.events import StoreChanged
from core.session.schema import FORMAT, MIGRATIONS

if TYPE_CHECKING:
    from sqlite_utils import Database

T = TypeVar("T")
log = logging.getLogger(__name__)

BUSY_TIMEOUT_S = 10.0
"""How long a connection waits for another process's lock."""

_Job = tuple[Callable[["Database"], Any], "Future[Any]", tuple[StoreChanged, ...]]


class Store:
    """Sessions, runs, spans, samples and the document ledger, on disk before they are shown.

    Writes are functions handed to :meth:`submit`; they run in order on the writer thread, and their futures
    resolve after the commit. Reads (:meth:`query`) run in the caller's thread on a read-only connection.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._listeners: list[Callable[[StoreChanged], None]] = []
        self._readers: dict[int, tuple[threading.Thread, sqlite3.Connection]] = {}
        self._lock = threading.Lock()
        self._closed = False
        opened: Future[None] = Future()
        self._thread = threading.Thread(
            target=self._write_loop, args=(opened,), name="store-writer", daemon=True
        )
        self._thread.start()
        opened.result()

    @classmethod
    def open(cls, path: Path) -> Store:
        """Open the file, creating or migrating it.

        Raises:
            StudyError: ``error.store.corrupt``, ``error.store.newer`` or ``error.data_dir``. The file is untouched.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            return cls(path)
        except (OSError, sqlite3.OperationalError) as error:
            raise StudyError("error.data_dir", path=path.parent, reason=error) from error
        except sqlite3.DatabaseError as error:
            raise StudyError("error.store.corrupt", path=path, reason=error) from error

    def submit(self, work: Callable[[Database], T], *changes: StoreChanged) -> Future[T]:
        """Queue a write.

        Args:
            work: Runs on the writer thread inside a transaction; when it raises, its own changes are undone
                and the future gets the exception. Others in the same commit are not affected.
            changes: Announced to listeners after the commit.
        """
        future: Future[T] = Future()
        # A write that is queued gets done: a caller that stops waiting (asyncio cancels what it wraps) must
        # neither drop it nor leave the writer thread with a future it cannot resolve.
        future.set_running_or_notify_cancel()
        with self._lock:
            if self._closed:
                future.set_exception(StudyError("error.store.write", reason="closed"))
                return future
            self._jobs.put((work, future, changes))
        return future

    def query(self, sql: str, params: Sequence[Any] | dict[str, Any] = ()) -> list[dict[str, Any]]:
        """Read rows as dicts. Safe in any thread; sees everything committed so far."""
        cursor = self._reader().execute(sql, params)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def subscribe(self, listener: Callable[[StoreChanged], None]) -> Callable[[], None]:
        """Call ``listener`` (on the writer thread, so be brief) after each commit. Returns how to stop."""
        with self._lock:
            self._listeners.append(listener)

        def unsubscribe() -> None:
            with self._lock:
                if listener in self._listeners:
                    self._listeners.remove(listener)

        return unsubscribe

    def flush(self) -> None:
        """Wait until everything submitted so far is committed."""
        self.submit(lambda db: None).result()

    def close(self) -> None:
        """Commit what is queued and close. Safe to call twice."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._jobs.put(None)
        self._thread.join()
        with self._lock:
            for _thread, connection in self._readers.values():
                connection.close()
            self._readers.clear()

    # -- readers ------------------------------------------------------------------------------------

    def _reader(self) -> sqlite3.Connection:
        ident = threading.get_ident()
        found = self._readers.get(ident)
        if found and found[0] is threading.current_thread():
            return found[1]
        connection = sqlite3.connect(
            f"{self.path.as_uri()}?mode=ro",
            uri=True,
            timeout=BUSY_TIMEOUT_S,
            check_same_thread=False,
            isolation_level=None,
        )
        with self._lock:
            for key, (thread, stale) in list(self._readers.items()):
                if not thread.is_alive() or key == ident:
                    stale.close()
                    del self._readers[key]
            self._readers[ident] = (threading.current_thread(), connection)
        return connection

    # -- the writer thread --------------------------------------------------------------------------

    def _write_loop(self, opened: Future[None]) -> None:
        try:
            db = self._open_for_writing()
        except BaseException as error:
            opened.set_exception(error)
            return
        opened.set_result(None)
        running = True
        while running:
            batch = [self._jobs.get()]
            while len(batch) < 256 and batch[-1] is not None:
                try:
                    batch.append(self._jobs.get_nowait())
                except queue.Empty:
                    break
            running = batch[-1] is not None
            self._commit(db, [job for job in batch if job is not None])
        db.conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        db.close()

    def _open_for_writing(self) -> Database:
        # Imported here: it brings numpy along where that is installed, and the first paint must not wait for it.
        from sqlite_utils import Database

        connection = sqlite3.connect(
            self.path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
        )
        try:
            found = connection.execute("PRAGMA user_version").fetchone()[0]
            if found > FORMAT:
                raise StudyError("error.store.newer", path=self.path, found=found, known=FORMAT)
            broken = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
            if broken != "ok":
                raise sqlite3.DatabaseError(broken)
            connection.execute("PRAGMA journal_mode=WAL")
            # FULL: a committed message survives a power cut, which NORMAL does not promise in WAL mode.
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute("PRAGMA foreign_keys=ON")
            db = Database(connection, execute_plugins=False)
            for number in range(found, FORMAT):
                _migrate(db, number)
        except BaseException:
            connection.close()
            raise
        self.path.chmod(0o600)
        return db

    def _commit(self, db: Database, jobs: list[_Job]) -> None:
        """Run jobs in one transaction, each in a savepoint of its own."""
        done: list[tuple[Future[Any], Any, tuple[StoreChanged, ...]]] = []
        failed: list[tuple[Future[Any], BaseException]] = []
        connection = db.conn
        try:
            connection.execute("BEGIN IMMEDIATE")
            for work, future, changes in jobs:
                connection.execute("SAVEPOINT job")
                try:
                    result = work(db)
                except Exception as error:
                    if not connection.in_transaction:
                        raise  # A full disk: SQLite has given up the whole transaction, savepoint and all.
                    connection.execute("ROLLBACK TO job")
                    failed.append((future, error))
                else:
                    done.append((future, result, changes))
                connection.execute("RELEASE job")
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            # The disk is full or gone: nothing of this batch was saved, and every caller is told so.
            log.exception("commit failed")
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            for _work, future, _changes in jobs:
                future.set_exception(StudyError("error.store.write", reason=error))
            return
        for future, reason in failed:
            future.set_exception(reason)
        for future, result, _changes in done:
            future.set_result(result)
        self._announce([change for _future, _result, changes in done for change in changes])

    def _announce(self, changes: list[StoreChanged]) -> None:
        with self._lock:
            listeners = list(self._listeners)
        for change in changes:
            for listener in listeners:
                try:
                    listener(change)
                except Exception:
                    log.exception("a store listener failed")


def _migrate(db: Database, number: int) -> None:
    """Apply one migration, or nothing of it."""
    db.conn.execute("BEGIN IMMEDIATE")
    try:
        if (
            db.conn.execute("PRAGMA user_version").fetchone()[0] == number
        ):  # another process may have been faster
            MIGRATIONS[number](db)
            db.conn.execute(f"PRAGMA user_version = {number + 1}")
        db.conn.execute("COMMIT")
    except BaseException:
        db.conn.execute("ROLLBACK")
        raise


_DOCUMENTS = ("collections", "sources", "exclusions", "documents")


def rescue(path: Path, target: Path) -> int:
    """Copy what can still be read of a damaged session file into a new one.

    Args:
        path: The damaged file; it is only read.
        target: A file that does not exist yet.

    Returns:
        How many rows were saved.
    """
    store = Store.open(target)
    source = sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True, check_same_thread=False)
    saved = 0
    try:
        for table in ("sessions", "runs", "messages", "spans", *_DOCUMENTS):
            saved += store.submit(functools.partial(_copy_rows, source, table)).result()
    finally:
        source.close()
        store.close()
    return saved


def _copy_rows(source: sqlite3.Connection, table: str, db: Database) -> int:
    columns = [column.name for column in db.table(table).columns]
    count = 0
    try:
        for row in source.execute(f"SELECT {', '.join(columns)} FROM {table}"):
            # A new file has the default collection already, with settings of its own.
            new = table == "collections"
            db.table(table).insert(dict(zip(columns, row, strict=True)), ignore=not new, replace=new)
            count += 1
    except sqlite3.DatabaseError as error:
        log.warning("stopped reading %s after %d rows: %s", table, count, error)
    return count
