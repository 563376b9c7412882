"""What ``agent`` found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core.i18n import tr
from core.lab.figures import Group, by_point, figure, keyed, number, seconds
from core.lab.types import Column, LabRow, LabRun, Plot

Data = Sequence[Mapping[str, Any]]


def route_text(point: Mapping[str, Any]) -> str:
    """Write a route, and whether it was forced on the model."""
    name = tr(f"lab.route.{point['route']}")
    return tr("lab.route.forced", route=name) if point.get("forced") else name


def _group(point: Mapping[str, Any], data: Data) -> Group:
    def cases(key: str) -> list[tuple[str, Any]]:
        return [(str(one["task"]), one.get(key)) for one in data]

    return Group(
        point,
        (
            (Column("route"), route_text(point)),
            (Column("category"), tr(f"lab.category.{point['category']}")),
        ),
        (
            figure("trials", "", [1.0] * len(data), "count"),
            keyed("success", "%", cases("passed"), "share"),
            keyed("answer_ok", "%", cases("answer_ok"), "share"),
            keyed("path_ok", "%", cases("path_ok"), "share"),
            keyed("model_calls", "", cases("model_calls"), "mean"),
            keyed("tool_calls", "", cases("tool_calls"), "mean"),
            keyed("tokens_in", "tok", cases("tokens_in"), "mean"),
            keyed("tokens_out", "tok", cases("tokens_out"), "mean"),
            keyed("task_ms", "ms", cases("ms"), "median"),
        ),
    )


def groups(run: LabRun, rows: Sequence[LabRow]) -> list[Group]:
    """For each route one of our own tasks together, then one for each category."""
    parts = by_point(rows, ("trial",))
    routes: dict[tuple[str, bool], list[Mapping[str, Any]]] = {}
    for point, some in parts:
        routes.setdefault((point["route"], bool(point.get("forced"))), []).extend(
            row.data for row in some if not str(point["category"]).startswith("bfcl")
        )
    found = []
    for (route, forced), data in routes.items():
        if data:
            found.append(_group({"route": route, "forced": forced, "category": "all"}, data))
        found += [
            _group(point, [row.data for row in some])
            for point, some in parts
            if (point["route"], bool(point.get("forced"))) == (route, forced)
        ]
    return found


def plots(run: LabRun, rows: Sequence[LabRow], groups: Sequence[Group]) -> list[Plot]:
    """None: categories are no quantity."""
    return []


def sentence(run: LabRun, groups: Sequence[Group]) -> str:
    """How each route did on all tasks."""
    found = []
    for one in groups:
        cell, passed = one.cell("success"), one.figure("success")
        if one.point["category"] != "all" or passed is None or not isinstance(cell.value, float | int):
            continue
        tokens = (one.value("tokens_in") or 0.0) + (one.value("tokens_out") or 0.0)
        found.append(
            tr(
                "lab.found.agent",
                route=route_text(one.point),
                passed=round(sum(passed.values)),
                n=len(passed.values),
                share=number(float(cell.value)),
                low=number(cell.low),
                high=number(cell.high),
                calls=number(one.value("model_calls")),
                tokens=number(tokens),
                time=seconds(one.value("task_ms")),
            )
        )
    return " ".join(found)


def notes(run: LabRun, rows: Sequence[LabRow]) -> list[str]:
    """How many did not come to an answer."""
    failed = sum(row.kind == "trial" and row.data.get("status") != "ok" for row in rows)
    return [tr("lab.warn.unanswered", count=failed)] if failed else []
