"""The documents as the app sees them: takes the core's events, and has done what the pane and its dialogs ask for."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from core.events import Citation, Document, IngestProgress, StoreChanged
from core.i18n import tr
from core.session import documents as ledger
from core.text import clean_line
from tui import exporting, format, open_file, workers
from tui.documents_query import Query
from tui.documents_shelf import Node
from tui.pasted_paths import parse_paths
from tui.screens.dialogs import Confirm
from tui.screens.help import TextScreen
from tui.widgets import documents_text
from tui.widgets.documents import DocumentsPane
from tui.widgets.documents_rows import base_name

if TYPE_CHECKING:
    from core.rag import ChunkView
    from core.rag.desk import Documents
    from core.rag.types import SearchResult
    from tui.study import StudyApp

RELOAD_S = 0.25
"""Rows of the ledger are read again this often at most."""

MANY = 2_000
"""More changed rows than this at once: the whole ledger is read."""

TOLD_AFTER_S = 0.3
"""A search that takes so long says what it waits for."""

HITS = 20

FEW = 3
"""Passages shown when none is near."""


class DocumentsRoom:
    """Keeps :class:`tui.documents_state.DocumentsState` and starts the work."""

    def __init__(self, app: StudyApp) -> None:
        self._app = app
        self.state = app.state.documents
        self._changed: set[str] = set()
        self._all_changed = False
        self._due = False

    @property
    def pane(self) -> DocumentsPane:
        """The pane."""
        return self._app.bench.documents

    @property
    def desk(self) -> Documents:
        """The core's documents."""
        return self._app.runtime.library

    def do(self, wants: DocumentsPane.Wants) -> None:
        """Do what the pane asks for."""
        method = getattr(self, wants.what)
        arguments = [item for item in (wants.item, wants.more) if item is not None]
        method(*arguments)

    def _start(self, work: Any, group: str, *, exclusive: bool = False) -> None:
        workers.start(self._app, work, group, exclusive=exclusive)

    def _call(
        self, call: Callable[[Documents], Future[Any]], then: Callable[[Any], Any] | None = None
    ) -> None:
        """Have the core do something; an error is told."""

        async def work() -> None:
            await workers.store_of(self._app)
            result = await _unhurt(call(self.desk))
            if then:
                then(result)

        self._start(work(), "documents-work")

    def tell(self, text: str) -> None:
        """Say a sentence."""
        self._app.tell(text)

    def page(self, content: tuple[str, Any]) -> None:
        """Show a page of text."""
        self._app.push_screen(TextScreen(*content))

    # -- what there is -------------------------------------------------------------------------------

    def load(self) -> None:
        """Read everything."""
        self._start(self._load(), "documents", exclusive=True)

    async def _load(self) -> None:
        app = self._app
        await workers.store_of(app)
        rows = await asyncio.to_thread(app.runtime.documents)
        self.state.shelf.load(rows)
        self.state.loaded = True
        self.pane.show_changed(set(), shape=True)
        self._app.bench.chat.show_greeting()
        await self._load_collections()
        await self._load_jobs()

    async def _load_collections(self) -> None:
        shelf = self.state.shelf
        collections = await asyncio.wrap_future(self.desk.collections())
        sources = await asyncio.wrap_future(self.desk.sources())
        shelf.set_collections(collections)
        shelf.set_sources((source.collection, source.path) for source in sources)
        self.pane.show_changed(set(), shape=True)
        from tui.screens.documents import CollectionsScreen

        if isinstance(self._app.screen, CollectionsScreen):
            self._app.screen.show()

    def load_jobs(self) -> None:
        """Read the list of jobs."""
        self._start(self._load_jobs(), "documents-jobs", exclusive=True)

    async def _load_jobs(self) -> None:
        await workers.store_of(self._app)
        self.state.jobs = list(await asyncio.wrap_future(self.desk.jobs()))
        self.pane.show_jobs()

    def store_changed(self, event: StoreChanged) -> None:
        """Take note of rows that changed; they are read a few times a second at most."""
        if event.table == "documents":
            self._changed.update(event.ids)
            self._all_changed = self._all_changed or not event.ids
            if not self._due:
                self._due = True
                self._app.set_timer(RELOAD_S, self._read_changed)
        elif event.table in {"collections", "sources"}:
            self._start(self._load_collections(), "documents-collections", exclusive=True)
        elif event.table == "ingest_jobs" and self.pane.mode == "tasks":
            self.load_jobs()

    def _read_changed(self) -> None:
        self._due = False
        ids, everything = self._changed, self._all_changed or len(self._changed) > MANY
        self._changed, self._all_changed = set(), False
        if everything:
            self.load()
        elif ids:
            self._start(self._read(ids), "documents-rows")

    async def _read(self, ids: set[str]) -> None:
        store = await workers.store_of(self._app)
        rows = await asyncio.to_thread(lambda: ledger.list_documents(store, ids=ids))
        shelf, shape = self.state.shelf, False
        for row in rows:
            shape = shelf.put(row) or shape
        for gone in ids - {row.id for row in rows}:
            shape = shelf.drop(gone) or shape
        self.pane.show_changed(ids, shape=shape)
        if shape:
            self._app.bench.chat.show_greeting()

    def progress(self, event: IngestProgress) -> None:
        """Take how far a job is; when it is over, a search that is shown is made again."""
        if event.finished:
            self.state.progress.pop(event.job_id, None)
            if event.failed and event.kind in {"add", "retry"}:
                # Their place in a long tree may be far below what is in sight; a retry may be over before it was seen.
                told = "documents.failed.told" if event.kind == "add" else "documents.failed.still"
                press = self.pane.key("document_failed")
                self._app.tell(tr(told, count=event.failed, press=press), "warning")
            elif event.kind in {"add", "retry"} and event.done >= event.total > 0:
                here, search = self.pane.key("documents"), self.pane.key("document_search")
                self._app.tell(
                    tr("documents.added.told", count=format.count(event.done), here=here, search=search)
                )
            pane = self.pane
            if pane.mode == "hits" and pane.query_now.searches:
                self.search(pane.query_now)
            if pane.mode == "tasks":
                self.load_jobs()
        else:
            self.state.progress[event.job_id] = event
        self.pane.show_progress()

    # -- searching and reading -----------------------------------------------------------------------

    def search(self, query: Query) -> None:
        """Search; a newer search replaces this one."""

        async def work() -> None:
            try:
                await workers.store_of(self._app)
                found = self.desk.search(query.words, HITS, filters=query.filters, phrase=query.phrase)
                result = await self._telling(query, asyncio.wrap_future(found))
            except Exception:
                self.pane.show_result(query, None)
                raise
            self.pane.show_result(query, _worth_showing(result))

        self._start(work(), "documents-search", exclusive=True)

    async def _telling(self, query: Query, found: asyncio.Future[SearchResult]) -> SearchResult:
        """Wait for a search; while that takes long, say what it waits for."""
        try:
            while not (await asyncio.wait({found}, timeout=TOLD_AFTER_S))[0]:
                self.pane.show_waiting(query, self.desk.waits_for())
        except asyncio.CancelledError:
            found.cancel()
            raise
        return found.result()

    def view(self, document_id: str, chunk_id: str | None = None) -> None:
        """Read a document back."""

        async def work() -> None:
            await workers.store_of(self._app)
            found = await asyncio.wrap_future(self.desk.view(document_id))
            self.pane.show_view(found, chunk_id)

        self._start(work(), "documents-view", exclusive=True)

    def strip(self, document_id: str) -> None:
        """Read what is shown below a document."""

        async def work() -> None:
            await workers.store_of(self._app)
            self.pane.show_details(await asyncio.wrap_future(self.desk.details(document_id)))

        self._start(work(), "documents-strip", exclusive=True)

    def details(self, document_id: str) -> None:
        """Show everything known of a document."""

        def show(found: Any) -> None:
            name = self.state.shelf.name_of(found.document.collection)
            title = base_name(found.document.path)
            self._app.push_screen(TextScreen(title, documents_text.details_text(found, name)))

        self._call(lambda desk: desk.details(document_id), show)

    def citation_back(self, citation: Citation) -> None:
        """Show the answer again whose source was read."""
        self._app.bench.leave_citation(citation)

    def copy(self, text: str) -> None:
        """Copy a text."""
        self._app.copy_text(text)

    def export(self, passage: tuple[Document, ChunkView]) -> None:
        """Write a passage to a file and say where."""
        document, chunk = passage
        text = documents_text.passage_markdown(document, chunk)

        async def work() -> None:
            try:
                name = f"{base_name(document.path)}-{chunk.ordinal + 1}"
                path = await asyncio.to_thread(exporting.save_passage, name, text)
            except OSError as error:
                self._app.tell(tr("export.failed", reason=error.strerror or error), "error")
            else:
                self._app.tell(tr("export.done", paths=path))

        self._start(work(), "export")

    def open_file(self, document: Document, line: int = 0) -> None:
        """Open a file in the user's editor, or what was read of it in the pager when it is no text."""

        async def work() -> None:
            text = ""
            if not open_file.is_text(document):
                found = await asyncio.wrap_future(self.desk.view(document.id))
                text = "\n\n".join(chunk.text for chunk in found.chunks)
            changed = open_file.show(self._app, document, text, line)
            if changed:
                self._app.tell(tr("documents.open.changed", press=self.pane.key("documents_sync_here")))

        self._start(work(), "documents-open", exclusive=True)

    # -- adding and changing -------------------------------------------------------------------------

    def ask_add(self, text: str = "", collection: str = "default") -> None:
        """Ask what to add, and to which collection."""
        from tui.screens.documents import AddDialog

        def chosen(wanted: tuple[str, str] | None) -> None:
            if wanted:
                self.add(*wanted)

        shelf = self.state.shelf
        known = shelf.collection(collection)
        self._app.push_screen(AddDialog(shelf.collections, known.id if known else "default", text), chosen)

    def add(self, text: str, collection: str = "default") -> None:
        """Add what a text names: paths, quoted or escaped, several at once."""

        async def work() -> None:
            await workers.store_of(self._app)
            paths = await asyncio.to_thread(parse_paths, text)
            if paths:
                await _unhurt(self.desk.add(paths, collection))

        self._start(work(), "documents-add")

    def remove(self, targets: Sequence[Document]) -> None:
        """Remove documents, after asking."""

        def confirmed(yes: bool | None) -> None:
            if yes:
                self._call(lambda desk: desk.remove([one.id for one in targets]))

        if len(targets) == 1:
            question = tr("documents.remove", name=base_name(targets[0].path))
        else:
            question = tr("documents.remove.many", count=len(targets))
        self._app.push_screen(Confirm(question), confirmed)

    def retry(self, ids: Sequence[str]) -> None:
        """Try failed files again."""
        self._call(lambda desk: desk.retry(ids))

    def reindex(self, ids: Sequence[str]) -> None:
        """Index documents again."""
        self._call(lambda desk: desk.reindex(ids))

    def sync(self, collection: str = "") -> None:
        """Look for changes on disk and say what was found."""
        self._app.tell(tr("documents.syncing"))
        self._call(
            lambda desk: desk.sync(collection),
            lambda report: self._app.tell(documents_text.sync_text(report)),
        )

    def pause_job(self, job_id: str) -> None:
        """Hold a job."""
        self._call(lambda desk: desk.pause(job_id))

    def resume_job(self, job_id: str) -> None:
        """Go on with a job."""
        self._call(lambda desk: desk.resume(job_id))

    def stop_job(self, job_id: str) -> None:
        """End a job; what is done stays."""
        self._call(lambda desk: desk.stop(job_id), lambda _: self._app.tell(tr("documents.stopped")))

    def check(self, *, repair: bool = False) -> None:
        """Hold the ledger against the index, and show what was found."""
        self._app.tell(tr("documents.checking"))

        def show(report: Any) -> None:
            self._app.push_screen(TextScreen(tr("documents.check"), documents_text.check_text(report)))

        self._call(lambda desk: desk.check(repair), show)

    # -- collections ---------------------------------------------------------------------------------

    def collections(self) -> None:
        """List the collections."""
        from tui.screens.documents import CollectionsScreen

        self._app.push_screen(CollectionsScreen(self, self._app.keys))

    def create_collection(self, name: str) -> None:
        """Make a collection."""
        self._call(lambda desk: desk.create_collection(name))

    def change_collection(self, collection: str, **changes: Any) -> None:
        """Change a collection's name or settings; another chunking or embedder is built beside the old index."""
        rebuilds = "chunking" in changes or "embedder" in changes
        done = tr("documents.collection.rebuilding" if rebuilds else "documents.collection.changed")
        self._call(lambda desk: desk.change_collection(collection, **changes), lambda _: self._app.tell(done))

    def collection_settings(self, collection: str) -> None:
        """Ask for a collection's settings."""
        from tui.screens.documents_settings import CollectionSettings

        known = self.state.shelf.collection(collection)
        if known is None:
            return

        def chosen(changes: dict[str, Any] | None) -> None:
            if changes:
                self.change_collection(known.id, **changes)

        self._app.push_screen(CollectionSettings(known), chosen)

    def remove_collection(self, collection: str) -> None:
        """Remove a collection with what is in it, after asking. The default one stays."""
        if collection == "default":
            self._app.tell(tr("documents.collection.default"), "warning")
            return

        def confirmed(yes: bool | None) -> None:
            if yes:
                self._call(lambda desk: desk.remove_collection(collection))

        shelf = self.state.shelf
        node: Node | None = shelf.node(f"c:{collection}")
        count = node.total if node else 0
        name = clean_line(shelf.name_of(collection), max_chars=60)
        self._app.push_screen(Confirm(tr("documents.collection.remove", name=name, count=count)), confirmed)


async def _unhurt(future: Future[Any]) -> Any:
    """Wait for the core; when the waiting ends because the app is left, what was waited for is not cancelled.

    A job that is cancelled was stopped by the user; one that the end of the program cut off goes on at the next start.
    """
    return await asyncio.shield(asyncio.wrap_future(future))


def _worth_showing(result: SearchResult) -> SearchResult:
    """Leave out passages whose score would be written 0.00, unless there are no others: they only fill the list."""
    hits = tuple(hit for hit in result.hits if hit.score >= 0.005) or result.hits[:FEW]
    return dataclasses.replace(result, hits=hits)
