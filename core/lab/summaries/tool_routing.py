"""What ``tool-routing`` found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core.i18n import tr
from core.lab.figures import Group, by_point, figure, keyed, number, seconds
from core.lab.types import Column, LabRow, LabRun, Plot

Data = Sequence[Mapping[str, Any]]

MOST_NAMED = 12
"""So many wrong decisions are named one by one."""


def _group(split: str, label: str, asked: Data, chosen: Data) -> Group:
    """Make one row.

    Args:
        split: Of the labelled set.
        label: The class, or ``all``.
        asked: Decisions on questions of the class.
        chosen: Decisions for the class, whatever was asked.
    """

    def cases(key: str) -> list[tuple[str, Any]]:
        return [(str(one["question"]), one.get(key)) for one in asked]

    times = [ms for one in asked for ms in one["ms"]]
    precision = () if label == "all" else ((str(one["question"]), one["wanted"] == label) for one in chosen)
    return Group(
        {"split": split, "label": label},
        ((Column("split"), split), (Column("label"), tr(f"lab.tool.{label}"))),
        (
            figure("questions", "", [1.0] * len(asked), "count"),
            keyed("tool_right", "%", cases("right"), "share"),
            keyed("precision", "%", precision, "share"),
            keyed("arguments_right", "%", cases("arguments"), "share"),
            keyed("unsure", "%", cases("unsure"), "share"),
            figure("decision_ms", "ms", times, "median"),
            figure("decision_p95", "ms", times, "p95"),
        ),
    )


def groups(run: LabRun, rows: Sequence[LabRow]) -> list[Group]:
    """For each split all questions together, then one row for each class."""
    splits: dict[str, dict[str, Data]] = {}
    for point, some in by_point(rows, ("decision",)):
        splits.setdefault(point["split"], {})[point["label"]] = [row.data for row in some]
    found = []
    for split, labels in splits.items():
        whole = [one for data in labels.values() for one in data]
        found.append(_group(split, "all", whole, whole))
        found += [
            _group(split, label, data, [one for one in whole if one["chosen"] == label])
            for label, data in labels.items()
        ]
    return found


def plots(run: LabRun, rows: Sequence[LabRow], groups: Sequence[Group]) -> list[Plot]:
    """None: classes are no quantity."""
    return []


def sentence(run: LabRun, groups: Sequence[Group]) -> str:
    """How many decisions were right, and how quick they were."""
    found = []
    for one in groups:
        tool, arguments = one.figure("tool_right"), one.figure("arguments_right")
        if one.point["label"] != "all" or not tool or not tool.values or not arguments:
            continue
        cell = one.cell("tool_right")
        none = next(
            (
                other.value("precision")
                for other in groups
                if other.point == {"split": one.point["split"], "label": "none"}
            ),
            None,
        )
        found.append(
            tr(
                "lab.found.tool_routing",
                split=one.point["split"],
                right=round(sum(tool.values)),
                n=len(tool.values),
                share=number(_value(cell.value)),
                low=number(cell.low),
                high=number(cell.high),
                arguments=round(sum(arguments.values)),
                of=len(arguments.values),
                none=number(none),
                unsure=number(one.value("unsure")),
                median=seconds(one.value("decision_ms")),
                p95=seconds(one.value("decision_p95")),
            )
        )
    return " ".join(found)


def _value(value: float | str | None) -> float | None:
    return float(value) if isinstance(value, float | int) else None


def notes(run: LabRun, rows: Sequence[LabRow]) -> list[str]:
    """Which decisions were wrong."""
    wrong = [
        row.data
        for row in rows
        if row.kind == "decision" and (not row.data["right"] or row.data["arguments"] is False)
    ]
    return [
        tr(
            "lab.warn.decision",
            question=one["question"],
            wanted=tr(f"lab.tool.{one['wanted']}"),
            chosen=tr(f"lab.tool.{one['chosen']}"),
        )
        if not one["right"]
        else tr("lab.warn.arguments", question=one["question"], tool=tr(f"lab.tool.{one['chosen']}"))
        for one in wrong[:MOST_NAMED]
    ]
