"""Samples in the store: read back whole, bounded by minutes and thinning, drawn over any stretch of time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.events import ContainerUse, Detail, Gpu, LoadedUse, Sample
from core.session import Store, chat, samples

NOW = 1_800_000_000.0
MIB = 2**20


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(tmp_path / "session.db")
    yield opened
    opened.close()


def add(store: Store, *rows: Sample) -> None:
    samples.add_samples(store, rows).result()


def run_of(store: Store) -> str:
    session = chat.create_session(store).result()
    return (
        chat.begin_run(store, session.id, "?", engine="embedded", engine_version="1", model="m", options={})
        .result()
        .run_id
    )


def counted(store: Store, table: str) -> int:
    return int(store.query(f"SELECT count(*) AS n FROM {table}")[0]["n"])


def test_details_come_back_as_they_were(store: Store) -> None:
    detail = Detail(
        cores_percent=(1.0, 99.5),
        load_average=(0.5, 0.25, 0.1),
        disk_read=1024.0,
        gpus=(Gpu("card", 40.0, memory_used_bytes=5),),
        container=ContainerUse("ollama", "running", memory_bytes=7),
        loaded=(LoadedUse("m", 3),),
        kv_used_tokens=12,
    )
    add(store, Sample(ts=NOW, detail=detail), Sample(ts=NOW + 1))
    first, second = samples.recent(store, NOW - 1)
    assert first.detail == detail
    assert second.detail is None


def test_an_hour_old_samples_become_minutes_that_keep_mean_and_peak(store: Store) -> None:
    start = NOW // 60 * 60
    old = [
        Sample(ts=start + second, cpu_percent=float(second), engine_pss_bytes=second * MIB)
        for second in range(60)
    ]
    add(store, *old)
    assert counted(store, "samples") == 60
    add(store, Sample(ts=start + samples.RAW_S + 120))
    assert counted(store, "samples") == 1
    (minute,) = samples.between(store, start, start + 60)
    assert minute.cpu_percent == pytest.approx(29.5)
    # Sizes are shown with their peak: what counts is whether they fitted.
    assert minute.engine_pss_bytes == 59 * MIB


def test_a_minute_that_comes_in_two_parts_is_one(store: Store) -> None:
    start = NOW // 60 * 60
    add(store, Sample(ts=start, cpu_percent=10.0))
    add(store, Sample(ts=start + samples.RAW_S + 120))
    add(store, Sample(ts=start + 30, cpu_percent=30.0), Sample(ts=start + samples.RAW_S + 121))
    (minute,) = samples.between(store, start, start + 60)
    assert minute.cpu_percent == pytest.approx(20.0)


def test_minutes_are_dropped_after_their_time(store: Store) -> None:
    add(store, Sample(ts=NOW))
    add(store, Sample(ts=NOW + 2 * samples.RAW_S))
    assert counted(store, "sample_minutes") == 1
    add(store, Sample(ts=NOW + samples.MINUTES_S + samples.RAW_S))
    assert counted(store, "sample_minutes") == 1  # The second of them by now; the first is gone.
    assert samples.between(store, NOW - 60, NOW + 60) == []


def test_a_runs_samples_stay_and_are_thinned_after_a_day_with_their_peaks(store: Store) -> None:
    run = run_of(store)
    many = [Sample(ts=NOW + i * 0.2, run_id=run, engine_pss_bytes=100 * MIB) for i in range(1500)]
    many[777] = Sample(ts=NOW + 777 * 0.2, run_id=run, engine_pss_bytes=900 * MIB)
    add(store, *many)
    add(store, Sample(ts=NOW + samples.RAW_S * 2))
    assert len(samples.for_run(store, run)) == 1500
    later = NOW + samples.THIN_S + 400
    add(store, Sample(ts=later))
    left = samples.for_run(store, run)
    assert len(left) <= samples.RUN_SAMPLES
    assert max(sample.engine_pss_bytes or 0 for sample in left) == 900 * MIB
    assert (left[0].ts, left[-1].ts) == (many[0].ts, many[-1].ts)


def test_a_long_stretch_is_drawn_with_few_points_and_its_peak(store: Store) -> None:
    rows = [
        Sample(ts=NOW + i, engine_pss_bytes=(500 if i == 333 else 100) * MIB, cpu_percent=50.0)
        for i in range(900)
    ]
    add(store, *rows)
    drawn = samples.between(store, NOW, NOW + 900, points=100)
    assert len(drawn) <= 100
    assert max(sample.engine_pss_bytes or 0 for sample in drawn) == 500 * MIB
    assert [sample.ts for sample in drawn] == sorted(sample.ts for sample in drawn)


def test_a_batch_does_a_bounded_part_of_the_upkeep(store: Store) -> None:
    rows = [Sample(ts=NOW + i) for i in range(3 * samples.BATCH_ROWS)]
    add(store, *rows)
    add(store, Sample(ts=NOW + samples.RAW_S * 3))
    left = counted(store, "samples")
    assert 2 * samples.BATCH_ROWS <= left < 3 * samples.BATCH_ROWS
    for second in range(4):
        add(store, Sample(ts=NOW + samples.RAW_S * 3 + second + 1))
    assert counted(store, "samples") == 5
