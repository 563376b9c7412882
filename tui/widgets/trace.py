"""The trace: every step of the session's answers as a tree with a waterfall, and the details of one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rich.cells import cell_len
from textual import events, on
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.message import Message

from core.events import Span
from core.i18n import tr
from core.session.rows import Run
from core.text import break_long_lines, clean_line
from tui import actions, format
from tui.glyphs import glyphs
from tui.widgets.basics import Plain
from tui.widgets.rows import Fragment, Row, RowList
from tui.widgets.tool_row import pretty

DETAIL_LIMIT = 40_000
"""Characters of one attribute shown; the JSON export has all of it."""

_TEXTS = (
    "gen_ai.tool.call.arguments",
    "gen_ai.tool.call.result",
    "gen_ai.retrieval.query.text",
    "gen_ai.retrieval.documents",
    "gen_ai.input.messages",
    "gen_ai.output.messages",
    "app.error.message",
)
"""Attributes shown on lines of their own, in this order, after the short ones."""


class TracePane(Horizontal):
    """Tree at the left, details at the right. Works only while it is shown."""

    BINDINGS = actions.bindings("trace")

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

    def fill(self) -> None:
        """Make the panes' parts, the first time the trace is wanted: a start has no use for them."""
        if not self.children:
            detail = VerticalScroll(Plain(tr("trace.empty"), id="trace-text"), id="trace-detail")
            self.mount(SpanTree(id="trace-tree"), detail)

    # -- what is known -------------------------------------------------------------------------------

    def set_runs(self, runs: list[Run], spans: list[Span]) -> None:
        """Show a session's runs."""
        self.runs = {run.id: run for run in runs}
        self.spans = {span.id: span for span in spans}
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
        self.spans[span.id] = span
        self.refresh_rows()

    def on_show(self) -> None:
        if self._stale:
            self.refresh_rows()

    def on_resize(self, event: events.Resize) -> None:
        self.refresh_rows()

    # -- the tree ------------------------------------------------------------------------------------

    @property
    def span_rows(self) -> RowList:
        """The list of spans."""
        return self.query_one(RowList)

    def refresh_rows(self, *, follow: bool = False) -> None:
        """Draw the tree anew, if it is shown. ``follow``: put the cursor on the last run."""
        if not (self.display and self.children):
            self._stale = True
            self._follow = self._follow or follow
            return
        self._stale = False
        rows: list[Row] = []
        width = self.span_rows.size.width
        children: dict[str | None, list[Span]] = {}
        for span in self.spans.values():
            parent = span.parent_id if span.parent_id in self.spans else f"run:{span.run_id}"
            children.setdefault(parent, []).append(span)
        for run in self.runs.values():
            rows.append(self._run_row(run, bool(children.get(f"run:{run.id}"))))
            if run.id not in self._folded:
                scale = _Scale(run, [span for span in self.spans.values() if span.run_id == run.id])
                self._add(rows, children, f"run:{run.id}", 1, scale, width)
        last = next(reversed(self.runs), None) if follow or self._follow else None
        self._follow = False
        self.span_rows.set_rows(rows, select=last)
        self._show_detail()

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
    ) -> None:
        for span in sorted(children.get(parent, []), key=lambda item: item.start):
            rows.append(self._span_row(span, depth, bool(children.get(span.id)), scale, width))
            if span.id not in self._folded:
                self._add(rows, children, span.id, depth + 1, scale, width)

    def _span_row(self, span: Span, depth: int, has_children: bool, scale: _Scale, width: int) -> Row:
        marks = glyphs()
        mark = (marks.closed if span.id in self._folded else marks.open) if has_children else " "
        tone = {"error": "error", "cancelled": "warning", "running": "accent"}.get(span.status, "")
        took = format.duration(span.duration_ms) if span.duration_ms is not None else tr("tool.running")
        bar_width = max(0, min(24, width // 3 - 4))
        time = took.rjust(9 - cell_len(took) + len(took))
        right: tuple[Fragment, ...] = ((time, "quiet"), (f" {scale.bar(span, bar_width)}", "graph"))
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
        self._show_detail()

    # -- the details -----------------------------------------------------------------------------------

    def _show_detail(self) -> None:
        row = self.span_rows.current
        if row is None:
            text: str | Content = tr("trace.empty")
        elif isinstance(row.data, Run):
            text = run_detail(row.data)
        else:
            text = span_detail(row.data)
        self.query_one("#trace-text", Plain).show(text)


class SpanTree(RowList):
    """The rows; left closes and right opens what is below the cursor."""

    def on_key(self, event: events.Key) -> None:
        if event.key in {"left", "right"} and self.current and isinstance(self.parent, TracePane):
            event.stop()
            self.parent.toggle(self.current.id, closed=event.key == "left")


class _Scale:
    """Where a span lies in its run's time."""

    def __init__(self, run: Run, spans: list[Span]) -> None:
        self.start = min([span.start for span in spans], default=run.started_at)
        ends = [span.start + (span.duration_ms or 0) / 1000 for span in spans]
        self.length = max([*ends, self.start + 1e-6]) - self.start

    def bar(self, span: Span, width: int) -> str:
        """Draw a span as a part of ``width`` cells; at least a thin mark."""
        if width <= 0:
            return ""
        offset = int((span.start - self.start) / self.length * width)
        offset = max(0, min(width - 1, offset))
        cells = round((span.duration_ms or 0) / 1000 / self.length * width)
        cells = min(cells, width - offset)
        drawn = glyphs().bar * cells if cells else glyphs().bar_start
        return (" " * offset + drawn).ljust(width)


def run_detail(run: Run) -> Content:
    """Write out a run: what was asked, with what, and what it cost."""
    memory = run.memory
    pairs: list[tuple[str, Any]] = [
        ("id", run.id),
        (tr("trace.status"), tr(f"run.{run.status}")),
        (tr("trace.engine"), f"{run.engine} {run.engine_version}"),
        (tr("trace.model"), run.model),
        (tr("trace.route"), tr(f"header.route.{run.route}") if run.route else format.none()),
        (tr("trace.tokens"), f"{run.usage.input_tokens} {glyphs().arrow} {run.usage.output_tokens}"),
        ("TTFT", format.duration(run.ttft_ms)),
        ("tok/s", format.rate(run.tokens_per_s)),
        (
            tr("trace.memory"),
            f" {glyphs().arrow} ".join(
                format.size(value) for value in (memory.before_bytes, memory.peak_bytes, memory.after_bytes)
            ),
        ),
    ]
    parts: list[str | tuple[str, str]] = [(f"{break_long_lines(run.question)}\n", "bold"), "\n"]
    for name, value in pairs:
        parts += [(f"{format.pad(name, 10)} ", "$quiet"), f"{value}\n"]
    if run.error:
        parts += ["\n", (f"{run.error}\n", "$error"), f"{run.fix}\n"]
    parts += ["\n", (f"{tr('trace.options')}\n", "$quiet"), pretty(dict(run.options))]
    return Content.assemble(*parts)


def span_detail(span: Span) -> Content:
    """Write out a span: name, time, every attribute."""
    took = format.duration(span.duration_ms)
    parts: list[str | tuple[str, str]] = [
        (f"{clean_line(span.name)}\n", "bold"),
        (
            f"{tr(f'span.{span.kind}')} {glyphs().dot} {tr(f'run.{span.status}')} {glyphs().dot} {took}\n\n",
            "$quiet",
        ),
    ]
    texts = [name for name in _TEXTS if name in span.attributes]
    for name in sorted(set(span.attributes) - set(texts)):
        value = pretty(span.attributes[name])
        parts += [(f"{clean_line(name)}  ", "$quiet"), f"{_cut(value)}\n"]
    for name in texts:
        tone = "$error" if name == "app.error.message" else ""
        parts += ["\n", (f"{name}\n", "$quiet"), (f"{_cut(pretty(span.attributes[name]))}\n", tone)]
    return Content.assemble(*parts)


def _cut(text: str) -> str:
    text = break_long_lines(text)
    return text if len(text) <= DETAIL_LIMIT else text[:DETAIL_LIMIT] + glyphs().ellipsis
