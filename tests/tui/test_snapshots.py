"""Whole screens, compared as SVG: two sizes, dark and light, Korean and English, on fixed data.

`make test ARGS="tests/tui/test_snapshots.py --snapshot-update"` accepts what is drawn now; look at the files first.
"""

from __future__ import annotations

from typing import Any

import pytest

from core.events import Citation
from core.session import documents
from tests.tui.fakes import Script, document, sample

SIZES = {"80x24": (80, 24), "120x36": (120, 36)}
QUESTION = {"en": "What is 12*34?", "ko": "12*34는 얼마야?"}
DOCS_QUESTION = {"en": "Until when can I use leftover leave?", "ko": "남은 휴가는 언제까지 써?"}
ANSWER = {
    "en": "Until the **end of March** of the next year, 5 days at most [1].\n\n- carried over once\n- then it lapses\n",
    "ko": "다음 해 **3월 말**까지 최대 5일을 쓸 수 있습니다 [1].\n\n- 한 번만 이월됩니다\n- 그 뒤에는 소멸합니다\n",
}


async def talk(bench: Any, lang: str) -> None:
    """The same machine, documents and two answers every time."""
    for second in range(24):
        bench.runtime.emit(sample(second))
    store = bench.runtime.store
    for row in (
        document("/notes/handbook/hr/연차휴가.md", chunks=14),
        document("/notes/handbook/hr/경조사.md"),
        document("/notes/handbook/스캔본.pdf", status="failed", reason="image only", chunks=0),
    ):
        documents.put_document(store, row).result()
    await bench.until(lambda: len(bench.app.bench.documents.documents) == 3)
    await bench.ask(QUESTION[lang])
    await bench.until(lambda: len(bench.app.bench.chat.answers()) == 1)
    await bench.until(lambda: not bench.app.state.live)
    cited = Citation(
        1, "연차휴가.md", "/notes/handbook/hr/연차휴가.md", "연차 › 이월", "c1", "남은 휴가는", 0.83
    )
    bench.runtime.script = Script(text=ANSWER[lang], tool=False, citations=(cited,))
    await bench.ask(DOCS_QUESTION[lang])
    await bench.until(lambda: len(bench.app.bench.chat.answers()) == 2 and not bench.app.state.live)
    await settle(bench)


async def settle(bench: Any) -> None:
    """Let every pending layout happen; the caret does not blink in a picture."""
    bench.app.bench.chat.composer.cursor_blink = False
    await bench.until(lambda: "[1] " in bench.screen_text() or bench.app.screen is not bench.app.bench)
    await bench.pilot.wait_for_animation()
    await bench.pilot.pause()


@pytest.mark.parametrize("lang", ["en", "ko"])
@pytest.mark.parametrize("theme", ["study-dark", "study-light"])
@pytest.mark.parametrize("size", SIZES)
async def test_workbench(runs: Any, svg: Any, size: str, theme: str, lang: str) -> None:
    async with runs(size=SIZES[size], theme=theme, lang=lang) as bench:
        await talk(bench, lang)
        assert bench.app.export_screenshot() == svg


@pytest.mark.parametrize("lang", ["en", "ko"])
async def test_first_run(runs: Any, svg: Any, lang: str) -> None:
    async with runs(size=(80, 24), lang=lang) as bench:
        bench.runtime.emit(sample(0))
        await bench.sees("19.9 GiB")
        bench.app.bench.chat.composer.cursor_blink = False
        await bench.pilot.pause()
        assert bench.app.export_screenshot() == svg


@pytest.mark.parametrize("lang", ["en", "ko"])
async def test_sources_of_a_high_contrast_screen(runs: Any, svg: Any, lang: str) -> None:
    async with runs(size=(120, 36), theme="high-contrast", lang=lang) as bench:
        await talk(bench, lang)
        await bench.pilot.press("shift+tab")
        await bench.pilot.pause()
        assert bench.app.export_screenshot() == svg


@pytest.mark.parametrize("lang", ["en", "ko"])
async def test_help(runs: Any, svg: Any, lang: str) -> None:
    async with runs(size=(120, 36), lang=lang) as bench:
        await bench.pilot.press("f1")
        await bench.until(lambda: bench.app.screen is not bench.app.bench)
        await settle(bench)
        assert bench.app.export_screenshot() == svg
