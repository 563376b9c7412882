"""What ``parallel`` found."""

from __future__ import annotations

from collections.abc import Sequence

from core.i18n import tr
from core.lab.figures import Group, by_point, figure, line, memory, number, requests, throughputs
from core.lab.types import Column, LabRow, LabRun, Plot


def groups(run: LabRun, rows: Sequence[LabRow]) -> list[Group]:
    """One for each number of slots."""
    found = []
    for point, some in by_point(rows, ("request", "memory", "step")):
        data = requests(some)
        found.append(
            Group(
                point,
                ((Column("slots"), float(point["slots"])), (Column("users"), float(point["users"]))),
                (
                    figure("n", "", [1.0] * len(data), "count"),
                    figure("throughput", "tok/s", throughputs(some), "mean"),
                    figure(
                        "per_user", "tok/s", [1000 / one["tpot_ms"] for one in data if one.get("tpot_ms")]
                    ),
                    figure("ttft_p50", "ms", [one.get("ttft_ms") for one in data]),
                    figure("ttft_p90", "ms", [one.get("ttft_ms") for one in data], "p90"),
                    figure("tpot_p50", "ms", [one.get("tpot_ms") for one in data]),
                    figure("memory", "MiB", memory(some), "mean"),
                    figure("errors", "", [1.0] * (len(requests(some, ok=False)) - len(data)), "count"),
                ),
            )
        )
    return sorted(found, key=lambda one: float(one.point["slots"]))


def _slots(group: Group) -> float:
    return float(group.point["slots"])


def plots(run: LabRun, rows: Sequence[LabRow], groups: Sequence[Group]) -> list[Plot]:
    """Throughput and speed for each user, and memory, by slots."""
    speeds = (
        line(tr("lab.column.throughput"), groups, _slots, "throughput"),
        line(tr("lab.column.per_user"), groups, _slots, "per_user"),
    )
    found = [Plot("speed_by_slots", tr("lab.unit.slots"), "tok/s", speeds)] if groups else []
    size = line(tr("lab.column.memory"), groups, _slots, "memory")
    if size.points:
        found.append(Plot("memory_by_slots", tr("lab.unit.slots"), "MiB", (size,)))
    return found


def sentence(run: LabRun, groups: Sequence[Group]) -> str:
    """What slots buy, and what they cost."""
    known = [one for one in groups if one.value("throughput") is not None]
    if not known:
        return ""
    first, best = known[0], max(known, key=lambda one: one.value("throughput") or 0)
    text = tr(
        "lab.found.parallel",
        slots=best.point["slots"],
        throughput=number(best.value("throughput")),
        per_user=number(best.value("per_user")),
    )
    if best is not first:
        text += " " + tr(
            "lab.found.parallel.one",
            slots=first.point["slots"],
            throughput=number(first.value("throughput")),
            per_user=number(first.value("per_user")),
        )
    return text
