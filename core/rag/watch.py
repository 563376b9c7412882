"""Following folders: a scan says what changed, the system's own notifications only say when to look earlier.

Notifications alone would lose files (one written into a folder that was just made, a renamed folder), do not exist on
network drives, and can run out; a scan of twenty thousand files takes a fraction of a second.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from core.errors import StudyError
from core.events import Notice
from core.i18n import tr
from core.rag import scan
from core.rag.jobs import Progress
from core.rag.library import Library
from core.session import Store, collections

log = logging.getLogger(__name__)

DEBOUNCE_MS = 500
"""A burst of changes counts as one."""

HINT_MS = 1_000
"""How often the thread that waits for notifications looks whether it is to end; after the first time it surely hears."""


class Watcher:
    """Keeps the collections that are to be watched as their folders are.

    Args:
        every: Seconds between scans when nothing is noticed.
    """

    def __init__(
        self,
        library: Library,
        store: Store,
        every: float,
        on_progress: Progress,
        on_notice: Callable[[Notice], None],
    ) -> None:
        self._library = library
        self._store = store
        self._every = every
        self._progress = on_progress
        self._notice = on_notice
        self._wake = asyncio.Event()
        self._roots: dict[Path, tuple[int, int]] = {}
        self._stop = threading.Event()
        self._listening: asyncio.Task[None] | None = None
        self._polls = False
        self._hears = False

    @property
    def listens(self) -> bool:
        """Whether changes are noticed at once; otherwise they are with the next scan."""
        return self._hears and self._listening is not None and not self._listening.done()

    async def run(self) -> None:
        """Watch until cancelled."""
        try:
            while True:
                watched = await asyncio.to_thread(self._watched)
                await self._listen_to([scan.opened(path) for paths in watched.values() for path in paths])
                self._wake.clear()
                for collection in watched:
                    await self._look(collection)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), self._every)
        finally:
            self._stop.set()

    def wake(self) -> None:
        """Look now: something was noticed, or which collections are watched changed."""
        self._wake.set()

    def _watched(self) -> dict[str, list[str]]:
        rows = collections.list_collections(self._store)
        sources = collections.list_sources(self._store)
        return {
            row["id"]: [source["path"] for source in sources if source["collection"] == row["id"]]
            for row in rows
            if row["watch"]
        }

    async def _look(self, collection: str) -> None:
        """Sync where anything is different: a job for nothing would fill the list of jobs."""
        try:
            if await self._library.differs(collection):
                await self._library.sync(collection, self._progress)
        except StudyError as error:
            # Another process is writing, or the engine is away: the next look tries again.
            log.info("watching %s: %s", collection, error)
        except Exception:
            # A fault of one look must not be the end of watching.
            log.exception("watching %s", collection)

    async def _listen_to(self, roots: Sequence[Path]) -> None:
        there = await asyncio.to_thread(_folders, roots)
        going = self._listening is not None and not self._listening.done()
        if there == self._roots and (going or self._polls):
            return
        self._stop.set()
        if self._listening is not None:
            with contextlib.suppress(Exception):
                await self._listening
        self._roots, self._stop, self._polls, self._hears = there, threading.Event(), False, False
        if there:
            loop = asyncio.get_running_loop()
            work = asyncio.to_thread(
                _listen, list(there), self._stop, lambda: loop.call_soon_threadsafe(self._noticed)
            )
            self._listening = asyncio.ensure_future(self._listened(work))

    def _noticed(self) -> None:
        self._hears = True
        self._wake.set()

    async def _listened(self, work: object) -> None:
        try:
            await work  # type: ignore[misc]
        except (OSError, RuntimeError) as error:
            # Too many folders for the system's limit, or a file system without notifications.
            self._polls = True
            log.info("no notifications: %s", error)
            text = tr("rag.watch.polling", reason=str(error)[:120], seconds=f"{self._every:g}")
            self._notice(Notice(text))


def _folders(roots: Sequence[Path]) -> dict[Path, tuple[int, int]]:
    """Return the folders to listen to, each with what tells it from one made anew under its name. Blocking."""
    found = {}
    for root in sorted(roots):
        with contextlib.suppress(OSError):
            folder = root if root.is_dir() else root.parent
            status = folder.stat()
            if root.exists():
                found[folder] = (status.st_dev, status.st_ino)
    return found


def _listen(roots: Sequence[Path], stop: threading.Event, noticed: Callable[[], object]) -> None:
    """Wait for changes below folders until told to stop; say so once when it begins to hear them. Blocking.

    What changed between the scan before and that moment made no sound: the caller looks once more.
    """
    import watchfiles

    changes = watchfiles.watch(
        *roots,
        watch_filter=None,
        debounce=DEBOUNCE_MS,
        stop_event=stop,
        rust_timeout=HINT_MS,
        yield_on_timeout=True,
        raise_interrupt=False,
    )
    for number, change in enumerate(changes):
        if change or number == 0:
            noticed()
