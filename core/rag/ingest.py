"""The work of an ingest job: takes files from the disk into index and ledger, several at a time.

A parser process reads ahead while what was read is embedded, and several documents go into the index in one commit.
The index is written first and the ledger then points to it: whatever happens in between, the ledger describes what
a search finds, and chunks that nothing points to are never found and cleaned away by a check.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.errors import StudyError
from core.events import IngestProgress
from core.i18n import tr
from core.rag import scan
from core.rag.chunking import Chunking, embedded_text
from core.rag.embedding import Embedder
from core.rag.index import Index
from core.rag.ledger import Ledger, Row, called, listed, storage_key
from core.rag.parsing.loaders import PARSER, LoadError
from core.rag.parsing.parser import Parsed, Parser

log = logging.getLogger(__name__)

BATCH_DOCUMENTS = 24
BATCH_CHUNKS = 256
"""A commit to the index takes at most so many documents, and no further one when it has so many chunks."""

READ_AHEAD = 12
"""Parsed documents that wait for the embedder at most: they are in memory."""

COMPACT_EVERY = 400
"""Documents after which the index is compacted: every commit adds files, and the next commit reads them all."""

CHANGING_TRIES = 3
"""How often a file that changes while it is read is read again, at the job's end, before it fails."""

SAY_EVERY_S = 0.1

CANCEL_EVERY_S = 0.2

FILE_COST = 4_000
"""What a file takes besides its bytes, in bytes: an estimate of the time left must not hang on one tiny file."""


class Paused(Exception):
    """A job was paused before its last file. It is begun again when it is to go on: what it finished is not done twice."""


@dataclass(eq=False)
class Control:
    """How a job is steered and how it says where it is."""

    id: str
    report: Callable[[IngestProgress], None]
    kind: str = "add"
    collection: str = "default"
    stopped: bool = False
    total: int = 0
    done: int = 0
    failed: int = 0
    bytes_total: int = 0
    bytes_done: int = 0
    files: frozenset[str] = frozenset()
    """Stored paths of what it is about, once it has begun."""
    finished: dict[str, bool] = field(default_factory=dict)
    """Stored path → whether it went well, of what it has done."""
    _go: asyncio.Event = field(default_factory=asyncio.Event)
    _began: float = 0.0
    _said: float = 0.0
    _idle: float = 0.0

    def __post_init__(self) -> None:
        self._go.set()

    @property
    def paused(self) -> bool:
        """Whether it waits for the user."""
        return not self._go.is_set()

    def pause(self) -> None:
        """Take no further file; what is begun is finished."""
        self._go.clear()
        self.say(force=True)

    def resume(self) -> None:
        """Go on."""
        self._go.set()
        self.say(force=True)

    async def gate(self) -> None:
        """Wait while the job is paused."""
        await self._go.wait()

    def rested(self, seconds: float) -> None:
        """Leave a time out of the rate: nothing was to be done in it."""
        if self._began:
            self._idle += seconds

    def begin(self, found: Sequence[scan.Candidate], settled: Container[str] = ()) -> None:
        """Say how much there is to do, beside what was done before it was paused.

        Args:
            found: Everything the job is about.
            settled: Stored paths of what is still as the job left it.
        """
        self.files |= {item.stored for item in found}
        again = {item.stored for item in found if item.stored not in settled}
        self.finished = {path: ok for path, ok in self.finished.items() if path not in again}
        fresh = [item for item in found if item.stored not in self.finished]
        self.done, self.failed = len(self.finished), list(self.finished.values()).count(False)
        self.total = self.done + len(fresh)
        self.bytes_total = self.bytes_done + sum(max(0, item.bytes) for item in fresh)
        self._began = self._began or time.monotonic()

    def forget(self) -> None:
        """Do everything again: what was done is lost."""
        self.finished, self.bytes_done, self._began, self._idle = {}, 0, 0.0, 0.0

    def step(self, item: scan.Candidate, *, ok: bool = True) -> None:
        """Count a file."""
        self.done += 1
        self.failed += not ok
        self.finished[item.stored] = ok
        self.bytes_done += max(0, item.bytes)

    def say(self, path: Path | None = None, *, finished: bool = False, force: bool = False) -> None:
        """Tell whoever watches, a few times a second."""
        now = time.monotonic()
        if not (finished or force) and now - self._said < SAY_EVERY_S:
            return
        self._said = now
        spent = now - self._began - self._idle if self._began else 0.0
        rate = self.done / spent if spent > 0.2 and self.done else None
        bytes_rate = self.bytes_done / spent if spent > 0.2 and self.bytes_done else None
        work = self.bytes_done + FILE_COST * self.done
        left = self.bytes_total + FILE_COST * self.total - work
        # One or two files say nothing about the others yet.
        known = self.done >= min(3, self.total) and spent > 1 and work > 0
        self.report(
            IngestProgress(
                self.id,
                self.total,
                self.done,
                self.failed,
                scan.shown(path) if path else "",
                finished,
                kind=self.kind,
                collection=self.collection,
                paused=self.paused and not finished,
                rate=rate,
                bytes_rate=bytes_rate,
                eta_s=left * spent / work if known and not finished else None,
            )
        )


@dataclass(slots=True)
class _Work:
    """One file on its way."""

    item: scan.Candidate
    row: Row
    parsed: Parsed | None = None
    error: LoadError | None = None
    parse_ms: float = 0.0
    embed_ms: float = 0.0
    key: str = ""
    vectors: list[Any] = field(default_factory=list)
    tries: int = 1


class Ingest:
    """Indexes files of one collection. The caller holds the writer's lock and runs one job at a time."""

    def __init__(
        self, ledger: Ledger, index: Index, embedder: Embedder, parser: Parser, chunking: Chunking
    ) -> None:
        self._ledger = ledger
        self._index = index
        self._embedder = embedder
        self._parser = parser
        self._chunking = chunking
        self._since_compaction = 0
        self.writing = asyncio.Lock()
        """Held from the look at what the index has until the ledger points to it; by who takes documents out, too."""
        self.pipeline = f"{PARSER}/{chunking.version}/{embedder.name}"

    async def run(
        self, job: Control, found: Sequence[scan.Candidate], *, skip_failed: bool = False, again: bool = False
    ) -> None:
        """Index every file of ``found`` that changed. Returns when each one is indexed or failed.

        Args:
            job: Steers, and is told.
            found: Files, each once.
            skip_failed: Leave a file alone that failed before and did not change since.
            again: Read files that did not change, too.

        Raises:
            Paused: The job was paused; files it did not come to are in the queue. Everything else is written down.
            IndexUnusable: The index is gone or damaged.
            StudyError: The ledger cannot be written.
        """
        rows = await asyncio.to_thread(self._ledger.rows)
        job.begin(found, {path for path, row in rows.items() if row.status in ("indexed", "failed")})
        changed: list[tuple[scan.Candidate, Row | None]] = []
        for item in found:
            if item.stored in job.finished:
                continue
            row = rows.get(item.stored)
            if row and not again and self.unchanged(row, item, skip_failed=skip_failed):
                job.step(item)
            else:
                changed.append((item, row))
        job.say(force=True)
        if changed:
            queued = await self._ledger.queue(changed)
            await self._work(job, [_Work(item, row) for item, row in queued], fresh=again)
            if self._index.exists and self._since_compaction:
                await self._compact()

    async def _work(self, job: Control, works: list[_Work], *, fresh: bool) -> None:
        ready: asyncio.Queue[_Work | None] = asyncio.Queue(READ_AHEAD)
        reading = asyncio.create_task(self._read_all(job, works, ready, fresh=fresh))
        try:
            ended = False
            while not ended:
                batch, ended = await _gather(ready)
                # A batch that is begun is finished even when the job is stopped: a few seconds at most.
                if batch:
                    async with self.writing:
                        await self._finish(job, batch)
                    if self._since_compaction >= COMPACT_EVERY:
                        await self._compact()
            await reading
        finally:
            while not reading.done():
                # Again and again: a file that was read at that very moment swallows it (Python 3.11's wait_for does).
                reading.cancel()
                await asyncio.wait({reading}, timeout=CANCEL_EVERY_S)
            with contextlib.suppress(asyncio.CancelledError, StudyError, Paused):
                await reading

    async def _read_all(
        self, job: Control, works: list[_Work], ready: asyncio.Queue[_Work | None], *, fresh: bool
    ) -> None:
        """Parse files, in order; those that were changing once more at the end. ``None`` is the last in the queue."""
        try:
            waiting = works
            while waiting:
                again: list[_Work] = []
                for work in waiting:
                    if job.paused:
                        raise Paused
                    job.say(work.item.path)
                    self._ledger.note([work.row], "parsing")
                    await self._read(work, fresh=fresh)
                    if work.error and work.error.reason == "changing" and work.tries < CHANGING_TRIES:
                        work.tries, work.error = work.tries + 1, None
                        again.append(work)
                    else:
                        await ready.put(work)
                waiting = again
        except Exception:
            # Whoever takes from the queue must not wait for ever.
            await ready.put(None)
            raise
        await ready.put(None)

    async def _read(self, work: _Work, *, fresh: bool) -> None:
        row = work.row
        known = row.content_hash if row.stored_as and row.pipeline == self.pipeline and not fresh else ""
        started = time.perf_counter()
        try:
            work.parsed = await self._parser.parse(work.item.path, known_hash=known, chunking=self._chunking)
            if not work.parsed.unchanged and not work.parsed.chunks:
                raise LoadError("empty")
        except LoadError as error:
            work.error = error
        except Exception as error:
            # A fault of ours on one file must not leave the others in the queue for ever.
            log.exception("reading %r failed", work.item.path)
            work.error = LoadError("internal", error=type(error).__name__)
        work.parse_ms = (time.perf_counter() - started) * 1000

    # -- a batch --------------------------------------------------------------------------------------

    async def _finish(self, job: Control, batch: list[_Work]) -> None:
        """Embed and write what was read, and say in the ledger what became of each."""
        changes: dict[str, dict[str, Any]] = {}
        good: list[_Work] = []
        for work in batch:
            if work.error is not None:
                reason = tr(f"rag.reason.{work.error.reason}", **work.error.params)
                changes[work.row.id] = _failed(work, reason)
            elif work.parsed is not None and work.parsed.unchanged:
                changes[work.row.id] = _seen(work)
            else:
                good.append(work)
        if good:
            changes |= await self._store(good)
        await self._ledger.write(changes)
        # Nobody's are old versions, and new ones of documents that were removed meanwhile.
        keys = [work.row.stored_as for work in good if work.row.stored_as]
        keys += [work.key for work in good if changes[work.row.id]["status"] == "indexed"]
        gone = await asyncio.to_thread(self._ledger.unused, keys)
        if gone:
            try:
                await self._index.delete_many(gone)
            except StudyError as error:
                # Chunks of nobody are never found; the next check deletes them.
                log.warning("old chunks stay for now: %s", error)
        for work in batch:
            job.step(work.item, ok=changes[work.row.id]["status"] == "indexed")
        self._since_compaction += len(good)
        job.say(batch[-1].item.path, force=True)

    async def _store(self, works: list[_Work]) -> dict[str, dict[str, Any]]:
        """Put documents into the index, contents that are there already but once."""
        for work in works:
            assert work.parsed is not None  # noqa: S101 - the caller sorted out the others
            work.key = storage_key(work.parsed.content_hash, self.pipeline)
        there = await asyncio.to_thread(self._ledger.stored, [work.key for work in works])
        new: dict[str, _Work] = {}
        for work in works:
            if work.key not in there or work.key == work.row.stored_as:
                new.setdefault(work.key, work)
        names = await asyncio.to_thread(self._names, works)
        self._ledger.note([work.row for work in new.values()], "embedding")
        reasons = await self._embed(list(new.values()))
        writing = [work for work in new.values() if work.key not in reasons]
        opened = self._index.was_open
        try:
            counts = await self._index.replace_many(
                [(work.key, _chunks(work), work.vectors, names[work.key]) for work in writing]
            )
        except StudyError as error:
            if opened:
                # A full disk is these documents' failure; an index that went away is everybody's.
                await self._index.counts()
            counts = {}
            reasons |= {work.key: str(error) for work in writing}
        await self._rename({key: names[key] for key in there if key not in new})
        changes: dict[str, dict[str, Any]] = {}
        for work in works:
            expected = len(_chunks(work))
            found = counts.get(work.key, there.get(work.key, 0))
            if work.key in reasons:
                changes[work.row.id] = _failed(work, reasons[work.key])
            elif found != expected:
                changes[work.row.id] = _failed(work, tr("rag.reason.repair"))
            else:
                changes[work.row.id] = self._indexed(work)
        return changes

    def _names(self, works: Sequence[_Work]) -> dict[str, str]:
        """Return by key what documents are called, these and those with the same content, one a line. Blocking."""
        known = self._ledger.names([work.key for work in works])
        for work in works:
            known.setdefault(work.key, []).append(called(work.item.stored))
        return {key: listed(names) for key, names in known.items()}

    async def _rename(self, names: Mapping[str, str]) -> None:
        """Let what is in the index already be found by the names of those that have the same content, too."""
        if names and self._index.exists:
            try:
                await self._index.rename_many(names)
            except StudyError as error:
                # It is found by what it says and by its first name.
                log.warning("names of the same content are not written: %s", error)

    async def _embed(self, works: list[_Work]) -> dict[str, str]:
        """Embed documents together; one by one when that fails. Returns reasons by key."""
        if not works:
            return {}
        started = time.perf_counter()
        texts = [self._texts(work) for work in works]
        try:
            vectors = await self._embedder.documents([text for one in texts for text in one])
        except StudyError as error:
            if len(works) == 1:
                return {works[0].key: str(error)}
            reasons: dict[str, str] = {}
            for work in works:
                reasons |= await self._embed([work])
            return reasons
        took = (time.perf_counter() - started) * 1000
        reasons = {}
        start = 0
        for work, one in zip(works, texts, strict=True):
            work.vectors = vectors[start : start + len(one)]
            work.embed_ms = took * len(one) / max(1, len(vectors))
            start += len(one)
            if all(vector is None for vector in work.vectors):
                reasons[work.key] = str(StudyError("error.rag.embedding"))
        return reasons

    def _texts(self, work: _Work) -> list[str]:
        title = work.parsed.title if work.parsed and work.parsed.title else scan.shown(work.item.path.stem)
        return [embedded_text(chunk, title, self._chunking) for chunk in _chunks(work)]

    def _indexed(self, work: _Work) -> dict[str, Any]:
        parsed = work.parsed
        assert parsed is not None  # noqa: S101 - only parsed files get here
        return {
            **_seen(work),
            "title": parsed.title or scan.shown(work.item.path.stem),
            "media_type": parsed.media_type,
            "content_hash": parsed.content_hash,
            "pipeline": self.pipeline,
            "stored_as": work.key,
            "chunks": len(parsed.chunks),
            "chars": parsed.chars,
            "tokens": parsed.tokens,
            "pages": parsed.pages,
            "encoding": parsed.encoding,
            "note": tr(f"rag.note.{parsed.note}") if parsed.note else "",
            "parse_ms": work.parse_ms,
            "embed_ms": work.embed_ms,
        }

    def rows(self) -> dict[str, Row]:
        """Return what the ledger knows, by stored path. Blocking."""
        return self._ledger.rows()

    def unused(self, keys: Sequence[str]) -> list[str]:
        """Return which keys of the index no document refers to. Blocking."""
        return self._ledger.unused(keys)

    def unchanged(self, row: Row, item: scan.Candidate, *, skip_failed: bool = False) -> bool:
        """Say whether a row describes a file as it is; with ``skip_failed`` also one that failed as it is."""
        if (row.bytes, row.mtime_ns) != (item.bytes, item.mtime_ns):
            return False
        if row.status == "failed":
            return skip_failed
        return row.status == "indexed" and row.pipeline == self.pipeline

    async def _compact(self) -> None:
        self._since_compaction = 0
        try:
            await self._index.compact()
        except (RuntimeError, OSError) as error:
            # Put off, as for want of space: what is there can be searched as it is.
            log.warning("compacting failed: %s", error)


async def _gather(ready: asyncio.Queue[_Work | None]) -> tuple[list[_Work], bool]:
    """Take what is ready, at least one file. Returns it, and whether there is no more to come."""
    batch: list[_Work] = []
    chunks = 0
    while len(batch) < BATCH_DOCUMENTS and chunks < BATCH_CHUNKS:
        if batch and ready.empty():
            break
        work = await ready.get()
        if work is None:
            return batch, True
        batch.append(work)
        chunks += len(_chunks(work))
    return batch, False


def _chunks(work: _Work) -> tuple[Any, ...]:
    return work.parsed.chunks if work.parsed else ()


def _failed(work: _Work, reason: str) -> dict[str, Any]:
    """Say why; what is in the index of an older version stays there, and described."""
    file = {"bytes": max(0, work.item.bytes), "mtime_ns": work.item.mtime_ns}
    return {"status": "failed", "reason": reason, **file}


def _seen(work: _Work) -> dict[str, Any]:
    assert work.parsed is not None  # noqa: S101 - only parsed files get here
    return {
        "status": "indexed",
        "reason": "",
        "bytes": work.parsed.bytes,
        "mtime_ns": work.parsed.mtime_ns,
        "removed_at": None,
    }
