"""What ``download`` found."""

from __future__ import annotations

from collections.abc import Sequence

from core.i18n import tr
from core.lab.figures import Group, figure, number, seconds
from core.lab.types import Column, LabRow, LabRun, Plot


def groups(run: LabRun, rows: Sequence[LabRow]) -> list[Group]:
    """One for each layer, the whole last."""
    found = []
    for row in rows:
        if row.kind == "download":
            layer = str(row.data.get("layer") or "")
            found.append(
                Group(
                    {**row.point, "layer": layer},
                    ((Column("layer"), layer[:19] or tr("lab.layer.all")),),
                    (
                        figure("bytes", "MB", [row.data["bytes"] / 1e6]),
                        figure("moved", "MB", [row.data["moved_bytes"] / 1e6]),
                        figure("seconds", "s", [row.data["seconds"]]),
                        figure("speed", "MB/s", [row.data.get("mb_s")]),
                    ),
                )
            )
    return found


def plots(run: LabRun, rows: Sequence[LabRow], groups: Sequence[Group]) -> list[Plot]:
    """None: one pull is one figure."""
    return []


def sentence(run: LabRun, groups: Sequence[Group]) -> str:
    """Size, time, speed."""
    whole = next((one for one in groups if not one.point["layer"]), None)
    if whole is None:
        return ""
    if not whole.value("moved"):
        return tr("lab.found.download.none", model=whole.point.get("model", ""))
    return tr(
        "lab.found.download",
        model=whole.point.get("model", ""),
        size=number(whole.value("moved")),
        time=seconds(1e3 * (whole.value("seconds") or 0)),
        speed=number(whole.value("speed")),
    )
