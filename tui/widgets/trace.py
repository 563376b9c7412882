"""The trace: every step of the session's answers as a tree with a waterfall, and the details of one."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from textual import on
from textual.binding import Binding
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import Input

from core.events import Span
from core.i18n import tr
from core.session.rows import Run
from core.text import clean_line
from tui import actions, format
from tui.glyphs import glyphs
from tui.widgets.basics import Choices, Plain
from tui.widgets.rows import Fragment, Row, RowList
from tui.widgets.trace_text import run_detail, span_detail

DRAW_EVERY_S = 0.05
"""Steps that come while a run goes on are drawn together."""
TOKENS_FROM = 70
"""Cells of width from which the tree has room for tokens."""


class TracePane(Vertical):
    """Tree at the left, details at the right, keys below. Works only while it is shown."""

    BINDINGS = actions.bindings("trace")

    @dataclass
    class Wants(Message):
        """Something is to be done with a step or a run: the id of an action of scope ``trace``."""

        action: str
        item: Run | Span

    @dataclass
    class ShowTimeline(Message):
        """Open the memory timeline of a run."""

        run_id: str

    def __init__(self) -> None:
        super().__init__(id="trace", classes="pane")
        self.border_title = tr("pane.trace")
        self.runs: dict[str, Run] = {}
        self.spans: dict[str, Span] = {}
        self._folded: set[str] = set()
        self._stale = True
        self._follow = False
        self.note = ""
        """What the title says beside the name: how many steps failed."""
        self._following = True
        """The cursor stays on the newest step until the user moves it away from the end."""
        self._due = False
        self._newest: str | None = None
        self._errors_only = False
        self._costs: dict[str, Sequence[str]] = {}
        """Of runs and model calls, by id."""
        self._drawn: dict[str, tuple[tuple[int, str, int, tuple[int, int, int]], Row]] = {}
        """The row of each span, and what it was drawn with."""
        self._texts: dict[str, tuple[Span, str]] = {}
        """What the filter looks in, by span."""

    def fill(self) -> None:
        """Make the panes' parts, the first time the trace is wanted: a start has no use for them."""
        if not self.children:
            body, left = Horizontal(id="trace-body"), Vertical(id="trace-left")
            detail = VerticalScroll(id="trace-detail")
            found = Input(placeholder=tr("trace.filter"), id="trace-filter", compact=True)
            found.display = False
            # From the outside in, so that each part is there at once.
            self.mount(body, Choices(id="trace-keys"))
            body.mount(left, detail)
            left.mount(found, SpanTree(id="trace-tree"))
            detail.mount(Plain(tr("trace.empty"), id="trace-text"))

    # -- what is known -------------------------------------------------------------------------------

    def set_runs(self, runs: list[Run], spans: list[Span]) -> None:
        """Show a session's runs."""
        self.runs = {run.id: run for run in runs}
        self.spans = {span.id: span for span in spans}
        self._costs.clear()
        self._drawn.clear()
        self._texts.clear()
        # Only the last answer starts opened.
        self._folded = {run.id for run in runs[:-1]}
        self.refresh_rows(follow=True)

    def put_run(self, run: Run) -> None:
        """Add a run, or bring it up to date."""
        new = run.id not in self.runs
        if new:
            self._folded.update(self.runs)
        self.runs[run.id] = run
        self.refresh_rows(follow=new)

    def put_span(self, span: Span) -> None:
        """Add a span, or bring it up to date."""
        new = span.id not in self.spans
        self.spans[span.id] = span
        if new and self._following and span.run_id == next(reversed(self.runs), None):
            self._newest = span.id
        if not self._due:
            self._due = True
            self.set_timer(DRAW_EVERY_S, self._draw)

    def _draw(self) -> None:
        self._due = False
        newest, self._newest = self._newest, None
        self.refresh_rows(select=newest if self._following else None)

    def on_show(self) -> None:
        if self._stale:
            self.refresh_rows()

    # -- the tree ------------------------------------------------------------------------------------

    @property
    def span_rows(self) -> RowList:
        """The list of spans."""
        return self.query_one(RowList)

    def refresh_rows(self, *, follow: bool = False, select: str | None = None) -> None:
        """Draw the tree anew, if it is shown. ``follow``: put the cursor on the last run; ``select``: on that row."""
        if not (self.display and self.children):
            self._stale = True
            self._follow = self._follow or follow
            return
        self._stale = False
        rows: list[Row] = []
        width = self.span_rows.size.width
        children: dict[str | None, list[Span]] = {}
        by_run: dict[str, list[Span]] = {}
        kept = self._kept()
        for span in self.spans.values():
            by_run.setdefault(span.run_id, []).append(span)
            if kept is None or span.id in kept:
                parent = span.parent_id if span.parent_id in self.spans else f"run:{span.run_id}"
                children.setdefault(parent, []).append(span)
        for run in self.runs.values():
            below = bool(children.get(f"run:{run.id}"))
            if kept is not None and not below:
                continue
            rows.append(self._run_row(run, below))
            if kept is not None or run.id not in self._folded:
                scale = _Scale(run, by_run.get(run.id, []))
                self._add(rows, children, f"run:{run.id}", 1, scale, width, all_open=kept is not None)
        if kept is not None and not rows:
            rows.append(Row("", ((tr("trace.filter.none"), "quiet"),), selectable=False))
        last = next(reversed(self.runs), None) if follow or self._follow else None
        self._following = self._following or last is not None
        self._follow = False
        self.span_rows.set_rows(rows, select=select or last)
        errors = sum(failed(span) for span in self.spans.values())
        note = f" · {tr('trace.errors', count=errors)}" if errors else ""
        if note != self.note:
            self.note, self.border_title = note, tr("pane.trace") + note
        self._show_detail()

    # -- finding -------------------------------------------------------------------------------------

    @property
    def filter_input(self) -> Input:
        """Where the filter is typed."""
        return self.query_one("#trace-filter", Input)

    def _kept(self) -> set[str] | None:
        """The spans the filter leaves, with what is above them; ``None`` without a filter."""
        words = self.filter_input.value.casefold().split()
        if not words and not self._errors_only:
            return None
        kept: set[str] = set()
        for span in self.spans.values():
            if self._errors_only and not failed(span):
                continue
            if not all(word in self._text(span) for word in words):
                continue
            above: str | None = span.id
            while above in self.spans and above not in kept:
                kept.add(above)
                above = self.spans[above].parent_id
        return kept

    def _text(self, span: Span) -> str:
        known = self._texts.get(span.id)
        if known is None or known[0] is not span:
            run = self.runs.get(span.run_id)
            texts = (span.name, span.kind, tr(f"span.{span.kind}"), tr(f"run.{span.status}"))
            attributes = json.dumps(dict(span.attributes), ensure_ascii=False, default=str)
            text = " ".join((*texts, run.question if run else "", attributes)).casefold()
            known = self._texts[span.id] = (span, text)
        return known[1]

    def close_filter(self) -> bool:
        """Show everything again. False when there was no filter."""
        if not self.children or not (self.filter_input.display or self._errors_only):
            return False
        self.filter_input.display = False
        self.filter_input.value = ""
        self._errors_only = False
        self.refresh_rows()
        self.span_rows.focus()
        return True

    def action_trace_filter(self) -> None:
        """Type what to look for."""
        self.filter_input.display = True
        self.filter_input.focus()

    @on(Input.Changed, "#trace-filter")
    def _filtered(self, event: Input.Changed) -> None:
        event.stop()
        self.refresh_rows()

    @on(Input.Submitted, "#trace-filter")
    def _found(self, event: Input.Submitted) -> None:
        event.stop()
        self.span_rows.focus()

    def action_trace_errors(self) -> None:
        """Show only steps that failed, or all again."""
        self._errors_only = not self._errors_only
        self.refresh_rows()

    def action_trace_error(self) -> None:
        """Go to the next step that failed, from the top again after the last."""
        wrong = [span.id for span in self.spans.values() if failed(span)]
        if not wrong:
            self.app.bell()
            return
        row = self.span_rows.current
        order = {span_id: place for place, span_id in enumerate(self.spans)}
        here = order.get(row.id, -1) if row is not None else -1
        if row is not None and isinstance(row.data, Run):
            mine = [order[span.id] for span in self.spans.values() if span.run_id == row.data.id]
            here = min(mine, default=0) - 1
        self.select(next((one for one in wrong if order[one] > here), wrong[0]))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Letters are typed, not obeyed, while the filter has the focus."""
        return not (action.startswith("trace_") and isinstance(self.screen.focused, Input))

    # -- what can be done ----------------------------------------------------------------------------

    def _keys(self) -> None:
        """Name what can be done with the row the cursor is on."""
        row = self.span_rows.current
        names: list[str] = []
        if row is not None and isinstance(row.data, Span) and row.data.kind == "model":
            names = ["trace_rerun", "trace_determinism", "trace_curl"]
        if row is not None:
            names += ["trace_fork", "trace_replay", "trace_correct", "trace_export"]
        if self.note:
            names.append("trace_error")
        names.append("trace_filter")
        shown = [
            (name, actions.key_label(actions.BY_ID[name].keys.split(",")[0]), tr(f"action.{name}.short"))
            for name in names
        ]
        self.query_one("#trace-keys", Choices).show(shown)

    @on(Choices.Clicked, "#trace-keys")
    def _key_clicked(self, event: Choices.Clicked) -> None:
        event.stop()
        getattr(self, f"action_{event.name}")()

    def _want(self, action: str, *kinds: str) -> None:
        row = self.span_rows.current if self.children else None
        if row is None or not isinstance(row.data, Run | Span):
            return
        if kinds and not (isinstance(row.data, Span) and row.data.kind in kinds):
            self.notify(tr("trace.not_a_call"), severity="warning", markup=False)
            return
        self.post_message(self.Wants(action, row.data))

    def action_trace_rerun(self) -> None:
        """Make the model call again."""
        self._want("rerun", "model")

    def action_trace_determinism(self) -> None:
        """Put the call's prompt to the model several times."""
        self._want("determinism", "model")

    def action_trace_curl(self) -> None:
        """Copy the call as a command."""
        self._want("curl", "model")

    def action_trace_fork(self) -> None:
        """Go on from here in a session of its own."""
        self._want("fork")

    def action_trace_replay(self) -> None:
        """Run the whole question again."""
        self._want("replay")

    def action_trace_correct(self) -> None:
        """Say which tool the question was for."""
        self._want("correct")

    def action_trace_export(self) -> None:
        """Write the run or the session to a file."""
        self._want("export")

    def first_span(self, run_id: str) -> str:
        """Return the id of a run's first step; empty when there is none."""
        return next((span.id for span in self.spans.values() if span.run_id == run_id), "")

    # -- rows ----------------------------------------------------------------------------------------

    def _run_row(self, run: Run, has_spans: bool) -> Row:
        marks = glyphs()
        mark = (marks.closed if run.id in self._folded else marks.open) if has_spans else " "
        tone = {"error": "error", "cancelled": "warning", "interrupted": "warning"}.get(run.status, "strong")
        took = (run.ended_at - run.started_at) * 1000 if run.ended_at else None
        right: tuple[Fragment, ...] = ((format.duration(took) if took else tr("tool.running"), "quiet"),)
        return Row(run.id, ((f"{mark} ", "accent"), (clean_line(run.question), tone)), right, data=run)

    def _add(
        self,
        rows: list[Row],
        children: Mapping[str | None, list[Span]],
        parent: str,
        depth: int,
        scale: _Scale,
        width: int,
        *,
        all_open: bool = False,
    ) -> None:
        for span in sorted(children.get(parent, []), key=lambda item: item.start):
            rows.append(self._span_row(span, depth, bool(children.get(span.id)), scale, width))
            if all_open or span.id not in self._folded:
                self._add(rows, children, span.id, depth + 1, scale, width, all_open=all_open)

    def _span_row(self, span: Span, depth: int, has_children: bool, scale: _Scale, width: int) -> Row:
        marks = glyphs()
        mark = (marks.closed if span.id in self._folded else marks.open) if has_children else " "
        bar = scale.cells(span, max(0, min(60, width // 3 - 4)))
        drawn = (depth, mark, width, bar)
        known = self._drawn.get(span.id)
        # A thousand rows are written anew in milliseconds only when those that did not change are kept.
        if known is None or known[0] != drawn or known[1].data is not span:
            known = self._drawn[span.id] = (drawn, self._write_row(span, depth, mark, bar, width))
        return known[1]

    def _write_row(self, span: Span, depth: int, mark: str, bar: tuple[int, int, int], width: int) -> Row:
        tone = {"error": "error", "cancelled": "warning", "running": "accent"}.get(span.status, "")
        took = format.duration(span.duration_ms) if span.duration_ms is not None else tr("tool.running")
        time = took.rjust(9 - cell_len(took) + len(took))
        right: tuple[Fragment, ...] = ((time, "quiet"), (f" {_bar(*bar)}", "graph"))
        written = span.attributes.get("gen_ai.usage.output_tokens")
        if width >= TOKENS_FROM:
            tokens = tr("trace.tok", count=written) if isinstance(written, int) else ""
            right = ((tokens.rjust(9 - cell_len(tokens) + len(tokens)), "quiet"), *right)
        left: tuple[Fragment, ...] = (
            ("  " * depth, ""),
            (f"{mark} ", "accent"),
            (clean_line(span.name), tone),
        )
        return Row(span.id, left, right, data=span)

    def select(self, item_id: str) -> None:
        """Put the cursor on a span or a run, opening what is above it."""
        span = self.spans.get(item_id)
        if span:
            self._folded.discard(span.run_id)
            parent = span.parent_id
            while parent in self.spans:
                self._folded.discard(parent)
                parent = self.spans[parent].parent_id
        self.refresh_rows()
        place = next((i for i, row in enumerate(self.span_rows.rows) if row.id == item_id), None)
        if place is not None:
            self.span_rows.cursor = place

    def toggle(self, item_id: str, closed: bool | None = None) -> None:
        """Close or open what is below a row."""
        if closed is None:
            closed = item_id not in self._folded
        (self._folded.add if closed else self._folded.discard)(item_id)
        self.refresh_rows()

    def action_span_timeline(self) -> None:
        """Open the memory timeline of the answer the cursor is in."""
        row = self.span_rows.current if self.children else None
        if row is not None and isinstance(row.data, (Run, Span)):
            run_id = row.data.id if isinstance(row.data, Run) else row.data.run_id
            self.post_message(self.ShowTimeline(run_id))

    @on(RowList.Chosen)
    def _chosen(self, event: RowList.Chosen) -> None:
        event.stop()
        self.toggle(event.row.id)

    @on(RowList.Moved)
    def _moved(self, event: RowList.Moved) -> None:
        event.stop()
        self._following = self.span_rows.cursor >= len(self.span_rows.rows) - 1
        self._show_detail()

    # -- the details -----------------------------------------------------------------------------------

    def _show_detail(self) -> None:
        row = self.span_rows.current
        if row is None:
            text: str | Content = tr("trace.empty")
        elif isinstance(row.data, Run):
            text = run_detail(row.data, self._cost_of(row.data))
        else:
            text = span_detail(row.data, self._cost_of(row.data))
        self.query_one("#trace-text", Plain).show(text)
        self._keys()

    def _cost_of(self, item: Run | Span) -> Sequence[str]:
        """The lines about what a run or a model call took; asked for when they are not known."""
        over = item.ended_at is not None if isinstance(item, Run) else item.kind == "model"
        if not over or item.status in ("running", "waiting"):
            return ()
        if item.id not in self._costs:
            self._costs[item.id] = ()
            self.post_message(self.Wants("cost", item))
        return self._costs[item.id]

    def show_cost(self, item_id: str, lines: Sequence[str]) -> None:
        """Show what a run or a model call took."""
        self._costs[item_id] = lines
        row = self.span_rows.current if self.children else None
        if row is not None and row.id == item_id:
            self._show_detail()


def failed(span: Span) -> bool:
    """Say whether a step went wrong; a tool the user did not allow did not."""
    return span.status == "error" and span.attributes.get("error.type") != "error.tool.denied"


class SpanTree(RowList):
    """The rows; left closes and right opens what is below the cursor."""

    # Bindings, as the cursor's keys are: a key handler would run before a key that came earlier.
    BINDINGS = [
        Binding("left", "fold(True)", show=False),
        Binding("right", "fold(False)", show=False),
    ]

    def on_resize(self) -> None:
        super().on_resize()
        # The bars are as wide as there is room.
        for pane in self.ancestors:
            if isinstance(pane, TracePane):
                pane.refresh_rows()

    def action_fold(self, closed: bool) -> None:
        """Close or open what is below the cursor."""
        pane = next((one for one in self.ancestors if isinstance(one, TracePane)), None)
        if self.current and pane is not None:
            pane.toggle(self.current.id, closed=closed)


class _Scale:
    """Where a span lies in its run's time."""

    def __init__(self, run: Run, spans: list[Span]) -> None:
        self.start = min([span.start for span in spans], default=run.started_at)
        ends = [span.start + (span.duration_ms or 0) / 1000 for span in spans]
        self.length = max([*ends, self.start + 1e-6]) - self.start

    def cells(self, span: Span, width: int) -> tuple[int, int, int]:
        """Return where a span's bar is in ``width`` cells: its first cell, its length, the width."""
        if width <= 0:
            return 0, 0, 0
        offset = int((span.start - self.start) / self.length * width)
        offset = max(0, min(width - 1, offset))
        cells = round((span.duration_ms or 0) / 1000 / self.length * width)
        return offset, min(cells, width - offset), width


def _bar(offset: int, cells: int, width: int) -> str:
    """Draw a bar; at least a thin mark."""
    if not width:
        return ""
    return (" " * offset + (glyphs().bar * cells if cells else glyphs().bar_start)).ljust(width)
