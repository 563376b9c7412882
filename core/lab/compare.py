"""Are two runs of one experiment different, beyond noise?"""

from __future__ import annotations

import json
from collections.abc import Sequence

from core.errors import UsageError
from core.i18n import tr
from core.lab import stats
from core.lab.environment import differences
from core.lab.figures import Figure, Group, measured
from core.lab.summaries import summary_of
from core.lab.types import Comparison, Difference, LabRow, LabRun

_SKIP = ("count",)
_STATISTICS: tuple[stats.Statistic, ...] = ("mean", "median", "p90", "p95", "p99")


def compare(a: LabRun, rows_a: Sequence[LabRow], b: LabRun, rows_b: Sequence[LabRow]) -> Comparison:
    """Compare point by point what both measured.

    Raises:
        UsageError: They are runs of different experiments.
    """
    if a.experiment != b.experiment:
        raise UsageError("error.lab.compare", a=a.experiment, b=b.experiment)
    groups_a, groups_b = _groups(a, rows_a), _groups(b, rows_b)
    found: list[Difference] = []
    for key, left in groups_a.items():
        right = groups_b.get(key)
        if right is None:
            continue
        for one in left.figures:
            other = right.figure(one.column.key)
            if one.statistic not in _SKIP and other is not None and one.values and other.values:
                found.append(_difference(left, one, other))
    warnings = [tr("lab.compare.differs", name=tr(f"lab.environment.{name}"), a=x, b=y) for name, x, y in differences(a.environment, b.environment)]  # fmt: skip
    options = sorted(name for name in {*a.options, *b.options} if a.options.get(name) != b.options.get(name))
    warnings += [
        tr("lab.compare.option", name=name, a=str(a.options.get(name)), b=str(b.options.get(name)))
        for name in options
    ]
    warnings += [tr("lab.compare.invalid", id=run.id) for run in (a, b) if run.invalid]
    warnings += [tr("lab.compare.partial", id=run.id) for run in (a, b) if run.status != "done"]
    decided = sum(1 for one in found if one.real is not None)
    if decided >= 20:
        warnings.append(tr("lab.compare.chance", count=decided, expected=round(decided * 0.05)))
    if not found:
        warnings.append(tr("lab.compare.nothing"))
    return Comparison(a, b, tuple(found), tuple(warnings))


def _groups(run: LabRun, rows: Sequence[LabRow]) -> dict[str, Group]:
    found = summary_of(run.experiment).groups(run, measured(rows))
    return {json.dumps(dict(one.point), sort_keys=True): one for one in found}


def _difference(group: Group, a: Figure, b: Figure) -> Difference:
    statistic: stats.Statistic = "mean"
    for one in _STATISTICS:
        if a.statistic == one:
            statistic = one
    if a.keys and b.keys:
        return _by_case(group, a, b, statistic)
    if a.clusters and b.clusters:
        found = stats.cluster_ratio(a.clusters, b.clusters, statistic)
    else:
        found = stats.ratio(a.values, b.values, statistic)
    return Difference(
        group.point, a.column, a.cell(), b.cell(), found.value, found.low, found.high, found.real
    )


MIN_DISCORDANT = 6
"""Fewer cases that changed sides cannot be told from chance, however they fell (2 × 0.5⁵ > 0.05)."""


def _by_case(group: Group, a: Figure, b: Figure, statistic: stats.Statistic) -> Difference:
    """Compare two runs of the same cases, pair by pair: shares by McNemar's exact test."""
    left, right = dict(zip(a.keys, a.values, strict=True)), dict(zip(b.keys, b.values, strict=True))
    shared = [key for key in left if key in right]
    one, other = [left[key] for key in shared], [right[key] for key in shared]
    if not shared:
        return Difference(group.point, a.column, a.cell(), b.cell(), None, None, None, None)
    found = stats.ratio(one, other, statistic, paired=True)
    real = found.real
    if a.statistic == "share":
        gained = sum(x < y for x, y in zip(one, other, strict=True))
        lost = sum(x > y for x, y in zip(one, other, strict=True))
        real = stats.mcnemar(gained, lost) < 0.05
        if not real and 0 < gained + lost < MIN_DISCORDANT:
            real = None
    return Difference(group.point, a.column, a.cell(), b.cell(), found.value, found.low, found.high, real)
