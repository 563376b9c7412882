"""The agent as a person uses it: asks before anything leaves, waits through a kill, carries on when its engine dies."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.keys import press
from tests.e2e.screen import answered, ended_runs, generating, opened, rows
from tests.e2e.terminal import Terminal, assert_no_process_left, engines, wait_until
from tests.service_standins import Services

pytestmark = pytest.mark.slow


@pytest.fixture
def services() -> Iterator[Services]:
    """STAND-INS of the weather service and a search engine, on loopback."""
    made = Services().start()
    yield made
    made.stop()


def settings(services: Services) -> dict[str, str]:
    return {
        "LLM_STUDY_WEATHER_URL": services.url,
        "LLM_STUDY_GEOCODING_URL": services.url,
        "LLM_STUDY_SEARXNG_URL": services.url,
    }


def tool_spans(data: Path, run_id: str) -> list[tuple[str, str]]:
    found = rows(
        data,
        "SELECT attributes, status FROM spans WHERE run_id = ? AND kind = 'tool' ORDER BY seq",
        (run_id,),
    )
    return [(json.loads(row["attributes"])["gen_ai.tool.name"], row["status"]) for row in found]


#: The input between its panes' borders with letters alone in it.
LETTERS_TYPED = re.compile(r"│ (y+) +│")
#: What the question says while the focus is elsewhere.
ELSEWHERE = ("Shift+Tab, then the letter", "Shift+Tab을 누른 다음 글자를")


def say_yes(window: Terminal, data: Path) -> None:
    """Press y until it counts: in the moment after the question appeared a letter is typing, and goes to the input."""

    def counted() -> bool:
        return bool(rows(data, "SELECT 1 FROM permissions WHERE answer = 'once'"))

    def typed() -> int:
        found = LETTERS_TYPED.search(window.screen())
        return len(found[1]) if found else 0

    def elsewhere() -> bool:
        return any(words in window.screen() for words in ELSEWHERE)

    def reach() -> None:
        while elsewhere() and not counted():
            window.press("shift+tab")
            # Once more only where that led past it: keys on their way would.
            with contextlib.suppress(AssertionError):
                wait_until(lambda: not elsewhere(), 5, "not there")

    def taken_back() -> bool:
        if typed():
            window.press("backspace")
            return False
        return True

    for _ in range(20):
        reach()
        before = typed()
        if not counted():
            window.press("y")
            wait_until(lambda: counted() or typed() > before, 40, "y is neither an answer nor in the input")  # noqa: B023
        if counted():
            wait_until(taken_back, 40, "letters stay in the input")
            return
    raise AssertionError(f"y was not taken\n{window.screen()}")


def test_weather_is_asked_about_waits_through_a_kill_and_is_answered_next_day(
    data: Path, terminal: Callable[..., Terminal], services: Services
) -> None:
    korean = {**settings(services), "LLM_STUDY_LANG": "ko"}
    window = terminal(**korean)
    window.wait_for("질문을 입력하십시오")
    window.enter("서울 날씨 알려주고 15*3도 계산해줘")
    window.wait_for(lambda screen: "weather" in screen and "y 이번만" in screen, 60)
    asked = "SELECT * FROM permissions WHERE answer IS NULL"
    assert rows(data, asked)[0]["tool"] == "weather" and not services.requests, "nothing left before the word"
    wait_until(lambda: rows(data, "SELECT 1 FROM runs WHERE status = 'waiting'"), 20, "not waiting")
    window.program().kill()
    window.close()
    assert_no_process_left(data)

    window = terminal("--session", "last", **korean)
    window.wait_for(lambda screen: "y 이번만" in screen and "준비됨" in screen, 60)
    assert len(rows(data, asked)) == 1
    say_yes(window, data)
    wait_until(lambda: ended_runs(data), 60, "the run did not go on")
    [run] = ended_runs(data)
    assert (run["status"], tool_spans(data, run["id"])) == ("ok", [("weather", "ok"), ("calculator", "ok")])
    assert services.requests, "now it was sent"
    window.wait_for(lambda screen: "45" in screen and "Open-Meteo" in screen)
    # Its word was for this time only; a document of this machine needs none.
    run = answered(window, data, "메모리 얼마나 써?")
    assert tool_spans(data, run["id"]) == [("system_status", "ok")] and "GiB" in window.screen()
    press(window, "quit")
    assert window.exit_code() == 0


def test_a_question_waits_its_turn_and_an_engine_that_dies_is_waited_for(
    data: Path, terminal: Callable[..., Terminal]
) -> None:
    window = terminal()
    opened(window)
    generating(window, data)
    window.enter("What is 12*34?")
    wait_until(lambda: rows(data, "SELECT 1 FROM waiting"), 20, "not in the queue")
    for process in engines(data):
        process.kill()
    wait_until(lambda: len(ended_runs(data)) == 2, 120, "not both ended")
    story, sum_of_it = ended_runs(data)
    assert (story["status"], sum_of_it["status"]) == ("ok", "ok")
    retried = rows(data, "SELECT 1 FROM spans WHERE run_id = ? AND kind = 'retry'", (story["id"],))
    assert retried, "the dead engine's call was made again"
    assert not rows(data, "SELECT 1 FROM waiting")
    assert "408" in rows(data, "SELECT content FROM messages WHERE run_id = ? AND role = 'assistant'", (sum_of_it["id"],))[0]["content"]  # fmt: skip
    press(window, "quit")
    assert window.exit_code() == 0


@pytest.mark.parametrize("lang", ["ko", "en"])
def test_a_day_with_the_agent(
    data: Path, terminal: Callable[..., Terminal], services: Services, lang: str, tmp_path: Path
) -> None:
    """Arithmetic, weather, a document, this machine's memory; the engine dies; a fork from the trace; the next day."""
    said = {
        "ko": ("12*34는 얼마야?", "부산 날씨 어때?", "남은 휴가는 언제까지 써?", "메모리 얼마나 써?"),
        "en": ("What is 12*34?", "How is the weather in Busan?", "Until when can I use leftover leave?",
               "How much memory is used?"),
    }[lang]  # fmt: skip
    tools = ["calculator", "weather", "search_documents", "system_status"]
    handbook = tmp_path / "leave.md"
    handbook.write_text(
        "# 휴가 Leave\n\n## 이월 Carry-over\n\n남은 휴가는 다음 해 3월 말까지 최대 5일만 쓸 수 있다. "
        "Leftover leave can be used until the end of March, five days at most.\n",
        "utf-8",
    )
    started = {**settings(services), "LLM_STUDY_LANG": lang}
    window = terminal(**started)
    window.wait_for(lambda screen: {"ko": "준비됨", "en": "ready"}[lang] in screen, 60)
    window.enter(f"/add {handbook}")
    wait_until(lambda: rows(data, "SELECT 1 FROM documents WHERE status = 'indexed'"), 60, "not indexed")
    for question, tool in zip(said, tools, strict=True):
        window.enter(question)
        if tool == "weather":
            asked = "SELECT 1 FROM permissions WHERE answer IS NULL"
            wait_until(lambda: rows(data, asked), 60, "no permission was asked for")  # noqa: B023
            say_yes(window, data)
        count = tools.index(tool) + 1
        wait_until(lambda: len(ended_runs(data)) == count, 60, f"{question} was not answered")  # noqa: B023
        run = ended_runs(data)[-1]
        assert (run["status"], tool_spans(data, run["id"])) == ("ok", [(tool, "ok")]), question
        window.wait_for(lambda screen: tool in screen)  # noqa: B023

    generating(window, data)
    for engine in engines(data):
        engine.kill()
    wait_until(lambda: len(ended_runs(data)) == 5, 90, "the run never ended")

    press(window, "trace")
    window.wait_for(lambda screen: "invoke_agent" in screen)
    window.press("home", "right", "down", "down", "down")
    window.wait_for(lambda screen: "gen_ai.tool.call.result" in screen)
    press(window, "trace_fork")
    window.wait_for(lambda screen: "Ctrl+S" in screen)
    window.type("9")
    window.press("ctrl+s")
    wait_until(
        lambda: rows(data, "SELECT 1 FROM sessions WHERE forked_from <> '' AND hidden = 0"), 30, "no fork"
    )
    wait_until(
        lambda: rows(data, "SELECT 1 FROM runs WHERE kind = 'fork' AND status = 'ok'"), 60, "no answer"
    )
    window.wait_for(lambda screen: "4089" in screen)
    press(window, "quit")
    assert window.exit_code() == 0

    window = terminal("--session", "last", **started)
    window.wait_for(lambda screen: "4089" in screen, 60)
    press(window, "sessions")
    window.wait_for(lambda screen: "⑂" in screen)
    window.press("escape")
    press(window, "quit")
    assert window.exit_code() == 0
    originals = rows(data, "SELECT content FROM messages WHERE session_id IN"
                     " (SELECT id FROM sessions WHERE forked_from IS NULL OR forked_from = '')")  # fmt: skip
    assert not any("4089" in row["content"] for row in originals), "the original is as it was"
