"""Reading the app's screen and its store, as a person and as a program would."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.e2e.terminal import Terminal, wait_until

STORY = "Tell me a very long story about a lighthouse, its keeper and the sea."


def three_panes(screen: str) -> bool:
    """Whether the resources, the chat and the documents are all in sight, with the engine named."""
    return all(word in screen for word in ("LLM Study", "Resources", "Chat", "Documents"))


def opened(window: Terminal) -> str:
    """Wait until the app can be used: three panes and an engine that is ready."""
    return window.wait_for(lambda screen: three_panes(screen) and "smollm2:135m" in screen, 60)


def rows(data: Path, sql: str, parameters: tuple[Any, ...] = ()) -> list[dict[str, Any]]:
    """Read the session store's file, read-only, as it is on disk now."""
    file = data / "session.db"
    if not file.exists():
        return []
    connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=5)
    connection.row_factory = sqlite3.Row
    try:
        return [dict(row) for row in connection.execute(sql, parameters)]
    except sqlite3.OperationalError as error:
        # The program is just creating its tables.
        if "no such table" in str(error):
            return []
        raise
    finally:
        connection.close()


def ended_runs(data: Path) -> list[dict[str, Any]]:
    """The runs that have ended, oldest first."""
    return rows(data, "SELECT * FROM runs WHERE ended_at IS NOT NULL ORDER BY started_at")


def answered(window: Terminal, data: Path, question: str, timeout: float = 60) -> dict[str, Any]:
    """Ask and wait until the run has ended in the store; returns the run."""
    before = len(ended_runs(data))
    window.enter(question)
    wait_until(lambda: len(ended_runs(data)) > before, timeout, f"no answer\n{window.screen()}")
    return ended_runs(data)[-1]


def streaming_text(data: Path) -> str:
    """What the store has of the answer being written."""
    found = rows(
        data, "SELECT content FROM messages WHERE status = 'streaming' ORDER BY created_at DESC LIMIT 1"
    )
    return str(found[0]["content"]) if found else ""


def generating(window: Terminal, data: Path, words: int = 8) -> str:
    """Ask for a long story and wait until some words of it are there; returns what the store has."""
    window.enter(STORY)
    wait_until(
        lambda: len(streaming_text(data).split()) >= words, 60, f"no words are coming\n{window.screen()}"
    )
    return streaming_text(data)


def letters(text: str) -> str:
    """Only letters and digits: what survives wrapping, borders and Markdown."""
    return "".join(char for char in text if char.isalnum())


def column(screen: str, left: str, right: str) -> Callable[[str], str]:
    """A function cutting the columns between two words of the screen's border line out of each line."""
    line = next(line for line in screen.splitlines() if left in line and right in line)
    start, end = line.index(left), line.index(right)
    return lambda text: text[start:end]
