"""Sends many requests: a fixed number of users (closed), or arrivals that do not wait for answers (open).

With closed users a slow server also slows the questions down, and the waiting of those who would have come is never
seen (coordinated omission). In open load every request has its time, and its latency counts from then.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine
from typing import Any

from core.lab.client import Ask, Measured, Target, measure
from core.lab.wire import clock

MakeAsk = Callable[[int], Ask]
"""Makes request number N."""
OnMeasured = Callable[[Measured], None]


async def closed(
    target: Target, make: MakeAsk, *, users: int, requests: int, on_measured: OnMeasured
) -> None:
    """Let so many users ask one request after another, until ``requests`` were made in all.

    Args:
        target: Where.
        make: Makes the requests.
        users: At the same time.
        requests: In all.
        on_measured: Told each as it ends, also those a cancellation ended.
    """
    numbers = iter(range(requests))

    async def user() -> None:
        for number in numbers:
            await _one(target, make(number), clock(), on_measured)

    await _all([user() for _ in range(min(users, requests))])


def arrivals(rate: float, count: int, seed: int) -> list[float]:
    """Return the first moments (seconds from the start) of a Poisson process: exponential gaps, fixed by the seed."""
    rng, now = random.Random(seed), 0.0
    moments: list[float] = []
    for _ in range(count):
        now += rng.expovariate(rate)
        moments.append(now)
    return moments


async def open_loop(target: Target, make: MakeAsk, *, moments: list[float], on_measured: OnMeasured) -> None:
    """Send each request at its moment, whatever became of those before it, and wait for all of them."""
    start = clock()

    async def arrive(number: int, due: float) -> None:
        await asyncio.sleep(max(0.0, due - clock()))
        await _one(target, make(number), due, on_measured)

    await _all([arrive(number, start + moment) for number, moment in enumerate(moments)])


async def _one(target: Target, ask: Ask, due: float, on_measured: OnMeasured) -> None:
    kept: list[Measured] = []
    try:
        await measure(target, ask, scheduled=due, kept=kept)
    finally:
        for found in kept:
            on_measured(found)


async def _all(work: list[Coroutine[Any, Any, None]]) -> None:
    async with asyncio.TaskGroup() as group:
        for one in work:
            group.create_task(one)
