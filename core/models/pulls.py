"""The queue of pulls: one at a time, on disk before it is shown, tried again, resumable after a restart."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
import random
import time
from collections import deque
from collections.abc import AsyncGenerator, Mapping
from concurrent.futures import Future
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from core.errors import StudyError
from core.events import ModelsChanged, PullChanged
from core.i18n import tr
from core.models import sources
from core.models.tracker import Tracker
from core.models.types import Layer, Pull
from core.ollama import PullProgress
from core.ollama.errors import EngineError, PullFailed, explain
from core.session import Store
from core.session import models as rows
from core.session.chat import new_id
from core.text import clean_line

if TYPE_CHECKING:
    from core.engines import Engine
    from core.ground import Ground

SAVE_SECONDS = 0.25
"""Progress is written and told at most this often."""
ATTEMPTS = 4
"""Failures in a row without a byte in between until a pull has failed."""
LONGEST_WAIT = 30.0

log = logging.getLogger(__name__)


def pull_of(row: Mapping[str, Any]) -> Pull:
    """Build a pull from its row."""
    known = {field.name for field in dataclasses.fields(Pull)} - {"layers"}
    values = {name: value for name, value in row.items() if name in known and value is not None}
    note = tr("models.pull.interrupted") if row["status"] == "interrupted" else ""
    return Pull(**values, layers=tuple(Layer(**layer) for layer in row["layers"]), note=note)


def _row(pull: Pull) -> dict[str, Any]:
    values = dataclasses.asdict(pull)
    del values["eta_s"], values["note"]
    return values


class Pulls:
    """One queue for the engine in use.

    Args:
        ground: What it works on.
    """

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._queue: deque[Pull] = deque()
        self._now: Pull | None = None
        self._attempt: asyncio.Task[None] | None = None
        self._worker: asyncio.Task[None] | None = None
        self._cancelled = False
        self._recovered = False

    def known(self, store: Store) -> list[Pull]:
        """Every pull, newest first; those whose process is gone are marked first. Blocks."""
        if not self._recovered:
            rows.interrupt_pulls(store).result()
            self._recovered = True
        found = [pull_of(row) for row in rows.pull_rows(store)]
        # Rate, time left and note of the running one are in memory only.
        now = self._now
        return [now if now is not None and now.id == pull.id else pull for pull in found]

    async def add(self, source: str, name: str, sha256: str) -> Pull:
        """Queue a pull; its row is on disk when this returns.

        Raises:
            StudyError: the name cannot be one.
        """
        engine = await self._ground.engine()
        plan = await asyncio.to_thread(sources.classify, source, engine.kind)
        model = sources.model_name(plan, name)
        pull = Pull(
            id=new_id(), source=plan.text, model=model, engine=engine.kind, status="queued", queued_at=time.time(),
            sha256=sha256.lower().removeprefix("sha256:"), note=tr("models.pull.queued") if self._now else "",
        )  # fmt: skip
        return await self._enqueue(pull)

    async def again(self, pull_id: str) -> Pull:
        """Queue a pull that ended, to go on where it was.

        Raises:
            StudyError: there is none, or it still runs.
        """
        store = await self._ground.store()
        await asyncio.to_thread(self.known, store)
        row = await asyncio.to_thread(rows.pull_row, store, pull_id)
        if row is None:
            raise StudyError("error.pull.unknown", id=clean_line(pull_id, max_chars=40))
        pull = pull_of(row)
        if pull.live:
            raise StudyError("error.pull.running")
        engine = await self._ground.engine()
        return await self._enqueue(
            dataclasses.replace(
                pull,
                status="queued",
                engine=engine.kind,
                error="",
                fix="",
                ended_at=None,
                note="",
                eta_s=None,
            )
        )

    async def _enqueue(self, pull: Pull) -> Pull:
        await self._save(pull)
        self._queue.append(pull)
        if self._worker is None or self._worker.done():
            self._worker = asyncio.get_running_loop().create_task(self._work())
        return pull

    async def cancel(self, pull_id: str) -> None:
        """Stop a pull, or take it out of the queue; what it has is kept."""
        for pull in list(self._queue):
            if pull.id == pull_id:
                self._queue.remove(pull)
                await self._save(_ended(pull, "cancelled"))
        if self._now is not None and self._now.id == pull_id and self._attempt is not None:
            self._cancelled = True
            self._attempt.cancel()

    async def ended(self, pull_id: str) -> Pull:
        """Wait for a pull's end.

        Raises:
            StudyError: it was not done.
        """
        store = await self._ground.store()
        while True:
            row = await asyncio.to_thread(rows.pull_row, store, pull_id)
            if row is None or row["status"] not in ("queued", "running", "verifying"):
                break
            await asyncio.sleep(0.1)
        if row is None or row["status"] != "done":
            reason = (row or {}).get("error") or tr("error.pull.cancelled")
            raise StudyError("error.pull.other", reason=reason.rstrip("."))
        return pull_of(row)

    async def close(self) -> None:
        """Stop what runs: it is interrupted, and can be tried again."""
        waiting = [*self._queue]
        self._queue.clear()
        if self._attempt is not None and self._worker is not None:
            self._attempt.cancel()
            await asyncio.wait({self._worker}, timeout=3)
        for pull in waiting:
            await self._save(_ended(pull, "interrupted"))

    async def _work(self) -> None:
        while self._queue:
            pull = self._now = self._queue.popleft()
            self._cancelled = False
            self._attempt = asyncio.get_running_loop().create_task(self._run(pull))
            await asyncio.wait({self._attempt})
            self._now = self._attempt = None

    async def _run(self, pull: Pull) -> None:
        """One pull to its end, whatever that is."""
        started = time.time()
        pull = dataclasses.replace(pull, status="running", started_at=pull.started_at or started, note="")
        try:
            await self._save(pull)
            await self._attempts(pull)
            done = self._now or pull
            seconds = max(done.seconds, 1e-6)
            fresh = done.done_bytes - done.resumed_bytes
            rate = fresh / seconds if fresh > 0 and done.seconds > 0 else None
            await self._save(_ended(dataclasses.replace(done, bytes_per_s=rate), "done"))
            self._ground.emit(ModelsChanged())
        except asyncio.CancelledError:
            status = "cancelled" if self._cancelled else "interrupted"
            await asyncio.shield(self._save(_ended(self._now or pull, status)))
        except StudyError as error:
            await self._save(_ended(self._now or pull, "failed", error.message, error.fix))
        except Exception as error:
            log.exception("a pull failed")
            failed = explain(error)
            await self._save(_ended(self._now or pull, "failed", failed.message, failed.fix))

    async def _attempts(self, pull: Pull) -> None:
        failures = 0
        while True:
            pull = dataclasses.replace(pull, attempts=pull.attempts + 1)
            tracker = Tracker(pull)
            try:
                await self._follow(pull, tracker)
                return
            except EngineError as error:
                now = self._now or pull
                # The embedded engine has tried the network again itself.
                tried = isinstance(error, PullFailed) and pull.engine == "embedded"
                failures = 1 if tracker.fresh_bytes else failures + 1
                if not error.retryable or tried or failures >= ATTEMPTS:
                    raise
                wait = min(LONGEST_WAIT, 2.0 ** (failures - 1)) * random.uniform(0.7, 1.3)
                note = tr("models.pull.retry", seconds=f"{wait:.0f}", reason=error.message)
                pull = dataclasses.replace(now, note=note, bytes_per_s=None, eta_s=None)
                await self._save(pull)
                await asyncio.sleep(wait)

    async def _follow(self, pull: Pull, tracker: Tracker) -> None:
        engine = await self._ground.engine()
        saved, status = 0.0, pull.status
        async with aclosing(self._lines(engine, pull)) as lines:
            async for line in lines:
                now = tracker.add(line)
                self._now = now
                if time.monotonic() - saved >= SAVE_SECONDS or now.status != status:
                    await self._save(now)
                    saved, status = time.monotonic(), now.status

    async def _lines(self, engine: Engine, pull: Pull) -> AsyncGenerator[PullProgress, None]:
        plan = await asyncio.to_thread(sources.classify, pull.source, engine.kind)
        if engine.kind == "embedded":
            source = "" if plan.kind == "registry" and plan.value == pull.model else plan.value
            if plan.kind == "registry" and source:
                stream = sources.pull_and_name(engine.client, plan.value, pull.model)
            else:
                stream = engine.client.pull(pull.model, source=source, sha256=pull.sha256)
        elif plan.kind == "registry":
            stream = sources.pull_and_name(engine.client, plan.value, pull.model)
        else:
            folder = self._ground.paths.models_dir.with_name("handover")
            stream = sources.hand_over(engine.client, plan, pull, folder)
        async with aclosing(stream) as lines:
            async for line in lines:
                yield line

    async def _save(self, pull: Pull) -> None:
        if self._now is not None and self._now.id == pull.id:
            self._now = pull
        store = await self._ground.store()
        saving: Future[None] = rows.put_pull(store, _row(pull))
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.shield(asyncio.wrap_future(saving))
            self._ground.emit(PullChanged(pull))
            return
        # Cancelled while it waited: the row is written all the same, the canceller is told by the next await.
        self._ground.emit(PullChanged(pull))
        raise asyncio.CancelledError


def _ended(pull: Pull, status: Any, error: str = "", fix: str = "") -> Pull:
    return dataclasses.replace(
        pull, status=status, ended_at=time.time(), eta_s=None, error=error, fix=fix,
        note=tr("models.pull.interrupted") if status == "interrupted" else "",
    )  # fmt: skip
