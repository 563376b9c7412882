"""Following a piece of ingest work on the command line: one live line on a terminal, a few plain ones in a pipe."""

from __future__ import annotations

import contextlib
import queue
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import TextIO, TypeVar

from core.cli.arguments import stderr
from core.cli.docs_words import CLEAR, cells, fitted, span
from core.cli.work import wait
from core.errors import StudyError
from core.events import Document, Event, IngestProgress
from core.i18n import tr
from core.rag import scan
from core.runtime import Runtime
from core.session import Store, documents, ingest_jobs
from core.text import clean, clean_line

T = TypeVar("T")

PLAIN_EVERY_S = 5.0
"""How often a line is written where no terminal shows it: a log with one line a file helps nobody."""

STOP_S = 10.0
"""How long Ctrl+C waits for the file at work; a second Ctrl+C does not wait."""

SILENCE_S = 60.0
"""Without a sign of life for so long, work that was not asked for here is left to the next start."""

LISTED = 10
"""Failed documents named after a job; ``docs failed`` has them all."""


class Line:
    """Where progress is shown.

    Args:
        quiet: Show nothing (``--json``).
        stream: Standard error unless a test gives another.
    """

    def __init__(self, *, quiet: bool = False, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._quiet = quiet
        self._live = self._stream.isatty()
        self._next = time.monotonic() + PLAIN_EVERY_S
        self._shown = False

    def show(self, progress: IngestProgress) -> None:
        """Show how far a job is: count, rate, time left, what it is at."""
        if self._quiet or progress.finished:
            return
        if self._live:
            columns = shutil.get_terminal_size().columns - 1
            self._write(f"{CLEAR}{progress_text(progress, columns)}")
            self._shown = True
        elif time.monotonic() >= self._next:
            self._next = time.monotonic() + PLAIN_EVERY_S
            self._write(f"{progress_text(progress, 200)}\n")

    def say(self, text: str) -> None:
        """Write a line that stays, the live one out of its way."""
        self.clear()
        if not self._quiet:
            self._write(f"{text}\n")

    def clear(self) -> None:
        """Take the live line away."""
        if self._shown:
            self._write(CLEAR)
            self._shown = False

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


def progress_text(progress: IngestProgress, columns: int) -> str:
    """Write progress in at most ``columns`` columns; a name that does not fit loses its beginning."""
    parts = [f"{progress.done}/{progress.total}"]
    if progress.kind != "add":
        parts.insert(0, progress.kind)
    if progress.failed:
        parts.append(tr("docs.progress.failed", count=progress.failed))
    if progress.paused:
        parts.append(tr("docs.progress.paused"))
    elif progress.rate is not None:
        parts.append(_rate(progress.rate))
        if progress.eta_s is not None:
            parts.append(tr("docs.progress.eta", time=span(progress.eta_s)))
    head = " · ".join(parts)
    if not progress.current:
        return fitted(head, columns)
    room = columns - cells(head) - 2
    name = clean_line(progress.current, max_chars=4_096)
    return f"{head}  {fitted(name, room)}" if room > 8 else fitted(head, columns)


def _rate(per_s: float) -> str:
    if per_s < 0.1:
        return tr("docs.progress.per_minute", rate=f"{60 * per_s:.1f}")
    return tr("docs.progress.rate", rate=f"{per_s:.1f}")


def follow(work: Runtime, begin: Callable[[], Future[T]], line: Line) -> T:
    """Begin a piece of ingest work, show its progress and return what it gives.

    What the library took up by itself as it started (a job that was cut off, an index that was lost) is waited for too:
    leaving would cut it off again.

    Ctrl+C stops its jobs: what is indexed stays, and how to go on is said before the interrupt goes on its way.
    """
    events: queue.SimpleQueue[Event] = queue.SimpleQueue()
    unsubscribe = work.subscribe(events.put)
    latest: dict[str, IngestProgress] = {}
    future: Future[T] | None = None
    store = wait(work.store_ready)
    try:
        future = begin()
        heard = time.monotonic()
        while not future.done() or (future.exception() is None and _goes_on(store, time.monotonic() - heard)):
            if _take(events, latest, line, timeout=0.2):
                heard = time.monotonic()
        while not events.empty():
            _take(events, latest, line, timeout=0)
        return future.result()
    except KeyboardInterrupt:
        line.clear()
        if future is not None:
            _stop(work, future, latest, events)
        raise
    finally:
        unsubscribe()
        line.clear()


def _goes_on(store: Store, silence: float) -> bool:
    """Say whether this process still has ingest work, and it has shown a sign of life in the last ``silence`` seconds."""
    jobs = ingest_jobs.list_jobs(store)
    # A job with no document left is not over: it puts the index in order, and writes that it is done.
    busy = any(job.mine and job.ended_at is None and job.status != "paused" for job in jobs)
    return busy and silence < SILENCE_S


def waiting(store: Store) -> int:
    """Count the documents that wait for a job or are in the middle of one."""
    statuses = ("queued", "parsing", "embedding")
    return sum(one.status in statuses for one in documents.list_documents(store))


def _take(
    events: queue.SimpleQueue[Event], latest: dict[str, IngestProgress], line: Line, *, timeout: float
) -> bool:
    try:
        event = events.get(timeout=timeout) if timeout else events.get_nowait()
    except queue.Empty:
        return False
    if not isinstance(event, IngestProgress):
        return False
    latest[event.job_id] = event
    line.show(event)
    return True


def _stop(
    work: Runtime,
    future: Future[T],
    latest: dict[str, IngestProgress],
    events: queue.SimpleQueue[Event],
) -> None:
    stderr(tr("docs.stopping"))
    jobs = [one.job_id for one in latest.values() if not one.finished]
    with contextlib.suppress(StudyError):
        for job_id in jobs:
            wait(work.library.stop(job_id))
    if not jobs:
        future.cancel()
    # The file at work is finished or given up, so that the ledger is right when the program is gone.
    deadline = time.monotonic() + STOP_S
    silent = Line(quiet=True)
    while not future.done() and time.monotonic() < deadline:
        _take(events, latest, silent, timeout=0.1)
    done = sum(one.done for one in latest.values())
    total = sum(one.total for one in latest.values())
    stderr(tr("docs.stopped", done=done, total=total) if latest else tr("docs.stopped_early"))


def name_failed(failed: Sequence[Document], line: Line) -> None:
    """Name what could not be indexed, with the reason; of many the first ones."""
    for one in failed[:LISTED]:
        line.say(f"! {scan.shown(one.path)}: {clean(one.reason)}")
    if len(failed) > LISTED:
        line.say(tr("docs.more_failed", count=len(failed) - LISTED))
