"""What ``faults`` found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core.i18n import tr
from core.lab.figures import Group, by_point, figure, keyed
from core.lab.types import Column, LabRow, LabRun, Plot
from core.text import clean_line

OUTCOMES = ("recovered", "reported", "lost")
MOST_NAMED = 12
"""So many lost cases are named one by one."""


def groups(run: LabRun, rows: Sequence[LabRow]) -> list[Group]:
    """One for each route and layer."""
    found = []
    for point, some in by_point(rows, ("trial",)):
        data = [row.data for row in some]
        found.append(
            Group(
                point,
                (
                    (Column("route"), tr(f"lab.route.{point['route']}")),
                    (Column("layer_at"), tr(f"lab.layer.{point['layer']}")),
                ),
                (
                    figure("fault_cases", "", [1.0] * len(data), "count"),
                    *(
                        keyed(one, "%", [(str(row["case"]), row["outcome"] == one) for row in data], "share")
                        for one in OUTCOMES
                    ),
                    figure("not_struck", "", [1.0] * sum(not row["struck"] for row in data), "count"),
                    keyed("fault_ms", "ms", [(str(row["case"]), row["ms"]) for row in data], "median"),
                ),
            )
        )
    return found


def plots(run: LabRun, rows: Sequence[LabRow], groups: Sequence[Group]) -> list[Plot]:
    """None: an outcome is no quantity."""
    return []


def _count(groups: Sequence[Group], key: str) -> int:
    return sum(round(sum(found.values)) for one in groups if (found := one.figure(key)) is not None)


def sentence(run: LabRun, groups: Sequence[Group]) -> str:
    """How many of each outcome."""
    if not groups:
        return ""
    counts = {name: _count(groups, name) for name in OUTCOMES}
    return tr("lab.found.faults", cases=_count(groups, "fault_cases"), **counts)


def notes(run: LabRun, rows: Sequence[LabRow]) -> list[str]:
    """What was lost, case by case, and what proves nothing."""
    data = [row.data for row in rows if row.kind == "trial"]
    routes = [row.point["route"] for row in rows if row.kind == "trial"]
    lost = [(one, route) for one, route in zip(data, routes, strict=True) if one["outcome"] == "lost"]
    found = [
        tr("lab.warn.lost", case=one["case"], route=tr(f"lab.route.{route}"), reasons=_reasons(one))
        for one, route in lost[:MOST_NAMED]
    ]
    missed = sum(not one["struck"] for one in data)
    if missed:
        found.append(tr("lab.warn.not_struck", count=missed))
    return found


def _reasons(one: Mapping[str, Any]) -> str:
    return clean_line("; ".join(tr(f"lab.lost.{key}", **params) for key, params in one["reasons"]))
