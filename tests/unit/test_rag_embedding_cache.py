"""Vectors by content: found again, bounded, and never in the way when the file is damaged."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import numpy as np
import pytest

from core.rag.embedding import EmbeddingCache
from core.rag.embedding import cache as module


def vectors(count: int, dim: int = 512, seed: int = 0) -> list[np.ndarray]:
    return list(np.random.default_rng(seed).standard_normal((count, dim)).astype(np.float32))


def test_what_is_put_is_found_by_name_and_text_also_by_the_next_program(tmp_path: Path) -> None:
    texts = [f"문단 {number}" for number in range(1200)] + ["", "\ud800", "nul\0"]
    kept = vectors(len(texts))
    one = EmbeddingCache(tmp_path / "deep" / "vectors.db")
    one.put_many("m", texts, kept)
    one.close()
    two = EmbeddingCache(tmp_path / "deep" / "vectors.db")
    found = two.get_many("m", [*texts, "never seen"])
    assert found[-1] is None and all((a == b).all() for a, b in zip(found, kept, strict=False))
    assert two.get_many("other", texts[:3]) == [None] * 3
    assert two.get_many("m문단", [" 0"]) == [None]
    two.close()


def test_a_vector_put_again_replaces_the_old_one(tmp_path: Path) -> None:
    cache = EmbeddingCache(tmp_path / "v.db")
    first, second = vectors(2)
    cache.put_many("m", ["가"], [first])
    cache.put_many("m", ["가"], [second])
    (found,) = cache.get_many("m", ["가"])
    assert found is not None and (found == second).all() and cache.size()[0] == 1
    cache.close()


def test_it_stays_within_its_size_and_drops_what_was_used_longest_ago(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hour = 0
    monkeypatch.setattr(module, "_now", lambda: hour)
    limit = 2 << 20
    cache = EmbeddingCache(tmp_path / "v.db", limit)
    cache.put_many("m", ["always asked for"], vectors(1))
    for hour in range(1, 60):
        cache.put_many("m", [f"{hour} {number}" for number in range(50)], vectors(50))
        assert cache.get_many("m", ["always asked for"])[0] is not None
    count, size = cache.size()
    assert size <= limit and count > 500
    assert cache.get_many("m", ["1 0"]) == [None] and cache.get_many("m", ["59 0"])[0] is not None
    cache.close()
    assert (tmp_path / "v.db").stat().st_size < 1.3 * limit


@pytest.mark.parametrize("damage", ["noise", "middle", "empty", "directory"])
def test_a_damaged_file_is_started_anew_and_said_in_the_log(
    damage: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "v.db"
    cache = EmbeddingCache(path)
    texts = [str(number) for number in range(300)]
    cache.put_many("m", texts, vectors(300))
    cache.close()
    if damage == "noise":
        path.write_bytes(b"this is no database at all" * 1000)
    elif damage == "middle":
        content = bytearray(path.read_bytes())
        content[module.PAGE_BYTES : 20 * module.PAGE_BYTES] = b"\xa5" * (19 * module.PAGE_BYTES)
        path.write_bytes(content)
    elif damage == "empty":
        path.write_bytes(b"")
    else:
        path.unlink()
        path.mkdir()
    again = EmbeddingCache(path)
    assert not any(vector is not None for vector in again.get_many("m", texts))
    again.put_many("m", texts, vectors(300))
    if damage != "directory":
        assert all(vector is not None for vector in again.get_many("m", texts))
    assert ("embedding cache" in caplog.text) is (damage != "empty")
    again.close()


def test_a_value_that_is_no_vector_is_not_returned(tmp_path: Path) -> None:
    cache = EmbeddingCache(tmp_path / "v.db")
    cache.put_many("m", ["a", "b", "c"], vectors(3))
    other = sqlite3.connect(tmp_path / "v.db")
    for number, value in enumerate(
        (b"\x01\x02\x03", np.full(4, np.nan, "<f4").tobytes(), bytes(16)), start=1
    ):
        other.execute("UPDATE vectors SET value = ? WHERE id = ?", (value, number))
    other.commit()
    other.close()
    assert cache.get_many("m", ["a", "b", "c"]) == [None] * 3
    cache.close()


def test_a_file_that_cannot_be_written_is_done_without(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way of a directory")
    cache = EmbeddingCache(tmp_path / "file" / "v.db")
    cache.put_many("m", ["a"], vectors(1))
    assert cache.get_many("m", ["a"]) == [None] and "not used this time" in caplog.text


def test_no_size_keeps_nothing_and_makes_no_file(tmp_path: Path) -> None:
    cache = EmbeddingCache(tmp_path / "v.db", 0)
    cache.put_many("m", ["a"], vectors(1))
    assert cache.get_many("m", ["a"]) == [None] and list(tmp_path.iterdir()) == []


def test_after_closing_and_clearing_nothing_is_found(tmp_path: Path) -> None:
    cache = EmbeddingCache(tmp_path / "v.db")
    cache.put_many("m", ["a"], vectors(1))
    cache.clear()
    assert cache.get_many("m", ["a"]) == [None]
    cache.put_many("m", ["a"], vectors(1))
    cache.close()
    assert cache.get_many("m", ["a"]) == [None]


def test_threads_and_two_programs_share_it(tmp_path: Path) -> None:
    caches = [EmbeddingCache(tmp_path / "v.db") for _ in range(2)]
    wrong: list[str] = []

    def work(number: int) -> None:
        cache = caches[number % 2]
        texts = [f"{number} {turn}" for turn in range(40)]
        kept = vectors(40, dim=16, seed=number)
        for text, vector in zip(texts, kept, strict=True):
            cache.put_many("m", [text], [vector])
        for text, vector, found in zip(texts, kept, cache.get_many("m", texts), strict=True):
            if found is None or not (found == vector).all():
                wrong.append(text)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not wrong and caches[0].size()[0] == 240
    for cache in caches:
        cache.close()
