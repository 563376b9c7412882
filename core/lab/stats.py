"""Statistics of small samples, with the standard library only: percentiles, intervals, ratios, differences.

Intervals are 95 %. They are percentile bootstraps with a fixed seed, so the same rows always give the same figures;
for the mean of fewer than eight values Student's t is used, since a bootstrap of so few is too narrow.
"""

from __future__ import annotations

import functools
import math
import random
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

Statistic = Literal["mean", "median", "p90", "p95", "p99", "max", "sum"]

RESAMPLES = 1000
CLUSTER_RESAMPLES = 300
SEED = 20_261
MIN_FOR = {"median": 1, "p90": 10, "p95": 20, "p99": 100}
"""A percentile of fewer values is little else than their maximum."""
MIN_FOR_INTERVAL = {"median": 6, "p90": 20, "p95": 40, "p99": 200}
"""From fewer values no bootstrap interval of it is worth showing."""
MIN_FOR_DIFFERENCE = 5
"""Fewer values on either side cannot tell a difference from noise."""
SMALL = 8
"""Below this many values, the interval of a mean is Student's."""
MANY = 200
"""Above, the interval of a percentile comes from its ranks: a bootstrap would take seconds and say the same."""

_T975 = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
    2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
)  # fmt: skip
_QUANTILE = {"median": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}


@dataclass(frozen=True, slots=True)
class Estimate:
    """A statistic of a sample and the ends of its 95 % interval."""

    value: float | None
    low: float | None = None
    high: float | None = None
    n: int = 0
    few: bool = False
    """Too few values for this statistic."""


@dataclass(frozen=True, slots=True)
class Ratio:
    """``b / a`` of a statistic, the ends of its 95 % interval, and whether the two differ."""

    value: float | None
    low: float | None = None
    high: float | None = None
    real: bool | None = None
    """True: 1 lies outside the interval; False: inside; None: too few values to tell."""


def quantile(ordered: Sequence[float], share: float) -> float:
    """Return a quantile of sorted values, interpolated between neighbours (Hyndman and Fan's type 7).

    Args:
        ordered: Sorted, not empty.
        share: 0 to 1.
    """
    position = share * (len(ordered) - 1)
    below = math.floor(position)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (position - below)


def percentile(values: Sequence[float], share: float) -> float:
    """Return a percentile of unsorted values; ``share`` is 0 to 1.

    Raises:
        ValueError: There are no values.
    """
    if not values:
        raise ValueError("no values")
    return quantile(sorted(values), share)


def _apply(statistic: Statistic, values: Sequence[float]) -> float:
    if statistic in _QUANTILE:
        return quantile(sorted(values), _QUANTILE[statistic])
    reduce: dict[str, Callable[[Sequence[float]], float]] = {
        "mean": statistics.fmean,
        "max": max,
        "sum": math.fsum,
    }
    return reduce[statistic](values)


def estimate(
    values: Sequence[float], statistic: Statistic = "median", *, resamples: int = RESAMPLES
) -> Estimate:
    """Return a statistic with its interval. Values that are not finite are left out."""
    return _estimate(tuple(value for value in values if math.isfinite(value)), statistic, resamples)


@functools.lru_cache(4096)  # A live view asks again after every row; the points that are done do not change.
def _estimate(values: tuple[float, ...], statistic: Statistic, resamples: int) -> Estimate:
    n = len(values)
    if not n:
        return Estimate(None)
    value = _apply(statistic, values)
    few = n < MIN_FOR.get(statistic, 1)
    low: float | None = None
    high: float | None = None
    if statistic == "mean" and n < SMALL:
        if (
            n > 2
        ):  # Of two values Student's interval is honest and useless: 13 times as wide as they are apart.
            half = _T975[n - 2] * statistics.stdev(values) / math.sqrt(n)
            # What cannot be negative has no negative interval.
            low, high = value - half if min(values) < 0 else max(0.0, value - half), value + half
    elif n > MANY and statistic in _QUANTILE:
        low, high = _order_interval(sorted(values), _QUANTILE[statistic])
    elif n > 1 and (statistic == "mean" or n >= MIN_FOR_INTERVAL.get(statistic, n + 1)):
        low, high = _ends(_resampled(values, statistic, resamples, random.Random(SEED)))
    return Estimate(value, low, high, n, few)


def _order_interval(ordered: Sequence[float], share: float) -> tuple[float, float]:
    """Return the interval of a quantile from its ranks: free of any distribution, and of resampling."""
    n = len(ordered)
    middle, half = n * share, 1.96 * math.sqrt(n * share * (1 - share))
    return ordered[max(0, math.floor(middle - half) - 1)], ordered[min(n - 1, math.ceil(middle + half))]


def _resampled(
    values: Sequence[float], statistic: Statistic, resamples: int, rng: random.Random
) -> list[float]:
    n, choices = len(values), rng.choices
    if statistic == "mean":
        return [math.fsum(choices(values, k=n)) / n for _ in range(resamples)]
    return [_apply(statistic, choices(values, k=n)) for _ in range(resamples)]


def _ends(found: list[float]) -> tuple[float, float]:
    found.sort()
    return quantile(found, 0.025), quantile(found, 0.975)


def ratio(
    a: Sequence[float],
    b: Sequence[float],
    statistic: Statistic = "median",
    *,
    paired: bool = False,
    resamples: int = RESAMPLES,
) -> Ratio:
    """Compare two samples: the ratio of their statistics with a bootstrap interval.

    Args:
        a: The one divided by.
        b: The other.
        statistic: Of each side.
        paired: ``a[i]`` and ``b[i]`` were measured next to each other: they are drawn together.
        resamples: How many.

    Raises:
        ValueError: Paired samples of different lengths.
    """
    if paired and len(a) != len(b):
        raise ValueError("paired samples must have the same length")
    if not a or not b:
        return Ratio(None)
    base = _apply(statistic, a)
    if base == 0:
        return Ratio(None)
    value = _apply(statistic, b) / base
    enough = max(MIN_FOR_DIFFERENCE, MIN_FOR.get(statistic, 1))
    if min(len(a), len(b)) < enough:
        return Ratio(value)
    rng = random.Random(SEED)
    found: list[float] = []
    if paired:
        pairs = list(zip(a, b, strict=True))
        for _ in range(resamples):
            drawn = rng.choices(pairs, k=len(pairs))
            below = _apply(statistic, [left for left, _ in drawn])
            if below:
                found.append(_apply(statistic, [right for _, right in drawn]) / below)
    else:
        below_all = _resampled(a, statistic, resamples, rng)
        above_all = _resampled(b, statistic, resamples, rng)
        found = [above / below for below, above in zip(below_all, above_all, strict=True) if below]
    return _judged(value, found, min(len(a), len(b)))


def cluster_ratio(
    a: Sequence[Sequence[float]],
    b: Sequence[Sequence[float]],
    statistic: Statistic = "median",
    *,
    resamples: int = CLUSTER_RESAMPLES,
) -> Ratio:
    """Compare two pools whose values come in clusters, such as the gaps between one answer's tokens.

    Values of a cluster resemble each other, so whole clusters are drawn: taken one by one they would prove too much
    (Cameron, Gelbach and Miller 2008, the pairs cluster bootstrap).
    """
    left, right = [one for one in a if one], [one for one in b if one]
    if not left or not right:
        return Ratio(None)
    base = _apply(statistic, _pool(left))
    if base == 0:
        return Ratio(None)
    value = _apply(statistic, _pool(right)) / base
    if min(len(left), len(right)) < MIN_FOR_DIFFERENCE:
        return Ratio(value)
    if min(len(_pool(left)), len(_pool(right))) < MIN_FOR.get(statistic, 1):
        return Ratio(value)
    rng = random.Random(SEED)
    found = []
    for _ in range(resamples):
        below = _apply(statistic, _pool(rng.choices(left, k=len(left))))
        if below:
            found.append(_apply(statistic, _pool(rng.choices(right, k=len(right)))) / below)
    return _judged(value, found, min(len(left), len(right)))


def _pool(clusters: Sequence[Sequence[float]]) -> list[float]:
    return [value for one in clusters for value in one]


def _judged(value: float, found: list[float], n: int) -> Ratio:
    """Make a ratio of its resamples; ``n`` is the smaller side's number of independent values."""
    if not found:
        return Ratio(value)
    low, high = _ends(found)
    # The bootstrap is too narrow for few values: widen by what Student's t has over the normal distribution.
    widen = _t975(n - 1) / 1.96
    low, high = value - (value - low) * widen, value + (high - value) * widen
    return Ratio(value, low, high, not low <= 1.0 <= high)


def share_interval(hits: int, n: int) -> Estimate:
    """Return a share (0 to 1) with Wilson's 95 % interval."""
    if not n:
        return Estimate(None)
    z = 1.96
    share, scale = hits / n, 1 + z * z / n
    middle = (share + z * z / (2 * n)) / scale
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / scale
    return Estimate(share, max(0.0, middle - half), min(1.0, middle + half), n)


def mcnemar(gained: int, lost: int) -> float:
    """Return the exact two-sided p-value that as many cases were gained as lost (McNemar's test, binomial form)."""
    n = gained + lost
    if not n:
        return 1.0
    tail: float = sum(math.comb(n, k) for k in range(min(gained, lost) + 1)) / 2**n
    return float(min(1.0, 2 * tail))


def _t975(freedom: int) -> float:
    return _T975[freedom - 1] if 1 <= freedom <= len(_T975) else 1.96
