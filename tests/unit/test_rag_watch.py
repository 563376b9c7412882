"""Folders that are watched: changes come into the index by themselves."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from core.rag import watch
from core.rag.watch import Watcher
from core.session import collections, ingest_jobs
from tests.unit.test_rag_library import Room, quiet


async def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    made = Room(tmp_path / "data")
    yield made
    await made.close()


async def watching(room: Room, every: float) -> tuple[Watcher, asyncio.Task[None]]:
    await asyncio.wrap_future(collections.set_collection(room.store, "default", watch=1))
    watcher = Watcher(room.library, room.store, every, quiet, lambda notice: room.notices.append(notice.text))
    return watcher, asyncio.ensure_future(watcher.run())


async def test_changes_are_noticed_at_once(room: Room, tmp_path: Path) -> None:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "a.md").write_text("The gate closes at ten.", "utf-8")
    await room.library.add([folder], quiet)
    watcher, task = await watching(room, every=3_600)
    await until(lambda: watcher.listens)
    # A file in a folder made a moment before is what notifications alone lose.
    (folder / "new" / "deep").mkdir(parents=True)
    (folder / "new" / "deep" / "b.md").write_text("The pool opens at six.", "utf-8")
    (folder / "a.md").unlink()
    await until(lambda: room.status() == {"b.md": "indexed"})
    (folder / "new").rename(folder / "other")
    await until(lambda: [item.path for item in room.library.documents()] == [str(folder / "other/deep/b.md")])
    task.cancel()


async def test_without_notifications_it_looks_now_and_then(
    room: Room, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system's notifications are made to fail here; scans are real."""

    def refuse(*_: object) -> None:
        raise OSError(28, "inotify watch limit reached")

    monkeypatch.setattr(watch, "_listen", refuse)
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "a.md").write_text("The gate closes at ten.", "utf-8")
    await room.library.add([folder], quiet)
    watcher, task = await watching(room, every=0.2)
    await until(lambda: bool(room.notices))
    assert "inotify watch limit reached" in room.notices[0] and not watcher.listens
    (folder / "b.md").write_text("The pool opens at six.", "utf-8")
    await until(lambda: room.status() == {"a.md": "indexed", "b.md": "indexed"})
    jobs = [job.kind for job in ingest_jobs.list_jobs(room.store)]
    assert sorted(jobs) == ["add", "sync"], "looking finds nothing most of the time, and is no job"
    assert len(room.notices) == 1
    task.cancel()
