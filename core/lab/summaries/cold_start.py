"""What ``cold-start`` found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core.i18n import tr
from core.lab.figures import Group, by_point, figure, requests, seconds
from core.lab.types import Column, LabRow, LabRun, Plot, Series

_ORDER = ("loaded", "unloaded", "dropped", "expired")


def groups(run: LabRun, rows: Sequence[LabRow]) -> list[Group]:
    """One for each way of starting."""
    found = []
    for point, some in by_point(rows, ("request",)):
        data = requests(some)
        found.append(
            Group(
                point,
                ((Column("start"), tr(f"lab.start.{point['start']}")),),
                (
                    figure("n", "", [1.0] * len(data), "count"),
                    figure("ttft_mean", "ms", [one.get("ttft_ms") for one in data], "mean"),
                    figure("load_mean", "ms", [one.get("load_ms") for one in data], "mean"),
                    figure("prefill_mean", "ms", [one.get("prefill_ms") for one in data], "mean"),
                    figure("first_token_mean", "ms", [_rest(one) for one in data], "mean"),
                    figure("ttft_max", "ms", [one.get("ttft_ms") for one in data], "max"),
                    figure("cached", "%", [one.get("cached_percent") for one in data], "mean"),
                ),
            )
        )
    return sorted(found, key=lambda one: _ORDER.index(one.point["start"]))


def _rest(data: Mapping[str, Any]) -> float | None:
    parts = [data.get(name) for name in ("ttft_ms", "load_ms", "prefill_ms")]
    if any(one is None for one in parts):
        return None
    ttft, load, prefill = (float(one) for one in parts if one is not None)
    return ttft - load - prefill


def plots(run: LabRun, rows: Sequence[LabRow], groups: Sequence[Group]) -> list[Plot]:
    """TTFT of each start, in the order of the repeats."""
    series = []
    for group in groups:
        data = [
            one
            for one in requests([row for row in rows if dict(row.point) == dict(group.point)])
            if "ttft_ms" in one
        ]
        points = tuple((float(one.get("repeat", 0)) + 1, float(one["ttft_ms"]), None, None) for one in data)
        series.append(Series(tr(f"lab.start.{group.point['start']}"), tuple(sorted(points))))
    return [Plot("ttft_by_repeat", tr("lab.unit.repeat"), "ms", tuple(series))] if series else []


def sentence(run: LabRun, groups: Sequence[Group]) -> str:
    """How much a cold start costs over a loaded model."""
    found = {str(one.point["start"]): one for one in groups if one.value("ttft_mean") is not None}
    if "loaded" not in found or "unloaded" not in found:
        return ""
    text = tr(
        "lab.found.cold",
        cold=seconds(found["unloaded"].value("ttft_mean")),
        load=seconds(found["unloaded"].value("load_mean")),
        warm=seconds(found["loaded"].value("ttft_mean")),
    )
    if "dropped" in found:
        text += " " + tr("lab.found.cold.dropped", cold=seconds(found["dropped"].value("ttft_mean")))
    return text
