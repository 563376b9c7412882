"""A folder indexed apart from the user's documents, once for each chunking and embedder, kept for the next evaluation.

Everything lies below ``data/evaluation/<hash>``: what the hash is of (folder, chunking, parser, embedder) decides every
chunk and vector in it. A file that changed since is indexed again, one that is gone is dropped; the rest stays.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any

from core.events import IngestProgress
from core.i18n import tr
from core.rag import scan
from core.rag.chunking import Chunking, embedded_text
from core.rag.index import Index, IndexUnusable
from core.rag.lock import WriterLock
from core.rag.parsing.loaders import PARSER, LoadError
from core.rag.parsing.parser import Parsed, Parser

Progress = Callable[[IngestProgress], None]

LEDGER = "documents.json"
KEPT = 48
"""Indexes kept; the ones not used for longest are deleted."""
COMMIT = 500
"""Chunks gathered before they are written: each commit makes files of its own."""


@dataclass(frozen=True, slots=True)
class Corpus:
    """What an index holds."""

    indexed: int
    failed: int
    chunks: int
    chars: int
    """Characters of all chunks."""
    build_s: float
    """What it took now; near 0 when everything was there."""
    reasons: Mapping[str, str] = field(default_factory=dict)
    """Why a file could not be indexed, by path."""
    paths: tuple[str, ...] = ()
    """Of what is indexed, as they are shown."""


@dataclass(slots=True)
class Entry:
    """One file of the ledger."""

    path: str
    bytes: int
    mtime_ns: int
    chunks: int = 0
    chars: int = 0
    reason: str = ""


class Parses:
    """Parses a folder's files with one chunking at a time, each once however many embedders ask for it."""

    def __init__(self) -> None:
        self._parser = Parser()
        self._chunking: Chunking | None = None
        self._known: dict[scan.Candidate, Parsed | str] = {}

    async def of(self, file: scan.Candidate, chunking: Chunking) -> Parsed:
        """Return a file's chunks.

        Raises:
            LoadError: There are none; the reason is remembered, too.
        """
        if chunking != self._chunking:
            self._chunking, self._known = chunking, {}
        if file not in self._known:
            try:
                parsed = await self._parser.parse(file.path, chunking=chunking)
                self._known[file] = parsed if parsed.chunks else tr("rag.reason.empty")
            except LoadError as error:
                self._known[file] = tr(f"rag.reason.{error.reason}", **error.params)
        found = self._known[file]
        if isinstance(found, str):
            raise Unparsed(found)
        return found

    async def close(self) -> None:
        """End the parser process."""
        self._known = {}
        await self._parser.close()


class Unparsed(Exception):
    """A file has no text; says why."""


class FolderIndex:
    """One index and what is in it.

    Args:
        base: Where indexes of evaluations are kept.
        folder: The documents.
        chunking: How they are cut.
        embedder: Name of what embeds them.
        embed: Embeds texts: one float32 array of shape (dim,) for each, or ``None`` where it cannot.
        parses: Shared by all indexes of the folder.
    """

    def __init__(
        self,
        base: Path,
        folder: Path,
        chunking: Chunking,
        embedder: str,
        embed: Callable[[list[str]], Awaitable[Sequence[Any]]],
        parses: Parses,
    ) -> None:
        key = "\0".join((scan.stored(folder), chunking.version, PARSER, embedder))
        self._directory = base / blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
        self._base, self._folder, self._chunking = base, folder, chunking
        self._embed, self._parses = embed, parses
        self.index = Index(self._directory / "index", embedder)
        self.entries: dict[str, Entry] = {}

    async def fill(self, on_progress: Progress) -> Corpus:
        """Bring the index up to date with the folder.

        Raises:
            StudyError: Another process is filling it, the embedder failed, or the disk is full.
        """
        began = time.monotonic()
        await asyncio.to_thread(self._directory.mkdir, parents=True, exist_ok=True, mode=0o700)
        lock = WriterLock(self._directory / "lock")
        lock.acquire()
        try:
            await asyncio.to_thread(_prune, self._base, self._directory)
            try:
                await self._bring_up_to_date(on_progress)
            except IndexUnusable:
                # Damaged, or of an older format: nothing in it is dear.
                await self.index.reset()
                self.entries = {}
                await self._bring_up_to_date(on_progress, again=True)
        finally:
            lock.release()
        entries = self.entries.values()
        return Corpus(
            indexed=sum(not one.reason for one in entries),
            failed=sum(bool(one.reason) for one in entries),
            chunks=sum(one.chunks for one in entries),
            chars=sum(one.chars for one in entries),
            build_s=time.monotonic() - began,
            reasons={one.path: one.reason for one in entries if one.reason},
            paths=tuple(one.path for one in entries if not one.reason),
        )

    def paths(self) -> dict[str, str]:
        """Return each document's path for people, by its id in the index."""
        return {name: one.path for name, one in self.entries.items() if not one.reason}

    def close(self) -> None:
        """Close the index."""
        self.index.close()

    async def _bring_up_to_date(self, on_progress: Progress, *, again: bool = False) -> None:
        found = await asyncio.to_thread(scan.find_files, [self._folder])
        if not again:
            self.entries = await asyncio.to_thread(self._read)
        files = {_name(file.path): file for file in found}
        gone = self.entries.keys() - files.keys()
        await self._delete([name for name in gone if not self.entries[name].reason])
        for name in gone:
            del self.entries[name]
        changed = {
            name: file
            for name, file in files.items()
            if (entry := self.entries.get(name)) is None
            or (entry.bytes, entry.mtime_ns) != (file.bytes, file.mtime_ns)
        }
        await self._drop_partial()
        waiting: list[tuple[str, Parsed, Path]] = []
        for number, (name, file) in enumerate(changed.items()):
            on_progress(IngestProgress("evaluation", len(changed), number, 0, scan.shown(file.path), False))
            parsed = await self._take(name, file)
            if parsed is not None:
                waiting.append((name, parsed, file.path))
            if sum(len(one.chunks) for _, one, _ in waiting) >= COMMIT:
                await self._put(waiting)
                waiting = []
        await self._put(waiting)
        if changed:
            if self.index.exists:
                await self.index.compact()
            await asyncio.to_thread(self._write)
            on_progress(IngestProgress("evaluation", len(changed), len(changed), 0, "", True))

    async def _drop_partial(self) -> None:
        """Forget what a process that died wrote without noting it, and what the index lost."""
        if not self.index.exists:
            self.entries = {name: one for name, one in self.entries.items() if one.reason}
            return
        counts = await self.index.counts()
        await self._delete([name for name in counts if name not in self.entries])
        if any(not one.reason and counts.get(name, 0) != one.chunks for name, one in self.entries.items()):
            raise IndexUnusable("damaged")

    async def _take(self, name: str, file: scan.Candidate) -> Parsed | None:
        """Parse a changed file and note it; ``None`` when there is nothing to index."""
        entry = Entry(scan.shown(file.path), file.bytes, file.mtime_ns)
        before = self.entries.get(name)
        self.entries[name] = entry
        try:
            parsed = await self._parses.of(file, self._chunking)
        except Unparsed as error:
            entry.reason = str(error)
            if before is not None and not before.reason:
                await self._delete([name])
            return None
        entry.chunks, entry.chars = len(parsed.chunks), sum(len(one.text) for one in parsed.chunks)
        return parsed

    async def _put(self, waiting: Sequence[tuple[str, Parsed, Path]]) -> None:
        """Embed documents and put them into the index in one commit."""
        documents = []
        for name, parsed, path in waiting:
            title = parsed.title or scan.shown(Path(path.stem))
            vectors = await self._embed(
                [embedded_text(chunk, title, self._chunking) for chunk in parsed.chunks]
            )
            documents.append((name, parsed.chunks, vectors, scan.shown(Path(path.stem))))
        await self.index.replace_many(documents)

    async def _delete(self, names: Sequence[str]) -> None:
        if names and self.index.exists:
            await self.index.delete_many(names)

    def _read(self) -> dict[str, Entry]:
        with contextlib.suppress(OSError, ValueError, TypeError, AttributeError):
            found = json.loads((self._directory / LEDGER).read_text("utf-8"))
            return {name: Entry(**one) for name, one in found.items()}
        return {}

    def _write(self) -> None:
        ledger = {name: asdict(one) for name, one in self.entries.items()}
        path = self._directory / LEDGER
        part = path.with_suffix(".part")
        part.write_text(json.dumps(ledger, ensure_ascii=False), "utf-8")
        part.replace(path)


def _name(path: Path) -> str:
    """Name a document in the index: hexadecimal, the same for the same path."""
    return blake2b(scan.stored(path).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _prune(base: Path, used: Path) -> None:
    """Delete the indexes not used for longest. A folder's own time says when it was used last."""
    with contextlib.suppress(OSError):
        used.touch()
        found = [one for one in base.iterdir() if (one / LEDGER).exists() and one != used]
        found.sort(key=lambda one: one.stat().st_mtime, reverse=True)
        for old in found[KEPT - 1 :]:
            shutil.rmtree(old, ignore_errors=True)
