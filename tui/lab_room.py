"""What the app knows of the lab, whether its screen is open or not, and the work it starts for it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual.message import Message

from core.errors import StudyError
from core.events import LabChanged
from core.i18n import has, tr
from core.lab.types import Comparison, Experiment, LabRun, LabView
from core.text import clean_line
from tui import workers
from tui.messages import Told
from tui.widgets.header import Header

if TYPE_CHECKING:
    from core.lab.desk import Lab
    from tui.study import StudyApp

ENDED = frozenset({"done", "failed", "cancelled", "interrupted"})
RUNS = 100
"""Runs listed."""

VIEW_EVERY_S = 1.0
"""A running run's figures are computed again this often at most."""


@dataclass
class LabState:
    """What is known of the lab, and what the user did there."""

    experiments: tuple[Experiment, ...] = ()
    runs: list[LabRun] = field(default_factory=list)
    progress: dict[str, LabChanged] = field(default_factory=dict)
    """By run, while it is queued or running."""
    options: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What the user set, by experiment."""
    marked: list[str] = field(default_factory=list)
    """Runs to compare, two at most."""
    selected: str = ""
    """``x:<experiment>``, ``r:<run>`` or ``compare``."""
    views: dict[str, LabView] = field(default_factory=dict)
    comparison: Comparison | None = None
    loaded: bool = False

    def experiment(self, experiment_id: str) -> Experiment | None:
        """Return an experiment."""
        return next((known for known in self.experiments if known.id == experiment_id), None)

    def run(self, run_id: str) -> LabRun | None:
        """Return a run."""
        return next((known for known in self.runs if known.id == run_id), None)

    def options_of(self, experiment: Experiment) -> dict[str, Any]:
        """Return every option with its value: the user's, else the default."""
        chosen = self.options.get(experiment.id, {})
        return {option.name: chosen.get(option.name, option.default) for option in experiment.options}

    def usual_seconds(self, experiment_id: str) -> float | None:
        """Return how long finished runs of an experiment took here: their median."""
        took = sorted(
            run.ended_at - run.started_at
            for run in self.runs
            if run.experiment == experiment_id
            and run.status == "done"
            and run.started_at is not None
            and run.ended_at is not None
        )
        return took[len(took) // 2] if took else None


@dataclass
class RunsLoaded(Message):
    """The experiments and the runs are read."""

    experiments: tuple[Experiment, ...]
    runs: list[LabRun]


@dataclass
class ViewLoaded(Message):
    """A run's figures are computed."""

    view: LabView


@dataclass
class ComparisonLoaded(Message):
    """Two runs are compared."""

    comparison: Comparison


@dataclass
class Progressed(Message):
    """A run moved on."""

    event: LabChanged


@dataclass
class Started(Message):
    """A run was begun or resumed; its row is on disk."""

    run: LabRun


def title_of(experiment_id: str) -> str:
    """Return an experiment's title."""
    key = f"lab.{experiment_id}.title"
    return tr(key) if has(key) else clean_line(experiment_id, max_chars=40)


class LabRoom:
    """The lab as the app sees it. The screen, while it is open, hears of everything through messages."""

    def __init__(self, app: StudyApp) -> None:
        self._app = app
        self.state = LabState()
        self._tell: Callable[[Message], Any] | None = None
        self._view_due: dict[str, float] = {}
        self._viewing: set[str] = set()

    def open(self) -> None:
        """Show the lab, or leave it."""
        from tui.screens.lab import LabScreen

        app = self._app
        if isinstance(app.screen, LabScreen):
            app.screen.action_leave()
        else:
            app.push_screen(LabScreen(app.state, app.keys, self))

    def attach(self, tell: Callable[[Message], Any] | None) -> None:
        """Say who hears of what is loaded: the open screen's ``post_message``."""
        self._tell = tell

    def _post(self, message: Message) -> None:
        if self._tell:
            self._tell(message)

    # -- events ------------------------------------------------------------------------------------------

    @property
    def running(self) -> LabChanged | None:
        """How far the run that is measuring now is."""
        return next((item for item in self.state.progress.values() if item.status == "running"), None)

    def changed(self, event: LabChanged) -> None:
        """Take a run's progress; say when it has ended."""
        state = self.state
        before = state.progress.get(event.run_id)
        run = state.run(event.run_id)
        if event.status in ENDED:
            state.progress.pop(event.run_id, None)
            if before is not None or run is None or run.status not in ENDED:
                self._say_ended(event, run)
        else:
            state.progress[event.run_id] = event
        self._app.state.lab = self.running
        for screen in self._app.screen_stack:
            for header in screen.query(Header):
                header.refresh()
        if run is None or run.status != event.status:
            self.load()
        self._post(Progressed(event))

    def _say_ended(self, event: LabChanged, run: LabRun | None) -> None:
        title = title_of(run.experiment) if run else tr("labui.run")
        self._app.tell(
            tr(f"labui.ended.{event.status}", title=title),
            "information" if event.status in {"done", "cancelled"} else "warning",
        )

    def warn_if_measuring(self) -> None:
        """Say that a question disturbs the measurement that is going on."""
        running = self.running
        if running:
            run = self.state.run(running.run_id)
            self._app.tell(
                tr("labui.disturbs", title=title_of(run.experiment) if run else tr("labui.run")), "warning"
            )

    # -- work --------------------------------------------------------------------------------------------

    # Its coroutines run on the interface's loop, so that they may change the state; only the desk's reading is
    # handed to threads.

    def load(self) -> None:
        """Read the experiments and the runs."""
        workers.start(self._app, self._load(), "lab-runs")

    def load_view(self, run_id: str, *, now: bool = False) -> None:
        """Compute a run's figures; while it runs, not too often unless ``now``."""
        clock = time.monotonic()
        due = run_id not in self._viewing and clock >= self._view_due.get(run_id, 0.0)
        if now or due:
            self._viewing.add(run_id)
            workers.start(self._app, self._load_view(run_id), "lab-view", exclusive=False)

    def compare(self, a: str, b: str) -> None:
        """Compare two runs."""
        workers.start(self._app, self._compare(a, b), "lab-compare")

    def start(self, experiment: Experiment, options: Mapping[str, Any]) -> None:
        """Begin a run."""
        workers.start(self._app, self._start(experiment.id, dict(options)), "lab-do", exclusive=False)

    def resume(self, run_id: str) -> None:
        """Go on with a run that was cut off."""
        workers.start(self._app, self._resume(run_id), "lab-do", exclusive=False)

    def cancel(self, run_id: str) -> None:
        """Stop a run; what it measured stays."""
        workers.start(self._app, self._cancel(run_id), "lab-do", exclusive=False)

    def remove(self, run_id: str) -> None:
        """Delete a run with its rows."""
        workers.start(self._app, self._remove(run_id), "lab-do", exclusive=False)

    def export(self, run_id: str, folder: Path) -> None:
        """Write a run to files."""
        workers.start(self._app, self._export(run_id, folder), "lab-export")

    async def _desk(self) -> Lab:
        await workers.store_of(self._app)
        # Its modules are loaded with the first use: not on the interface's loop.
        return await asyncio.to_thread(lambda: self._app.runtime.lab)

    async def _load(self) -> None:
        desk = await self._desk()
        experiments = await asyncio.to_thread(desk.experiments)
        runs = await asyncio.to_thread(desk.runs, RUNS)
        state = self.state
        state.experiments, state.runs, state.loaded = tuple(experiments), list(runs), True
        known = {run.id for run in state.runs}
        state.marked = [run_id for run_id in state.marked if run_id in known]
        self._post(RunsLoaded(state.experiments, state.runs))

    async def _load_view(self, run_id: str) -> None:
        began = time.monotonic()
        try:
            desk = await self._desk()
            self._post(ViewLoaded(await asyncio.to_thread(desk.view, run_id)))
        finally:
            self._viewing.discard(run_id)
            # Figures that take long to compute are computed more seldom: the engine needs the processor.
            took = time.monotonic() - began
            self._view_due[run_id] = time.monotonic() + max(VIEW_EVERY_S, 10 * took)

    async def _compare(self, a: str, b: str) -> None:
        desk = await self._desk()
        self._post(ComparisonLoaded(await asyncio.to_thread(desk.compare, a, b)))

    async def _start(self, experiment: str, options: dict[str, Any]) -> None:
        desk = await self._desk()
        run = await asyncio.wrap_future(desk.start(experiment, options))
        self._post(Started(run))
        await self._load()

    async def _resume(self, run_id: str) -> None:
        desk = await self._desk()
        run = await asyncio.wrap_future(desk.resume(run_id))
        self._post(Started(run))
        await self._load()

    async def _cancel(self, run_id: str) -> None:
        desk = await self._desk()
        await asyncio.to_thread(desk.cancel, run_id)

    async def _remove(self, run_id: str) -> None:
        desk = await self._desk()
        await asyncio.wrap_future(desk.remove(run_id))
        self.state.views.pop(run_id, None)
        await self._load()

    async def _export(self, run_id: str, folder: Path) -> None:
        desk = await self._desk()
        try:
            paths = await asyncio.to_thread(desk.export, run_id, folder)
        except StudyError:
            raise
        except OSError as error:
            text = tr("labui.export.failed", reason=clean_line(error.strerror or str(error)))
            self._app.post_message(Told(text, "error"))
            return
        self._app.post_message(Told(tr("export.done", paths="\n".join(str(path) for path in paths))))
