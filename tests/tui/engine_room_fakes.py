"""FAKES, for unit tests of the interface only: desks of models and containers without engine, network or Docker."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from typing import Any

from core.containers.types import ContainerStatus, UpProgress
from core.errors import NoEngineError, StudyError
from core.events import ContainerChanged, ContainerLog, ModelsChanged, PullChanged
from core.fit.types import Advice, Availability, Estimate, FitReport, LoadPlan, Room, Term, Verdict
from core.models.types import LoadRecord, ModelCard, ModelRow, Pull
from tests.tui.fakes import START, FakeRuntime, done

MIB, GIB = 2**20, 2**30
ROOMS = Availability(
    (
        Room("memory", int(5.2 * GIB), 8 * GIB),
        Room("swap", 2 * GIB, 2 * GIB),
        Room("cgroup", 7 * GIB, 8 * GIB, "/sys/fs/cgroup/user.slice"),
    ),
    "memory",
)
NEEDS = {"smollm2:135m": 0.29, "tinyllama:1.1b": 1.2, "llama2:7b": 5.5, "too/big:70b": 41.0}
HERE = ("smollm2:135m", "tinyllama:1.1b", "llama2:7b")


class FakeNeedsConfirmation(StudyError):
    """Stands for core.models.errors.NeedsConfirmation."""

    def __init__(self, report: FitReport) -> None:
        super().__init__("error.unexpected", error="memory", log="-")
        self.report = report


def fit_report(name: str, num_ctx: int | None = None) -> FitReport:
    """KV grows with the context, as it would."""
    ctx = num_ctx or 2048
    base = NEEDS.get(name, 1.0) * GIB
    kv = base / 8 * ctx / 2048
    terms = (
        Term("weights", int(base * 0.7), "sum of 272 tensors"),
        Term("kv_cache", int(kv), f"2 × 30 layers × {ctx} × 3 heads × 64 × 2 B"),
        Term("compute", int(base * 0.1), "512 × 49 152 × 4 B"),
        Term("runtime", int(base - base * 0.8 - base / 8), "measured with an empty model"),
    )
    estimate = Estimate(name, "llama", LoadPlan(ctx), terms)
    available = ROOMS.bytes
    assert available is not None
    advice: tuple[Advice, ...] = ()
    kind: Any = "fits"
    smaller = None
    if estimate.total > available:
        kind = "smaller_context" if base - base / 8 < available else "too_big"
        smaller = 1024 if kind == "smaller_context" else None
        advice = (Advice("context", {"num_ctx": "1,024", "needed": "5.1 GiB"}),)
    verdict = Verdict(kind, estimate.total, available, smaller, advice)
    here = name in HERE
    return FitReport(
        name,
        "engine" if here else "registry",
        ROOMS,
        verdict,
        estimate,
        None if here else int(base * 0.7),
        None if here else 800_000,
    )


def model(name: str, **changes: Any) -> ModelRow:
    fields: dict[str, Any] = {
        "name": name,
        "size_bytes": int(NEEDS.get(name, 1.0) * 0.7 * GIB),
        "family": "llama",
        "parameter_size": "135M",
        "quantization": "Q4_K_M",
        "context_length": 131_072,
        "capabilities": ("completion",),
        "digest": "sha256:0123456789ab",
    }
    return ModelRow(**{**fields, **changes})


def pull(number: int = 1, **changes: Any) -> Pull:
    fields: dict[str, Any] = {
        "id": f"pull-{number}",
        "source": "tinyllama",
        "model": "tinyllama:latest",
        "engine": "embedded",
        "status": "running",
        "total_bytes": 600_000_000,
        "done_bytes": 372_000_000,
        "bytes_per_s": 12_300_000.0,
        "eta_s": 18.5,
        "seconds": 30.2,
        "attempts": 1,
        "queued_at": START + number,
    }
    return Pull(**{**fields, **changes})


def load_record(number: int = 1, **changes: Any) -> LoadRecord:
    fields: dict[str, Any] = {
        "id": f"load-{number}",
        "ts": START + number,
        "model": "smollm2:135m",
        "digest": "sha256:0123456789ab",
        "architecture": "llama",
        "engine": "embedded",
        "engine_version": "llama.cpp b11549",
        "num_ctx": 2048,
        "parallel": 4,
        "outcome": "ok",
        "load_ms": 812.0,
        "predicted_bytes": 301 * MIB,
        "predicted": {"weights": 138 * MIB, "kv_cache": 90 * MIB, "compute": 73 * MIB},
        "measured_bytes": 287 * MIB,
        "anon_bytes": 161 * MIB,
        "file_bytes": 126 * MIB,
    }
    return LoadRecord(**{**fields, **changes})


class FakeModels:
    """Behaves like core.models.desk.Models, as far as the interface uses it."""

    def __init__(self, runtime: FakeRuntime) -> None:
        self.runtime = runtime
        self.rows = [model(name) for name in HERE]
        self.rows[0] = replace(
            self.rows[0], current=True, loaded=True, memory_bytes=287 * MIB, loaded_context=2048
        )
        self.all_pulls: dict[str, Pull] = {}
        self.records: list[LoadRecord] = []
        self.calls: list[tuple[Any, ...]] = []
        self.failures: dict[str, StudyError] = {}
        """By method: what it fails with."""
        self.held: Future[Any] | None = None
        """While set, loads and estimates wait for it."""
        self.card_changes: dict[str, Any] = {}

    def _answer(self, name: str, value: Callable[[], Any]) -> Future[Any]:
        if name in self.failures:
            future: Future[Any] = Future()
            future.set_exception(self.failures[name])
            return future
        return done(value())

    def list(self) -> Future[list[ModelRow]]:
        return self._answer("list", lambda: list_of(self.rows))

    def show(self, name: str) -> Future[ModelCard]:
        self.calls.append(("show", name))
        row = next(row for row in self.rows if row.name == name)
        fields: dict[str, Any] = {
            "architecture": "llama",
            "parameter_count": 134_515_008,
            "template": "{{ .Prompt }}",
            "licence": "Apache-2.0",
            "route": "routed",
            "route_reason": "below 500M parameters",
        }
        return self._answer("show", lambda: ModelCard(row, **{**fields, **self.card_changes}))

    def fit(self, source: str, num_ctx: int | None = None, parallel: int | None = None) -> Future[FitReport]:
        self.calls.append(("fit", source, num_ctx))
        if self.held is not None:
            return self.held
        return self._answer("fit", lambda: fit_report(source, num_ctx))

    def pull(self, source: str, name: str = "", sha256: str = "") -> Future[Pull]:
        self.calls.append(("pull", source, name) if name else ("pull", source))
        begun = pull(len(self.all_pulls) + 1, source=source, model=source, status="queued", done_bytes=0)
        self.all_pulls[begun.id] = begun
        return self._answer("pull", lambda: begun)

    def pulls(self) -> list[Pull]:
        return list_of(self.all_pulls.values())

    def move(self, moved: Pull) -> None:
        self.all_pulls[moved.id] = moved
        self.runtime.emit(PullChanged(moved))

    def cancel_pull(self, pull_id: str) -> None:
        self.calls.append(("cancel_pull", pull_id))
        self.move(replace(self.all_pulls[pull_id], status="cancelled", eta_s=None))

    def retry_pull(self, pull_id: str) -> Future[Pull]:
        self.calls.append(("retry_pull", pull_id))
        again = replace(self.all_pulls[pull_id], status="running", error="", fix="", attempts=2)
        self.all_pulls[pull_id] = again
        return done(again)

    def remove(self, name: str) -> Future[None]:
        self.calls.append(("remove", name))
        self.rows = [row for row in self.rows if row.name != name]
        self.runtime.emit(ModelsChanged())
        return done(None)

    def load(self, name: str, num_ctx: int | None = None, confirmed: bool = False) -> Future[LoadRecord]:
        self.calls.append(("load", name, num_ctx, confirmed))
        report = fit_report(name, num_ctx)
        if report.verdict.kind != "fits" and not confirmed:
            future: Future[LoadRecord] = Future()
            future.set_exception(FakeNeedsConfirmation(report))
            return future
        if self.held is not None:
            return self.held
        self.rows = [replace(row, loaded=row.loaded or row.name == name) for row in self.rows]
        record = load_record(len(self.records) + 1, model=name, num_ctx=num_ctx or 2048)
        self.records.append(record)
        return self._answer("load", lambda: record)

    def unload(self, name: str) -> Future[None]:
        self.calls.append(("unload", name))
        self.rows = [replace(row, loaded=row.loaded and row.name != name) for row in self.rows]
        return done(None)

    def use(self, name: str) -> Future[None]:
        self.calls.append(("use", name))
        self.rows = [replace(row, current=row.name == name) for row in self.rows]
        return self._answer("use", lambda: None)

    def loads(self) -> list[LoadRecord]:
        return list_of(self.records)

    def called(self, what: str) -> list[tuple[Any, ...]]:
        return [call for call in self.calls if call[0] == what]


def list_of(values: Any) -> Any:
    # The class above has a method of the name ``list``.
    return [*values]


HEALTHY = ContainerStatus(
    name="llm-study-ollama-1",
    image="ollama/ollama:0.12.3",
    state="healthy",
    url="http://127.0.0.1:11434",
    cpu_percent=12.0,
    memory_bytes=int(1.4 * GIB),
    memory_limit=6 * GIB,
    restarts=0,
    oom_killed=False,
    oom_kills=0,
)
ABSENT = ContainerStatus(image="ollama/ollama:0.12.3", state="absent")


class FakeContainers:
    """Behaves like core.containers.desk.Containers, as far as the interface uses it."""

    def __init__(self, runtime: FakeRuntime) -> None:
        self.runtime = runtime
        self.now = HEALTHY
        self.lines: tuple[str, ...] = ("listening on 0.0.0.0:11434", "inference compute id=cpu")
        self.calls: list[tuple[Any, ...]] = []
        self.error: StudyError | None = None
        self.going: Future[Any] | None = None
        """While set, starting waits for it."""

    def _answer(self, value: Any) -> Future[Any]:
        if self.error:
            future: Future[Any] = Future()
            future.set_exception(self.error)
            return future
        return done(value)

    def status(self) -> Future[ContainerStatus]:
        self.calls.append(("status",))
        return self._answer(self.now)

    def up(self, gpu: bool = False) -> Future[ContainerStatus]:
        self.calls.append(("up", gpu))
        if self.going is not None:
            return self.going
        if not self.error:
            self.now = HEALTHY
        return self._answer(self.now)

    def progress(self, step: Any, text: str, made: int | None = None, total: int | None = None) -> None:
        self.runtime.emit(ContainerChanged(self.now, UpProgress(step, text, made, total)))

    def down(self) -> Future[None]:
        self.calls.append(("down",))
        self.now = ABSENT
        return self._answer(None)

    def restart(self) -> Future[ContainerStatus]:
        self.calls.append(("restart",))
        return self._answer(self.now)

    def logs(self, lines: int = 200) -> Future[tuple[str, ...]]:
        self.calls.append(("logs", lines))
        return self._answer(self.lines)

    def follow(self, on: bool) -> None:
        self.calls.append(("follow", on))

    def log(self, *lines: str) -> None:
        self.runtime.emit(ContainerLog(lines))

    def called(self, what: str) -> list[tuple[Any, ...]]:
        return [call for call in self.calls if call[0] == what]


def engine_room(runtime: FakeRuntime) -> None:
    """Give the fake runtime these desks; for ``runs(prepare=…)``."""
    runtime.models = FakeModels(runtime)  # type: ignore[attr-defined]
    runtime.containers = FakeContainers(runtime)  # type: ignore[attr-defined]


NO_DOCKER = NoEngineError("error.docker.absent")
