"""Documents under several hands at once: what is removed, checked or closed while a job works, and what others left behind."""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from core.errors import StudyError
from core.events import IngestProgress
from core.rag import Library, ingest
from core.rag.chunking import Chunking
from core.rag.jobs import quiet
from core.session import Store, documents, ingest_jobs
from tests.unit.rag_rooms import Room, company, left_behind, until


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    made = Room(tmp_path / "data")
    yield made
    await made.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return company(tmp_path / "docs")


# -- several hands at once ----------------------------------------------------------------------------


async def test_a_collection_removed_while_a_job_fills_it_leaves_nothing(room: Room, folder: Path) -> None:
    made = await room.library.shelving.create("papers", Chunking(), "", False)
    room.hold()
    adding = asyncio.ensure_future(room.library.add([folder], collection="papers"))
    later = asyncio.ensure_future(room.library.add([folder / "c.txt"], collection="papers"))
    await asyncio.wait_for(room.waiting.wait(), 30)
    removing = asyncio.ensure_future(room.library.shelving.remove(made.id))
    await asyncio.wait({removing}, timeout=2)
    room.go.set()
    await asyncio.wait_for(removing, 30)
    await asyncio.gather(adding, later, return_exceptions=True)
    assert not room.rows("documents") and not room.rows("sources")
    assert sorted(path.name for path in room.root.glob("index-*")) == []
    assert {job.status for job in await room.library.board.list()} <= {"cancelled", "failed"}
    assert not await room.library.retry()


async def _until_none(ready: Any) -> AsyncIterator[Any]:
    while (work := await ready.get()) is not None:
        yield work


async def test_a_document_removed_while_its_twin_is_indexed_leaves_the_twin_whole(
    room: Room, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await room.library.add([folder / "a.md"])
    [first] = room.library.documents()
    (folder / "twin.md").write_bytes((folder / "a.md").read_bytes())
    (folder / "z.md").write_text("Something else that must be embedded.", "utf-8")

    async def everything(ready: Any) -> tuple[list[Any], bool]:
        return [work async for work in _until_none(ready)], True

    monkeypatch.setattr(ingest, "_gather", everything)
    room.hold()
    adding = asyncio.ensure_future(room.library.add([folder / "twin.md", folder / "z.md"]))
    await asyncio.wait_for(room.waiting.wait(), 30)
    removing = asyncio.ensure_future(room.library.remove(first.id))
    await asyncio.wait({removing}, timeout=1)
    room.go.set()
    await asyncio.wait_for(asyncio.gather(adding, removing), 30)
    assert (await room.library.check()).troubles == ()
    assert {Path(hit.path).name for hit in await room.library.search("leave days", 5)} >= {"twin.md"}


async def test_what_was_removed_while_it_was_indexed_is_not_in_the_index(room: Room, folder: Path) -> None:
    room.hold()
    adding = asyncio.ensure_future(room.library.add([folder]))
    await asyncio.wait_for(room.waiting.wait(), 30)
    gone = next(item for item in room.library.documents() if item.path.endswith("a.md"))
    removing = asyncio.ensure_future(room.library.remove(gone.id))
    await asyncio.wait({removing}, timeout=1)
    room.go.set()
    await asyncio.wait_for(asyncio.gather(adding, removing), 30)
    assert (await room.library.check()).troubles == () and room.status().keys() == {"b.md", "c.txt"}


async def test_a_document_removed_just_before_its_index_is_built_anew(
    room: Room, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await room.library.add([folder])
    [first, *_others] = room.library.documents()
    real = Library.build

    async def late(library: Library, job: Any, collection: str) -> None:
        query = Store.query

        def read(store: Store, sql: str, params: Any = ()) -> Any:
            found = query(store, sql, params)
            if sql.startswith("SELECT path FROM documents") and any(
                row["path"] == first.path for row in found
            ):
                documents.forget_documents(store, [first.id]).result()
            return found

        monkeypatch.setattr(Store, "query", read)
        await real(library, job, collection)

    monkeypatch.setattr(Library, "build", late)
    await room.library.shelving.change(
        "default",
        name=None,
        chunking=Chunking("fixed", size=80),
        embedder=None,
        watch=None,
        on_progress=quiet,
    )
    assert set(room.status().values()) == {"indexed"} and len(room.status()) == 2
    assert (await room.library.check()).troubles == ()


async def test_settings_changed_while_a_job_works_leave_its_index_open(room: Room, folder: Path) -> None:
    await room.library.add([folder / "a.md"])
    shelf = await room.library.shelf("default")
    room.hold()
    adding = asyncio.ensure_future(room.library.add([folder]))
    await asyncio.wait_for(room.waiting.wait(), 30)
    changing = asyncio.ensure_future(
        room.library.shelving.change(
            "default",
            name=None,
            chunking=Chunking("fixed", size=80),
            embedder=None,
            watch=None,
            on_progress=quiet,
        )
    )
    await until(lambda: bool(room.rows("collections")[0]["next"]))
    assert await room.library.shelf("default") is shelf, "the index that is written to is not closed"
    room.go.set()
    await asyncio.wait_for(asyncio.gather(adding, changing), 60)
    assert set(room.status().values()) == {"indexed"} and len(room.status()) == 3
    assert (await room.library.check()).troubles == ()


async def changed(room: Room, size: int) -> None:
    """Ask for chunks of another size; 0: as they are by default."""
    cut = Chunking("fixed", size=size) if size else Chunking()
    await room.library.shelving.change(
        "default", name=None, chunking=cut, embedder=None, watch=None, on_progress=quiet
    )


@pytest.mark.parametrize("then", [90, 0])
async def test_settings_changed_again_while_the_index_is_built_are_those_in_force(
    room: Room, folder: Path, then: int
) -> None:
    await room.library.add([folder])
    room.hold()
    first = asyncio.ensure_future(changed(room, 80))
    await asyncio.wait_for(room.waiting.wait(), 30)
    second = asyncio.ensure_future(changed(room, then))
    before = room.rows("collections")[0]["next"]
    await until(lambda: room.rows("collections")[0]["next"] != before)
    room.go.set()
    await asyncio.wait_for(asyncio.gather(first, second), 60)
    [now] = await room.library.shelving.collections()
    assert now.chunking == (Chunking("fixed", size=then) if then else Chunking()) and not now.building
    assert (await room.library.check()).troubles == () and not room.rows("builds")
    assert len(list(room.root.glob("index*/manifest.json"))) == 1
    assert len(await room.library.search("leave days", 5)) == 3


async def test_a_rebuild_the_user_stopped_is_not_begun_again(room: Room, folder: Path) -> None:
    await room.library.add([folder])
    room.hold()
    changing = asyncio.ensure_future(changed(room, 80))
    await asyncio.wait_for(room.waiting.wait(), 30)
    job = next(job for job in await room.library.board.list() if job.kind == "rebuild")
    await room.library.board.stop(job.id)
    await asyncio.wait_for(changing, 30)
    room.go.set()
    [now] = await room.library.shelving.collections()
    assert not now.building and now.chunking == Chunking() and not room.rows("builds")
    await room.library.resume()
    assert [one.kind for one in await room.library.board.list()] == ["rebuild", "add"]
    assert len(await room.library.search("leave days", 5)) == 3


async def test_a_check_does_not_repair_what_another_process_is_writing(room: Room, folder: Path) -> None:
    await room.library.add([folder])
    await asyncio.wrap_future(documents.forget_documents(room.store, [room.library.documents()[0].id]))
    descriptor = os.open(room.root / "index.lock", os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        assert [one.kind for one in (await room.library.check()).troubles] == ["orphan"], "looking is allowed"
        with pytest.raises(StudyError) as caught:
            await room.library.check(repair=True)
        assert caught.value.key == "error.rag.busy"
    finally:
        os.close(descriptor)
    await room.library.check(repair=True)
    assert (await room.library.check()).troubles == ()


async def test_a_check_repairs_after_the_job_that_works(room: Room, folder: Path) -> None:
    room.hold()
    adding = asyncio.ensure_future(room.library.add([folder]))
    await asyncio.wait_for(room.waiting.wait(), 30)
    checking = asyncio.ensure_future(room.library.check(repair=True))
    await asyncio.wait({checking}, timeout=0.5)
    room.go.set()
    await asyncio.wait_for(adding, 30)
    assert (await asyncio.wait_for(checking, 30)).troubles == ()


async def test_an_index_another_process_made_anew_meanwhile_is_not_thrown_away(
    room: Room, folder: Path
) -> None:
    await room.library.add([folder])
    room.library.upkeep.start_over_aside("default", "damaged")
    upkeep = room.library.upkeep
    await asyncio.gather(*upkeep._repairing - set(upkeep._tidying.values()))
    assert set(room.status().values()) == {"indexed"} and not room.notices


async def test_stopping_while_a_batch_is_written_down_keeps_what_it_indexed(room: Room, folder: Path) -> None:
    """The write that says so is queued already when the job is stopped."""
    await room.library.add([folder / "c.txt"])
    [first] = room.library.documents()
    await asyncio.wrap_future(
        documents.set_rows(room.store, {first.id: {"status": "embedding", "stored_as": ""}})
    )
    held = threading.Event()
    room.store.submit(lambda db: held.wait(30))
    documents.set_rows(room.store, {first.id: {"status": "indexed", "stored_as": "k"}})
    putting = asyncio.ensure_future(room.library.put_right("add", "default"))
    # Its reads see what is on disk before the write that waits.
    await asyncio.to_thread(room.library.documents)
    held.set()
    await putting
    assert room.status() == {"c.txt": "indexed"}


# -- what a process left behind -----------------------------------------------------------------------


async def test_an_added_folder_is_followed_also_when_its_job_never_began(room: Room, folder: Path) -> None:
    await left_behind(room, "add", [folder])
    await room.library.resume()
    assert set(room.status().values()) == {"indexed"}
    assert [row["path"] for row in room.rows("sources")] == [str(folder)]


async def test_a_job_that_the_start_and_a_user_go_on_with_is_done_once(room: Room, folder: Path) -> None:
    await left_behind(room, "add", [folder], "running")
    [job] = ingest_jobs.unfinished_jobs(room.store)
    ends: list[str] = []

    def told(progress: IngestProgress) -> None:
        if progress.finished:
            ends.append(progress.job_id)

    await asyncio.gather(room.library.resume(told), room.library.resume_job(job.id, told))
    assert ends.count(job.id) == 1
    now = ingest_jobs.get_job(room.store, job.id)
    assert now and now.status == "done" and set(room.status().values()) == {"indexed"}


@pytest.mark.parametrize("kind", ["sync", "add"])
async def test_what_was_taken_out_stays_out_when_a_job_goes_on(room: Room, folder: Path, kind: str) -> None:
    await room.library.add([folder])
    taken = next(item for item in room.library.documents() if item.path.endswith("b.md"))
    await room.library.remove(taken.id)
    (folder / "new.md").write_text("The roof garden closes at nine.", "utf-8")
    await left_behind(room, kind, [folder], "running")
    await room.library.resume()
    assert room.status() == dict.fromkeys(("a.md", "c.txt", "new.md"), "indexed")


async def test_a_sync_that_goes_on_still_tells_what_moved(room: Room, folder: Path) -> None:
    await room.library.add([folder])
    before = {Path(item.path).name: item.id for item in room.library.documents()}
    (folder / "a.md").rename(folder / "leave.md")
    await left_behind(room, "sync", [folder], "running")
    await room.library.resume()
    after = {Path(item.path).name: item.id for item in room.library.documents()}
    assert after["leave.md"] == before["a.md"] and "a.md" not in after


async def test_a_job_that_breaks_does_not_keep_the_others_from_going_on(
    room: Room, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await left_behind(room, "add", [folder / "a.md"])
    await left_behind(room, "add", [folder / "b.md"])
    real = Library.ingest

    async def breaking(library: Library, job: Any, collection: str, found: Any, **how: Any) -> None:
        if found and found[0].name.endswith("a.md"):
            raise StudyError("error.rag.write", reason="x")
        await real(library, job, collection, found, **how)

    monkeypatch.setattr(Library, "ingest", breaking)
    await room.library.resume()
    assert room.status() == {"b.md": "indexed"} and room.notices


async def test_a_paused_job_waits_for_the_user_after_a_restart(tmp_path: Path, folder: Path) -> None:
    for number in range(60):
        (folder / f"{number:02}.md").write_text(f"Rule {number}.", "utf-8")
    room = Room(tmp_path / "data")
    room.hold()
    jobs: list[str] = []
    adding = asyncio.ensure_future(room.library.add([folder], lambda progress: jobs.append(progress.job_id)))
    await asyncio.wait_for(room.waiting.wait(), 30)
    await room.library.board.pause(jobs[0])
    await room.close()
    await asyncio.gather(adding, return_exceptions=True)

    room = Room(tmp_path / "data")
    await room.library.resume()
    assert "queued" in room.status().values(), "it was paused"
    [job] = await room.library.board.list()
    assert job.status == "paused"
    # The process that began it is gone.
    await asyncio.wrap_future(
        ingest_jobs.update_job(room.store, job.id, owner_pid=1 << 22, owner_started=1.0)
    )
    await room.library.resume_job(job.id)
    assert set(room.status().values()) == {"indexed"}
    await room.close()


async def test_a_paused_rebuild_waits_too_and_can_be_stopped(tmp_path: Path, folder: Path) -> None:
    room = Room(tmp_path / "data")
    await room.library.add([folder])
    room.hold()
    changing = asyncio.ensure_future(changed(room, 80))
    await asyncio.wait_for(room.waiting.wait(), 30)
    job_id = next(job.id for job in await room.library.board.list() if job.kind == "rebuild")
    await room.library.board.pause(job_id)
    await room.close()
    await asyncio.gather(changing, return_exceptions=True)

    room = Room(tmp_path / "data")
    await asyncio.wrap_future(
        ingest_jobs.update_job(room.store, job_id, owner_pid=1 << 22, owner_started=1.0)
    )
    await room.library.resume()
    [now] = await room.library.shelving.collections()
    assert now.building and now.chunking == Chunking()
    await room.library.board.stop(job_id)
    [now] = await room.library.shelving.collections()
    assert not now.building and now.chunking == Chunking()
    await room.close()


async def test_a_paused_job_whose_turn_comes_is_still_paused(room: Room, folder: Path) -> None:
    room.hold()
    first = asyncio.ensure_future(room.library.add([folder / "a.md"]))
    await asyncio.wait_for(room.waiting.wait(), 30)
    second = asyncio.ensure_future(room.library.add([folder / "b.md"]))
    await until(lambda: len(room.rows("ingest_jobs")) == 2)
    waiting = next(job for job in await room.library.board.list() if job.status == "queued")
    await room.library.board.pause(waiting.id)
    third = asyncio.ensure_future(room.library.add([folder / "c.txt"]))
    room.go.set()
    await asyncio.wait_for(asyncio.gather(first, third), 30)
    assert room.status() == {"a.md": "indexed", "c.txt": "indexed"}, "it lets the third one pass"
    assert ingest_jobs.get_job(room.store, waiting.id).status == "paused"  # type: ignore[union-attr]
    await room.library.resume_job(waiting.id)
    await asyncio.wait_for(second, 30)


async def test_closing_during_a_repair_leaves_it_for_the_next_start(tmp_path: Path, folder: Path) -> None:
    room = Room(tmp_path / "data")
    await room.library.add([folder])
    (room.root / "index" / "manifest.json").unlink()
    room.hold()
    for _ in range(2):
        shelf = await room.library.shelf("default")
        shelf.close()
    room.library.upkeep.start_over_aside("default", "missing")
    await asyncio.wait_for(room.waiting.wait(), 30)
    await room.library.close()
    room.store.close()

    room = Room(tmp_path / "data")
    assert "failed" not in room.status().values()
    await room.library.resume()
    assert set(room.status().values()) == {"indexed"}
    await room.close()


async def test_indexes_a_crash_left_behind_are_deleted_at_the_next_start(
    tmp_path: Path, folder: Path
) -> None:
    room = Room(tmp_path / "data")
    await room.library.add([folder])
    made = await room.library.shelving.create("papers", Chunking(), "", False)
    await room.library.add([folder], collection="papers")
    await room.close()
    shutil.copytree(tmp_path / "data" / "index", tmp_path / "data" / "index-default-1")
    shutil.copytree(tmp_path / "data" / "index", tmp_path / "data" / "index-0123456789ab-0")
    (tmp_path / "data" / "index-notes").mkdir()

    room = Room(tmp_path / "data")
    await room.library.resume()
    kept = {path.name for path in room.root.glob("index*") if path.is_dir()}
    assert kept == {"index", f"index-{made.id}-0", "index-notes"}
    assert len(await room.library.search("leave days", 10)) == 6
    await room.close()
