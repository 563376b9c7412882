"""Panes: three side by side, tabs when narrow, maximised, resized, in two languages; nothing done while hidden."""

from __future__ import annotations

from typing import Any

import pytest

from core import i18n
from core.events import ContainerUse, Detail, Gpu, LoadedUse
from tests.tui.fakes import sample
from tui.figures import WIDE, defined
from tui.widgets.header import Header
from tui.widgets.resources import Figures


def shown(bench: Any) -> set[str]:
    return {
        name
        for name in ("resources", "chat", "documents", "trace")
        if bench.app.bench.query_one(f"#{name}").display
    }


async def test_resizing_between_three_panes_and_tabs(runs: Any) -> None:
    async with runs(size=(200, 50)) as bench:
        await bench.ask("What is 12*34?")
        await bench.sees("38 tok")
        assert shown(bench) == {"resources", "chat", "documents"}
        bench.app.bench.chat.composer.text = "draft"
        await bench.pilot.resize_terminal(80, 24)
        await bench.until(lambda: shown(bench) == {"chat"})
        await bench.sees("Chat   Resources   Documents   Trace")
        await bench.sees("12 × 34 = 408")
        assert bench.app.bench.query_one("#strip").display
        await bench.pilot.resize_terminal(120, 36)
        await bench.until(lambda: shown(bench) == {"resources", "chat", "documents"})
        await bench.sees("12 × 34 = 408")
        assert bench.app.bench.chat.composer.text == "draft"
        assert not bench.app.bench.query_one("#strip").display


async def test_a_tab_is_not_alone_where_there_is_room_for_three(runs: Any) -> None:
    async with runs(size=(80, 24)) as bench:
        await bench.pilot.press("f5")
        await bench.until(lambda: shown(bench) == {"documents"})
        await bench.pilot.resize_terminal(120, 36)
        await bench.until(lambda: shown(bench) == {"resources", "chat", "documents"})
        assert bench.app.bench.focused_pane() == "documents"
        # What was given the whole screen keeps it.
        await bench.pilot.press("f9")
        await bench.until(lambda: shown(bench) == {"documents"})
        await bench.pilot.resize_terminal(80, 24)
        await bench.pilot.resize_terminal(120, 36)
        await bench.until(lambda: shown(bench) == {"documents"})


async def test_tabs_by_key_and_mouse(runs: Any) -> None:
    async with runs(size=(80, 24)) as bench:
        for pane in ("resources", "documents", "trace", "chat"):
            await bench.pilot.press("ctrl+t")
            await bench.until(lambda pane=pane: shown(bench) == {pane})
        await bench.pilot.click("#tabs", offset=(10, 0))
        await bench.until(lambda: shown(bench) == {"resources"})
        await bench.pilot.press("escape")
        await bench.until(lambda: shown(bench) == {"chat"})
        assert bench.app.focused is bench.app.bench.chat.composer


@pytest.mark.parametrize("pane", ["resources", "chat", "documents"])
async def test_each_pane_can_be_maximised(runs: Any, pane: str) -> None:
    async with runs() as bench:
        bench.app.bench.focus_pane(pane)
        await bench.pilot.press("f9")
        await bench.until(lambda: shown(bench) == {pane})
        assert bench.app.bench.query_one(f"#{pane}").size.width > 110
        await bench.pilot.press("f9")
        await bench.until(lambda: len(shown(bench)) == 3)
        assert bench.app.bench.focused_pane() == pane


async def test_side_panes_get_wider_and_narrower(runs: Any) -> None:
    async with runs() as bench:
        width = lambda: bench.app.bench.query_one("#documents").outer_size.width  # noqa: E731
        before = width()
        bench.app.bench.focus_pane("documents")
        await bench.pilot.press("f8")
        await bench.until(lambda: width() == before + 2)
        await bench.pilot.press("f7", "f7")
        await bench.until(lambda: width() == before - 2)
        divider = bench.app.bench.query_one("#divider-right").region
        await bench.pilot.mouse_down("#divider-right")
        await bench.pilot.hover(None, offset=(divider.x - 6, divider.y + 3))
        await bench.pilot.mouse_up(None, offset=(divider.x - 6, divider.y + 3))
        await bench.until(lambda: width() > before)


async def test_a_wide_terminal_gives_the_documents_more_room(runs: Any) -> None:
    async with runs(size=(120, 36)) as bench:
        width = lambda pane: bench.app.bench.query_one(f"#{pane}").outer_size.width  # noqa: E731
        at_120 = width("documents")
        await bench.pilot.resize_terminal(200, 50)
        await bench.until(lambda: width("documents") >= 60)
        # An answer's lines are as long as ever.
        assert width("chat") >= 100
        # What the user arranged holds, as far as the chat is left room.
        bench.app.bench.focus_pane("documents")
        arranged = width("documents") + 6
        await bench.pilot.press("f8", "f8", "f8")
        await bench.until(lambda: width("documents") == arranged)
        await bench.pilot.resize_terminal(120, 36)
        await bench.until(lambda: at_120 <= width("documents") < arranged)
        assert width("chat") >= 36
        await bench.pilot.resize_terminal(200, 50)
        await bench.until(lambda: width("documents") == arranged)


async def test_a_terminal_too_small_says_so(runs: Any) -> None:
    async with runs(size=(50, 12)) as bench:
        await bench.sees("LLM Study needs at least 60 × 16")
        await bench.pilot.resize_terminal(80, 24)
        await bench.sees("Ask something")


async def test_telemetry_rests_while_nothing_shows_it(runs: Any) -> None:
    async with runs() as bench:
        assert bench.runtime.telemetry
        await bench.pilot.press("f9")
        await bench.until(lambda: not bench.runtime.telemetry)
        await bench.pilot.press("escape")
        await bench.until(lambda: bench.runtime.telemetry)


async def test_a_sample_that_changes_nothing_redraws_nothing(runs: Any, monkeypatch: Any) -> None:
    async with runs() as bench:
        for _ in range(70):
            bench.runtime.emit(sample(0))
        await bench.sees("3.1/23 GiB")
        await bench.pilot.pause()
        redrawn: list[list[int]] = []
        show = Figures.show
        monkeypatch.setattr(Figures, "show", lambda self: redrawn.append(show(self)))
        bench.runtime.emit(sample(0))
        await bench.until(lambda: redrawn == [[]])
        bench.runtime.emit(sample(0, cpu_percent=77.0))
        await bench.until(lambda: redrawn == [[], [0]])


async def test_every_number_is_explained(runs: Any) -> None:
    async with runs() as bench:
        await bench.pilot.press("f12", "question_mark")
        await bench.sees("What the numbers mean")
        text = str(bench.app.screen._content)
        assert {name.split(".")[0] for names in WIDE.values() for name in names} == {
            name for section in defined() for name in section
        }
        for name in (name for section in defined() for name in section):
            assert i18n.has(f"figure.{name}.help")
            assert i18n.tr(f"figure.{name}.help") in text


async def test_the_language_changes_in_place_and_is_remembered(runs: Any) -> None:
    async with runs() as bench:
        await bench.ask("What is 12*34?")
        await bench.sees("38 tok")
        await bench.ask("/lang ko")
        await bench.sees("질문을 입력하십시오")
        await bench.sees("12 × 34 = 408")
        await bench.sees("38토큰")
        assert 'lang = "ko"' in bench.app.paths.config_file.read_text()
        await bench.ask("/lang fr")
        await bench.sees("fr 언어는 없습니다")


async def test_the_theme_changes_and_is_remembered(runs: Any) -> None:
    async with runs() as bench:
        await bench.ask("/theme study-light")
        await bench.until(lambda: bench.app.theme == "study-light")
        assert 'theme = "study-light"' in bench.app.paths.config_file.read_text()
        await bench.ask("/theme nosuch")
        await bench.sees("There is no theme nosuch")
        for name in ("high-contrast", "ansi-dark", "ansi-light", "textual-light"):
            await bench.ask(f"/theme {name}")
            await bench.until(lambda name=name: bench.app.theme == name)


async def test_ascii_draws_ascii(runs: Any) -> None:
    async with runs(ascii=True) as bench:
        for second in range(5):
            bench.runtime.emit(sample(second))
        bench.runtime.script.text = "fine"
        await bench.ask("What is 12*34?")
        await bench.sees("38 tok")
        drawn = "\n".join(line for line in bench.screen_text().splitlines() if "─" not in line)
        assert {letter for letter in drawn if not letter.isascii()} <= set("│·"), drawn


@pytest.mark.parametrize("width", [60, 80, 100, 120, 200])
@pytest.mark.parametrize("lang", ["en", "ko"])
async def test_the_header_fits_every_width(runs: Any, width: int, lang: str) -> None:
    async with runs(size=(width, 24), lang=lang) as bench:
        await bench.ask("남은 휴가는 언제까지 쓸 수 있고 누구에게 신청해야 하는지 알려 줘")
        await bench.until(lambda: bench.app.state.session.title)
        header = bench.app.bench.query_one(Header)
        assert header.render().cell_length <= width - 2
        assert "smollm2:135m" in header.render().plain


async def test_the_quit_key_is_seen_at_eighty_columns(runs: Any) -> None:
    for lang, name in (("en", "quit"), ("ko", "끝내기")):
        async with runs(size=(80, 24), lang=lang) as bench:
            assert f"^Q {name}" in bench.screen_text()


DETAIL = Detail(
    cores_percent=(20.0, 95.0),
    load_average=(1.25, 0.5, 0.25),
    disk_read=2 * 2**20,
    disk_write=0.0,
    engine_threads=17,
    pressure_memory=3.5,
    oom_kills=1,
    gpus=(Gpu("Card [b]X[/b]", 40.0, 2**30, 8 * 2**30, None, 75.0, None),),
    container=ContainerUse("ollama", "running", 150.0, 3 * 2**30, 6 * 2**30, 2, True, 4),
    loaded=(LoadedUse("smollm2:135m", 274 * 2**20),),
    kv_used_tokens=512,
    kv_total_tokens=8192,
)


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (200, 50)])
async def test_the_wide_pane_shows_every_source(runs: Any, size: tuple[int, int]) -> None:
    async with runs(size=size) as bench:
        assert not bench.runtime.details
        await bench.pilot.press("f12")
        if size[0] >= 100:
            await bench.pilot.press("f9")
        await bench.until(lambda: bench.runtime.details, "the finer sources are read")
        bench.runtime.emit(sample(0, detail=DETAIL))
        for text in ("1.25  0.50  0.25", "2 MiB/s", "17", "3.5 %", "274 MiB", "512/8192", "3.0 GiB / 6.0 GiB",
                     "killed 4", "Card [b]X[/b]", "75 W"):  # fmt: skip
            lines = Figures.render(bench.app.bench.query_one(Figures)).plain
            await bench.until(
                lambda text=text: text in Figures.render(bench.app.bench.query_one(Figures)).plain, lines
            )
        # Nobody looks any longer: nothing finer is read.
        await bench.pilot.press("escape")
        await bench.until(lambda: not bench.runtime.details, "the finer sources rest")


async def test_what_could_not_be_read_is_not_zero(runs: Any) -> None:
    async with runs(size=(200, 50)) as bench:
        await bench.pilot.press("f12", "f9")
        bench.runtime.emit(sample(0, detail=Detail()))
        await bench.sees("wait memory")
        line = next(line for line in bench.screen_text().splitlines() if "wait memory" in line)
        assert "—" in line and "0.0" not in line
