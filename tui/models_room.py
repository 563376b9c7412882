"""What the app knows of the engine's models, whether their screen is open or not, and the work it starts for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from textual.message import Message

from core.errors import StudyError
from core.fit.types import Availability, FitReport, Verdict
from core.i18n import tr
from core.models.types import LoadRecord, ModelCard, ModelRow, Pull
from core.text import clean_line
from tui import format, workers

if TYPE_CHECKING:
    from core.models.desk import Models
    from tui.study import StudyApp

SortColumn = Literal["name", "size", "quantization", "context", "loaded", "fits"]
SORT_COLUMNS: tuple[SortColumn, ...] = ("name", "size", "quantization", "context", "loaded", "fits")

MIN_CTX, MAX_CTX = 128, 1 << 20
"""Contexts an estimate is asked for, tokens."""

RELOAD_S = 0.25
"""The list is read again this often at most."""


@dataclass
class ModelsState:
    """What is known of the models, and what the user chose on their screen."""

    rows: list[ModelRow] = field(default_factory=list)
    pulls: dict[str, Pull] = field(default_factory=dict)
    loads: list[LoadRecord] = field(default_factory=list)
    """Newest first."""
    reports: dict[tuple[str, int], FitReport] = field(default_factory=dict)
    """By model and context asked for (0: the one it would be loaded with)."""
    failures: dict[tuple[str, int], str] = field(default_factory=dict)
    """Why there is no report, a sentence."""
    num_ctx: int | None = None
    """Context the user wants to estimate and load with, tokens; ``None``: the engine's own."""
    availability: Availability | None = None
    busy: dict[str, str] = field(default_factory=dict)
    """By model: ``load``, ``unload``, ``use`` or ``delete``, while it goes on."""
    error: str = ""
    """Why the list could not be read."""
    loaded: bool = False
    sort: SortColumn = "name"
    terms: bool = True
    """Whether the estimate is shown term by term."""

    def row(self, name: str) -> ModelRow | None:
        """Return a model's row."""
        return next((row for row in self.rows if row.name == name), None)

    def report(self, name: str) -> FitReport | None:
        """Return the report for the context in use."""
        return self.reports.get((name, self.num_ctx or 0))

    def failure(self, name: str) -> str:
        """Return why there is no report."""
        return self.failures.get((name, self.num_ctx or 0), "")

    def verdict(self, row: ModelRow) -> Verdict | None:
        """Return what is known of whether a model fits."""
        report = self.report(row.name)
        if report:
            return report.verdict
        return row.verdict if self.num_ctx is None else None

    def sorted_rows(self) -> list[ModelRow]:
        """Return the rows in the order chosen; what is not known comes last."""
        if self.sort == "size":
            return sorted(self.rows, key=lambda row: (-(row.size_bytes or 0), row.name))
        if self.sort == "quantization":
            return sorted(self.rows, key=lambda row: (not row.quantization, row.quantization, row.name))
        if self.sort == "context":
            return sorted(self.rows, key=lambda row: (-(row.context_length or 0), row.name))
        if self.sort == "loaded":
            return sorted(self.rows, key=lambda row: (not row.current, not row.loaded, row.name))
        if self.sort == "fits":
            order = {"fits": 0, "smaller_context": 1, "too_big": 2}
            verdicts = {row.name: self.verdict(row) for row in self.rows}

            def place(row: ModelRow) -> tuple[int, int, str]:
                verdict = verdicts[row.name]
                return (
                    order.get(verdict.kind, 3) if verdict else 3,
                    (verdict and verdict.needed) or 0,
                    row.name,
                )

            return sorted(self.rows, key=place)
        return sorted(self.rows, key=lambda row: row.name.casefold())

    def sorted_pulls(self) -> list[Pull]:
        """Return the pulls: those that go on first, then the newest."""
        return sorted(self.pulls.values(), key=lambda pull: (not pull.live, -pull.queued_at, pull.id))


@dataclass
class ListLoaded(Message):
    """Models, pulls and loads are read."""


@dataclass
class PullMoved(Message):
    """A pull moved on."""

    pull: Pull


@dataclass
class FitKnown(Message):
    """An estimate is there, or why it is not."""

    source: str
    report: FitReport | None
    failure: str = ""


@dataclass
class Busy(Message):
    """Something is being done with a model, or is done."""


class ModelsRoom:
    """The models as the app sees them. The screen, while it is open, hears of everything through messages."""

    def __init__(self, app: StudyApp) -> None:
        self._app = app
        self.state = ModelsState()
        self._listeners: list[Callable[[Message], Any]] = []
        self._reload_due = False

    def open(self) -> None:
        """Show the models, or leave them."""
        from tui.screens.models import ModelsScreen

        app = self._app
        if isinstance(app.screen, ModelsScreen):
            app.screen.action_leave()
        else:
            app.push_screen(ModelsScreen(app.state, app.keys, self))

    def ask_source(self, purpose: Literal["pull", "fit"], name: str) -> None:
        """Ask what to download or estimate, over the open screen."""
        from tui.screens.models import ModelsScreen

        screen = self._app.screen
        if isinstance(screen, ModelsScreen):
            screen.ask_source(purpose, name)

    def attach(self, tell: Callable[[Message], Any]) -> None:
        """Add somebody who hears of what is loaded: a screen's ``post_message``."""
        self._listeners.append(tell)

    def detach(self, tell: Callable[[Message], Any]) -> None:
        """Stop telling."""
        if tell in self._listeners:
            self._listeners.remove(tell)

    @property
    def watched(self) -> bool:
        """Whether somebody looks."""
        return bool(self._listeners)

    def _post(self, message_of: Callable[[], Message]) -> None:
        # Each listener gets a message of its own: one object posted twice is handled once.
        for tell in list(self._listeners):
            tell(message_of())

    # -- events ------------------------------------------------------------------------------------------

    def pull_changed(self, pull: Pull) -> None:
        """Take a pull's progress; say when it has ended while nobody looks."""
        before = self.state.pulls.get(pull.id)
        self.state.pulls[pull.id] = pull
        ended = not pull.live and (before is None or before.live)
        if ended and not self.watched and pull.status in {"done", "failed"}:
            name = clean_line(pull.model or pull.shown_source, max_chars=60)
            if pull.status == "done":
                rate = (
                    pull.total_bytes / pull.seconds if pull.total_bytes and pull.seconds else pull.bytes_per_s
                )
                self._app.tell(
                    tr(
                        "modelsui.told.pulled",
                        name=name,
                        size=format.size(pull.total_bytes),
                        time=format.duration(pull.seconds * 1000),
                        rate=format.megabytes_per_s(rate),
                    )
                )
            else:
                why = f"{clean_line(pull.error, max_chars=300)} {clean_line(pull.fix, max_chars=300)}".strip()
                self._app.tell(tr("modelsui.told.failed", name=name, why=why), "error")
        self._post(lambda: PullMoved(pull))

    def changed(self) -> None:
        """The engine's models changed: read them again, if somebody looks."""
        self.state.reports.clear()
        self.state.failures.clear()
        if self.watched and not self._reload_due:
            self._reload_due = True
            self._app.set_timer(RELOAD_S, self._reload)

    def _reload(self) -> None:
        self._reload_due = False
        if self.watched:
            self.load()

    # -- work --------------------------------------------------------------------------------------------

    # Its coroutines run on the interface's loop, so that they may change the state; only the desk's reading is
    # handed to threads.

    def load(self) -> None:
        """Read models, pulls and loads."""
        workers.start(self._app, self._load(), "models-list")

    def fit(self, source: str) -> None:
        """Estimate a model, here or not yet here, with the context in use."""
        workers.start(self._app, self._fit(source), "models-fit")

    def pull(self, source: str, name: str = "") -> None:
        """Begin a download; ``name`` is what the model will be called, empty: what its source is called."""
        workers.start(self._app, self._pull(source, name), "models-do", exclusive=False)

    def cancel_pull(self, pull_id: str) -> None:
        """Stop a download; what is there stays for the next attempt."""
        workers.start(self._app, self._cancel_pull(pull_id), "models-do", exclusive=False)

    def retry_pull(self, pull_id: str) -> None:
        """Go on with a download that stopped."""
        workers.start(self._app, self._retry_pull(pull_id), "models-do", exclusive=False)

    def use(self, name: str) -> None:
        """Chat with a model from now on."""
        self._do(name, "use", self._use)

    def load_model(self, name: str, *, confirmed: bool = False) -> None:
        """Load a model; asks when memory would run out."""
        self._do(name, "load", lambda name: self._load_model(name, confirmed))

    def unload(self, name: str) -> None:
        """Unload a model."""
        self._do(name, "unload", self._unload)

    def remove(self, name: str) -> None:
        """Delete a model from disk."""
        self._do(name, "delete", self._remove)

    def details(self, name: str, then: Callable[[ModelCard], Any]) -> None:
        """Read everything known about a model, and hand it on."""
        workers.start(self._app, self._details(name, then), "models-card")

    async def desk(self) -> Models:
        """Return the desk once the store is open."""
        await workers.store_of(self._app)
        # Its modules are loaded with the first use: not on the interface's loop.
        return await asyncio.to_thread(lambda: self._app.runtime.models)

    def _do(self, name: str, what: str, work: Callable[[str], Any]) -> None:
        if name in self.state.busy:
            self._app.tell(tr("modelsui.busy", name=clean_line(name, max_chars=60)), "warning")
            return

        async def doing() -> None:
            self.state.busy[name] = what
            self._post(Busy)
            try:
                await work(name)
            finally:
                self.state.busy.pop(name, None)
                self._post(Busy)

        workers.start(self._app, doing(), "models-do", exclusive=False)

    async def _load(self) -> None:
        state = self.state
        try:
            desk = await self.desk()
            pulls = await asyncio.to_thread(desk.pulls)
            loads = await asyncio.to_thread(desk.loads)
            state.pulls = {pull.id: pull for pull in pulls}
            state.loads = sorted(loads, key=lambda record: -record.ts)
            self._post(ListLoaded)
            state.rows = list(await asyncio.wrap_future(desk.list()))
            state.error, state.loaded = "", True
        except StudyError as error:
            state.error, state.loaded = str(error), True
        self._post(ListLoaded)

    async def _fit(self, source: str) -> None:
        state = self.state
        key = (source, state.num_ctx or 0)
        report, failure = state.reports.get(key), ""
        if report is None:
            try:
                desk = await self.desk()
                report = await asyncio.wrap_future(desk.fit(source, num_ctx=state.num_ctx))
            except StudyError as error:
                failure = str(error)
                state.failures[key] = failure
            else:
                state.reports[key] = report
                state.failures.pop(key, None)
        if report:
            state.availability = report.availability
        self._post(lambda: FitKnown(source, report, failure))

    async def _pull(self, source: str, name: str) -> None:
        desk = await self.desk()
        pull = await asyncio.wrap_future(desk.pull(source, name=name))
        self.state.pulls.setdefault(pull.id, pull)
        self._post(lambda: PullMoved(pull))

    async def _cancel_pull(self, pull_id: str) -> None:
        desk = await self.desk()
        await asyncio.to_thread(desk.cancel_pull, pull_id)

    async def _retry_pull(self, pull_id: str) -> None:
        desk = await self.desk()
        pull = await asyncio.wrap_future(desk.retry_pull(pull_id))
        self.pull_changed(pull)

    async def _use(self, name: str) -> None:
        desk = await self.desk()
        await asyncio.wrap_future(desk.use(name))
        self._app.tell(tr("modelsui.told.using", name=clean_line(name, max_chars=60)))
        await self._load()

    async def _load_model(self, name: str, confirmed: bool) -> None:
        desk = await self.desk()
        try:
            record = await asyncio.wrap_future(
                desk.load(name, num_ctx=self.state.num_ctx, confirmed=confirmed)
            )
        except StudyError as error:
            report = getattr(error, "report", None)
            if confirmed or not isinstance(report, FitReport):
                await self._load()
                raise
            self._app.call_later(self._ask_load, name, report)
            return
        self._app.tell(_loaded_text(record), "information" if record.outcome == "ok" else "error")
        await self._load()

    def _ask_load(self, name: str, report: FitReport) -> None:
        from tui.screens.models_dialogs import ConfirmReport

        def answered(yes: bool | None) -> None:
            if yes:
                self.load_model(name, confirmed=True)

        question = tr("modelsui.load.confirm", name=clean_line(name, max_chars=60))
        self._app.push_screen(ConfirmReport(question, report), answered)

    async def _unload(self, name: str) -> None:
        desk = await self.desk()
        await asyncio.wrap_future(desk.unload(name))
        self._app.tell(tr("modelsui.told.unloaded", name=clean_line(name, max_chars=60)))
        await self._load()

    async def _remove(self, name: str) -> None:
        desk = await self.desk()
        await asyncio.wrap_future(desk.remove(name))
        self._app.tell(tr("modelsui.told.deleted", name=clean_line(name, max_chars=60)))
        await self._load()

    async def _details(self, name: str, then: Callable[[ModelCard], Any]) -> None:
        desk = await self.desk()
        card = await asyncio.wrap_future(desk.show(name))
        self._app.call_later(then, card)


def _loaded_text(record: LoadRecord) -> str:
    name = clean_line(record.model, max_chars=60)
    if record.outcome != "ok":
        return tr(
            f"modelsui.told.load.{record.outcome}", name=name, why=clean_line(record.error, max_chars=300)
        )
    return tr(
        "modelsui.told.loaded",
        name=name,
        time=format.duration(record.load_ms),
        predicted=format.size(record.predicted_bytes),
        measured=format.size(record.measured_bytes),
    )


def next_ctx(current: int, step: int) -> int:
    """Return the next context up (``step`` 1) or down (-1): powers of two."""
    if step > 0:
        return min(MAX_CTX, 1 << current.bit_length())
    lower = 1 << (current.bit_length() - 1)
    return max(MIN_CTX, lower // 2 if lower == current else lower)
