"""Documents, for the interfaces: everything that can be done with them, as futures."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from core.events import Document, IngestProgress
from core.ground import Ground
from core.rag.chunking import Chunking
from core.rag.evaluation.variants import Variant
from core.rag.sample import Question
from core.rag.types import (
    DEFAULT,
    CheckReport,
    Collection,
    Details,
    Filters,
    Job,
    SearchResult,
    Source,
    SyncReport,
)

if TYPE_CHECKING:
    from core.rag.evaluation.bench import Measured
    from core.rag.evaluation.draft import Draft, Passage
    from core.rag.library import Library
    from core.rag.views import DocumentView
    from core.rag.watch import Watcher

T = TypeVar("T")
Work = Callable[["Library"], Coroutine[Any, Any, T]]


class Documents:
    """Lives on the runtime's loop; the public methods return futures at once.

    Args:
        library: Waits for the library (on the runtime's loop).
    """

    def __init__(self, ground: Ground, library: Callable[[], Awaitable[Library]]) -> None:
        self._ground = ground
        self._library = library
        self._watcher: Watcher | None = None
        self._following: asyncio.Task[None] | None = None
        self._opened: Library | None = None

    # -- adding and keeping up ---------------------------------------------------------------------------

    def add(self, paths: Sequence[str | Path], collection: str = DEFAULT) -> Future[str]:
        """Index files and folders; the future gives the job's id when it is over."""
        wanted = [Path(path).expanduser() for path in paths]
        return self._do(lambda library: library.add(wanted, self._ground.emit, collection=collection))

    def sync(self, collection: str = "") -> Future[SyncReport]:
        """Look at every source of a collection, or of all, and index what is new or changed."""
        return self._do(lambda library: self._sync(library, collection))

    def follow(self) -> Future[None]:
        """Follow the folders of watched collections until the program ends. Calling it again looks at once."""
        return self._do(self._follow)

    def retry(self, document_ids: Sequence[str] = ()) -> Future[str]:
        """Try failed and stopped documents again, all when none is named; the future gives the last job's id."""
        return self._do(lambda library: library.retry(document_ids, self._ground.emit))

    def reindex(self, document_ids: Sequence[str]) -> Future[str]:
        """Read documents again although nothing changed."""
        return self._do(lambda library: library.reindex(document_ids, self._ground.emit))

    def remove(self, document_ids: Sequence[str]) -> Future[None]:
        """Forget documents; the files stay."""
        return self._do(lambda library: library.remove_many(document_ids))

    # -- jobs --------------------------------------------------------------------------------------------

    def jobs(self) -> Future[list[Job]]:
        """Return jobs, newest first; the figures of those of this process as they are now."""
        return self._do(_jobs)

    def pause(self, job_id: str) -> Future[None]:
        """Let a job take no further file; others go on meanwhile."""
        return self._do(lambda library: library.board.pause(job_id))

    def resume(self, job_id: str) -> Future[None]:
        """Let a paused job go on, when its turn comes."""
        return self._do(lambda library: library.resume_job(job_id, self._ground.emit))

    def stop(self, job_id: str) -> Future[None]:
        """End a job; documents it did not reach keep what they had, new ones are ``stopped``."""
        return self._do(lambda library: library.board.stop(job_id))

    # -- reading -----------------------------------------------------------------------------------------

    def documents(self, collection: str = "") -> Future[list[Document]]:
        """Return the ledger, by path."""
        return self._do(lambda library: _in_thread(lambda: library.documents(collection)))

    def search(
        self,
        query: str,
        k: int = 5,
        *,
        filters: Filters = Filters(),  # noqa: B008 - frozen
        phrase: str = "",
        variety: float = 0.0,
    ) -> Future[SearchResult]:
        """Find passages, see :meth:`core.rag.library.Library.find`."""
        return self._do(
            lambda library: library.find(query, k, filters=filters, phrase=phrase, variety=variety)
        )

    def waits_for(self) -> Literal["engine", "index", "embedding", ""]:
        """Say what a search that is under way waits for; ``""``: not known, or nothing in particular. Any thread."""
        if self._opened is None:
            return "engine"
        return self._opened.lookup.waits_for

    def view(self, document_id: str) -> Future[DocumentView]:
        """Read a document back as its chunks."""
        return self._do(lambda library: library.view(document_id))

    def details(self, document_id: str) -> Future[Details]:
        """Return everything known of a document."""
        return self._do(lambda library: library.details(document_id))

    def check(self, repair: bool = False) -> Future[CheckReport]:
        """Compare ledger and index; with ``repair`` put right what disagrees."""
        return self._do(lambda library: library.check(repair=repair, on_progress=self._ground.emit))

    # -- collections -------------------------------------------------------------------------------------

    def collections(self) -> Future[list[Collection]]:
        """Return every collection, the default one first."""
        return self._do(lambda library: library.shelving.collections())

    def create_collection(
        self, name: str, *, chunking: Chunking | None = None, embedder: str = "", watch: bool = False
    ) -> Future[Collection]:
        """Make a collection."""
        return self._do(
            lambda library: library.shelving.create(name, chunking or Chunking(), embedder, watch)
        )

    def change_collection(
        self,
        collection_id: str,
        *,
        name: str | None = None,
        chunking: Chunking | None = None,
        embedder: str | None = None,
        watch: bool | None = None,
    ) -> Future[Collection]:
        """Change a collection's settings. Another chunking or embedder builds its index anew beside the old one."""
        return self._do(
            lambda library: library.shelving.change(
                collection_id,
                name=name,
                chunking=chunking,
                embedder=embedder,
                watch=watch,
                on_progress=self._ground.emit,
            )
        )

    def remove_collection(self, collection_id: str) -> Future[None]:
        """Remove a collection with everything the program keeps of its documents; the files stay."""
        return self._do(lambda library: library.shelving.remove(collection_id))

    def sources(self, collection: str = "") -> Future[list[Source]]:
        """Return what a collection, or every one, is filled from."""
        return self._do(lambda library: library.shelving.sources(collection))

    def remove_source(self, source_id: str) -> Future[None]:
        """Follow a file or folder no longer; its documents leave the collection."""
        return self._do(lambda library: library.shelving.remove_source(source_id))

    def _do(self, work: Work[T]) -> Future[T]:
        async def run() -> T:
            self._opened = await self._library()
            return await work(self._opened)

        return self._ground.call(run())

    async def _follow(self, library: Library) -> None:
        if self._watcher is None:
            from core.rag.watch import Watcher

            every = self._ground.settings.watch_interval
            emit = self._ground.emit
            self._watcher = Watcher(library, await self._ground.store(), every, emit, emit)
            # Its own task: the runtime cancels what is left on its loop when it stops.
            self._following = asyncio.ensure_future(self._watcher.run())
        self._watcher.wake()

    async def _sync(self, library: Library, collection: str) -> SyncReport:
        from core.rag.sync import total

        return total(await library.sync(collection, self._ground.emit))

    # -- measuring ---------------------------------------------------------------------------------------

    def evaluate(
        self,
        folder: Path,
        questions: Sequence[Question],
        variants: Sequence[Variant] = (Variant(),),
        *,
        progress: Callable[[IngestProgress], None] = lambda progress: None,
        begun: Callable[[int, Variant], None] = lambda number, variant: None,
        asked: Callable[[int], None] = lambda done: None,
    ) -> Future[list[Measured]]:
        """Put questions to a folder of documents, indexed apart from the user's own; what is indexed already is kept.

        Args:
            folder: The documents.
            questions: Every one is asked of every variant.
            variants: Ways of cutting, embedding and searching.
            progress: Told of each file that is indexed, on the runtime's loop.
            begun: Told which variant is indexed next, from 1.
            asked: Told how many questions are done.

        Returns (through the future):
            What each variant found, in their order.
        """
        return self._ground.call(self._evaluate(folder, questions, variants, progress, begun, asked))

    async def _evaluate(
        self,
        folder: Path,
        questions: Sequence[Question],
        variants: Sequence[Variant],
        progress: Callable[[IngestProgress], None],
        begun: Callable[[int, Variant], None],
        asked: Callable[[int], None],
    ) -> list[Measured]:
        from core.rag.evaluation.bench import SearchBench

        base = self._ground.paths.data / "evaluation"
        bench = SearchBench(folder, base, await self._ground.engine())
        try:
            # A name that is no embedder is told before an hour of indexing with another.
            for variant in variants:
                bench.embedder(variant.embedder)
            for number, variant in enumerate(variants, 1):
                begun(number, variant)
                await bench.prepare(variant, progress)
            return await bench.measure(variants, questions, asked)
        finally:
            await bench.close()

    def draft(self, passages: Sequence[Passage], n: int, *, model: bool = True) -> Future[list[Draft]]:
        """Draft questions about passages, see :mod:`core.rag.evaluation.draft`.

        Args:
            passages: To draw from.
            n: How many at most.
            model: Ask the engine's model first; ``False``: templates only.
        """
        return self._ground.call(self._draft(passages, n, model))

    async def _draft(self, passages: Sequence[Passage], n: int, model: bool) -> list[Draft]:
        from core.rag.evaluation.draft import draft, writer

        write = writer(await self._ground.engine(), self._ground.settings.num_ctx) if model else None
        return await draft(passages, n, write)


async def _in_thread(work: Callable[[], T]) -> T:
    return await asyncio.to_thread(work)


async def _jobs(library: Library) -> list[Job]:
    return await library.board.list()
