"""Is one way of searching better than another, or did it look so by chance?

Both answered the same questions, so the differences question by question are what is tested: a paired randomisation test
(Smucker, Allan and Carterette 2007), a bootstrap interval of the mean difference, and Holm's correction where several
comparisons are made at once. Everything is seeded: the same outcomes give the same figures.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

SEED = 20_261
FLIPS = 10_000
"""Random sign patterns tried where there are too many to try all."""
EXACT = 13
"""Up to so many questions that differ, every sign pattern is tried (8,192 of them)."""
RESAMPLES = 2_000
LEVEL = 0.05
"""Below this a difference is called one."""
MIN_INTERVAL = 5
"""From fewer values no interval is worth showing."""
MIN_TAIL = 40
"""From fewer values the 95th percentile's interval is not worth showing."""

_CELLS = 4_000_000
"""Most numbers in one drawn block, about 32 MB."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A statistic and the ends of its 95 % bootstrap interval (``None``: too few values)."""

    value: float | None
    low: float | None = None
    high: float | None = None
    n: int = 0


@dataclass(frozen=True, slots=True)
class Difference:
    """``a − b`` of two variants on the same questions."""

    a: float
    b: float
    """The means."""
    value: float
    low: float | None
    high: float | None
    """Ends of the difference's 95 % bootstrap interval."""
    p: float
    """Two-sided, of the paired randomisation test."""
    n: int
    adjusted: float | None = None
    """``p`` after Holm's correction, where it is one of a family."""

    @property
    def real(self) -> bool:
        """Whether it is below the level, corrected where it is one of a family."""
        return (self.p if self.adjusted is None else self.adjusted) < LEVEL


def mean(values: Sequence[float]) -> Estimate:
    """Return the mean with its interval.

    Where all values are 1 or all are 0 a bootstrap would claim certainty: the exact binomial interval (Clopper and
    Pearson 1934) stands in.
    """
    import numpy as np

    found = _estimated(values, lambda drawn: np.mean(drawn, axis=-1), MIN_INTERVAL)
    return _not_certain(found, found.n)


def quantile(values: Sequence[float], share: float) -> Estimate:
    """Return a quantile with its interval; ``share`` is 0 to 1. A high one of few values has no interval."""
    import numpy as np

    least = MIN_TAIL if not 0.1 < share < 0.9 else MIN_INTERVAL
    return _estimated(values, lambda drawn: np.quantile(drawn, share, axis=-1), least)


def f1(said: Sequence[bool], true: Sequence[bool]) -> tuple[Estimate, Estimate, Estimate]:
    """Return precision, recall and F1 of a yes-or-no judgement, each with an interval over the questions.

    Args:
        said: Where yes was said.
        true: Where yes is right, same length.

    Where yes was never said there is no precision, where it was never right no recall.
    """
    import numpy as np

    pairs = np.array([said, true], dtype=bool)
    if not pairs.size:
        return Estimate(None), Estimate(None), Estimate(None)

    def figures(drawn: Any) -> tuple[Any, Any, Any]:
        right = (drawn[0] & drawn[1]).sum(-1)
        precision = right / np.maximum(1, drawn[0].sum(-1))
        recall = right / np.maximum(1, drawn[1].sum(-1))
        return precision, recall, 2 * right / np.maximum(1, drawn[0].sum(-1) + drawn[1].sum(-1))

    n = pairs.shape[1]
    known = (bool(pairs[0].any()), bool(pairs[1].any()), bool(pairs.any()))
    values = [float(one) if there else None for one, there in zip(figures(pairs), known, strict=True)]
    if n < MIN_INTERVAL:
        one, two, three = (Estimate(value, n=n) for value in values)
        return one, two, three
    rng = np.random.default_rng(SEED)
    resampled = figures(pairs[:, rng.integers(0, n, (RESAMPLES, n))])
    ends = [np.quantile(drawn, (0.025, 0.975)) for drawn in resampled]
    one, two, three = (
        Estimate(value, n=n) if value is None else Estimate(value, float(low), float(high), n)
        for value, (low, high) in zip(values, ends, strict=True)
    )
    return one, two, three


def difference(a: Sequence[float], b: Sequence[float]) -> Difference:
    """Compare two variants question by question.

    Args:
        a: One value for each question, finite.
        b: The other variant's, in the same order.

    Raises:
        ValueError: Of different lengths, or empty.
    """
    if len(a) != len(b) or not a:
        raise ValueError("paired values must be as many, and some")
    import numpy as np

    left, right = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    found = _estimated((left - right).tolist(), lambda drawn: np.mean(drawn, axis=-1), MIN_INTERVAL)
    p = randomisation((left - right).tolist())
    return Difference(
        float(left.mean()),
        float(right.mean()),
        float((left - right).mean()),
        found.low,
        found.high,
        p,
        len(a),
    )


def randomisation(
    differences: Sequence[float], *, flips: int = FLIPS, exact: int = EXACT, seed: int = SEED
) -> float:
    """Return the two-sided p-value that the mean of paired differences is 0.

    If it did not matter which variant a value came from, every difference might as well have the other sign: the share
    of sign patterns whose sum is at least as far from 0 as the one observed. Every pattern is tried for few questions,
    else ``flips`` random ones, the observed one counted among them so that p is never 0.
    """
    import numpy as np

    # A question on which both are equal changes no sum, whatever its sign.
    values = np.asarray([one for one in differences if one], dtype=float)
    if not values.size:
        return 1.0
    # Sums of the same numbers in another order differ in the last bits, and must count as equal.
    observed = abs(float(values.sum())) - 1e-9 * float(np.abs(values).sum())
    if values.size <= exact:
        patterns = (np.arange(2**values.size)[:, None] >> np.arange(values.size)) & 1
        sums = (patterns * 2 - 1) @ values
        return float((np.abs(sums) >= observed).mean())
    rng = np.random.default_rng(seed)
    beyond, left = 0, flips
    while left:
        rows = min(left, max(1, _CELLS // values.size))
        signs = rng.integers(0, 2, (rows, values.size), dtype=np.int8) * 2 - 1
        beyond += int((np.abs(signs @ values) >= observed).sum())
        left -= rows
    return (beyond + 1) / (flips + 1)


def holm(values: Sequence[float]) -> list[float]:
    """Return p-values corrected for being one of a family (Holm 1979), in the order given.

    Each is the chance, at most, that any of the differences called real is none.
    """
    order = sorted(range(len(values)), key=values.__getitem__)
    adjusted = [0.0] * len(values)
    highest = 0.0
    for place, index in enumerate(order):
        highest = max(highest, min(1.0, (len(values) - place) * values[index]))
        adjusted[index] = highest
    return adjusted


def _not_certain(found: Estimate, seen: int) -> Estimate:
    """Widen an interval of width 0 around 0 or 1 to the exact binomial one of so many independent cases."""
    if found.low is None or found.low != found.high or found.value not in (0.0, 1.0):
        return found
    least = 0.025 ** (1 / seen)
    return replace(found, low=least) if found.value else replace(found, high=1 - least)


def _estimated(values: Sequence[float], statistic: Callable[[Any], Any], least: int) -> Estimate:
    import numpy as np

    array = np.asarray(values, dtype=float)
    array = array[np.isfinite(array)]
    if not array.size:
        return Estimate(None)
    value, n = float(statistic(array)), int(array.size)
    if n < least:
        return Estimate(value, n=n)
    rng = np.random.default_rng(SEED)
    drawn = array[rng.integers(0, n, (min(RESAMPLES, max(200, _CELLS // n)), n))]
    low, high = np.quantile(statistic(drawn), (0.025, 0.975))
    return Estimate(value, float(low), float(high), n)


def ratio(parts: Sequence[float], wholes: Sequence[float]) -> Estimate:
    """Return ``Σ parts / Σ wholes``, with an interval over what they belong to: an answer's sentences resemble each other,
    so whole answers are drawn. ``n`` is the sum of the wholes.

    Args:
        parts: One for each answer.
        wholes: The same answers'; those with 0 tell nothing.
    """
    import numpy as np

    array = np.array([pair for pair in zip(parts, wholes, strict=True) if pair[1]], dtype=float)
    if not array.size:
        return Estimate(None)
    total = array.sum(axis=0)
    value, n = float(total[0] / total[1]), round(float(total[1]))
    if len(array) < MIN_INTERVAL:
        return Estimate(value, n=n)
    rng = np.random.default_rng(SEED)
    drawn = array[rng.integers(0, len(array), (RESAMPLES, len(array)))].sum(axis=1)
    low, high = np.quantile(drawn[:, 0] / drawn[:, 1], (0.025, 0.975))
    return _not_certain(Estimate(value, float(low), float(high), n), len(array))
