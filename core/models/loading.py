"""Loading a model with eyes open: the verdict first, the memory watched, prediction and measurement recorded."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from core.errors import StudyError
from core.models.errors import NeedsConfirmation
from core.models.measure import MemoryWatch, Taken
from core.models.types import LoadOutcome, LoadRecord
from core.ollama.errors import EngineOutOfMemory
from core.session import models as rows
from core.session.chat import new_id

if TYPE_CHECKING:
    from core.containers.types import ContainerStatus
    from core.engines import Engine
    from core.fit.types import FitReport
    from core.ground import Ground
    from core.ollama import ModelDetails
    from core.session import Store

AskContainer = Callable[[], "Future[ContainerStatus]"]
UNLOAD_SECONDS = 15.0
"""How long an unload may take until the load goes on without it."""
POLL_SECONDS = 0.1


def load_of(row: Mapping[str, Any]) -> LoadRecord:
    """Build a load's record from its row."""
    values: dict[str, Any] = {
        name: "" if value is None and name in _TEXTS else value for name, value in row.items()
    }
    return LoadRecord(**{**values, "implicit": bool(values["implicit"])})


_TEXTS = ("digest", "architecture", "engine_version", "error")


async def load(
    ground: Ground, engine: Engine, report: FitReport, *, num_ctx: int, parallel: int, confirmed: bool,
    container: AskContainer | None = None,
) -> LoadRecord:  # fmt: skip
    """Load the model of a report and record what it took.

    Args:
        container: Asks how the engine's container is; ``None``: it is in none.

    Raises:
        NeedsConfirmation: It would exhaust memory, and was not confirmed.
        StudyError: The engine could not load it; the record says so too.
    """
    if report.verdict.kind in ("too_big", "smaller_context") and not confirmed:
        raise NeedsConfirmation(report)
    client, name = engine.client, report.model
    details = await client.show(name)
    digest = next((model.digest for model in await client.tags() if model.name == details.name), "")
    await _make_room(engine, details.name)
    pid = next(iter(engine.root_pids()), None)
    kills = await asyncio.to_thread(_kills, pid)
    watch = await asyncio.to_thread(MemoryWatch, engine.root_pids)
    started = time.monotonic()
    failure: StudyError | None = None
    try:
        await client.load(name, options={"num_ctx": num_ctx})
    except StudyError as error:
        failure = error
    finally:
        seconds = time.monotonic() - started
        taken = await asyncio.to_thread(watch.stop)
    record = record_of(engine, details, report, taken, num_ctx=num_ctx, parallel=parallel)
    record = dataclasses.replace(
        record,
        digest=digest,
        load_ms=round(1000 * seconds, 1),
        container_bytes=await container_bytes(container),
    )
    if failure is not None:
        failure = await asyncio.to_thread(_explained, failure, report, kills, pid)
        outcome: LoadOutcome = "out_of_memory" if _is_memory(failure) else "failed"
        record = dataclasses.replace(record, outcome=outcome, error=failure.message, load_ms=None)
    await save(await ground.store(), record)
    if failure is not None:
        raise failure
    return record


async def save(store: Store, record: LoadRecord) -> None:
    """Put a record on disk."""
    await asyncio.wrap_future(rows.add_load(store, dataclasses.asdict(record)))


async def _make_room(engine: Engine, name: str) -> None:
    """Unload what would otherwise go in the middle of the measurement, or make it measure nothing."""
    ours = engine.kind == "embedded"
    names = {f"{engine.embed_model}:latest"}

    async def there() -> list[str]:
        return [
            model.name
            for model in await engine.client.ps()
            if model.name not in names and (ours or model.name == name)
        ]

    until = time.monotonic() + UNLOAD_SECONDS
    # A load that is under way (the engine's first, at its start) would count as this one's.
    while ours and (await engine.client.load_now()).loading and time.monotonic() < until:  # noqa: ASYNC110 - another process is waited for
        await asyncio.sleep(POLL_SECONDS)
    for loaded in await there():
        await engine.client.unload(loaded)
    while await there() and time.monotonic() < until:  # noqa: ASYNC110 - another process is waited for
        await asyncio.sleep(POLL_SECONDS)


async def container_bytes(ask: AskContainer | None) -> int | None:
    """The memory of the engine's container without inactive file cache; ``None`` where there is none to read."""
    if ask is None:
        return None
    try:
        return (await asyncio.wrap_future(ask())).memory_bytes
    except StudyError:
        return None


def record_of(
    engine: Engine, details: ModelDetails, report: FitReport, taken: Taken, *, num_ctx: int, parallel: int
) -> LoadRecord:
    """Put prediction and measurement side by side."""
    estimate = report.estimate
    return LoadRecord(
        id=new_id(), ts=time.time(), model=details.name, digest="", architecture=details.architecture or details.family,
        engine=engine.kind, engine_version=engine.version, num_ctx=num_ctx, parallel=parallel, outcome="ok",
        predicted_bytes=estimate.total if estimate else None,
        predicted={term.name: term.bytes for term in estimate.terms} if estimate else {},
        measured_bytes=taken.peak or None, anon_bytes=taken.anon, file_bytes=taken.file,
    )  # fmt: skip


def _kills(pid: int | None) -> int | None:
    from core.fit.oom import kill_count

    return kill_count(pid)


def _is_memory(error: StudyError) -> bool:
    from core.fit.oom import OutOfMemory

    return isinstance(error, (EngineOutOfMemory, OutOfMemory))


def _explained(error: StudyError, report: FitReport, kills: int | None, pid: int | None) -> StudyError:
    """Say it was memory where the signs say so: the engine's words, the kernel's counter and log."""
    from core.fit import oom

    text = str(error.params.get("reason", "")) or error.message
    found = oom.explain(
        text=text, kills_before=kills, kills_after=oom.kill_count(pid), report=report, pid=pid
    )
    return found if found is not None else error
