"""The memory of one generation over time, to be gone through: what it was at each moment, and when what happened."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from textual import on
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from core.events import Sample
from core.i18n import tr
from core.text import clean_line
from tui import actions, format, workers
from tui.glyphs import glyphs
from tui.screens.help import TextScreen
from tui.screens.room import Room
from tui.state import State
from tui.timeline_data import Timeline, anonymous, load_timeline, mapped, memory, plots
from tui.widgets.basics import Choices, Plain, SplitLine
from tui.widgets.plot import PlotView
from tui.widgets.plot_lines import gutter_of
from tui.widgets.plot_scale import Look

if TYPE_CHECKING:
    from tui.study import StudyApp

BIG_STEP = 10
"""Samples of a bigger step."""

SETTLE_S = 1.0
"""By then the samples of an answer that is over are on disk."""

TALL = 30
"""Rows from which processor time and tokens per second get plots of their own."""


@dataclass
class TimelineLoaded(Message):
    """A generation is read; ``None`` when there is none."""

    timeline: Timeline | None
    wanted: str


async def load(app: StudyApp, run_id: str, *, again: bool = False) -> None:
    """Read a generation and show it; ``again`` opens no screen that was left meanwhile."""
    store = await workers.store_of(app)
    found = await asyncio.to_thread(load_timeline, store, app.state.session_id, run_id)
    if found is None:
        app.tell(tr("timeline.none"), "warning")
    elif isinstance(app.screen, TimelineScreen):
        app.screen.post_message(TimelineLoaded(found, run_id))
    elif not again:
        await app.push_screen(TimelineScreen(app.state, app.keys, found, app))


def open_timeline(app: StudyApp, run_id: str = "") -> None:
    """Show a generation's memory; without an id the session's last."""
    workers.start(app, load(app, run_id), "timeline")


class TimelineScreen(Room):
    """Three plots over one time axis, and what they say at the cursor."""

    BINDINGS = actions.bindings("timeline")
    HELP = "timeline"

    def __init__(self, state: State, keys: Mapping[str, str], timeline: Timeline, study: StudyApp) -> None:
        super().__init__(state, keys)
        self.id = "timeline"
        self.timeline = timeline
        self._study = study

    def body(self) -> Iterable[Widget]:
        yield SplitLine(id="timeline-title")
        yield Plain(id="timeline-note")
        for name in ("memory", "cpu", "rate"):
            yield PlotView(id=f"timeline-{name}", classes="timeline-plot")
        yield Plain(id="timeline-values")

    def on_mount(self) -> None:
        self.lay_out()
        self.show()
        ended = self.timeline.run.ended_at
        if ended is not None and time.time() - ended < 10 * SETTLE_S:
            self.set_timer(SETTLE_S, self._read_again)

    async def rebuild(self) -> None:
        """Build it anew, in the language of now."""
        await super().rebuild()
        self.show()

    def lay_out(self) -> None:
        """Give the small plots room where there is some."""
        super().lay_out()
        tall = self.app.size.height >= TALL
        for name in ("cpu", "rate"):
            self.query_one(f"#timeline-{name}").display = tall
        if self.is_mounted:
            self.show()

    @property
    def plot(self) -> PlotView:
        """The plot of the memory, whose cursor the others follow."""
        return self.query_one("#timeline-memory", PlotView)

    @property
    def views(self) -> list[PlotView]:
        """All plots."""
        return list(self.query(PlotView))

    @property
    def live(self) -> bool:
        """Whether the answer is being written."""
        return self.timeline.run.status == "running"

    def show(self) -> None:
        """Bring everything up to date."""
        timeline, run = self.timeline, self.timeline.run
        title = clean_line(run.question, max_chars=400)
        facts = [clean_line(run.model), tr(f"run.{run.status}")]
        if run.ended_at is not None:
            facts.append(format.duration((run.ended_at - run.started_at) * 1000))
        self.query_one("#timeline-title", SplitLine).show(
            Content.assemble((f"{tr('pane.timeline')}  ", "bold $accent"), (title, "bold")),
            Content.styled(f" {glyphs().dot} ".join(facts), "$quiet"),
        )
        drawn = plots(timeline)
        xs = timeline.xs
        note = "" if len(xs) > 1 else tr("timeline.few" if not self.live else "timeline.waiting")
        line = self.query_one("#timeline-note", Plain)
        line.display = bool(note)
        line.show(Content.styled(note, "$warning"))
        marks = [x for x, _ in drawn[0].marks]
        reach = (min([0.0, *xs, *marks]), max([1.0, *xs, *marks]))
        looks = [
            Look(0, 12, x_range=reach, points=False),
            *[Look(0, 6, x_range=reach, zero=True, points=False)] * 2,
        ]
        gutter = max(gutter_of(plot, look) for plot, look in zip(drawn, looks, strict=True))
        for number, (view, plot) in enumerate(zip(self.views, drawn, strict=True)):
            view.show(plot, replace(looks[number], gutter=gutter, height=0, x_axis=True))
        self.show_values()
        names = ["timeline_right", "timeline_far_right", "timeline_end"]
        names += ["timeline_before"] if timeline.before else []
        names += ["timeline_after"] if timeline.after else []
        self.show_keys([*names, "timeline_explain"])

    def show_values(self) -> None:
        """Say what the plots say at the cursor."""
        x = self.plot.cursor
        sample = self.timeline.at(x) if x is not None else None
        if x is None or sample is None:
            peak = max((v for v in map(memory, self.timeline.samples) if v is not None), default=None)
            text = tr("timeline.summary", count=len(self.timeline.samples), peak=format.size(peak))
            self.query_one("#timeline-values", Plain).show(Content.styled(text, "$quiet"))
            return
        values = (
            ("", tr("timeline.since" if not self.narrow else "timeline.since.short", seconds=f"{x:.2f}")),
            (tr("figure.pss"), format.size(memory(sample))),
            (tr("figure.anon"), format.size(anonymous(sample))),
            (tr("figure.file"), format.size(mapped(sample))),
            (tr("figure.cpu"), format.percent(sample.engine_cpu_percent)),
            ("tok/s", format.rate(sample.tokens_per_s)),
        )
        parts: list[str | tuple[str, str]] = []
        for name, value in values:
            parts += ["   " if parts else "", (f"{name} " if name else "", "$quiet"), (value, "bold")]
        phase = [kind for ts, kind in sorted(self.timeline.marks) if ts <= sample.ts]
        if phase:
            parts += ["   ", (tr(f"timeline.after.{phase[-1]}"), "$quiet")]
        self.query_one("#timeline-values", Plain).show(Content.assemble(*parts))

    # -- what happens ----------------------------------------------------------------------------------------

    def take_sample(self, sample: Sample) -> None:
        """Add a sample of the generation that is going on."""
        if sample.run_id == self.timeline.run.id:
            self.timeline = self.timeline.with_sample(sample)
            self.show()

    def run_ended(self, run_id: str) -> None:
        """Read it again now that it is over."""
        if run_id == self.timeline.run.id:
            self._read_again()
            # Samples are written in batches, the last of them after the answer's end.
            self.set_timer(SETTLE_S, self._read_again)

    def _read_again(self) -> None:
        workers.start(self._study, load(self._study, self.timeline.run.id, again=True), "timeline")

    @on(TimelineLoaded)
    def _loaded(self, event: TimelineLoaded) -> None:
        if event.timeline is None:
            return
        if event.timeline.run.id != self.timeline.run.id:
            for view in self.views:
                view.move_to(None)
        elif len(event.timeline.samples) < len(self.timeline.samples):
            # What came live is not all on disk yet.
            event.timeline = replace(event.timeline, samples=self.timeline.samples)
        self.timeline = event.timeline
        self.show()

    @on(PlotView.Scrubbed)
    def _scrubbed(self, event: PlotView.Scrubbed) -> None:
        for view in self.views:
            if view is not event.view:
                with view.prevent(PlotView.Scrubbed):
                    view.move_to(event.x)
        self.show_values()

    @on(Choices.Clicked, "#room-keys")
    async def _key_clicked(self, event: Choices.Clicked) -> None:
        await self.run_action(event.name)

    # -- actions ---------------------------------------------------------------------------------------------

    def action_leave(self) -> None:
        """Take the cursor away, then go back."""
        if self.plot.cursor is not None:
            for view in self.views:
                view.move_to(None)
            self.show_values()
        else:
            super().action_leave()

    def action_timeline_left(self) -> None:
        """One sample earlier."""
        self.plot.step(-1)

    def action_timeline_right(self) -> None:
        """One sample later."""
        self.plot.step(1)

    def action_timeline_far_left(self) -> None:
        """Ten samples earlier."""
        self.plot.step(-BIG_STEP)

    def action_timeline_far_right(self) -> None:
        """Ten samples later."""
        self.plot.step(BIG_STEP)

    def action_timeline_start(self) -> None:
        """The first sample."""
        self.plot.edge(-1)

    def action_timeline_end(self) -> None:
        """The last sample."""
        self.plot.edge(1)

    def action_timeline_before(self) -> None:
        """The generation before this one."""
        if self.timeline.before:
            open_timeline(self._study, self.timeline.before)

    def action_timeline_after(self) -> None:
        """The generation after this one."""
        if self.timeline.after:
            open_timeline(self._study, self.timeline.after)

    def action_timeline_explain(self) -> None:
        """Define what is drawn."""
        parts: list[str | tuple[str, str]] = []
        for name in ("pss", "anon", "file", "engine_cpu", "tps"):
            parts += [(f"{tr(f'figure.{name}')}\n", "bold $accent"), f"  {tr(f'figure.{name}.help')}\n"]
        for name in ("load", "prefill", "first_token", "end"):
            parts += [
                (f"{tr(f'timeline.mark.{name}')}\n", "bold $accent"),
                f"  {tr(f'timeline.mark.{name}.help')}\n",
            ]
        self.app.push_screen(TextScreen(tr("pane.timeline"), Content.assemble(*parts)))
