"""FAKES, for unit tests of the interface only: a lab's desk that measures nothing."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

from core.errors import StudyError
from core.events import LabChanged
from core.lab.types import (
    Cell,
    Column,
    Comparison,
    Difference,
    Experiment,
    LabRun,
    LabView,
    Option,
    Plot,
    Series,
    Table,
)
from tests.tui.fakes import START, FakeRuntime, done

EXPERIMENTS = (
    Experiment(
        "latency",
        (Option("prompts", "ints", (32, 128), 8, 100_000), Option("repeats", "int", 6, 1, 50)),
    ),
    Experiment(
        "load",
        (
            Option("users", "ints", (1, 2, 4, 8, 16), 1, 256),
            Option("rates", "floats", (0.5, 1.0), 0.01, 1000),
            Option("search", "bool", True),
        ),
    ),
)
ENVIRONMENT = {"model": "smollm2:135m", "engine": "embedded llama.cpp b11549", "cpu": "2 cores"}


def table(scale: float = 1.0) -> Table:
    columns = (Column("users"), Column("ttft", "ms"), Column("tpot", "ms"), Column("throughput", "tok/s"))
    rows = []
    for users in (1, 2, 4, 8):
        ttft = 112.0 * users * scale
        rows.append(
            (
                Cell(users),
                Cell(ttft, ttft * 0.9, ttft * 1.2, 16),
                Cell(20.4 * users * scale, None, None, 4, "few"),
                Cell(49.1 / scale, 47.0 / scale, 52.5 / scale, 16),
            )
        )
    return Table(columns, tuple(rows))


def plots() -> tuple[Plot, ...]:
    ttft = Series("p50", tuple((n, 112.0 * n, 100.0 * n, 130.0 * n) for n in (1, 2, 4, 8)))
    worst = Series("p99", tuple((n, 170.0 * n, None, None) for n in (1, 2, 4, 8)))
    rate = Series("", tuple((n, 49.0 + n, None, None) for n in (1, 2, 4, 8)))
    return (
        Plot("ttft", "users", "ms", (ttft, worst), ((6.0, "SLO"),)),
        Plot("throughput", "users", "tok/s", (rate,)),
    )


def run(run_id: str, experiment: str = "load", status: Any = "done", **changes: Any) -> LabRun:
    fields: dict[str, Any] = {
        "id": run_id,
        "experiment": experiment,
        "status": status,
        "options": {"users": [1, 2, 4, 8], "search": True},
        "environment": ENVIRONMENT,
        "created_at": START,
        "started_at": START + 1,
        "ended_at": None if status == "running" else START + 126,
    }
    return LabRun(**{**fields, **changes})


class FakeLab:
    """Behaves like core.lab.desk.Lab; tests move a run on with :meth:`progress`."""

    def __init__(self, runtime: FakeRuntime) -> None:
        self.runtime = runtime
        self.rows: list[LabRun] = []
        self.started: list[tuple[str, dict[str, Any]]] = []
        self.cancelled: list[str] = []
        self.resumed: list[str] = []
        self.exported: list[tuple[str, Path]] = []
        self.refuse = ""
        self.warnings: tuple[str, ...] = ()
        self.sentence = "Up to 4 users at once each read at more than 20 tok/s."

    def experiments(self) -> tuple[Experiment, ...]:
        return EXPERIMENTS

    def runs(self, limit: int = 50) -> list[LabRun]:
        return sorted(self.rows, key=lambda row: -row.created_at)[:limit]

    def start(self, experiment: str, options: dict[str, Any]) -> Future[LabRun]:
        if self.refuse:
            failed: Future[LabRun] = Future()
            failed.set_exception(StudyError(self.refuse))
            return failed
        self.started.append((experiment, dict(options)))
        begun = run(
            f"run{len(self.rows)}",
            experiment,
            "running",
            options=options,
            created_at=START + 1000 + len(self.rows),
        )
        self.rows.append(begun)
        return done(begun)

    def put(self, changed: LabRun) -> None:
        self.rows = [changed if row.id == changed.id else row for row in self.rows]

    def progress(
        self, run_id: str, made: int, total: int = 40, status: Any = "running", now: str = ""
    ) -> None:
        found = next(row for row in self.rows if row.id == run_id)
        self.put(replace(found, status=status, ended_at=None if status == "running" else START + 2000))
        self.runtime.emit(
            LabChanged(run_id, status, made, total, 95.0, now or "4 users at once, TTFT and TPOT")
        )

    def cancel(self, run_id: str) -> None:
        self.cancelled.append(run_id)
        self.progress(run_id, 3, status="cancelled")

    def resume(self, run_id: str) -> Future[LabRun]:
        self.resumed.append(run_id)
        found = next(row for row in self.rows if row.id == run_id)
        self.put(replace(found, status="running", ended_at=None))
        return done(next(row for row in self.rows if row.id == run_id))

    def remove(self, run_id: str) -> Future[None]:
        self.rows = [row for row in self.rows if row.id != run_id]
        return done(None)

    def view(self, run_id: str) -> LabView:
        found = next(row for row in self.rows if row.id == run_id)
        return LabView(found, self.sentence, table(), plots(), self.warnings, 128)

    def compare(self, a: str, b: str) -> Comparison:
        first, second = (next(row for row in self.rows if row.id == name) for name in (a, b))
        ttft, tpot = Column("ttft", "ms"), Column("tpot", "ms")
        return Comparison(
            first,
            second,
            (
                Difference({"users": 1}, ttft, Cell(112.0), Cell(148.0), 1.32, 1.2, 1.45, True),
                Difference({"users": 1}, tpot, Cell(20.4), Cell(20.6), 1.01, 0.95, 1.08, False),
                Difference({"users": 4}, ttft, Cell(448.0), Cell(460.0), 1.03, None, None, None),
            ),
            ("A had 2 cores, B had 4.",),
        )

    def export(self, run_id: str, folder: Path) -> list[Path]:
        self.exported.append((run_id, folder))
        return [folder / f"lab-{run_id}.{kind}" for kind in ("csv", "json", "svg")]


def with_lab(*runs: LabRun) -> Any:
    """Return what prepares a runtime with a fake lab that has these runs."""

    def prepare(runtime: FakeRuntime) -> None:
        lab = FakeLab(runtime)
        lab.rows = list(runs)
        runtime.lab = lab  # type: ignore[attr-defined]

    return prepare
