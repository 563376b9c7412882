"""Folders that are followed: what a sync does about files that come, change, move and go; collections; checks."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.errors import UsageError
from core.events import IngestProgress
from core.i18n import tr
from core.rag.chunking import Chunking
from core.rag.types import Filters, failed_of
from core.session import collections, ingest_jobs
from tests.unit.test_rag_library import Room, quiet


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    made = Room(tmp_path / "data")
    yield made
    await made.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "docs"
    (path / "hr").mkdir(parents=True)
    (path / "a.md").write_text("# 휴가\n\n연차휴가는 매년 15일입니다.", "utf-8")
    (path / "hr" / "b.md").write_text("# Parking\n\nParking costs 80,000 won a month.", "utf-8")
    (path / "c.txt").write_text("The canteen opens at noon.", "utf-8")
    return path


async def counts(room: Room) -> dict[str, int]:
    return await (await room.library.shelf("default")).index.counts()


def touch_later(path: Path) -> None:
    """Give a file another time, as an editor does a moment later."""
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1_000_000))


async def test_a_sync_follows_the_folder(room: Room, folder: Path) -> None:
    await room.library.add([folder], quiet)
    before = {Path(item.path).name: item for item in room.library.documents()}
    (folder / "a.md").write_text("# 휴가\n\n연차휴가는 매년 20일입니다.", "utf-8")
    (folder / "new.md").write_text("The roof garden closes at nine.", "utf-8")
    (folder / "hr" / "b.md").rename(folder / "parking.md")
    (folder / "c.txt").unlink()

    [report] = await room.library.sync()
    assert (report.added, report.changed, report.moved, report.removed, report.unchanged, report.failed) == (
        1,
        1,
        1,
        1,
        0,
        0,
    )
    after = {Path(item.path).name: item for item in room.library.documents()}
    assert after.keys() == {"a.md", "new.md", "parking.md"}
    assert after["parking.md"].id == before["b.md"].id, "a moved file is the same document"
    assert after["a.md"].id == before["a.md"].id
    texts = [hit.text for hit in await room.library.search("연차휴가는 며칠인가요?", 10)]
    assert any("20일" in text for text in texts) and not any("15일" in text for text in texts)
    assert (await room.library.search("parking cost", 1))[0].document == "parking.md"
    assert all(
        hit.document != "c.txt" for hit in await room.library.search("When does the canteen open?", 10)
    )
    assert sum((await counts(room)).values()) == sum(item.chunks for item in after.values())

    [report] = await room.library.sync()
    assert report.unchanged == 3 and not (report.added or report.changed or report.removed or report.moved)
    (folder / "c.txt").write_text("The canteen opens at noon.", "utf-8")
    [report] = await room.library.sync()
    assert report.added == 1 and (await room.library.search("canteen", 1))[0].document == "c.txt"


@pytest.mark.parametrize("how", ["gone", "empty", "unreadable"])
async def test_a_folder_that_cannot_be_reached_keeps_its_documents(
    room: Room, folder: Path, how: str
) -> None:
    await room.library.add([folder], quiet)
    kept = folder.with_name("elsewhere")
    if how == "unreadable":
        if os.geteuid() == 0:
            folder.rename(kept)
            folder.write_text("not a folder any more")
            folder.unlink()
            folder.symlink_to(kept / "nowhere")
        else:
            folder.chmod(0)
    else:
        folder.rename(kept)
        if how == "empty":
            folder.mkdir()
    [report] = await room.library.sync()
    assert report.removed == 0 and report.suspended == (str(folder),)
    assert len(room.library.documents()) == 3 and await room.library.search("canteen", 1)
    assert [row["status"] for row in collections.list_sources(room.store)] == ["suspended"]
    assert any(str(folder) in notice for notice in room.notices)
    if how == "unreadable" and os.geteuid() != 0:
        folder.chmod(0o700)
    else:
        if folder.is_symlink():
            folder.unlink()
        elif how == "empty":
            folder.rmdir()
        kept.rename(folder)
    [report] = await room.library.sync()
    assert report.unchanged == 3 and not report.suspended


async def test_the_same_content_is_stored_once_and_found_until_the_last_is_gone(
    room: Room, folder: Path
) -> None:
    (folder / "hr" / "copy.md").write_bytes((folder / "a.md").read_bytes())
    await room.library.add([folder], quiet)
    documents = {Path(item.path).name: item for item in room.library.documents()}
    assert documents["copy.md"].same_as == documents["a.md"].id and documents["copy.md"].chunks
    assert len(await counts(room)) == 3
    hit = (await room.library.search("연차휴가", 1))[0]
    assert hit.document == "a.md" and [Path(path).name for path in hit.also_at] == ["copy.md"]
    details = await room.library.details(documents["a.md"].id)
    assert [Path(path).name for path in details.also_at] == ["copy.md"]

    (folder / "a.md").write_text("# 회의실\n\n회의실은 30분 단위입니다.", "utf-8")
    await room.library.sync()
    hit = (await room.library.search("연차휴가", 1))[0]
    assert hit.document == "copy.md" and not hit.also_at
    await room.library.remove(documents["copy.md"].id)
    assert len(await counts(room)) == 3
    assert all("연차" not in hit.text for hit in await room.library.search("연차휴가", 10))


async def test_what_was_taken_out_stays_out_until_it_is_added_by_name(room: Room, folder: Path) -> None:
    await room.library.add([folder], quiet)
    gone = next(item for item in room.library.documents() if item.path.endswith("c.txt"))
    await room.library.remove(gone.id)
    await room.library.sync()
    assert len(room.library.documents()) == 2
    await room.library.add([folder / "c.txt"], quiet)
    assert len(room.library.documents()) == 3
    assert len(collections.list_sources(room.store)) == 1, "it is inside the folder that is followed"


async def test_a_failed_file_is_read_again_when_it_changed_or_when_asked(room: Room, folder: Path) -> None:
    bad = folder / "bad.md"
    bad.write_bytes(b"")
    await room.library.add([folder], quiet)
    [report] = await room.library.sync()
    assert report.unchanged == 4, "a file that failed and did not change is not read at every sync"
    assert await room.library.retry() and room.status()["bad.md"] == "failed"
    bad.write_text("Now it says something.", "utf-8")
    [report] = await room.library.sync()
    assert report.changed == 1 and room.status()["bad.md"] == "indexed"
    assert await room.library.retry() == "", "nothing failed any more"


async def test_a_newer_version_that_fails_leaves_the_old_one_marked_stale(room: Room, folder: Path) -> None:
    await room.library.add([folder], quiet)
    (folder / "a.md").write_bytes(os.urandom(5_000))
    [report] = await room.library.sync()
    assert report.failed == 1
    document = next(item for item in room.library.documents() if item.path.endswith("a.md"))
    assert document.status == "failed" and document.reason and document.chunks == 1
    hit = (await room.library.search("연차휴가", 1))[0]
    assert hit.stale and "15일" in hit.text


async def test_collections_are_apart_and_have_settings_of_their_own(room: Room, folder: Path) -> None:
    library = room.library
    made = await library.shelving.create("주차 규정", Chunking("sentences", size=120), "", False)
    await library.add([folder / "a.md"], quiet)
    await library.add([folder / "hr"], quiet, collection="주차 규정")
    assert [(one.name, one.documents, one.indexed) for one in await library.shelving.collections()] == [
        ("default", 1, 1),
        ("주차 규정", 1, 1),
    ]
    everywhere = await library.find("parking", 5)
    assert {hit.collection for hit in everywhere.hits} == {"default", made.id}
    only = await library.find("parking", 5, filters=Filters(collections=("주차 규정",)))
    assert {hit.document for hit in only.hits} == {"b.md"}
    with pytest.raises(UsageError):
        await library.shelving.create("주차 규정", Chunking(), "", False)
    with pytest.raises(UsageError):
        await library.shelving.remove("default")
    with pytest.raises(UsageError):
        await library.add([folder], quiet, collection="nothing")
    await library.shelving.remove(made.id)
    assert [one.name for one in await library.shelving.collections()] == ["default"]
    assert {hit.document for hit in (await library.find("parking", 5)).hits} == {"a.md"}
    assert not list(room.root.glob(f"index-{made.id}*"))


async def test_filters_choose_documents(room: Room, folder: Path) -> None:
    await room.library.add([folder], quiet)
    old = folder / "c.txt"
    os.utime(old, (1_000_000_000, 1_000_000_000))
    await room.library.sync()

    async def found(filters: Filters) -> set[str]:
        return {hit.document for hit in (await room.library.find("opens", 10, filters=filters)).hits}

    assert await found(Filters(path="hr/")) == {"b.md"}
    assert await found(Filters(path="*/docs/*.md")) == {"a.md", "b.md"}
    assert await found(Filters(types=("txt",))) == {"c.txt"}
    assert await found(Filters(until=1_000_000_001.0)) == {"c.txt"}
    assert await found(Filters(since=1_000_000_001.0)) == {"a.md", "b.md"}
    assert await found(Filters(path="nowhere")) == set()


async def test_other_settings_build_an_index_beside_the_old_one(room: Room, folder: Path) -> None:
    await room.library.add([folder], quiet)
    before = {item.path: item.id for item in room.library.documents()}
    seen: list[int] = []

    async def search_meanwhile() -> None:
        seen.append(len((await room.library.find("canteen noon", 1)).hits))

    import asyncio

    tasks: list[asyncio.Task[None]] = []
    changed = await room.library.shelving.change(
        "default",
        name=None,
        chunking=Chunking("fixed", size=60),
        embedder=None,
        watch=True,
        on_progress=lambda progress: tasks.append(asyncio.ensure_future(search_meanwhile())),
    )
    await asyncio.gather(*tasks)
    assert seen and set(seen) == {1}, "what is there stays searchable meanwhile"
    assert changed.chunking == Chunking("fixed", size=60) and changed.watch and not changed.building
    after = room.library.documents()
    assert {item.path: item.id for item in after} == before
    assert all(item.status == "indexed" for item in after)
    details = await room.library.details(after[0].id)
    assert "fixed-" in details.parser
    assert sum((await counts(room)).values()) == sum(item.chunks for item in after)
    assert not (room.root / "index").exists(), "the old index is gone"
    assert (await room.library.check()).troubles == ()
    assert (await room.library.search("canteen", 1))[0].document == "c.txt"


async def test_a_check_finds_what_disagrees_and_repairs_it(room: Room, folder: Path) -> None:
    await room.library.add([folder], quiet)
    assert (await room.library.check()).troubles == ()
    shelf = await room.library.shelf("default")
    rows = {Path(row["path"]).name: row for row in room.store.query("SELECT * FROM documents")}
    # Chunks lost behind the ledger's back, and chunks of nobody.
    await shelf.index.delete_many([rows["a.md"]["stored_as"]])
    chunks = [chunk for _id, chunk in await shelf.index.chunks(rows["c.txt"]["stored_as"])]
    vector = await shelf.embedder.query("noon")
    await shelf.index.replace_many([("orphan", chunks, [vector] * len(chunks), "")])

    report = await room.library.check()
    assert {(one.kind, Path(one.path).name) for one in report.troubles} == {
        ("missing", "a.md"),
        ("orphan", ""),
    }
    assert all(hit.document_id != "orphan" for hit in await room.library.search("noon", 10))
    repaired = await room.library.check(repair=True)
    assert repaired.repaired and len(repaired.troubles) == 2
    assert (await room.library.check()).troubles == ()
    assert set(room.status().values()) == {"indexed"}
    assert (await room.library.search("연차휴가", 1))[0].document == "a.md"


async def test_a_job_is_paused_resumed_and_stopped(room: Room, folder: Path) -> None:
    import asyncio

    for number in range(120):
        (folder / f"{number:03}.md").write_text(f"Rule {number}.", "utf-8")
    begun = asyncio.Event()
    job_ids: list[str] = []

    def report(progress: object) -> None:
        if getattr(progress, "done", 0) and not begun.is_set():
            job_ids.append(progress.job_id)  # type: ignore[attr-defined]
            begun.set()

    adding = asyncio.ensure_future(room.library.add([folder], report))
    await asyncio.wait_for(begun.wait(), 60)
    board = room.library.board
    await board.pause(job_ids[0])
    assert [job.status for job in await board.list()] == ["paused"]
    # What was begun is finished; then nothing moves.
    seen: list[int] = []
    while len(seen) < 40 or len(set(seen[-40:])) > 1:
        seen.append((await board.list())[0].done)
        await asyncio.sleep(0.01)
    done = seen[-1]
    assert 0 < done < 123 and not adding.done()
    await room.library.resume_job(job_ids[0])
    assert [job.status for job in await board.list()] == ["running"]
    await asyncio.wait_for(adding, 120)
    assert set(room.status().values()) == {"indexed"} and len(room.status()) == 123
    [job] = await board.list()
    assert (job.status, job.done, job.total, job.failed) == ("done", 123, 123, 0)


async def test_a_stopped_job_returns_and_leaves_nothing_in_between(room: Room, folder: Path) -> None:
    import asyncio

    for number in range(120):
        (folder / f"{number:03}.md").write_text(f"Rule {number}.", "utf-8")
    begun = asyncio.Event()
    ids: list[str] = []

    def report(progress: object) -> None:
        if getattr(progress, "done", 0):
            ids.append(progress.job_id)  # type: ignore[attr-defined]
            begun.set()

    adding = asyncio.ensure_future(room.library.add([folder], report))
    await asyncio.wait_for(begun.wait(), 60)
    await room.library.board.stop(ids[0])
    assert await asyncio.wait_for(adding, 30) == ids[0]
    assert set(room.status().values()) == {"indexed", "stopped"}
    [job] = ingest_jobs.list_jobs(room.store)
    assert job.status == "cancelled" and job.total == 123 and 0 < job.done < 123, "it says how far it was"
    assert (job.failed, failed_of(room.library.documents())) == (0, []), "what was not reached did not fail"
    [collection] = await room.library.shelving.collections()
    assert collection.failed == 0
    left = [item for item in room.library.documents() if item.status == "stopped"]
    assert len(left) >= 123 - job.done and all(item.reason == tr("rag.reason.stopped") for item in left)
    assert await room.library.retry()
    assert set(room.status().values()) == {"indexed"}


async def test_what_was_stopped_waits_for_a_sync_and_is_not_begun_by_itself(tmp_path: Path) -> None:
    """Neither by the next start nor by watching: the user stopped it."""
    import asyncio

    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(60):
        (folder / f"{number:03}.md").write_text(f"Rule {number}.", "utf-8")
    room = Room(tmp_path / "room")
    begun: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def report(progress: IngestProgress) -> None:
        if progress.done and not begun.done():
            begun.set_result(progress.job_id)

    adding = asyncio.ensure_future(room.library.add([folder], report))
    await room.library.board.stop(await asyncio.wait_for(begun, 60))
    await asyncio.wait_for(adding, 30)
    stopped = {name for name, status in room.status().items() if status == "stopped"}
    assert stopped
    await room.close()

    room = Room(tmp_path / "room")
    await room.library.resume()
    assert {name for name, status in room.status().items() if status == "stopped"} == stopped
    assert not await room.library.differs("default")
    assert (await room.library.check()).troubles == ()
    (folder / "new.md").write_text("A new rule.", "utf-8")
    assert await room.library.differs("default"), "what is new is not what was stopped"
    [report_of] = await room.library.sync()
    assert set(room.status().values()) == {"indexed"}
    assert (report_of.added, report_of.failed) == (len(stopped) + 1, 0)
    await room.close()


async def test_files_with_odd_names_are_followed_too(room: Room, tmp_path: Path) -> None:
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + "문서함".encode("cp949")))
    folder.mkdir()
    (folder / "50%_off_.md").write_text("Everything is half price.", "utf-8")
    await room.library.add([folder], quiet)
    [report] = await room.library.sync()
    assert report.unchanged == 1 and not report.removed
    (folder / "50%_off_.md").write_text("Nothing is half price any more.", "utf-8")
    [report] = await room.library.sync()
    assert report.changed == 1
    shutil.rmtree(folder)
    [report] = await room.library.sync()
    assert report.suspended and not report.removed


async def test_indexes_lie_where_the_settings_say(tmp_path: Path, folder: Path) -> None:
    from core.rag import Library
    from core.session import Store
    from tests.unit.rag_killed import fake_embed

    store = Store.open(tmp_path / "s.db")
    bucket = tmp_path / "bucket"
    library = Library(store, tmp_path / "index", fake_embed, "fake", storage=f"file://{bucket}")
    await library.add([folder], quiet)
    assert [path.name for path in (tmp_path / "index").iterdir()] == ["manifest.json"]
    assert list(bucket.rglob("*.lance"))
    assert (await library.search("Parking costs", 1))[0].document == "b.md"
    made = await library.shelving.create("other", Chunking(), "", False)
    await library.add([folder], quiet, collection="other")
    await library.shelving.remove(made.id)
    assert not [path for path in bucket.rglob("*.lance") if made.id in str(path) and path.is_file()]
    await library.close()
    store.close()


async def test_a_document_of_a_format_that_is_not_read_is_told(room: Room, folder: Path) -> None:
    (folder / "규정.hwp").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(2_000))
    (folder / "photo.jpg").write_bytes(b"\xff\xd8\xff\xe0" + bytes(2_000))
    await room.library.add([folder], quiet)
    failed = [item for item in room.library.documents() if item.status == "failed"]
    assert [Path(item.path).name for item in failed] == ["규정.hwp"] and "HWP" in failed[0].reason


async def test_a_job_that_breaks_says_so(room: Room, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ledger is made to fail here, as it does when its disk is gone."""
    from core.rag.ledger import LiveLedger

    def refuse(self: LiveLedger) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(LiveLedger, "rows", refuse)
        with pytest.raises(OSError):
            await room.library.add([folder], quiet)
    assert [job.status for job in await room.library.board.list()] == ["failed"]
    await room.library.add([folder], quiet)
    assert set(room.status().values()) == {"indexed"}


async def test_brackets_in_a_path_filter_are_brackets(room: Room, folder: Path) -> None:
    (folder / "[old] rules.md").write_text("The old gate opens at eight.", "utf-8")
    await room.library.add([folder], quiet)
    for wanted in ("[old]", "*[old]*rules"):
        found = await room.library.find("gate", 5, filters=Filters(path=wanted))
        assert {hit.document for hit in found.hits} == {"[old] rules.md"}
