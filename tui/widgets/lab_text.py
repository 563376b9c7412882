"""What the lab's screen says about an experiment, a run and two runs compared."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from rich.cells import cell_len
from textual.content import Content

from core import i18n
from core.events import LabChanged
from core.i18n import has, tr
from core.lab.types import Column, Comparison, Experiment, LabRun, LabView
from core.text import clean, clean_line
from tui import format
from tui.glyphs import glyphs
from tui.lab_room import LabState, title_of
from tui.screens.lab_options import explained, limits, written
from tui.widgets.lab_table import Part, column_title, comparison_parts
from tui.widgets.sparkline import bar

TONES = {
    "failed": "error",
    "interrupted": "warning",
    "cancelled": "warning",
    "running": "accent",
    "queued": "quiet",
}


def text_of(parts: list[Part]) -> Content:
    """Put parts together, without the line break after the last."""
    if parts:
        last = parts[-1]
        parts[-1] = (
            last.removesuffix("\n") if isinstance(last, str) else (last[0].removesuffix("\n"), last[1])
        )
    return Content.assemble(*parts)


def status_mark(run: LabRun) -> tuple[str, str]:
    """Return the sign of a run's status and its tone."""
    marks = glyphs()
    if run.status == "done":
        return (marks.bad, "warning") if run.invalid else (marks.ok, "success")
    signs = {"running": marks.run, "queued": marks.wait, "failed": marks.bad, "cancelled": marks.stop}
    return signs.get(run.status, marks.cut), TONES.get(run.status, "")


def status_text(run: LabRun) -> str:
    """Return a run's status in words."""
    return tr(f"labui.status.{run.status}")


def when(timestamp: float) -> str:
    """Write a time as month, day and minute."""
    return f"{datetime.fromtimestamp(timestamp):%m-%d %H:%M}"


def eta(seconds: float | None) -> str:
    """Write what is left of a run."""
    return tr("labui.eta", duration=format.duration(max(0.0, seconds) * 1000)) if seconds is not None else ""


def model_of(environment: Mapping[str, Any]) -> str:
    """Return the model a run measured."""
    found = environment.get("model", "")
    if isinstance(found, Mapping):
        found = found.get("name", "")
    return clean_line(str(found or ""), max_chars=60)


def experiment_text(state: LabState, experiment: Experiment, width: int) -> Content:
    """Explain an experiment: what it measures, its options, how long it takes."""
    parts: list[Part] = [(f"{title_of(experiment.id)}\n", "bold")]
    key = f"lab.{experiment.id}.help"
    if has(key):
        parts.append(f"{tr(key)}\n")
    usual = state.usual_seconds(experiment.id)
    took = tr("labui.takes", duration=format.duration(usual * 1000)) if usual else tr("labui.takes.unknown")
    parts += ["\n", (f"{took}\n", "$quiet")]
    if experiment.options:
        parts += ["\n", (f"{tr('labui.options.heading')}\n", "$quiet")]
        values = state.options_of(experiment)
        names = max(cell_len(option.name) for option in experiment.options)
        texts = {option.name: written(values[option.name]) or format.none() for option in experiment.options}
        room = max(8, min(24, max(cell_len(text) for text in texts.values())))
        for option in experiment.options:
            changed = values[option.name] != option.default
            parts += [
                f"  {format.pad(option.name, names)}  ",
                (format.pad(clean_line(texts[option.name]), room), "bold $accent" if changed else "bold"),
            ]
            about = explained(experiment.id, option)
            about = "" if about == option.name else about
            reach = limits(option)
            about += f" ({reach})" if reach else ""
            parts.append((f"  {format.fit(about, max(10, width - names - room - 6))}\n", "$quiet"))
        if any(values[option.name] != option.default for option in experiment.options):
            parts.append((f"  {tr('labui.options.changed')}\n", "$quiet"))
    parts += watch_parts()
    return text_of(parts)


def watch_parts() -> list[Part]:
    """Say what would make a run's figures worthless."""
    found = sorted(key for key in i18n.catalogue(i18n.language()) if key.startswith("lab.invalid."))
    if not found:
        return []
    parts: list[Part] = ["\n", (f"{tr('labui.watch')}\n", "$quiet")]
    for key in found:
        # What says "not valid" of a run that is over says here what must not happen.
        parts.append((f"  {glyphs().bullet} {tr(key).partition(': ')[2] or tr(key)}\n", "$quiet"))
    return parts


def invalid_text(key: str) -> str:
    """Return why a run must not be trusted."""
    full = f"lab.invalid.{key}"
    return tr(full) if has(full) else f"{tr('labui.invalid')} {clean_line(key)}"


def run_head(run: LabRun, view: LabView | None, progress: LabChanged | None, width: int) -> Content:
    """Say what a run is: title, when, with what; what was found or is being measured; what speaks against it."""
    dot = f" {glyphs().dot} "
    mark, tone = status_mark(run)
    facts = [status_text(run), when(run.started_at or run.created_at), model_of(run.environment)]
    if run.started_at and run.ended_at:
        facts.append(format.duration((run.ended_at - run.started_at) * 1000))
    parts: list[Part] = [
        (f"{title_of(run.experiment)}  ", "bold"),
        (f"{mark} ", f"${tone}" if tone else ""),
        (f"{dot.join(fact for fact in facts if fact)}\n", "$quiet"),
    ]
    if progress and run.status not in {"done", "failed", "cancelled", "interrupted"}:
        now = clean_line(progress.now) or tr("labui.waiting")
        parts.append(f"{now}\n")
        if progress.total:
            count = f"{progress.done}/{progress.total}"
            right = "  ".join(part for part in (count, eta(progress.eta_s)) if part)
            room = max(4, min(60, width - cell_len(right) - 2))
            parts += [(bar(progress.done / progress.total, room), "$accent"), f"  {right}\n"]
    elif view and view.sentence:
        parts.append(f"{clean(view.sentence, max_chars=1000)}\n")
    for key in run.invalid:
        parts.append((f"{glyphs().bad} {invalid_text(key)}\n", "$warning"))
    if run.error:
        parts.append((f"{glyphs().bad} {clean(run.error, max_chars=600)} ", "$error"))
        parts.append(f"{clean(run.fix, max_chars=600)}\n")
    if run.status in {"interrupted", "cancelled", "failed"}:
        parts.append((f"{tr('labui.resume.hint')}\n", "$quiet"))
    said = {invalid_text(key) for key in run.invalid}
    for warning in view.warnings if view else ():
        if warning in said:
            continue
        parts.append((f"{glyphs().bad} {clean(warning, max_chars=600)}\n", "$warning"))
    return text_of(parts)


def run_rest(run: LabRun, view: LabView | None, width: int) -> Content:
    """Say how it was measured: options, environment, rows; while it runs also what would invalidate it."""
    parts: list[Part] = []
    if run.note:
        parts += ["\n", (f"{tr('labui.note')}\n", "$quiet"), f"  {clean(run.note, max_chars=2000)}\n"]
    if run.options:
        parts += ["\n", (f"{tr('labui.options.heading')}\n", "$quiet")]
        parts += _pairs(run.options, width)
    if run.environment:
        parts += ["\n", (f"{tr('labui.environment')}\n", "$quiet")]
        parts += _pairs(run.environment, width)
    if view is not None:
        parts += ["\n", (f"{tr('labui.rows', count=format.count(view.rows))}\n", "$quiet")]
    if run.status in {"running", "queued"}:
        parts += watch_parts()
    return text_of(parts)


def _pairs(values: Mapping[str, Any], width: int, prefix: str = "") -> list[Part]:
    parts: list[Part] = []
    for name, item in values.items():
        key = f"lab.environment.{name}"
        label = f"{prefix}{tr(key) if has(key) else clean_line(str(name), max_chars=40)}"
        if isinstance(item, Mapping):
            parts += _pairs(item, width, f"{label}.")
        elif item not in (None, "", (), [], {}):
            big = str(name).endswith("_bytes") and isinstance(item, (int, float))
            text = format.size(item) if big else clean_line(written(item), max_chars=400)
            parts += [f"  {label}  ", (f"{format.fit(text, max(8, width - cell_len(label) - 4))}\n", "bold")]
    return parts


def comparison_text(comparison: Comparison, width: int) -> Content:
    """Two runs side by side."""
    parts: list[Part] = [(f"{tr('labui.compare')}  {title_of(comparison.a.experiment)}\n", "bold")]
    for name, run in (("A", comparison.a), ("B", comparison.b)):
        note = f" {glyphs().dot} {clean_line(run.note)}" if run.note else ""
        line = f"{when(run.started_at or run.created_at)} {glyphs().dot} {model_of(run.environment)}{note}"
        parts += [(f"{name}  ", "bold $accent"), f"{line}\n"]
        for key in run.invalid:
            parts.append((f"   {glyphs().bad} {invalid_text(key)}\n", "$warning"))
    parts.append("\n")
    parts += comparison_parts(comparison, width)
    if comparison.warnings:
        parts += ["\n", (f"{tr('labui.compare.environment')}\n", "$quiet")]
        parts += [
            (f"{glyphs().bad} {clean(warning, max_chars=600)}\n", "$warning")
            for warning in comparison.warnings
        ]
    parts += ["\n", (f"{tr('labui.compare.help')}\n", "$quiet")]
    return text_of(parts)


def definitions(columns: list[Column], experiment: Experiment | None) -> Content:
    """Define every column: what it is, its unit and formula."""
    parts: list[Part] = []
    if experiment is not None and has(f"lab.{experiment.id}.help"):
        parts += [
            (f"{title_of(experiment.id)}\n", "bold $accent"),
            f"  {tr(f'lab.{experiment.id}.help')}\n\n",
        ]
    for column in columns:
        unit = f"  {clean_line(column.unit)}" if column.unit else ""
        parts += [(column_title(column), "bold $accent"), (f"{unit}\n", "$quiet")]
        key = f"lab.column.{column.key}.help"
        parts.append(f"  {tr(key) if has(key) else tr('labui.undefined')}\n")
    parts += ["\n", f"{tr('labui.interval')}\n"]
    flags = sorted(key for key in i18n.catalogue(i18n.language()) if key.startswith("lab.flag."))
    for key in flags:
        parts += [("! ", "$warning"), f"{tr(key)}\n"]
    return text_of(parts)
