"""How the chat shows what the documents say to an answer's sentences."""

from __future__ import annotations

from typing import Any

import pytest

from core.events import AnswerSupport, Citation, SentenceSupport, SourceNote
from tests.tui.fakes import Script
from tui.widgets.answer_support import BEGIN, END, counted, lines, marked
from tui.widgets.message import Source

ANSWER = "Leave is 15 days [1]. It can be sold [1].\n\n- You get 20 days [1].\n- Anna's dog barks."
SUPPORT = AnswerSupport(
    (
        SentenceSupport(0, 21, "supported", (1,), 1.0, 0, 20),
        SentenceSupport(22, 41, "weak", (1,), 0.3),
        SentenceSupport(43, 65, "number_mismatch", (1,), 0.9, 0, 20, "20 days", "15 days"),
        SentenceSupport(66, len(ANSWER), "uncited"),
    ),
    (
        SourceNote("conflict", (1, 2), ("leave.md", "old.md"), ("15 days", "12 days")),
        SourceNote("stale", (1,), ("leave.md",)),
    ),
)
CITED = Citation(
    1, "d", "/notes/leave.md", "Leave", "c", "Leave is 15 days a year.", 0.8, 10, 34, quote="Leave is 15 days"
)


def test_doubtful_sentences_are_marked_without_becoming_other_markdown() -> None:
    text = marked(ANSWER, SUPPORT)
    assert text.startswith("Leave is 15 days [1]. " + BEGIN)
    assert f"- {BEGIN}You get 20 days [1]. ≠{END}" in text and f"- {BEGIN}Anna's dog barks. ?{END}" in text
    assert text.replace(BEGIN, "").replace(f" ?{END}", "").replace(f" ≠{END}", "") == ANSWER


def test_an_answer_cannot_bring_marks_of_its_own() -> None:
    assert marked(f"a {BEGIN}b{END}", None) == "a \ufffdb\ufffd"


def test_rows_and_code_are_left_as_they_are() -> None:
    for text in ("| a | b |", "```\nx = 1\n```"):
        assert marked(text, AnswerSupport((SentenceSupport(0, len(text), "weak"),))) == text


def test_what_the_check_gave_is_counted_and_said() -> None:
    assert counted(SUPPORT) == "1 of 4 sentences supported"
    assert counted(AnswerSupport()) == counted(None) == ""
    assert lines(SUPPORT) == [
        "≠ It says 20 days; source [1] says 15 days.",
        "? One sentence has little in common with its source.",
        "? No passage bears out one sentence.",
        "! The sources differ [1] [2]: leave.md says 15 days, old.md says 12 days.",
        "! leave.md [1] has changed since it was indexed.",
    ]


@pytest.mark.parametrize("bold", ["**Leave. It** is.", "`a. b` is", "*a. b* ~~c~~ is"])
def test_a_mark_that_cuts_through_formatting_is_left_out(bold: str) -> None:
    from tui.widgets.answer_text import _parser

    at = bold.index(".") + 1
    text = marked(
        bold, AnswerSupport((SentenceSupport(0, at, "weak"), SentenceSupport(at, len(bold), "weak")))
    )
    children = _parser().parse(text)[1].children or []
    depth = 0
    for one in children:
        depth += one.nesting
        assert depth >= 0 and BEGIN not in one.content and END not in one.content
    assert depth == 0


def underlined(app: Any) -> list[str]:
    """What is underlined and has a sign, line by line."""
    found = []
    for strip in app.screen._compositor.render_strips():
        text = "".join(one.text for one in strip if one.style and one.style.underline)
        if "?" in text or "≠" in text:
            found.append(text)
    return found


async def test_the_chat_shows_what_its_documents_say(runs: Any) -> None:
    async with runs(size=(200, 45)) as bench:
        bench.runtime.script = Script(text=ANSWER, tool=False, citations=(CITED,), support=SUPPORT)
        await bench.ask("How much leave do I have?")
        await bench.sees("1 of 4 sentences supported")
        await bench.sees("It says 20 days; source [1] says 15 days.")
        await bench.sees("The sources differ [1] [2]: leave.md says 15 days, old.md says 12 days.")
        await bench.sees("You get 20 days [1]. ≠")
        answer = bench.app.bench.chat.answers()[-1]
        wanted = ["It can be sold [1]. ?", "You get 20 days [1]. ≠", "Anna's dog barks. ?"]
        await bench.until(lambda: underlined(bench.app) == wanted, "the doubtful sentences underlined")
        source = bench.app.screen.query_one(Source)
        assert (source.citation.quote, source.citation.char_start) == ("Leave is 15 days", 10)
        # It is the text that was given: nothing of the marks goes into what is copied or sent again.
        assert answer.text.strip() == ANSWER


async def test_an_answer_that_was_never_checked_says_nothing_of_it(runs: Any) -> None:
    async with runs() as bench:
        bench.runtime.script = Script(text="Leave is 15 days [1].", tool=False, citations=(CITED,))
        await bench.ask("How much leave do I have?")
        await bench.sees("TTFT")
        assert "supported" not in bench.screen_text()


async def test_help_explains_the_signs(runs: Any) -> None:
    async with runs(size=(120, 50)) as bench:
        await bench.pilot.press("f1")
        await bench.sees("what no passage")
