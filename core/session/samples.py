"""Samples of the machine and the engine: batched rows, each linked to the run that was generating.

What bounds them: samples of no run become rows of a minute (mean and peak) after an hour, minutes live 30 days, and a
run's samples are thinned to :data:`RUN_SAMPLES` after a day, its peaks kept. Each batch does a bounded part of it.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from core.events import ContainerUse, Detail, Gpu, LoadedUse, Sample
from core.session import chat
from core.session.store import Store

if TYPE_CHECKING:
    from sqlite_utils import Database

RAW_S = 3600.0
"""Samples that belong to no run are kept as they are this long, then as minutes."""

MINUTES_S = 30 * 24 * 3600.0
"""Minutes are kept this long; a run's samples live as long as its session."""

THIN_S = 24 * 3600.0
"""A run's samples are thinned when they are this old."""

RUN_SAMPLES = 300
"""Samples that are left of a run then, at most."""

BATCH_ROWS = 600
"""Rows that one batch turns into minutes at most: ten minutes of an idle machine."""

BATCH_RUN_ROWS = 2000
"""Rows in which one batch looks for runs to thin."""

_FIELDS = tuple(field.name for field in dataclasses.fields(Sample))
_NUMBERS = tuple(name for name in _FIELDS if name not in ("ts", "run_id", "detail"))
_COLUMNS = ", ".join(_FIELDS)
_DETAILS = {field.name: field.default for field in dataclasses.fields(Detail)}
#: Sizes are drawn with their peak: what counts is whether they fitted. The rest is drawn with its mean.
_PEAKS = frozenset(name for name in _NUMBERS if name.endswith("_bytes") and "available" not in name)


def add_samples(store: Store, samples: Sequence[Sample]) -> Future[None]:
    """Write samples, and do a part of the upkeep of the earlier ones."""
    rows = [_row(sample) for sample in samples]

    def work(db: Database) -> None:
        if rows:
            db.table("samples").insert_all(rows)
            now = rows[-1]["ts"]
            _to_minutes(db, now)
            _thin(db, now)
            db.execute("DELETE FROM sample_minutes WHERE ts < ?", [now - MINUTES_S])

    return store.submit(work)


def for_run(store: Store, run_id: str) -> list[Sample]:
    """Return a run's samples, oldest first."""
    rows = store.query(f"SELECT {_COLUMNS} FROM samples WHERE run_id = ? ORDER BY ts", [run_id])
    return [_sample(row) for row in rows]


def recent(store: Store, since: float) -> list[Sample]:
    """Return samples taken after ``since`` (Unix seconds), oldest first."""
    rows = store.query(f"SELECT {_COLUMNS} FROM samples WHERE ts > ? ORDER BY ts", [since])
    return [_sample(row) for row in rows]


def between(store: Store, start: float, end: float, points: int = 600) -> list[Sample]:
    """Return what is known of a stretch of time, from samples and from minutes, oldest first.

    Args:
        store: Where it is.
        start: Unix seconds.
        end: Unix seconds.
        points: Samples returned at most. With more, neighbours become one: the peak of sizes, the mean of the rest,
            no details.
    """
    if end <= start or points < 1:
        return []
    where, place = "FROM samples WHERE ts >= ? AND ts < ?", [start, end]
    minutes = store.query(
        "SELECT ts, mean, peak FROM sample_minutes WHERE ts >= ? AND ts < ? ORDER BY ts",
        [int(start // 60 * 60), end],
    )
    count = store.query(f"SELECT count(*) AS n {where}", place)[0]["n"]
    old = [_minute(row) for row in minutes]
    if count + len(old) <= points:
        rows = store.query(f"SELECT {_COLUMNS} {where} ORDER BY ts", place)
        found = old + [_sample(row) for row in rows]
    else:
        width = (end - start) / points
        sums = ", ".join(f"{'max' if name in _PEAKS else 'avg'}({name}) AS {name}" for name in _NUMBERS)
        rows = store.query(
            f"SELECT avg(ts) AS ts, max(run_id) AS run_id, {sums} {where} GROUP BY CAST((ts - ?) / ? AS INTEGER)",
            [*place, start, width],
        )
        found = old + [_sample({**row, "detail": None}) for row in rows]
    found.sort(key=lambda sample: sample.ts)
    return _at_most(found, points, start, end)


def marks(store: Store, run_id: str) -> list[tuple[float, str]]:
    """Return where the parts of a run begin: Unix seconds and ``load``, ``prefill``, ``first_token`` or ``end``.

    Load and prefill are those of the model call that wrote the first token, as the engine timed them; its clock
    began when the request reached it, so both are late by the time on the way.
    """
    run = chat.get_run(store, run_id)
    if run is None:
        return []
    found: list[tuple[float, str]] = []
    first = run.started_at + run.ttft_ms / 1000 if run.ttft_ms is not None else None
    calls = [span for span in chat.spans(store, run_id=run_id) if span.kind == "model"]
    if first is not None:
        calls = [span for span in calls if span.start <= first] or calls
    if calls:
        call = calls[-1]
        # Names of core.agent.semconv, a room above this one.
        load, prompt = (
            _number(call.attributes.get(f"app.response.{name}_ms")) for name in ("load", "prompt")
        )
        if load:
            found.append((call.start, "load"))
        if prompt:
            found.append((call.start + (load or 0.0) / 1000, "prefill"))
    if first is not None:
        # The engine's clock and ours may differ by a little: parts do not overlap.
        found = [(min(ts, first), kind) for ts, kind in found]
        found.append((first, "first_token"))
    if run.ended_at is not None:
        found.append((run.ended_at, "end"))
    return found


# -- rows ---------------------------------------------------------------------------------------------------


def _row(sample: Sample) -> dict[str, Any]:
    row = {name: getattr(sample, name) for name in _FIELDS}
    row["detail"] = _write(sample.detail) if sample.detail is not None else None
    return row


def _write(detail: Detail) -> str:
    """Write the figures that are known."""
    known = {
        name: getattr(detail, name) for name, default in _DETAILS.items() if getattr(detail, name) != default
    }
    return json.dumps({name: _plain(value) for name, value in known.items()}, separators=(",", ":"))


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {key: one for key, one in dataclasses.asdict(value).items() if one is not None}
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return round(value, 2) if isinstance(value, float) and value < 1e9 else value


def _sample(row: Mapping[str, Any]) -> Sample:
    values = {name: row[name] for name in _FIELDS}
    values["detail"] = _read(row["detail"]) if row["detail"] else None
    return Sample(**values)


def _read(text: str) -> Detail | None:
    """Read details back; figures that another version wrote and this one does not know are left out."""
    try:
        values = {name: value for name, value in json.loads(text).items() if name in _DETAILS}
        for name in ("cores_percent", "load_average"):
            if name in values:
                values[name] = tuple(values[name])
        if "gpus" in values:
            values["gpus"] = tuple(Gpu(**one) for one in values["gpus"])
        if "loaded" in values:
            values["loaded"] = tuple(LoadedUse(**one) for one in values["loaded"])
        if "container" in values:
            values["container"] = ContainerUse(**values["container"])
        return Detail(**values)
    except (ValueError, TypeError, AttributeError):
        return None


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) else None


# -- upkeep -------------------------------------------------------------------------------------------------


def _to_minutes(db: Database, now: float) -> None:
    """Turn the oldest samples without a run into minutes."""
    until = (now - RAW_S) // 60 * 60
    rows = list(
        db.query(
            f"SELECT id, {_COLUMNS} FROM samples WHERE run_id IS NULL AND ts < ? ORDER BY ts LIMIT ?",
            [until, BATCH_ROWS],
        )
    )
    groups: dict[int, list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault(int(row["ts"] // 60 * 60), []).append(row)
    if len(rows) == BATCH_ROWS and len(groups) > 1:
        groups.popitem()  # Cut in the middle, perhaps: the next batch takes it whole.
    for minute, members in groups.items():
        _add_minute(db, minute, members)
        db.conn.executemany("DELETE FROM samples WHERE id = ?", [(row["id"],) for row in members])


def _add_minute(db: Database, minute: int, rows: Sequence[Mapping[str, Any]]) -> None:
    values: dict[str, list[float]] = {}
    for row in rows:
        for name, value in _figures(row):
            values.setdefault(name, []).append(value)
    mean = {name: sum(many) / len(many) for name, many in values.items()}
    peak = {name: max(many) for name, many in values.items()}
    count = len(rows)
    before = next(iter(db.query("SELECT count, mean, peak FROM sample_minutes WHERE ts = ?", [minute])), None)
    if before is not None:
        old_mean, old_peak, old = json.loads(before["mean"]), json.loads(before["peak"]), before["count"]
        for name, value in old_mean.items():
            mean[name] = (value * old + mean[name] * count) / (old + count) if name in mean else value
            peak[name] = max(old_peak[name], peak.get(name, old_peak[name]))
        count += old
    written = [
        json.dumps({name: round(value, 2) for name, value in part.items()}, separators=(",", ":"))
        for part in (mean, peak)
    ]
    db.execute(
        "INSERT OR REPLACE INTO sample_minutes (ts, count, mean, peak) VALUES (?, ?, ?, ?)",
        [minute, count, *written],
    )


def _figures(row: Mapping[str, Any]) -> Iterable[tuple[str, float]]:
    """Return the numbers of a row, the finer ones as ``detail.<name>``."""
    for name in _NUMBERS:
        if row[name] is not None:
            yield name, row[name]
    if row["detail"]:
        try:
            detail = json.loads(row["detail"])
        except ValueError:
            return
        for name, value in detail.items():
            if isinstance(value, int | float):
                yield f"detail.{name}", value


def _minute(row: Mapping[str, Any]) -> Sample:
    """Build the sample that stands for a minute, in its middle."""
    mean, peak = json.loads(row["mean"]), json.loads(row["peak"])
    values: dict[str, Any] = {}
    for name in _NUMBERS:
        value = (peak if name in _PEAKS else mean).get(name)
        whole = name.endswith("_bytes") or name == "engine_processes"
        values[name] = round(value) if value is not None and whole else value
    return Sample(ts=row["ts"] + 30.0, **values)


def _thin(db: Database, now: float) -> None:
    """Thin the runs whose samples became old since the last time."""
    done = next(iter(db.query("SELECT thinned_until FROM sample_upkeep WHERE id = 1")))["thinned_until"]
    rows = list(
        db.query(
            "SELECT run_id, ts FROM samples WHERE ts > ? AND ts <= ? AND run_id IS NOT NULL ORDER BY ts LIMIT ?",
            [done, now - THIN_S, BATCH_RUN_ROWS],
        )
    )
    if not rows:
        return
    for run_id in dict.fromkeys(row["run_id"] for row in rows):
        last = next(iter(db.query("SELECT max(ts) AS ts FROM samples WHERE run_id = ?", [run_id])))["ts"]
        if last <= rows[-1]["ts"]:  # Else it is met again when its last sample is.
            _thin_run(db, run_id)
    db.execute("UPDATE sample_upkeep SET thinned_until = ? WHERE id = 1", [rows[-1]["ts"]])


def _thin_run(db: Database, run_id: str) -> None:
    rows = list(
        db.query(
            "SELECT id, engine_pss_bytes, engine_rss_bytes, engine_cpu_percent, tokens_per_s FROM samples "
            "WHERE run_id = ? ORDER BY ts",
            [run_id],
        )
    )
    if len(rows) <= RUN_SAMPLES:
        return

    def memory(row: Mapping[str, Any]) -> float:
        return float(row["engine_pss_bytes"] or row["engine_rss_bytes"] or 0)

    kept = {rows[0]["id"], rows[-1]["id"]}
    kept.add(max(rows, key=lambda row: row["engine_cpu_percent"] or 0)["id"])
    kept.add(max(rows, key=lambda row: row["tokens_per_s"] or 0)["id"])
    stretches = (RUN_SAMPLES - len(kept)) // 2
    for number in range(stretches):
        stretch = rows[number * len(rows) // stretches : (number + 1) * len(rows) // stretches]
        if stretch:
            kept |= {max(stretch, key=memory)["id"], min(stretch, key=memory)["id"]}
    db.conn.executemany(
        "DELETE FROM samples WHERE id = ?", [(row["id"],) for row in rows if row["id"] not in kept]
    )


def _at_most(found: list[Sample], points: int, start: float, end: float) -> list[Sample]:
    """Leave the sample with the most memory of each stretch, where minutes and samples together are too many."""
    if len(found) <= points:
        return found
    width = (end - start) / points
    stretches: dict[int, Sample] = {}
    for sample in found:
        place = min(points - 1, max(0, int((sample.ts - start) / width)))
        known = stretches.get(place)
        if known is None or (sample.engine_pss_bytes or 0) > (known.engine_pss_bytes or 0):
            stretches[place] = sample
    return list(stretches.values())
