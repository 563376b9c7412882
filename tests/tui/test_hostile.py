"""Text from outside is text: markup, escape sequences and long lines change nothing on screen."""

from __future__ import annotations

import time
from typing import Any

from core.events import Citation, Notice
from core.text import clean
from tests.tui.fakes import FakeRuntime, Script, document
from tui.widgets.message import SHOWN_CHARS, Answer

NASTY = "[/x] [bold]b[/bold] [@click=app.quit]go[/] [link=http://x]l[/link] $accent {x}"
ESCAPES = "\x1b[31mred\x1b[0m \x1b]0;title\x07 \x9b2J \u202eevil\u202c \x00nul"


async def test_markup_in_questions_answers_tools_and_names_is_shown_as_it_is(runs: Any) -> None:
    async with runs(size=(160, 50)) as bench:
        cited = Citation(1, "d", "/n/[bold]d.md", "[/red] sec", "c", NASTY, 0.5)
        bench.runtime.script = Script(text=NASTY, citations=(cited,), result=NASTY)
        from core.session import documents

        documents.put_document(bench.runtime.store, document("/n/[bold]x[b].md")).result()
        await bench.ask(f"Q {NASTY}")
        await bench.sees("38 tok")
        text = bench.screen_text()
        assert "Q [/x] [bold]b[/bold] [@click=app.quit]go[/]" in text
        assert "[/red] sec" in text
        await bench.sees("[bold]x[b].md")
        await bench.pilot.press("shift+tab", "up", "up", "enter")
        await bench.pilot.press("f2")
        await bench.pilot.press("end")
        await bench.sees("[@click=app.quit]go[/]")
        bench.runtime.emit(Notice(NASTY, "warning"))
        await bench.sees("[bold]b[/bold] [@click")
        await bench.pilot.press("f6")
        await bench.sees("* Q [/x] [bold]b[/bold]")
        await bench.pilot.press("escape")


async def test_escape_sequences_do_not_reach_the_screen(runs: Any) -> None:
    async with runs() as bench:
        bench.runtime.script = Script(text=ESCAPES, result=ESCAPES)
        await bench.ask("x")
        await bench.sees("38 tok")
        drawn = bench.screen_text()
        for letter in ("\x1b", "\x9b", "\x07", "\u202e", "\x00"):
            assert letter not in drawn
        assert "evil" in drawn


async def test_html_and_images_in_an_answer_stay_text(runs: Any, monkeypatch: Any) -> None:
    async with runs() as bench:
        opened: list[str] = []
        monkeypatch.setattr(bench.app, "open_url", lambda url, **_: opened.append(url))
        text = "<b>bold</b> <script>alert(1)</script>\n\n![pic](file:///etc/passwd) [click me](http://evil.example)"
        bench.runtime.script = Script(text=text, tool=False)
        await bench.ask("x")
        await bench.sees("<script>alert(1)</script>")
        await bench.sees("click me")
        line = next(i for i, line in enumerate(bench.screen_text().splitlines()) if "click me" in line)
        column = bench.screen_text().splitlines()[line].index("click me")
        await bench.pilot.click(offset=(column + 2, line))
        await bench.pilot.pause()
        assert opened == []


async def test_a_megabyte_on_one_line_is_cut_and_quick(runs: Any) -> None:
    async with runs() as bench:
        huge = "가" * 1_000_000
        bench.runtime.script = Script(text=huge, tool=False, result=huge)
        started = time.process_time()
        await bench.ask("x")
        await bench.sees("38 tok")
        assert time.process_time() - started < 60
        answer: Answer = bench.app.bench.chat.answers()[-1]
        assert len(answer._text.source) < SHOWN_CHARS + 1000
        assert len(answer.text) >= 1_000_000


def test_clean_is_the_one_gate() -> None:
    assert clean(ESCAPES) == "red   evil nul"


async def test_an_unexpected_error_is_a_sentence_and_the_app_goes_on(runs: Any, monkeypatch: Any) -> None:
    def broken(self: FakeRuntime, session_id: str, text: str, docs: bool = False) -> Any:
        raise RuntimeError("boom")

    async with runs() as bench:
        with monkeypatch.context() as patch:
            patch.setattr(FakeRuntime, "ask", broken)
            await bench.type("x")
            await bench.pilot.press("enter")
            await bench.sees("Something went wrong inside LLM Study (RuntimeError)")
        assert [type(error) for error in bench.app.unexpected] == [RuntimeError]
        bench.app.unexpected.clear()
        await bench.ask("again")
        await bench.sees("38 tok")
        assert "Traceback" not in bench.screen_text()
