"""The models (F3): what is here and whether it fits, what is being downloaded, how good the predictions were."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

from textual import events, on
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.timer import Timer
from textual.widget import Widget

from core.i18n import tr
from core.models.types import LoadRecord, ModelCard, ModelRow, Pull
from tui import actions, format, models_room
from tui.models_room import SORT_COLUMNS, ModelsRoom, next_ctx
from tui.screens.dialogs import Ask, Confirm
from tui.screens.help import TextScreen
from tui.screens.models_dialogs import SourceDialog
from tui.screens.room import Page, Room
from tui.state import State
from tui.widgets import models_text
from tui.widgets.basics import Choices, Plain, SplitLine
from tui.widgets.models_heads import Heads
from tui.widgets.rows import Row, RowList

Section = Literal["models", "pulls", "loads"]
SECTIONS: tuple[Section, ...] = ("models", "pulls", "loads")

FIT_AFTER_S = 0.12
"""The model under the cursor is estimated when the cursor has rested this long."""

KEYS: Mapping[Section, list[str]] = {
    "models": [
        "model_use",
        "model_load",
        "model_unload",
        "model_pull",
        "model_fit",
        "model_num_ctx",
        "model_terms",
        "model_details",
        "model_delete",
        "model_container",
        "model_sort",
        "model_explain",
    ],
    "pulls": ["model_pull", "pull_cancel", "pull_retry", "model_container", "model_explain"],
    "loads": ["model_pull", "model_container", "model_explain"],
}


class ModelsScreen(Room):
    """The screen. What it shows is :class:`tui.models_room.ModelsState`; what it wants done it asks of the room."""

    BINDINGS = actions.bindings("models")
    HELP = "models"

    def __init__(self, state: State, keys: Mapping[str, str], room: ModelsRoom) -> None:
        super().__init__(state, keys)
        self.room = room
        self.models = room.state
        self.section: Section = "models"
        self._fit_timer: Timer | None = None

    def body(self) -> Iterable[Widget]:
        boxes = {}
        for name in SECTIONS:
            boxes[name] = RowList(id=f"models-{name}")
        page = Page(Plain(id="models-text"), id="models-detail")
        yield Choices(id="models-tabs", gap=3)
        yield Vertical(
            Vertical(
                SplitLine(id="models-title"),
                Heads(id="models-heads"),
                boxes["models"],
                id="models-box",
            ),
            page,
            Horizontal(
                Vertical(SplitLine(id="pulls-title"), boxes["pulls"], id="pulls-box"),
                Vertical(SplitLine(id="loads-title"), boxes["loads"], id="loads-box"),
                id="models-bottom",
            ),
            id="models-body",
        )

    def on_mount(self) -> None:
        self.room.attach(self.post_message)
        self.lay_out()
        self.list_of("models").focus()
        self.room.load()

    def on_unmount(self) -> None:
        self.room.detach(self.post_message)

    async def rebuild(self) -> None:
        """Build it anew, in the language of now."""
        await super().rebuild()
        self.models.reports.clear()
        self.go(self.section)
        self._request_fit()

    # -- drawing -------------------------------------------------------------------------------------------

    def list_of(self, section: Section) -> RowList:
        """Return a section's list."""
        return self.query_one(f"#models-{section}", RowList)

    def lay_out(self) -> None:
        """Show what the size asks for: everything, or on a narrow screen one section at a time."""
        super().lay_out()
        if not self.is_mounted:
            return
        narrow = self.narrow
        body, detail = self.query_one("#models-body"), self.query_one("#models-detail")
        bottom = self.query_one("#models-bottom")
        if narrow:
            body.move_child(detail, after=bottom)
        else:
            body.move_child(detail, before=bottom)
        self.query_one("#models-tabs").display = narrow
        self.query_one("#models-box").display = not narrow or self.section == "models"
        bottom.display = not narrow or self.section != "models"
        for name in ("pulls", "loads"):
            self.query_one(f"#{name}-box").display = not narrow or self.section == name
        self.show_all()

    def show_all(self) -> None:
        """Bring every part up to date."""
        self.show_models()
        self.show_pulls()
        self.show_loads()
        self._show_tabs()
        self.show_detail()
        self.show_keys(KEYS[self.section])

    def _show_tabs(self) -> None:
        items = [(name, str(place), self._title(name)) for place, name in enumerate(SECTIONS, 1)]
        self.query_one("#models-tabs", Choices).show(items, active=self.section)

    def _title(self, section: Section) -> str:
        count = {
            "models": len(self.models.rows),
            "pulls": sum(pull.live for pull in self.models.pulls.values()),
            "loads": len(self.models.loads),
        }[section]
        return tr(f"modelsui.section.{section}") + (f" {count}" if count else "")

    def _heading(self, section: Section) -> Content:
        mine = self.section == section
        # The tabs of a narrow screen have said it already.
        return Content.styled(
            "" if self.narrow else self._title(section), "bold $accent" if mine else "$quiet"
        )

    def show_models(self) -> None:
        """Draw the table."""
        state, width = self.models, self.app.size.width - 2
        availability = state.availability
        said = ""
        if availability and availability.bytes is not None:
            said = tr(
                "modelsui.verdict.available",
                size=format.size(availability.bytes),
                limit=models_text.limit_name(availability),
            )
        if state.num_ctx:
            said = f"{tr('modelsui.num_ctx', ctx=format.count(state.num_ctx))}   {said}"
        self.query_one("#models-title", SplitLine).show(
            self._heading("models"), Content.styled(said, "$quiet")
        )
        self.query_one(Heads).show(models_text.heads(state, width), state.sort)
        rows = [models_text.model_row(row, state, width) for row in state.sorted_rows()]
        if not rows:
            text = state.error or tr("modelsui.none" if state.loaded else "modelsui.reading")
            tone = "error" if state.error else "quiet"
            rows = [Row("", ((text, tone),), selectable=False)]
        first = not self.list_of("models").current
        chosen = next((row.name for row in state.rows if row.current), None) if first else None
        self.list_of("models").set_rows(rows, select=chosen)

    def show_pulls(self) -> None:
        """Draw the downloads."""
        width = self.app.size.width if self.narrow else self.app.size.width // 2
        rows = [
            line for pull in self.models.sorted_pulls() for line in models_text.pull_rows(pull, width - 4)
        ] or [Row("", ((tr("modelsui.pulls.none"), "quiet"),), selectable=False)]
        self.query_one("#pulls-title", SplitLine).show(self._heading("pulls"))
        self.list_of("pulls").set_rows(rows)

    def show_loads(self) -> None:
        """Draw predicted and measured."""
        width = self.app.size.width
        rows = [models_text.load_row(record, width) for record in self.models.loads] or [
            Row("", ((tr("modelsui.loads.none"), "quiet"),), selectable=False)
        ]
        heads = models_text.load_heads() + " " if self.models.loads else ""
        self.query_one("#loads-title", SplitLine).show(
            self._heading("loads"), Content.styled(heads, "$quiet")
        )
        self.list_of("loads").set_rows(rows)

    def show_detail(self) -> None:
        """Draw what is said about the row under the cursor."""
        data = self.selected
        text = Content("")
        if isinstance(data, ModelRow):
            text = models_text.model_detail(data, self.models)
        elif isinstance(data, Pull):
            text = models_text.pull_detail(data)
        elif isinstance(data, LoadRecord):
            text = models_text.load_detail(data)
        elif self.models.error:
            text = Content.styled(self.models.error, "$error")
        self.query_one("#models-text", Plain).show(text)

    @property
    def selected(self) -> ModelRow | Pull | LoadRecord | None:
        """What the cursor of the section in use is on."""
        row = self.list_of(self.section).current
        return row.data if row else None

    @property
    def model(self) -> ModelRow | None:
        """The model under the table's cursor."""
        row = self.list_of("models").current
        return row.data if row and isinstance(row.data, ModelRow) else None

    # -- moving about ----------------------------------------------------------------------------------------

    def go(self, section: Section) -> None:
        """Move to a section."""
        self.section = section
        self.lay_out()
        self.list_of(section).focus()

    @on(events.DescendantFocus)
    def _focused(self, event: events.DescendantFocus) -> None:
        for section in SECTIONS:
            if event.widget.id == f"models-{section}" and section != self.section:
                self.section = section
                self.show_all()

    @on(RowList.Moved)
    def _moved(self, event: RowList.Moved) -> None:
        if event.list.id == f"models-{self.section}":
            self.query_one("#models-detail").scroll_home(animate=False)
            self.show_detail()
            if self.section == "models":
                self._request_fit()

    @on(Choices.Clicked, "#models-tabs")
    def _tab_clicked(self, event: Choices.Clicked) -> None:
        self.go(event.name)  # type: ignore[arg-type]

    @on(Choices.Clicked, "#room-keys")
    async def _key_clicked(self, event: Choices.Clicked) -> None:
        await self.run_action(event.name)

    @on(Heads.Clicked)
    def _head_clicked(self, event: Heads.Clicked) -> None:
        self.models.sort = event.column
        self.show_models()

    @on(RowList.Chosen, "#models-models")
    def _chosen(self) -> None:
        self.action_model_use()

    def action_leave(self) -> None:
        """Go back to the table, then to the workbench."""
        if self.narrow and self.section != "models":
            self.go("models")
        else:
            super().action_leave()

    # -- what the room says ------------------------------------------------------------------------------------

    @on(models_room.ListLoaded)
    def _list_loaded(self) -> None:
        self.show_all()
        self._request_fit()

    @on(models_room.Busy)
    def _busy(self) -> None:
        self.show_models()

    @on(models_room.PullMoved)
    def _pull_moved(self, event: models_room.PullMoved) -> None:
        self.show_pulls()
        self._show_tabs()
        if self.section == "pulls":
            self.show_detail()

    @on(models_room.FitKnown)
    def _fit_known(self, event: models_room.FitKnown) -> None:
        self.show_models()
        if self.model and self.model.name == event.source and self.section == "models":
            self.show_detail()

    def on_screen_resume(self) -> None:
        # A dialog may have asked for another estimate in the place of this row's.
        self._request_fit()

    def _request_fit(self) -> None:
        """Estimate the model under the cursor, once the cursor rests."""
        if self._fit_timer:
            self._fit_timer.stop()
        self._fit_timer = self.set_timer(FIT_AFTER_S, self._fit_now)

    def _fit_now(self) -> None:
        model = self.model
        if model and self.app.screen is self and not self.models.report(model.name):
            self.room.fit(model.name)

    # -- actions -------------------------------------------------------------------------------------------------

    def action_model_use(self) -> None:
        """Chat with this model from now on."""
        if self.model and self.section == "models":
            self.room.use(self.model.name)

    def action_model_load(self) -> None:
        """Load it into memory."""
        if self.model:
            self.room.load_model(self.model.name)

    def action_model_unload(self) -> None:
        """Take it out of memory."""
        if self.model:
            self.room.unload(self.model.name)

    def action_model_pull(self) -> None:
        """Ask what to download."""
        self.ask_source("pull")

    def action_model_fit(self) -> None:
        """Ask what to estimate."""
        self.ask_source("fit")

    def ask_source(self, purpose: Literal["pull", "fit"], value: str = "") -> None:
        """Ask for a model that is not here yet; its verdict comes before its download."""

        def chosen(wanted: tuple[str, str] | None) -> None:
            if wanted:
                self.room.pull(*wanted)
                self.go("pulls")

        self.app.push_screen(SourceDialog(self.room, purpose, value), chosen)

    def action_pull_cancel(self) -> None:
        """Stop the download under the cursor; from the table, the one that runs."""
        pull = self._pull(lambda pull: pull.live)
        if pull:
            self.room.cancel_pull(pull.id)

    def action_pull_retry(self) -> None:
        """Go on with the download under the cursor; from the table, the last that stopped."""
        pull = self._pull(lambda pull: pull.status in {"failed", "cancelled", "interrupted"})
        if pull:
            self.room.retry_pull(pull.id)

    def _pull(self, wanted: object) -> Pull | None:
        data = self.selected
        candidates = [data] if isinstance(data, Pull) else self.models.sorted_pulls()
        return next((pull for pull in candidates if wanted(pull)), None)  # type: ignore[operator]

    def action_model_delete(self) -> None:
        """Delete it after asking."""
        model = self.model
        if model is None or self.section != "models":
            return

        def confirmed(yes: bool | None) -> None:
            if yes:
                self.room.remove(model.name)

        name, size = models_text.name_of(model.name), format.size(model.size_bytes)
        self.app.push_screen(Confirm(tr("modelsui.delete", name=name, size=size)), confirmed)

    def action_model_details(self) -> None:
        """Show everything known about it."""
        if self.model:
            self.room.details(self.model.name, self._show_card)

    def _show_card(self, card: ModelCard) -> None:
        if self.app.screen is self:
            self.app.push_screen(
                TextScreen(models_text.name_of(card.row.name), models_text.card_content(card))
            )

    def action_model_num_ctx(self) -> None:
        """Ask for the context to estimate and load with."""

        def chosen(text: str | None) -> None:
            if text is None:
                return
            digits = text.replace(" ", "").replace(",", "")
            if digits.isdecimal() and models_room.MIN_CTX <= int(digits) <= models_room.MAX_CTX:
                self._set_ctx(int(digits))
            else:
                self.app.notify(
                    tr("modelsui.ctx.bad", low=models_room.MIN_CTX, high=models_room.MAX_CTX),
                    severity="warning",
                    markup=False,
                )

        note = tr("modelsui.ctx.note")
        self.app.push_screen(Ask(tr("modelsui.ctx.title"), value=str(self._ctx()), note=note), chosen)

    def action_model_ctx_less(self) -> None:
        """Estimate with half the context."""
        self._set_ctx(next_ctx(self._ctx(), -1))

    def action_model_ctx_more(self) -> None:
        """Estimate with twice the context, up to what the model was trained for."""
        most = (self.model and self.model.context_length) or models_room.MAX_CTX
        self._set_ctx(max(models_room.MIN_CTX, min(most, next_ctx(self._ctx(), 1))))

    def _ctx(self) -> int:
        if self.models.num_ctx:
            return self.models.num_ctx
        report = self.models.report(self.model.name) if self.model else None
        return report.estimate.plan.num_ctx if report and report.estimate else self.state.settings.num_ctx

    def _set_ctx(self, num_ctx: int) -> None:
        self.models.num_ctx = num_ctx
        self.show_models()
        self.show_detail()
        self._request_fit()

    def action_model_terms(self) -> None:
        """Show the estimate term by term, or in a line."""
        self.models.terms = not self.models.terms
        self.show_detail()

    def action_model_sort(self) -> None:
        """Sort by the next column."""
        place = SORT_COLUMNS.index(self.models.sort)
        self.models.sort = SORT_COLUMNS[(place + 1) % len(SORT_COLUMNS)]
        self.show_models()

    def action_model_explain(self) -> None:
        """Say what the numbers mean."""
        self.app.push_screen(TextScreen(tr("numbers.title"), models_text.definitions()))

    async def action_model_container(self) -> None:
        """Go to the container."""
        await self.run_action("app.do('container')")

    def action_models_list(self) -> None:
        """Go to the table."""
        self.go("models")

    def action_models_pulls(self) -> None:
        """Go to the downloads."""
        self.go("pulls")

    def action_models_loads(self) -> None:
        """Go to predicted and measured."""
        self.go("loads")
