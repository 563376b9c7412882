"""What calls, runs and sessions took, for the interfaces: computed from the rows of runs and spans, nowhere else."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from core.agent import semconv
from core.agent.types import Cost
from core.cost.calculate import Energy, cost_of, total
from core.errors import StudyError
from core.events import Span, Usage
from core.ground import Ground
from core.session import Store
from core.session.forks import COPY, ELSEWHERE
from core.settings import Settings

_Row = Mapping[str, Any]


class Costs:
    """What calls, runs and sessions took. Every method reads the store: call it in a worker."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    def of_run(self, run_id: str) -> Cost:
        """Return what one run took."""
        return of_runs(self._store(), self._ground.settings, run_id=run_id)

    def of_session(self, session_id: str) -> Cost:
        """Return what a session took: all of its runs, those too whose answers were asked for again.

        What a fork copied is counted where it was made.
        """
        return of_runs(self._store(), self._ground.settings, session_id=session_id)

    def by_run(self, session_id: str) -> dict[str, Cost]:
        """Return what each run of a session took, the copied ones of a fork too."""
        return each_run(self._store(), self._ground.settings, session_id=session_id, copies=True)

    def total(self) -> Cost:
        """Return what everything recorded here took, replays too; not what was imported."""
        return of_runs(self._store(), self._ground.settings)

    def _store(self) -> Store:
        store = self._ground.store_now()
        if store is None:
            raise StudyError("error.store.write", reason="closed")
        return store


def of_call(span: Span, settings: Settings) -> Cost:
    """Return what one recorded model call took."""
    joules = span.attributes.get(semconv.ENERGY_J)
    return cost_of(
        Usage(
            _whole(span.attributes.get(semconv.INPUT_TOKENS)),
            _whole(span.attributes.get(semconv.OUTPUT_TOKENS)),
        ),
        (span.duration_ms or 0.0) / 1000,
        Energy(float(joules) / 3600) if isinstance(joules, int | float) else None,
        settings,
        when=span.start,
    )


def of_runs(store: Store, settings: Settings, *, run_id: str = "", session_id: str = "") -> Cost:
    """Add up a run, a session's runs, or everything. Reads the store."""
    return total(each_run(store, settings, run_id=run_id, session_id=session_id).values())


def each_run(
    store: Store, settings: Settings, *, run_id: str = "", session_id: str = "", copies: bool = False
) -> dict[str, Cost]:
    """Return what each of them took, by run, oldest first. Reads the store.

    Args:
        copies: Of a session: its copied runs too, which were made, and are counted, in the session it was forked from.
    """
    where, value = ("r.id = ?", run_id) if run_id else ("r.session_id = ?", session_id)
    condition, values = (where, [value]) if value else ("1", [])
    if not run_id and not copies:
        elsewhere = ", ".join(f"'{kind}'" for kind in ((COPY,) if session_id else ELSEWHERE))
        condition += f" AND coalesce(r.kind, '') NOT IN ({elsewhere})"
    rows = store.query(
        "SELECT r.id, r.started_at, r.ended_at, r.input_tokens, r.output_tokens"
        f" FROM runs r WHERE {condition} ORDER BY r.started_at",
        values,
    )
    # Only what is counted is read: a call's span carries its whole request.
    calls: dict[str, list[_Row]] = defaultdict(list)
    for row in store.query(
        "SELECT s.run_id, s.kind, s.start, s.duration_ms"
        + "".join(f", json_extract(s.attributes, '$.\"{name}\"') AS {short}" for short, name in _READ.items())
        + " FROM spans s JOIN runs r ON r.id = s.run_id"
        f" WHERE s.kind IN ('model', 'embedding') AND {condition} ORDER BY s.seq",
        values,
    ):
        calls[row["run_id"]].append(row)
    watts = _gpu_watts(store, condition, values)
    return {row["id"]: _of_run(row, calls[row["id"]], watts.get(row["id"]), settings) for row in rows}


_READ = {"read": semconv.INPUT_TOKENS, "written": semconv.OUTPUT_TOKENS, "joules": semconv.ENERGY_J}


def _of_run(run: _Row, calls: list[_Row], watts: float | None, settings: Settings) -> Cost:
    costs = [_of_row(call, watts, settings) for call in calls]
    if any(cost.input_tokens or cost.output_tokens for cost in costs):
        return total(costs)
    # No call was recorded with its tokens: the run's own sums.
    usage = Usage(_whole(run["input_tokens"]), _whole(run["output_tokens"]))
    if not (usage.input_tokens or usage.output_tokens):
        return total(costs)
    seconds = sum(cost.seconds for cost in costs)
    seconds = seconds or max(0.0, (run["ended_at"] or run["started_at"]) - run["started_at"])
    return cost_of(usage, seconds, None, settings, when=run["started_at"])


def _of_row(call: _Row, watts: float | None, settings: Settings) -> Cost:
    seconds = (call["duration_ms"] or 0.0) / 1000
    if call["kind"] == "embedding":
        return cost_of(Usage(), seconds, None, settings, when=call["start"])
    metered: list[float] = []
    if isinstance(call["joules"], int | float):
        metered.append(call["joules"] / 3600)
    if watts is not None:
        # The card's meter does not see the processor, nor the processor's the card.
        metered.append(watts * seconds / 3600)
    energy = Energy(sum(metered)) if metered else None
    return cost_of(
        Usage(_whole(call["read"]), _whole(call["written"])), seconds, energy, settings, when=call["start"]
    )


def _whole(value: Any) -> int:
    return int(value) if isinstance(value, int | float) and 0 < value < 1e15 else 0


def _gpu_watts(store: Store, condition: str, values: list[str]) -> dict[str, float]:
    """Return what the graphics cards drew during each run, on average, where somebody looked."""
    drawn: dict[str, list[float]] = defaultdict(list)
    for row in store.query(
        "SELECT p.run_id, p.detail FROM samples p JOIN runs r ON r.id = p.run_id"
        f" WHERE {condition} AND p.detail LIKE '%\"power_w\"%'",
        values,
    ):
        cards = [card.get("power_w") for card in json.loads(row["detail"]).get("gpus", ())]
        known = [float(power) for power in cards if power is not None]
        if known:
            drawn[row["run_id"]].append(sum(known))
    return {run_id: sum(readings) / len(readings) for run_id, readings in drawn.items()}
