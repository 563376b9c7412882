"""Questions drafted from documents: spread, verbatim, readable by the evaluation, honest about themselves."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import StudyError
from core.rag.evaluation.draft import Passage, asked_of, draft, overlap, sentences, to_yaml, usable
from core.rag.evaluation.measures import coverage
from core.rag.sample import load_questions

KOREAN = Passage(
    "hr/휴가.md",
    "취업규칙 › 연차휴가",
    "# 연차휴가\n- 연차휴가는 입사 후 1년이 지나면 15일을 부여한다.\n- 남은 휴가는 다음 해 3월까지 쓸 수 있다.",
)
ENGLISH = Passage(
    "it/vpn.md",
    "VPN › Passwords",
    "| a | b |\n|---|---|\nPasswords expire after 90 days and must have twelve characters.",
)
TABLE = Passage(
    "it/table.md", "", "| code | meaning |\n|---|---|\n| E1 | the pump has run dry for ten minutes |"
)
PAGE = Passage(
    "manual/GB-200.pdf", "p. 3", 'Say "stop": the diaphragm lasts 4,000 hours: replace it before then.'
)


async def test_templates_ask_in_the_language_of_the_passage_about_every_document() -> None:
    found = await draft([KOREAN, ENGLISH, TABLE, PAGE], 10)
    assert {one.document for one in found} == {"hr/휴가.md", "it/vpn.md", "manual/GB-200.pdf"}, (
        "a table's row is no sentence"
    )
    by_document = {one.document: one for one in found}
    korean, english = by_document["hr/휴가.md"], by_document["it/vpn.md"]
    assert korean.language == "ko" and "연차휴가" in korean.question and korean.question.endswith("나요?")
    assert english.language == "en" and "Passwords" in english.question
    assert "What does GB-200 say about" in by_document["manual/GB-200.pdf"].question, (
        "a page number is nothing to ask about"
    )
    texts = {one.document: one.text for one in (KOREAN, ENGLISH, PAGE)}
    assert all(one.quote in texts[one.document] for one in found)
    assert len(await draft([KOREAN, ENGLISH, PAGE], 2)) == 2
    assert await draft([KOREAN, ENGLISH, PAGE], 9) == await draft([KOREAN, ENGLISH, PAGE], 9)


@pytest.mark.parametrize(
    ("answer", "question", "by"),
    [
        ("Question: After how many days do passwords expire?\nIt is 90.", "After how many days do passwords expire?", "model"),
        ("**When do passwords expire?**", "When do passwords expire?", "model"),
        ("Passwords expire after 90 days and must have twelve characters?", "", "template"),  # only repeats it
        ("What is the capital of France?", "", "template"),  # about something else
        ("When do passwords in this sentence expire?", "", "template"),  # about the task
        ("비밀번호는 언제 만료되나요?", "", "template"),  # another language
        ("Passwords expire.", "", "template"),
        ("", "", "template"),
        ("\x1b[2J" + "passwords " * 400, "", "template"),
    ],
)  # fmt: skip
async def test_the_model_is_believed_only_where_it_asks(answer: str, question: str, by: str) -> None:
    async def write(prompt: str) -> str:
        assert "Passwords expire after 90 days" in prompt
        return answer

    (one,) = await draft([ENGLISH], 1, write)
    assert one.by == by and (one.question == question or by == "template") and "\x1b" not in one.question


async def test_a_model_that_fails_or_never_asks_is_not_asked_for_ever() -> None:
    asked = 0

    async def write(prompt: str) -> str:
        nonlocal asked
        asked += 1
        if asked == 1:
            raise StudyError("error.engine.unreachable", url="x", reason="y")
        return "I am a small model."

    passages = [
        Passage(
            f"a{number}.md",
            f"Machine {number}",
            f"Machine number {number} has to be cleaned every {number + 2} weeks.",
        )
        for number in range(20)
    ]
    found = await draft(passages, 20, write)
    assert len(found) == 20 and all(one.by == "template" for one in found) and asked == 6


def test_questions_of_models_are_tidied_and_checked() -> None:
    assert asked_of("질문: 연차휴가는 며칠인가요") == "연차휴가는 며칠인가요?"
    assert asked_of('\n"How long does it last?"\n\nBecause') == "How long does it last?"
    quote = "연차휴가는 입사 후 1년이 지나면 15일을 부여한다."
    assert usable("연차휴가는 며칠인가요?", quote) and not usable("오늘 날씨는 어떤가요?", quote)
    assert not usable("Why? How?", quote) and not usable("연차?", quote)
    assert overlap("연차휴가", KOREAN) == 1.0 and overlap("오늘 날씨", KOREAN) == 0.0
    assert overlap("취업규칙", KOREAN) == 1.0, "search by words sees the headings, too"


async def test_the_set_is_read_by_the_evaluation_and_says_that_it_is_a_draft(tmp_path: Path) -> None:
    found = await draft([KOREAN, ENGLISH, PAGE], 3)
    path = tmp_path / "set.yaml"
    path.write_text(
        to_yaml(found, "Check\nevery question", lambda one: f"{one.by} {one.overlap:.2f}"), "utf-8"
    )
    text = path.read_text("utf-8")
    assert text.startswith("# Check\n# every question\n") and text.count("# template ") == 3
    questions = load_questions(path)
    assert [one.question for one in questions] == [one.question for one in found]
    assert {one.language for one in questions} == {"ko", "en"} and all(one.gold for one in questions)
    for one in questions:
        passage = next(p for p in (KOREAN, ENGLISH, PAGE) if p.document == one.gold[0].document)
        assert coverage(one.gold[0].quote, passage.text) == 1.0


async def test_nouns_are_asked_about_and_headings_lose_their_numbers() -> None:
    rule = Passage(
        "a.txt", "규정 › 제5조 (보고)", "출장을 다녀온 사람은 여행 경비를 7일 안에 정산하여야 한다."
    )
    (one,) = await draft([rule], 1)
    assert (
        one.question.startswith("a의 '보고'에서는") and "'경비'" in one.question
    ) or "'출장'" in one.question


def test_sentences_are_whole_and_long_enough() -> None:
    text = "## Head line that is long enough\n1. One two three four five six.  Seven!\n> ① 보증 기간은 출하일부터 24개월로 한다.\nWhat is this for, really?"
    assert sentences(text) == ["One two three four five six.", "보증 기간은 출하일부터 24개월로 한다."]
