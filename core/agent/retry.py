"""When a model call is tried again, and how long is waited before."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

from core.errors import StudyError
from core.events import RunWaits
from core.i18n import tr
from core.ollama.errors import BadAnswer, EngineError, EngineRefused

if TYPE_CHECKING:
    from core.agent.state import RunState

FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 8.0


def can_be_retried(error: StudyError) -> bool:
    """Say whether a model call may work the next time: transport, 5xx, a crash, a garbled or cut answer; never 4xx."""
    if isinstance(error, EngineRefused):
        return int(error.params.get("status") or 0) >= 500
    return isinstance(error, EngineError) and (error.retryable or isinstance(error, BadAnswer))


def wait_s(attempt: int) -> float:
    """Return the wait before the attempt after ``attempt``: doubling, a quarter more or less by chance, bounded."""
    return min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** (attempt - 1)) * random.uniform(0.75, 1.25)


async def pause(run: RunState, error: StudyError, attempt: int) -> None:
    """Wait before the next attempt, in a span, and until the engine is there again."""
    seconds, most = wait_s(attempt) * run.settings.retry_pace, run.settings.retries + 1
    attributes = {
        "app.retry.attempt": attempt + 1,
        "app.retry.wait_s": round(seconds, 3),
        "error.type": error.key,
        "app.error.message": error.message,
    }
    say = tr("agent.waits.retry", reason=error.message.rstrip("."), seconds=f"{seconds:.0f}", attempt=attempt + 1, most=most)  # fmt: skip
    ids = (run.recorder.run.run_id, run.recorder.run.session_id)
    run.emit(RunWaits(*ids, say))
    try:
        async with run.recorder.span(f"retry {attempt + 1}/{most}  {error.key}", "retry", attributes):
            await asyncio.sleep(seconds)
            await run.engine_ready()
    finally:
        run.emit(RunWaits(*ids, ""))
