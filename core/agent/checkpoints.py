"""The graph's state on disk: LangGraph's SQLite checkpointer, in a file of its own.

The session store is the truth about what was said; a checkpoint holds where a run is, so that a run whose process
died, or that waits for the user's word, goes on where it was. Between runs one checkpoint a session is kept.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

log = logging.getLogger(__name__)

BUSY_MS = 5_000


class Checkpoints:
    """The checkpointer of one program. Belongs to the event loop it is opened on.

    Args:
        path: The SQLite file; made when it is not there. A damaged one is set aside: runs begin anew without it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._saver: AsyncSqliteSaver | None = None

    async def saver(self) -> AsyncSqliteSaver:
        """Return the open checkpointer. Importing it takes time: warm up in a thread before."""
        if self._saver is None:
            try:
                self._saver = await self._open()
            except Exception:
                log.exception("the checkpoints cannot be read; they are set aside")
                await asyncio.to_thread(self._set_aside)
                self._saver = await self._open()
        return self._saver

    async def _open(self) -> AsyncSqliteSaver:
        import aiosqlite
        from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
        from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

        connection = await aiosqlite.connect(self._path)
        try:
            # What another process writes meanwhile is waited for; losing the last checkpoint in a power cut is not.
            for pragma in (f"busy_timeout = {BUSY_MS}", "journal_mode = WAL", "synchronous = NORMAL"):
                await connection.execute(f"PRAGMA {pragma}")
            # A checkpoint is data: only message types come back as objects.
            saver = AsyncSqliteSaver(connection, serde=JsonPlusSerializer(allowed_msgpack_modules=None))
            await saver.setup()
        except BaseException:
            await connection.close()
            raise
        with suppress(OSError):
            self._path.chmod(0o600)
        return saver

    def _set_aside(self) -> None:
        for suffix in ("", "-wal", "-shm"):
            with suppress(OSError):
                Path(f"{self._path}{suffix}").replace(f"{self._path}.damaged{suffix}")

    async def prune(self, thread_id: str) -> None:
        """Keep a thread's last checkpoint only, without what tasks wrote meanwhile."""
        saver = await self.saver()
        async with saver.lock:
            last = "SELECT max(checkpoint_id) FROM checkpoints WHERE thread_id = ? AND checkpoint_ns = ''"
            await saver.conn.execute(
                f"DELETE FROM checkpoints WHERE thread_id = ? AND checkpoint_id <> ({last})",
                (thread_id, thread_id),
            )
            await saver.conn.execute("DELETE FROM writes WHERE thread_id = ?", (thread_id,))
            await saver.conn.commit()

    async def keep_only(self, threads: Sequence[str]) -> None:
        """Forget the threads of sessions that are gone."""
        saver = await self.saver()
        async with saver.lock:
            found = await saver.conn.execute_fetchall("SELECT DISTINCT thread_id FROM checkpoints")
        for (thread_id,) in found:
            if thread_id not in threads:
                await saver.adelete_thread(thread_id)

    async def close(self) -> None:
        """Close the file."""
        saver, self._saver = self._saver, None
        if saver is not None:
            await saver.conn.close()


def config_of(thread_id: str, **more: Any) -> dict[str, Any]:
    """Return LangGraph's config of a thread."""
    return {"configurable": {"thread_id": thread_id}, **more}
