"""What the trace writes beside its tree: a run, a step, two answers compared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from textual.content import Content

from core.events import Span
from core.i18n import tr
from core.session.rows import Run
from core.text import break_long_lines, clean, clean_line
from tui import format
from tui.glyphs import glyphs
from tui.widgets.tool_row import pretty

if TYPE_CHECKING:
    from core.agent.replay.types import Comparison, DiffPart

DETAIL_LIMIT = 40_000
"""Characters of one attribute shown; the JSON export has all of it."""

_TEXTS = (
    "gen_ai.tool.call.arguments",
    "gen_ai.tool.call.result",
    "gen_ai.retrieval.query.text",
    "gen_ai.retrieval.documents",
    "gen_ai.output.messages",
    "app.error.message",
    "gen_ai.input.messages",
    "app.request.body",
)
"""Attributes shown on lines of their own, in this order, after the short ones."""

Part = str | tuple[str, str]


def run_detail(run: Run, cost: Sequence[str] = ()) -> Content:
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
    if run.kind != "chat":
        pairs.insert(1, (tr("trace.kind"), tr(f"trace.kind.{run.kind}", of=run.made_from[:8])))
    parts: list[Part] = [(f"{break_long_lines(clean(run.question))}\n", "bold"), "\n"]
    for name, value in pairs:
        parts += [(f"{format.pad(name, 10)} ", "$quiet"), f"{value}\n"]
    if run.error:
        parts += ["\n", (f"{clean(run.error)}\n", "$error"), f"{clean(run.fix)}\n"]
    parts += _cost(cost)
    parts += ["\n", (f"{tr('trace.options')}\n", "$quiet"), pretty(dict(run.options))]
    return Content.assemble(*parts)


def span_detail(span: Span, cost: Sequence[str] = ()) -> Content:
    """Write out a span: name, time, what matters first, then every attribute."""
    dot = f" {glyphs().dot} "
    state = dot.join((tr(f"span.{span.kind}"), tr(f"run.{span.status}"), format.duration(span.duration_ms)))
    parts: list[Part] = [(f"{clean_line(span.name)}\n", "bold"), (f"{state}\n", "$quiet")]
    if span.kind == "model":
        parts += [f"{dot.join(_of_call(span.attributes))}\n"]
    parts += [*_cost(cost), "\n"]
    texts = [name for name in _TEXTS if name in span.attributes]
    if "app.error.message" in texts:
        texts.remove("app.error.message")
        texts.insert(0, "app.error.message")
    for name in sorted(set(span.attributes) - set(texts)):
        value = pretty(span.attributes[name])
        parts += [(f"{clean_line(name)}  ", "$quiet"), f"{_cut(value)}\n"]
    for name in texts:
        tone = "$error" if name == "app.error.message" else ""
        parts += ["\n", (f"{name}\n", "$quiet"), (f"{_cut(pretty(span.attributes[name]))}\n", tone)]
    return Content.assemble(*parts)


def _cost(lines: Sequence[str]) -> list[Part]:
    return ["\n", (f"{tr('trace.cost')}\n", "$quiet"), *(f"{line}\n" for line in lines)] if lines else []


def _of_call(seen: Mapping[str, Any]) -> Iterable[str]:
    """The figures of a model call, those that are known."""
    read, written = seen.get("gen_ai.usage.input_tokens"), seen.get("gen_ai.usage.output_tokens")
    if read is not None or written is not None:
        yield tr("trace.call.tokens", read=_number(read), written=_number(written))
    first = seen.get("gen_ai.response.time_to_first_chunk")
    if isinstance(first, int | float):
        yield f"TTFT {format.duration(first * 1000)}"
    rate = seen.get("app.response.tokens_per_s")
    if isinstance(rate, int | float):
        yield f"{rate:.1f} tok/s"
    for name, key in (
        ("seed", "gen_ai.request.seed"),
        ("temperature", "gen_ai.request.temperature"),
        ("num_ctx", "app.request.num_ctx"),
    ):
        if seen.get(key) is not None:
            yield f"{name} {clean_line(str(seen[key]), max_chars=20)}"
    reasons = seen.get("gen_ai.response.finish_reasons")
    if isinstance(reasons, list) and reasons:
        yield tr("trace.call.finish", reason=clean_line(str(reasons[0]), max_chars=20))
    if (seen.get("app.attempt") or 1) > 1:
        yield tr("trace.call.attempt", number=seen["app.attempt"])


def _number(value: object) -> str:
    return str(value) if isinstance(value, int) else format.none()


def _cut(text: str) -> str:
    text = break_long_lines(text)
    return text if len(text) <= DETAIL_LIMIT else text[:DETAIL_LIMIT] + glyphs().ellipsis


def diff_content(parts: Iterable[DiffPart]) -> Content:
    """Write a comparison of two texts: what went is struck out, what came is bold."""
    tones = {"same": "", "removed": "strike $error", "added": "bold $success"}
    return Content.assemble(*((break_long_lines(clean(part.text)), tones[part.kind]) for part in parts))


def comparison_content(found: Comparison, width: int) -> Content:
    """Write two runs side by side, step by step, then what differs in the answers."""
    column = max(16, (width - 5) // 2)
    marks = glyphs()

    def line(mark: str, left: str, right: str, tone: str = "") -> list[Part]:
        middle = f" {marks.vline} "
        return [
            (f"{mark} ", "$success" if mark == marks.ok else "$warning"),
            (format.pad(format.fit(left, column), column), tone),
            (middle, "$line"),
            (format.fit(right, column), tone),
            "\n",
        ]

    parts: list[Part] = []
    rows = [(run.model, _figures(run)) for run in (found.a, found.b)]
    parts += line(" ", tr("trace.compare.recorded"), tr("trace.compare.again"), "$quiet")
    parts += line(" ", rows[0][0], rows[1][0], "bold")
    parts += line(" ", rows[0][1], rows[1][1])
    parts.append("\n")
    for step in found.steps:
        mark = marks.ok if step.same else marks.differ
        parts += line(mark, _step(step.a), _step(step.b))
    title = tr("trace.compare.same") if found.same_answer else tr("trace.compare.differ")
    parts += ["\n", (f"{title}\n", "bold"), "\n"]
    return Content.assemble(*parts) + diff_content(found.diff)


def _figures(run: Run) -> str:
    took = format.duration((run.ended_at - run.started_at) * 1000 if run.ended_at else None)
    tokens = f"{run.usage.input_tokens}{glyphs().arrow}{run.usage.output_tokens} tok"
    return f"{took} {glyphs().dot} {tokens} {glyphs().dot} TTFT {format.duration(run.ttft_ms)}"


def _step(span: Span | None) -> str:
    return f"{clean_line(span.name)}  {format.duration(span.duration_ms)}" if span else format.none()
