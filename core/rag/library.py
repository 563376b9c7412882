"""The document library: what the app, the agent and the command line use."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from core.errors import StudyError, UsageError
from core.events import Document, Hit, IngestProgress, Notice
from core.i18n import tr
from core.rag import scan
from core.rag.fusion import fuse
from core.rag.index import Found, Index, IndexUnusable
from core.rag.ingest import Embed, Ingest, committed
from core.rag.keywords import query_terms
from core.rag.lock import WriterLock
from core.session import Store, documents
from core.text import clean_line

log = logging.getLogger(__name__)

CANDIDATES = 50
"""Chunks taken from each search before they are merged."""

MAX_QUERY_CHARS = 2_000
"""A longer question is cut: its vector would be an average of everything."""

Progress = Callable[[IngestProgress], None]


@dataclass(frozen=True, slots=True)
class ChunkView:
    """One chunk of a document, to be read in place."""

    chunk_id: str
    ordinal: int
    section: str
    text: str
    page: int | None
    char_start: int
    char_end: int


@dataclass(frozen=True, slots=True)
class DocumentView:
    """A document and its chunks, in reading order. No chunks: it has not been indexed (yet)."""

    document: Document
    chunks: list[ChunkView]


class Library:
    """Documents of the user, kept in a ledger (the store) and an index (LanceDB).

    Every method runs on one event loop. Nothing heavy is imported before something is added or found.

    Args:
        store: The session store with the ledger.
        index_dir: Directory of the index; made when needed.
        embed: Turns texts into vectors, one for each, all of one length.
        embed_model: Its name. Vectors of another model are never searched: the index is made anew.
        on_notice: Called when something happened that the user should know.
    """

    def __init__(
        self,
        store: Store,
        index_dir: Path,
        embed: Embed,
        embed_model: str,
        on_notice: Callable[[Notice], None] | None = None,
    ) -> None:
        self._store = store
        self._embed = embed
        self._notice = on_notice or (lambda notice: log.warning("%s", notice.text))
        self._index = Index(index_dir, embed_model)
        self._lock = WriterLock(index_dir.with_name(f"{index_dir.name}.lock"))
        self._ingest = Ingest(store, self._index, embed, embed_model)
        self._writing = asyncio.Lock()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closing = False

    async def open(self) -> None:
        """Make ready. Cheap: LanceDB is loaded with the first search or document."""
        self._closing = False

    async def close(self) -> None:
        """Stop. A job that is running stays unfinished in the ledger: :meth:`resume` continues it."""
        self._closing = True
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._ingest.close()
        self._index.close()

    # -- adding -------------------------------------------------------------------------------------

    async def add(self, paths: Sequence[Path], on_progress: Progress) -> str:
        """Index files and folders; folders are walked, unchanged files skipped, changed ones replaced.

        Every file ends ``indexed``, or ``failed`` with a reason in the ledger. Cancelling the task that waits
        here stops the job: files not reached keep what they had, new ones are marked as stopped.

        Returns:
            The job's id.

        Raises:
            UsageError: A path does not exist, or there is nothing to index in it.
            StudyError: ``error.rag.busy`` when another process is adding documents.
        """
        absolute = await asyncio.to_thread(scan.check_paths, paths)
        found = await asyncio.to_thread(scan.find_files, absolute)
        if not found:
            raise UsageError("error.rag.no_files", path=scan.shown(absolute[0]) if absolute else "")
        self._lock.acquire()
        try:
            job_id = await committed(
                documents.start_job(self._store, [scan.stored(path) for path in absolute])
            )
            await self._tracked(self._run(job_id, found, on_progress))
        finally:
            self._lock.release()
        return job_id

    async def resume(self, on_progress: Progress) -> None:
        """Continue what a crash or an exit cut off, and put right an index that was lost.

        Does nothing when another process is adding documents: what looks unfinished is its work.
        """
        try:
            self._lock.acquire()
        except StudyError:
            return
        try:
            await self._tracked(self._resume(on_progress))
        finally:
            self._lock.release()

    async def _resume(self, on_progress: Progress) -> None:
        jobs = await asyncio.to_thread(documents.unfinished_jobs, self._store)
        await self._check_index(thorough=bool(jobs))
        for job in jobs:
            paths = [scan.opened(path) for path in job.paths]
            found = await asyncio.to_thread(scan.find_files, paths)
            await self._run(job.id, found, on_progress)
        waiting = await asyncio.to_thread(self._ingest.waiting)
        if waiting and not self._writing.locked():
            job_id = await committed(
                documents.start_job(self._store, [scan.stored(item.path) for item in waiting])
            )
            await self._run(job_id, waiting, on_progress)

    async def _run(self, job_id: str, found: Sequence[scan.Candidate], on_progress: Progress) -> None:
        began = False
        try:
            async with self._writing:
                began = True
                await self._work(job_id, found, on_progress)
        except asyncio.CancelledError:
            # At exit the job stays unfinished, for the next start; a job the user stopped is over.
            if not self._closing:
                if began:
                    await self._ingest.stopped(found)
                await committed(documents.finish_job(self._store, job_id, status="cancelled"))
            raise
        await committed(documents.finish_job(self._store, job_id, status="done"))

    async def _work(self, job_id: str, found: Sequence[scan.Candidate], on_progress: Progress) -> None:
        try:
            await self._ingest.run(job_id, found, on_progress)
        except IndexUnusable as unusable:
            # The index was lost: start over with an empty one, and with every document that was in it.
            await self._start_over(unusable.reason)
            await self._ingest.run(job_id, await asyncio.to_thread(self._ingest.waiting), on_progress)

    async def _tracked(self, work: Awaitable[None]) -> None:
        """Await ``work`` in a task that :meth:`close` can cancel."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        try:
            await task
        finally:
            self._tasks.discard(task)

    # -- reading ------------------------------------------------------------------------------------

    def documents(self) -> list[Document]:
        """Return the ledger, by path, with paths fit to be shown."""
        return [_shown(document) for document in documents.list_documents(self._store)]

    async def search(self, query: str, k: int = 5) -> list[Hit]:
        """Find passages.

        Args:
            query: A question or words, in any language the embedding model knows.
            k: How many passages at most.

        Returns:
            Best first. ``score`` (0–1, defined in :func:`core.rag.fusion.fuse`) orders the list and is
            comparable between queries; ``vector_score`` is the cosine similarity; ``keyword_score`` the BM25 or
            ``None`` when no word was shared.
        """
        query = clean_line(query, max_chars=MAX_QUERY_CHARS)
        if not query or k < 1:
            return []
        if not self._index.exists:
            if await asyncio.to_thread(self._store.query, "SELECT 1 FROM documents WHERE chunks > 0 LIMIT 1"):
                self._rebuild("missing")
            return []
        vector = (await self._embed([query]))[0]
        if not all(math.isfinite(value) for value in vector):
            raise StudyError("error.rag.embedding")
        limit = max(CANDIDATES, 2 * k)
        words = query_terms(query)
        try:
            by_vector, by_words = await asyncio.gather(
                self._index.search_vector(vector, limit),
                self._index.search_keywords(words, vector, limit),
            )
        except IndexUnusable as unusable:
            self._rebuild(unusable.reason)
            return []
        fused = fuse(query, words, by_vector, by_words)
        paths = await asyncio.to_thread(self._paths, {item.found.document_id for item in fused})
        # A chunk whose document is not in the ledger was removed; the index catches up later.
        known = [item for item in fused if item.found.document_id in paths]
        return [_hit(paths[item.found.document_id], item.found, item.score) for item in known[:k]]

    def _paths(self, document_ids: set[str]) -> dict[str, str]:
        marks = ", ".join("?" * len(document_ids))
        rows = self._store.query(f"SELECT id, path FROM documents WHERE id IN ({marks})", list(document_ids))
        return {row["id"]: scan.shown(row["path"]) for row in rows}

    async def view(self, document_id: str) -> DocumentView:
        """Return a document with its chunks.

        Raises:
            UsageError: There is no such document.
        """
        document = await asyncio.to_thread(documents.get_document, self._store, document_id)
        if document is None:
            raise UsageError("error.rag.unknown", id=document_id)
        chunks: list[ChunkView] = []
        if self._index.exists:
            try:
                found = await self._index.chunks(document.id)
            except IndexUnusable as unusable:
                self._rebuild(unusable.reason)
                found = []
            chunks = [
                ChunkView(
                    name, item.ordinal, item.section, item.text, item.page, item.char_start, item.char_end
                )
                for name, item in found
            ]
        return DocumentView(_shown(document), chunks)

    async def remove(self, document_id: str) -> None:
        """Forget a document (the file itself is not touched).

        Raises:
            UsageError: There is no such document.
            StudyError: ``error.rag.busy`` when another process is adding documents.
        """
        document = await asyncio.to_thread(documents.get_document, self._store, document_id)
        if document is None:
            raise UsageError("error.rag.unknown", id=document_id)
        self._lock.acquire()
        try:
            async with self._writing:
                # The ledger first: what is not in it is never found, even when a crash comes in between.
                await committed(documents.remove_document(self._store, document.id))
                if self._index.exists:
                    await self._index.delete(document.id)
        except IndexUnusable as unusable:
            self._rebuild(unusable.reason)
        finally:
            self._lock.release()

    # -- repair -------------------------------------------------------------------------------------

    async def _check_index(self, *, thorough: bool) -> None:
        """Compare ledger and index; what the index lost is queued again, what only it has is deleted."""
        ledger = await asyncio.to_thread(documents.list_documents, self._store)
        claimed = {item.id: item.chunks for item in ledger if item.chunks}
        if not self._index.exists:
            if claimed:
                await self._start_over("missing")
            return
        if not thorough:
            return
        try:
            counts = await self._index.counts()
        except IndexUnusable as unusable:
            await self._start_over(unusable.reason)
            return
        known = {item.id for item in ledger}
        for document_id in counts.keys() - known:
            await self._index.delete(document_id)
        for document_id, chunks in claimed.items():
            if counts.get(document_id, 0) != chunks:
                await self._ingest.requeue(document_id, "rag.reason.repair")

    async def _start_over(self, reason: str) -> None:
        # The ledger first: whatever happens next, it does not claim what the index does not have.
        for document in await asyncio.to_thread(documents.list_documents, self._store):
            if document.chunks or document.status != "failed":
                await self._ingest.requeue(document.id, "rag.reason.rebuild")
        await self._index.reset()
        self._notice(Notice(tr(f"rag.index.{reason}"), "warning"))

    def _rebuild(self, reason: str) -> None:
        """Make the index anew from the files, in the background."""
        if self._tasks or self._closing:
            return  # a running job finds out by itself, or this is already being done

        async def work() -> None:
            try:
                self._lock.acquire()
            except StudyError:
                return
            try:
                await self._start_over(reason)
                await self._resume(lambda progress: None)
            finally:
                self._lock.release()

        task = asyncio.ensure_future(work())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _shown(document: Document) -> Document:
    return replace(document, path=scan.shown(document.path))


def _hit(path: str, found: Found, score: float) -> Hit:
    chunk = found.chunk
    return Hit(
        document_id=found.document_id,
        document=Path(path).name,
        path=path,
        section=chunk.section,
        text=chunk.text,
        score=round(score, 4),
        chunk_id=found.chunk_id,
        vector_score=round(found.cosine, 4),
        keyword_score=None if found.bm25 is None else round(found.bm25, 3),
        char_start=chunk.char_start,
        char_end=chunk.char_end,
        page=chunk.page,
    )
