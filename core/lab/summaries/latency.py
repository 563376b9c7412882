"""What ``latency`` found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from core.i18n import tr
from core.lab.figures import (
    Group,
    by_point,
    figure,
    itl,
    itl_figure,
    line,
    number,
    per_second,
    requests,
    seconds,
)
from core.lab.types import Column, LabRow, LabRun, Plot, Series


def groups(run: LabRun, rows: Sequence[LabRow]) -> list[Group]:
    """One for each prompt length, output length and state of the prompt cache."""
    found = []
    for point, some in by_point(rows, ("request",)):
        data = requests(some)
        cold = point.get("cache") == "cold"
        found.append(
            Group(
                point,
                (
                    (Column("prompt", "tok"), float(point["prompt"])),
                    (Column("output", "tok"), float(point["output"])),
                    (Column("cache"), tr(f"lab.cache.{point['cache']}")),
                ),
                (
                    figure("n", "", [1.0] * len(data), "count"),
                    figure("prompt_actual", "tok", [one.get("prompt_tokens") for one in data]),
                    figure("output_actual", "tok", [one.get("output_tokens") for one in data]),
                    figure("ttft_p50", "ms", [one.get("ttft_ms") for one in data]),
                    figure("ttft_p95", "ms", [one.get("ttft_ms") for one in data], "p95"),
                    figure("tpot_p50", "ms", [one.get("tpot_ms") for one in data]),
                    itl_figure("itl_p50", data),
                    itl_figure("itl_p99", data, "p99"),
                    figure("e2e_p50", "ms", [one.get("e2e_ms") for one in data]),
                    figure(
                        "prefill_rate",
                        "tok/s",
                        per_second(data, "prompt_tokens", "prefill_ms") if cold else [],
                    ),
                ),
            )
        )
    return sorted(found, key=lambda one: (one.point["prompt"], one.point["output"], one.point["cache"]))


def plots(run: LabRun, rows: Sequence[LabRow], groups: Sequence[Group]) -> list[Plot]:
    """TTFT over the prompt's length, E2E over the output's, and how the gaps between tokens are spread."""
    outputs = sorted({group.point["output"] for group in groups})
    prompts = sorted({group.point["prompt"] for group in groups})
    caches = sorted({group.point["cache"] for group in groups})

    def where(**wanted: Any) -> list[Group]:
        return [one for one in groups if all(one.point[name] == value for name, value in wanted.items())]

    ttft = tuple(
        line(
            tr(f"lab.cache.{cache}"),
            where(cache=cache, output=outputs[0]),
            lambda one: float(one.point["prompt"]),
            "ttft_p50",
        )
        for cache in caches
    )
    e2e = tuple(
        line(
            tr("lab.series.prompt", tokens=prompt),
            where(cache=caches[0], prompt=prompt),
            lambda one: float(one.point["output"]),
            "e2e_p50",
        )
        for prompt in prompts
    )
    gaps = sorted(itl(requests(rows)))
    found = [Plot("ttft_by_prompt", "tok", "ms", ttft), Plot("e2e_by_output", "tok", "ms", e2e)]
    if len(gaps) > 1:
        found.append(Plot("itl_spread", "%", "ms", (_spread(gaps),)))
    return found


def _spread(ordered: Sequence[float]) -> Series:
    from core.lab.stats import quantile

    shares = [*range(0, 100, 2), 99, 99.5, 100]
    return Series("ITL", tuple((float(one), quantile(ordered, one / 100), None, None) for one in shares))


def sentence(run: LabRun, groups: Sequence[Group]) -> str:
    """The shortest and the longest prompt, and the speed of writing."""
    cold = [one for one in groups if one.point["cache"] == "cold" and one.value("ttft_p50") is not None]
    if not cold:
        return ""
    short, long = cold[0], max(cold, key=lambda one: one.point["prompt"])
    tpot = [value for one in cold if (value := one.value("tpot_p50"))]
    text = tr(
        "lab.found.latency",
        short=short.point["prompt"],
        ttft_short=seconds(short.value("ttft_p50")),
        long=long.point["prompt"],
        ttft_long=seconds(long.value("ttft_p50")),
        speed=number(1000 * len(tpot) / sum(tpot) if tpot else None),
    )
    warm = [
        one for one in groups if one.point["cache"] == "warm" and one.point["prompt"] == long.point["prompt"]
    ]
    if warm and warm[0].value("ttft_p50") is not None:
        text += " " + tr("lab.found.latency.warm", ttft=seconds(warm[0].value("ttft_p50")))
    return text
