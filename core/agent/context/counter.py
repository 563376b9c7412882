"""Counts tokens before sending: from above, corrected by what the server counted before."""

from __future__ import annotations

import json
import statistics
from collections import OrderedDict
from collections.abc import Sequence
from typing import Protocol

from core.session import Store
from core.text import estimate_tokens

CACHED = 4_096
"""Texts whose counts are kept."""
PAIRS = 50
"""Latest calls a model is calibrated by."""
MARGIN = 1.1
"""Above the calibrated estimate: too much costs a little room, too little costs the system text."""

estimate = estimate_tokens
"""Estimate the tokens of a text from above."""


class Counter(Protocol):
    """Says how many tokens a text takes."""

    exact: bool
    """By the model's own tokenizer."""

    async def count(self, text: str) -> int:
        """Return the tokens of ``text``."""
        ...


class Estimate:
    """Estimates, times a ratio learned from earlier calls of the model."""

    exact = False

    def __init__(self, ratio: float = 1.0) -> None:
        self.ratio = ratio
        self._known: OrderedDict[str, int] = OrderedDict()

    async def count(self, text: str) -> int:
        """Return the tokens of ``text``, most likely too many."""
        found = self._known.get(text)
        if found is None:
            found = round(estimate(text) * self.ratio + 0.5) if text else 0
            self._known[text] = found
            if len(self._known) > CACHED:
                self._known.popitem(last=False)
        return found


def calibrate(pairs: Sequence[tuple[int, int]]) -> float:
    """Return the ratio to multiply estimates by: the upper quartile of counted / estimated, with a margin, at most 1.

    Too few pairs, or a server that reports only what its cache did not have, leave estimates as they are.
    """
    ratios = [counted / guessed for guessed, counted in pairs if guessed > 0 and counted > 0]
    if len(ratios) < 5:
        return 1.0
    return min(1.0, max(0.2, statistics.quantiles(ratios, n=4)[2] * MARGIN))


def pairs_of(store: Store, model: str) -> list[tuple[int, int]]:
    """Return (estimated, counted) of a model's latest calls. Reads the store."""
    rows = store.query(
        "SELECT context FROM runs WHERE model = ? AND context IS NOT NULL ORDER BY rowid DESC LIMIT ?",
        [model, PAIRS],
    )
    pairs: list[tuple[int, int]] = []
    for row in rows:
        try:
            noted = json.loads(row["context"])
            pair = (int(noted["estimated"]), int(noted["reported"]))
        except (ValueError, KeyError, TypeError):
            continue
        pairs.append(pair)
    return pairs


def counter_for(store: Store | None, model: str) -> Counter:
    """Return the counter for a model: an estimate calibrated by its earlier calls."""
    return Estimate(calibrate(pairs_of(store, model)) if store is not None else 1.0)
