"""What a question asks for, whether a passage has it, and what the search makes of that."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from typing import Any

import pytest

from core.rag import abstain
from core.rag.asked import understand
from core.rag.wanted import has, wanted


def asked_for(query: str) -> set[str]:
    return {word.said for word in understand(query, {}).words if word.asked}


@pytest.mark.parametrize(
    ("query", "goal"),
    [
        ("펌프의 수명은 몇 년인가요?", {"수명"}),
        ("사무실의 운영 시간은 언제인가요?", {"운영", "시간"}),
        ("대출은 어느 은행에서 나오나요?", {"은행"}),
        ("오븐을 만든 회사의 주소는 어디인가요?", {"주소"}),
        ("What is the weight of the pump?", {"weight"}),
        ("Which bank grants the loan?", {"bank", "grants", "loan"} - {"grants", "loan"}),
        ("How many parking spaces does the office have?", {"parking", "spaces"}),
        ("How heavy is the pump?", {"heavy"}),
        ("When does the office open?", set()),
        ("왜 라인이 멈췄나요?", set()),
    ],
)
def test_it_is_known_what_is_asked_for(query: str, goal: set[str]) -> None:
    found = asked_for(query)
    assert goal <= found if goal else not found


@pytest.mark.parametrize(
    ("query", "roles"),
    [
        ("휴가를 미리 신청하면 되나요?", {"휴가": "thing", "미리": "other", "신청하면": "other"}),
        ("일하다 다치면 누구에게 알리나요?", {"다치면": "other", "알리나요": "other"}),
        ("보고서를 쓸 때 무엇이 필요한가요?", {"보고서": "thing", "쓸": "other"}),
        ("직원은 모두 몇 명인가요?", {"직원": "thing", "모두": "other", "명인가요": "counter"}),
        ("What does code E33 mean on line 4?", {"e33": "code", "mean": "other", "4": "number"}),
    ],
)
def test_words_that_name_a_thing_are_told_from_others(query: str, roles: dict[str, str]) -> None:
    found = {word.said: word.role for word in understand(query, {}).words}
    assert {said: found[said] for said in roles if said in found} == {
        said: role for said, role in roles.items() if said in found
    }
    assert len(roles.keys() & found.keys()) >= len(roles) - 1


@pytest.mark.parametrize(
    ("query", "kind"),
    [
        ("회비는 얼마인가요?", "number"),
        ("식사 비용은 얼마인가요?", "money"),
        ("How much does the course cost?", "money"),
        ("몇 시까지 여나요?", "time"),
        ("수업은 언제 시작하나요?", "date"),
        ("며칠 걸리나요?", "span"),
        ("How long is the break?", "span"),
        ("Who leads the team?", "who"),
        ("담당자는 누구인가요?", "who"),
        ("회원은 몇 명인가요?", "count"),
        ("할인은 몇 퍼센트인가요?", "percent"),
        ("What is the phone number of the desk?", "phone"),
        ("창고는 어디에 있나요?", "where"),
        ("May I bring a dog?", ""),
    ],
)
def test_the_kind_of_answer_is_known(query: str, kind: str) -> None:
    assert understand(query, {}).wants == kind
    assert understand(query, {}).yes_or_no == (kind == "")


@pytest.mark.parametrize(
    ("query", "yes", "no"),
    [
        ("회원은 몇 명인가요?", "회원은 모두 12명입니다.", "회원은 3층에서 모입니다."),
        ("식사 비용은 얼마인가요?", "비용은 8천 원입니다.", "비용은 회사가 부담합니다."),
        ("What is the price of it in dollars?", "It costs 30 dollars.", "It costs 30 euros."),
        ("When is the fair?", "The fair opens on Monday.", "The fair is large."),
        ("몇 시까지 여나요?", "오후 6시까지 엽니다.", "하루 6시간 엽니다."),
        ("How long is the visit?", "It takes two hours.", "It is free of charge."),
        ("Who is the plant manager?", "Plant manager: M. Okonjo", "Ask the plant manager."),
        ("Who may sign it?", "Department heads and the director sign.", "It is signed in ink."),
        ("LV-7은 몇 미터까지 재나요?", "최대 12미터까지 잽니다.", "LV-7은 물을 잽니다."),
        ("How many rooms are there?", "There are five rooms.", "The rooms open at 9."),
        ("야간 수당은 얼마인가요?", "통상임금의 50%를 준다.", "야간에는 쉰다."),
    ],
)
def test_a_text_has_the_kind_of_answer_or_not(query: str, yes: str, no: str) -> None:
    asked = understand(query, {})
    assert has(asked.wants, asked.counter, query, yes)
    assert not has(asked.wants, asked.counter, query, no)


def test_every_question_and_every_text_is_taken() -> None:
    for query in (
        "",
        "?",
        "몇",
        "how many",
        "how",
        "what",
        "4",
        "E33",
        "몇 명",
        "🙂",
        "a" * 5_000,
        "가 " * 500,
    ):
        asked = understand(query, {})
        assert has(asked.wants, asked.counter, query, "") in (True, False)
        assert wanted(query, []) is not None


class Corpus:
    """As much of a snapshot as the decision looks at: two chunks of one document."""

    size = 2
    floor = 0.1

    def __init__(self, *chunks: str) -> None:
        from core.rag.keywords import terms

        self._has = [set(terms(chunk)) for chunk in chunks]
        self.vocabulary = {term: 0 for chunk in self._has for term in chunk}

    def rarity(self, term: str) -> float:
        return 1.0 if sum(term in chunk for chunk in self._has) < 2 else 0.2

    def frequency(self, term: str) -> int:
        return sum(term in chunk for chunk in self._has)

    def having(self, term: str) -> tuple[Any, Any]:
        import numpy as np

        return np.array([at for at, chunk in enumerate(self._has) if term in chunk], dtype=np.uint32), None


TEXT = (
    "The rest room is on floor 2.\nThe pump weighs 12 kilograms and costs 300 euros.\nLine 3 stops at noon."
)


def look(query: str, text: str = TEXT, section: str = "Pump") -> abstain.Signs:
    found = abstain.Found(text, section, 0, 0.5, 0.2)
    return abstain.signs(Corpus(f"GB-9 manual {section} {text}", "other words"), query, found)  # type: ignore[arg-type]


def test_a_word_for_what_is_asked_that_is_not_there_is_a_sign() -> None:
    assert (
        look("What is the floor of the rest room?").lacking
        < look("What is the colour of the pump?").lacking
        == 1
    )
    assert look("Is the pump blue?").lacking == 0  # to be answered by yes or no, in whatever words


def test_words_alone_are_all_asked_for() -> None:
    assert understand("rest room floor", {}).bare and not understand("Is there a rest room?", {}).bare
    assert understand("휴가 규정", {}).bare and not understand("휴가는 며칠인가요", {}).bare
    assert look("rest room floor").lacking == 0 and look("rest room floor").topic > 0.5
    assert look("swimming lanes").lacking == 1 and look("swimming lanes").topic == 0
    assert (
        abstain.confidence(look("rest room")) > abstain.THRESHOLD > abstain.confidence(look("swimming lanes"))
    )


def test_a_number_belongs_to_its_word() -> None:
    assert look("When does line 3 stop?").numbers == 0
    assert look("When does line 2 stop?").numbers > 0
    assert look("3라인은 언제 멈추나요?", "3라인은 정오에 멈춘다.").numbers == 0
    assert look("4라인은 언제 멈추나요?", "3라인은 4시에 멈춘다.").numbers > 0


def test_a_code_the_documents_name_has_is_there_and_another_is_not() -> None:
    assert look("What does the GB-9 weigh?").codes == 0
    assert look("What does the GB-8 weigh?").codes == look("What does the GB-8 weigh?").unheard == 1


def test_the_kind_of_answer_must_stand_where_the_words_are() -> None:
    assert look("What does the pump cost?").unfit == 0
    assert look("What does the rest room cost?").unfit == 1


def test_the_value_under_a_head_of_a_table_and_in_a_record_is_seen() -> None:
    table = "| Room | Price |\n|---|---|\n| Small | 30 euros |"
    assert look("What is the price of a room?", table).unfit == 0
    record = "items[0].name: pump\nitems[0].kind: small\nitems[0].size: 3\nitems[0].due: 2026-01"
    assert look("When is the pump due?", record).unfit == 0
    cells = "Weight of pump\n12 kilograms\nother"
    assert look("How heavy is the pump?", cells).unfit == 0


def test_a_name_in_latin_letters_is_met_in_hangul() -> None:
    assert (
        look("천안 공장의 비용은 얼마인가요?", "The Cheonan plant costs 300 euros.").things
        > look("부산 공장의 비용은 얼마인가요?", "The Cheonan plant costs 300 euros.").things
    )


def test_each_sign_moves_the_confidence_as_it_should() -> None:
    usual = look("What does the pump cost?")
    for name in ("lacking", "codes", "numbers", "unfit", "unheard"):
        assert abstain.confidence(replace(usual, **{name: 1.0})) < abstain.confidence(
            replace(usual, **{name: 0.0})
        )
    for name in ("topic", "things", "others", "named", "lead", "near", "abroad"):
        assert abstain.confidence(replace(usual, **{name: 1.0})) > abstain.confidence(
            replace(usual, **{name: 0.0})
        )
    assert 0 < abstain.confidence(abstain.Signs()) < 1


def test_an_empty_passage_and_a_question_without_words_are_borne() -> None:
    for query, text in (("", ""), ("?", "x"), ("How many?", ""), ("얼마인가요?", "\n\n")):
        assert 0 <= abstain.confidence(look(query, text)) <= 1


@pytest.mark.parametrize(
    "text",
    [
        "9" * 50_000,
        ", " * 20_000,
        "A" + "a" * 50_000,
        "Aaaa " * 10_000,
        "1\n" * 20_000,
        "| " * 20_000,
        "a[1]." * 9_000,
        "가" * 50_000,
        "로" * 50_000,
    ],
)
def test_a_hostile_text_takes_no_longer_than_another(text: str) -> None:
    # Without bounds each of these would take from seconds to for ever: the test would not end in time.
    for query in (
        "천안 비용은 얼마인가요?",
        "회원은 몇 명인가요?",
        "How much does it cost?",
        "Who is it?",
        "얼마 " + "1 2 " * 2_000,
        "천안 사무소의 주소는?",
        "언제 여나요?",
    ):
        assert 0 <= abstain.confidence(look(query, text)) <= 1


def test_hangul_in_parts_is_the_same_question() -> None:
    for query in ("천안 사무소의 주소는 어디인가요?", "회원은 몇 명인가요?", "펌프는 얼마인가요?"):
        apart = unicodedata.normalize("NFD", query)
        assert apart != query and understand(apart, {}) == understand(query, {})
        assert look(apart) == look(query)
