"""What an experiment is made of and what it shows. Plain data, light to import.

A run's rows are what was measured; everything shown is computed from them. Times are Unix seconds, durations
milliseconds, sizes bytes, rates per second.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

LabStatus = Literal["queued", "running", "done", "failed", "cancelled", "interrupted"]
OptionKind = Literal["int", "float", "text", "ints", "floats", "bool"]


@dataclass(frozen=True, slots=True)
class Option:
    """One setting of an experiment. Explained by the message ``lab.<experiment>.<name>``."""

    name: str
    kind: OptionKind
    default: Any
    low: float | None = None
    high: float | None = None
    empty: bool = False
    """Whether a list may have nothing in it."""


@dataclass(frozen=True, slots=True)
class Experiment:
    """One experiment. Its title and what it measures are ``lab.<id>.title`` and ``lab.<id>.help``."""

    id: str
    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True)
class LabRun:
    """One run of an experiment, a row of ``lab_runs``."""

    id: str
    experiment: str
    status: LabStatus
    options: Mapping[str, Any]
    environment: Mapping[str, Any]
    """CPU, memory, engine, its version, model and digest, options of the model."""
    created_at: float
    started_at: float | None = None
    ended_at: float | None = None
    note: str = ""
    error: str = ""
    fix: str = ""
    invalid: tuple[str, ...] = ()
    """Why its numbers must not be trusted (keys ``lab.invalid.<key>``); empty when nothing speaks against them."""


@dataclass(frozen=True, slots=True)
class LabRow:
    """One measurement."""

    seq: int
    run_id: str
    ts: float
    kind: str
    """``request``, ``load``, ``memory``, ``lag``, ``download`` …"""
    point: Mapping[str, Any]
    """What was varied, for example ``{"users": 4}``."""
    data: Mapping[str, Any]
    """What was measured; units in the names (``ttft_ms``)."""
    warmup: bool = False
    """Thrown away by the summary."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One figure with its uncertainty."""

    value: float | str | None
    low: float | None = None
    high: float | None = None
    """Ends of the 95 % confidence interval."""
    n: int | None = None
    flag: str = ""
    """A key of ``lab.flag.<key>`` (``few``: too few samples for this percentile), or ``""``."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column; its title and definition are ``lab.column.<key>`` and ``….help``."""

    key: str
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Figures by point."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True, slots=True)
class Series:
    """One line of a plot: x, y, and the ends of y's interval where known."""

    name: str
    points: tuple[tuple[float, float, float | None, float | None], ...]


@dataclass(frozen=True, slots=True)
class Plot:
    """One plot; its title is ``lab.plot.<key>``."""

    key: str
    x_unit: str
    y_unit: str
    series: tuple[Series, ...]
    marks: tuple[tuple[float, str], ...] = ()
    """x and a label, for example an SLO or a generation's phases."""


@dataclass(frozen=True, slots=True)
class HeatCell:
    """One figure of a heat map."""

    value: float | None
    """``None``: not measured (yet)."""
    mark: Literal["", "best", "level"] = ""
    """``best`` of the map, or ``level``: not to be told from the best."""


@dataclass(frozen=True, slots=True)
class HeatMap:
    """One figure over two things that were varied; more is better. Its title is ``lab.heat.<key>``."""

    key: str
    rows: tuple[str, ...]
    columns: tuple[tuple[str, str], ...]
    """Group (``""`` where there is one only) and name."""
    cells: tuple[tuple[HeatCell, ...], ...]
    """One row of cells for each of ``rows``."""


@dataclass(frozen=True, slots=True)
class LabView:
    """A run as it is shown, live or later: computed from its rows."""

    run: LabRun
    sentence: str
    """What was found, or what is being measured, in words."""
    table: Table | None = None
    plots: tuple[Plot, ...] = ()
    warnings: tuple[str, ...] = ()
    """Sentences."""
    rows: int = 0
    heat: HeatMap | None = None


@dataclass(frozen=True, slots=True)
class Difference:
    """One figure of two runs, compared."""

    point: Mapping[str, Any]
    column: Column
    a: Cell
    b: Cell
    ratio: float | None
    """b / a."""
    low: float | None
    high: float | None
    """Ends of the ratio's 95 % interval."""
    real: bool | None
    """True: outside the noise; False: within it; None: too few samples to tell."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs of one experiment."""

    a: LabRun
    b: LabRun
    differences: tuple[Difference, ...]
    warnings: tuple[str, ...] = field(default=())
    """What differs between the environments, as sentences."""
