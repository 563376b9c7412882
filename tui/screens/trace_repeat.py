"""Calls made again, their answers compared by words; a run replayed, side by side with the recorded one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message

from core.events import Event, ReplayChanged, RunEnded, Span
from core.i18n import tr
from core.session.rows import Rerun, Run
from core.text import clean_line
from tui import format, workers
from tui.glyphs import glyphs
from tui.screens.dialogs import Dialog
from tui.widgets.basics import Plain
from tui.widgets.rows import Row, RowList
from tui.widgets.trace_text import comparison_content, diff_content

if TYPE_CHECKING:
    from core.agent.replay.desk import Traces
    from core.agent.replay.types import Comparison
    from tui.trace_room import TraceRoom


@dataclass(frozen=True)
class Series:
    """Calls of one kind."""

    title: str
    make: Callable[[Traces], Future[list[Rerun]]]
    count: int
    of: str = ""
    """The span that is repeated; empty: the answers are compared with the first of them."""


@dataclass
class Heard(Message):
    """One call more is answered."""

    series: int
    rerun: Rerun


@dataclass
class Known(Message):
    """What was repeated before, and the recorded answer."""

    reruns: list[Rerun]
    recorded: str


@dataclass
class Over(Message):
    """All are answered, or it went wrong."""

    error: str = ""


class RepeatScreen(Dialog):
    """A row for each answer; below, the marked one compared with the recorded one. Escape stops what still goes on."""

    def __init__(self, room: TraceRoom, title: str, series: Sequence[Series], span: Span | None) -> None:
        super().__init__()
        self._room, self._title, self._series, self._span = room, title, list(series), span
        self._earlier: list[Rerun] = []
        self._answers: list[list[Rerun]] = [[] for _ in self._series]
        self._recorded = ""
        self._future: Future[list[Rerun]] | None = None
        self._over: str | None = None

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog -page"):
            yield Plain(self._title, classes="dialog-title")
            yield Plain(id="repeat-state")
            yield RowList(id="repeat-rows", classes="repeat-rows")
            with VerticalScroll():
                yield Plain(id="repeat-text")
            yield Plain(tr("trace.repeat.keys"), classes="dialog-note")

    def on_mount(self) -> None:
        self.query_one(RowList).focus()
        self._show()
        workers.start(self.app, self._work(), "repeat")  # type: ignore[arg-type]

    def action_close(self) -> None:
        """Stop what goes on, and close."""
        if self._future is not None:
            self._future.cancel()
        super().action_close()

    async def _work(self) -> None:
        desk = await self._room.desk()
        if self._span is not None:
            span_id = self._span.id
            earlier = await asyncio.to_thread(desk.reruns, span_id)
            recorded = await asyncio.to_thread(lambda: desk.call(span_id).text)
            self.post_message(Known(earlier, recorded))
        place = 0

        def heard(event: Event) -> None:
            if isinstance(event, ReplayChanged) and event.rerun.kind != "run":
                self.post_message(Heard(place, event.rerun))

        unsubscribe = self.app.runtime.subscribe(heard)  # type: ignore[attr-defined]
        try:
            for place, series in enumerate(self._series):
                self._future = series.make(desk)
                for rerun in await asyncio.wrap_future(self._future):
                    self.post_message(Heard(place, rerun))
        except Exception:
            self.post_message(Over(tr("trace.repeat.failed")))
            raise
        finally:
            unsubscribe()
        self.post_message(Over())

    def on_known(self, event: Known) -> None:
        """Show what was there before."""
        self._earlier, self._recorded = event.reruns, event.recorded
        self._show()

    def on_heard(self, event: Heard) -> None:
        """Show one answer more."""
        answers = self._answers[event.series]
        if all(one.id != event.rerun.id for one in answers):
            answers.append(event.rerun)
            self._show(select=event.rerun.id)

    def on_over(self, event: Over) -> None:
        """Say that no more will come."""
        self._over = event.error
        self._show()

    def _show(self, select: str | None = None) -> None:
        rows: list[Row] = [self._row(one, "quiet") for one in self._earlier]
        for series, answers in zip(self._series, self._answers, strict=True):
            if series.title:
                state = _verdict(answers, series.count)
                rows.append(
                    Row(
                        f"title {series.title}",
                        ((series.title, "strong"), (f"  {state}", "quiet")),
                        selectable=False,
                    )
                )
            rows += [self._row(one, "") for one in answers]
        self.query_one(RowList).set_rows(rows, select=select)
        done, count = sum(map(len, self._answers)), sum(one.count for one in self._series)
        state = tr("trace.repeat.going", done=done, count=count)
        if self._over is not None:
            state = self._over or tr("trace.repeat.over", count=done)
            if self._span is not None and not self._over:
                state = f"{state} {_verdict(self._answers[0], done, recorded=True)}"
        self.query_one("#repeat-state", Plain).show(state)
        self._show_text()

    def _row(self, rerun: Rerun, tone: str) -> Row:
        marks = glyphs()
        if rerun.error:
            left = (f"{marks.bad} {clean_line(rerun.error)}", "error")
        elif rerun.same:
            left = (f"{marks.ok} {tr('trace.repeat.same')}", tone or "success")
        elif rerun.differs_at is None:
            left = (f"{marks.dot} {tr('trace.repeat.first')}", tone)
        else:
            left = (f"{marks.differ} {tr('trace.repeat.differs', place=rerun.differs_at)}", tone or "warning")
        seed = f"seed {rerun.seed}  " if rerun.seed is not None else ""
        figures = f"{seed}{rerun.output_tokens} tok  TTFT {format.duration(rerun.ttft_ms)}"
        right = f"{figures}  {format.duration(rerun.duration_ms)}"
        return Row(rerun.id, (left,), ((right, "quiet"),), data=rerun)

    @on(RowList.Moved)
    def _moved(self) -> None:
        self._show_text()

    def _show_text(self) -> None:
        from core.agent.replay.words import diff

        row = self.query_one(RowList).current
        text: str | Content = ""
        if row is not None:
            with_it = self._recorded
            if self._span is None:
                mine = next((one for one in self._answers if any(a.id == row.id for a in one)), [])
                with_it = mine[0].text if mine else ""
            text = diff_content(diff(with_it, row.data.text)) if row.data.text else ""
        self.query_one("#repeat-text", Plain).show(text)


def _verdict(answers: Sequence[Rerun], count: int, *, recorded: bool = False) -> str:
    """How many answers are the same, and where the first difference is."""
    compared = [one for one in (answers if recorded else answers[1:]) if not one.error]
    if not compared:
        return ""
    places = [one.differs_at for one in compared if not one.same and one.differs_at is not None]
    same = sum(bool(one.same) for one in compared)
    if not places:
        return tr("trace.verdict.same", same=same, count=len(compared))
    return tr("trace.verdict.differ", same=same, count=len(compared), place=min(places))


@dataclass
class Compared(Message):
    """Both runs are read."""

    comparison: Comparison


class CompareScreen(Dialog):
    """A recorded run at the left, its replay at the right. The replay goes on when the screen is left."""

    def __init__(self, room: TraceRoom, run: Run, model: str) -> None:
        super().__init__()
        self._room, self._run, self._model = room, run, model
        self._ended = asyncio.Event()

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog -page"):
            yield Plain(clean_line(self._run.question), classes="dialog-title")
            with VerticalScroll(id="compare"):
                yield Plain(tr("trace.replay.going", model=self._model), id="compare-text")
            yield Plain(tr("dialog.page.keys"), classes="dialog-note")

    def on_mount(self) -> None:
        self.query_one(VerticalScroll).focus()
        workers.start(self.app, self._work(), "replay", exclusive=False)  # type: ignore[arg-type]

    async def _work(self) -> None:
        desk = await self._room.desk()
        loop = asyncio.get_running_loop()
        over: set[str] = set()
        changed = asyncio.Event()

        def heard(event: Event) -> None:
            if isinstance(event, RunEnded):
                over.add(event.run_id)
                loop.call_soon_threadsafe(changed.set)

        unsubscribe = self.app.runtime.subscribe(heard)  # type: ignore[attr-defined]
        try:
            model = self._model if self._model != self._run.model else None
            run_id = await asyncio.wrap_future(desk.replay(self._run.id, model))
            while run_id not in over:
                await changed.wait()
                changed.clear()
            self.post_message(Compared(await asyncio.to_thread(desk.compare_runs, self._run.id, run_id)))
        except Exception:
            self.query_one("#compare-text", Plain).show(tr("trace.repeat.failed"))
            raise
        finally:
            unsubscribe()

    def on_compared(self, event: Compared) -> None:
        """Show both."""
        width = self.query_one("#compare").size.width - 2
        self.query_one("#compare-text", Plain).show(comparison_content(event.comparison, width))
