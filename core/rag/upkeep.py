"""Keeping ledger and index in agreement: after a crash, after an index was lost, when told to check."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from core.errors import StudyError
from core.events import Notice
from core.i18n import tr
from core.rag import scan, verify
from core.rag.held import held
from core.rag.index import KEEP_VERSIONS, IndexUnusable
from core.rag.ingest import Control
from core.rag.jobs import Progress, quiet
from core.rag.ledger import MIDDLE, committed
from core.rag.lock import WriterLock
from core.rag.shelf import Shelf
from core.rag.types import CheckReport
from core.session import Store, collections, ingest_jobs

if TYPE_CHECKING:
    from core.rag.library import Library

log = logging.getLogger(__name__)


class Upkeep:
    """The repairs of one library."""

    def __init__(
        self, library: Library, store: Store, lock: WriterLock, notice: Callable[[Notice], None]
    ) -> None:
        self._library = library
        self._store = store
        self._lock = lock
        self._notice = notice
        self._repairing: set[asyncio.Task[None]] = set()
        self._tidying: dict[str, asyncio.Task[None]] = {}
        self._going_on: dict[str, asyncio.Task[None]] = {}
        self._waiting = Counter[str]()
        """How many wait for each of these."""
        self._behind: set[asyncio.Task[None]] = set()
        """Work whose job the user paused: it goes on by itself when the job does."""

    def tidy_later(self, shelf: Shelf) -> None:
        """Compact an index once more when the versions a job left behind are old enough to go: half of its size."""
        before = self._tidying.pop(shelf.id, None)
        if before is not None:
            before.cancel()
        task = asyncio.ensure_future(self._tidy(shelf))
        self._tidying[shelf.id] = task
        self._repairing.add(task)
        task.add_done_callback(self._repairing.discard)

    async def _tidy(self, shelf: Shelf) -> None:
        await asyncio.sleep(KEEP_VERSIONS.total_seconds() + 10)
        try:
            self._lock.acquire()
        except StudyError:
            return
        try:
            async with self._library.board.turn:
                if shelf.index.exists:
                    await shelf.index.compact()
        except (StudyError, IndexUnusable, RuntimeError, OSError) as error:
            log.info("not tidied: %s", error)
        finally:
            self._lock.release()

    async def close(self) -> None:
        """End what goes on aside; the next start goes on with it."""
        going = self._repairing | self._behind
        for task in going:
            task.cancel()
        await asyncio.gather(*going, return_exceptions=True)

    async def _unless_paused(self, task: asyncio.Task[None], doing: asyncio.Task[None] | None = None) -> None:
        """Wait for work, but not for the user: where its job is paused, what comes after it need not wait, nor the lock.

        Args:
            doing: Does the job, where that is not ``task`` itself.

        Raises:
            StudyError: From the work.
        """
        paused = asyncio.ensure_future(self._library.board.stands(doing or task))
        try:
            await asyncio.wait({task, paused}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                self._behind.add(task)
                task.add_done_callback(self._caught_up)
                return
        except asyncio.CancelledError:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            raise
        finally:
            paused.cancel()
        await task

    def _caught_up(self, task: asyncio.Task[None]) -> None:
        self._behind.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.warning("a job that was paused failed: %s", error)
            self._notice(Notice(str(error), "error"))

    async def resume(self, on_progress: Progress = quiet) -> None:
        """Continue what a crash or an exit cut off, and put right an index that was lost.

        Does nothing when another process is adding documents: what looks unfinished is its work.
        """
        try:
            self._lock.acquire()
        except StudyError:
            return
        try:
            unfinished = await asyncio.to_thread(ingest_jobs.unfinished_jobs, self._store)
            await self.check(repair=True, thorough=bool(unfinished), on_progress=on_progress)
            for row in unfinished:
                try:
                    doing = self._going(row, on_progress)
                    await self._unless_paused(asyncio.ensure_future(self.go_on(row, on_progress)), doing)
                except StudyError as error:
                    # It is marked as failed; the others are not to wait for that.
                    self._notice(Notice(str(error), "error"))
            await self._left_over(on_progress)
            await self._builds(on_progress)
            await self._library.sweep()
        finally:
            self._lock.release()

    async def go_on(self, row: ingest_jobs.JobRow, on_progress: Progress) -> None:
        """Do a job of a process that is gone from its beginning: what it finished is not done again.

        The start of the library and a user may want the same job: whoever comes second waits for its end.
        """
        task = self._going(row, on_progress)
        self._waiting[row.id] += 1
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            if self._waiting[row.id] == 1:  # nobody else wants it
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            raise
        finally:
            self._waiting[row.id] -= 1

    def _going(self, row: ingest_jobs.JobRow, on_progress: Progress) -> asyncio.Task[None]:
        task = self._going_on.get(row.id)
        if task is None:
            task = asyncio.ensure_future(self._go_on(row, on_progress))
            self._going_on[row.id] = task
            task.add_done_callback(lambda _: self._going_on.pop(row.id, None))
        return task

    async def _go_on(self, row: ingest_jobs.JobRow, on_progress: Progress) -> None:
        now = await asyncio.to_thread(ingest_jobs.get_job, self._store, row.id)
        if now is None or now.ended_at is not None:
            return
        if await asyncio.to_thread(collections.get_collection, self._store, row.collection) is None:
            await committed(ingest_jobs.finish_job(self._store, row.id, status="cancelled"))
            return

        async def work(job: Control) -> None:
            if row.kind == "rebuild":
                await self._library.build(job, row.collection)
            elif row.kind == "sync":
                await self._library.follow(job, row.collection)
            elif row.kind == "add":
                await self._library.add_on(job, row.collection, row.paths)
            else:
                found = await asyncio.to_thread(scan.candidates, row.paths)
                await self._library.ingest(job, row.collection, found)

        await self._library.board.run(row.kind, row.collection, row.paths, work, on_progress, job_id=row.id)

    async def _left_over(self, on_progress: Progress) -> None:
        """Index what the ledger says is in the middle of something although no job is."""

        async def work() -> None:
            rows = await asyncio.to_thread(_unattended, self._store)
            await self._library.read("repair", rows, on_progress)

        await self._unless_paused(asyncio.ensure_future(work()))

    async def check(
        self, *, repair: bool = False, thorough: bool = True, on_progress: Progress = quiet
    ) -> CheckReport:
        """Compare ledger and index, and put right what disagrees when told to.

        Args:
            repair: What the index lost is indexed again, what only it has is deleted.
            thorough: Count every document's chunks; otherwise only look whether the index is there.

        Raises:
            StudyError: ``error.rag.busy``: to be put right while another process is writing.
        """
        if not repair:
            return await self._checked(repair=False, thorough=thorough)
        self._lock.acquire()
        try:
            # What a job is about to write down looks like chunks of nobody.
            async with self._library.board.turn:
                report = await self._checked(repair=True, thorough=thorough)
            if thorough and report.troubles:
                await self._left_over(on_progress)
        finally:
            self._lock.release()
        return report

    async def _checked(self, *, repair: bool, thorough: bool) -> CheckReport:
        report = CheckReport(0, 0)
        for shelf in await self._library.shelves():
            found = await verify.examine(self._store, shelf, thorough=thorough)
            if repair and found.troubles:
                lost = next((one for one in found.troubles if one.kind == "index"), None)
                if lost is not None:
                    await self.start_over(shelf, lost.path)
                else:
                    await verify.mend(self._store, shelf, found.troubles)
            report = verify.joined(report, found, repaired=repair)
        return report

    async def start_over(self, shelf: Shelf, reason: str) -> None:
        """Begin with an empty index, and with every document that was in it in the queue."""
        # The ledger first: whatever happens next, it does not claim what the index does not have.
        await verify.disown(self._store, shelf.id)
        await shelf.index.reset()
        self._notice(Notice(tr(f"rag.index.{reason}"), "warning"))

    def start_over_aside(self, collection: str, reason: str) -> None:
        """Make an index anew from the files, in the background."""
        if (
            self._library.board.busy
            or self._library.board.closing
            or self._repairing - set(self._tidying.values())
        ):
            return  # a running job finds out by itself, or this is already being done

        async def work() -> None:
            try:
                self._lock.acquire()
            except StudyError:
                return
            try:
                async with self._library.board.turn:
                    shelf = await self._library.shelf(collection)
                    if await _usable(shelf):
                        return  # somebody else made it anew meanwhile
                    await self.start_over(shelf, reason)
                await self._left_over(quiet)
            except StudyError as error:
                log.warning("the index of %s is not made anew: %s", collection, error)
            finally:
                self._lock.release()

        task = asyncio.ensure_future(work())
        self._repairing.add(task)
        task.add_done_callback(self._repairing.discard)

    async def _build(self, collection: str, on_progress: Progress) -> None:
        await self._library.rebuild(collection, on_progress)

    async def _builds(self, on_progress: Progress) -> None:
        jobs = await asyncio.to_thread(ingest_jobs.list_jobs, self._store)
        paused = {job.collection for job in jobs if job.status == "paused" and job.kind == "rebuild"}
        for row in await asyncio.to_thread(collections.list_collections, self._store):
            if row["next"] and row["id"] not in paused:
                try:
                    await self._unless_paused(asyncio.ensure_future(self._build(row["id"], on_progress)))
                except StudyError as error:
                    self._notice(Notice(str(error), "error"))


async def _usable(shelf: Shelf) -> bool:
    """Say whether an index can be read, by reading it."""
    shelf.index.close()
    try:
        await shelf.index.snapshot()
    except IndexUnusable:
        return False
    return True


def _unattended(store: Store) -> list[dict[str, Any]]:
    """Return documents in the middle of something that no paused job is about: those wait for the user. Blocking."""
    marks = ", ".join("?" * len(MIDDLE))
    rows = store.query(f"SELECT collection, path FROM documents WHERE status IN ({marks})", MIDDLE)
    waits = {collection: held(store, collection) for collection in {row["collection"] for row in rows}}
    return [row for row in rows if not ((says := waits[row["collection"]]) and says(row["path"]))]


def waiting(store: Store, collection: str) -> list[scan.Candidate]:
    """Return files in the middle of something. Blocking."""
    marks = ", ".join("?" * len(MIDDLE))
    rows = store.query(
        f"SELECT path FROM documents WHERE collection = ? AND status IN ({marks}) ORDER BY path",
        [collection, *MIDDLE],
    )
    return scan.candidates(row["path"] for row in rows)
