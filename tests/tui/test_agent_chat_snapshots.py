"""The permission question and the context bar as whole screens: two sizes, both languages, on fixed data."""

from __future__ import annotations

from typing import Any

import pytest

from core.agent import semconv
from core.agent.types import Budget, Cost, PermissionRequest
from core.events import ContextMeasured, PermissionAsked
from tests.tui.fakes import START, FakeRuntime
from tui.widgets.permission import PermissionRow

SIZES = {"80x24": (80, 24), "120x36": (120, 36)}
QUESTION = {"en": "What is new about heat pumps?", "ko": "히트펌프 새 소식을 찾아 줘"}
NEXT = {"en": "And in Korea?", "ko": "한국에서는?"}
WORDS = {"en": "heat pump news", "ko": "히트펌프 소식"}
LEAVES = {
    "en": "The search words “heat pump news” are sent to public search engines.",
    "ko": "검색어 “히트펌프 소식”이 공개 검색 엔진으로 전송됩니다.",
}
FACT = {"en": "My team works on heating.", "ko": "우리 팀은 난방을 맡는다."}
ANSWER = {"en": "Sales rose in the third quarter.", "ko": "3분기에 판매가 늘었습니다."}
BUDGET = Budget(
    num_ctx=2048, system=118, tools=84, memory=21, retrieved=412, history=361, question=33, reserve=512,
    counted=True, reported=1031, dropped=4,
)  # fmt: skip


def manual(runtime: FakeRuntime) -> None:
    runtime.auto = False
    runtime.costs.each = Cost(1031, 38, 1.8, 0.05, False, 0.000123)


async def settle(bench: Any) -> None:
    """Let every pending layout happen; the caret does not blink in a picture."""
    bench.app.bench.chat.composer.cursor_blink = False
    await bench.pilot.wait_for_animation()
    await bench.pilot.pause()


@pytest.mark.parametrize("lang", ["en", "ko"])
@pytest.mark.parametrize("size", SIZES)
async def test_permission(runs: Any, svg: Any, size: str, lang: str) -> None:
    """Asked in the middle of a run, the next question already in the queue."""
    async with runs(size=SIZES[size], lang=lang, prepare=manual) as bench:
        await bench.ask(QUESTION[lang])
        await bench.until(lambda: bench.app.state.live)
        await bench.ask(NEXT[lang])
        await bench.until(lambda: bench.app.state.queue)
        run = bench.runtime.current
        request = PermissionRequest(
            "p", run.run_id, run.session_id, "web_search", {"query": WORDS[lang]}, LEAVES[lang], START
        )
        bench.runtime.emit(PermissionAsked(request))
        await bench.until(lambda: isinstance(bench.app.focused, PermissionRow))
        await settle(bench)
        assert bench.app.export_screenshot() == svg


@pytest.mark.parametrize("lang", ["en", "ko"])
@pytest.mark.parametrize("size", SIZES)
async def test_context_bar(runs: Any, svg: Any, size: str, lang: str) -> None:
    """After an answer that used a fact and left messages out, a refused call above it."""
    async with runs(size=SIZES[size], lang=lang, prepare=manual) as bench:
        await bench.ask(QUESTION[lang])
        await bench.until(lambda: bench.app.state.live)
        run = bench.runtime.current
        asked = {semconv.TOOL_NAME: "web_search", semconv.TOOL_ARGUMENTS: {"query": WORDS[lang]}}
        bench.runtime.span(
            "p", "root", "execute_tool", "tool", "error", 0.4, {**asked, semconv.PERMISSION: "deny"}
        )
        bench.runtime.span("m", "root", "memory", "memory", "ok", 2.0, {semconv.FACTS_USED: [FACT[lang]]})
        bench.runtime.emit(ContextMeasured(run.run_id, run.session_id, BUDGET))
        bench.runtime.token(ANSWER[lang])
        bench.runtime.end()
        await bench.until(lambda: bench.app.state.costs and bench.app.state.budget)
        await bench.sees("$0.00012")
        await settle(bench)
        assert bench.app.export_screenshot() == svg
