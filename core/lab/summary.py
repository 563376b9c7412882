"""A run as it is shown: computed from its rows, never kept."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence

from core.i18n import tr
from core.lab import stats
from core.lab.figures import Group, itl, measured, number, requests, table
from core.lab.lag import too_late
from core.lab.summaries import summary_of
from core.lab.types import HeatMap, LabRow, LabRun, LabView

BUSY_PERCENT = 25.0
"""A machine that was this busy before the first request gives figures of two programs."""
STILL_CACHED = 20.0
"""Percent of a file that is still cached after it was dropped, above which dropping did not work."""
FEW_TOKENS = 0.8
"""Answers shorter than this share of what was asked for are worth a word."""


def view(run: LabRun, rows: Sequence[LabRow], now: str = "") -> LabView:
    """Compute what is shown of a run.

    Args:
        run: The run.
        rows: Everything it measured.
        now: What is being measured, for a run without a result yet.
    """
    counted = measured(rows)
    summary = summary_of(run.experiment)
    groups = summary.groups(run, counted)
    found = summary.sentence(run, groups)
    if not found:
        found = now or tr(
            "lab.found.nothing" if run.status not in ("queued", "running") else "lab.found.nothing.yet"
        )
    return LabView(
        run=run,
        sentence=found,
        table=table(groups),
        plots=tuple(summary.plots(run, counted, groups)),
        warnings=(*_notes(run, counted), *warnings(run, counted)),
        rows=len(rows),
        heat=_heat(run, groups),
    )


def _heat(run: LabRun, groups: Sequence[Group]) -> HeatMap | None:
    """Return the heat map of experiments that vary two things."""
    draw: Callable[[LabRun, Sequence[Group]], HeatMap | None] | None = getattr(
        summary_of(run.experiment), "heat", None
    )
    return draw(run, groups) if draw is not None else None


def _notes(run: LabRun, rows: Sequence[LabRow]) -> list[str]:
    """Return what the experiment itself has to add, where it has anything."""
    notes: Callable[[LabRun, Sequence[LabRow]], list[str]] | None = getattr(
        summary_of(run.experiment), "notes", None
    )
    return notes(run, rows) if notes is not None else []


def invalid(rows: Sequence[LabRow]) -> list[str]:
    """Return the reasons not to trust a run's numbers (``lab.invalid.<key>``)."""
    counted = measured(rows)
    reasons = []
    lags = [row.data["p99_ms"] for row in counted if row.kind == "lag" and "p99_ms" in row.data]
    gaps = itl(requests(counted))
    # Tasks of the agent and searches are graded: agent and search themselves work on this loop.
    graded = any(row.kind in ("trial", "question") for row in counted)
    if lags and not graded and too_late(max(lags), stats.percentile(gaps, 0.5) if gaps else None):
        reasons.append("client")
    sent = [one for one in requests(counted, ok=False) if one.get("outcome") != "cancelled"]
    lost = [
        one for one in sent if one.get("outcome") in ("error", "cut", "stalled", "garbage", "unreachable")
    ]
    if sent and len(lost) * 2 > len(sent):
        reasons.append("errors")
    if any(row.kind == "engine" for row in counted):
        reasons.append("engine")
    return reasons


def warnings(run: LabRun, rows: Sequence[LabRow]) -> list[str]:
    """Return what a reader should know, as sentences; ``rows`` are those that count."""
    found = [tr(f"lab.invalid.{key}") for key in (run.invalid or invalid(rows))]
    lags = [row.data["p99_ms"] for row in rows if row.kind == "lag" and "p99_ms" in row.data]
    if "client" in run.invalid and lags:
        found.append(tr("lab.warn.lag", lag=number(max(lags))))
    busy = run.environment.get("cpu_busy_percent")
    if isinstance(busy, int | float) and busy >= BUSY_PERCENT:
        found.append(tr("lab.warn.busy", percent=f"{busy:.0f}"))
    outcomes = Counter(one.get("outcome", "") for one in requests(rows, ok=False))
    for outcome in ("rejected", "error", "cut", "stalled", "garbage", "unreachable"):
        if outcomes[outcome]:
            found.append(tr(f"lab.warn.{outcome}", count=outcomes[outcome]))
    answered = requests(rows)
    asked = run.options.get("output")
    if isinstance(asked, int) and asked > 1 and answered:
        mean = sum(one.get("output_tokens", 0) for one in answered) / len(answered)
        if mean < FEW_TOKENS * asked:
            found.append(tr("lab.warn.short", asked=asked, mean=number(mean)))
    if any(one.get("token_source") == "chunks" for one in answered):
        found.append(tr("lab.warn.chunks"))
    if run.experiment != "download" and answered and len({one.get("prompt_tokens") for one in answered}) == 1 and run.experiment == "latency" and len(run.options.get("prompts", ())) > 1:  # fmt: skip
        found.append(tr("lab.warn.prompt_tokens"))
    dropped = [
        one["cached_percent"]
        for one in requests([row for row in rows if row.point.get("start") == "dropped"])
        if "cached_percent" in one
    ]
    if dropped and max(dropped) > STILL_CACHED:
        found.append(tr("lab.warn.cached", percent=f"{max(dropped):.0f}"))
    if any(row.kind == "clock" for row in rows):
        found.append(tr("lab.warn.clock"))
    if run.status in ("failed", "cancelled", "interrupted") and rows:
        found.append(tr("lab.warn.partial"))
    return found


def started_text(run: LabRun) -> str:
    """Write when a run began, local time."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(run.started_at or run.created_at))
