"""A paused job keeps nobody waiting, its files stay in the queue, and it goes on where it was."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from core.errors import StudyError
from core.events import IngestProgress
from core.rag.chunking import Chunking
from core.rag.jobs import quiet
from core.rag.lock import WriterLock
from core.rag.parsing.parser import Parser
from core.session import ingest_jobs
from tests.unit.rag_rooms import Room, left_behind, until

MANY = 60
"""More than a commit takes: a job that is paused in its first has files left."""


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    made = Room(tmp_path / "data")
    yield made
    await made.close()


@pytest.fixture
def many(tmp_path: Path) -> Path:
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(MANY):
        (folder / f"{number:02}.md").write_text(f"Rule {number}.", "utf-8")
    return folder


class Adding:
    """A job that adds a folder, paused in its first commit."""

    def __init__(self, room: Room, folder: Path) -> None:
        self.room = room
        self.seen: list[IngestProgress] = []
        room.hold()
        self.task = asyncio.ensure_future(room.library.add([folder], self.seen.append))

    async def paused(self) -> str:
        """Pause it, let what it had begun be finished, and return its id once it is out of the way."""
        await asyncio.wait_for(self.room.waiting.wait(), 30)
        job_id = self.seen[0].job_id
        await self.room.library.board.pause(job_id)
        self.room.go.set()
        await until(lambda: not self.room.library.board.busy)
        return job_id


def _count(room: Room, status: str) -> int:
    return list(room.status().values()).count(status)


async def test_others_run_while_a_job_is_paused_and_it_goes_on_afterwards(
    room: Room, many: Path, tmp_path: Path
) -> None:
    adding = Adding(room, many)
    job_id = await adding.paused()
    done, left = _count(room, "indexed"), _count(room, "queued")
    assert done + left == MANY and 0 < left < MANY
    other = tmp_path / "other.md"
    other.write_text("The canteen opens at noon.", "utf-8")
    await asyncio.wait_for(room.library.add([other]), 30)
    [report] = await asyncio.wait_for(room.library.sync(), 30)
    assert (report.added, report.changed) == (0, 0), "what is in its queue is its own"
    assert not await room.library.differs("default")
    assert room.status()["other.md"] == "indexed" and _count(room, "queued") == left
    [job] = [one for one in await room.library.board.list() if one.id == job_id]
    assert (job.status, job.done, job.total) == ("paused", done, MANY)
    (many / "new.md").write_text("Rule 99.", "utf-8")
    assert (await room.library.sync())[0].added == 1, "a new file is not in its queue"

    await room.library.resume_job(job_id)
    await asyncio.wait_for(adding.task, 60)
    assert set(room.status().values()) == {"indexed"} and len(room.status()) == MANY + 2
    [job] = [one for one in await room.library.board.list() if one.id == job_id]
    assert (job.status, job.done, job.total, job.failed) == ("done", MANY + 1, MANY + 1, 0)
    counts = [one.done for one in adding.seen]
    assert counts == sorted(counts), "it does not begin to count again"
    assert (await room.library.check()).troubles == ()


async def test_another_process_can_write_meanwhile_and_is_waited_for(
    room: Room, many: Path, tmp_path: Path
) -> None:
    adding = Adding(room, many)
    job_id = await adding.paused()
    # Its own lock on the same file: as another process would have.
    outside = Room(tmp_path / "data")
    (tmp_path / "other.md").write_text("The canteen opens at noon.", "utf-8")
    await asyncio.wait_for(outside.library.add([tmp_path / "other.md"]), 30)
    outside.library._lock.acquire()
    with pytest.raises(StudyError) as busy:
        await room.library.resume_job(job_id)
    assert busy.value.key == "error.rag.busy"
    assert ingest_jobs.get_job(room.store, job_id).status == "paused"  # type: ignore[union-attr]
    outside.library._lock.release()
    await outside.close()
    await room.library.resume_job(job_id)
    await asyncio.wait_for(adding.task, 60)
    assert set(room.status().values()) == {"indexed"}


async def test_stopping_a_paused_job_stops_its_files_only(room: Room, many: Path, tmp_path: Path) -> None:
    adding = Adding(room, many)
    job_id = await adding.paused()
    left = _count(room, "queued")
    (tmp_path / "other.md").write_text("The canteen opens at noon.", "utf-8")
    room.hold()
    other = asyncio.ensure_future(room.library.add([tmp_path / "other.md"]))
    await asyncio.wait_for(room.waiting.wait(), 30)
    await room.library.board.stop(job_id)
    await asyncio.wait_for(adding.task, 30)
    assert _count(room, "stopped") == left and room.status()["other.md"] in ("parsing", "embedding")
    room.go.set()
    await asyncio.wait_for(other, 30)
    assert room.status()["other.md"] == "indexed"
    [report] = await room.library.sync()
    assert report.added == left and set(room.status().values()) == {"indexed"}


async def test_what_changes_meanwhile_is_seen_when_it_goes_on(room: Room, many: Path) -> None:
    """Other settings build another index, a document is taken out, a file goes: nothing comes back, nothing is lost."""
    adding = Adding(room, many)
    job_id = await adding.paused()
    waiting = [one for one in room.library.documents() if one.status == "queued"]
    await room.library.remove(waiting[0].id)
    Path(waiting[1].path).unlink()
    await room.library.shelving.change(
        "default", name=None, chunking=Chunking("fixed", size=80), embedder=None, watch=None,
        on_progress=lambda progress: None,
    )  # fmt: skip
    await room.library.resume_job(job_id)
    await asyncio.wait_for(adding.task, 60)
    gone = {Path(one.path).name for one in waiting[:2]}
    await room.library.sync()
    status = room.status()
    assert len(status) == MANY - 2 and not gone & set(status) and set(status.values()) == {"indexed"}
    assert (await room.library.check()).troubles == ()
    assert len({hit.document for hit in await room.library.search("Rule", 100)}) == MANY - 2


async def test_a_paused_sync_and_a_paused_reindex_do_nothing_twice(room: Room, many: Path) -> None:
    (many.parent / "first.md").write_text("The canteen opens at noon.", "utf-8")
    await room.library.add([many])
    read: list[int] = []
    for number in range(MANY):
        (many / f"{number:02}.md").write_text(f"Another rule {number}.", "utf-8")
    room.hold()
    syncing = asyncio.ensure_future(room.library.sync("default", lambda one: read.append(one.done)))
    await asyncio.wait_for(room.waiting.wait(), 30)
    job_id = (await room.library.board.list())[0].id
    await room.library.board.pause(job_id)
    room.go.set()
    await until(lambda: not room.library.board.busy)
    await room.library.resume_job(job_id)
    [report] = await asyncio.wait_for(syncing, 60)
    assert (report.added, report.changed, report.failed) == (0, MANY, 0)

    room.hold()
    ids = [one.id for one in room.library.documents()]
    again = asyncio.ensure_future(room.library.reindex(ids))
    await asyncio.wait_for(room.waiting.wait(), 30)
    job_id = (await room.library.board.list())[0].id
    await room.library.board.pause(job_id)
    room.go.set()
    await until(lambda: not room.library.board.busy)
    before = {one.id: one.updated_at for one in room.library.documents() if one.status == "indexed"}
    assert 0 < len(before) < MANY
    await room.library.resume_job(job_id)
    await asyncio.wait_for(again, 60)
    after = {one.id: one.updated_at for one in room.library.documents()}
    assert {one: after[one] for one in before} == before, "what was read again is not read a third time"
    assert set(room.status().values()) == {"indexed"}


PAUSED = """
import asyncio, sys
from pathlib import Path
from tests.unit.rag_rooms import Room
from tests.unit.test_rag_pause import Adding
async def main():
    await Adding(Room(Path(sys.argv[1])), Path(sys.argv[2])).paused()
    print("paused", flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""


async def test_kill_9_while_paused_leaves_it_paused(tmp_path: Path, many: Path) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", PAUSED, str(tmp_path / "data"), str(many)],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None and await asyncio.to_thread(child.stdout.readline) == "paused\n"
    child.kill()
    await asyncio.to_thread(child.wait)
    child.stdout.close()
    room = Room(tmp_path / "data")
    await room.library.resume()
    left = _count(room, "queued")
    assert 0 < left < MANY and _count(room, "indexed") == MANY - left
    [job] = await room.library.board.list()
    assert (job.status, job.done, job.total) == ("paused", MANY - left, MANY)
    assert not await room.library.differs("default")
    await room.library.resume_job(job.id)
    assert set(room.status().values()) == {"indexed"} and len(room.status()) == MANY
    await room.close()


async def test_pausing_at_the_very_end_does_not_undo_it(
    room: Room, many: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pausing = []
    finish = ingest_jobs.finish_job

    def finishing(*args: Any, **options: Any) -> Any:
        written = finish(*args, **options)
        pausing.append(asyncio.ensure_future(room.library.board.pause(args[1])))
        return written

    monkeypatch.setattr(ingest_jobs, "finish_job", finishing)
    job_id = await asyncio.wait_for(room.library.add([many]), 60)
    await asyncio.gather(*pausing, return_exceptions=True)
    job = ingest_jobs.get_job(room.store, job_id)
    assert pausing and job is not None and job.status == "done"


async def test_a_job_the_start_went_on_with_keeps_nobody_waiting_when_it_is_paused(
    room: Room, many: Path, tmp_path: Path
) -> None:
    (tmp_path / "other.md").write_text("The canteen opens at noon.", "utf-8")
    first = await left_behind(room, "add", [many])
    await left_behind(room, "add", [tmp_path / "other.md"])
    room.hold()
    starting = asyncio.ensure_future(room.library.resume())
    await asyncio.wait_for(room.waiting.wait(), 30)
    await room.library.board.pause(first)
    room.go.set()
    # Neither the second job, nor what follows the start, nor another process.
    await asyncio.wait_for(starting, 60)
    assert room.status()["other.md"] == "indexed" and _count(room, "queued") > 0
    lock = WriterLock(tmp_path / "data" / "index.lock")
    lock.acquire()
    lock.release()
    await room.library.resume_job(first)
    await until(lambda: set(room.status().values()) == {"indexed"})


async def test_a_job_paused_long_ago_is_not_lost_behind_two_hundred_others(room: Room, many: Path) -> None:
    adding = Adding(room, many)
    job_id = await adding.paused()
    for _ in range(ingest_jobs.KEEP + 2):
        other = ingest_jobs.start_job(room.store, [], "sync").result()
        ingest_jobs.finish_job(room.store, other).result()
    assert job_id in {job.id for job in await room.library.board.list()}
    [report] = await asyncio.wait_for(room.library.sync(), 30)
    assert (report.added, report.changed) == (0, 0), "what is in its queue is its own"
    await room.library.resume_job(job_id)
    await asyncio.wait_for(adding.task, 60)


async def test_of_an_index_begun_with_other_settings_nothing_is_kept(room: Room, many: Path) -> None:
    def change(size: int) -> asyncio.Future[Any]:
        chunking = Chunking("fixed", size)
        return asyncio.ensure_future(
            room.library.shelving.change(
                "default", name=None, chunking=chunking, embedder=None, watch=None, on_progress=quiet
            )
        )

    await room.library.add([many])
    room.hold()
    changing = change(300)
    await asyncio.wait_for(room.waiting.wait(), 30)
    [job] = [one for one in await room.library.board.list() if one.kind == "rebuild"]
    await room.library.board.pause(job.id)
    room.go.set()
    await until(lambda: not room.library.board.busy)
    await asyncio.wait_for(change(400), 60)
    await room.library.resume_job(job.id)
    await asyncio.wait_for(changing, 60)
    assert (await room.library.check()).troubles == ()
    [pipeline] = {row["pipeline"] for row in room.rows("documents")}
    assert "400" in pipeline


async def test_whoever_no_longer_waits_for_a_job_does_not_end_it_for_the_other(
    room: Room, many: Path
) -> None:
    job_id = await left_behind(room, "add", [many])
    room.hold()
    starting = asyncio.ensure_future(room.library.resume())
    await asyncio.wait_for(room.waiting.wait(), 30)
    row = ingest_jobs.get_job(room.store, job_id)
    assert row is not None
    user = asyncio.ensure_future(room.library.upkeep.go_on(row, quiet))
    await until(lambda: room.library.upkeep._waiting[job_id] == 2)
    user.cancel()
    await asyncio.wait({user}, timeout=30)
    room.go.set()
    await asyncio.wait_for(starting, 60)
    assert set(room.status().values()) == {"indexed"}


async def test_a_job_nobody_waits_for_any_more_is_stopped(room: Room, many: Path) -> None:
    job_id = await left_behind(room, "add", [many], status="paused")
    row = ingest_jobs.get_job(room.store, job_id)
    assert row is not None
    room.hold()
    user = asyncio.ensure_future(room.library.upkeep.go_on(row, quiet))
    await asyncio.wait_for(room.waiting.wait(), 30)
    user.cancel()
    room.go.set()
    await asyncio.wait({user}, timeout=30)
    job = ingest_jobs.get_job(room.store, job_id)
    assert job is not None and job.status == "cancelled"
    assert "queued" not in room.status().values()


@pytest.mark.parametrize("then", ["resumed", "stopped"])
async def test_a_job_that_could_not_go_on_on_a_full_disk_can_later(
    room: Room, many: Path, monkeypatch: pytest.MonkeyPatch, then: str
) -> None:
    def full(*_args: Any, **_columns: Any) -> Future[None]:
        failed = Future[None]()
        failed.set_exception(StudyError("error.data_dir", path="/data", reason="no space left"))
        return failed

    adding = Adding(room, many)
    job_id = await adding.paused()
    with monkeypatch.context() as disk:
        disk.setattr(ingest_jobs, "update_job", full)
        with pytest.raises(StudyError):
            await room.library.resume_job(job_id)
        with pytest.raises(StudyError):
            await asyncio.wait_for(adding.task, 30)
    if then == "resumed":
        await room.library.resume_job(job_id)
        assert set(room.status().values()) == {"indexed"}
    else:
        await room.library.board.stop(job_id)
        assert set(room.status().values()) == {"indexed", "stopped"}
    job = ingest_jobs.get_job(room.store, job_id)
    assert job is not None and job.status == ("done" if then == "resumed" else "cancelled")


async def test_a_job_ends_although_its_reader_did_not_hear_that_it_is_stopped(
    room: Room, many: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parse = Parser.parse

    async def swallowing(self: Parser, *args: Any, **options: Any) -> Any:
        try:
            return await parse(self, *args, **options)
        except asyncio.CancelledError:
            # FAKE: what wait_for does when the answer comes together with the cancellation.
            return await parse(self, *args, **options)

    monkeypatch.setattr(Parser, "parse", swallowing)
    room.hold()
    adding = asyncio.ensure_future(room.library.add([many]))
    await asyncio.wait_for(room.waiting.wait(), 30)
    [job] = await room.library.board.list()
    stopping = asyncio.ensure_future(room.library.board.stop(job.id))
    _done, waiting = await asyncio.wait({stopping, adding}, timeout=20)
    assert not waiting
    assert set(room.status().values()) <= {"indexed", "stopped"}
