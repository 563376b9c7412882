"""What an answer took, put together for reading: route, tokens, cost, context, what was left out, facts, permissions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from textual.content import Content

from core.agent import semconv
from core.agent.types import Budget
from core.cost.words import report
from core.events import Span
from core.i18n import has, tr
from core.session import Store
from core.session.rows import Run
from core.settings import Settings
from core.text import clean, clean_line
from tui import format
from tui.widgets.context_bar import PARTS, bar, part_mark, sizes, warnings
from tui.widgets.message import facts_used
from tui.widgets.tool_row import tool_name

if TYPE_CHECKING:
    from core.agent.types import Cost

BAR_WIDTH = 64
LEFT_OUT_CHARS = 400
"""Characters shown of each message that was left out; the session has all of it."""

Part = str | tuple[str, str] | Content


def explained(run: Run, spans: list[Span], record: Record, cost: Cost | None, settings: Settings) -> Content:
    """Return the page about one answer."""
    parts: list[Part] = [*_route(run, spans), *_context(record), *_took(run, cost, settings)]
    facts = facts_used(spans)
    if facts:
        parts += [_title("answer.facts"), *(f"  “{text}”\n" for text in facts)]
    parts += _permissions(spans)
    return Content.assemble(*parts)


def _title(key: str) -> Part:
    return f"\n{tr(key)}\n", "bold $accent"


def _route(run: Run, spans: Iterable[Span]) -> list[Part]:
    root = next((span for span in spans if span.kind == "agent"), None)
    reason = clean_line(str(root.attributes.get(semconv.ROUTE_REASON) or ""), max_chars=400) if root else ""
    name = tr(f"header.route.{run.route}") if run.route else format.none()
    said = f"{name}: {reason}" if reason else name
    return [(f"{tr('answer.route')}\n", "bold $accent"), f"  {said}\n"]


def _took(run: Run, cost: Cost | None, settings: Settings) -> list[Part]:
    parts: list[Part] = [_title("answer.took")]
    if run.ttft_ms is not None:
        parts.append(f"  TTFT {format.duration(run.ttft_ms)}\n")
    if run.tokens_per_s is not None:
        parts.append(f"  {format.rate(run.tokens_per_s)} tok/s\n")
    for line in report(cost, settings) if cost else ():
        parts.append(f"  {clean_line(line, max_chars=300) if not line.startswith(' ') else line}\n")
    return parts


def _context(record: Record) -> list[Part]:
    budget = record.budget
    parts: list[Part] = [_title("answer.context")]
    if budget is None:
        return [*parts, (f"  {tr('context.unknown')}\n", "$quiet")]
    tones, found = dict(PARTS), sizes(budget)
    drawn = bar(budget, BAR_WIDTH)
    parts += ["  ", drawn, "\n"]
    for name, _ in PARTS:
        share = found[name] / budget.num_ctx * 100 if budget.num_ctx else 0
        count = format.count(found[name])
        line = f"{format.pad(tr(f'context.part.{name}'), 24)}{count:>8} tok{share:5.0f} %\n"
        parts += [("  " + part_mark(name) + " ", tones[name]), line]
    parts.append(f"    {format.pad('num_ctx', 24)}{format.count(budget.num_ctx):>8} tok\n")
    how = tr("context.counted") if budget.counted else tr("context.estimated")
    parts.append((f"  {how}\n", "$quiet"))
    if budget.reported is not None:
        told = tr("context.reported", count=format.count(budget.reported), sent=format.count(budget.prompt))
        parts.append((f"  {told}\n", "$quiet"))
    for warning in warnings(budget):
        parts.append((f"  {warning}\n", "$warning"))
    for name, text in record.left_out:
        key = f"context.left_out.{name}"
        label = tr(key) if has(key) else clean_line(name, max_chars=40)
        parts += [(f"\n  {label}\n", "$quiet"), f"  {clean(text, max_chars=LEFT_OUT_CHARS).strip()}\n"]
    return parts


def _permissions(spans: Iterable[Span]) -> list[Part]:
    asked = [span for span in spans if span.kind == "permission"]
    if not asked:
        return []
    parts: list[Part] = [_title("answer.permissions")]
    for span in asked:
        answer = str(span.attributes.get(semconv.PERMISSION) or "")
        key = f"permission.answer.{answer}"
        parts.append(f"  {tool_name(span)}: {tr(key) if has(key) else tr('permission.answer.open')}\n")
    return parts


# -- from the store ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Record:
    """What is on disk of a run's last prompt."""

    budget: Budget | None = None
    left_out: tuple[tuple[str, str], ...] = ()
    """What was left out and why: ``dropped``, ``summarised``, ``summary`` or ``cut_result``, and the text."""


def stored_budget(store: Store, run_id: str) -> Budget | None:
    """Return where the context window of a run's last model call went. Blocking."""
    return record(store, run_id).budget


def budget_of(values: Mapping[str, Any]) -> Budget | None:
    """Build a budget from what is on disk; ``None`` when it is not one."""
    known = {field.name: values[field.name] for field in fields(Budget) if field.name in values}
    return Budget(**known) if isinstance(known.get("num_ctx"), int) else None


def record(store: Store, run_id: str) -> Record:
    """Read what is on disk of a run's last prompt. Blocking."""
    import json

    rows = store.query("SELECT context FROM runs WHERE id = ?", [run_id])
    try:
        values = json.loads(rows[0]["context"] or "{}") if rows else {}
    except ValueError:
        return Record()
    found = values.get("budget", values) if isinstance(values, dict) else {}
    return Record(budget_of(found) if isinstance(found, dict) else None)
