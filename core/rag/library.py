"""The document library: what the app, the agent and the command line use."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from core.errors import StudyError, UsageError
from core.events import Document, Hit, Notice
from core.i18n import tr
from core.rag import scan
from core.rag.embedding import EmbeddingCache
from core.rag.held import held
from core.rag.index import Index, IndexUnusable
from core.rag.ingest import Control
from core.rag.jobs import Board, Progress, quiet
from core.rag.ledger import MIDDLE, BuildLedger, committed
from core.rag.lock import WriterLock
from core.rag.parsing.parser import Parser
from core.rag.search import Result
from core.rag.shelf import Embed, Embedders, Shelf, only, settings_of, unclaimed
from core.rag.shelving import Shelving
from core.rag.sync import Survey, apply, reported, survey, take_out
from core.rag.types import DEFAULT, CheckReport, Details, Filters, SearchResult, SyncReport
from core.rag.upkeep import Upkeep, waiting
from core.rag.views import DocumentView, Lookup
from core.session import Store, collections, documents, ingest_jobs

log = logging.getLogger(__name__)

T = TypeVar("T")


class Library:
    """Documents of the user, kept in a ledger (the store) and an index for each collection (LanceDB).

    Every method runs on one event loop. Nothing heavy is imported before something is added or found.

    Args:
        store: The session store with the ledger.
        index_dir: Directory of the default collection's index, made when needed; others' are beside it.
        embed: Turns texts into vectors, one for each, all of one length.
        embed_model: Its name. Vectors of another model are never searched: the index is made anew.
        on_notice: Called when something happened that the user should know.
        embedders: Gives the embedder a collection names; without it every collection uses ``embed``.
        cache: Vectors kept by content; closed with the library.
        storage: URI under which indexes lie instead, see :class:`core.rag.index.Index`.
    """

    def __init__(
        self,
        store: Store,
        index_dir: Path,
        embed: Embed,
        embed_model: str,
        on_notice: Callable[[Notice], None] | None = None,
        *,
        embedders: Embedders | None = None,
        cache: EmbeddingCache | None = None,
        storage: str = "",
    ) -> None:
        self._store = store
        self._base = index_dir
        self._notice = on_notice or (lambda notice: log.warning("%s", notice.text))
        self._embedders = embedders or only(embed, embed_model)
        self._cache = cache
        self._storage = storage
        self._parser = Parser()
        self._shelves: dict[str, Shelf] = {}
        self.lookup = Lookup(store)
        self._lock = WriterLock(index_dir.with_name(f"{index_dir.name}.lock"))
        self._board = Board(store, self._lock, self.put_right)
        self.shelving = Shelving(
            store, self._lock, self._embedders, self.shelf, self.rebuild, self._board.stop_all
        )
        self._silent: set[str] = set()
        """Collections that could not be searched, of which the user was told."""
        self.upkeep = Upkeep(self, store, self._lock, self._notice)

    async def open(self) -> None:
        """Make ready. Cheap: LanceDB is loaded with the first search or document."""

    async def close(self) -> None:
        """Stop. A job that is running stays unfinished in the ledger: :meth:`resume` continues it."""
        # Jobs first: one that a repair waits for would be taken for stopped by the user when the repair is ended.
        await self._board.close()
        await self.upkeep.close()
        await self._parser.close()
        for shelf in self._shelves.values():
            shelf.close()
        if self._cache is not None:
            await asyncio.to_thread(self._cache.close)

    async def resume(self, on_progress: Progress = quiet) -> None:
        """Continue what a crash or an exit cut off, and put right an index that was lost.

        Does nothing when another process is adding documents: what looks unfinished is its work.
        """
        await self.upkeep.resume(on_progress)

    async def check(self, *, repair: bool = False, on_progress: Progress = quiet) -> CheckReport:
        """Compare ledger and index, and put right what disagrees when told to."""
        return await self.upkeep.check(repair=repair, on_progress=on_progress)

    # -- jobs -----------------------------------------------------------------------------------------

    @property
    def board(self) -> Board:
        """The jobs of this process."""
        return self._board

    async def add(
        self, paths: Sequence[Path], on_progress: Progress = quiet, *, collection: str = DEFAULT
    ) -> str:
        """Index files and folders; folders are walked, unchanged files skipped, changed ones replaced.

        Every file ends ``indexed``, or ``failed`` with a reason in the ledger. Cancelling the task that waits
        here stops the job: files not reached keep what they had, new ones are ``stopped`` and the next sync's.

        Returns:
            The job's id.

        Raises:
            UsageError: A path or the collection does not exist, or there is nothing to index in it.
            StudyError: ``error.rag.busy`` when another process is adding documents.
        """
        shelf = await self.shelf(collection)
        absolute = await asyncio.to_thread(scan.check_paths, paths)
        found = await asyncio.to_thread(scan.find_files, absolute)
        if not found:
            raise UsageError("error.rag.no_files", path=scan.shown(absolute[0]) if absolute else "")
        stored = [scan.stored(path) for path in absolute]

        async def work(job: Control) -> None:
            await self.shelf(shelf.id)  # it may have been removed while this waited
            if job.files:
                await self._add_rest(job, shelf.id, absolute)
                return
            await committed(collections.add_sources(self._store, shelf.id, stored))
            await self.ingest(job, shelf.id, found)

        return await self._board.run("add", shelf.id, stored, work, on_progress)

    async def add_on(self, job: Control, collection: str, paths: Sequence[str]) -> None:
        """Go on with adding stored paths: they may not be followed yet, or something was taken out of them since."""
        known = await asyncio.to_thread(collections.list_sources, self._store, collection)
        new = [path for path in paths if not any(scan.inside(path, source["path"]) for source in known)]
        await committed(collections.add_sources(self._store, collection, new))
        await self._add_rest(job, collection, [scan.opened(path) for path in paths])

    async def _add_rest(self, job: Control, collection: str, paths: Sequence[Path]) -> None:
        found = await asyncio.to_thread(scan.find_files, paths)
        out = await asyncio.to_thread(collections.exclusions, self._store, collection)
        await self.ingest(job, collection, [item for item in found if item.stored not in out])

    async def sync(self, collection: str = "", on_progress: Progress = quiet) -> list[SyncReport]:
        """Look at every source, and index what is new or changed; documents whose file is gone are removed.

        A source that cannot be reached is suspended: its documents stay.

        Returns:
            A report for each collection.
        """
        wanted = [await self.shelf(collection)] if collection else await self.shelves()
        return [await self._sync(shelf.id, on_progress) for shelf in wanted]

    async def reindex(
        self, document_ids: Sequence[str], on_progress: Progress = quiet, *, kind: str = "reindex"
    ) -> str:
        """Read documents again although their files did not change. Returns the last job's id."""
        rows = await self._rows(document_ids)
        return await self.read(kind, rows, on_progress, again=True)

    async def read(
        self, kind: str, rows: Sequence[Mapping[str, Any]], on_progress: Progress, *, again: bool = False
    ) -> str:
        """Index the files of ledger rows, a job for each collection. Returns the last job's id."""
        job_id = ""
        for collection in dict.fromkeys(row["collection"] for row in rows):
            paths = [row["path"] for row in rows if row["collection"] == collection]

            async def work(job: Control, collection: str = collection, paths: list[str] = paths) -> None:
                found = await asyncio.to_thread(scan.candidates, paths)
                known = await asyncio.to_thread((await self.shelf(collection)).ingest.rows)
                # What was taken out while this waited stays out.
                await self.ingest(job, collection, [one for one in found if one.stored in known], again=again)

            job_id = await self._board.run(kind, collection, paths, work, on_progress)
        return job_id

    async def retry(self, document_ids: Sequence[str] = (), on_progress: Progress = quiet) -> str:
        """Try documents that failed or were stopped: these, or all. Returns the last job's id, ``""`` for nothing to do."""
        left = await asyncio.to_thread(
            self._store.query,
            "SELECT id FROM documents WHERE status IN ('failed', 'stopped') ORDER BY path",
        )
        asked = set(document_ids)
        wanted = [row["id"] for row in left if not asked or row["id"] in asked]
        return await self.reindex(wanted, on_progress, kind="retry") if wanted else ""

    async def resume_job(self, job_id: str, on_progress: Progress = quiet) -> None:
        """Go on with a paused job, one a process left that is gone too."""
        if await self._board.resume(job_id):
            return
        row = await asyncio.to_thread(ingest_jobs.get_job, self._store, job_id)
        if row is None or row.ended_at is not None or (row.alive and not row.dropped):
            raise UsageError("error.rag.job", id=job_id)
        await self.upkeep.go_on(row, on_progress)

    async def ingest(
        self,
        job: Control,
        collection: str,
        found: Sequence[scan.Candidate],
        *,
        skip_failed: bool = False,
        again: bool = False,
    ) -> None:
        """Do an ingest job's work. When the index turns out to be lost, it is made anew, with all that was in it."""
        shelf = await self.shelf(collection)
        try:
            await shelf.ingest.run(job, found, skip_failed=skip_failed, again=again)
        except IndexUnusable as unusable:
            await self.upkeep.start_over(shelf, unusable.reason)
            job.forget()
            lost = await asyncio.to_thread(waiting, self._store, collection)
            # What this job was about is waiting too, or done.
            await shelf.ingest.run(job, lost)
        self.upkeep.tidy_later(shelf)

    async def put_right(
        self, kind: str, collection: str, mine: Callable[[str], bool] = lambda path: True
    ) -> None:
        """After a job was stopped: nothing of it is in the middle of anything, nor begun again at the next start."""
        if await asyncio.to_thread(collections.get_collection, self._store, collection) is None:
            return
        if kind == "rebuild":
            shelf = await self.shelf(collection)
            await committed(collections.set_collection(self._store, shelf.id, next=""))
            await BuildLedger(self._store, shelf.id).clear()
            await shelf.drop(shelf.generation + 1)
            return
        reason = tr("rag.reason.stopped")
        await committed(documents.end_middle(self._store, collection, MIDDLE, reason, mine))

    # -- sync -----------------------------------------------------------------------------------------

    async def _sync(self, collection: str, on_progress: Progress) -> SyncReport:
        surveys = [Survey()]
        failed = 0

        async def work(job: Control) -> None:
            nonlocal failed
            if not job.files:
                surveys.clear()
            await self.follow(job, collection, surveys.append)
            failed = job.failed

        sources = await asyncio.to_thread(collections.list_sources, self._store, collection)
        paths = [row["path"] for row in sources]
        job_id = await self._board.run("sync", collection, paths, work, on_progress)
        return reported(job_id, surveys, failed)

    async def follow(
        self, job: Control, collection: str, seen: Callable[[Survey], object] = lambda found: None
    ) -> None:
        """Do a sync job's work.

        Args:
            seen: Told what the folders were found to hold, before it is read.
        """
        shelf = await self.shelf(collection)
        found = await asyncio.to_thread(self._survey, shelf, job.id)
        await apply(self._store, shelf, found, self._notice)
        seen(found)
        await self.ingest(job, collection, found.changed, skip_failed=True)

    async def differs(self, collection: str) -> bool:
        """Say whether a sync would have anything to do that nobody stopped."""
        shelf = await self.shelf(collection)
        found = await asyncio.to_thread(self._survey, shelf)
        known = await asyncio.to_thread(collections.list_sources, self._store, shelf.id)
        suspended = {row["id"] for row in known if row["status"] == "suspended"}
        begun = len(found.changed) > found.stopped or found.moved or found.removed
        return bool(begun) or suspended != set(found.suspended)

    def _survey(self, shelf: Shelf, job_id: str = "") -> Survey:
        rows = shelf.ingest.rows()
        found = survey(
            collections.list_sources(self._store, shelf.id),
            rows,
            collections.exclusions(self._store, shelf.id),
            lambda row, item: shelf.ingest.unchanged(row, item, skip_failed=True),
        )
        paused = held(self._store, shelf.id, but=job_id)
        if paused is not None:
            found.without(rows, paused)
        return found

    # -- reading --------------------------------------------------------------------------------------

    def documents(self, collection: str = "") -> list[Document]:
        """Return the ledger, by path, with paths fit to be shown. Blocking."""
        return documents.list_documents(self._store, collection, shown=scan.shown)

    async def search(self, query: str, k: int = 5) -> list[Hit]:
        """Find passages in every collection. See :meth:`find`."""
        return list((await self.find(query, k)).hits)

    async def find(
        self,
        query: str,
        k: int = 5,
        *,
        filters: Filters = Filters(),  # noqa: B008 - frozen
        phrase: str = "",
        variety: float = 0.0,
    ) -> SearchResult:
        """Find passages.

        Args:
            query: A question or words, in any language the embedding model knows.
            k: How many passages at most.
            filters: Which documents to look at.
            phrase: Must occur literally.
            variety: 0–1: how much a passage like one above it gives way to another.

        Returns:
            Best first. ``score`` (0–1, :mod:`core.rag.fusion`) orders the list and is comparable between queries;
            ``vector_score`` is the cosine similarity; ``keyword_score`` the BM25, ``None`` when no word was shared.
        """
        if not await asyncio.to_thread(documents.any_stored, self._store):
            return self.lookup.merged([], k)
        shelves = await self.shelves(filters.collections)
        results: list[tuple[Result, list[Hit]]] = []
        errors: dict[str, StudyError] = {}
        for shelf in shelves:
            try:
                found = await self._read(
                    shelf.id, lambda one: self.lookup.find(one, query, k, filters, phrase, variety)
                )
            except StudyError as error:
                errors[shelf.id] = error
            else:
                self._silent.discard(shelf.id)
                if found is not None:
                    results.append(found)
        await self._tell_silent(errors, len(shelves))
        return self.lookup.merged(results, k)

    async def _tell_silent(self, errors: Mapping[str, StudyError], searched: int) -> None:
        """Raise what is wrong where nothing could be searched; otherwise say it, once for a collection."""
        if errors and len(errors) == searched:
            raise next(iter(errors.values()))
        for collection, error in errors.items():
            if collection not in self._silent:
                self._silent.add(collection)
                name = (await self.shelf(collection)).name
                self._notice(Notice(tr("rag.collection.silent", name=name, reason=str(error)), "warning"))

    async def _read(self, collection: str, read: Callable[[Shelf], Awaitable[T]]) -> T | None:
        """Read from a collection; once more where its index was replaced meanwhile. ``None``: it is being made anew."""
        while True:
            shelf = await self.shelf(collection)
            try:
                found = await read(shelf)
            except IndexUnusable as unusable:
                if await self.shelf(collection) is shelf:
                    self.upkeep.start_over_aside(shelf.id, unusable.reason)
                    return None
            else:
                if await self.shelf(collection) is shelf:
                    return found

    async def view(self, document_id: str) -> DocumentView:
        """Return a document with its chunks.

        Raises:
            UsageError: There is no such document.
        """
        row = await self._row(document_id)
        found = await self._read(row["collection"], lambda one: self.lookup.view(one, row["id"]))
        return found or DocumentView(await asyncio.to_thread(self.lookup.document, row["id"]), [])

    async def details(self, document_id: str) -> Details:
        """Return everything known of a document.

        Raises:
            UsageError: There is no such document.
        """
        return await asyncio.to_thread(self.lookup.details, document_id)

    async def remove(self, document_id: str) -> None:
        """Forget a document (the file itself is not touched)."""
        await self.remove_many([document_id])

    async def remove_many(self, document_ids: Sequence[str]) -> None:
        """Forget documents (the files themselves are not touched); a sync leaves them out until added again.

        Raises:
            UsageError: There is no such document; none is forgotten.
            StudyError: ``error.rag.busy`` when another process is adding documents.
        """
        rows = await self._rows(document_ids)
        self._lock.acquire()
        try:
            for collection in dict.fromkeys(row["collection"] for row in rows):
                shelf = await self.shelf(collection)
                ids = [row["id"] for row in rows if row["collection"] == collection]
                try:
                    await take_out(self._store, shelf, ids, forget=True)
                except IndexUnusable as unusable:
                    self.upkeep.start_over_aside(shelf.id, unusable.reason)
        finally:
            self._lock.release()

    async def _row(self, document_id: str) -> dict[str, Any]:
        return (await self._rows([document_id]))[0]

    async def _rows(self, document_ids: Sequence[str]) -> list[dict[str, Any]]:
        """Return documents' rows, by id or path."""
        found = await asyncio.to_thread(documents.rows_of, self._store, document_ids)
        for document_id in document_ids:
            if document_id not in found:
                raise UsageError("error.rag.unknown", id=document_id)
        return [found[one] for one in dict.fromkeys(document_ids)]

    # -- collections ------------------------------------------------------------------------------------

    async def shelf(self, collection: str) -> Shelf:
        """Return an open collection by id or name.

        Raises:
            UsageError: ``error.rag.collection``.
        """
        row = await asyncio.to_thread(collections.get_collection, self._store, collection)
        if row is None:
            raise UsageError("error.rag.collection", name=collection)
        shelf = self._shelves.get(row["id"])
        if shelf is None or shelf.settings != settings_of(row):
            if shelf is not None:
                shelf.close()
            shelf = Shelf(self._store, row, self._base, self._embedders, self._parser, self._storage)
            self._shelves[shelf.id] = shelf
        return shelf

    async def shelves(self, names: Sequence[str] = ()) -> list[Shelf]:
        """Return collections, all when none is named."""
        wanted = names or await asyncio.to_thread(collections.collection_ids, self._store)
        found = [await self.shelf(name) for name in wanted]
        return list({shelf.id: shelf for shelf in found}.values())

    async def rebuild(self, collection: str, on_progress: Progress = quiet) -> str:
        """Build the index of a collection's next settings beside the one in use, then switch."""
        shelf = await self.shelf(collection)
        return await self._board.run(
            "rebuild", shelf.id, [], lambda job: self.build(job, shelf.id), on_progress
        )

    async def sweep(self) -> None:
        """Delete indexes that no collection has: a crash after one was replaced or removed leaves them."""
        rows = await asyncio.to_thread(collections.list_collections, self._store)
        for place in await asyncio.to_thread(unclaimed, self._base, rows):
            await Index(place, "", self._storage).reset()

    async def build(self, job: Control, collection: str) -> None:
        """Do a rebuild job's work."""
        shelf = await self.shelf(collection)
        row = await asyncio.to_thread(collections.get_collection, self._store, shelf.id)
        if row is None or not row["next"]:
            return
        ingest, index, ledger, settings = shelf.beside(row["next"])
        live = await asyncio.to_thread(self._store.query, _LIVE, [shelf.id])
        found = await asyncio.to_thread(scan.candidates, [one["path"] for one in live])
        built = await asyncio.to_thread(ingest.rows)
        try:
            if any(one.pipeline not in ("", ingest.pipeline) for one in built.values()):
                raise IndexUnusable("model")  # begun with other settings, then paused or cut off
            await ingest.run(job, found)
        except IndexUnusable:
            # What was built so far is gone, or not wanted: from the beginning.
            await index.reset()
            await ledger.clear()
            job.forget()
            await ingest.run(job, found)
        finally:
            index.close()
        if await ledger.switch(row["next"], **settings):
            await shelf.drop(shelf.generation)
        else:
            await index.reset()


_LIVE = "SELECT path FROM documents WHERE collection = ? AND status != 'removed' ORDER BY path"
