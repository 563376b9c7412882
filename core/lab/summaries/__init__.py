"""What each experiment's rows say: groups of figures, plots, and one sentence."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Protocol, cast

from core.lab.figures import Group
from core.lab.types import LabRow, LabRun, Plot


class Summary(Protocol):
    """A module of this folder."""

    def groups(self, run: LabRun, rows: Sequence[LabRow]) -> list[Group]:
        """Return the points and their figures; ``rows`` are those that count."""
        ...

    def plots(self, run: LabRun, rows: Sequence[LabRow], groups: Sequence[Group]) -> list[Plot]:
        """Return the plots."""
        ...

    def sentence(self, run: LabRun, groups: Sequence[Group]) -> str:
        """Say what was found; ``""`` when there is too little yet."""
        ...


def summary_of(experiment: str) -> Summary:
    """Return an experiment's summary."""
    return cast(Summary, importlib.import_module(f"core.lab.summaries.{experiment.replace('-', '_')}"))
