"""Collections beside each other, folders that come and go, and files of older versions, as a second reading found them."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.errors import StudyError, UsageError
from core.rag import Library
from core.rag.chunking import Chunking
from core.rag.embedding import Embedder, plain_embedder
from core.rag.jobs import quiet
from core.rag.types import Filters
from core.rag.watch import Watcher
from core.session import Store, collections, documents
from core.session.schema import MIGRATIONS
from core.session.schema_documents import document_tables
from core.session.store import rescue
from tests.unit.rag_killed import fake_embed
from tests.unit.rag_rooms import Room, company, until


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    made = Room(tmp_path / "data")
    yield made
    await made.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return company(tmp_path / "docs")


# -- one collection among others ----------------------------------------------------------------------


async def test_a_collection_whose_embedder_is_gone_does_not_hide_the_others(
    tmp_path: Path, folder: Path
) -> None:
    there = {"", "other"}

    def embedders(name: str) -> Embedder:
        if name not in there:
            raise UsageError("error.rag.embedder.unknown", name=name, known="fake")
        return plain_embedder(fake_embed, name or "fake")

    room = Room(tmp_path / "data", embedders)
    made = await room.library.shelving.create("papers", Chunking(), "other", False)
    await room.library.add([folder / "a.md"])
    await room.library.add([folder / "b.md"], collection="papers")
    await room.close()

    there.remove("other")
    room = Room(tmp_path / "data", embedders)
    await room.library.resume()
    assert [Path(hit.path).name for hit in await room.library.search("leave", 5)] == ["a.md"]
    assert len(room.notices) == 1, "said once"
    await room.library.search("leave", 5)
    assert len(room.notices) == 1
    with pytest.raises(UsageError):
        await room.library.find("parking", filters=Filters(collections=("papers",)))
    assert set(room.status().values()) == {"indexed"}
    assert (
        await room.library.view(next(d.id for d in room.library.documents("") if d.path.endswith("b.md")))
    ).chunks
    await room.library.shelving.remove(made.id)
    assert len(room.library.documents()) == 1
    await room.close()


async def test_an_engine_that_breaks_is_not_taken_for_a_broken_index(room: Room, folder: Path) -> None:
    await room.library.add([folder])

    async def breaking(texts: list[str]) -> list[list[float]]:
        raise OSError("no route to host")

    await room.library.close()
    room.library = Library(room.store, room.root / "index", breaking, "fake")
    with pytest.raises(OSError, match="no route"):
        await room.library.search("leave")
    assert set(room.status().values()) == {"indexed"}


async def test_a_collection_named_twice_is_searched_once(room: Room, folder: Path) -> None:
    made = await room.library.shelving.create("papers", Chunking(), "", False)
    await room.library.add([folder], collection="papers")
    found = await room.library.find("leave days", 10, filters=Filters(collections=(made.id, "papers")))
    ids = [hit.chunk_id for hit in found.hits]
    assert len(ids) == len(set(ids)) == 3
    with pytest.raises(UsageError):
        await room.library.find("leave", filters=Filters(collections=("papers", "nowhere")))


async def test_a_document_read_alone_is_the_same_as_its_twin_too(room: Room, folder: Path) -> None:
    (folder / "z.md").write_bytes((folder / "a.md").read_bytes())
    await room.library.add([folder])
    every = {item.id: item.same_as for item in room.library.documents()}
    assert sum(map(bool, every.values())) == 1
    alone = [documents.list_documents(room.store, ids=[one])[0] for one in every]
    assert {item.id: item.same_as for item in alone} == every


# -- folders ------------------------------------------------------------------------------------------


async def test_a_source_that_cannot_even_be_asked_for_is_suspended(room: Room, folder: Path) -> None:
    """As a network drive whose server is gone: looking at it is an error, not an answer."""
    await room.library.add([folder])
    beyond = str(folder / ("x" * 300))
    await asyncio.wrap_future(collections.add_sources(room.store, "default", [beyond]))
    room.store.submit(
        lambda db: db.execute(
            "INSERT OR IGNORE INTO sources VALUES ('s', 'default', ?, 'ok', 0, 0)", [beyond]
        )
    ).result()
    [report] = await room.library.sync()
    assert report.unchanged == 3 and report.suspended == (beyond,)


async def test_a_watch_outlives_a_look_that_breaks_and_a_folder_made_anew(
    room: Room, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await room.library.add([folder])
    await asyncio.wrap_future(collections.set_collection(room.store, "default", watch=1))
    real, broken = Library.differs, [True]

    async def breaking(library: Library, collection: str) -> bool:
        if broken.pop() if broken else False:
            raise sqlite3.OperationalError("database is locked")
        return await real(library, collection)

    monkeypatch.setattr(Library, "differs", breaking)
    watcher = Watcher(room.library, room.store, 3_600, quiet, lambda notice: None)
    task = asyncio.ensure_future(watcher.run())
    await until(lambda: watcher.listens and not broken)
    folder.rename(folder.with_name("old"))
    folder.mkdir()
    (folder / "d.md").write_text("The pool opens at six.", "utf-8")
    await until(lambda: "d.md" in room.status())
    # The folder is another one than was listened to first.
    (folder / "e.md").write_text("The gate closes at ten.", "utf-8")
    await until(lambda: "e.md" in room.status())
    task.cancel()


# -- older files --------------------------------------------------------------------------------------


async def test_a_store_from_before_collections_keeps_documents_folders_and_jobs(
    tmp_path: Path, folder: Path
) -> None:
    path = tmp_path / "data" / "session.db"
    path.parent.mkdir()
    before = MIGRATIONS.index(document_tables)
    from sqlite_utils import Database

    with sqlite3.connect(path, isolation_level=None) as connection:
        db = Database(connection)
        for migration in MIGRATIONS[:before]:
            migration(db)
        connection.execute(f"PRAGMA user_version = {before}")
        for name, status, chunks in (
            ("a.md", "indexed", 1),
            ("b.md", "queued", None),
            ("gone.md", "failed", 0),
        ):
            db["documents"].insert(
                {
                    "id": name.replace(".", ""),
                    "path": str(folder / name),
                    "title": "",
                    "status": status,
                    "chunks": chunks,
                }
            )
        for name, status in (("j1", "done"), ("j2", "running")):
            db["ingest_jobs"].insert(
                {
                    "id": name,
                    "paths": f'["{folder}"]',
                    "status": status,
                    "started_at": 1.0,
                    "owner_pid": 1 << 22,
                }
            )
    connection.close()

    room = Room(tmp_path / "data")
    assert room.status() == {"a.md": "indexed", "b.md": "queued", "gone.md": "failed"}
    await room.library.resume()
    assert room.status() == {"a.md": "indexed", "b.md": "indexed", "c.txt": "indexed", "gone.md": "failed"}
    kept = {Path(item.path).name: item.id for item in room.library.documents()}
    assert (kept["a.md"], kept["b.md"]) == ("amd", "bmd"), "a document stays the one it was"
    assert [row["path"] for row in room.rows("sources")] == [str(folder)]
    [report] = await room.library.sync()
    assert (report.unchanged, report.removed) == (3, 1)
    assert {job.status for job in await room.library.board.list()} == {"done"}
    assert (await room.library.search("leave days", 1))[0].document == "a.md"
    await room.close()


async def test_a_rescued_store_has_its_collections_and_folders(tmp_path: Path, folder: Path) -> None:
    room = Room(tmp_path / "data")
    await room.library.shelving.create("papers", Chunking(), "", False)
    await room.library.add([folder], collection="papers")
    await asyncio.wrap_future(collections.set_collection(room.store, "default", watch=1))
    await room.close()
    rescue(tmp_path / "data" / "session.db", tmp_path / "copy.db")
    copy = Store.open(tmp_path / "copy.db")
    assert {row["name"]: row["watch"] for row in collections.list_collections(copy)} == {
        "default": 1,
        "papers": 0,
    }
    assert [row["path"] for row in collections.list_sources(copy)] == [str(folder)]
    copy.close()


async def test_a_data_folder_that_cannot_be_written_is_said_so(room: Room, folder: Path) -> None:
    (room.root / "index.lock").mkdir()
    with pytest.raises(StudyError) as caught:
        await room.library.add([folder])
    assert caught.value.key == "error.data_dir"
    await room.library.resume()
