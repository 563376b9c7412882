"""Writes and reads column ``runs.context``: the last prompt's budget and what was left out of it, by message id."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.agent.context.fit import Fitted, Summary
from core.agent.types import Budget
from core.session import Store


@dataclass(frozen=True)
class ContextReport:
    """What went into a run's last prompt and what did not."""

    budget: Budget
    cleared: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    summary: Summary | None = None


def budget_to_json(budget: Budget, fitted: Fitted | None = None, estimated: int | None = None) -> str:
    """Write a budget as JSON.

    Args:
        budget: With ``reported`` once the server answered.
        fitted: Adds what was left out.
        estimated: :func:`core.agent.context.counter.estimate` summed over the prompt, uncorrected; later calls are
            calibrated by it and ``reported``.
    """
    values: dict[str, Any] = {"budget": dataclasses.asdict(budget)}
    if budget.reported is not None and estimated is not None:
        values |= {"estimated": estimated, "reported": budget.reported}
    if fitted is not None:
        values |= {"cleared": fitted.cleared, "dropped": fitted.dropped, "left_out": fitted.left_out}
        if fitted.summary is not None:
            values["summary"] = dataclasses.asdict(fitted.summary)
    return json.dumps(values, ensure_ascii=False)


def budget_from_json(text: str) -> Budget | None:
    """Read a budget; ``None`` when there is none."""
    report = _report(text)
    return report.budget if report else None


def report_of(store: Store, run_id: str) -> ContextReport | None:
    """Return what went into a run's last prompt. Reads the store."""
    rows = store.query("SELECT context FROM runs WHERE id = ?", [run_id])
    return _report(rows[0]["context"] or "") if rows else None


def last_summary(store: Store, session_id: str) -> Summary | None:
    """Return the latest summary made in a session, so that it is not made again. Reads the store."""
    rows = store.query(
        "SELECT context FROM runs WHERE session_id = ? AND context LIKE '%\"summary\"%' ORDER BY rowid DESC LIMIT 1",
        [session_id],
    )
    report = _report(rows[0]["context"]) if rows else None
    return report.summary if report else None


def _report(text: str) -> ContextReport | None:
    try:
        values = json.loads(text)
        budget = _budget(values.get("budget", values))
        if budget is None:
            return None
        found = values.get("summary")
        summary = Summary(str(found["text"]), tuple(found["stands_for"])) if found else None
        return ContextReport(
            budget,
            tuple(values.get("cleared", ())),
            tuple(values.get("dropped", ())),
            tuple(values.get("left_out", ())),
            summary,
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _budget(values: Mapping[str, Any]) -> Budget | None:
    known = {one.name: values[one.name] for one in dataclasses.fields(Budget) if one.name in values}
    return Budget(**known) if isinstance(known.get("num_ctx"), int) else None
