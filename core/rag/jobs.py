"""Jobs of this process: one works at a time, the others wait; each can be paused, resumed and stopped.

A paused one keeps nobody waiting: the others of this process and other processes work meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from core.errors import StudyError, UsageError
from core.events import IngestProgress
from core.rag import scan
from core.rag.held import within
from core.rag.ingest import Control, Paused
from core.rag.ledger import committed
from core.rag.lock import WriterLock
from core.rag.types import Job
from core.session import Store, ingest_jobs

Progress = Callable[[IngestProgress], None]
Work = Callable[[Control], Awaitable[None]]
"""Does a job. Called again where :class:`core.rag.ingest.Paused` ended it, when the job goes on: what is in the control is kept."""
Stopped = Callable[[str, str, Callable[[str], bool]], Awaitable[None]]
"""Puts right what a stopped job left: its kind, its collection, and which stored paths are its."""

NOTE_EVERY_S = 1.0
"""How far a job is goes to disk this often."""


def quiet(_progress: IngestProgress) -> None:
    """Tell nobody."""


class Board:
    """Runs jobs one after another under the writer's lock.

    Args:
        lock: Of the indexes; taken while a job waits or works.
    """

    def __init__(self, store: Store, lock: WriterLock, stopped: Stopped) -> None:
        self._store = store
        self._lock = lock
        self._stopped = stopped
        self.turn = asyncio.Lock()
        """Held by whoever writes."""
        self._running: dict[str, tuple[Control, asyncio.Task[None]]] = {}
        self._standing: set[str] = set()
        """Paused ones that hold neither the turn nor the lock."""
        self._askers: dict[str, asyncio.Task[Any] | None] = {}
        """Who waits for each in :meth:`run`."""
        self._stood = asyncio.Event()
        self._closing = False

    @property
    def busy(self) -> bool:
        """Whether a job of this process works or waits for its turn."""
        return len(self._running) > len(self._standing)

    @property
    def closing(self) -> bool:
        """Whether no further job is taken."""
        return self._closing

    async def run(
        self,
        kind: str,
        collection: str,
        paths: Sequence[str],
        work: Work,
        report: Progress,
        *,
        job_id: str = "",
    ) -> str:
        """Record a job and do it when its turn comes. Cancelling the task that waits here stops it.

        Args:
            job_id: Of a job on disk that is to go on; empty for a new one.

        Returns:
            The job's id, when it is over; stopped by :meth:`stop` counts as over.

        Raises:
            StudyError: ``error.rag.busy`` when another process is writing, or what the work raises.
        """
        self._lock.acquire()
        left = within(paths) if job_id else None
        try:
            if job_id:
                await committed(ingest_jobs.take_over(self._store, job_id))
            else:
                job_id = await committed(
                    ingest_jobs.start_job(self._store, paths, kind, collection, status="queued")
                )
            job = Control(job_id, self._noting(job_id, report), kind, collection)
            task = asyncio.ensure_future(self._do(job, work, left))
            self._running[job_id] = (job, task)
            self._askers[job_id] = asyncio.current_task()
            try:
                await task
            except asyncio.CancelledError:
                if not job.stopped:
                    raise
            finally:
                if not task.done():
                    task.cancel()
                    with contextlib.suppress(asyncio.CancelledError, StudyError):
                        await task
                self._running.pop(job_id, None)
                self._askers.pop(job_id, None)
        finally:
            if job_id in self._standing:
                self._standing.discard(job_id)
            else:
                self._lock.release()
        return job_id

    def _noting(self, job_id: str, report: Progress) -> Progress:
        """Write down now and then how far a job is: its row must say so when its process is gone."""
        noted = 0.0

        def told(progress: IngestProgress) -> None:
            nonlocal noted
            if time.monotonic() - noted >= NOTE_EVERY_S and not progress.finished:
                noted = time.monotonic()
                ingest_jobs.update_job(
                    self._store, job_id, total=progress.total, done=progress.done, failed=progress.failed
                )
            report(progress)

        return told

    async def _do(self, job: Control, work: Work, left: Callable[[str], bool] | None) -> None:
        """Do a job.

        Args:
            left: What of the documents is the job's that a process left; ``None``: it is new.
        """
        began = False
        try:
            over = False
            while not over:
                since = time.monotonic()
                await self._stand_by(job)
                async with self.turn:
                    if job.paused:
                        continue
                    began = True
                    job.rested(time.monotonic() - since)
                    await committed(ingest_jobs.update_job(self._store, job.id, status="running"))
                    with contextlib.suppress(Paused):
                        await work(job)
                        over = True
                    await committed(ingest_jobs.update_job(self._store, job.id, **_figures(job)))
        except asyncio.CancelledError:
            # At exit the job stays unfinished, for the next start; a job the user stopped is over.
            ingest_jobs.update_job(self._store, job.id, **_figures(job))
            if not self._closing:
                if began or left or job.kind == "rebuild":
                    mine = job.files.__contains__ if job.files or not left else left
                    await self._stopped(job.kind, job.collection, mine)
                await committed(ingest_jobs.finish_job(self._store, job.id, status="cancelled"))
                job.resume()
                job.say(finished=True)
            raise
        except Exception:
            # Where even this cannot be written the job stays unfinished, and the next start goes on with it.
            with contextlib.suppress(StudyError):
                await committed(ingest_jobs.update_job(self._store, job.id, **_figures(job)))
                await committed(ingest_jobs.finish_job(self._store, job.id, status="failed"))
            job.say(finished=True)
            raise
        await committed(ingest_jobs.finish_job(self._store, job.id))
        # Last: whoever hears it may look, or end the program.
        job.say(finished=True)

    async def _stand_by(self, job: Control) -> None:
        """Wait while a job is paused, out of the others' way."""
        if job.paused:
            self._standing.add(job.id)
            self._lock.release()
            self._stood.set()
            self._stood = asyncio.Event()
            await job.gate()

    async def stands(self, asker: asyncio.Task[Any]) -> None:
        """Return when a job that a task waits for in :meth:`run` is paused, and out of the others' way."""
        while not any(self._askers.get(job_id) is asker for job_id in self._standing):
            await self._stood.wait()

    # -- steering -------------------------------------------------------------------------------------

    async def pause(self, job_id: str) -> None:
        """Let a job take no further file.

        Raises:
            UsageError: ``error.rag.job``: it is not being done here.
        """
        job, _task = self._mine(job_id)
        job.pause()
        await committed(ingest_jobs.update_job(self._store, job_id, **_figures(job), status="paused"))

    async def resume(self, job_id: str) -> bool:
        """Let a paused job go on, when its turn comes. False when it is not one of this process.

        Raises:
            StudyError: ``error.rag.busy``: another process is writing by now; the job stays paused.
        """
        if job_id not in self._running:
            return False
        job, _task = self._running[job_id]
        waits = job_id in self._standing and self.turn.locked()
        if job_id in self._standing:
            self._lock.acquire()
            self._standing.discard(job_id)
        # Written before it is let go: what it says of itself afterwards is not to be overwritten.
        written = ingest_jobs.update_job(self._store, job_id, status="queued" if waits else "running")
        job.resume()
        await committed(written)
        return True

    async def stop(self, job_id: str) -> None:
        """End a job; documents not reached keep what they had.

        Raises:
            UsageError: ``error.rag.job``.
        """
        if job_id not in self._running:
            row = await asyncio.to_thread(ingest_jobs.get_job, self._store, job_id)
            if row is not None and row.ended_at is None and (not row.alive or row.dropped):
                await self._stopped(row.kind, row.collection, within(row.paths))
                await committed(ingest_jobs.finish_job(self._store, job_id, status="cancelled"))
                return
        job, task = self._mine(job_id)
        job.stopped = True
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, StudyError):
            await task

    async def stop_all(self, collection: str) -> None:
        """End every job of this process in a collection. None is left when this returns."""
        while mine := [one for one, (job, _task) in self._running.items() if job.collection == collection]:
            for job_id in mine:
                if job_id in self._running:
                    await self.stop(job_id)
            await asyncio.sleep(0)  # whoever waited for it takes it off the list

    async def list(self) -> list[Job]:
        """Return jobs, newest first; the figures of those of this process as they are now."""
        now = {job_id: _figures(job) for job_id, (job, _task) in self._running.items()}

        def read() -> list[Job]:
            return [_job(row, now.get(row.id)) for row in ingest_jobs.list_jobs(self._store)]

        # In a thread: jobs of ten thousand files have as many paths.
        return await asyncio.to_thread(read)

    async def close(self) -> None:
        """End everything; what was going on is unfinished on disk."""
        self._closing = True
        tasks = [task for _job, task in self._running.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _mine(self, job_id: str) -> tuple[Control, asyncio.Task[None]]:
        try:
            return self._running[job_id]
        except KeyError as error:
            raise UsageError("error.rag.job", id=job_id) from error


def _figures(job: Control) -> dict[str, Any]:
    return {"total": job.total, "done": job.done, "failed": job.failed}


def _job(row: ingest_jobs.JobRow, now: dict[str, Any] | None) -> Job:
    figures = now or {"total": row.total, "done": row.done, "failed": row.failed}
    return Job(
        id=row.id,
        kind=row.kind,  # type: ignore[arg-type]
        collection=row.collection,
        status=row.status,  # type: ignore[arg-type]
        paths=tuple(scan.shown(path) for path in row.paths),
        started_at=row.started_at,
        ended_at=row.ended_at,
        **figures,
    )
