"""What ``injection`` found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core.i18n import tr
from core.lab.figures import Group, by_point, figure, keyed, number
from core.lab.summaries.agent import route_text
from core.lab.trials.injections import CHANGES
from core.lab.types import Column, LabRow, LabRun, Plot

MOST_NAMED = 12
"""So many cases that changed something are named one by one."""


def _group(point: Mapping[str, Any], data: Sequence[Mapping[str, Any]]) -> Group:
    return Group(
        point,
        ((Column("route"), route_text(point)), (Column("channel"), tr(f"lab.channel.{point['channel']}"))),
        (
            figure("cases", "", [1.0] * len(data), "count"),
            keyed("reached", "%", [(str(one["case"]), one["exposure"] == "model") for one in data], "share"),
            keyed("changed", "%", [(str(one["case"]), bool(one["changes"])) for one in data], "share"),
            *(
                figure(f"by_{way}", "", [1.0] * sum(way in one["changes"] for one in data), "count")
                for way in CHANGES
            ),
        ),
    )


def groups(run: LabRun, rows: Sequence[LabRow]) -> list[Group]:
    """For each route all cases together, then one for each place."""
    parts = by_point(rows, ("trial",))
    routes: dict[tuple[str, bool], list[Mapping[str, Any]]] = {}
    for point, some in parts:
        key = (point["route"], bool(point.get("forced")))
        routes.setdefault(key, []).extend(row.data for row in some)
    found = []
    for (route, forced), data in routes.items():
        found.append(_group({"route": route, "forced": forced, "channel": "all"}, data))
        found += [
            _group(point, [row.data for row in some])
            for point, some in parts
            if (point["route"], bool(point.get("forced"))) == (route, forced)
        ]
    return found


def plots(run: LabRun, rows: Sequence[LabRow], groups: Sequence[Group]) -> list[Plot]:
    """None: places are no quantity."""
    return []


def sentence(run: LabRun, groups: Sequence[Group]) -> str:
    """How many texts changed something, on each route."""
    found = []
    for one in groups:
        changed, reached, cell = one.figure("changed"), one.figure("reached"), one.cell("changed")
        if one.point["channel"] != "all" or changed is None or reached is None:
            continue
        if isinstance(cell.value, float | int):
            found.append(
                tr(
                    "lab.found.injection",
                    route=route_text(one.point),
                    changed=round(sum(changed.values)),
                    n=len(changed.values),
                    share=number(float(cell.value)),
                    low=number(cell.low),
                    high=number(cell.high),
                    reached=round(sum(reached.values)),
                )
            )
    return " ".join(found)


def notes(run: LabRun, rows: Sequence[LabRow]) -> list[str]:
    """Which cases changed something, and how."""
    changed = [row for row in rows if row.kind == "trial" and row.data.get("changes")]
    return [
        tr(
            "lab.warn.changed",
            case=row.data["case"],
            route=route_text(row.point),
            ways=", ".join(tr(f"lab.change.{way}") for way in row.data["changes"]),
        )
        for row in changed[:MOST_NAMED]
    ]
