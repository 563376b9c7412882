"""Is the client itself the bottleneck? Watches how late the event loop wakes up while a point is measured."""

from __future__ import annotations

import asyncio
import contextlib
from types import TracebackType
from typing import Any, Self

from core.lab.stats import percentile
from core.lab.wire import clock

PERIOD_S = 0.01
LIMIT_MS = 10.0
LIMIT_OF_ITL = 0.1
"""Latencies are trusted while p99 of the lag is below the larger of 10 ms and a tenth of the inter-token latency."""


class LagProbe:
    """``async with LagProbe() as probe: …``, then :meth:`data`."""

    def __init__(self) -> None:
        self.late_ms: list[float] = []
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._watch())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _watch(self) -> None:
        while True:
            due = clock() + PERIOD_S
            await asyncio.sleep(PERIOD_S)
            self.late_ms.append(max(0.0, (clock() - due) * 1e3))

    def data(self) -> dict[str, Any]:
        """Return the lag's median, p99 and maximum, in ms, and how often it was looked at."""
        if not self.late_ms:
            return {"n": 0}
        return {
            "n": len(self.late_ms),
            "p50_ms": round(percentile(self.late_ms, 0.5), 3),
            "p99_ms": round(percentile(self.late_ms, 0.99), 3),
            "max_ms": round(max(self.late_ms), 3),
        }


def too_late(p99_ms: float, itl_ms: float | None) -> bool:
    """Say whether latencies measured with this lag must not be trusted."""
    return p99_ms > max(LIMIT_MS, LIMIT_OF_ITL * (itl_ms or 0.0))
