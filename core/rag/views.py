"""Reading: passages and documents as interfaces show them, out of index and ledger."""

from __future__ import annotations

import asyncio
import fnmatch
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from core.errors import UsageError
from core.events import Document, Hit
from core.rag import abstain, scan
from core.rag.index import Index
from core.rag.search import Options, Passage, Result, search
from core.rag.shelf import Shelf
from core.rag.types import Details, Filters, SearchResult
from core.session import Store, documents
from core.text import clean_line

MAX_QUERY_CHARS = 2_000
"""A longer question is cut: its vector would be an average of everything."""


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
    line: int = 0
    """First line in the parsed text, from 1; 0 unknown."""


@dataclass(frozen=True, slots=True)
class DocumentView:
    """A document and its chunks, in reading order. No chunks: it has not been indexed (yet)."""

    document: Document
    chunks: list[ChunkView]


@dataclass(frozen=True, slots=True)
class _Owner:
    """A document as far as its passages show it."""

    id: str
    path: str
    collection: str
    stale: bool


class Lookup:
    """Reads for one library."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._searched: list[Index] = []
        """One for each search that is under way."""
        self._embedding = 0
        """Questions that wait for their vector."""

    @property
    def waits_for(self) -> Literal["index", "embedding", ""]:
        """What a search waits for: an index to be read, or else the vector of its question. Any thread."""
        if any(index.awaited for index in list(self._searched)):
            return "index"
        return "embedding" if self._embedding else ""

    async def find(
        self, shelf: Shelf, query: str, k: int, filters: Filters, phrase: str, variety: float
    ) -> tuple[Result, list[Hit]]:
        """Find passages in one collection.

        Raises:
            IndexUnusable: There is no index, or it cannot be read.
        """
        query = clean_line(query, max_chars=MAX_QUERY_CHARS)
        keys: frozenset[str] | None = None
        if filters.any:
            keys = frozenset(await asyncio.to_thread(self._chosen, shelf.id, filters))
        if (not query and not phrase) or k < 1 or keys == frozenset() or not await self._filled(shelf):
            return Result((), False, 0.0), []
        options = Options(k=k, documents=keys, phrase=phrase, variety=variety)

        async def embed(text: str) -> Any:
            self._embedding += 1
            try:
                return await shelf.embedder.query(text)
            finally:
                self._embedding -= 1

        self._searched.append(shelf.index)
        try:
            found = await search(shelf.index, embed, query or phrase, options)
        finally:
            self._searched.remove(shelf.index)
        owners = await asyncio.to_thread(
            self._owners, shelf.id, {passage.document_id for passage in found.passages}
        )
        hits = [
            _hit(passage, owners[passage.document_id])
            for passage in found.passages
            if passage.document_id in owners
        ]
        return found, hits

    def merged(self, results: Sequence[tuple[Result, list[Hit]]], k: int) -> SearchResult:
        """Put the collections' passages in one list."""
        hits = sorted((hit for _result, found in results for hit in found), key=lambda hit: -hit.score)
        best = max(
            (result for result, found in results if found), key=lambda one: one.confidence, default=None
        )
        if best is None:
            return SearchResult((), False, 0.0, abstain.THRESHOLD)
        return SearchResult(
            tuple(hits[:k]), best.answerable, best.confidence, abstain.THRESHOLD, best.reasons
        )

    async def view(self, shelf: Shelf, document_id: str) -> DocumentView:
        """Return a document with its chunks.

        Raises:
            IndexUnusable: The index cannot be read.
        """
        row = await asyncio.to_thread(documents.columns_of, self._store, document_id)
        document = await asyncio.to_thread(self.document, document_id)
        if not row.get("stored_as"):
            return DocumentView(document, [])
        chunks = [
            ChunkView(
                name,
                item.ordinal,
                item.section,
                item.text,
                item.page,
                item.char_start,
                item.char_end,
                item.line,
            )
            for name, item in await shelf.index.chunks(row["stored_as"])
        ]
        return DocumentView(document, chunks)

    def document(self, document_id: str) -> Document:
        """Return a document with its path fit to be shown. Blocking.

        Raises:
            UsageError: There is no such document.
        """
        found = documents.get_document(self._store, document_id)
        if found is None:
            raise UsageError("error.rag.unknown", id=document_id)
        return replace(found, path=scan.shown(found.path))

    def details(self, document_id: str) -> Details:
        """Return everything known of a document. Blocking.

        Raises:
            UsageError: There is no such document.
        """
        document = self.document(document_id)
        row = documents.columns_of(self._store, document.id)
        twins = self._store.query(
            "SELECT path FROM documents WHERE stored_as = ? AND stored_as != '' AND id != ? AND collection = ?"
            " AND status != 'removed' ORDER BY path",
            [row["stored_as"], document.id, row["collection"]],
        )
        return Details(
            document,
            document.collection,
            parser=row["pipeline"] or "",
            tokens=row["tokens"] or 0,
            pages=row["pages"] or 0,
            encoding=row["encoding"] or "",
            mtime=(row["mtime_ns"] or 0) / 1e9 or None,
            also_at=tuple(scan.shown(twin["path"]) for twin in twins),
        )

    async def _filled(self, shelf: Shelf) -> bool:
        """Say whether the collection has anything to search; whether its index is there shows when it is read."""
        found = await asyncio.to_thread(
            self._store.query,
            "SELECT 1 FROM documents WHERE collection = ? AND stored_as != '' LIMIT 1",
            [shelf.id],
        )
        return bool(found)

    def _chosen(self, collection: str, filters: Filters) -> list[str]:
        rows = self._store.query(
            "SELECT path, stored_as, mtime_ns FROM documents WHERE collection = ? AND stored_as != ''"
            " AND status != 'removed'",
            [collection],
        )
        return [row["stored_as"] for row in rows if _fits(row, filters)]

    def _owners(self, collection: str, keys: set[str]) -> dict[str, list[_Owner]]:
        """Return the documents behind keys of the index, by path. Keys of nobody are left out."""
        if not keys:
            return {}
        marks = ", ".join("?" * len(keys))
        rows = self._store.query(
            f"SELECT id, path, collection, status, stored_as FROM documents WHERE collection = ?"
            f" AND stored_as IN ({marks}) AND status != 'removed' ORDER BY path",
            [collection, *keys],
        )
        owners: dict[str, list[_Owner]] = {}
        for row in rows:
            stale = row["status"] in ("stale", "failed")
            owners.setdefault(row["stored_as"], []).append(
                _Owner(row["id"], scan.shown(row["path"]), row["collection"], stale)
            )
        return owners


def _fits(row: Mapping[str, Any], filters: Filters) -> bool:
    path = scan.shown(row["path"])
    if filters.path:
        wanted = unicodedata.normalize("NFC", filters.path).casefold()
        folded = path.casefold()
        pattern = any(char in wanted for char in "*?")
        if not (
            fnmatch.fnmatchcase(folded, f"*{wanted.replace('[', '[[]')}*") if pattern else wanted in folded
        ):
            return False
    if filters.types:
        suffix = Path(path).suffix.lower().lstrip(".")
        if suffix not in {one.lower().lstrip(".") for one in filters.types}:
            return False
    changed = (row["mtime_ns"] or 0) / 1e9
    if filters.since is not None and changed < filters.since:
        return False
    return filters.until is None or changed < filters.until


def _hit(passage: Passage, owners: Sequence[_Owner]) -> Hit:
    owner = owners[0]
    return Hit(
        document_id=owner.id,
        document=Path(owner.path).name,
        path=owner.path,
        section=passage.section,
        text=passage.text,
        score=round(passage.score, 4),
        chunk_id=passage.chunk_id,
        vector_score=round(passage.cosine, 4),
        keyword_score=None if passage.bm25 is None else round(passage.bm25, 3),
        char_start=passage.char_start,
        char_end=passage.char_end,
        page=passage.page,
        collection=owner.collection,
        also_at=tuple(one.path for one in owners[1:]),
        stale=owner.stale,
        hit_start=passage.hit_start,
        hit_end=passage.hit_end,
        vector_rank=passage.vector_rank,
        keyword_rank=passage.keyword_rank,
        line=passage.line,
    )
