"""The LanceDB side: chunks with their vectors and keywords. Nothing here knows files or the ledger.

LanceDB costs a second and 125 MB to import, so it is imported on first use, in a thread.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import shutil
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from core.errors import StudyError
from core.rag.chunking import Chunk, chunk_id
from core.rag.keywords import terms
from core.text import clean_line

T = TypeVar("T")
log = logging.getLogger(__name__)

TABLE = "chunks"
MANIFEST = "manifest.json"
FORMAT = 1
KEEP_VERSIONS = timedelta(hours=1)
"""Older versions of the table are deleted; a reader may still be in a younger one."""

VECTOR_INDEX_ROWS = 30_000
"""From so many chunks on, comparing with every vector is too slow, and an IVF index with 8-bit codes is made."""

_COLUMNS = ["id", "doc_id", "ordinal", "section", "text", "page", "char_start", "char_end"]


class IndexUnusable(Exception):
    """The index directory is missing, damaged or of another embedding model: it must be made anew."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class Found:
    """A chunk one of the two searches found."""

    chunk_id: str
    document_id: str
    chunk: Chunk
    cosine: float
    """Similarity to the query's vector, -1–1."""
    bm25: float | None = None
    """How well the query's words are met; ``None`` when the chunk was found by its vector only."""


class Index:
    """Chunks on disk. One writer at a time (the caller sees to that), any number of readers."""

    def __init__(self, directory: Path, embed_model: str) -> None:
        self._directory = directory
        self._embed_model = embed_model
        self._opening = asyncio.Lock()
        self._table: Any = None
        self._dim = 0

    @property
    def exists(self) -> bool:
        """Whether there is an index on disk. Looks at one file only."""
        return (self._directory / MANIFEST).exists()

    async def search_vector(self, vector: Sequence[float], limit: int) -> list[Found]:
        """Return the chunks nearest to ``vector`` by cosine similarity, best first.

        Raises:
            IndexUnusable: There is no index, or it cannot be read.
            StudyError: ``error.rag.dimension``.
        """

        async def read(table: Any) -> list[Found]:
            # Checked here: LanceDB's own error for this looks like one of a damaged table.
            if len(vector) != self._dim:
                raise StudyError("error.rag.dimension", found=len(vector), expected=self._dim)
            query = table.query().nearest_to(list(vector)).distance_type("cosine")
            query = query.select([*_COLUMNS, "_distance"]).limit(limit).refine_factor(5)
            return [_found(row, 1.0 - row["_distance"]) for row in await query.to_list()]

        return await self._read(read)

    async def search_keywords(self, words: Sequence[str], vector: Sequence[float], limit: int) -> list[Found]:
        """Return the chunks with most of ``words``, best first by BM25, with their similarity to ``vector``."""

        if not words:
            return []

        async def read(table: Any) -> list[Found]:
            import numpy as np
            from lancedb import query as lance

            match: Any = lance.MatchQuery
            query = table.query().nearest_to_text(match(" ".join(words), "keywords"))
            rows = await query.select([*_COLUMNS, "vector", "_score"]).limit(limit).to_list()
            wanted = np.asarray(vector, dtype=np.float32)
            found = []
            for row in rows:
                stored = np.asarray(row["vector"], dtype=np.float32)
                norm = float(np.linalg.norm(stored) * np.linalg.norm(wanted))
                found.append(_found(row, float(stored @ wanted) / norm if norm else 0.0, row["_score"]))
            return found

        return await self._read(read)

    async def chunks(self, document_id: str) -> list[tuple[str, Chunk]]:
        """Return a document's chunks with their ids, in order."""

        async def read(table: Any) -> list[tuple[str, Chunk]]:
            rows = await table.query().where(_is(document_id)).select(_COLUMNS).to_list()
            return sorted(((row["id"], _chunk(row)) for row in rows), key=lambda item: item[1].ordinal)

        return await self._read(read)

    async def counts(self) -> dict[str, int]:
        """Return how many chunks each document has."""

        async def read(table: Any) -> dict[str, int]:
            column = (await table.query().select(["doc_id"]).to_arrow()).column("doc_id")
            return {item["values"]: item["counts"] for item in column.value_counts().to_pylist()}

        return await self._read(read)

    async def replace(
        self, document_id: str, chunks: Sequence[Chunk], vectors: Sequence[Any], keywords_prefix: str = ""
    ) -> int:
        """Put a document's chunks in place of the ones it had, in one commit.

        Args:
            document_id: Hexadecimal.
            chunks: At least one.
            vectors: Float32 arrays of shape (n, dim), which together have a row for each chunk.
            keywords_prefix: Text whose keywords every chunk is also found by (the file's name).

        Returns:
            How many chunks of the document the index has afterwards.

        Raises:
            IndexUnusable: The index on disk cannot be opened.
            StudyError: ``error.rag.write`` or ``error.rag.dimension``; the old chunks are still there.
        """
        table = await self._open(create_dim=int(vectors[0].shape[1]))
        data = await asyncio.to_thread(_arrow_table, document_id, chunks, vectors, keywords_prefix, self._dim)
        try:
            # A stale handle would not see rows another process wrote, and add them a second time.
            await table.checkout_latest()
            merge = table.merge_insert("id").when_matched_update_all().when_not_matched_insert_all()
            await merge.when_not_matched_by_source_delete(_is(document_id)).execute(data)
            return int(await table.count_rows(_is(document_id)))
        except (RuntimeError, OSError) as error:
            # The disk is full, or the directory went away: the next use opens it again and finds out.
            self.close()
            log.warning("writing the index failed: %s", error)
            raise StudyError("error.rag.write", reason=clean_line(str(error))) from error

    async def delete(self, document_id: str) -> None:
        """Delete a document's chunks."""
        table = await self._open()
        await table.checkout_latest()
        await table.delete(_is(document_id))

    async def compact(self) -> None:
        """Join small files, take new rows into the indices and drop old versions."""
        table = await self._open()
        await table.checkout_latest()
        if await table.count_rows() >= VECTOR_INDEX_ROWS:
            await self._index_vectors(table)
        for attempt in range(3):
            try:
                await table.optimize(cleanup_older_than=KEEP_VERSIONS)
                return
            except (RuntimeError, OSError) as error:
                # Another process's commit came in between: the data is right, only compaction was put off.
                log.info("compaction attempt %d: %s", attempt + 1, error)
                await table.checkout_latest()

    async def reset(self) -> None:
        """Delete everything."""
        self._table = None
        await asyncio.to_thread(shutil.rmtree, self._directory, True)

    def close(self) -> None:
        """Forget the open table."""
        if self._table is not None:
            self._table.close()
            self._table = None

    async def _read(self, read: Callable[[Any], Awaitable[T]]) -> T:
        """Read; when it fails, once more through a fresh handle, and then give the index up."""
        try:
            return await read(await self._open())
        except (RuntimeError, OSError, ValueError) as error:
            log.info("reading the index failed, opening it again: %s", error)
        self.close()
        try:
            return await read(await self._open())
        except (RuntimeError, OSError, ValueError) as error:
            self.close()
            log.warning("the index cannot be read: %s", error)
            raise IndexUnusable("damaged") from error

    # -- opening ------------------------------------------------------------------------------------

    async def _open(self, create_dim: int = 0) -> Any:
        """Return the table.

        Args:
            create_dim: Length of the vectors about to be written; a missing index is created for it.

        Raises:
            IndexUnusable: There is none, or it cannot be used.
            StudyError: ``error.rag.dimension`` when the vectors have another length than the table's.
        """
        async with self._opening:
            if self._table is None:
                self._table = (
                    await self._create(create_dim)
                    if create_dim and not self.exists
                    else await self._connect()
                )
        if create_dim and create_dim != self._dim:
            raise StudyError("error.rag.dimension", found=create_dim, expected=self._dim)
        return self._table

    async def _connect(self) -> Any:
        try:
            manifest = json.loads((self._directory / MANIFEST).read_text("utf-8"))
            model, self._dim = manifest["embed_model"], int(manifest["dim"])
        except FileNotFoundError as error:
            raise IndexUnusable("missing") from error
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise IndexUnusable("damaged") from error
        if model != self._embed_model or manifest.get("format") != FORMAT:
            raise IndexUnusable("model")
        lancedb = await asyncio.to_thread(_import_lancedb)
        try:
            database = await lancedb.connect_async(self._directory, read_consistency_interval=timedelta(0))
            table = await database.open_table(TABLE)
            await table.count_rows()
        except (RuntimeError, ValueError, OSError) as error:
            log.warning("the index does not open: %s", error)
            raise IndexUnusable("damaged") from error
        return table

    async def _create(self, dim: int) -> Any:
        lancedb = await asyncio.to_thread(_import_lancedb)
        from lancedb.index import FTS

        # What lies there without a manifest is the rest of an index whose creation was cut off.
        await asyncio.to_thread(shutil.rmtree, self._directory, True)
        self._directory.mkdir(parents=True, mode=0o700)
        database = await lancedb.connect_async(self._directory, read_consistency_interval=timedelta(0))
        table = await database.create_table(TABLE, schema=_schema(dim))
        words = FTS(
            base_tokenizer="whitespace",
            lower_case=False,
            stem=False,
            remove_stop_words=False,
            ascii_folding=False,
            with_position=False,
        )
        await table.create_index("keywords", config=words)
        # Last, because its presence says that the rest is there.
        manifest = {"format": FORMAT, "embed_model": self._embed_model, "dim": dim}
        (self._directory / MANIFEST).write_text(json.dumps(manifest), "utf-8")
        self._dim = dim
        return table

    async def _index_vectors(self, table: Any) -> None:
        from lancedb.index import IvfSq

        if not any("vector" in index.columns for index in await table.list_indices()):
            await table.create_index("vector", config=IvfSq(distance_type="cosine"))


def _import_lancedb() -> Any:
    # Lance writes warnings straight to file descriptor 2, into the interface, unless told before the import.
    os.environ.setdefault("LANCEDB_LOG", "error")
    import lancedb
    import lancedb.index
    import lancedb.query

    return lancedb


def _is(document_id: str) -> str:
    if not document_id.isalnum():
        raise ValueError(document_id)
    return f"doc_id = '{document_id}'"


def _schema(dim: int) -> Any:
    import pyarrow as pa

    return pa.schema(
        [
            ("id", pa.string()),
            ("doc_id", pa.string()),
            ("ordinal", pa.int32()),
            ("section", pa.string()),
            ("text", pa.string()),
            ("keywords", pa.string()),
            ("page", pa.int32()),
            ("char_start", pa.int64()),
            ("char_end", pa.int64()),
            ("vector", pa.list_(pa.float32(), dim)),
        ]
    )


def _arrow_table(
    document_id: str, chunks: Sequence[Chunk], vectors: Sequence[Any], prefix: str, dim: int
) -> Any:
    import numpy as np
    import pyarrow as pa

    flat = np.concatenate(vectors).astype(np.float32, copy=False)
    columns = {
        "id": [chunk_id(document_id, chunk) for chunk in chunks],
        "doc_id": [document_id] * len(chunks),
        "ordinal": [chunk.ordinal for chunk in chunks],
        "section": [chunk.section for chunk in chunks],
        "text": [chunk.text for chunk in chunks],
        "keywords": [" ".join(terms(f"{prefix} {chunk.section} {chunk.text}")) for chunk in chunks],
        "page": [chunk.page for chunk in chunks],
        "char_start": [chunk.char_start for chunk in chunks],
        "char_end": [chunk.char_end for chunk in chunks],
        "vector": pa.FixedSizeListArray.from_arrays(pa.array(flat.ravel()), dim),
    }
    return pa.Table.from_pydict(columns, schema=_schema(dim))


def _chunk(row: dict[str, Any]) -> Chunk:
    return Chunk(row["ordinal"], row["section"], row["text"], row["char_start"], row["char_end"], row["page"])


def _found(row: dict[str, Any], cosine: float, bm25: float | None = None) -> Found:
    return Found(row["id"], row["doc_id"], _chunk(row), cosine, bm25)
