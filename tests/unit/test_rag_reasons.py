"""What is said of why the documents probably have no answer."""

from __future__ import annotations

import re

import pytest

from core import i18n
from core.rag import abstain, reasons
from core.rag.types import Reason
from core.rag.wanted import _ASKED
from tests.unit.test_rag_abstain import TEXT, Corpus

CODES = ("unheard", "code", "number", "asked", "words", "far", *(f"kind.{kind}" for kind, _ in _ASKED))


def why(
    query: str, text: str = TEXT, cosine: float = 0.5, corpus: Corpus | None = None
) -> dict[str, tuple[str, ...]]:
    found = abstain.Found(text, "Pump", 0, cosine, 0.2)
    snapshot = corpus or Corpus(f"GB-9 manual Pump {text}", "other words GB-7")
    seen = abstain.signs(snapshot, query, found)  # type: ignore[arg-type]
    return {one.code: one.words for one in reasons.reasons(snapshot, query, found, seen)}  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("What does the GB-8 weigh?", {"unheard": ("GB-8",)}),
        ("What does the GB-7 weigh?", {"code": ("GB-7",)}),
        ("When does line 2 stop?", {"number": ("line 2",)}),
        ("What is the diameter of the pump?", {"asked": ("diameter",)}),
        ("What colour is the room?", {"kind.colour": (), "asked": ("colour",)}),
        ("swimming lanes", {"words": ("swimming", "lanes")}),
        ("What does the rest room cost?", {"kind.money": ()}),
        ("Does the Rumba have a pump?", {"words": ("Rumba",)}),
        ("What does the pump cost?", {}),
    ],
)
def test_what_is_missing_is_named_as_it_was_written(query: str, expected: dict[str, tuple[str, ...]]) -> None:
    assert why(query) == expected


def test_what_no_document_has_is_told_first_and_no_more_than_three() -> None:
    told = why("What is the price in euros of the GB-8 sauna on line 7?", "nothing", -0.5)
    assert next(iter(told)) == "unheard" and len(told) == reasons.MOST


def test_a_passage_no_nearer_than_any_text_is_told() -> None:
    assert why("What does the pump cost?", cosine=0.0) == {"far": ()}


def test_a_question_of_signs_is_borne() -> None:
    for query in ("", "?", "\x1b[31mE33", "가 " * 500, "E9 " * 500, "\u202eE33 ㎏ ²"):
        for words in why(query).values():
            assert len(words) <= reasons.MOST and not any(
                re.search(r"[\x00-\x1f\x7f]", word) for word in words
            )


def test_below_the_threshold_is_never_written_as_the_threshold() -> None:
    assert [reasons.digits(value) for value in (0.7099, 0.71, 0.29, 0.0, 1.0)] == [
        "0.70",
        "0.71",
        "0.29",
        "0.00",
        "1.00",
    ]


@pytest.mark.parametrize("lang", i18n.LANGS)
def test_every_reason_has_a_sentence(lang: i18n.Lang, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(i18n, "_current", lang)
    said = {reasons.sentence(Reason(code, ("E99",))) for code in CODES}
    assert len(said) == len(CODES) and not any("rag.why" in text for text in said)
