"""Samples on their way to disk: in batches, so that an idle app writes seldom."""

from __future__ import annotations

import threading
from collections.abc import Callable

from core.events import Sample
from core.session import samples
from core.session.store import Store

BATCH = 10
"""Samples outside a run are written in batches of this many; a run's samples with its end."""


class SampleKeeper:
    """Gathers samples. Any thread.

    Args:
        store: The store, once it is open.
    """

    def __init__(self, store: Callable[[], Store | None]) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._waiting: list[Sample] = []

    def take(self, sample: Sample) -> None:
        """Keep a sample; a full batch is written."""
        with self._lock:
            self._waiting.append(sample)
            full = len(self._waiting) >= BATCH
        if full:
            self.save()

    def save(self) -> None:
        """Write what waits."""
        with self._lock:
            batch, self._waiting = self._waiting, []
        store = self._store()
        if batch and store is not None:
            samples.add_samples(store, batch)
