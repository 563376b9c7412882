"""What a question and a text are taken to say: keywords, endings, other words for the same, names in two scripts."""

from __future__ import annotations

import pytest

from core.rag import glossary
from core.rag.chunking import Chunk
from core.rag.conjugate import forms
from core.rag.keywords import OUTDATED, marks, stem, terms
from core.rag.passages import joined
from core.rag.queries import units
from core.rag.romanise import hangul


def test_keywords_are_bigrams_stems_and_whole_codes() -> None:
    assert terms("연차휴가 policies") == ["연차", "차휴", "휴가", "policy"]
    assert terms("GB-200") == ["gb200", "gb", "200"] and terms("gb200") == terms("GB_200")
    assert terms("v3.2") == ["v3.2", "3.2"] and terms("1,840,000") == ["1840000"]
    assert terms("ﾊ") and terms("") == []


@pytest.mark.parametrize(
    "words",
    [
        ("approve", "approved", "approving", "approves"),
        ("policy", "policies"),
        ("stop", "stopped", "stopping"),
    ],
)
def test_forms_of_a_word_are_one(words: tuple[str, ...]) -> None:
    assert len({stem(word) for word in words}) == 1


def test_different_words_stay_different() -> None:
    assert len({stem(word) for word in ("bus", "business", "status", "state", "pass", "pas")}) == 6


def own(query: str) -> list[tuple[str, ...]]:
    return [unit.own for unit in units(query, ())]


def test_words_of_asking_and_endings_are_left_out() -> None:
    assert own("수습 기간은 몇 개월인가요?") == [("수습",), ("기간",), ("개월",)]
    assert own("What is the price of it?") == [("pric",)]
    assert own("GB-200의 E21은?") == [("gb200", "gb", "200"), ("e21", "21")]


def test_a_question_that_says_nothing_is_taken_as_it_is() -> None:
    assert own("the") == [("the",)] and own("뭐") == [("뭐",)] and own("?!") == []


def test_known_words_bring_synonyms_and_translations() -> None:
    (unit,) = units("휴가", ())
    assert ("연차",) in unit.same and ("vacation",) in unit.other and ("휴가",) not in unit.same
    (unit,) = units("annual leave", ())
    assert unit.own == ("annual", "leav") and ("연차",) in unit.other


@pytest.mark.parametrize(
    ("stem_", "shapes"),
    [
        ("바꾸", {"바꾸", "바꿔", "바꿨", "바꿀", "바꾼"}),
        ("누르", {"눌러", "누를"}),
        ("고르", {"골라"}),
        ("아프", {"아파", "아픈"}),
        ("빌리", {"빌려", "빌릴"}),
        ("찾", {"찾아", "찾은", "찾고"}),
        ("쉬", {"쉬는", "쉬고"}),
    ],
)
def test_verbs_are_known_in_their_forms(stem_: str, shapes: set[str]) -> None:
    found = forms(stem_)
    assert shapes <= set(found) and len(found) == len(set(found)) and all(len(one) > 1 for one in found)


def test_a_conjugated_verb_means_what_its_noun_means() -> None:
    (unit,) = units("바꿔도", ())
    assert ("교체",) in unit.same and ("replac",) in unit.other


def test_stems_are_words_of_the_glossary() -> None:
    words = {
        word.strip()
        for word in glossary.PAIRS.replace("\n", " ").replace("|", ",").replace(";", ",").split(",")
    }
    assert words >= glossary.STEMS


def test_names_are_spelt_as_the_documents_have_them() -> None:
    assert "천안" in hangul("cheonan") and "삼해" in hangul("samhae") and hangul("street") == []
    assert units("Samhae", {"삼해"})[0].other == (("삼해",),)
    assert units("Samhae", ())[0].other == ()


def test_a_long_word_does_not_take_for_ever() -> None:
    assert len(hangul("a" * 2_000)) <= 200 and len(units("gangnamdaero" * 500, ())) == 1


def test_the_glossary_has_something_on_both_sides_of_every_line() -> None:
    for pair in glossary.PAIRS.replace("\n", " ").split(";"):
        left, bar, right = pair.partition("|")
        assert bar and all(word.strip() for word in (*left.split(","), *right.split(","))), pair
        assert left.isascii() and "|" not in right, pair


@pytest.mark.parametrize(
    ("name", "old"),
    [
        ("연차휴가 규정 (2024, 폐지)", True),
        ("정책 v3.1 [폐기]", True),
        ("API v1 (deprecated)", True),
        ("price list (OLD)", True),
        ("문서 폐기 지침", False),
        ("Household goods (gold)", False),
        ("연차휴가 규정 (2025)", False),
    ],
)
def test_a_name_says_that_a_document_is_no_longer_valid(name: str, old: bool) -> None:
    assert marks(name) == ([OUTDATED] if old else [])


def piece(source: str, start: int, end: int, header: str = "") -> Chunk:
    line = source.count("\n", 0, start) + 1
    return Chunk(0, "", header + source[start:end], start, end, None, line)


def test_neighbouring_chunks_become_the_text_they_came_from() -> None:
    source = "# 제목\n\n첫 문장이다. 둘째 문장이다.\n- 하나\n- 둘\n\n\n끝."
    parts = ("# 제목", "첫 문장이다.", "둘째 문장이다.", "- 하나", "- 둘", "끝.")
    cuts = [(source.index(part), source.index(part) + len(part)) for part in parts]
    assert joined(piece(source, *cut) for cut in cuts) == source
    overlapping = [(0, 14), (6, 23), (10, 20), (22, len(source))]
    assert joined(piece(source, *cut) for cut in overlapping) == source
    assert joined([]) == ""


def test_a_tables_header_comes_once() -> None:
    source = "a | b\n1 | 2\n3 | 4"
    cut = [piece(source, 6, 11, "a | b\n"), piece(source, 12, 17, "a | b\n")]
    assert joined(cut) == "a | b\n1 | 2\n3 | 4"
