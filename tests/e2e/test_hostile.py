"""Text that attacks the terminal: nothing of it executes, and the screen stays whole."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.fake_ollama import MODEL, fake_ollama
from tests.e2e.keys import press, slash
from tests.e2e.screen import rows, three_panes
from tests.e2e.terminal import Terminal, wait_until

pytestmark = pytest.mark.slow

HOSTILE = (
    "start \x1b[2J\x1b[H\x1b]0;PWNED\x07\x1b]52;c;UFdORUQ=\x07\x1bPtmux;\x1b\x1b]52;c;UFdORUQ=\x07\x1b\\"
    "\x1b[?1049l\x1b[?1000l\x1bc\x9b31m \x00 \x07 [bold red]markup[/bold red] [@click=app.quit]press[/] [/] "
    "\u202egnirts\u202c \u2066isolate\u2069 \u200b <script>alert(1)</script> [link](file:///etc/passwd) "
    "\x1b]8;;http://127.0.0.1:9/\x07click\x1b]8;;\x07 \r\b\b\b\b finish"
)
LONG_LINE = "x" * 1_000_000


def assert_whole(window: Terminal) -> None:
    """The panes are there, nothing but styles is sent, and no sequence of the text took effect."""
    window.wait_for(three_panes)
    left = re.sub(r"\x1b\[[0-9;:]*m|\x0e|\x0f", "", window.raw_screen())
    assert "\x1b" not in left
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", window.screen())
    assert "PWNED" not in window.tmux("display-message", "-p", "#{pane_title} #{window_name}")
    # OSC 52 would have made a paste buffer.
    assert "PWNED" not in window.tmux("list-buffers")
    assert window.tmux("display-message", "-p", "#{alternate_on}").strip() == "1"


def test_a_hostile_answer_is_only_text(data: Path, terminal: Callable[..., Terminal]) -> None:
    chunks = [HOSTILE[i : i + 7] for i in range(0, len(HOSTILE), 7)]
    with fake_ollama([*chunks, "\n\n", LONG_LINE[:200_000], "\n\n", "the very end"]) as url:
        window = terminal(LLM_STUDY_ENGINE="ollama", OLLAMA_HOST=url)
        window.wait_for(lambda text: three_panes(text) and MODEL in text, 60)
        window.enter("hello [bold]you[/bold] \\[x]")
        complete = "SELECT content FROM messages WHERE role = 'assistant' AND status = 'complete'"
        wait_until(lambda: rows(data, complete), 60, f"no answer\n{window.screen()}")
        assert_whole(window)
        stored = rows(data, complete)[0]["content"]
        assert "\x1b" not in stored and "\x00" not in stored and "[bold red]" in stored
        # Alive and itself: a second answer, then quit by key.
        window.enter("and again")
        wait_until(lambda: len(rows(data, complete)) == 2, 60, "no second answer")
        assert_whole(window)
        press(window, "quit")
        assert window.exit_code() == 0


def test_hostile_documents_are_only_text(
    data: Path, terminal: Callable[..., Terminal], tmp_path: Path
) -> None:
    folder = tmp_path / "papers"
    folder.mkdir()
    (folder / "evil [bold]x [@click=app.quit]\x1b[2J.md").write_text(
        f"# Title {HOSTILE}\n\nlanterns {HOSTILE}\n\n{LONG_LINE[:30_000]}\n", "utf-8"
    )
    (folder / "zz-long.txt").write_text(f"lanterns {LONG_LINE}\n", "utf-8")
    (folder / "nul.txt").write_bytes(b"lanterns\x00\x1b[2J\xff\xfe" * 50)
    (folder / "good.md").write_text("# Lanterns\n\nLanterns are lit at dusk.\n", "utf-8")
    # Wide enough for the folder's name on one line, however deep the temporary directory is.
    window = terminal(size=(200, 40))
    window.wait_for(lambda text: three_panes(text) and "smollm2:135m" in text, 60)
    slash(window, "add_documents", str(folder))
    ended = "SELECT * FROM documents WHERE status IN ('indexed', 'failed')"
    # The megabyte comes last and is two thousand passages: the app is looked at, searched and left meanwhile.
    wait_until(lambda: len(rows(data, ended)) >= 3, 60, f"not all were read\n{window.screen()}")
    assert all(row["status"] == "indexed" or row["reason"] for row in rows(data, ended))
    window.wait_for("good.md")
    assert_whole(window)
    slash(window, "documents", "lanterns")
    window.wait_for("good.md")
    assert_whole(window)
    press(window, "quit")
    assert window.exit_code() == 0
