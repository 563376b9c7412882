"""An ingest job: takes files one by one from the disk into ledger and index.

The ledger is written first, then told to whoever watches: what was shown survives a crash. The index gets a
document in one commit, so readers see the old version or the new one.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from core.errors import StudyError
from core.events import Document, DocumentStatus, IngestProgress
from core.i18n import tr
from core.rag import scan
from core.rag.chunking import CHUNKER, Chunk
from core.rag.index import Index, IndexUnusable
from core.rag.parsing.loaders import PARSER, LoadError, media_type
from core.rag.parsing.parser import Parsed, Parser
from core.session import Store, documents
from core.session.chat import new_id

Embed = Callable[[list[str]], Awaitable[list[list[float]]]]

T = TypeVar("T")
log = logging.getLogger(__name__)

EMBED_BATCH = 32
"""Texts in one embedding request."""


COMPACT_EVERY = 50
"""Documents after which the index is compacted: every commit adds files, and the next commit reads them all."""


@dataclass(frozen=True, slots=True)
class _Row:
    """What the ledger knows of a file."""

    id: str
    status: str
    bytes: int
    mtime_ns: int
    content_hash: str
    pipeline: str
    chunks: int


@dataclass(slots=True)
class _Counter:
    job_id: str
    total: int
    report: Callable[[IngestProgress], None]
    done: int = 0
    failed: int = 0

    def step(self, *, ok: bool, path: Path) -> None:
        self.done += 1
        self.failed += not ok
        self.say(path)

    def say(self, path: Path | None = None, *, finished: bool = False) -> None:
        current = scan.shown(path) if path else ""
        self.report(IngestProgress(self.job_id, self.total, self.done, self.failed, current, finished))


class Ingest:
    """The work of one job at a time. The caller holds the writer's lock."""

    def __init__(self, store: Store, index: Index, embed: Embed, embed_model: str) -> None:
        self._store = store
        self._index = index
        self._embed = embed
        self._parser = Parser()
        self.pipeline = f"{PARSER}/{CHUNKER}/{embed_model}"

    async def close(self) -> None:
        """End the parser process."""
        await self._parser.close()

    async def run(
        self,
        job_id: str,
        found: Sequence[scan.Candidate],
        on_progress: Callable[[IngestProgress], None],
    ) -> None:
        """Index every file of ``found`` that changed. Returns when each one is indexed or failed."""
        counter = _Counter(job_id, len(found), on_progress)
        rows = await asyncio.to_thread(self._rows)
        changed = []
        for item in found:
            row = rows.get(scan.stored(item.path))
            if row and self._unchanged(row, item):
                counter.done += 1
            else:
                changed.append((item, row))
        queued = [(item, await self._queue(item, row)) for item, row in changed]
        counter.say()
        for number, (item, row) in enumerate(queued, 1):
            counter.say(item.path)
            counter.step(ok=await self._file(item, row), path=item.path)
            if number % COMPACT_EVERY == 0 and self._index.exists:
                await self._index.compact()
        if queued and self._index.exists:
            await self._index.compact()
        counter.say(finished=True)

    async def stopped(self, found: Sequence[scan.Candidate]) -> None:
        """Put the rows right after a job was cancelled: an old version is still there, or nothing is."""
        rows = await asyncio.to_thread(self._rows)
        for item in found:
            row = rows.get(scan.stored(item.path))
            if row and row.status in ("queued", "parsing", "embedding"):
                if row.chunks:
                    await self._set(row, "indexed")
                else:
                    await self._set(row, "failed", reason=tr("rag.reason.stopped"))

    async def requeue(self, document_id: str, reason_key: str) -> None:
        """Mark a document as to be indexed again although its file did not change."""
        await committed(
            documents.set_status(
                self._store,
                document_id,
                "queued",
                reason=tr(reason_key),
                chunks=0,
                content_hash="",
                mtime_ns=0,
            )
        )

    def waiting(self) -> list[scan.Candidate]:
        """Return the files the ledger says are in the middle of something. Blocking."""
        found = self._store.query(
            "SELECT path FROM documents WHERE status IN ('queued', 'parsing', 'embedding') ORDER BY path"
        )
        return [scan.candidate(scan.opened(row["path"])) for row in found]

    # -- one file -----------------------------------------------------------------------------------

    async def _file(self, item: scan.Candidate, row: _Row) -> bool:
        try:
            await self._set(row, "parsing")
            started = time.perf_counter()
            known = row.content_hash if row.pipeline == self.pipeline and row.chunks else ""
            parsed = await self._parser.parse(item.path, known_hash=known)
            if parsed.unchanged:
                await self._set(row, "indexed", mtime_ns=parsed.mtime_ns, bytes=parsed.bytes)
                return True
            if not parsed.chunks:
                raise LoadError("empty")
            parse_ms = (time.perf_counter() - started) * 1000
            # Without its hash: from here on the index may hold another version than the row describes.
            await self._set(row, "embedding", parse_ms=parse_ms, content_hash="")
            started = time.perf_counter()
            vectors = await self._vectors(parsed.chunks)
            embed_ms = (time.perf_counter() - started) * 1000
            written = await self._index.replace(
                row.id, parsed.chunks, vectors, scan.shown(Path(item.path.stem))
            )
            if written != len(parsed.chunks):
                raise LoadError("repair")
            await self._indexed(item, row, parsed, parse_ms, embed_ms)
        except LoadError as error:
            await self._set(row, "failed", reason=tr(f"rag.reason.{error.reason}", **error.params))
            return False
        except StudyError as error:
            await self._set(row, "failed", reason=str(error))
            return False
        except IndexUnusable:
            raise
        except Exception as error:
            # A fault of ours on one file must not leave the others in the queue for ever.
            log.exception("indexing %r failed", item.path)
            await self._set(row, "failed", reason=tr("rag.reason.internal", error=type(error).__name__))
            return False
        return True

    async def _indexed(
        self, item: scan.Candidate, row: _Row, parsed: Parsed, parse_ms: float, embed_ms: float
    ) -> None:
        await self._set(
            row,
            "indexed",
            title=parsed.title or scan.shown(Path(item.path.stem)),
            media_type=parsed.media_type,
            bytes=parsed.bytes,
            mtime_ns=parsed.mtime_ns,
            content_hash=parsed.content_hash,
            pipeline=self.pipeline,
            chunks=len(parsed.chunks),
            chars=parsed.chars,
            parse_ms=parse_ms,
            embed_ms=embed_ms,
        )

    async def _vectors(self, chunks: Sequence[Chunk]) -> list[Any]:
        """Embed chunks; float32 arrays, because lists of a long document's floats would fill the memory."""
        arrays: list[Any] = []
        for start in range(0, len(chunks), EMBED_BATCH):
            texts = [chunk.text for chunk in chunks[start : start + EMBED_BATCH]]
            array = await asyncio.to_thread(_array, await self._embed(texts))
            wrong = array.ndim != 2 or len(array) != len(texts)
            if wrong or (arrays and array.shape[1] != arrays[0].shape[1]) or not _usable(array):
                raise StudyError("error.rag.embedding")
            arrays.append(array)
        return arrays

    # -- the ledger ---------------------------------------------------------------------------------

    def _rows(self) -> dict[str, _Row]:
        found = self._store.query(
            "SELECT path, id, status, bytes, mtime_ns, content_hash, pipeline, chunks FROM documents"
        )
        return {
            row["path"]: _Row(
                row["id"],
                row["status"],
                row["bytes"] or 0,
                row["mtime_ns"] or 0,
                row["content_hash"] or "",
                row["pipeline"] or "",
                row["chunks"] or 0,
            )
            for row in found
        }

    def _unchanged(self, row: _Row, item: scan.Candidate) -> bool:
        same_file = (row.bytes, row.mtime_ns) == (item.bytes, item.mtime_ns)
        return row.status == "indexed" and same_file and row.pipeline == self.pipeline

    async def _queue(self, item: scan.Candidate, row: _Row | None) -> _Row:
        if row:
            await self._set(row, "queued")
            return row
        now = time.time()
        document = Document(
            id=new_id(),
            path=scan.stored(item.path),
            title=scan.shown(Path(item.path.stem)),
            status="queued",
            media_type=media_type(item.path),
            bytes=max(0, item.bytes),
            added_at=now,
            updated_at=now,
        )
        await committed(documents.put_document(self._store, document))
        return _Row(document.id, "queued", 0, 0, "", "", 0)

    async def _set(self, row: _Row, status: DocumentStatus, *, reason: str = "", **fields: Any) -> None:
        await committed(documents.set_status(self._store, row.id, status, reason=reason, **fields))


async def committed(future: concurrent.futures.Future[T]) -> T:
    """Wait for a write. Cancelling the wait does not cancel the write, which is queued already."""
    return await asyncio.shield(asyncio.wrap_future(future))


def _array(vectors: list[list[float]]) -> Any:
    import numpy as np

    return np.asarray(vectors, dtype=np.float32)


def _usable(array: Any) -> bool:
    """Say whether every vector is finite and not zero: LanceDB would take others, and never find them."""
    import numpy as np

    return (
        bool(array.shape[1])
        and bool(np.isfinite(array).all())
        and bool((np.abs(array).sum(axis=1) > 0).all())
    )
