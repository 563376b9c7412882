"""Models, verdicts, pulls and loads as text: functions from data to rows and paragraphs."""

from __future__ import annotations

from datetime import datetime

from rich.cells import cell_len
from textual.content import Content

from core.fit.sentences import advice_line
from core.fit.types import Availability, FitReport, Verdict
from core.i18n import has, tr
from core.models.types import LoadRecord, ModelCard, ModelRow, Pull
from core.text import clean, clean_line
from tui import format
from tui.glyphs import glyphs
from tui.models_room import ModelsState, SortColumn
from tui.widgets.rows import Fragment, Row
from tui.widgets.sparkline import bar

Part = str | tuple[str, str]

COLUMNS_NARROW: tuple[tuple[SortColumn, int], ...] = (
    ("size", 9),
    ("quantization", 9),
    ("context", 8),
    ("loaded", 13),
    ("fits", 17),
)
COLUMNS_WIDE: tuple[tuple[SortColumn, int], ...] = (
    ("size", 11),
    ("quantization", 11),
    ("context", 11),
    ("loaded", 24),
    ("fits", 22),
)
WIDE = 100

KIND_TONE = {"fits": "success", "smaller_context": "warning", "too_big": "error", "unknown": "quiet"}
PULL_TONE = {
    "running": "accent",
    "verifying": "accent",
    "done": "success",
    "failed": "error",
    "interrupted": "warning",
}
UNKNOWN_CONFIG = "?"


def columns(width: int) -> tuple[tuple[SortColumn, int], ...]:
    """Return the columns at the right of a name, with their widths in cells."""
    return COLUMNS_WIDE if width >= WIDE else COLUMNS_NARROW


def right(text: str, width: int) -> str:
    """Write a text at the right of its column, a cell free at the left."""
    text = format.fit(text, width - 1)
    return " " * (width - cell_len(text)) + text


def name_of(name: str, chars: int = 80) -> str:
    """Return a model's name as harmless text."""
    return clean_line(name, max_chars=chars) or UNKNOWN_CONFIG


# -- the table -------------------------------------------------------------------------------------------


def model_row(row: ModelRow, state: ModelsState, width: int) -> Row:
    """Return a model's line of the table."""
    marks = glyphs()
    mark: Fragment = ("  ", "")
    if row.current:
        mark = (f"{marks.run} ", "accent")
    verdict = state.verdict(row)
    texts: dict[str, Fragment] = {
        "size": (format.size(row.size_bytes), ""),
        "quantization": (clean_line(row.quantization, max_chars=16) or marks.none, "quiet"),
        "context": (format.count(row.context_length), "quiet"),
        "loaded": _loaded(row, state.busy.get(row.name, ""), wide=width >= WIDE),
        "fits": _fits(verdict),
    }
    shown = tuple((right(texts[name][0], wide), texts[name][1]) for name, wide in columns(width))
    name: list[Fragment] = [mark, (name_of(row.name), "strong" if row.current else "")]
    about = " ".join(
        part
        for part in (clean_line(row.family, max_chars=20), clean_line(row.parameter_size, max_chars=12))
        if part
    )
    if about and width >= WIDE:
        name.append((f"  {about}", "quiet"))
    return Row(row.name, tuple(name), shown, data=row)


def _loaded(row: ModelRow, busy: str, *, wide: bool) -> Fragment:
    if busy:
        return tr(f"modelsui.doing.{busy}"), "warning"
    if not row.loaded:
        return glyphs().none, "quiet"
    memory = f"{format.size(row.memory_bytes)} " if wide and row.memory_bytes else ""
    until = expiry(row.expires_at)
    return f"{memory}{until or tr('modelsui.loaded')}", "accent"


def expiry(when: float | None) -> str:
    """Write when a model is unloaded; ``""`` when that is not known or not foreseeable."""
    try:
        if when is None or when - datetime.now().timestamp() > 86_400:
            return ""
        return tr("modelsui.until", time=f"{datetime.fromtimestamp(when):%H:%M:%S}")
    except (OverflowError, OSError, ValueError):
        return ""


def _fits(verdict: Verdict | None) -> Fragment:
    if verdict is None:
        return glyphs().none, "quiet"
    if verdict.kind == "smaller_context" and verdict.num_ctx:
        return tr("modelsui.fits.smaller", ctx=format.count(verdict.num_ctx)), "warning"
    if verdict.kind == "too_big" and verdict.short:
        return tr("modelsui.fits.short", size=missing(verdict)), "error"
    return tr(f"modelsui.fits.{verdict.kind}"), KIND_TONE[verdict.kind]


def missing(verdict: Verdict) -> str:
    """Write what is short in the unit of what is needed, so that the sum can be followed: 5.5, 5.2, 0.3 GiB."""
    short = verdict.short or 0
    if (verdict.needed or 0) >= format.GIB and short >= format.GIB // 20:
        return f"{short / format.GIB:.1f} GiB"
    return format.size(short)


def heads(state: ModelsState, width: int) -> list[tuple[SortColumn, str, int]]:
    """Return the column heads: column, title, width; the name's width is what is left (0)."""
    return [("name", tr("modelsui.column.name"), 0)] + [
        (name, tr(f"modelsui.column.{name}"), wide) for name, wide in columns(width)
    ]


# -- the verdict -----------------------------------------------------------------------------------------


def limit_name(availability: Availability) -> str:
    """Return the name of the limit that decides."""
    return tr(f"modelsui.room.{availability.binding}") if availability.binding else format.none()


def verdict_line(report: FitReport) -> list[Part]:
    """Return the sum in one line: needs, available (which limit), short or left."""
    verdict = report.verdict
    if verdict.kind == "unknown" or verdict.needed is None or verdict.available is None:
        return [(tr("modelsui.verdict.unknown"), "$warning")]
    dot = f" {glyphs().dot} "
    parts: list[Part] = [
        (tr("modelsui.verdict.needs", size=format.size(verdict.needed)), "bold"),
        dot,
        tr(
            "modelsui.verdict.available",
            size=format.size(verdict.available),
            limit=limit_name(report.availability),
        ),
        dot,
    ]
    if verdict.short:
        parts.append((tr("modelsui.verdict.short", size=missing(verdict)), "bold $error"))
    else:
        left = format.size(verdict.available - verdict.needed)
        parts.append((tr("modelsui.verdict.left", size=left), "bold $success"))
    return parts


def advice_lines(verdict: Verdict) -> list[Part]:
    """Return what to do, a line each."""
    parts: list[Part] = []
    for advice in verdict.advice:
        parts += [("\n" + glyphs().arrow + " ", "$accent"), clean_line(advice_line(advice), max_chars=400)]
    return parts


def report_parts(report: FitReport, *, terms: bool) -> list[Part]:
    """Return the whole answer to whether a model fits: verdict, advice, and term by term when asked for."""
    parts = [*verdict_line(report), *advice_lines(report.verdict)]
    if report.download_bytes is not None:
        parts += ["\n", (tr("modelsui.download", size=format.size(report.download_bytes)), "$quiet")]
    estimate = report.estimate
    if estimate:
        plan = estimate.plan
        about = tr(
            "modelsui.plan",
            architecture=clean_line(estimate.architecture, max_chars=40),
            ctx=format.count(plan.num_ctx),
            slots=plan.parallel,
            kv=clean_line(plan.kv_type, max_chars=12),
        )
        parts += ["\n", (about, "$quiet")]
        if not estimate.exact_weights:
            parts += ["\n", (tr("modelsui.inexact"), "$warning")]
    if terms and estimate:
        parts += ["\n\n", (tr("modelsui.terms"), "bold $accent")]
        for term in estimate.terms:
            parts += _term(tr(f"fit.term.{term.name}"), term.bytes, clean_line(term.formula, max_chars=300))
        parts += _term(tr("modelsui.sum"), estimate.total, "", style="bold")
    if terms:
        parts += availability_parts(report.availability)
    return parts


def _term(name: str, size: int, formula: str, *, style: str = "") -> list[Part]:
    return [
        "\n",
        (format.pad(name, 16), style or "$quiet"),
        (right(format.size(size), 11), style),
        (f"  {formula}", "$quiet"),
    ]


def availability_parts(availability: Availability) -> list[Part]:
    """Return what is available, by source; the one that decides is marked."""
    parts: list[Part] = ["\n\n", (tr("modelsui.available"), "bold $accent")]
    if not availability.rooms:
        return [*parts, "\n", (tr("modelsui.available.none"), "$quiet")]
    for room in availability.rooms:
        decides = room.name == availability.binding
        parts += [
            "\n",
            (format.pad(tr(f"modelsui.room.{room.name}"), 16), "bold" if decides else "$quiet"),
            (right(format.size(room.available), 11), "bold" if decides else ""),
        ]
        if room.total is not None:
            parts.append((f"  {tr('modelsui.of', size=format.size(room.total))}", "$quiet"))
        if decides:
            parts.append((f"  {glyphs().arrow} {tr('modelsui.decides')}", "$accent"))
        if room.detail:
            parts.append((f"  {clean_line(room.detail, max_chars=80)}", "$quiet"))
    return parts


def model_detail(row: ModelRow, state: ModelsState) -> Content:
    """Return what is said about the model under the cursor."""
    parts: list[Part] = [(name_of(row.name, 200), "bold $accent")]
    facts = [
        tr("modelsui.current") if row.current else "",
        tr("modelsui.loaded.with", ctx=format.count(row.loaded_context)) if row.loaded_context else "",
        " ".join(clean_line(name, max_chars=20) for name in row.capabilities[:8]),
    ]
    said = f" {glyphs().dot} ".join(fact for fact in facts if fact)
    parts += [(f"  {said}" if said else "", "$quiet"), "\n"]
    report = state.report(row.name)
    if report:
        parts += report_parts(report, terms=state.terms)
    elif state.failure(row.name):
        parts.append((clean_line(state.failure(row.name), max_chars=600), "$warning"))
    else:
        parts.append((tr("modelsui.estimating"), "$quiet"))
    return Content.assemble(*parts)


# -- pulls -----------------------------------------------------------------------------------------------


def pull_rows(pull: Pull, width: int) -> list[Row]:
    """Return a pull's two lines: name, bar and state; bytes, speed and time left, or why it stopped."""
    fraction = None
    if pull.total_bytes:
        fraction = min(1.0, pull.done_bytes / pull.total_bytes)
    status = tr(f"modelsui.pull.{pull.status}")
    percent = format.percent(fraction * 100 if fraction is not None else None)
    tone = PULL_TONE.get(pull.status, "quiet")
    first = Row(
        pull.id,
        ((name_of(pull.model or pull.shown_source), "" if pull.live else "quiet"),),
        ((percent, ""), (right(status, max(cell_len(status) + 2, 10)), tone)),
        data=pull,
    )
    # The bar is in the second line: under the cursor its colours would be turned round.
    drawn: Fragment = ("", "")
    if fraction is not None and pull.status != "done" and not pull.error:
        drawn = (bar(fraction, max(6, min(30, width // 4))) + "  ", "graph")
    return [first, Row(f"{pull.id}/2", (("  ", ""), drawn, *_pull_line(pull)), selectable=False)]


def _pull_line(pull: Pull) -> list[Fragment]:
    if pull.error:
        return [(clean_line(f"{pull.error} {pull.fix}", max_chars=300), "error")]
    dot = f" {glyphs().dot} "
    done = format.size(pull.done_bytes)
    amount = f"{done} / {format.size(pull.total_bytes)}" if pull.total_bytes else done
    said = [amount]
    if pull.status == "done":
        said = [format.size(pull.total_bytes), format.duration(pull.seconds * 1000)]
    if pull.bytes_per_s is not None:
        said.append(format.megabytes_per_s(pull.bytes_per_s))
    if pull.status == "running" and pull.eta_s is not None:
        said.append(tr("modelsui.eta", time=format.to_come(pull.eta_s)))
    if pull.note:
        said.append(clean_line(pull.note, max_chars=200))
    return [(dot.join(said), "quiet")]


def pull_detail(pull: Pull) -> Content:
    """Return everything about a pull."""
    parts: list[Part] = [(name_of(pull.model or pull.shown_source, 200), "bold $accent"), "\n"]
    if pull.error:
        parts += [(clean_line(pull.error, max_chars=600), "$error"), "\n"]
        if pull.fix:
            parts += [(f"{glyphs().arrow} ", "$accent"), clean_line(pull.fix, max_chars=600), "\n"]
    rate = pull.bytes_per_s
    lines = [
        (
            "status",
            tr(f"modelsui.pull.{pull.status}")
            + (f" {glyphs().dot} {clean_line(pull.note)}" if pull.note else ""),
        ),
        ("source", clean_line(pull.shown_source, max_chars=300)),
        ("bytes", f"{format.size(pull.done_bytes)} / {format.size(pull.total_bytes)}"),
        ("resumed", format.size(pull.resumed_bytes) if pull.resumed_bytes else ""),
        ("rate", format.megabytes_per_s(rate) if rate is not None else ""),
        ("eta", format.to_come(pull.eta_s) if pull.eta_s is not None and pull.live else ""),
        ("time", format.duration(pull.seconds * 1000)),
        ("attempts", str(pull.attempts)),
    ]
    for name, value in lines:
        if value:
            parts += [(format.pad(tr(f"modelsui.pull.field.{name}"), 16), "$quiet"), f" {value}\n"]
    if len(pull.layers) > 1:
        parts.append((f"\n{tr('modelsui.layers')}", "bold $accent"))
        for layer in pull.layers[:40]:
            speed = layer.done_bytes / layer.seconds if layer.seconds else None
            parts += [
                "\n",
                (format.pad(clean_line(layer.digest, max_chars=19), 20), "$quiet"),
                right(format.size(layer.done_bytes), 11),
                (f" / {format.size(layer.total_bytes)}  {format.megabytes_per_s(speed)}", "$quiet"),
            ]
    return Content.assemble(*parts)


# -- loads -----------------------------------------------------------------------------------------------


def error_text(record: LoadRecord) -> str:
    """Write how far the prediction was off: ``+12 %``."""
    difference = record.difference
    return (
        format.none()
        if difference is None
        else f"{difference * 100:+.0f} %".replace("+0 %", "0 %").replace("-0 %", "0 %")
    )


def load_row(record: LoadRecord, width: int) -> Row:
    """Return a load's line: model, context, predicted, measured, error."""
    if record.outcome != "ok":
        how: tuple[Fragment, ...] = ((tr(f"modelsui.outcome.{record.outcome}"), "error"),)
    else:
        difference = record.difference
        tone = "quiet" if difference is None else "success" if abs(difference) <= 0.1 else "warning"
        how = ((right(format.size(record.measured_bytes), 10), ""), (right(error_text(record), 8), tone))
    ctx = (right(format.count(record.num_ctx), 8), "quiet")
    predicted = (right(format.size(record.predicted_bytes), 11), "quiet")
    return Row(record.id, ((name_of(record.model), ""),), (ctx, predicted, *how), data=record)


def load_heads() -> str:
    """Return the heads of the loads' columns, as wide as :func:`load_row` writes them."""
    names = (("context", 8), ("predicted", 11), ("measured", 10), ("error", 8))
    return "".join(right(tr(f"modelsui.load.{name}"), wide) for name, wide in names)


def load_detail(record: LoadRecord) -> Content:
    """Return a load's numbers: predicted by term, measured by kind."""
    parts: list[Part] = [
        (name_of(record.model, 200), "bold $accent"),
        (
            "  "
            + tr(
                "modelsui.load.about",
                architecture=clean_line(record.architecture, max_chars=40) or format.none(),
                ctx=format.count(record.num_ctx),
                slots=record.parallel,
                engine=clean_line(record.engine_version, max_chars=40),
                time=format.duration(record.load_ms),
            ),
            "$quiet",
        ),
    ]
    if record.implicit:
        parts += ["\n", (tr("modelsui.load.implicit"), "$quiet")]
    if record.error:
        parts += ["\n", (clean_line(record.error, max_chars=600), "$error")]
    parts += ["\n\n", (tr("modelsui.load.predicted.title"), "bold $accent")]
    for name, size in record.predicted.items():
        key = f"fit.term.{name}"
        parts += _term(tr(key) if has(key) else clean_line(str(name), max_chars=16), size, "")
    if record.predicted_bytes is not None:
        parts += _term(tr("modelsui.sum"), record.predicted_bytes, "", style="bold")
    parts += ["\n\n", (tr("modelsui.load.measured.title"), "bold $accent")]
    for name, size in (
        ("anon", record.anon_bytes),
        ("file", record.file_bytes),
        ("container", record.container_bytes),
    ):
        if size is not None:
            parts += _term(tr(f"modelsui.load.{name}"), size, "")
    if record.measured_bytes is not None:
        parts += _term(tr("modelsui.load.peak"), record.measured_bytes, error_text(record), style="bold")
    return Content.assemble(*parts)


# -- details and definitions -------------------------------------------------------------------------------

MAX_TEMPLATE = 4_000
"""Characters of a template that are shown."""


def card_content(card: ModelCard) -> Content:
    """Return everything known about a model."""
    row = card.row
    route = tr(f"header.route.{card.route}") if card.route else ""
    reason = clean_line(card.route_reason, max_chars=300)
    lines = [
        ("architecture", clean_line(card.architecture or row.family, max_chars=80)),
        (
            "parameters",
            format.count(card.parameter_count) if card.parameter_count else clean_line(row.parameter_size),
        ),
        ("quantization", clean_line(row.quantization)),
        ("context", format.count(row.context_length) if row.context_length else ""),
        ("embedding", format.count(card.embedding_length) if card.embedding_length else ""),
        ("size", format.size(row.size_bytes)),
        ("digest", clean_line(row.digest, max_chars=80)),
        ("capabilities", " ".join(clean_line(name, max_chars=20) for name in row.capabilities[:12])),
        ("route", f"{route}: {reason}" if route and reason else route or reason),
        ("licence", clean_line(card.licence, max_chars=200)),
    ]
    parts: list[Part] = []
    for name, value in lines:
        parts += [
            (format.pad(tr(f"modelsui.card.{name}"), 14), "$quiet"),
            f" {value or format.none()}\n",
        ]
    for key, text in list(card.metadata.items())[:60]:
        parts += [(clean_line(key, max_chars=60), "$quiet"), f"  {clean_line(text, max_chars=200)}\n"]
    if card.template:
        parts += [
            (f"\n{tr('modelsui.card.template')}\n", "bold $accent"),
            clean(card.template, max_chars=MAX_TEMPLATE),
        ]
    return Content.assemble(*parts)


DEFINED = (
    "needs",
    "available",
    "short",
    "size",
    "context",
    "loaded",
    "estimate",
    "measured",
    "error",
    "rate",
    "eta",
)
"""Numbers of the screen that ``?`` explains, in order."""

TERMS = ("weights", "repack", "kv_cache", "state", "compute", "output", "runtime", "projector")


def definitions() -> Content:
    """Return what every number of the screen means."""
    parts: list[Part] = []
    for name in DEFINED:
        parts += [
            (tr(f"modelsui.define.{name}"), "bold $accent"),
            f"\n  {tr(f'modelsui.define.{name}.help')}\n",
        ]
    parts += [(f"\n{tr('modelsui.terms')}\n", "bold $accent")]
    for name in TERMS:
        if has(f"fit.term.{name}"):
            parts += [(tr(f"fit.term.{name}"), "bold"), f"\n  {tr(f'fit.term.{name}.help')}\n"]
    return Content.assemble(*parts)
