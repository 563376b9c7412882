"""A person and their documents, in a terminal: add, watch, search, ask, check the source, see a failure, edit, see it change."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pypdf import PdfWriter

from tests.e2e.keys import press, slash
from tests.e2e.screen import opened, rows
from tests.e2e.terminal import ROOT, Terminal, assert_no_process_left, wait_until

pytestmark = pytest.mark.slow
HANDBOOK = ROOT / "samples" / "handbook"


def scan(path: Path) -> None:
    """Write a page with nothing to read on it, as a scan without text recognition."""
    writer = PdfWriter()
    writer.add_blank_page(200, 200)
    writer.write(path)


def status_of(data: Path, name: str) -> str:
    found = rows(data, "SELECT status FROM documents WHERE path LIKE ?", (f"%{name}",))
    return str(found[0]["status"]) if found else ""


def citations(data: Path) -> list[str]:
    """The sources of every finished answer, oldest first, as they are on disk."""
    sql = "SELECT citations FROM messages WHERE role = 'assistant' AND status = 'complete' ORDER BY created_at, seq"
    return [str(row["citations"]) for row in rows(data, sql)]


def search(window: Terminal, words: str) -> None:
    """Type into the documents' search box; nothing is pressed afterwards."""
    press(window, "document_search")
    window.type(words)


@pytest.fixture
def short_path() -> Iterator[Path]:
    """A folder whose path fits on a line of the input: a longer one is typed as well, but read back in pieces."""
    with tempfile.TemporaryDirectory(prefix="d") as made:
        yield Path(made)


def test_a_day_with_the_documents(data: Path, terminal: Callable[..., Terminal], short_path: Path) -> None:
    folder = short_path / "handbook"
    shutil.copytree(HANDBOOK, folder)
    scan(folder / "scan.pdf")
    (folder / "damaged.docx").write_bytes(b"PK\x03\x04 this is no archive")
    good = len(list(HANDBOOK.iterdir()))
    window = terminal(size=(140, 40))
    opened(window)

    # Added by a command; the tree shows each file on its way.
    slash(window, "add_documents", str(folder))
    window.wait_for(lambda text: f"of {good + 2}" in text and ("reading" in text or "embedding" in text), 60)
    done = "SELECT count(*) AS n FROM documents WHERE status = 'indexed'"
    wait_until(lambda: rows(data, done)[0]["n"] == good, 90, "the samples were not indexed")
    window.wait_for(lambda text: "remote-work.md" in text and f"{good + 2} · 2 !" in text)

    # With the screen to itself: search as one types, in Korean and in English, nothing entered.
    press(window, "documents")
    press(window, "zoom")
    window.wait_for("! failed")
    search(window, "남은 휴가 이월")
    window.wait_for(lambda text: "best first" in text and "1 연차휴가.md" in text and "최대 5일" in text)
    window.press("escape")
    window.wait_for("✓")
    search(window, "how many days a week can I work from home")
    window.wait_for(lambda text: "1 remote-work.md" in text and "fused" in text)
    window.press("escape")

    # What failed, and why.
    window.wait_for("▾ handbook")
    press(window, "document_failed")
    window.wait_for(lambda text: "2 failed" in text and "scan.pdf" in text and "damaged.docx" in text)
    reasons = {
        row["path"].rsplit("/", 1)[-1]: row["reason"]
        for row in rows(data, "SELECT path, reason FROM documents WHERE status = 'failed'")
    }
    assert set(reasons) == {"scan.pdf", "damaged.docx"} and all(reasons.values())
    for reason in reasons.values():
        window.wait_for(reason[:24])
    window.press("escape")
    window.wait_for("remote-work.md")
    press(window, "zoom")

    # An answer with its source; to the passage and back with one key.
    question = "남은 휴가는 언제까지 써?"
    slash_from_chat(window, question)
    wait_until(lambda: len(citations(data)) == 1, 90, "no answer")
    assert "연차휴가.md" in citations(data)[0]
    window.wait_for("[1] 연차휴가.md")
    window.press("shift+tab")
    press(window, "item_open")
    window.wait_for(lambda text: "back to the answer" in text and "▌ 그해에 쓰지" in text)
    press(window, "citation_back")
    window.wait_for(lambda text: "back to the answer" not in text and "[1] 연차휴가.md" in text)

    # The file changes; a sync, and both search and answer say so.
    leave = folder / "연차휴가.md"
    leave.write_text(leave.read_text("utf-8").replace("최대 5일까지", "최대 9일까지"), "utf-8")
    press(window, "documents")
    window.wait_for("a add")
    press(window, "documents_sync_here")
    window.wait_for("1 changed", 60)
    wait_until(lambda: status_of(data, "연차휴가.md") == "indexed", 60, "not indexed again")
    search(window, "남은 휴가 이월")
    window.wait_for("9일까지")
    slash_from_chat(window, question)
    wait_until(lambda: len(citations(data)) == 2, 90, "no second answer")
    assert "최대 9일까지" in citations(data)[1] and "최대 5일까지" not in citations(data)[1]

    press(window, "quit")
    assert window.exit_code() == 0
    assert_no_process_left(data)


def slash_from_chat(window: Terminal, question: str) -> None:
    """Ask the documents; the focus goes to the input first."""
    press(window, "trace")
    window.wait_for("─Trace")
    press(window, "trace")
    window.wait_for("─Chat")
    slash(window, "ask_documents", question)
