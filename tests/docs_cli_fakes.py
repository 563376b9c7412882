"""FAKES for tests of ``llm-study docs``: a library that does not read or embed, over a real store; and the command line
that talks to it."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from core.cli import main
from core.errors import UsageError
from core.events import (
    Document,
    Event,
    IngestProgress,
    RunEnded,
)
from core.paths import default_paths
from core.rag import ChunkView, DocumentView, scan
from core.rag.chunking import Chunking
from core.rag.types import (
    CheckReport,
    Collection,
    Details,
    SearchResult,
    Source,
    SyncReport,
    Trouble,
)
from core.session import Store, collections, documents


def done(value: Any) -> Future[Any]:
    future: Future[Any] = Future()
    future.set_result(value)
    return future


def failed_with(error: Exception) -> Future[Any]:
    future: Future[Any] = Future()
    future.set_exception(error)
    return future


class Interrupted(Future[Any]):
    """Waiting for it is broken off by Ctrl+C, once."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    def done(self) -> bool:
        self.asked += 1
        if self.asked == 2:
            raise KeyboardInterrupt
        return super().done()


class FakeLibrary:
    """FAKE of :class:`core.rag.desk.Documents`: files named ``*bad*`` fail, everything else is one chunk."""

    def __init__(self, store: Store, emit: Callable[[Event], None]) -> None:
        self.store, self.emit = store, emit
        self.result = SearchResult((), True, 1.0)
        self.asked: list[tuple[Any, ...]] = []
        self.reports: list[SyncReport] = []
        self.on_sync: Callable[[], None] = lambda: None
        self.troubles: list[tuple[Trouble, ...]] = []
        self.interrupt: Interrupted | None = None
        self.stopped: list[str] = []

    def add(self, paths: Sequence[str | Path], collection: str = "default") -> Future[str]:
        found = scan.find_files([Path(path) for path in paths])
        if not found:
            return failed_with(UsageError("error.rag.no_files", path=str(paths[0])))
        if self.interrupt is not None:
            self.emit(IngestProgress("j1", 41, 12, 0, "half.md"))
            return self.interrupt
        collections.add_sources(self.store, collection, [scan.stored(Path(one)) for one in paths]).result()
        for number, one in enumerate(found, 1):
            self.emit(IngestProgress("j1", len(found), number, 0, scan.shown(one.path), rate=2.0, eta_s=3.0))
            put(self.store, one.path, collection=collection)
        return done("j1")

    def retry(self, ids: Sequence[str] = ()) -> Future[str]:
        return self.reindex(ids)

    def reindex(self, ids: Sequence[str]) -> Future[str]:
        self.asked.append(("again", tuple(ids)))
        for one in documents.list_documents(self.store):
            if one.id in ids:
                put(self.store, scan.opened(one.path), id=one.id, collection=one.collection)
        return done("j2")

    def stop(self, job_id: str) -> Future[None]:
        self.stopped.append(job_id)
        if self.interrupt is not None:
            self.interrupt.set_result("j1")
        return done(None)

    def create_collection(
        self, name: str, *, chunking: Chunking | None = None, embedder: str = "", watch: bool = False
    ) -> Future[Collection]:
        how = (chunking or Chunking()).to_json()
        made = collections.create_collection(self.store, name, how, embedder, watch).result()
        return done(Collection(made, name, chunking or Chunking(), embedder, watch))

    def change_collection(self, collection_id: str, **settings: Any) -> Future[Collection]:
        self.asked.append(("change", collection_id, settings))
        row = collections.get_collection(self.store, collection_id)
        assert row is not None
        name = settings.pop("name", row["name"])
        collections.set_collection(self.store, collection_id, name=name).result()
        return done(Collection(collection_id, name, **settings))

    def remove_collection(self, collection_id: str) -> Future[None]:
        return done(collections.delete_collection(self.store, collection_id).result())

    def sources(self, collection: str = "") -> Future[list[Source]]:
        rows = collections.list_sources(self.store, collection)
        return done([Source(row["id"], row["collection"], row["path"]) for row in rows])

    def remove_source(self, source_id: str) -> Future[None]:
        [source] = [one for one in self.sources().result() if one.id == source_id]
        collections.delete_source(self.store, source_id).result()
        inside = [one for one in documents.list_documents(self.store) if one.path.startswith(source.path)]
        return self.remove([one.id for one in inside])

    def remove(self, ids: Sequence[str]) -> Future[None]:
        return done(documents.forget_documents(self.store, ids).result())

    def details(self, document_id: str) -> Future[Details]:
        row = documents.get_document(self.store, document_id)
        assert row is not None
        return done(
            Details(row, row.collection, "pdf-1/headings-2/use", 7, 3, "cp949", also_at=("/b/copy.md",))
        )

    def view(self, document_id: str) -> Future[DocumentView]:
        row = documents.get_document(self.store, document_id)
        assert row is not None
        return done(DocumentView(row, [ChunkView("c1", 0, "A › B", "two\nlines", None, 4, 13, 2)]))

    def search(self, query: str, k: int = 5, **options: Any) -> Future[SearchResult]:
        self.asked.append((query, k, options))
        return done(self.result)

    def sync(self, collection: str = "") -> Future[SyncReport]:
        self.on_sync()
        return done(self.reports.pop(0))

    def check(self, repair: bool = False) -> Future[CheckReport]:
        troubles = self.troubles.pop(0) if self.troubles else ()
        return done(CheckReport(3, 12, troubles, repair and not troubles))


class FakeWork:
    """FAKE of :class:`core.runtime.Runtime`, as far as ``docs`` uses it."""

    def __init__(self, path: Path) -> None:
        self.store = Store.open(path)
        self.store_ready = done(self.store)
        self.listeners: list[Callable[[Event], None]] = []
        self.library = FakeLibrary(self.store, self.emit)
        self.ended: RunEnded | None = None
        self.asked_in: list[bool | str] = []

    def emit(self, event: Event) -> None:
        for listener in list(self.listeners):
            listener(event)

    def subscribe(self, listener: Callable[[Event], None]) -> Callable[[], None]:
        self.listeners.append(listener)
        return lambda: self.listeners.remove(listener)

    def new_session(self) -> Future[Any]:
        from core.session import chat

        return chat.create_session(self.store)

    def ask(self, session_id: str, text: str, docs: bool | str = False) -> Future[str]:
        assert docs and self.ended is not None
        self.asked_in.append(docs)
        self.emit(dataclasses.replace(self.ended, session_id=session_id))
        return done(self.ended.run_id)


def put(store: Store, path: Path | str, **values: Any) -> Document:
    """Write a document's row."""
    path = Path(path)
    known = [one for one in documents.list_documents(store) if one.path == scan.stored(path)]
    bad = "bad" in path.name
    fields = {
        "id": known[0].id if known else "%012x" % (0xABC000000000 + len(documents.list_documents(store))),
        "title": scan.shown(Path(path.stem)),
        "status": "failed" if bad else "indexed",
        "reason": "The file is damaged or cut off." if bad else "",
        "chunks": 0 if bad else 1,
        "bytes": 2_048,
        "content_hash": path.read_text(errors="replace") if path.is_file() else "hash",
        "updated_at": time.time(),
        "mtime": 0.0,
    } | values
    made = Document(path=scan.stored(path), **fields)
    mtime_ns = int(made.mtime * 1e9)
    documents.put_document(store, made, mtime_ns=mtime_ns).result()
    if made.chunks:
        documents.set_rows(store, {made.id: {"stored_as": made.id}}).result()
    return made


@dataclasses.dataclass
class Cli:
    """The command line over the fake."""

    folder: Path
    work: FakeWork
    capsys: pytest.CaptureFixture[str]

    def __call__(self, *words: str) -> tuple[int, str, str]:
        code = main(["docs", *words, "--data-dir", str(self.folder / "data"), "--lang", "en"])
        said = self.capsys.readouterr()
        assert "Traceback" not in said.err
        return code, said.out, said.err

    def json(self, *words: str) -> tuple[int, Any]:
        code, out, _ = self(*words, "--json")
        assert out.count("\n") == 1, out
        return code, json.loads(out)

    def file(self, name: str, text: str = "text") -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path


@contextlib.contextmanager
def command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Cli]:
    """The command line in a home and a working directory of its own, over the fake."""
    paths = default_paths(tmp_path / "data")
    paths.ensure()
    work = FakeWork(paths.session_db)

    @contextlib.contextmanager
    def runtime(*_: Any) -> Iterator[FakeWork]:
        yield work

    monkeypatch.setattr("core.cli.docs.runtime", runtime)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    yield Cli(tmp_path, work, capsys)
    work.store.close()


def fields_of(text: str) -> set[str]:
    return set(text.split())


def rows_of(*paths: str, collection: str = "default") -> list[Document]:
    return [
        Document(f"{number:03x}f00d", path, Path(path).stem, "indexed", collection=collection)
        for number, path in enumerate(paths)
    ]
