"""Collections and their sources: made, changed, removed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from core.errors import UsageError
from core.rag import scan
from core.rag.chunking import Chunking
from core.rag.jobs import Progress
from core.rag.ledger import committed
from core.rag.shelf import Embedders, Shelf
from core.rag.sync import take_out
from core.rag.types import DEFAULT, Collection, Source
from core.session import Store, collections
from core.text import clean_line

if TYPE_CHECKING:
    from core.rag.lock import WriterLock

MAX_NAME = 60


class Shelving:
    """The collections of one library.

    Args:
        shelf: Opens a collection.
        rebuild: Builds a collection's next index and switches to it.
        stop_jobs: Ends the jobs of this process in a collection.
    """

    def __init__(
        self,
        store: Store,
        lock: WriterLock,
        embedders: Embedders,
        shelf: Callable[[str], Awaitable[Shelf]],
        rebuild: Callable[[str, Progress], Awaitable[str]],
        stop_jobs: Callable[[str], Awaitable[None]],
    ) -> None:
        self._store = store
        self._lock = lock
        self._embedders = embedders
        self._shelf = shelf
        self._rebuild = rebuild
        self._stop_jobs = stop_jobs

    async def collections(self) -> list[Collection]:
        """Return every collection, the default one first, then by name."""
        rows = await asyncio.to_thread(collections.list_collections, self._store)
        return [_collection(row) for row in rows]

    async def get(self, name: str) -> Collection:
        """Return a collection by id or name.

        Raises:
            UsageError: ``error.rag.collection``.
        """
        shelf = await self._shelf(name)
        return next(one for one in await self.collections() if one.id == shelf.id)

    async def create(self, name: str, chunking: Chunking, embedder: str, watch: bool) -> Collection:
        """Make a collection.

        Raises:
            UsageError: The name is empty, too long or taken, or the settings cannot be.
        """
        name = await self._free(name)
        chunking.check()
        self._embedders(embedder)
        made = await committed(
            collections.create_collection(self._store, name, chunking.to_json(), embedder, watch)
        )
        return await self.get(made)

    async def change(
        self,
        collection_id: str,
        *,
        name: str | None,
        chunking: Chunking | None,
        embedder: str | None,
        watch: bool | None,
        on_progress: Progress,
    ) -> Collection:
        """Change settings. Another chunking or embedder: the index is built anew beside the old one, which is
        searched until the new one is done; this waits for it.

        Raises:
            UsageError: As :meth:`create` does.
        """
        now = await self.get(collection_id)
        changes: dict[str, Any] = {}
        if name is not None and name != now.name:
            changes["name"] = await self._free(name)
        if watch is not None:
            changes["watch"] = int(watch)
        wanted = ((chunking or now.chunking).check(), now.embedder if embedder is None else embedder)
        self._embedders(wanted[1])
        other = wanted != (now.chunking, now.embedder)
        if other:
            settings = {"chunking": wanted[0].to_json(), "embedder": wanted[1]}
            if now.documents:
                changes["next"] = json.dumps(settings)
            else:
                changes |= settings
        elif now.building and (chunking is not None or embedder is not None):
            changes["next"] = ""  # back to what is in force: what is being built is not wanted any more
        if changes:
            await committed(collections.set_collection(self._store, now.id, **changes))
        if changes.get("next"):
            await self._rebuild(now.id, on_progress)
        return await self.get(now.id)

    async def remove(self, collection_id: str) -> None:
        """Remove a collection and what is kept of its documents; the files stay.

        Raises:
            UsageError: ``error.rag.collection`` or ``error.rag.collection.default``.
        """
        shelf = await self._shelf(collection_id)
        if shelf.id == DEFAULT:
            raise UsageError("error.rag.collection.default")
        self._lock.acquire()
        try:
            await self._stop_jobs(shelf.id)
            # No wait in between: a job that begins now finds no collection. The ledger comes first, because an index
            # nobody refers to is never searched.
            await committed(collections.delete_collection(self._store, shelf.id))
            shelf.close()
            for generation in (shelf.generation, shelf.generation + 1):
                await shelf.drop(generation)
        finally:
            self._lock.release()

    async def sources(self, collection: str = "") -> list[Source]:
        """Return what a collection, or every one, is filled from."""
        wanted = (await self._shelf(collection)).id if collection else ""
        rows = await asyncio.to_thread(collections.list_sources, self._store, wanted)
        return [
            Source(row["id"], row["collection"], row["path"], row["status"], row["scanned_at"])
            for row in rows
        ]

    async def remove_source(self, source_id: str) -> None:
        """Follow a file or folder no longer; its documents leave the collection.

        Raises:
            UsageError: ``error.rag.source``.
        """
        source = next((one for one in await self.sources() if source_id in (one.id, one.path)), None)
        if source is None:
            raise UsageError("error.rag.source", id=clean_line(source_id))
        shelf = await self._shelf(source.collection)
        others = [one.path for one in await self.sources(source.collection) if one.id != source.id]
        self._lock.acquire()
        try:
            rows = await asyncio.to_thread(shelf.ingest.rows)
            leaving = [
                row.id
                for path, row in rows.items()
                if scan.inside(path, source.path) and not any(scan.inside(path, other) for other in others)
            ]
            await committed(collections.delete_source(self._store, source.id))
            await take_out(self._store, shelf, leaving, forget=True)
        finally:
            self._lock.release()

    async def _free(self, name: str) -> str:
        name = clean_line(name, max_chars=MAX_NAME + 1).strip()
        if not name or len(name) > MAX_NAME or "/" in name:
            raise UsageError("error.rag.collection.name", name=name or "''", most=MAX_NAME)
        if await asyncio.to_thread(collections.get_collection, self._store, name) is not None:
            raise UsageError("error.rag.collection.taken", name=name)
        return name


def _collection(row: Mapping[str, Any]) -> Collection:
    return Collection(
        id=row["id"],
        name=row["name"],
        chunking=Chunking.from_json(row["chunking"] or ""),
        embedder=row["embedder"] or "",
        watch=bool(row["watch"]),
        created_at=row["created_at"] or 0.0,
        documents=row["documents"],
        indexed=row["indexed"],
        failed=row["failed"],
        chunks=row["chunks"],
        bytes=row["bytes"],
        building=bool(row["next"]),
    )
