"""The room's desk at the runtime: methods that return at once, with futures."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import StudyError, UsageError
from core.events import LabChanged
from core.ground import Ground
from core.i18n import tr
from core.lab.catalog import EXPERIMENTS, experiment
from core.lab.options import read as read_options
from core.lab.types import Comparison, Experiment, LabRow, LabRun, LabView
from core.session import lab as rows
from core.session.store import Store

if TYPE_CHECKING:
    from core.lab.runner import Runner

log = logging.getLogger(__name__)

TELL_S = 0.2
"""Progress is told at most this often."""
WAIT_S = 0.5
"""How often a queued run looks whether another process is done measuring."""


class Lab:
    """Runs experiments one at a time, keeps and shows what they measured.

    Args:
        ground: What it works on.
    """

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._waiting: list[str] = []
        self._worker: asyncio.Task[None] | None = None
        self._current: tuple[str, asyncio.Task[None]] | None = None
        self._runner: Runner | None = None
        self._told_at = 0.0
        self._unsaved: dict[str, dict[str, Any]] = {}
        """Ends of runs that could not be written (the disk is full)."""
        self._marked = False
        self._closing = False

    # -- what there is ----------------------------------------------------------------------------------

    def experiments(self) -> tuple[Experiment, ...]:
        """Return the experiments and their options."""
        return EXPERIMENTS

    def runs(self, limit: int = 50) -> list[LabRun]:
        """Return the newest runs first. Reads the store: call it in a worker."""
        store = self._ground.store_now()
        return [self._run(row) for row in rows.list_runs(store, limit)] if store else []

    def run(self, name: str) -> LabRun:
        """Return one run by its id, the start of it, or ``last`` (blocking).

        Raises:
            UsageError: There is none.
        """
        return self._run(rows.find_run(self._store_now(), name))

    def view(self, run_id: str) -> LabView:
        """Return a run as it is shown, computed from its rows (blocking).

        Raises:
            UsageError: There is no such run.
        """
        from core.lab.summary import view

        run, measured = self._load(run_id)
        now = ""
        if self._runner is not None and self._runner.run_id == run_id:
            now = self._runner.progress.now
        return view(run, measured, now)

    def compare(self, a: str, b: str) -> Comparison:
        """Compare two runs of one experiment (blocking).

        Raises:
            UsageError: Unknown runs, or of different experiments.
        """
        from core.lab.compare import compare

        run_a, rows_a = self._load(a)
        run_b, rows_b = self._load(b)
        return compare(run_a, rows_a, run_b, rows_b)

    def export(self, run_id: str, folder: Path) -> list[Path]:
        """Write a run as CSV, JSON and SVG files; return them (blocking).

        Raises:
            StudyError: The folder cannot be written.
        """
        from core.lab.export import export
        from core.lab.summary import view

        run, measured = self._load(run_id)
        return export(view(run, measured), measured, folder)

    # -- what can be done -------------------------------------------------------------------------------

    def start(self, name: str, options: Mapping[str, Any]) -> Future[LabRun]:
        """Queue a run; the future gives it once its row is on disk.

        Raises (from the future):
            UsageError: An unknown experiment or option, or a value out of its limits.
        """
        return self._ground.call(self._start(name, dict(options)))

    def resume(self, run_id: str) -> Future[LabRun]:
        """Queue a run again that did not come to its end; what it measured is not measured again."""
        return self._ground.call(self._resume(run_id))

    def cancel(self, run_id: str) -> None:
        """Stop a run, also another process's (which looks every half second); what it measured stays."""
        self._ground.call(self._cancel(run_id))

    def remove(self, run_id: str) -> Future[None]:
        """Delete a run that nobody measures."""
        return self._ground.call(self._remove(run_id))

    async def close(self) -> None:
        """Stop what runs, on the runtime's loop. It can be resumed."""
        self._closing = True
        tasks = [
            task for task in (self._current[1] if self._current else None, self._worker) if task is not None
        ]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=5)
        store = self._ground.store_now()
        if store is None:
            return
        for run_id in self._waiting:
            rows.change_run(store, run_id, status="interrupted")
        for run_id, values in self._unsaved.items():
            rows.change_run(store, run_id, **values)

    # -- inside -----------------------------------------------------------------------------------------

    def _store_now(self) -> Store:
        store = self._ground.store_now()
        if store is None:
            raise StudyError("error.lab.not_ready")
        return store

    def _load(self, run_id: str) -> tuple[LabRun, list[LabRow]]:
        store = self._store_now()
        row = rows.get_run(store, run_id)
        if row is None:
            raise UsageError("error.lab.run", id=run_id[:60])
        return self._run(row), [lab_row(one) for one in rows.rows_of(store, run_id)]

    def _run(self, row: rows.RunRow) -> LabRun:
        unsaved = self._unsaved.get(row.id, {})
        # A process that was killed could not say so: its run is not running.
        status = "interrupted" if row.status in rows.OPEN and not row.held else row.status
        return LabRun(
            id=row.id,
            experiment=row.experiment,
            status=unsaved.get("status", status),
            options=row.options,
            environment=row.environment,
            created_at=row.created_at,
            started_at=row.started_at,
            ended_at=row.ended_at,
            note=row.note,
            error=unsaved.get("error", row.error),
            fix=unsaved.get("fix", row.fix),
            invalid=row.invalid,
        )

    async def _start(self, name: str, given: dict[str, Any]) -> LabRun:
        options = read_options(experiment(name), given)
        store = await self._ground.store()
        await self._mark(store)
        run_id = await asyncio.wrap_future(rows.create_run(store, name, options))
        self._enqueue(run_id)
        return self._run(await asyncio.to_thread(self._row, store, run_id))

    async def _resume(self, run_id: str) -> LabRun:
        store = await self._ground.store()
        await self._mark(store)
        row = await asyncio.to_thread(self._row, store, run_id)
        if row.status == "done":
            raise UsageError("error.lab.done", id=run_id)
        if not await asyncio.wrap_future(rows.enqueue_again(store, run_id)):
            raise UsageError("error.lab.held", id=run_id)
        self._unsaved.pop(run_id, None)
        self._enqueue(run_id)
        return self._run(await asyncio.to_thread(self._row, store, run_id))

    async def _cancel(self, run_id: str) -> None:
        if self._current is not None and self._current[0] == run_id:
            self._current[1].cancel()
            return
        store = await self._ground.store()
        if run_id in self._waiting:
            self._waiting.remove(run_id)
            await self._end(store, run_id, "cancelled")
            return
        await asyncio.wrap_future(rows.change_run(store, run_id, wish="cancel"))

    async def _remove(self, run_id: str) -> None:
        store = await self._ground.store()
        row = await asyncio.to_thread(self._row, store, run_id)
        if row.held:
            raise UsageError("error.lab.held", id=run_id)
        await asyncio.wrap_future(rows.remove_run(store, run_id))
        self._unsaved.pop(run_id, None)

    async def _mark(self, store: Store) -> None:
        if not self._marked:
            self._marked = True
            await asyncio.wrap_future(rows.mark_interrupted(store))

    @staticmethod
    def _row(store: Store, run_id: str) -> rows.RunRow:
        row = rows.get_run(store, run_id)
        if row is None:
            raise UsageError("error.lab.run", id=run_id[:60])
        return row

    def _enqueue(self, run_id: str) -> None:
        self._waiting.append(run_id)
        self._tell(run_id, "queued")
        if self._worker is None or self._worker.done():
            self._worker = asyncio.get_running_loop().create_task(self._work())

    async def _work(self) -> None:
        store = await self._ground.store()
        while self._waiting:
            run_id = self._waiting[0]
            try:
                if await self._turn(store, run_id):
                    await self._measure(store, run_id)
            except StudyError as error:
                await self._end(store, run_id, "failed", error)

    async def _turn(self, store: Store, run_id: str) -> bool:
        """Wait until no other process measures; false when the run was cancelled meanwhile."""
        while run_id in self._waiting:
            row = await asyncio.to_thread(self._row, store, run_id)
            if row.wish == "cancel":
                self._waiting.remove(run_id)
                await self._end(store, run_id, "cancelled")
                return False
            if await asyncio.wrap_future(rows.claim(store, run_id)):
                self._waiting.remove(run_id)
                return True
            await asyncio.sleep(WAIT_S)
        return False

    async def _measure(self, store: Store, run_id: str) -> None:
        from core.lab.runner import Runner

        runner = Runner(self._ground, store, run_id, told=self._progressed)
        self._runner = runner
        task = asyncio.get_running_loop().create_task(runner.measure())
        self._current = (run_id, task)
        self._tell(run_id, "running")
        watch = asyncio.get_running_loop().create_task(self._watch(store, run_id, task))
        failure: StudyError | None = None
        status = "done"
        try:
            await asyncio.wait([task])
            if task.cancelled():
                status = "cancelled"
            elif task.exception() is not None:
                status, failure = "failed", _explain(task.exception(), self._ground)
        except asyncio.CancelledError:
            status = "interrupted"
            task.cancel()
            await asyncio.wait([task], timeout=4)
        finally:
            if self._closing and status == "cancelled":
                status = "interrupted"
            watch.cancel()
            await self._end(store, run_id, status, failure, await runner.invalid())
            self._current = self._runner = None
        if status == "interrupted":
            raise asyncio.CancelledError

    async def _watch(self, store: Store, run_id: str, task: asyncio.Task[None]) -> None:
        """Look whether another process wants the run cancelled."""
        while True:
            await asyncio.sleep(WAIT_S)
            row = await asyncio.to_thread(rows.get_run, store, run_id)
            if row is None or row.wish == "cancel":
                task.cancel()
                return

    async def _end(
        self,
        store: Store,
        run_id: str,
        status: str,
        error: StudyError | None = None,
        invalid: list[str] | None = None,
    ) -> None:
        values: dict[str, Any] = {"status": status, "ended_at": time.time(), "wish": ""}
        values |= {"error": error.message if error else "", "fix": error.fix if error else ""}
        if invalid is not None:
            values["invalid"] = invalid
        try:
            await asyncio.wrap_future(rows.change_run(store, run_id, **values))
        except StudyError:
            log.exception("the end of run %s could not be written", run_id)
            self._unsaved[run_id] = values
        self._tell(run_id, status)

    def _progressed(self) -> None:
        """Something was measured, or something else is being measured now. Any thread."""
        now = time.monotonic()
        runner = self._runner
        if runner is not None and now - self._told_at >= TELL_S:
            self._tell(runner.run_id, "running")

    def _tell(self, run_id: str, status: str) -> None:
        self._told_at = time.monotonic()
        runner = self._runner if self._runner is not None and self._runner.run_id == run_id else None
        if runner is None:
            now = tr("lab.now.queued") if status == "queued" else ""
            self._ground.emit(LabChanged(run_id, status, 0, 0, None, now))
            return
        progress = runner.progress
        eta = progress.eta_s() if status == "running" else None
        self._ground.emit(
            LabChanged(
                run_id,
                status,
                round(progress.done),
                round(max(progress.total, progress.done)),
                eta,
                progress.now,
            )
        )


def lab_row(row: rows.MeasurementRow) -> LabRow:
    """Read a stored row."""
    return LabRow(row.seq, row.run_id, row.ts, row.kind, row.point, row.data, row.warmup)


def _explain(error: BaseException | None, ground: Ground) -> StudyError:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, StudyError):
        return error
    log.error("an experiment failed", exc_info=error)
    with contextlib.suppress(OSError):
        if isinstance(error, OSError):
            return StudyError("error.lab.connection", reason=str(error) or type(error).__name__)
    return StudyError("error.unexpected", error=type(error).__name__, log=ground.paths.log_file)
