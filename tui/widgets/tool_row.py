"""A tool call as a row in the chat: one line, opened in place."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content

from core.agent import semconv
from core.agent.answers.guard import unfenced
from core.events import Span
from core.i18n import tr
from core.text import clean, clean_line
from tui import format
from tui.glyphs import glyphs
from tui.widgets.basics import Plain, SplitLine

NAME = "gen_ai.tool.name"
ARGUMENTS = "gen_ai.tool.call.arguments"
RESULT = "gen_ai.tool.call.result"
QUERY = "gen_ai.retrieval.query.text"
ERROR = "app.error.message"
ASKED_SHARE = 0.35
"""Part of the closed row the arguments may take, so that the result has room too."""

DETAIL_LIMIT = 4_000
"""Characters of a result shown in the row; the trace has all of it."""


_HIT = re.compile(r"^\[\d+\] ", re.MULTILINE)
"""How search_documents numbers its passages."""


def shown_in_chat(span: Span, spans: Mapping[str, Span]) -> bool:
    """Say whether a span is a row of the chat: tool calls, and retrievals that are not inside one."""
    if span.kind == "tool":
        return True
    parent = spans.get(span.parent_id or "")
    return span.kind == "retrieval" and (parent is None or parent.kind != "tool")


def refused(span: Span) -> bool:
    """Say whether the user, once or for good, or the settings did not allow it."""
    return span.attributes.get(semconv.PERMISSION) == "deny"


def notes(span: Span) -> list[str]:
    """Say in a word each what else there is to a call: kept from earlier, tried again, allowed by the user."""
    found = []
    if span.attributes.get(semconv.TOOL_CACHED):
        found.append(tr("tool.cached"))
    if span.attributes.get("app.tool.recorded"):
        found.append(tr("tool.recorded"))
    attempts = span.attributes.get(semconv.TOOL_ATTEMPTS)
    if isinstance(attempts, int) and attempts > 1:
        found.append(tr("tool.attempts", count=attempts))
    answer = span.attributes.get(semconv.PERMISSION)
    if answer in {"once", "always"}:
        found.append(tr(f"tool.allowed.{answer}"))
    return found


def tool_name(span: Span) -> str:
    """Return the tool's name."""
    return clean_line(str(span.attributes.get(NAME) or span.name.removeprefix("execute_tool ")))


def pretty(value: Any) -> str:
    """Write a JSON value over several lines, a text as it is."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return clean(str(value))
        if not isinstance(value, (dict, list)):
            return str(value)
    return clean(json.dumps(value, ensure_ascii=False, indent=2, default=str))


def brief_arguments(value: Any) -> str:
    """Return the arguments in a few words: the value alone when there is one."""
    if isinstance(value, Mapping):
        if len(value) == 1:
            return clean_line(str(next(iter(value.values()))), max_chars=80)
        return clean_line(" ".join(f"{name}={item}" for name, item in value.items()), max_chars=80)
    return clean_line(str(value or ""), max_chars=80)


def brief_result(span: Span) -> str:
    """Return the result in a few words: a number of hits, the one value, or the first line."""
    result = span.attributes.get(RESULT)
    numbered = _HIT.findall(result) if isinstance(result, str) else []
    if numbered:
        return tr("tool.hits", count=len(numbered))
    hits = result
    if isinstance(result, str) and result[:1] in "[{":
        try:
            hits = json.loads(result)
        except ValueError:
            hits = None
    if isinstance(hits, Mapping):
        if isinstance(hits.get("hits"), list):
            hits = hits["hits"]
        elif len(hits) == 1:
            return clean_line(str(next(iter(hits.values()))), max_chars=80)
    if isinstance(hits, list):
        return tr("tool.hits", count=len(hits))
    return clean_line(str(result if result is not None else ""), max_chars=80)


class ToolRow(Vertical, can_focus=True):
    """``▸ calculator  12*34 → 408                0.4 ms``; Enter, Space or a click opens it."""

    def __init__(self, span: Span) -> None:
        super().__init__(classes="item tool")
        self.span = span
        self.expanded = False

    def compose(self) -> ComposeResult:
        yield SplitLine(classes="tool-line")
        yield Plain(classes="tool-detail")

    def on_mount(self) -> None:
        self.show(self.span)

    def on_resize(self) -> None:
        self.show(self.span)

    def show(self, span: Span) -> None:
        """Show the span's present state."""
        self.span = span
        self.set_class(span.status == "error" and not refused(span), "-error")
        self.set_class(self.expanded, "-open")
        if self.children:
            self.query_one(SplitLine).show(*self._line())
            if self.expanded:
                self.query_one(Plain).show(self._detail())

    def _line(self) -> tuple[Content, Content]:
        span, marks = self.span, glyphs()
        mark = marks.open if self.expanded else marks.closed
        tone = "$warning" if refused(span) else "$error" if span.status == "error" else "$accent"
        asked = brief_arguments(span.attributes.get(ARGUMENTS) or span.attributes.get(QUERY))
        if span.status != "running":
            asked = format.fit(asked, max(12, int((self.size.width or 60) * ASKED_SHARE)))
        parts: list[str | tuple[str, str]] = [(f"{mark} ", tone), (tool_name(span), tone), f"  {asked}"]
        if refused(span):
            parts.append((f" {marks.stop} {tr('tool.refused')}", "$warning"))
        elif span.status == "error":
            error = clean_line(str(span.attributes.get(ERROR) or span.attributes.get("error.type") or ""))
            parts.append((f" {marks.bad} {error or tr('tool.failed')}", "$error"))
        elif span.status == "ok":
            parts += [(f" {marks.arrow} ", "$quiet"), (brief_result(span), "bold")]
        elif span.status == "cancelled":
            parts.append((f" {marks.stop} {tr('status.cancelled.short')}", "$warning"))
        time = format.duration(span.duration_ms) if span.duration_ms is not None else tr("tool.running")
        told = f" {marks.dot} ".join([*notes(span), time])
        return Content.assemble(*parts), Content.styled(told, "$quiet")

    def _detail(self) -> Content:
        span = self.span
        attributes = span.attributes
        asked = attributes.get(ARGUMENTS) if ARGUMENTS in attributes else attributes.get(QUERY, "")
        parts: list[str | tuple[str, str]] = [
            (f"{tr('tool.arguments')}\n", "$quiet"),
            f"{pretty(asked)[:DETAIL_LIMIT]}\n",
        ]
        if refused(span):
            parts.append((f"{tr('tool.refused.fix')}\n", "$warning"))
        elif span.status == "error":
            parts += [
                (f"{tr('tool.error')}\n", "$quiet"),
                (f"{clean(str(attributes.get(ERROR) or attributes.get('error.type') or ''))}\n", "$error"),
                (f"{tr('tool.error.fix')}\n", "$quiet"),
            ]
        else:
            result = unfenced(pretty(attributes.get(RESULT, "")))
            shown = result[:DETAIL_LIMIT] + (glyphs().ellipsis if len(result) > DETAIL_LIMIT else "")
            parts += [(f"{tr('tool.result')}\n", "$quiet"), f"{shown}\n"]
        for note in notes(span):
            parts.append((f"{note}\n", "$quiet"))
        took = format.duration(span.duration_ms)
        parts.append((tr("tool.took", duration=took), "$quiet"))
        return Content.assemble(*parts)

    def toggle(self) -> None:
        """Open or close the row."""
        self.expanded = not self.expanded
        self.show(self.span)

    def on_click(self, event: events.Click) -> None:
        if isinstance(event.widget, SplitLine):
            event.stop()
            self.toggle()
