"""Many users: a closed sweep, open Poisson arrivals, and the highest rate that meets the SLO."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from core.i18n import tr
from core.lab.bench import Bench, Step, interleaved
from core.lab.client import Ask
from core.lab.figures import requests as requests_of
from core.lab.figures import span_s
from core.lab.generator import arrivals, closed, open_loop
from core.lab.slo import Slo
from core.lab.types import LabRow

TRIALS = 8
"""Most rates the search tries."""
MIN_ARRIVALS = 10
"""A share of the requests takes this many at least."""
CLOSE = 1.15
"""The search ends when the rate that fails is this little above the one that passes."""
MOST = 500.0
SLOWEST = 6
"""A trial takes at most so many times the planned seconds: lower rates are not tried."""


async def walk(bench: Bench) -> None:
    """Measure."""
    options = bench.options
    bench.check_context(options["prompt"], options["output"])
    users, rates, repeats = options["users"], options["rates"], options["repeats"]
    sent = sum(max(options["requests"], 2 * one) for one in users) * repeats
    arriving = sum(max(MIN_ARRIVALS, rate * options["seconds"]) for rate in rates)
    search = options["search"]
    bench.plan(2 + sent + arriving + (TRIALS - 2) * MIN_ARRIVALS * bool(search))
    bench.say(tr("lab.now.warmup"))
    line = await bench.calibrate()
    words = line.words_for(options["prompt"])

    answered = 0.0
    for repeat, one in interleaved(users, repeats, options["seed"]):
        bench.say(tr("lab.now.load.closed", users=one))
        data = requests_of(await _closed(bench, words, one, repeat))
        answered = max(answered, len(data) / span_s(data) if span_s(data) else 0.0)
    for rate in rates:
        bench.say(tr("lab.now.load.open", rate=f"{rate:g}"))
        await _open(bench, f"open-{rate:g}", "open", rate, words)
    if search:
        await _search(bench, words, answered / 2 or 1.0)


def _make(bench: Bench, words: int, *parts: object) -> Callable[[int], Ask]:
    return bench.maker(words, bench.options["output"], bench.seed(*parts))


async def _closed(bench: Bench, words: int, users: int, repeat: int) -> list[LabRow]:
    requests = max(bench.options["requests"], 2 * users)

    async def work(step: Step) -> None:
        await closed(
            bench.control.target(), _make(bench, words, "closed", users, repeat), users=users, requests=requests,
            on_measured=lambda found: step.request(found, repeat=repeat),
        )  # fmt: skip

    point = {"load": "closed", "users": users}
    return await bench.step(f"closed-{users}-{repeat}", point, work, weight=requests)


async def _open(bench: Bench, key: str, load: str, rate: float, words: int) -> list[LabRow]:
    count = max(MIN_ARRIVALS, round(rate * bench.options["seconds"]))
    moments = arrivals(rate, count, bench.seed(key))

    async def work(step: Step) -> None:
        await open_loop(
            bench.control.target(), _make(bench, words, key), moments=moments, on_measured=step.request
        )

    weight = len(moments) if load == "open" else MIN_ARRIVALS
    facts: dict[str, Any] = {"seconds": round(moments[-1], 3)}
    return await bench.step(key, {"load": load, "rate": round(rate, 4)}, work, weight=weight, facts=facts)


async def _search(bench: Bench, words: int, rate: float) -> None:
    """Double (or halve) the rate until the SLO is lost (or met), then halve the distance."""
    slo = Slo.of(bench.options)
    passed: float | None = None
    failed: float | None = None
    for trial in range(TRIALS):
        bench.say(tr("lab.now.load.search", rate=f"{rate:.3g}"))
        rows = await _open(bench, f"search-{trial}", "search", rate, words)
        if slo.met_by([row.data for row in rows if row.kind == "request"]):
            passed = rate
        else:
            failed = rate
        if passed is not None and failed is not None:
            if failed / passed <= CLOSE:
                return
            rate = (passed * failed) ** 0.5
        else:
            rate = rate * 2 if failed is None else rate / 2
        if rate > MOST or rate < MIN_ARRIVALS / (SLOWEST * bench.options["seconds"]):
            return
