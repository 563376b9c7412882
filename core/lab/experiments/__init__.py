"""The experiments themselves. Front door: :func:`experiment_of` gives the function that walks through one's steps."""

from __future__ import annotations

import importlib
from collections.abc import Awaitable, Callable

from core.lab.bench import Bench

Walk = Callable[[Bench], Awaitable[None]]


def experiment_of(name: str) -> Walk:
    """Return the experiment's function; see :data:`core.lab.catalog.EXPERIMENTS` for the names."""
    walk: Walk = importlib.import_module(f"core.lab.experiments.{name.replace('-', '_')}").walk
    return walk
