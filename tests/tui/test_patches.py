"""Each guard in tui/patches.py: what went wrong without it, and that it is still needed."""

from __future__ import annotations

import time

import pytest
from textual import _xterm_parser, events
from textual._xterm_parser import XTermParser
from textual.app import App, ComposeResult
from textual.widgets import Static

from tui import patches, terminal


@pytest.fixture(autouse=True)
def _installed() -> None:
    patches.install()


def typed(messages: object) -> str:
    return "".join(item.character or "" for item in messages if isinstance(item, events.Key))  # type: ignore[attr-defined]


@pytest.mark.parametrize("phrase", ["안녕하세요", "노트북메모리조사하기"])
def test_a_phrase_committed_at_once_arrives_whole(phrase: str) -> None:
    sequence = f"\x1b[32;;{':'.join(str(ord(letter)) for letter in phrase)}u"
    assert len(sequence) > 32
    assert typed(XTermParser().feed(sequence)) == phrase


def test_the_limit_upstream_is_still_too_low() -> None:
    """When this fails, Textual raised its limit: remove guard (iii)."""
    source = _xterm_parser.__spec__.loader.get_source(_xterm_parser.__name__)  # type: ignore[union-attr]
    assert "_MAX_SEQUENCE_SEARCH_THRESHOLD = 32\n" in source


def test_a_mouse_report_without_its_escape_is_not_typed() -> None:
    parser = XTermParser()
    assert typed(parser.feed("a[<35;10;5Mb")) == "ab"
    assert typed(parser.feed("[<35;10;5M")) == ""


def test_a_mouse_report_cut_by_a_slow_link_is_not_typed() -> None:
    parser = XTermParser()
    assert typed(parser.feed("\x1b[<35;1")) == ""
    parser._timeout_time = time.monotonic() - 1
    assert typed(parser.tick()) == ""
    assert typed(parser.feed("0;5M한")) == "한"


def test_a_whole_mouse_report_in_two_reads_still_counts() -> None:
    parser = XTermParser()
    found = [*parser.feed("\x1b"), *parser.feed("[<0;10;5M")]
    assert any(isinstance(item, events.MouseDown) for item in found)


def test_ordinary_brackets_are_typed() -> None:
    assert typed(XTermParser().feed("a[<b>] x[<1]")) == "a[<b>] x[<1]"


@pytest.mark.parametrize(
    ("environ", "kitty", "expected"),
    [
        ({"LC_TERMINAL": "iTerm2"}, "auto", "1"),
        ({"TERM_PROGRAM": "iTerm.app"}, "auto", "1"),
        ({"TERM_PROGRAM": "iTerm.app"}, "on", None),
        ({"TERM_PROGRAM": "ghostty"}, "auto", None),
        ({}, "off", "1"),
        ({"TEXTUAL_DISABLE_KITTY_KEY": "0"}, "off", "0"),
    ],
)
def test_kitty_keyboard_is_off_where_it_swallows_hangul(
    environ: dict[str, str], kitty: str, expected: str | None
) -> None:
    terminal.prepare(kitty, environ)
    assert environ.get(terminal.DISABLE_KITTY) == expected


async def test_a_click_on_a_widget_that_just_left_is_a_miss() -> None:
    class Leaving(App[None]):
        def compose(self) -> ComposeResult:
            yield Static("here")

        def get_default_screen(self) -> patches.GuardedScreen:
            return patches.GuardedScreen()

    app = Leaving()
    async with app.run_test() as pilot:
        static = app.query_one(Static)
        parent = static._parent
        static._detach()
        try:
            assert app.screen.get_widget_and_offset_at(0, 0) == (None, None)
        finally:
            static._parent = parent
        await pilot.pause()


async def test_an_error_in_a_handler_is_reported_and_the_app_goes_on() -> None:
    class Failing(App[None]):
        reported: list[Exception] = []

        def report_unexpected(self, error: Exception) -> None:
            self.reported.append(error)

        def key_x(self) -> None:
            raise RuntimeError("boom")

    app = Failing()
    async with app.run_test() as pilot:
        await pilot.press("x")
        await pilot.press("x")
        assert [str(error) for error in app.reported] == ["boom", "boom"]
