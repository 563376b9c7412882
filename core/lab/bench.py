"""What an experiment works with: steps that are measured once, their rows, and how far it is.

An experiment is a function that walks through steps. A step that is already on disk (the run was interrupted and
resumed) is not measured again: its rows are handed back, so that what depends on them goes the same way.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar

from core.errors import UsageError
from core.lab import prompts
from core.lab.client import Ask, Measured
from core.lab.control import Control, MemoryProbe
from core.lab.generator import closed
from core.lab.lag import LagProbe
from core.lab.types import LabRow
from core.lab.wire import clock
from core.paths import Paths
from core.settings import Settings

T = TypeVar("T")
Write = Callable[[str, Mapping[str, Any], Mapping[str, Any], bool], "Future[int]"]
"""Write a row: kind, point, data, warm-up."""


@dataclass(slots=True)
class Progress:
    """How far a run is, in the experiment's own unit of work (about one request)."""

    done: float = 0.0
    total: float = 0.0
    done_here: float = 0.0
    """Of ``done``, what this process measured."""
    since: float = 0.0
    now: str = ""

    def eta_s(self) -> float | None:
        """Seconds to go at the pace so far; ``None`` before there is one."""
        if self.done_here <= 0 or self.total <= 0:
            return None
        return max(0.0, (clock() - self.since) / self.done_here * (self.total - self.done))


class Step:
    """One step while it is measured: collects rows. Made by :meth:`Bench.step`."""

    def __init__(self, bench: Bench, key: str, point: Mapping[str, Any], warmup: bool, attempt: int) -> None:
        self._bench = bench
        self.key, self.point, self.warmup, self.attempt = key, dict(point), warmup, attempt
        self.origin = clock()
        self.rows: list[LabRow] = []
        self.writing: list[Future[int]] = []
        self.seen: list[Measured] = []

    def add(self, kind: str, data: Mapping[str, Any]) -> None:
        """Write a row of this step."""
        full = {**data, "step": self.key, "attempt": self.attempt}
        self.rows.append(LabRow(0, "", 0.0, kind, self.point, full, self.warmup))
        self.writing.append(self._bench.write(kind, self.point, full, self.warmup))

    def request(self, found: Measured, **more: Any) -> None:
        """Write what one request took."""
        self.seen.append(found)
        self.add("request", {**found.data(self.origin), **more})


class Bench:
    """Handed to the experiment.

    Args:
        options: Of the experiment, checked.
        control: The engine and the model.
        settings: The program's.
        paths: The program's.
        write: Writes a row.
        known: Rows measured before, by an earlier process.
        told: Called whenever :attr:`progress` changed.
    """

    def __init__(
        self,
        *,
        options: Mapping[str, Any],
        control: Control,
        settings: Settings,
        paths: Paths,
        write: Write,
        known: Sequence[LabRow] = (),
        told: Callable[[], None] = lambda: None,
        engine_kind: str = "ollama",
    ) -> None:
        self.options = options
        self.control = control
        self.settings = settings
        self.paths = paths
        self.write = write
        self.engine_kind = engine_kind
        self.progress = Progress(since=clock())
        self._told = told
        self._complete: dict[str, list[LabRow]] = {}
        self._attempts: dict[str, int] = {}
        for row in known:
            key = str(row.data.get("step", ""))
            attempt = int(row.data.get("attempt", 1))
            self._attempts[key] = max(attempt, self._attempts.get(key, 0))
        for key, attempt in self._attempts.items():
            rows = [
                row for row in known if row.data.get("step") == key and row.data.get("attempt") == attempt
            ]
            if any(row.kind == "step" for row in rows):
                self._complete[key] = rows

    def plan(self, total: float) -> None:
        """Say how much work there is in all."""
        self.progress.total = total
        self._told()

    def say(self, now: str) -> None:
        """Say what is being measured, a sentence."""
        self.progress.now = now
        self._told()

    async def step(
        self,
        key: str,
        point: Mapping[str, Any],
        work: Callable[[Step], Awaitable[None]],
        *,
        warmup: bool = False,
        weight: float = 1.0,
        control: Control | None = None,
        facts: Mapping[str, Any] | None = None,
    ) -> list[LabRow]:
        """Measure one step, or hand back what was measured before.

        Args:
            key: Names the step within the run, the same each time.
            point: What was varied.
            work: Does it.
            warmup: Its rows are kept, and left out of the figures.
            weight: Its share of the work.
            control: Another engine than the run's.
            facts: More for the step's own row.
        """
        if key in self._complete:
            self.progress.done += weight
            self._told()
            return self._complete[key]
        attempt = self._attempts.get(key, 0) + 1
        step = Step(self, key, point, warmup, attempt)
        async with MemoryProbe(control or self.control) as memory, LagProbe() as lag:
            await work(step)
        step.add("lag", lag.data())
        if memory.data():
            step.add("memory", memory.data())
        step.add("step", {"wall_ms": round((clock() - step.origin) * 1e3, 3), **(facts or {})})
        # The rows are on disk before the run goes on: a full disk ends it here.
        await asyncio.gather(*(asyncio.wrap_future(one) for one in step.writing))
        self.progress.done += weight
        self.progress.done_here += weight
        self._told()
        lost = [one for one in step.seen if one.outcome == "unreachable"]
        if step.seen and len(lost) == len(step.seen):
            await (control or self.control).wait_back()
        return step.rows

    async def calibrate(self, control: Control | None = None, key: str = "calibrate") -> prompts.Calibration:
        """Warm up, and learn how many tokens a word takes from two short prompts."""
        sizes, seed = (8, 64), int(self.options.get("seed", 7))
        used = control or self.control

        async def work(step: Step) -> None:
            for words in sizes:
                kept: list[Measured] = []
                make = self.maker(words, 2, seed + words)
                await closed(used.target(), make, users=1, requests=1, on_measured=kept.append)
                for found in kept:
                    step.request(found, words=words)

        rows = await self.step(key, {}, work, warmup=True, weight=2, control=control)
        tokens = {
            row.data.get("words"): row.data.get("prompt_tokens") for row in rows if row.kind == "request"
        }
        short, long = tokens.get(sizes[0]), tokens.get(sizes[1])
        if not short or not long or long <= short:
            # A server that counts only what its cache did not have, or not at all: words are all there is.
            return prompts.Calibration(0.0, 1.0)
        return prompts.Calibration.between(sizes[0], short, sizes[1], long)

    def maker(self, words: int, output: int, seed: int, *, same: bool = False) -> Callable[[int], Ask]:
        """Return what makes request number N: a fresh prompt each (or always the same), a seed of its own."""
        return lambda number: Ask(prompts.fresh(words, seed if same else seed + number), output, seed)

    def seed(self, *parts: object) -> int:
        """Return a seed for one part of the run, fixed by the run's seed."""
        return random.Random(repr((self.options.get("seed", 7), *parts))).randrange(2**31)

    def check_context(self, prompt: int, output: int, num_ctx: int | None = None) -> None:
        """Refuse prompts that cannot fit.

        Raises:
            UsageError: They do not.
        """
        limit = num_ctx or int(self.control.options.get("num_ctx") or 0)
        if limit and prompt + output > limit:
            raise UsageError("error.lab.context", prompt=prompt, output=output, num_ctx=limit)


def interleaved(points: Sequence[T], repeats: int, seed: int) -> list[tuple[int, T]]:
    """Return (repeat, point) in Latin-square order: shuffled once, turned by one in each repeat.

    So no point always comes first, nor always after the same other one's place: a machine that warms up or slows
    down during the run touches all of them alike.
    """
    order = list(points)
    random.Random(seed).shuffle(order)
    turn = max(1, len(order) // max(1, repeats)) if order else 1
    return [
        (repeat, point)
        for repeat in range(repeats)
        for point in order[(repeat * turn) % len(order) :] + order[: (repeat * turn) % len(order)]
    ]
