"""FAKES, for unit tests of the documents pane only: the core's documents over the real ledger, without index or engine."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.events import Document, Hit, StoreChanged
from core.rag.types import (
    CheckReport,
    Collection,
    Details,
    Filters,
    Job,
    Reason,
    SearchResult,
    Source,
    SyncReport,
)
from core.session import documents

if TYPE_CHECKING:
    from tests.tui.fakes import FakeRuntime

START = 1_790_000_000.0


def done(value: Any) -> Future[Any]:
    future: Future[Any] = Future()
    future.set_result(value)
    return future


@dataclass(frozen=True)
class FakeChunk:
    chunk_id: str
    ordinal: int
    section: str
    text: str
    page: int | None = None
    char_start: int = 0
    char_end: int = 0
    line: int = 0


@dataclass(frozen=True)
class FakeView:
    document: Document
    chunks: list[FakeChunk]


@dataclass
class FakeLibrary:
    """Notes what it is asked for in :attr:`asked`; answers with what a test put here."""

    runtime: FakeRuntime
    asked: list[tuple[Any, ...]] = field(default_factory=list)
    all: list[Collection] = field(default_factory=lambda: [Collection("default", "default")])
    known_sources: list[Source] = field(default_factory=list)
    all_jobs: list[Job] = field(default_factory=list)
    answerable: bool = True
    confidence: float = 0.9
    reasons: tuple[Reason, ...] = ()
    report: SyncReport = field(default_factory=lambda: SyncReport("j", changed=1, unchanged=2))
    checked: CheckReport = field(default_factory=lambda: CheckReport(2, 5))
    later: list[tuple[Future[Any], SearchResult]] | None = None
    """Set to a list: searches are answered when the test says so."""

    waiting: str = ""
    """What a search that is not answered yet waits for."""

    # -- reading -------------------------------------------------------------------------------------

    def collections(self) -> Future[list[Collection]]:
        return done(list(self.all))

    def sources(self, collection: str = "") -> Future[list[Source]]:
        return done(list(self.known_sources))

    def jobs(self) -> Future[list[Job]]:
        return done(list(self.all_jobs))

    def search(
        self,
        query: str,
        k: int = 5,
        *,
        filters: Filters | None = None,
        phrase: str = "",
        variety: float = 0.0,
    ) -> Future[SearchResult]:
        self.asked.append(("search", query, filters or Filters(), phrase))
        hits: tuple[Hit, ...] = tuple(self.runtime.hits)
        result = SearchResult(hits, self.answerable, self.confidence, 0.5, self.reasons)
        if self.later is None:
            return done(result)
        future: Future[SearchResult] = Future()
        self.later.append((future, result))
        return future

    def waits_for(self) -> str:
        return self.waiting

    def view(self, document_id: str) -> Future[Any]:
        self.asked.append(("view", document_id))
        known = self.runtime.views.get(document_id)
        if known is None:
            assert self.runtime.store
            row = documents.get_document(self.runtime.store, document_id)
            assert row
            known = FakeView(row, [])
        return done(known)

    def details(self, document_id: str) -> Future[Details]:
        assert self.runtime.store
        known = documents.get_document(self.runtime.store, document_id)
        one = known or self.runtime.views[document_id].document
        return done(
            Details(one, one.collection, "markdown-1 headings-2 use", 120, 2, "utf-8", START, ("/copy/a.md",))
        )

    # -- changing ------------------------------------------------------------------------------------

    def _note(self, *what: Any) -> Future[Any]:
        self.asked.append(what)
        return done(None)

    def add(self, paths: Sequence[str | Path], collection: str = "default") -> Future[str]:
        return self.runtime.add_documents([str(path) for path in paths], collection)

    def sync(self, collection: str = "") -> Future[SyncReport]:
        self.asked.append(("sync", collection))
        return done(self.report)

    def retry(self, document_ids: Sequence[str] = ()) -> Future[Any]:
        return self._note("retry", list(document_ids))

    def reindex(self, document_ids: Sequence[str]) -> Future[Any]:
        return self._note("reindex", list(document_ids))

    def remove(self, document_ids: Sequence[str]) -> Future[None]:
        assert self.runtime.store
        for one in document_ids:
            documents.forget_documents(self.runtime.store, [one]).result()
        return self._note("remove", list(document_ids))

    def pause(self, job_id: str) -> Future[Any]:
        return self._note("pause", job_id)

    def resume(self, job_id: str) -> Future[Any]:
        return self._note("resume", job_id)

    def stop(self, job_id: str) -> Future[Any]:
        return self._note("stop", job_id)

    def check(self, repair: bool = False) -> Future[CheckReport]:
        self.asked.append(("check", repair))
        return done(self.checked)

    def create_collection(self, name: str, **settings: Any) -> Future[Collection]:
        made = Collection(f"c{len(self.all)}", name, **settings)
        self._collections([*self.all, made])
        return done(made)

    def change_collection(self, collection_id: str, **changes: Any) -> Future[Any]:
        self.asked.append(("change", collection_id, changes))
        self._collections([replace(one, **changes) if one.id == collection_id else one for one in self.all])
        return done(None)

    def remove_collection(self, collection_id: str) -> Future[Any]:
        self._collections([one for one in self.all if one.id != collection_id])
        return self._note("remove_collection", collection_id)

    def _collections(self, collections: list[Collection]) -> None:
        self.all = collections
        self.runtime.emit_soon(StoreChanged("collections", ()))
