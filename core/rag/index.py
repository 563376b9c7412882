"""The LanceDB side: chunks with their vectors and keywords. Nothing here knows files or the ledger.

LanceDB costs a second and 125 MB to import, so it is imported on first use, in a thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import json
import logging
import os
import shutil
import sys
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from core.errors import StudyError
from core.rag import snapshot as snapshots
from core.rag import snapshot_file
from core.rag.chunking import Chunk
from core.rag.keywords import KEYWORDS
from core.rag.rows import COLUMNS, arrow_table, chunk_of, renamed, schema
from core.rag.snapshot import Snapshot
from core.text import clean_line

T = TypeVar("T")
log = logging.getLogger(__name__)

TABLE = "chunks"
MANIFEST = "manifest.json"
FORMAT = 3
KEEP_VERSIONS = timedelta(minutes=5)
"""Older versions of the table are deleted; a reader may still be in a younger one. An hour of them took three times
the space after a long ingest."""

VECTOR_INDEX_ROWS = 30_000
"""From so many chunks on, comparing with every vector is too slow, and an IVF index with 8-bit codes is made."""

VECTORS = "vector_768"
"""Its name."""

PART_ROWS = 768
PROBES = 32
"""Chunks in a partition of it, and partitions a search looks at. At 100,000 chunks that is a quarter of them; it finds as
many of the 100 nearest as looking at all (0.974: the rest is lost to the 8 bits) and every one of the 10 nearest."""

_FAULTS = (RuntimeError, OSError, ValueError)
"""What LanceDB raises when it cannot read."""

AT_ONCE_ROWS = 5_000
"""In a smaller index every search sees what was last written, and nothing but the index is on disk."""

PATIENCE = 5
"""In a larger one a search looks at an older state for at most so many times as long as it takes to read the new one."""


class IndexUnusable(Exception):
    """The index directory is missing, damaged or of another embedding model: it must be made anew."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class Index:
    """Chunks on disk or in object storage. One writer at a time (the caller sees to that), any number of readers.

    Args:
        directory: Where it is. Of an index in object storage only the manifest is here, beside the ledger.
        embed_model: What its vectors are of.
        storage: Where the tables are instead: ``s3://bucket/folder`` or another URI LanceDB takes. Keys and
            endpoint come from the environment (``AWS_ACCESS_KEY_ID``, ``AWS_ENDPOINT_URL``, ``AWS_ALLOW_HTTP``, …).
    """

    def __init__(self, directory: Path, embed_model: str, storage: str = "") -> None:
        self._directory = directory
        self._uri = f"{storage.rstrip('/')}/{directory.name}" if storage else ""
        self._embed_model = embed_model
        self._opening = asyncio.Lock()
        self._table: Any = None
        self._database: Any = None
        self._dim = 0
        self._snapshot: Snapshot | None = None
        self._making = asyncio.Lock()
        self.awaited = 0
        """Searches that wait for it to be read."""
        self._renewing: asyncio.Task[None] | None = None

    @property
    def exists(self) -> bool:
        """Whether there is an index on disk. Looks at one file only."""
        return (self._directory / MANIFEST).exists()

    async def snapshot(self) -> Snapshot:
        """Return what searches look at, made anew when the index changed since.

        Making it takes 0.5 s at 10,000 chunks and 3 s at 100,000, from its file 0.1 s. While documents are being added,
        searches that follow each other closely (:data:`PATIENCE`) look at the one there is, and the next one is made
        meanwhile.

        Raises:
            IndexUnusable: There is no index, or it cannot be read.
        """

        async def look(table: Any) -> Snapshot:
            version = await table.version()
            kept = self._snapshot
            if kept is not None and kept.version == version:
                return kept
            if kept is not None and kept.size >= AT_ONCE_ROWS and self._is_new(kept):
                if self._renewing is None or self._renewing.done():
                    self._renewing = asyncio.ensure_future(self._quietly_renewed())
                return kept
            self.awaited += 1
            try:
                return await self._renewed()
            finally:
                self.awaited -= 1

        return await self._read(look)

    async def nearest(
        self, snapshot: Snapshot, vector: Any, limit: int, documents: Collection[str] | None = None
    ) -> list[int]:
        """Return the places of the chunks nearest to a vector, best first.

        Only in about this order, and how near they are is not said: through its index LanceDB gives twice the distance.

        Args:
            documents: Only theirs.
        """
        if documents is not None and not documents:
            return []
        query = snapshot.table.query().nearest_to(vector).distance_type("cosine").nprobes(PROBES)
        query = query.select(["_distance"]).limit(limit).with_row_id()
        if documents is not None:
            # Their chunks may be few, and in none of the partitions that are looked at first.
            query = query.maximum_nprobes(0).where(_among(sorted(documents)))
        rows = await query.to_arrow()
        return snapshot.places(rows.column("_rowid").to_numpy())

    @property
    def dimensions(self) -> int:
        """Length of the vectors; 0 before the index was opened."""
        return self._dim

    async def chunks(self, document_id: str) -> list[tuple[str, Chunk]]:
        """Return a document's chunks with their ids, in order."""

        async def read(table: Any) -> list[tuple[str, Chunk]]:
            rows = await table.query().where(_is(document_id)).select(COLUMNS).to_list()
            return sorted(((row["id"], chunk_of(row)) for row in rows), key=lambda item: item[1].ordinal)

        return await self._read(read)

    @property
    def was_open(self) -> bool:
        """Whether it has been open in this process: then it is there, or it was lost."""
        return self._dim > 0

    async def counts(self) -> dict[str, int]:
        """Return how many chunks each document has."""
        return await self._read(_count)

    async def replace_many(
        self, documents: Sequence[tuple[str, Sequence[Chunk], Sequence[Any], str]]
    ) -> dict[str, int]:
        """Put several documents' chunks in place of the ones they had, in one commit.

        Args:
            documents: For each its key (letters and digits), its chunks, a float32 array of shape (dim,) or ``None``
                for each chunk, and names by whose words every chunk is also found, one a line (the files'). At
                least one vector must not be ``None`` while there is no index yet.

        Returns:
            How many chunks each document has in the index afterwards.

        Raises:
            IndexUnusable: The index on disk cannot be opened.
            StudyError: ``error.rag.write`` or ``error.rag.dimension``; the old chunks are still there.
        """
        if not documents:
            return {}
        vectors = [vector for document in documents for vector in document[2] if vector is not None]
        table = await self._open(create_dim=len(vectors[0]) if vectors else 0)
        data = await asyncio.to_thread(arrow_table, documents, self._dim)
        keys = [document[0] for document in documents]
        try:
            # A stale handle would not see rows another process wrote, and add them a second time.
            await table.checkout_latest()
            merge = table.merge_insert("id").when_matched_update_all().when_not_matched_insert_all()
            merge = merge.when_not_matched_by_source_delete(_among(keys))
            # "null" leaves a chunk without a vector as it is; otherwise LanceDB refuses the whole batch.
            await merge.execute(data, on_bad_vectors="null")
            return await _count(table, _among(keys))
        except (RuntimeError, OSError) as error:
            # The disk is full, or the directory went away: the next use opens it again and finds out.
            self.close()
            log.warning("writing the index failed: %s", error)
            raise StudyError("error.rag.write", reason=clean_line(str(error))) from error

    async def rename_many(self, names: Mapping[str, str]) -> None:
        """Let documents be found by the words of other names; vectors and everything else stay.

        Args:
            names: By key, one a line, see :meth:`replace_many`.

        Raises:
            IndexUnusable: The index on disk cannot be opened.
            StudyError: ``error.rag.write``; the old names' words still find it.
        """
        table = await self._open()
        keys = list(names)
        try:
            await table.checkout_latest()
            for start in range(0, len(keys), 500):
                found = table.query().where(_among(keys[start : start + 500]))
                rows = await found.select(["id", "doc_id", "section", "text"]).to_arrow()
                data = await asyncio.to_thread(renamed, rows, names)
                if data.num_rows:
                    await table.merge_insert("id").when_matched_update_all().execute(data)
        except (RuntimeError, OSError) as error:
            self.close()
            log.warning("renaming in the index failed: %s", error)
            raise StudyError("error.rag.write", reason=clean_line(str(error))) from error

    async def delete_many(self, keys: Sequence[str]) -> None:
        """Delete documents' chunks.

        Raises:
            IndexUnusable: The index on disk cannot be opened.
            StudyError: ``error.rag.write``.
        """
        table = await self._open()
        try:
            await table.checkout_latest()
            for start in range(0, len(keys), 500):
                await table.delete(_among(keys[start : start + 500]))
            # It has the texts, and no search may follow that would replace it.
            await asyncio.to_thread(snapshot_file.forget, self._directory)
        except (RuntimeError, OSError) as error:
            self.close()
            log.warning("deleting from the index failed: %s", error)
            raise StudyError("error.rag.write", reason=clean_line(str(error))) from error

    async def compact(self) -> None:
        """Join small files, take new rows into the indices and drop old versions."""
        table = await self._open()
        await table.checkout_latest()
        if await table.count_rows() >= VECTOR_INDEX_ROWS:
            await self._index_vectors(table)
        for attempt in range(3):
            try:
                await table.optimize(cleanup_older_than=KEEP_VERSIONS)
                await asyncio.to_thread(_give_back)
                return
            except (RuntimeError, OSError) as error:
                # Another process's commit came in between: the data is right, only compaction was put off.
                log.info("compaction attempt %d: %s", attempt + 1, error)
                await table.checkout_latest()

    async def reset(self) -> None:
        """Delete everything.

        Raises:
            StudyError: ``error.rag.storage`` when the object storage did not answer.
        """
        self._table = None
        self._forget()
        if self._uri and self.exists:
            try:
                await (await self._connected()).drop_all_tables()
            except _FAULTS as error:
                raise self._storage_fault(error) from error
        await asyncio.to_thread(shutil.rmtree, self._directory, True)

    def close(self) -> None:
        """Forget the open table."""
        if self._table is not None:
            self._table.close()
            self._table = None
        self._forget()

    def _forget(self) -> None:
        if self._renewing is not None:
            self._renewing.cancel()
            self._renewing = None
        if self._snapshot is not None:
            self._snapshot.table.close()
            self._snapshot = None

    def _is_new(self, kept: Snapshot) -> bool:
        return time.monotonic() - kept.made_at < PATIENCE * kept.took_s

    async def _renewed(self) -> Snapshot:
        """Make a snapshot of the newest version, unless another search just did."""
        async with self._making:
            await self._open()
            # Before the table is opened: what is read may be of a younger one then, but never pass for one.
            of = await asyncio.to_thread(self._born)
            # A handle of its own that stays at one version: what is read later belongs to what was counted.
            table = await self._database.open_table(TABLE)
            version = await table.version()
            if self._snapshot is not None and self._snapshot.version == version:
                table.close()
                return self._snapshot
            await table.checkout(version)
            rows = await table.count_rows()
            began = time.monotonic()
            partial = rows >= VECTOR_INDEX_ROWS
            if rows < AT_ONCE_ROWS:
                made = await snapshots.read(table, version, partial=partial)
                await asyncio.to_thread(snapshot_file.forget, self._directory)
            else:
                made = await snapshot_file.kept(self._directory, of, table, version, partial=partial)
            await asyncio.to_thread(_give_back)
            made.made_at = time.monotonic()
            made.took_s = made.took_s or made.made_at - began
            # The one before is not closed: a search may be reading from it.
            self._snapshot = made
            return self._snapshot

    def _born(self) -> str:
        """Tell this index from one that was here before, which had the same versions. Blocking."""
        there = (self._directory / MANIFEST).stat()
        return f"{there.st_ino} {there.st_mtime_ns}"

    async def _quietly_renewed(self) -> None:
        try:
            await self._renewed()
        except (*_FAULTS, IndexUnusable, StudyError) as error:
            log.info("the next search makes the snapshot: %s", error)

    async def _read(self, read: Callable[[Any], Awaitable[T]]) -> T:
        """Read; when it fails, once more through a fresh handle, and then give the index up."""
        try:
            return await read(await self._open())
        except (RuntimeError, OSError, ValueError) as error:
            log.info("reading the index failed, opening it again: %s", error)
        self.close()
        try:
            return await read(await self._open())
        except _FAULTS as error:
            self.close()
            log.warning("the index cannot be read: %s", error)
            raise self._unusable(error) from error

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
                if create_dim and not self.exists:
                    try:
                        self._table = await self._create(create_dim)
                    except _FAULTS as error:
                        log.warning("creating the index failed: %s", error)
                        raise StudyError("error.rag.write", reason=clean_line(str(error))) from error
                else:
                    self._table = await self._connect()
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
        if model != self._embed_model or (manifest.get("format"), manifest.get("keywords")) != (
            FORMAT,
            KEYWORDS,
        ):
            raise IndexUnusable("model")
        try:
            database = await self._connected()
            table = await database.open_table(TABLE)
            await table.count_rows()
            self._database = database
        except _FAULTS as error:
            log.warning("the index does not open: %s", error)
            raise self._unusable(error) from error
        return table

    async def _connected(self) -> Any:
        lancedb = await asyncio.to_thread(_import_lancedb)
        place = self._uri or self._directory
        return await lancedb.connect_async(place, read_consistency_interval=timedelta(0))

    def _unusable(self, error: Exception) -> Exception:
        """Say what a fault means. Storage far away that does not answer is no lost index: nothing is made anew."""
        if self._uri and f"'{TABLE}' was not found" not in str(error):
            return self._storage_fault(error)
        return IndexUnusable("damaged")

    def _storage_fault(self, error: Exception) -> StudyError:
        # Its errors end in where in the library they came up, and may hold a whole answer of the server.
        reason = clean_line(str(error), max_chars=200)
        return StudyError("error.rag.storage", uri=clean_line(self._uri, max_chars=120), reason=reason)

    async def _create(self, dim: int) -> Any:
        # What lies there without a manifest is the rest of an index whose creation was cut off.
        await asyncio.to_thread(shutil.rmtree, self._directory, True)
        self._directory.mkdir(parents=True, mode=0o700)
        database = await self._connected()
        table = await database.create_table(TABLE, schema=schema(dim), mode="overwrite")
        self._database = database
        # Last, because its presence says that the rest is there.
        manifest = {"format": FORMAT, "keywords": KEYWORDS, "embed_model": self._embed_model, "dim": dim}
        (self._directory / MANIFEST).write_text(json.dumps(manifest), "utf-8")
        self._dim = dim
        return table

    async def _index_vectors(self, table: Any) -> None:
        """Make the vector index, in place of one as earlier versions of this program made it."""
        from lancedb.index import IvfSq

        there = [index.name for index in await table.list_indices() if "vector" in index.columns]
        if VECTORS not in there:
            # LanceDB keeps to the size of partitions as the table grows; given their number, it makes them twelve when
            # it next compacts. Trained as long as it likes, five times as long as this, the index finds no more.
            config = IvfSq("cosine", target_partition_size=PART_ROWS, max_iterations=10, sample_rate=64)
            await table.create_index("vector", config=config, name=VECTORS)
        for name in there:
            if name != VECTORS:  # cut off here, the next time finds both
                await table.drop_index(name)


def _import_lancedb() -> Any:
    # Lance writes warnings straight to file descriptor 2, into the interface, unless told before the import.
    os.environ.setdefault("LANCEDB_LOG", "error")
    first = "lancedb" not in sys.modules
    if first:
        # What an import makes stays for good: looking through it for garbage, now and with every full collection,
        # only holds the interface up (270 ms at once here, 430 in a scan of 20,000 files, on a busy machine).
        gc.disable()
    try:
        import lancedb
        import lancedb.index
        import lancedb.query
    finally:
        if first:
            gc.freeze()
            gc.enable()
    return lancedb


def _give_back() -> None:
    """Return freed memory to the system: compacting 30,000 chunks leaves 120 MB of it, a snapshot of 100,000 has taken
    850. Takes 7 ms. Blocking."""
    import pyarrow as pa

    pa.default_memory_pool().release_unused()
    with contextlib.suppress(OSError, AttributeError):  # another C library than glibc
        ctypes.CDLL(None).malloc_trim(0)


def _is(document_id: str) -> str:
    if not document_id.isalnum():
        raise ValueError(document_id)
    return f"doc_id = '{document_id}'"


def _among(keys: Sequence[str]) -> str:
    for key in keys:
        _is(key)  # letters and digits only
    return f"doc_id IN ({', '.join(repr(key) for key in keys)})"


async def _count(table: Any, where: str = "") -> dict[str, int]:
    query = table.query().select(["doc_id"])
    column = (await (query.where(where) if where else query).to_arrow()).column("doc_id")
    return {item["values"]: item["counts"] for item in column.value_counts().to_pylist()}
