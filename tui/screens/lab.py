"""The lab (F4): experiments and runs at the left, what was measured at the right; two steps on a narrow screen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Literal

from textual import on
from textual.containers import Horizontal
from textual.content import Content
from textual.widget import Widget

from core.i18n import has, tr
from core.lab.types import Column, Experiment, HeatMap, LabRun, LabView, Plot
from core.text import clean_line
from tui import actions, format, lab_room
from tui.glyphs import glyphs
from tui.lab_room import ENDED, LabRoom, title_of
from tui.screens.dialogs import Confirm
from tui.screens.help import TextScreen
from tui.screens.lab_options import Chosen, OptionsDialog
from tui.screens.room import Page, Room
from tui.state import State
from tui.widgets import lab_text
from tui.widgets.basics import Choices, Plain
from tui.widgets.lab_heat import HeatView
from tui.widgets.lab_table import table_parts
from tui.widgets.plot import PlotView
from tui.widgets.plot_scale import xs_of
from tui.widgets.rows import Fragment, Row, RowList

LIST_WIDTH = 44
"""Cells of the list where it stands beside the detail."""

COMPARE = "compare"


def drawable(view: LabView | None) -> list[Plot]:
    """Return the plots in which there is something to see yet."""
    return [plot for plot in view.plots if xs_of(plot)] if view else []


class LabScreen(Room):
    """The screen. What it shows is :class:`tui.lab_room.LabState`; what it wants done it asks of the room."""

    BINDINGS = actions.bindings("lab")
    HELP = "lab"

    def __init__(self, state: State, keys: Mapping[str, str], room: LabRoom) -> None:
        super().__init__(state, keys)
        self.room = room
        self.lab = room.state
        self.step: Literal["list", "detail"] = "list"
        """Which of the two a narrow screen shows."""
        self._plot = 0
        self._shown = ""

    def body(self) -> Iterable[Widget]:
        list_ = RowList(id="lab-list", classes="pane")
        list_.border_title = tr("labui.list")
        page = Page(
            Plain(id="lab-head"),
            HeatView(id="lab-heat"),
            Plain(id="lab-plot-title"),
            PlotView(id="lab-plot"),
            Plain(id="lab-table"),
            Plain(id="lab-rest"),
            id="lab-detail",
            classes="pane",
        )
        page.border_title = tr("pane.lab")
        yield Horizontal(list_, page, id="lab-panes")

    def on_mount(self) -> None:
        self.room.attach(self.post_message)
        self.show_list()
        self.lay_out()
        self.rows.focus()
        self.room.load()

    def on_unmount(self) -> None:
        self.room.attach(None)

    async def rebuild(self) -> None:
        """Build it anew, in the language of now."""
        await super().rebuild()
        self.lab.views.clear()
        self.show_list()
        self.rows.focus()
        if self.run is not None:
            self.room.load_view(self.run.id, now=True)

    # -- what is shown -------------------------------------------------------------------------------------

    @property
    def rows(self) -> RowList:
        """The list."""
        return self.query_one("#lab-list", RowList)

    @property
    def plot(self) -> PlotView:
        """The plot."""
        return self.query_one(PlotView)

    @property
    def run(self) -> LabRun | None:
        """The run that is chosen."""
        kind, _, name = self.lab.selected.partition(":")
        return self.lab.run(name) if kind == "r" else None

    @property
    def experiment(self) -> Experiment | None:
        """The experiment that is chosen, or the chosen run's."""
        kind, _, name = self.lab.selected.partition(":")
        if kind == "x":
            return self.lab.experiment(name)
        return self.lab.experiment(self.run.experiment) if self.run else None

    @property
    def view(self) -> LabView | None:
        """The chosen run's figures, when they are computed."""
        return self.lab.views.get(self.run.id) if self.run else None

    @property
    def detail_width(self) -> int:
        """Cells a line of the detail has: padding and scroll bar taken off, known before it is laid out."""
        return max(20, self.app.size.width - (3 if self.narrow else LIST_WIDTH + 4))

    def lay_out(self) -> None:
        """Show list and detail beside each other, or one of them."""
        super().lay_out()
        narrow = self.narrow
        rows, detail = self.rows, self.query_one("#lab-detail", Page)
        with self.app.batch_update():
            rows.display = not narrow or self.step == "list"
            detail.display = not narrow or self.step == "detail"
            rows.styles.width = "1fr" if narrow else LIST_WIDTH
            height = self.app.size.height
            self.plot.styles.height = max(9, min(24, height * 2 // 5 if not narrow else height // 2 - 1))
        if narrow and self.focused is not None and not self.focused.display:
            (detail if self.step == "detail" else rows).focus()
        self.call_after_refresh(self.show_detail)

    def show_list(self) -> None:
        """Draw the list anew."""
        lab, marks = self.lab, glyphs()
        rows = [Row("", ((tr("labui.experiments"), "quiet"),), selectable=False)]
        for experiment in lab.experiments:
            usual = lab.usual_seconds(experiment.id)
            right = ((format.duration(usual * 1000), "quiet"),) if usual else ()
            changed = (" *", "accent") if lab.options.get(experiment.id) else ("", "")
            rows.append(
                Row(f"x:{experiment.id}", (("  ", ""), (title_of(experiment.id), ""), changed), right)
            )
        if not lab.experiments:
            rows.append(Row("", ((f"  {tr('labui.loading')}", "quiet"),), selectable=False))
        rows.append(Row("", (("", ""),), selectable=False))
        rows.append(Row("", ((tr("labui.runs"), "quiet"),), selectable=False))
        if len(lab.marked) == 2:
            rows.append(Row(COMPARE, ((f"{marks.closed} {tr('labui.compare')} A B", "accent"),)))
        rows += [self._run_row(run) for run in lab.runs]
        if lab.loaded and not lab.runs:
            rows.append(Row("", ((f"  {tr('labui.runs.none')}", "quiet"),), selectable=False))
        self.rows.set_rows(rows, select=lab.selected or None)
        if self.rows.current is None or not self.rows.current.selectable:
            self.rows.action_edge(-1)
        self._take_cursor()

    def _run_row(self, run: LabRun) -> Row:
        mark, tone = lab_text.status_mark(run)
        letter = "AB"[self.lab.marked.index(run.id)] if run.id in self.lab.marked else " "
        progress = self.lab.progress.get(run.id)
        left: tuple[Fragment, ...] = (
            (letter, "accent"),
            (f"{mark} ", tone),
            (title_of(run.experiment), ""),
            (f"  {clean_line(run.note)}" if run.note else "", "quiet"),
        )
        if progress and progress.total:
            right = f"{progress.done}/{progress.total}"
        else:
            model = format.fit(lab_text.model_of(run.environment), 16)
            right = f"{model}  {lab_text.when(run.started_at or run.created_at)}".strip()
        return Row(f"r:{run.id}", left, ((right, "quiet"),), data=run)

    def _take_cursor(self) -> None:
        row = self.rows.current
        selected = row.id if row and row.selectable else ""
        if selected != self.lab.selected or not self._shown:
            self.lab.selected = selected
            self._plot = 0
            self.plot.move_to(None)
            if not self.narrow:
                self.query_one("#lab-detail", Page).scroll_home(animate=False)
            if self.run and (self.view is None or self.run.status not in ENDED):
                self.room.load_view(self.run.id, now=True)
        self.show_detail()

    def show_detail(self) -> None:
        """Bring the right side up to date."""
        if not self.is_attached or not self.query("#lab-detail"):
            return
        self._shown = self.lab.selected or "-"
        self._show_room_keys()
        if not self.query_one("#lab-detail").display:
            return
        width, run, view = self.detail_width, self.run, self.view
        table: Content | str = ""
        rest: Content | str = ""
        heat: HeatMap | None = None
        if self.lab.selected == COMPARE:
            comparison = self.lab.comparison
            head: Content | str = (
                lab_text.comparison_text(comparison, width) if comparison else tr("labui.loading")
            )
        elif run is not None:
            if view is not None:
                # What the run was measured on is known only after it has begun.
                run = replace(run, environment=view.run.environment, invalid=view.run.invalid)
            head = lab_text.run_head(run, view, self.lab.progress.get(run.id), width)
            rest = lab_text.run_rest(run, view, width)
            heat = view.heat if view else None
            if view and view.table and view.table.rows:
                table = lab_text.text_of(["\n", *table_parts(view.table, width)])
        elif self.experiment is not None:
            head = lab_text.experiment_text(self.lab, self.experiment, width)
        else:
            head = tr("labui.loading") if not self.lab.loaded else tr("labui.empty")
        self.query_one("#lab-head", Plain).show(head)
        self.query_one(HeatView).show_map(heat, width)
        self.query_one("#lab-table", Plain).show(table)
        self.query_one("#lab-rest", Plain).show(rest)
        self._show_plot(view if run is not None and self.lab.selected != COMPARE else None)

    def _show_plot(self, view: LabView | None) -> None:
        plots = drawable(view)
        plot = plots[self._plot % len(plots)] if plots else None
        self.plot.display = plot is not None
        title = self.query_one("#lab-plot-title", Plain)
        title.display = plot is not None
        if plot is None:
            return
        key = f"lab.plot.{plot.key}"
        name = tr(key) if has(key) else clean_line(plot.key)
        place = f"  {self._plot % len(plots) + 1}/{len(plots)}" if len(plots) > 1 else ""
        title.show(Content.assemble("\n", (name, "bold"), (place, "$quiet")))
        self.plot.show(plot)

    def _show_room_keys(self) -> None:
        run = self.run
        if self.lab.selected == COMPARE:
            names = ["lab_mark", "lab_explain"]
        elif run is None:
            names = ["lab_open", "lab_options", "lab_explain"]
        else:
            names = [] if run.status in ENDED else ["lab_cancel"]
            names += ["lab_resume"] if run.status in ENDED - {"done"} else []
            names += ["lab_mark"] if run.status in ENDED else []
            names += ["lab_read_right"] if drawable(self.view) else []
            names += ["lab_plot"] if len(drawable(self.view)) > 1 else []
            names += ["lab_export", "lab_delete"] if run.status in ENDED else []
            names += ["lab_explain"]
            if self.narrow and self.step == "list":
                names.insert(0, "lab_open")
        self.show_keys(names)

    # -- what the room tells -------------------------------------------------------------------------------

    @on(lab_room.RunsLoaded)
    def _runs_loaded(self) -> None:
        self.show_list()

    @on(lab_room.ViewLoaded)
    def _view_loaded(self, event: lab_room.ViewLoaded) -> None:
        self.lab.views[event.view.run.id] = event.view
        if self.run and self.run.id == event.view.run.id:
            self.show_detail()

    @on(lab_room.ComparisonLoaded)
    def _comparison_loaded(self, event: lab_room.ComparisonLoaded) -> None:
        self.lab.comparison = event.comparison
        self.show_detail()

    @on(lab_room.Started)
    def _started(self, event: lab_room.Started) -> None:
        self.lab.views.pop(event.run.id, None)
        self.lab.selected = f"r:{event.run.id}"
        if self.lab.run(event.run.id) is None:
            self.lab.runs.insert(0, event.run)
        self.step = "detail"
        self.show_list()
        self.lay_out()

    @on(lab_room.Progressed)
    def _progressed(self, event: lab_room.Progressed) -> None:
        run_id = event.event.run_id
        if self.lab.run(run_id) is not None:
            self.rows.set_rows(
                [
                    self._run_row(row.data) if row.id == f"r:{run_id}" and row.data else row
                    for row in self.rows.rows
                ],
                select=self.lab.selected or None,
            )
        if self.run and self.run.id == run_id:
            self.show_detail()
            self.room.load_view(run_id, now=event.event.status in ENDED)

    # -- the cursor ------------------------------------------------------------------------------------------

    @on(RowList.Moved, "#lab-list")
    def _moved(self, event: RowList.Moved) -> None:
        self._take_cursor()

    @on(RowList.Chosen, "#lab-list")
    def _chosen(self, event: RowList.Chosen) -> None:
        self._take_cursor()
        if self.narrow and self.step == "list":
            self._go("detail")
        elif event.row.id.startswith("x:"):
            self.action_lab_open()
        else:
            self.query_one("#lab-detail", Page).focus()

    def _go(self, step: Literal["list", "detail"]) -> None:
        self.step = step
        self.lay_out()
        detail = self.query_one("#lab-detail", Page)
        if step == "detail":
            detail.scroll_home(animate=False)
            detail.focus()
        else:
            self.rows.focus()

    def action_leave(self) -> None:
        """Back to the list, then to the workbench."""
        if self.plot.cursor is not None:
            self.plot.move_to(None)
        elif self.narrow and self.step == "detail":
            self._go("list")
        elif self.focused is not self.rows and not self.narrow:
            self.rows.focus()
        else:
            super().action_leave()

    @on(Choices.Clicked, "#room-keys")
    async def _key_clicked(self, event: Choices.Clicked) -> None:
        await self.run_action(event.name)

    # -- actions -------------------------------------------------------------------------------------------

    def action_lab_open(self) -> None:
        """Start the experiment, or open the run."""
        if self.narrow and self.step == "list":
            self._go("detail")
        elif self.run is None and self.experiment is not None:
            self.room.start(self.experiment, self.lab.options_of(self.experiment))

    def action_lab_options(self) -> None:
        """Edit the experiment's options; from a run, begin with those it had."""
        experiment, run = self.experiment, self.run
        if experiment is None or not experiment.options:
            return
        values = self.lab.options_of(experiment)
        if run is not None:
            values |= {name: value for name, value in run.options.items() if name in values}

        def chosen(answer: Chosen | None) -> None:
            if answer is None:
                return
            defaults = {option.name: option.default for option in experiment.options}
            self.lab.options[experiment.id] = {
                name: value for name, value in answer.options.items() if value != defaults[name]
            }
            self.show_list()
            if answer.start:
                self.room.start(experiment, answer.options)

        self.app.push_screen(OptionsDialog(experiment, values), chosen)

    def action_lab_cancel(self) -> None:
        """Stop the run; what it measured stays."""
        if self.run and self.run.status not in ENDED:
            self.room.cancel(self.run.id)

    def action_lab_resume(self) -> None:
        """Go on with a run that was cut off."""
        if self.run and self.run.status in ENDED - {"done"}:
            self.room.resume(self.run.id)

    def action_lab_mark(self) -> None:
        """Mark a run for the comparison, or take the mark back; the third mark replaces the first."""
        lab = self.lab
        if lab.selected == COMPARE:
            lab.marked.clear()
        elif self.run is None:
            return
        elif self.run.id in lab.marked:
            lab.marked.remove(self.run.id)
        else:
            others = [lab.run(run_id) for run_id in lab.marked]
            if any(other and other.experiment != self.run.experiment for other in others):
                self.notify(tr("labui.compare.other"), severity="warning", markup=False)
                return
            lab.marked = [*lab.marked[-1:], self.run.id]
        if len(lab.marked) == 2:
            lab.comparison = None
            self.room.compare(*lab.marked)
            lab.selected = COMPARE
            self._shown = ""
        self.show_list()

    def action_lab_export(self) -> None:
        """Write the run to files."""
        if self.run:
            self.room.export(self.run.id, Path.cwd())

    def action_lab_delete(self) -> None:
        """Delete the run after asking."""
        run = self.run
        if run is None or run.status not in ENDED:
            return

        def confirmed(yes: bool | None) -> None:
            if yes:
                self.room.remove(run.id)

        question = tr("labui.delete", title=title_of(run.experiment), when=lab_text.when(run.created_at))
        self.app.push_screen(Confirm(question), confirmed)

    def action_lab_plot(self) -> None:
        """Show the next plot."""
        self._plot += 1
        self.plot.move_to(None)
        self.show_detail()

    def action_lab_read_left(self) -> None:
        """Move the plot's cursor to the left."""
        self.plot.step(-1)

    def action_lab_read_right(self) -> None:
        """Move the plot's cursor to the right."""
        self.plot.step(1)

    def action_lab_explain(self) -> None:
        """Define every column."""
        columns: list[Column] = []
        if self.lab.selected == COMPARE and self.lab.comparison:
            columns = [difference.column for difference in self.lab.comparison.differences]
        elif self.view and self.view.table:
            columns = list(self.view.table.columns)
        once = list({column.key: column for column in columns}.values())
        self.app.push_screen(TextScreen(tr("labui.definitions"), lab_text.definitions(once, self.experiment)))
