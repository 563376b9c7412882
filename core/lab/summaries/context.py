"""What ``context`` found."""

from __future__ import annotations

from collections.abc import Sequence

from core.i18n import tr
from core.lab.figures import Group, by_point, figure, line, memory, number, per_second, requests, seconds
from core.lab.types import Column, LabRow, LabRun, Plot


def groups(run: LabRun, rows: Sequence[LabRow]) -> list[Group]:
    """One for each context length and share of it that is filled (0: only loaded)."""
    found = []
    for point, some in by_point(rows, ("request", "memory", "step")):
        data = requests(some)
        found.append(
            Group(
                point,
                (
                    (Column("num_ctx", "tok"), float(point["num_ctx"])),
                    (Column("fill", "%"), 100.0 * point["fill"]),
                ),
                (
                    figure("n", "", [1.0] * len(data), "count"),
                    figure("prompt_actual", "tok", [one.get("prompt_tokens") for one in data]),
                    figure(
                        "memory",
                        "MiB",
                        memory(some, "peak_bytes" if point["fill"] else "after_bytes"),
                        "mean",
                    ),
                    figure("ttft_mean", "ms", [one.get("ttft_ms") for one in data], "mean"),
                    figure("prefill_rate", "tok/s", per_second(data, "prompt_tokens", "prefill_ms"), "mean"),
                    figure("decode_rate", "tok/s", per_second(data, "output_tokens", "decode_ms"), "mean"),
                ),
            )
        )
    return sorted(found, key=lambda one: (one.point["num_ctx"], one.point["fill"]))


def plots(run: LabRun, rows: Sequence[LabRow], groups: Sequence[Group]) -> list[Plot]:
    """Memory by context length; TTFT and speed by how many tokens were in it."""
    found = []
    full = max((one.point["fill"] for one in groups), default=0.0)
    by_size = [one for one in groups if one.point["fill"] in (0.0, full)]
    sizes = tuple(
        line(tr(key), [one for one in by_size if one.point["fill"] == fill], lambda one: float(one.point["num_ctx"]), "memory")
        for fill, key in ((0.0, "lab.series.loaded"), (full, "lab.series.filled"))
    )  # fmt: skip
    if any(one.points for one in sizes):
        found.append(Plot("memory_by_context", "tok", "MiB", sizes))
    asked = [one for one in groups if one.value("prompt_actual") is not None]
    for key, unit, figure_key in (
        ("ttft_by_filled", "ms", "ttft_mean"),
        ("decode_by_filled", "tok/s", "decode_rate"),
    ):
        series = tuple(
            line(
                f"num_ctx {num_ctx}",
                [one for one in asked if one.point["num_ctx"] == num_ctx],
                lambda one: one.value("prompt_actual") or 0.0,
                figure_key,
            )
            for num_ctx in sorted({one.point["num_ctx"] for one in asked})
        )
        if series:
            found.append(Plot(key, "tok", unit, series))
    return found


def sentence(run: LabRun, groups: Sequence[Group]) -> str:
    """Memory and time of the smallest and the largest."""
    loaded = [one for one in groups if one.value("memory") is not None and one.point["fill"] == 0.0]
    asked = [one for one in groups if one.value("ttft_mean") is not None]
    parts = []
    if len(loaded) > 1:
        parts.append(
            tr(
                "lab.found.context.memory",
                small=loaded[0].point["num_ctx"],
                memory_small=number(loaded[0].value("memory")),
                large=loaded[-1].point["num_ctx"],
                memory_large=number(loaded[-1].value("memory")),
            )
        )
    if asked:
        most = max(asked, key=lambda one: one.value("prompt_actual") or 0)
        parts.append(
            tr(
                "lab.found.context.time",
                tokens=number(most.value("prompt_actual"), 6),
                ttft=seconds(most.value("ttft_mean")),
                speed=number(most.value("decode_rate")),
            )
        )
    return " ".join(parts)
