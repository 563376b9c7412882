"""A library for tests whose embedding can be held up, and what they put into it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.rag import Library
from core.rag.embedding import Embedder
from core.session import Store, ingest_jobs
from tests.unit.rag_killed import fake_embed


class Room:
    """A library whose embedding (a FAKE: hashed words) can be held up."""

    def __init__(self, root: Path, embedders: Callable[[str], Embedder] | None = None) -> None:
        self.root = root
        self.store = Store.open(root / "session.db")
        self.notices: list[str] = []
        self.go = asyncio.Event()
        self.go.set()
        self.waiting = asyncio.Event()
        self.library = Library(
            self.store,
            root / "index",
            self.embed,
            "fake",
            on_notice=lambda notice: self.notices.append(notice.text),
            embedders=embedders,
        )

    async def embed(self, texts: list[str]) -> list[list[float]]:
        self.waiting.set()
        await self.go.wait()
        return await fake_embed(texts)

    def hold(self) -> None:
        """Let the next embedding wait."""
        self.go.clear()
        self.waiting.clear()

    def rows(self, table: str) -> list[dict[str, Any]]:
        return self.store.query(f"SELECT * FROM {table}")

    def status(self) -> dict[str, str]:
        return {Path(item.path).name: item.status for item in self.library.documents()}

    async def close(self) -> None:
        self.go.set()
        await self.library.close()
        self.store.close()


def company(path: Path) -> Path:
    """Make a folder of three documents."""
    path.mkdir()
    (path / "a.md").write_text("# Leave\n\nFifteen days of leave a year.", "utf-8")
    (path / "b.md").write_text("# Parking\n\nParking costs 80,000 won a month.", "utf-8")
    (path / "c.txt").write_text("The canteen opens at noon.", "utf-8")
    return path


async def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


async def left_behind(room: Room, kind: str, paths: list[Path], status: str = "queued") -> str:
    """Record a job of a process that is gone."""
    stored = [str(path) for path in paths]
    job = await asyncio.wrap_future(ingest_jobs.start_job(room.store, stored, kind, status=status))
    await asyncio.wrap_future(ingest_jobs.update_job(room.store, job, owner_pid=1 << 22, owner_started=1.0))
    return job
