"""Searching one index: what is found, what is given back with it, and what is said of it."""

from __future__ import annotations

import asyncio
import itertools
import math
import shutil
from collections.abc import AsyncIterator
from hashlib import blake2b
from pathlib import Path

import numpy as np
import pytest

from core.errors import StudyError
from core.rag import index as index_module
from core.rag import search as search_module
from core.rag.chunking import Chunking, chunk_text, width
from core.rag.index import Index, IndexUnusable
from core.rag.keywords import KEYWORDS, bigrams, runs
from core.rag.passages import WIDTH
from core.rag.search import Options, Result, search
from core.rag.types import Reason

DIM = 64

LEAVE = """# 연차휴가 규정

## 1. 부여

1년간 출근율이 80% 이상인 사원에게 15일의 연차휴가를 준다.

## 2. 이월

쓰지 못한 연차는 5일까지 다음 해로 이월할 수 있다.

## 3. 신청

신청은 사흘 전까지 모아에 올린다.
"""
VPN = "# VPN Guide\n\nThe VPN server listens on port 51820.\n\nAsk the help desk in Cheonan when it fails.\n"
PUMP_200 = "# GB-200\n\nAlarm E21: air in the head. Vent the pump.\n"
PUMP_350 = "# GB-350\n\nAlarm E21: phase lost. Check the motor fuse of the pump.\n"


def vector(text: str) -> np.ndarray:
    """Say that texts are alike when they share pairs of characters."""
    found = np.zeros(DIM, dtype=np.float32)
    for word in runs(text):
        for pair in bigrams(word):
            found[blake2b(pair.encode(), digest_size=2).digest()[0] % DIM] += 1
    found[0] += 0.01
    return found / np.linalg.norm(found)


async def embed(text: str) -> np.ndarray:
    return vector(text)


async def put(index: Index, **documents: str) -> None:
    """Index documents; a name's ``__`` stands for a bracket, so that names can say what they are."""
    rows = []
    for name, text in documents.items():
        chunks = chunk_text(text, "text/markdown", (), Chunking(size=80))
        shown = name.replace("__", " (") + ")" * ("__" in name)
        rows.append((name.replace("_", ""), chunks, [vector(chunk.text) for chunk in chunks], shown))
    await index.replace_many(rows)


@pytest.fixture
async def index(tmp_path: Path) -> AsyncIterator[Index]:
    made = Index(tmp_path / "index", "m")
    await put(made, leave=LEAVE, vpn=VPN, gb200=PUMP_200, gb350=PUMP_350)
    yield made
    made.close()


def names(result: Result) -> list[str]:
    return [passage.document_id for passage in result.passages]


# -- what is given back -----------------------------------------------------------------------------


async def test_the_section_around_a_hit_is_given_back_as_the_source_has_it(index: Index) -> None:
    first, *others = (await search(index, embed, "연차 이월")).passages
    assert first.document_id == "leave" and "leave" not in [other.document_id for other in others]
    assert first.text == LEAVE[first.char_start : first.char_end]
    assert "15일" in first.text and "사흘" in first.text
    hit = LEAVE[first.hit_start : first.hit_end]
    assert "이월할 수 있다" in hit and "사흘" not in hit
    assert first.section == "연차휴가 규정 › 2. 이월" and LEAVE.split("\n")[first.line - 1] == "## 2. 이월"


async def test_bare_chunks_on_request(index: Index) -> None:
    found = (await search(index, embed, "연차 이월", Options(expand=False))).passages
    assert names(Result(found, True, 1.0)).count("leave") == 3
    assert all((one.char_start, one.char_end) == (one.hit_start, one.hit_end) for one in found)


async def test_passages_do_not_overlap_and_stay_small(index: Index) -> None:
    long = "# 안전 수칙\n\n" + "".join(
        f"## {number}. 수칙 {number}\n\n지게차는 {number}번 통로에서 시속 8킬로미터를 지킨다. 위반하면 알린다.\n\n"
        for number in range(60)
    )
    await put(index, long=long)
    found = (await search(index, embed, "지게차 제한 속도는 시속 몇 킬로미터?", Options(k=10))).passages
    spans = sorted((one.char_start, one.char_end) for one in found if one.document_id == "long")
    assert len(spans) > 1
    assert all(before[1] <= after[0] for before, after in itertools.pairwise(spans))
    assert all(width(one.text) <= WIDTH * 1.1 for one in found)
    assert all(one.text == long[one.char_start : one.char_end] for one in found if one.document_id == "long")


async def test_scores_order_the_list_and_each_search_says_its_part(index: Index) -> None:
    found = (await search(index, embed, "VPN port")).passages
    scores = [one.score for one in found]
    assert scores == sorted(scores, reverse=True) and all(0 <= score <= 1 for score in scores)
    first = found[0]
    assert first.document_id == "vpn" and first.keyword_rank == 1 and first.bm25 and first.bm25 > 0
    assert -1 <= first.cosine <= 1 and first.vector_rank
    assert all(one.bm25 is None and one.keyword_rank is None for one in found if one.document_id == "leave")


# -- what is found ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "document"),
    [
        ("How many days of annual leave can be carried over?", "leave"),
        ("가상사설망 서버의 포트는?", "vpn"),
        ("천안 헬프데스크", "vpn"),
        ("GB200 알람", "gb200"),
        ("gb 350 alarm e21", "gb350"),
        ("휴", "leave"),
        ("vacation", "leave"),
    ],
)
async def test_words_reach_the_other_language_codes_and_single_syllables(
    index: Index, query: str, document: str
) -> None:
    async def blind(text: str) -> np.ndarray:
        return np.full(DIM, 1 / math.sqrt(DIM), dtype=np.float32)

    assert names(await search(index, blind, query))[0] == document


async def test_without_words_only_meaning_counts(index: Index) -> None:
    async def towards_pumps(text: str) -> np.ndarray:
        return vector("Alarm E21: phase lost. Check the motor fuse of the pump.")

    assert names(await search(index, towards_pumps, "연차휴가 이월"))[0] == "leave"
    found = await search(index, towards_pumps, "연차휴가 이월", Options(keyword_weight=0))
    assert names(found)[0] == "gb350"


async def test_only_the_documents_asked_for(index: Index) -> None:
    found = await search(index, embed, "연차 이월", Options(documents=frozenset({"vpn", "gb200"})))
    assert set(names(found)) == {"vpn", "gb200"}
    assert not (await search(index, embed, "연차", Options(documents=frozenset({"unknown"})))).passages


async def test_a_document_named_as_abolished_comes_after_the_valid_one(index: Index) -> None:
    old = "# 주차 규정\n\n주차 요금은 한 달에 3만 원이다. 정기권은 총무팀에 신청한다.\n"
    new = "# 주차 규정\n\n주차장 요금은 지금 한 달에 5만 원이다. 정기권은 총무팀이 내준다.\n"
    await put(index, parking2023__폐지=old, parking2025=new)
    assert names(await search(index, embed, "주차 요금은 한 달에 얼마?"))[0] == "parking2025"
    assert (
        names(await search(index, embed, "폐지된 주차 규정의 요금은 한 달에 얼마?"))[0] == "parking2023폐지"
    )
    assert names(await search(index, embed, "parking2023 주차 요금은 한 달에 얼마?"))[0] == "parking2023폐지"


async def test_variety_puts_the_twin_after_something_else(index: Index) -> None:
    await put(index, vpncopy=VPN.replace("Guide", "Guide."))
    same = names(await search(index, embed, "VPN server port alarm", Options(k=2)))
    assert set(same) == {"vpn", "vpncopy"}
    varied = names(await search(index, embed, "VPN server port alarm", Options(k=2, variety=0.7)))
    assert varied[0] in ("vpn", "vpncopy") and varied[1] not in ("vpn", "vpncopy")


# -- phrases ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "options", "wanted"),
    [
        ('"쓰지 못한 연차"', Options(), ["leave"]),
        ("연차", Options(phrase="쓰지  못한\n연차"), ["leave"]),
        ("port", Options(phrase="LISTENS ON"), ["vpn"]),
        ("alarm", Options(phrase="Alarm E21"), ["gb200", "gb350"]),
        ("alarm", Options(phrase="21: air"), ["gb200"]),
        ("E21 “phase lost”", Options(), ["gb350"]),
        ("연차", Options(phrase="못한 쓰지"), []),
        ("port", Options(phrase="!?"), []),
    ],
)
async def test_a_phrase_must_occur_literally(
    index: Index, query: str, options: Options, wanted: list[str]
) -> None:
    assert sorted(names(await search(index, embed, query, options))) == wanted


# -- whether it is an answer ------------------------------------------------------------------------


async def test_a_code_no_document_has_is_not_answered(index: Index) -> None:
    known = await search(index, embed, "GB-350 phase lost motor fuse E21")
    unknown = await search(index, embed, "GB-350 phase lost motor fuse E99")
    assert known.confidence > unknown.confidence and not unknown.answerable
    assert unknown.reasons[0] == Reason("unheard", ("E99",)) and not known.reasons
    assert unknown.passages  # shown all the same: the person may see why


async def test_confidence_does_not_depend_on_how_many_are_asked_for(index: Index) -> None:
    asked = "쓰지 못한 연차는 며칠까지 이월할 수 있나?"
    results = [await search(index, embed, asked, options) for options in (Options(k=1), Options(k=10))]
    assert results[0].confidence == results[1].confidence


# -- the index under it -----------------------------------------------------------------------------


async def test_what_was_written_is_found_at_once_and_what_was_deleted_no_more(index: Index) -> None:
    await search(index, embed, "셔틀버스")
    await put(index, bus="# 통근버스\n\n셔틀버스는 정문에서 7시 40분에 떠난다.\n")
    assert names(await search(index, embed, "셔틀버스는 언제 떠나나요?"))[0] == "bus"
    await put(index, bus="# 통근버스\n\n이제 다니지 않는다.\n")
    found = await search(index, embed, "셔틀버스는 정문에서 언제 떠나나요?", Options(k=10))
    assert "정문" not in " ".join(passage.text for passage in found.passages)
    await index.delete_many(["bus"])
    assert "bus" not in names(await search(index, embed, "통근버스", Options(k=10)))


async def test_another_process_writes(index: Index, tmp_path: Path) -> None:
    await search(index, embed, "셔틀버스")
    other = Index(tmp_path / "index", "m")
    await put(other, bus="# 통근버스\n\n셔틀버스는 정문에서 떠난다.\n")
    other.close()
    assert names(await search(index, embed, "셔틀버스"))[0] == "bus"


async def test_a_large_index_is_searched_without_comparing_every_vector(
    index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = [("연차 이월", Options()), ("VPN port", Options(variety=0.3)), ("E21", Options(phrase="phase"))]
    small = [await search(index, embed, query, options) for query, options in asked]
    monkeypatch.setattr(index_module, "VECTOR_INDEX_ROWS", 2)
    monkeypatch.setattr(search_module, "NEAREST", 3)
    index.close()
    for (query, options), before in zip(asked, small, strict=True):
        result = await search(index, embed, query, options)
        assert names(result)[0] == names(before)[0]
        assert result.passages[0].cosine == pytest.approx(before.passages[0].cosine, abs=1e-3)
    assert (await index.snapshot()).partial
    only = Options(documents=frozenset({"gb200"}))
    assert set(names(await search(index, embed, "연차 이월", only))) == {"gb200"}
    assert (await search(index, embed, "연차 이월", only)).passages[0].vector_rank


async def test_a_large_index_that_changes_all_the_time_is_not_read_for_every_search(
    index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_module, "AT_ONCE_ROWS", 2)
    monkeypatch.setattr(index_module, "PATIENCE", 1e9)
    before = await index.snapshot()
    await put(index, bus="# 통근버스\n\n셔틀버스는 정문에서 떠난다.\n")
    assert await index.snapshot() is before

    async def found() -> None:
        while names(await search(index, embed, "셔틀버스"))[:1] != ["bus"]:
            await asyncio.sleep(0)

    await asyncio.wait_for(found(), 30)


async def test_a_large_index_that_changed_some_time_ago_is_read_first(
    index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_module, "AT_ONCE_ROWS", 2)
    monkeypatch.setattr(index_module, "PATIENCE", 0)
    await search(index, embed, "셔틀버스")
    await put(index, bus="# 통근버스\n\n셔틀버스는 정문에서 떠난다.\n")
    assert names(await search(index, embed, "셔틀버스"))[0] == "bus"


async def test_an_index_that_vanished_is_unusable_not_a_crash(index: Index, tmp_path: Path) -> None:
    await search(index, embed, "연차")
    shutil.rmtree(tmp_path / "index")
    with pytest.raises(IndexUnusable):
        await search(index, embed, "연차")


async def test_an_index_whose_keywords_were_cut_otherwise_is_not_searched(
    index: Index, tmp_path: Path
) -> None:
    manifest = tmp_path / "index" / "manifest.json"
    manifest.write_text(
        manifest.read_text("utf-8").replace(f'"keywords": "{KEYWORDS}"', '"keywords": "0"'), "utf-8"
    )
    index.close()
    with pytest.raises(IndexUnusable):
        await search(index, embed, "연차")


async def test_no_question_and_no_vector(index: Index) -> None:
    assert await search(index, embed, "  ") == Result((), False, 0.0)
    assert await search(index, embed, "연차", Options(k=0)) == Result((), False, 0.0)

    async def short(text: str) -> np.ndarray:
        return np.ones(3, dtype=np.float32)

    async def broken(text: str) -> np.ndarray:
        return np.full(DIM, np.nan, dtype=np.float32)

    for bad in (short, broken):
        with pytest.raises(StudyError):
            await search(index, bad, "연차")


@pytest.mark.parametrize(
    "query", ['"', "' OR 1=1; --", "🙂", "ㅋㅋㅋ", "가" * 3_000, "a" * 3_000, "()[]{}*?", "\x00\u202e"]
)
async def test_odd_questions_are_questions(index: Index, query: str) -> None:
    await search(index, embed, query)


async def test_a_chunk_without_a_vector_is_found_by_its_words(index: Index) -> None:
    chunks = chunk_text("# 회의실\n\n회의실 예약은 모아에서 한다.\n", "text/markdown", (), Chunking())
    await index.replace_many([("room", chunks, [None] * len(chunks), "회의실")])
    first = (await search(index, embed, "회의실 예약")).passages[0]
    assert first.document_id == "room" and first.cosine == 0.0
