"""The documents pane: add, list with status, search, read, cite."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from core.events import Citation, Hit, IngestProgress
from core.session import documents
from tests.tui.fakes import FakeChunk, FakeRuntime, FakeView, Script, document
from tui.widgets.composer import complete_path


def put(runtime: FakeRuntime, path: str, **changes: Any) -> None:
    assert runtime.store
    documents.put_document(runtime.store, document(path, **changes)).result()


def handbook(runtime: FakeRuntime) -> None:
    chunks = [
        FakeChunk("c1", 0, "연차 › 이월", "남은 휴가는 다음 해 3월 말까지 최대 5일."),
        FakeChunk("c2", 1, "연차 › 소멸", "그 뒤에는 소멸한다."),
    ]
    runtime.views["연차휴가.md"] = FakeView(document("/notes/hr/연차휴가.md"), chunks)
    runtime.hits = [
        Hit(
            "연차휴가.md",
            "연차휴가.md",
            "/notes/hr/연차휴가.md",
            "연차 › 이월",
            chunks[0].text,
            0.83,
            "c1",
            0.79,
            7.1,
        )
    ]


async def test_documents_are_listed_with_their_status(runs: Any) -> None:
    async with runs() as bench:
        put(bench.runtime, "/notes/hr/연차휴가.md", chunks=14)
        put(bench.runtime, "/notes/hr/경조사.md", status="parsing", chunks=0)
        put(bench.runtime, "/notes/스캔본.pdf", status="failed", reason="image only", chunks=0)
        await bench.sees("연차휴가.md")
        text = bench.screen_text()
        assert "✓  14" in text
        assert "reading" in text
        assert "image only" in text
        bench.app.bench.focus_pane("documents")
        await bench.pilot.press("end", "enter")
        await bench.sees("image only")


async def test_adding_by_command_and_by_key(runs: Any, tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    async with runs() as bench:
        await bench.ask(f"/add {tmp_path}/notes/ ")
        await bench.until(lambda: bench.runtime.added == [f"{tmp_path}/notes/"])
        bench.app.bench.focus_pane("documents")
        await bench.pilot.press("a")
        await bench.sees("A file or folder of Markdown")
        await bench.pilot.press(*f"{tmp_path}/no")
        await bench.until(lambda: bench.app.screen.query_one("RowList").display)
        await bench.pilot.press("tab", "enter")
        await bench.until(lambda: bench.runtime.added[1:] == [f"{tmp_path}/notes/"])


async def test_paths_complete_in_the_input(runs: Any, tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "nothing.txt").touch()
    (tmp_path / ".hidden").touch()
    assert complete_path(f"{tmp_path}/no") == [f"{tmp_path}/notes/", f"{tmp_path}/nothing.txt"]
    assert complete_path(f"{tmp_path}/.h") == [f"{tmp_path}/.hidden"]
    assert complete_path("/nowhere/at/all/") == []
    async with runs() as bench:
        composer = bench.app.bench.chat.composer
        composer.focus()
        await bench.type(f"/add {tmp_path}/not")
        await bench.until(lambda: bench.app.bench.query_one("#completion").display)
        await bench.pilot.press("tab")
        assert composer.text == f"/add {tmp_path}/notes/"


async def test_progress_is_shown_while_adding(runs: Any) -> None:
    async with runs() as bench:
        bench.runtime.emit(IngestProgress("j", 12, 3, 0, "/notes/[b]x.md"))
        await bench.sees("adding 3 of 12:")
        bench.runtime.emit(IngestProgress("j", 12, 12, 0, "", finished=True))
        await bench.until(lambda: "adding" not in bench.screen_text())


async def test_searching_and_reading(runs: Any) -> None:
    async with runs(prepare=handbook) as bench:
        bench.app.bench.focus_pane("documents")
        await bench.pilot.press("slash")
        await bench.type("휴가")
        await bench.pilot.press("enter")
        await bench.sees("1 passages")
        await bench.sees("0.83")
        await bench.pilot.press("enter")
        await bench.sees("남은 휴가는 다음")
        await bench.sees("vector 0.79  keyword 7.1  1/2")
        await bench.pilot.press("right_square_bracket")
        await bench.sees("그 뒤에는 소멸한다.")
        await bench.pilot.press("escape")
        await bench.sees("No documents yet")


async def test_a_source_opens_its_passage(runs: Any) -> None:
    async with runs(prepare=handbook) as bench:
        cited = Citation(1, "연차휴가.md", "/notes/hr/연차휴가.md", "연차 › 이월", "c1", "남은 휴가는", 0.83)
        bench.runtime.script = Script(text="3월 말까지 [1].", tool=False, citations=(cited,))
        await bench.ask("남은 휴가는?")
        await bench.sees("[1] 연차휴가.md › 연차 › 이월")
        await bench.pilot.press("shift+tab", "enter")
        await bench.sees("최대 5일.")
        assert bench.app.bench.focused_pane() == "documents"


async def test_removing_asks_first(runs: Any) -> None:
    async with runs() as bench:
        put(bench.runtime, "/notes/a.md")
        await bench.sees("a.md")
        bench.app.bench.focus_pane("documents")
        await bench.pilot.press("d")
        await bench.sees("Remove a.md from the index?")
        await bench.pilot.press("y")
        await bench.until(lambda: not bench.app.bench.documents.documents)
