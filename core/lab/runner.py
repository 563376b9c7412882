"""Measures one run: its environment, its experiment, its rows; on the runtime's event loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any

from core.errors import StudyError
from core.ground import Ground
from core.i18n import tr
from core.lab.bench import Bench, Progress
from core.lab.control import Control, control_of
from core.lab.environment import machine
from core.lab.types import LabRow
from core.session import lab as rows
from core.session.store import Store

CLOCK_STEP_S = 1.0
"""The wall clock and the monotonic one parting by more is a step of the wall clock (or a suspended machine)."""


class Runner:
    """One run.

    Args:
        ground: The runtime's.
        store: Where rows go.
        run_id: The run; claimed by this process.
        told: Called, from any thread, when it moved on and that is on disk.
    """

    def __init__(self, ground: Ground, store: Store, run_id: str, *, told: Callable[[], None]) -> None:
        self.run_id = run_id
        self._ground = ground
        self._store = store
        self._told = told
        self._bench: Bench | None = None
        self._before = Progress()

    @property
    def progress(self) -> Progress:
        """How far it is."""
        return self._bench.progress if self._bench is not None else self._before

    async def measure(self) -> None:
        """Measure what is not measured yet.

        Raises:
            StudyError: It cannot go on; what it has is on disk.
        """
        self._before.now = tr("lab.now.engine")
        row = await asyncio.to_thread(rows.get_run, self._store, self.run_id)
        if row is None:
            raise StudyError("error.lab.run", id=self.run_id)
        engine = await self._ground.engine()
        settings = self._ground.settings
        control = control_of(engine, settings)
        await self._note_environment(row, control, engine.kind, engine.version)
        known = [
            LabRow(one.seq, one.run_id, one.ts, one.kind, one.point, one.data, one.warmup)
            for one in await asyncio.to_thread(rows.rows_of, self._store, self.run_id)
        ]
        self._bench = Bench(
            options=row.options, control=control, settings=settings, paths=self._ground.paths, write=self._write,
            known=known, told=self._told, engine_kind=engine.kind,
        )  # fmt: skip
        pids = control.root_pids()
        drift = time.time() - time.monotonic()
        from core.lab.experiments import experiment_of

        await experiment_of(row.experiment)(self._bench)
        if control.root_pids() != pids:
            await self._fact("engine", {"before": pids, "after": control.root_pids()})
        step = (time.time() - time.monotonic()) - drift
        if abs(step) > CLOCK_STEP_S:
            await self._fact("clock", {"step_s": round(step, 1)})

    async def invalid(self) -> list[str]:
        """Return why the numbers must not be trusted, from the rows."""
        from core.lab.summary import invalid

        def work() -> list[str]:
            found = rows.rows_of(self._store, self.run_id)
            return invalid([LabRow(one.seq, one.run_id, one.ts, one.kind, one.point, one.data, one.warmup) for one in found])  # fmt: skip

        return await asyncio.to_thread(work)

    async def _note_environment(self, row: rows.RunRow, control: Control, kind: str, version: str) -> None:
        if row.experiment != "download":
            # Loading keeps the processor busy, and that must not be taken for another program.
            await control.load()
        found = await asyncio.to_thread(machine)
        digest = await control.digest()
        settings = self._ground.settings
        found |= {
            "engine": kind, "engine_version": version, "model": control.model, "digest": digest,
            "options": dict(control.options), "keep_alive": settings.keep_alive,
        }  # fmt: skip
        if kind == "embedded":
            found |= {"slots": settings.parallel, "threads": settings.threads}
        before = row.environment
        if before and (before.get("model"), before.get("digest")) != (control.model, digest):
            raise StudyError("error.lab.changed", before=before.get("model", "?"), now=control.model)
        if before:
            found["resumed"] = [*before.get("resumed", []), time.time()]
        await asyncio.wrap_future(rows.change_run(self._store, self.run_id, environment=found))

    async def _fact(self, kind: str, data: Mapping[str, Any]) -> None:
        await asyncio.wrap_future(self._write(kind, {}, data, False))

    def _write(
        self, kind: str, point: Mapping[str, Any], data: Mapping[str, Any], warmup: bool
    ) -> Future[int]:
        written = rows.add_rows(self._store, self.run_id, [(kind, point, data, warmup)])

        def done(future: Future[int]) -> None:
            if future.exception() is None:
                self._told()

        written.add_done_callback(done)
        return written
