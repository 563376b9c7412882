"""The app in a terminal, used as a person uses it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.keys import press, slash
from tests.e2e.screen import STORY, answered, generating, opened, rows, three_panes
from tests.e2e.terminal import ROOT, Terminal, assert_no_process_left, wait_until

pytestmark = pytest.mark.slow
HANDBOOK = ROOT / "samples" / "handbook"


def quit_app(window: Terminal, data: Path) -> None:
    """Quit by key: exit code 0, nothing printed but the shell's line, no process left."""
    press(window, "quit")
    assert window.exit_code() == 0
    assert "Traceback" not in window.screen()
    assert_no_process_left(data)


def test_a_calculation_is_asked_answered_and_still_there_after_a_restart(
    data: Path, terminal: Callable[..., Terminal]
) -> None:
    window = terminal()
    opened(window)
    run = answered(window, data, "What is 12*34?")
    assert run["status"] == "ok" and run["route"] == "routed"
    screen = window.wait_for(lambda text: "408" in text and "calculator" in text and "tok/s" in text)
    assert "TTFT" in screen
    # In Korean, typed as an input method commits it.
    answered(window, data, "12*34는 얼마야?")
    window.wait_for(lambda text: "12*34는 얼마야?" in text and text.count("calculator") >= 2)
    before = rows(data, "SELECT role, content, status FROM messages ORDER BY created_at, seq")
    quit_app(window, data)

    again = terminal("--session", "last")
    opened(again)
    again.wait_for(lambda text: "What is 12*34?" in text and "12*34는 얼마야?" in text and "408" in text)
    assert rows(data, "SELECT role, content, status FROM messages ORDER BY created_at, seq") == before
    press(again, "trace")
    again.wait_for(lambda text: "calculator" in text and "smollm2:135m" in text and "invoke_agent" in text)
    press(again, "trace")
    again.wait_for(three_panes)
    quit_app(again, data)


def test_a_question_about_documents_cites_a_passage_that_opens(
    data: Path, terminal: Callable[..., Terminal]
) -> None:
    window = terminal(size=(140, 40))
    opened(window)
    slash(window, "add_documents", str(HANDBOOK))
    files = len(list(HANDBOOK.iterdir()))
    indexed = "SELECT count(*) AS n FROM documents WHERE status = 'indexed'"
    wait_until(
        lambda: [row["n"] for row in rows(data, indexed)] == [files], 90, "the samples were not indexed"
    )
    window.wait_for("remote-work.md")
    question = "How many days a week can I work from home?"
    slash(window, "ask_documents", question)
    run_citations = "SELECT citations FROM messages WHERE role = 'assistant' AND status = 'complete'"
    wait_until(lambda: rows(data, run_citations), 60, "no answer")
    # The source's own row, below the answer: "[1]" alone is already in the answer.
    window.wait_for(lambda text: "search_documents" in text and "[1] remote-work.md" in text)
    assert "remote-work.md" in rows(data, run_citations)[0]["citations"]
    # Back from the input to the last item, which is the source; it opens in the documents pane.
    window.press("shift+tab")
    press(window, "item_open")
    window.wait_for(lambda text: "## How many days" in text)
    quit_app(window, data)


def test_escape_stops_an_answer_at_once_and_keeps_what_was_said(
    data: Path, terminal: Callable[..., Terminal]
) -> None:
    window = terminal()
    opened(window)
    said = generating(window, data)
    press(window, "stop")
    status = "SELECT content, status FROM messages WHERE role = 'assistant'"
    wait_until(lambda: rows(data, status)[0]["status"] == "cancelled", 5, "Escape did not stop the answer")
    assert rows(data, status)[0]["content"].startswith(said.rstrip())
    # Usable at once.
    assert answered(window, data, "What is 2+3?")["status"] == "ok"
    window.wait_for(lambda text: "5" in text and "calculator" in text)
    quit_app(window, data)


def test_any_size_from_80x24_to_200x50_shows_the_same_conversation(
    data: Path, terminal: Callable[..., Terminal]
) -> None:
    window = terminal(size=(200, 50))
    opened(window)
    answered(window, data, "What is 12*34?")
    window.wait_for("408")
    window.resize(80, 24)
    small = window.wait_for(lambda text: "408" in text and not three_panes_side_by_side(text))
    assert all(len(line) <= 80 for line in small.splitlines())
    window.resize(120, 36)
    window.wait_for(lambda text: three_panes_side_by_side(text) and "408" in text)
    # While it writes, too.
    generating(window, data)
    for columns, lines in ((80, 24), (200, 50), (120, 36)):
        window.resize(columns, lines)
        window.wait_for(lambda text: "LLM Study" in text)
    press(window, "stop")
    window.wait_for(three_panes)
    quit_app(window, data)


def three_panes_side_by_side(screen: str) -> bool:
    """Whether one border names all three panes; the tabs of a narrow screen name them too, without one."""
    names = ("Resources─", "Chat─", "Documents─")
    return any(all(name in line for name in names) for line in screen.splitlines())


def test_korean_interface(data: Path, terminal: Callable[..., Terminal]) -> None:
    window = terminal("--lang", "ko", LLM_STUDY_LANG="")
    window.wait_for(lambda text: "smollm2:135m" in text and "문서" in text, 60)
    answered(window, data, "12*34는 얼마야?")
    window.wait_for("408")
    quit_app(window, data)


def test_quitting_mid_answer_keeps_it_and_leaves_nothing_running(
    data: Path, terminal: Callable[..., Terminal]
) -> None:
    window = terminal()
    opened(window)
    said = generating(window, data)
    quit_app(window, data)
    last = rows(data, "SELECT content, status FROM messages WHERE role = 'assistant'")[0]
    assert last["content"].startswith(said.rstrip())
    assert last["status"] in {"cancelled", "interrupted"}
    again = terminal("--session", "last")
    opened(again)
    again.wait_for(STORY[:40])
    quit_app(again, data)
