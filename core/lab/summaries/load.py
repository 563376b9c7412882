"""What ``load`` found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core.i18n import tr
from core.lab.figures import (
    Group,
    by_point,
    by_step,
    figure,
    itl_figure,
    line,
    number,
    requests,
    seconds,
    span_s,
    throughputs,
)
from core.lab.slo import Slo
from core.lab.types import Column, LabRow, LabRun, Plot, Series

_ORDER = {"closed": 0, "open": 1, "search": 2}


def groups(run: LabRun, rows: Sequence[LabRow]) -> list[Group]:
    """One for each number of users and each rate."""
    slo = Slo.of(run.options)
    found = [_group(point, some, slo) for point, some in by_point(rows, ("request", "step"))]
    return sorted(found, key=lambda one: (_ORDER[one.point["load"]], _x(one)))


def _x(group: Group) -> float:
    return float(group.point.get("users", group.point.get("rate", 0)))


def _group(point: Mapping[str, Any], rows: Sequence[LabRow], slo: Slo) -> Group:
    data, all_sent = requests(rows), requests(rows, ok=False)
    # A run that was cancelled broke these off itself: they say nothing about the engine.
    sent = [one for one in all_sent if one.get("outcome") != "cancelled"]
    ttft = [one["ttft_ms"] + one.get("wait_ms", 0.0) for one in data if "ttft_ms" in one]
    e2e = [one["e2e_ms"] + one.get("wait_ms", 0.0) for one in data if "e2e_ms" in one]
    load = point["load"]
    label = (
        tr("lab.point.users", users=point["users"]) if load == "closed" else tr(f"lab.point.{load}", rate=f"{point['rate']:.3g}")
    )  # fmt: skip
    bad = [one for one in sent if one.get("outcome") not in ("ok", "rejected")]
    return Group(
        point,
        ((Column("load"), label),),
        (
            figure("n", "", [1.0] * len(data), "count"),
            figure("ttft_p50", "ms", ttft),
            figure("ttft_p90", "ms", ttft, "p90"),
            figure("tpot_p50", "ms", [one.get("tpot_ms") for one in data]),
            itl_figure("itl_p95", data, "p95"),
            figure("e2e_p50", "ms", e2e),
            figure("queue_p50", "ms", [one.get("load_ms") for one in data]),
            figure("throughput", "tok/s", throughputs(rows), "mean"),
            figure("rate", "1/s", _rates(rows, lambda one: True), "mean"),
            figure("goodput", "1/s", _rates(rows, slo.good), "mean"),
            figure("slo", "%", [float(slo.good(one)) for one in sent], "share"),
            figure("rejected", "", [1.0 for one in sent if one.get("outcome") == "rejected"], "count"),
            figure("errors", "", [1.0] * len(bad), "count"),
        ),
    )


def _rates(rows: Sequence[LabRow], counts: Any) -> list[float]:
    """Requests per second that count, one value for each step."""
    found = []
    for step in by_step(rows):
        planned = [row.data["seconds"] for row in step if row.kind == "step" and "seconds" in row.data]
        span = max([span_s(requests(step, ok=False)), *planned])
        if span > 0:
            found.append(sum(1 for one in requests(step) if counts(one)) / span)
    return found


def plots(run: LabRun, rows: Sequence[LabRow], groups: Sequence[Group]) -> list[Plot]:
    """Latency and throughput by users, goodput by offered rate, and TTFT along the time of the open runs."""
    slo = Slo.of(run.options)
    closed = [one for one in groups if one.point["load"] == "closed"]
    opened = [one for one in groups if one.point["load"] != "closed"]
    found = []
    if closed:
        ttft = (line("TTFT p50", closed, _x, "ttft_p50"), line("TTFT p90", closed, _x, "ttft_p90"))
        found.append(Plot("ttft_by_users", tr("lab.unit.users"), "ms", ttft))
        throughput = (line(tr("lab.column.throughput"), closed, _x, "throughput"),)
        found.append(Plot("throughput_by_users", tr("lab.unit.users"), "tok/s", throughput))
        found.append(
            Plot("tpot_by_users", tr("lab.unit.users"), "ms", (line("TPOT p50", closed, _x, "tpot_p50"),))
        )
    if opened:
        goodput = line(tr("lab.column.goodput"), opened, _x, "goodput")
        ideal = Series(tr("lab.series.offered"), tuple((x, x, None, None) for x, *_ in goodput.points))
        best = capacity(groups, slo)
        marks = ((best, tr("lab.mark.capacity")),) if best else ()
        found.append(Plot("goodput_by_rate", "1/s", "1/s", (goodput, ideal), marks))
        found.append(Plot("ttft_by_rate", "1/s", "ms", (line("TTFT p50", opened, _x, "ttft_p50"), line("TTFT p90", opened, _x, "ttft_p90"))))  # fmt: skip
    return found


def capacity(groups: Sequence[Group], slo: Slo) -> float | None:
    """Return the highest rate whose requests met the SLO, among rates below the lowest that failed."""
    failed = [_x(one) for one in groups if one.point["load"] != "closed" and not _met(one, slo)]
    passed = [_x(one) for one in groups if one.point["load"] != "closed" and _met(one, slo)]
    # One lucky trial above a rate that failed is luck.
    below = [rate for rate in passed if rate < min(failed, default=float("inf"))]
    return max(below, default=None)


def _met(group: Group, slo: Slo) -> bool:
    share = group.value("slo")
    return share is not None and share >= slo.share * 100


def sentence(run: LabRun, groups: Sequence[Group]) -> str:
    """What so many users get, and the highest rate within the SLO."""
    slo = Slo.of(run.options)
    closed = [one for one in groups if one.point["load"] == "closed" and one.value("ttft_p50") is not None]
    parts = []
    if closed:
        good = [one for one in closed if _met(one, slo)]
        shown = good[-1] if good else closed[0]
        ttft = shown.value("ttft_p90")
        parts.append(
            tr(
                "lab.found.load",
                users=shown.point["users"],
                ttft=seconds(ttft),
                throughput=number(shown.value("throughput")),
            )
        )
        if not good:
            parts.append(tr("lab.found.load.none", **_limits(slo)))
        elif shown is not closed[-1]:
            parts.append(
                tr(
                    "lab.found.load.knee",
                    users=closed[closed.index(shown) + 1].point["users"],
                    **_limits(slo),
                )
            )
    best = capacity(groups, slo)
    tried = [one for one in groups if one.point["load"] != "closed"]
    if best is not None:
        key = (
            "lab.found.load.rate" if any(not _met(one, slo) for one in tried) else "lab.found.load.rate.least"
        )
        parts.append(tr(key, rate=number(best), **_limits(slo)))
    elif tried:
        parts.append(tr("lab.found.load.norate", **_limits(slo)))
    return " ".join(parts)


def _limits(slo: Slo) -> dict[str, str]:
    return {"share": f"{slo.share * 100:g}", "ttft": seconds(slo.ttft_ms), "tpot": seconds(slo.tpot_ms)}
