"""The loads that nobody asked for by name: the engine's first, and those a question causes.

The embedded engine tells of its loads itself. Of a real Ollama it is seen that a model is in memory that was not; its
processes' memory then and before is the measurement, when nothing else came or went meanwhile.
"""

from __future__ import annotations

import asyncio
import dataclasses
import time
from typing import TYPE_CHECKING, Any

from core.errors import StudyError
from core.models import loading
from core.models.measure import Taken
from core.models.types import LoadRecord
from core.session import models as rows

if TYPE_CHECKING:
    from core.engines import Engine
    from core.ground import Ground
    from core.models.fitting import Fitter
    from core.ollama import LoadedModel, LoadNote
    from core.session import Store
    from core.telemetry.process import TreeReading

SAME_LOAD_S = 3.0
"""A record this near to an engine's note of the same model is that load, recorded for who asked for it by name."""


class Spotter:
    """Records loads after the fact. Its look is taken each time the engine was asked how it is."""

    def __init__(self, ground: Ground, fitter: Fitter, container: loading.AskContainer | None) -> None:
        self._ground = ground
        self._fitter = fitter
        self._container = container
        self._noted: tuple[int | None, int] = (None, 0)
        self._before: tuple[frozenset[str], TreeReading] | None = None

    async def look(self, engine: Engine) -> list[LoadRecord]:
        """Record what was loaded since the last look. Nothing asked for by name may be loading now."""
        if engine.kind == "embedded":
            found = await self._told(engine)
        else:
            found = await self._seen(engine)
        return [record for record in found if record is not None]

    # -- the embedded engine ---------------------------------------------------------------------------

    async def _told(self, engine: Engine) -> list[LoadRecord | None]:
        load = engine.load
        pid, last = self._noted
        fresh = [note for note in load.loads if load.pid != pid or note.number > last]
        if not fresh:
            return []
        self._noted = (load.pid, fresh[-1].number)
        store = await self._ground.store()
        known = await asyncio.to_thread(rows.load_rows, store)
        return [
            await self._record(engine, store, note)
            for note in fresh
            if not _recorded(note.model, note.at, known)
        ]

    async def _record(self, engine: Engine, store: Store, note: LoadNote) -> LoadRecord | None:
        taken = Taken(note.peak, note.anon, note.file)
        return await self._save(
            engine, store, note.model, taken, num_ctx=note.num_ctx, parallel=note.parallel, at=note.at,
            load_ms=note.ms,
        )  # fmt: skip

    # -- a real Ollama ---------------------------------------------------------------------------------

    async def _seen(self, engine: Engine) -> list[LoadRecord | None]:
        now = frozenset(one.name for one in engine.loaded)
        before = self._before
        if before is not None and before[0] == now:
            return []
        from core.telemetry.process import engine_memory

        reading = await asyncio.to_thread(lambda: engine_memory(engine.root_pids()))
        self._before = (now, reading)
        came = sorted(now - before[0]) if before is not None else []
        if before is None or len(came) != 1 or before[0] - now:
            return []
        store = await self._ground.store()
        model = next(one for one in engine.loaded if one.name == came[0])
        known = await asyncio.to_thread(rows.load_rows, store)
        if _recorded(model.name, None, known):
            return []
        return [await self._new(engine, store, model, _taken(before[1], reading))]

    async def _new(self, engine: Engine, store: Store, model: LoadedModel, taken: Taken) -> LoadRecord | None:
        return await self._save(
            engine,
            store,
            model.name,
            taken,
            num_ctx=model.context_length,
            parallel=None,
            at=None,
            load_ms=None,
        )

    async def _save(
        self, engine: Engine, store: Store, model: str, taken: Taken, *, num_ctx: int | None,
        parallel: int | None, at: float | None, load_ms: float | None,
    ) -> LoadRecord | None:  # fmt: skip
        try:
            report = await self._fitter.report(engine, model, num_ctx, parallel)
            details = await engine.client.show(model)
            tags = await engine.client.tags()
        except StudyError:
            return None  # It is gone already: there is nothing to compare with.
        plan = report.estimate.plan if report.estimate else None
        record = loading.record_of(
            engine, details, report, taken, num_ctx=num_ctx or (plan.num_ctx if plan else 0),
            parallel=parallel or (plan.parallel if plan else 1),
        )  # fmt: skip
        record = dataclasses.replace(
            record, ts=at or time.time(), load_ms=load_ms, implicit=True,
            digest=next((one.digest for one in tags if one.name == details.name), ""),
            container_bytes=await loading.container_bytes(self._container if engine.kind == "docker" else None),
        )  # fmt: skip
        await loading.save(store, record)
        return record


def _recorded(model: str, at: float | None, known: list[dict[str, Any]]) -> bool:
    """Whether a load was asked for by name, and has its record."""
    when = at or time.time()
    return any(
        row["model"] == model and not row["implicit"] and abs(row["ts"] - when) < SAME_LOAD_S for row in known
    )


def _taken(before: TreeReading, after: TreeReading) -> Taken:
    def grown(now: int | None, then: int | None) -> int | None:
        return None if now is None or then is None else max(0, now - then)

    return Taken(grown(after.pss, before.pss), grown(after.anon, before.anon), grown(after.file, before.file))
