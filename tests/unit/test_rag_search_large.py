"""Search of an index large enough for a vector index, and its snapshot kept in a file; made large by lower limits."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.rag import index as index_module
from core.rag import snapshot as snapshot_module
from core.rag import snapshot_file
from core.rag.chunking import Chunk
from core.rag.index import Index
from core.rag.search import Options, search

DIM = 128
COUNT = 600
"""Chunks, ten to a document."""


@pytest.fixture(autouse=True)
def low_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_module, "VECTOR_INDEX_ROWS", 300)
    monkeypatch.setattr(index_module, "AT_ONCE_ROWS", 50)
    monkeypatch.setattr(index_module, "PATIENCE", 0)


def vectors(count: int, seed: int) -> Any:
    """Not of length 1: not every model's are."""
    return 3 * np.random.default_rng(seed).standard_normal((count, DIM)).astype(np.float32)


def alike(number: int, place: int) -> Any:
    """Return what is as near a chunk as a question is to its answer: a cosine of 0.45, of 0.3 to the next."""
    return vectors(10, number)[place] + 2 * vectors(1, 1_000)[0]


def document(number: int, seed: int, words: str = "") -> tuple[str, list[Chunk], list[Any], str]:
    texts = [f"{number}번 문서의 {ordinal}번째 단락 {words}" for ordinal in range(10)]
    chunks = [
        Chunk(
            ordinal, f"{ordinal // 5}장", text, 100 * ordinal, 100 * ordinal + len(text), ordinal or None, 3
        )
        for ordinal, text in enumerate(texts)
    ]
    return f"d{number:03}", chunks, list(vectors(10, seed)), f"문서 {number}"


@pytest.fixture
async def large(tmp_path: Path) -> AsyncIterator[Index]:
    index = Index(tmp_path / "index", "m")
    await index.replace_many([document(number, number) for number in range(COUNT // 10)])
    await index.compact()
    yield index
    index.close()


async def found(index: Index, vector: Any, query: str = "아무도 쓰지 않은 낱말", **options: Any) -> list[Any]:
    async def embed(_text: str) -> Any:
        return vector

    return list((await search(index, embed, query, Options(expand=False, **options))).passages)


async def test_what_is_near_in_meaning_is_found_without_a_word_in_common(large: Index) -> None:
    for number, place in ((7, 3), (31, 0), (58, 9)):
        vector = alike(number, place)
        best = (await found(large, vector))[0]
        assert (best.document_id, best.ordinal, best.vector_rank) == (f"d{number:03}", place, 1)
        own = vectors(10, number)[place]
        exact = own @ vector / np.linalg.norm(own) / np.linalg.norm(vector)
        assert best.cosine == pytest.approx(exact, abs=1e-3)


async def test_passages_say_where_they_are(large: Index) -> None:
    for passage in await found(large, vectors(10, 12)[0], k=10):
        stored = dict(await large.chunks(passage.document_id))
        chunk = stored[passage.chunk_id]
        assert (passage.text, passage.page, passage.line, passage.section, passage.char_start) == (
            chunk.text,
            chunk.page,
            chunk.line,
            chunk.section,
            chunk.char_start,
        )


async def test_what_was_added_since_the_vector_index_was_made_neither_hides_nor_crowds_out(
    large: Index,
) -> None:
    await large.replace_many([document(number, number) for number in range(100, 130)])
    old, new = alike(20, 4), alike(117, 6)
    assert [(one.document_id, one.ordinal) for one in await found(large, old, k=1)] == [("d020", 4)]
    assert [(one.document_id, one.ordinal) for one in await found(large, new, k=1)] == [("d117", 6)]


async def test_the_nearest_of_a_few_documents_are_found_wherever_they_lie(large: Index) -> None:
    few = frozenset({"d003", "d044"})
    passages = await found(large, vectors(10, 50)[0], documents=few, k=20)
    assert len(passages) == 20 and {passage.document_id for passage in passages} == few
    assert all(passage.vector_rank for passage in passages)


async def test_a_vector_index_of_an_earlier_version_is_replaced(large: Index) -> None:
    from lancedb.index import IvfSq

    table = await large._open()
    await table.drop_index(index_module.VECTORS)
    await table.create_index("vector", config=IvfSq(distance_type="cosine"))
    await large.compact()
    assert [index.name for index in await table.list_indices()] == [index_module.VECTORS]


async def test_an_earlier_vector_index_goes_although_the_program_ended_before_it_was_dropped(
    large: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lancedb.index import IvfSq

    table = await large._open()
    await table.drop_index(index_module.VECTORS)
    await table.create_index("vector", config=IvfSq(distance_type="cosine"))

    async def killed(*_args: Any) -> None:
        raise RuntimeError

    with monkeypatch.context() as cut_off, pytest.raises(RuntimeError):
        cut_off.setattr(type(table), "drop_index", killed)
        await large.compact()
    await large.compact()
    assert [index.name for index in await table.list_indices()] == [index_module.VECTORS]


# -- the file -----------------------------------------------------------------------------------------


async def answers(index: Index) -> list[Any]:
    asked = [("7번 문서", vectors(1, 1)[0]), ("31번 9번째 단락", vectors(1, 2)[0])]
    return [await found(index, vector, query, k=8) for query, vector in asked]


def kept(tmp_path: Path) -> Path:
    return tmp_path / "index" / snapshot_file.NAME


@pytest.fixture
def readings(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Versions of the table that were read to make a snapshot."""
    done: list[int] = []
    read = snapshot_module.read

    async def counted(table: Any, version: int, **options: Any) -> Any:
        done.append(version)
        return await read(table, version, **options)

    monkeypatch.setattr(snapshot_module, "read", counted)
    return done


@pytest.mark.parametrize("limit", [300, 10_000])
async def test_a_second_program_finds_the_same_without_reading_the_table(
    large: Index, tmp_path: Path, readings: list[int], monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    monkeypatch.setattr(index_module, "VECTOR_INDEX_ROWS", limit)
    before = await answers(large)
    assert len(readings) == 1 and kept(tmp_path).exists()
    other = Index(tmp_path / "index", "m")
    assert await answers(other) == before
    assert len(readings) == 1
    monkeypatch.setattr(snapshot_file, "load", lambda *_args: None)
    other.close()
    assert await answers(other) == before
    assert len(readings) == 2
    other.close()


async def test_how_long_searches_look_at_an_older_state_goes_by_how_long_a_new_one_takes(
    large: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await answers(large)
    other = Index(tmp_path / "index", "m")
    before = await other.snapshot()
    assert before.took_s == (await large.snapshot()).took_s
    monkeypatch.setattr(index_module, "PATIENCE", 1e9)
    await large.replace_many([document(7, 7, "셔틀버스")])
    assert await other.snapshot() is before
    other.close()


async def test_a_changed_index_is_not_searched_by_the_file(large: Index, tmp_path: Path) -> None:
    await answers(large)
    old = kept(tmp_path).read_bytes()
    await large.replace_many([document(7, 7, "셔틀버스")])
    other = Index(tmp_path / "index", "m")
    assert {one.document_id for one in await found(other, vectors(1, 1)[0], "셔틀버스")} == {"d007"}
    assert kept(tmp_path).read_bytes() != old
    await other.delete_many(["d007"])
    other.close()
    assert not await found(other, vectors(10, 7)[0], documents=frozenset({"d007"}))
    other.close()


async def test_the_file_of_an_index_that_was_here_before_is_not_taken_for_this_ones(
    large: Index, tmp_path: Path
) -> None:
    await answers(large)
    old = kept(tmp_path).read_bytes()
    version = (await large.snapshot()).version
    await large.reset()
    await large.replace_many([document(number, number, "새") for number in range(60)])
    while (await (await large._open()).version()) < version:
        await large.replace_many([document(0, 0, "새")])
    kept(tmp_path).write_bytes(old)
    assert len(await found(large, vectors(1, 1)[0], "새", k=3)) == 3


@pytest.mark.parametrize("damage", ["cut", "empty", "noise", "directory"])
async def test_a_damaged_file_is_made_anew(large: Index, tmp_path: Path, damage: str) -> None:
    before = await answers(large)
    large.close()
    path = kept(tmp_path)
    content = path.read_bytes()
    path.unlink()
    if damage == "directory":
        path.mkdir()
    else:
        path.write_bytes({"cut": content[: len(content) // 2], "empty": b"", "noise": content[::-1]}[damage])
    assert await answers(large) == before
    assert damage == "directory" or path.stat().st_size == pytest.approx(len(content), abs=500)


async def test_a_file_that_points_out_of_itself_is_made_anew(large: Index, tmp_path: Path) -> None:
    before = await answers(large)
    whole = await large.snapshot()
    large.close()
    path = kept(tmp_path)
    content = path.read_bytes()
    for array in (whole.postings, whole.documents, whole.starts):
        at = content.index(array.tobytes())
        # A sector, as a failing disk loses it; Arrow's own check does not see it.
        replaced = tmp_path / "replaced"
        replaced.write_bytes(content[:at] + b"\xf7" * 512 + content[at + 512 :])
        replaced.replace(path)
        assert await answers(large) == before
        large.close()


async def test_what_was_taken_out_is_not_in_the_file_although_nobody_searches(
    large: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await large.replace_many([document(7, 7, "비밀")])
    await answers(large)
    assert "비밀".encode() in kept(tmp_path).read_bytes()
    await large.delete_many(["d007"])
    assert not kept(tmp_path).exists()
    await answers(large)
    assert kept(tmp_path).exists()
    monkeypatch.setattr(index_module, "AT_ONCE_ROWS", 5_000)
    await large.replace_many([document(7, 7)])
    await answers(large)
    assert not kept(tmp_path).exists(), "an index that became small has no use for it"


async def test_a_search_reads_on_while_another_program_puts_a_new_file_in_its_place(
    large: Index, tmp_path: Path
) -> None:
    before = await answers(large)
    snapshot = await large.snapshot()
    other = Index(tmp_path / "index", "m")
    await other.replace_many([document(number, 99, "다른") for number in range(30)])
    await answers(other)
    key, chunk = snapshot.chunk(75)
    assert (chunk.ordinal, chunk.text) == (5, "7번 문서의 5번째 단락 ") and key == "d007"
    assert (await answers(large)) != before
    other.close()


async def test_where_the_file_cannot_be_written_search_works_all_the_same(
    large: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_args: Any) -> None:
        raise OSError(28, "No space left on device")

    before = await answers(large)
    large.close()
    kept(tmp_path).unlink()
    monkeypatch.setattr(snapshot_file.os, "fsync", full)
    assert await answers(large) == before
    assert sorted(path.name for path in (tmp_path / "index").iterdir()) == ["chunks.lance", "manifest.json"]


async def test_what_a_killed_program_left_half_written_is_swept_up(large: Index, tmp_path: Path) -> None:
    import os

    old, young = tmp_path / "index" / ".search-old", tmp_path / "index" / ".search-young"
    for path in (old, young):
        path.write_bytes(b"half")
    os.utime(old, (1, 1))
    await answers(large)
    assert young.exists() and not old.exists()


async def test_a_small_index_has_nothing_beside_it(
    large: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_module, "AT_ONCE_ROWS", 5_000)
    await answers(large)
    assert not kept(tmp_path).exists()
