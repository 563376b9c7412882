"""The room's desk at the runtime: methods that return at once, with futures."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING

from core.errors import StudyError
from core.events import ModelsChanged
from core.fit.types import FitReport, Verdict
from core.ground import Ground
from core.models import cards, loading, sources
from core.models.fitting import Fitter
from core.models.implicit import Spotter
from core.models.pulls import Pulls
from core.models.types import LoadRecord, ModelCard, ModelRow, Pull
from core.ollama.errors import ModelMissing
from core.session import models as rows
from core.text import clean_line

if TYPE_CHECKING:
    from core.containers.types import ContainerStatus
    from core.engines import Engine

# `list` is a method of the class below.
_Rows = list[ModelRow]
_Pulls = list[Pull]
_Loads = list[LoadRecord]


class Models:
    """Lists, pulls, loads and removes models of the engine in use.

    Args:
        ground: What it works on.
        choose_route: Name, capabilities and parameters → the tool route and why.
        container: Asks how the service's container is: its limit is the engine's.
    """

    def __init__(
        self, ground: Ground, choose_route: cards.ChooseRoute | None = None,
        container: Callable[[], Future[ContainerStatus]] | None = None,
    ) -> None:  # fmt: skip
        self._ground = ground
        self._choose_route = choose_route
        self._fitter = Fitter(ground.settings, container)
        self._pulls = Pulls(ground)
        self._verdicts: dict[str, Verdict] = {}
        self._loading = asyncio.Lock()
        self._container = container
        self._spotter = Spotter(ground, self._fitter, container)

    def list(self) -> Future[_Rows]:
        """Every model of the engine, newest first."""
        return self._ground.call(self._list())

    def show(self, name: str) -> Future[ModelCard]:
        """Everything known about one model, with the tool route it would take."""
        return self._ground.call(self._show(name))

    def fit(self, source: str, num_ctx: int | None = None, parallel: int | None = None) -> Future[FitReport]:
        """Say whether it fits: a model of the engine, a registry's name, a URL, a path or a package.

        Works without an engine for everything but the engine's own models.
        """
        return self._ground.call(self._fit(source, num_ctx, parallel))

    def pull(self, source: str, name: str = "", sha256: str = "") -> Future[Pull]:
        """Queue a pull; the future gives it once its row is on disk. Progress comes as ``PullChanged``."""
        return self._ground.call(self._pulls.add(source, name, sha256))

    def pulls(self) -> _Pulls:
        """Every pull, newest first. Reads the store: call it in a worker."""
        store = self._ground.store_now()
        return self._pulls.known(store) if store else []

    def cancel_pull(self, pull_id: str) -> None:
        """Stop a pull; what it has downloaded is kept."""
        self._ground.call(self._pulls.cancel(pull_id))

    def retry_pull(self, pull_id: str) -> Future[Pull]:
        """Queue a pull again that ended; it goes on where it was."""
        return self._ground.call(self._pulls.again(pull_id))

    def create(self, name: str, source: str) -> Future[None]:
        """Make a model from another one of the engine, or from a file, URL or package."""
        return self._ground.call(self._create(name, source))

    def remove(self, name: str) -> Future[None]:
        """Remove a model; the chat model in use stays."""
        return self._ground.call(self._remove(name))

    def load(self, name: str, num_ctx: int | None = None, confirmed: bool = False) -> Future[LoadRecord]:
        """Load a model and measure what it takes.

        The future raises :class:`core.models.errors.NeedsConfirmation` when it would exhaust memory.
        """
        return self._ground.call(self._load(name, num_ctx, confirmed))

    def unload(self, name: str) -> Future[None]:
        """Free a model's memory."""
        return self._ground.call(self._unload(name))

    def use(self, name: str) -> Future[None]:
        """Chat with another model from now on."""
        return self._ground.call(self._use(name))

    def loads(self) -> _Loads:
        """Every load, newest first, predicted and measured. Reads the store: call it in a worker."""
        store = self._ground.store_now()
        return [loading.load_of(row) for row in rows.load_rows(store)] if store else []

    async def spot(self, engine: Engine) -> None:
        """Record loads that nobody asked for by name, on the runtime's loop; called when the engine was asked how it is."""
        if self._loading.locked():
            return
        async with self._loading:
            if await self._spotter.look(engine):
                self._ground.emit(ModelsChanged())

    async def close(self) -> None:
        """Stop what runs, on the runtime's loop."""
        await self._pulls.close()

    # -- inside -----------------------------------------------------------------------------------------

    async def _list(self) -> _Rows:
        return await cards.list_rows(await self._ground.engine(), self._verdicts)

    async def _row(self, name: str) -> ModelRow:
        listed = await self._list()
        wanted = name.lower()
        tagged = wanted if ":" in wanted.rpartition("/")[2] else f"{wanted}:latest"
        for row in listed:
            if row.name.lower() in (wanted, tagged):
                return row
        raise ModelMissing(name, [row.name for row in listed])

    async def _show(self, name: str) -> ModelCard:
        row = await self._row(name)
        engine = await self._ground.engine()
        return cards.card(row, await engine.client.show(row.name), self._choose_route)

    async def _fit(self, source: str, num_ctx: int | None, parallel: int | None) -> FitReport:
        try:
            engine = await self._ground.engine()
        except StudyError:
            engine = None
        report = await self._fitter.report(engine, source, num_ctx, parallel)
        if engine is not None and num_ctx is None and parallel is None and report.download_bytes is None:
            self._verdicts[source] = report.verdict
        return report

    async def _create(self, name: str, source: str) -> None:
        engine = await self._ground.engine()
        try:
            origin = (await self._row(source)).name
        except ModelMissing:
            plan = await asyncio.to_thread(sources.classify, source, engine.kind)
            if plan.kind == "registry":
                raise
            pull = await self._pulls.add(source, name, "")
            await self._pulls.ended(pull.id)
        else:
            async for _line in engine.client.create(name, origin=origin):
                pass
        self._ground.emit(ModelsChanged())

    async def _remove(self, name: str) -> None:
        engine, row = await self._ground.engine(), await self._row(name)
        if row.current:
            raise StudyError("error.models.current", model=clean_line(row.name))
        await engine.client.delete(row.name)
        self._verdicts.pop(row.name, None)
        self._ground.emit(ModelsChanged())

    async def _load(self, name: str, num_ctx: int | None, confirmed: bool) -> LoadRecord:
        engine, row = await self._ground.engine(), await self._row(name)
        report = await self._fitter.report(engine, row.name, num_ctx, None)
        settings = self._ground.settings
        plan = report.estimate.plan if report.estimate else None
        async with self._loading:
            try:
                return await loading.load(
                    self._ground, engine, report, num_ctx=plan.num_ctx if plan else num_ctx or settings.num_ctx,
                    parallel=plan.parallel if plan else settings.parallel, confirmed=confirmed,
                    container=self._container if engine.kind == "docker" else None,
                )  # fmt: skip
            finally:
                self._ground.emit(ModelsChanged())

    async def _unload(self, name: str) -> None:
        engine, row = await self._ground.engine(), await self._row(name)
        await engine.client.unload(row.name)
        self._ground.emit(ModelsChanged())

    async def _use(self, name: str) -> None:
        engine, row = await self._ground.engine(), await self._row(name)
        if row.capabilities and "completion" not in row.capabilities:
            raise StudyError("error.models.not_chat", model=clean_line(row.name))
        await engine.use_model(row.name)
        self._ground.emit(ModelsChanged())
