"""What loading a model took, as the engine sees itself: for the loads that nobody asked for by name."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import psutil

T = TypeVar("T")
INTERVAL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Memory:
    """This process's memory, bytes: PSS where the kernel tells it, else RSS as if all of it were anonymous."""

    total: int
    anon: int

    @property
    def file(self) -> int:
        """What is mapped from files, shared memory included."""
        return self.total - self.anon


@dataclass(frozen=True, slots=True)
class LoadFact:
    """One load of a model. Bytes; ``None`` where something else changed the memory meanwhile."""

    number: int
    """Counts the engine's loads from 1."""
    model: str
    num_ctx: int
    parallel: int
    at: float
    """When it was loaded, Unix seconds."""
    ms: float
    peak: int | None
    """Highest memory while loading, minus what there was before."""
    anon: int | None
    file: int | None


def own_memory() -> Memory:
    """Read this process's memory."""
    try:
        fields = dict(
            line.split(":", 1) for line in Path("/proc/self/smaps_rollup").read_text("ascii").splitlines()[1:]
        )
        return Memory(*(int(fields[name].split()[0]) * 1024 for name in ("Pss", "Pss_Anon")))
    except (OSError, KeyError, ValueError):
        rss = psutil.Process().memory_info().rss
        return Memory(rss, rss)


def measured(
    load: Callable[[], T],
    *,
    number: int,
    model: str,
    num_ctx: int,
    parallel: int,
    others: Callable[[], object],
) -> tuple[T, LoadFact]:
    """Load, and watch this process's memory meanwhile. Blocks.

    Args:
        others: What else is in memory; when it changes meanwhile the memory says nothing of this model.
    """
    before, beside = own_memory(), others()
    peak, over = before.total, threading.Event()

    def watch() -> None:
        nonlocal peak
        while not over.wait(INTERVAL_SECONDS):
            peak = max(peak, own_memory().total)

    thread = threading.Thread(target=watch, name="load-watch", daemon=True)
    began = time.monotonic()
    thread.start()
    try:
        found = load()
        ms = 1000 * (time.monotonic() - began)
    finally:
        over.set()
        thread.join()
    after = own_memory()
    alone = others() == beside
    return found, LoadFact(
        number, model, num_ctx, parallel, time.time(), round(ms, 1),
        max(0, max(peak, after.total) - before.total) if alone else None,
        max(0, after.anon - before.anon) if alone else None,
        max(0, after.file - before.file) if alone else None,
    )  # fmt: skip
