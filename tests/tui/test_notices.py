"""What the app tells in passing: every syllable of it is on screen, on every screen, and then it is gone."""

from __future__ import annotations

from typing import Any

import pytest

from tests.tui.engine_room_fakes import engine_room

SENTENCE = "실패한 문서가 있습니다. 문서 창에서 느낌표를 누르면 이유와 함께 모두 나옵니다. 다시 시도하려면 목록에서 r을 누르십시오"
SIZES = [(80, 24), (120, 36), (200, 50)]


def squeezed(text: str) -> str:
    """Without spaces, line ends and the bar at the side."""
    return "".join(text.replace("▌", "").split())


async def reads(bench: Any, text: str) -> None:
    """Wait for a sentence, however it is broken into lines; nothing else may stand within it."""
    await bench.until(lambda: squeezed(text) in squeezed(bench.screen_text()), f"all of {text!r} on screen")


@pytest.mark.parametrize("size", SIZES)
async def test_every_syllable_is_on_screen(runs: Any, size: tuple[int, int]) -> None:
    async with runs(size=size, lang="ko") as bench:
        await bench.ask("What is 12*34?")
        await bench.until(lambda: not bench.app.state.generating)
        for sentence in (SENTENCE, f"a {SENTENCE}", SENTENCE[::-1]):
            bench.app.tell(sentence, "error")
            await reads(bench, sentence)


@pytest.mark.parametrize("size", SIZES[:2])
async def test_it_is_read_on_every_screen(runs: Any, size: tuple[int, int]) -> None:
    async with runs(size=size, lang="ko", prepare=engine_room) as bench:
        for key in ("f1", "f6", "f3"):
            bench.app.tell(SENTENCE, "error")
            await reads(bench, SENTENCE)
            await bench.pilot.press(key)
            await bench.until(lambda: bench.app.screen is not bench.app.bench)
            await reads(bench, SENTENCE)
            await bench.pilot.press("escape")
            await bench.until(lambda: bench.app.screen is bench.app.bench)
            await reads(bench, SENTENCE)


async def test_one_line_moves_nothing(runs: Any) -> None:
    async with runs(size=(120, 36)) as bench:
        composer = bench.app.bench.chat.composer
        place = composer.region
        bench.app.tell("Copied.")
        await bench.sees("Copied.")
        assert composer.region == place
        await bench.pilot.resize_terminal(80, 24)
        await bench.sees("Copied.")


async def test_a_click_or_the_next_of_its_kind_takes_it_away(runs: Any) -> None:
    async with runs(size=(120, 36)) as bench:
        for _ in range(3):
            bench.app.tell("Copied.")
        await bench.sees("Copied.")
        assert bench.screen_text().count("Copied.") == 1
        await bench.pilot.click(".notice")
        await bench.until(lambda: "Copied." not in bench.screen_text())
        # The keys are back in its place.
        await bench.sees("F1 help")


async def test_it_goes_by_itself(runs: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("tui.widgets.notices.SHORT_S", 0.2)
    async with runs() as bench:
        bench.app.tell("Copied.")
        await bench.sees("Copied.")
        await bench.until(lambda: "Copied." not in bench.screen_text() and not bench.app.notices)


async def test_markup_in_it_is_shown_as_it_is(runs: Any) -> None:
    async with runs() as bench:
        bench.app.tell("[bold]x[/] [/nothing] $accent")
        await bench.sees("[bold]x[/] [/nothing] $accent")
