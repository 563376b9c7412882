"""The documents pane: the tree and its live status, adding, searching as one types, reading, citations and back."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.events import Citation, Hit, IngestProgress
from core.rag.types import Collection, Job, Source
from core.session import documents
from tests.tui.fakes import FakeChunk, FakeRuntime, FakeView, Script, document
from tui.widgets.composer import complete_path

WIDE = (140, 36)


def put(runtime: FakeRuntime, path: str, **changes: Any) -> None:
    assert runtime.store
    documents.put_document(runtime.store, document(path, **changes)).result()


def hit(chunk: str, text: str, score: float, **changes: Any) -> Hit:
    fields: dict[str, Any] = {"vector_score": 0.79, "keyword_score": 7.1, "vector_rank": 1, "keyword_rank": 2}
    return Hit(
        "연차휴가.md",
        "연차휴가.md",
        "/notes/hr/연차휴가.md",
        "연차 › 이월",
        text,
        score,
        chunk,
        **(fields | changes),
    )


def handbook(runtime: FakeRuntime) -> None:
    first, second = "남은 휴가는 다음 해 3월 말까지 최대 5일.", "그 뒤에는 소멸한다."
    chunks = [
        FakeChunk("c1", 0, "연차 › 이월", first, None, 0, len(first), 3),
        FakeChunk("c2", 1, "연차 › 소멸", second, None, len(first), len(first) + len(second), 9),
    ]
    runtime.views["연차휴가.md"] = FakeView(document("/notes/hr/연차휴가.md", chunks=2), chunks)
    runtime.hits = [hit("c1", first, 0.83)]


async def in_documents(bench: Any) -> None:
    bench.app.bench.focus_pane("documents")
    await bench.until(lambda: bench.app.bench.documents.rows.has_focus)


async def whole(bench: Any) -> None:
    """The documents with the screen to themselves."""
    await in_documents(bench)
    await bench.pilot.press("f9")
    await bench.until(lambda: bench.app.bench.documents.shape == "whole")


async def on(bench: Any, name: str) -> None:
    """Move the cursor onto a row by what it says."""
    rows = bench.app.bench.documents.rows
    place = await bench.until(
        lambda: next(
            (i + 1 for i, row in enumerate(rows.rows) if any(name in text for text, _ in row.left)), 0
        ),
        name,
    )
    rows.cursor = place - 1
    await bench.pilot.pause()


# -- the tree ----------------------------------------------------------------------------------------


async def test_documents_are_listed_with_their_status(runs: Any) -> None:
    async with runs(size=(150, 36)) as bench:
        put(bench.runtime, "/notes/hr/연차휴가.md", chunks=14)
        put(bench.runtime, "/notes/hr/경조사.md", status="parsing", chunks=0)
        put(bench.runtime, "/notes/스캔본.pdf", status="failed", reason="image only", chunks=0)
        put(bench.runtime, "/notes/규정.md", status="stale", chunks=7)
        put(bench.runtime, "/notes/old.md", status="removed")
        await bench.sees("연차휴가.md")
        await bench.sees("changed")
        text = bench.screen_text()
        assert "✓  14" in text
        assert "reading" in text
        assert "image only" in text
        assert "old.md" not in text
        # The collection counts what is below it: four documents, one on its way, one changed, one failed.
        assert "4 · 1 ● · 1 ≠ · 1 !" in text
        await in_documents(bench)
        await on(bench, "스캔본.pdf")
        await bench.pilot.press("enter")
        await bench.sees("! image only")
        await bench.sees("/notes/스캔본.pdf")


async def test_a_status_moves_on_by_itself(runs: Any) -> None:
    async with runs() as bench:
        put(bench.runtime, "/notes/a.md", status="queued", chunks=0)
        await bench.sees("queued")
        put(bench.runtime, "/notes/a.md", status="embedding", chunks=0)
        await bench.sees("embedding")
        assert "1 ●" in bench.screen_text()
        put(bench.runtime, "/notes/a.md", status="indexed", chunks=5)
        await bench.sees("✓   5")
        await bench.until(lambda: "●" not in bench.screen_text().split("Documents")[1].split("\n")[2])


async def test_left_and_right_fold(runs: Any) -> None:
    async with runs() as bench:
        put(bench.runtime, "/notes/hr/a.md")
        put(bench.runtime, "/notes/it/b.md")
        await bench.sees("b.md")
        await in_documents(bench)
        await on(bench, "a.md")
        await bench.pilot.press("left")  # To the folder,
        assert bench.app.bench.documents.rows.key == "f:default:/notes/hr"
        await bench.pilot.press("left")  # which closes.
        await bench.until(lambda: "a.md" not in bench.screen_text())
        assert "▸ hr" in bench.screen_text()
        await bench.pilot.press("right")
        await bench.sees("a.md")
        await bench.pilot.press("home", "enter")
        await bench.until(lambda: "b.md" not in bench.screen_text())


async def test_folders_begin_where_they_were_added(runs: Any) -> None:
    def prepare(runtime: FakeRuntime) -> None:
        runtime.library.known_sources = [Source("s", "default", "/home/me/handbook")]
        runtime.library.all = [Collection("default", "default"), Collection("c1", "규정")]

    async with runs(prepare=prepare) as bench:
        put(bench.runtime, "/home/me/handbook/hr/leave/a.md")
        put(bench.runtime, "/srv/rules/b.md", collection="c1")
        await bench.sees("b.md")
        shown = [line.split("│")[-1].rstrip() for line in bench.screen_text().split("\n")]
        names = [
            line.split("  ")[-1] if "▾" in line else line for line in shown if "▾" in line or ".md" in line
        ]
        order = [
            next(
                (
                    w
                    for w in ("default", "handbook", "hr", "leave", "a.md", "규정", "rules", "b.md")
                    if w in n
                ),
                "",
            )
            for n in shown
        ]
        assert [name for name in order if name] == [
            "default",
            "handbook",
            "hr",
            "leave",
            "a.md",
            "규정",
            "rules",
            "b.md",
        ]
        assert names


# -- adding ------------------------------------------------------------------------------------------


async def test_adding_by_command_and_by_key(runs: Any, tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    async with runs() as bench:
        await bench.ask(f"/add {tmp_path}/notes/ ")
        await bench.until(lambda: bench.runtime.added == [f"{tmp_path}/notes/"])
        await in_documents(bench)
        await bench.pilot.press("a")
        await bench.sees("Files or folders")
        await bench.pilot.press(*f"{tmp_path}/no")
        await bench.until(lambda: bench.app.screen.query_one("#add-completion").display)
        await bench.pilot.press("tab", "enter")
        await bench.until(lambda: bench.runtime.added[1:] == [f"{tmp_path}/notes/"])


async def test_dropped_files_are_added_to_the_collection_under_the_cursor(runs: Any, tmp_path: Path) -> None:
    from textual import events

    (tmp_path / "a b.md").touch()
    (tmp_path / "-c.md").touch()

    def prepare(runtime: FakeRuntime) -> None:
        runtime.library.all = [Collection("default", "default"), Collection("rules", "규정")]

    async with runs(prepare=prepare) as bench:
        put(bench.runtime, "/x/y.md", collection="rules")
        await bench.sees("y.md")
        await in_documents(bench)
        await on(bench, "y.md")
        rows = bench.app.bench.documents.rows
        rows.post_message(events.Paste(f"'{tmp_path}/a b.md' {tmp_path}/-c.md"))
        await bench.sees("into the collection")
        assert bench.app.screen.query_one("#add-collection").current.id == "rules"
        await bench.pilot.press("enter")
        await bench.until(lambda: bench.runtime.added == [f"{tmp_path}/a b.md", f"{tmp_path}/-c.md"])
        await bench.until(
            lambda: {one.collection for one in bench.app.bench.documents.documents} == {"rules"},
            "in the collection",
        )


async def test_words_pasted_into_the_search_box_stay_words(runs: Any) -> None:
    from textual import events

    async with runs() as bench:
        await in_documents(bench)
        await bench.pilot.press("slash")
        bench.app.bench.documents.box.post_message(events.Paste("/no/such/file and more"))
        await bench.until(lambda: bench.app.bench.documents.box.value == "/no/such/file and more")
        assert bench.app.screen is bench.app.bench


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


async def test_progress_is_shown_with_its_keys(runs: Any) -> None:
    async with runs(size=(160, 36)) as bench:
        bench.runtime.emit(IngestProgress("j", 12, 3, 1, "/notes/[b]x.md", rate=4.2, eta_s=2.1))
        await bench.sees("3 of 12")
        text = " ".join(line.split("│")[-1].strip() for line in bench.screen_text().split("\n"))
        for part in ("adding", "1 !", "4.2 docs/s", "2.1 s left", "p pause", "x stop", "[b]x.md"):
            assert part in text, part
        await in_documents(bench)
        await bench.pilot.press("p")
        await bench.until(lambda: ("pause", "j") in bench.runtime.library.asked)
        bench.runtime.emit(IngestProgress("j", 12, 3, 1, "", paused=True))
        await bench.sees("p go on")
        await bench.pilot.press("p", "x")
        await bench.until(lambda: bench.runtime.library.asked[-2:] == [("resume", "j"), ("stop", "j")])
        bench.runtime.emit(IngestProgress("j", 12, 12, 0, "", finished=True))
        await bench.until(lambda: "of 12" not in bench.screen_text())


# -- searching ---------------------------------------------------------------------------------------


async def test_searching_as_one_types_and_reading(runs: Any) -> None:
    async with runs(size=WIDE, prepare=handbook) as bench:
        await whole(bench)
        await bench.pilot.press("slash")
        await bench.type("휴가")
        await bench.sees("1 passages")  # Without Enter.
        await bench.sees("0.83")
        assert bench.app.bench.documents.box.has_focus
        await bench.pilot.press("enter", "enter")
        await bench.sees("vector 0.79 #1")
        text = bench.screen_text()
        assert "keyword 7.1 #2" in text
        assert "fused 0.83" in text
        assert "남은 휴가는 다음 해" in text
        assert "1/2" in text
        assert "2 · 연차 › 소멸 · line 9" in text  # The next chunk's boundary, in the same document.
        await bench.pilot.press("right_square_bracket")
        await bench.sees("2/2")
        await bench.pilot.press("question_mark")
        await bench.sees("Cosine similarity")
        await bench.pilot.press("escape", "escape", "escape")
        await bench.sees("No documents yet")


async def test_keys_that_arrive_at_once_are_typed_into_the_search(runs: Any) -> None:
    from textual import events

    async with runs(size=WIDE, prepare=handbook) as bench:
        put(bench.runtime, "/notes/a.md")
        await bench.sees("a.md")
        await in_documents(bench)
        for key, letter in (("slash", "/"), ("d", "d"), ("R", "R"), ("x", "x"), ("휴", "휴")):
            bench.app.post_message(events.Key(key, letter))
        await bench.until(lambda: bench.app.bench.documents.box.value == "dRx휴")
        await bench.until(lambda: bench.app.bench.documents.box.has_focus)
        await bench.type("가")  # Goes on where it was; only / begins anew.
        assert bench.app.bench.documents.box.value == "dRx휴가"
        await bench.until(lambda: bench.app.bench.documents.result is not None)
        bench.app.bench.documents.rows.focus()
        await bench.until(lambda: bench.app.bench.documents.rows.has_focus)
        bench.runtime.library.asked.clear()
        await bench.pilot.press("slash")
        await bench.until(lambda: bench.app.bench.documents.box.has_focus)
        await bench.type("new")
        assert bench.app.bench.documents.box.value == "new"
        assert bench.app.screen is bench.app.bench


async def test_an_answer_that_comes_too_late_is_dropped(runs: Any) -> None:
    async with runs(size=WIDE, prepare=handbook) as bench:
        later = bench.runtime.library.later = []
        await in_documents(bench)
        await bench.pilot.press("slash")
        bench.app.bench.documents.box.value = "first"
        await bench.until(lambda: len(later) == 1)
        bench.app.bench.documents.box.value = "first second"
        await bench.until(lambda: len(later) == 2)
        newer, result = later[1]
        newer.set_result(result)
        await bench.sees("1 passages")
        bench.runtime.hits = []
        # The first was cancelled with the newer one: its answer has nobody to go to.
        assert later[0][0].cancelled()
        assert bench.app.bench.documents.result.hits


async def test_filters_narrow_and_a_wrong_one_says_so(runs: Any) -> None:
    async with runs(size=WIDE, prepare=handbook) as bench:
        put(bench.runtime, "/notes/hr/a.md")
        put(bench.runtime, "/notes/it/b.pdf")
        await whole(bench)
        await bench.sees("b.pdf")
        await bench.pilot.press("slash")
        bench.app.bench.documents.box.value = "path:hr"
        await bench.sees("1 of 2 documents")
        await bench.sees("1/2")
        assert "b.pdf" not in bench.screen_text()
        bench.app.bench.documents.box.value = "type:pdf 휴가"
        # A slow terminal may have had a search for what was typed first.
        await bench.until(
            lambda: bench.runtime.library.asked and bench.runtime.library.asked[-1][1] == "휴가"
        )
        _, words, filters, phrase = bench.runtime.library.asked[-1]
        assert (words, filters.types, phrase) == ("휴가", ("pdf",), "")
        bench.app.bench.documents.box.value = "type:exe 휴가"
        await bench.sees("No document is of type exe. There are: md, pdf.")
        bench.app.bench.documents.box.value = "since:soon"
        await bench.sees("soon is no date")
        bench.app.bench.documents.box.value = "in:nowhere"
        await bench.sees("There is no collection nowhere.")
        bench.app.bench.documents.box.value = "typ:pdf"
        await bench.sees("Did you mean type:")
        asked = len(bench.runtime.library.asked)
        await bench.pilot.press("enter")
        await bench.pilot.pause()
        assert len(bench.runtime.library.asked) == asked
        await bench.pilot.press("escape")
        await bench.sees("b.pdf")


async def test_what_is_not_in_the_documents_is_said_with_the_nearest_passages(runs: Any) -> None:
    async with runs(size=WIDE, prepare=handbook) as bench:
        bench.runtime.library.answerable, bench.runtime.library.confidence = False, 0.12
        await whole(bench)
        await bench.pilot.press("slash")
        await bench.type("화성")
        await bench.sees("Not in the documents (confidence 0.12)")
        await bench.sees("0.83")


async def test_next_hit_goes_round_the_document(runs: Any) -> None:
    def prepare(runtime: FakeRuntime) -> None:
        texts = [f"문단 {n}" + (" 휴가 규정" if n in {3, 7} else "") for n in range(10)]
        chunks = [
            FakeChunk(f"c{n}", n, f"절 {n}", text, None, n * 10, n * 10 + 10) for n, text in enumerate(texts)
        ]
        runtime.views["연차휴가.md"] = FakeView(document("/notes/hr/연차휴가.md", chunks=10), chunks)
        runtime.hits = [hit("c3", texts[3], 0.9)]

    async with runs(size=WIDE, prepare=prepare) as bench:
        await whole(bench)
        bench.app.bench.documents.search("휴가는")
        await bench.sees("1 passages")
        await bench.pilot.press("enter")
        reader = bench.app.bench.documents.reader
        await bench.until(lambda: reader.has_focus and reader.place == 3)
        await bench.pilot.press("n")
        assert reader.place == 7
        await bench.pilot.press("n")
        assert reader.place == 3
        await bench.pilot.press("N")
        assert reader.place == 7


# -- citations ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(120, 36), (80, 24)])
@pytest.mark.parametrize("key", ["b", "escape"])
async def test_from_a_source_to_its_passage_and_back_with_one_key(
    runs: Any, size: tuple[int, int], key: str
) -> None:
    async with runs(size=size, prepare=handbook) as bench:
        cited = Citation(1, "연차휴가.md", "/notes/hr/연차휴가.md", "연차 › 이월", "c1", "남은 휴가는", 0.83)
        bench.runtime.script = Script(text="3월 말까지 [1].", tool=False, citations=(cited,))
        await bench.ask("남은 휴가는?")
        await bench.sees("[1] 연차휴가.md › 연차 › 이월")
        await bench.pilot.press("shift+tab", "enter")
        await bench.sees("최대 5일.")
        await bench.sees("b back to the answer")
        pane = bench.app.bench.documents
        await bench.until(lambda: pane.reader.has_focus)
        assert bench.app.bench.focused_pane() == "documents"
        await bench.pilot.press(key)
        await bench.until(
            lambda: "source" in (bench.app.bench.focused.classes if bench.app.bench.focused else ())
        )
        assert bench.app.bench.focused_pane() == "chat"
        assert "[1] 연차휴가.md" in bench.screen_text()
        assert pane.state.cited is None


async def test_a_search_after_a_source_reads_what_it_finds(runs: Any) -> None:
    async with runs(prepare=handbook) as bench:
        cited = Citation(1, "연차휴가.md", "/notes/hr/연차휴가.md", "연차 › 이월", "c1", "남은 휴가는", 0.83)
        bench.runtime.script = Script(text="3월 말까지 [1].", tool=False, citations=(cited,))
        await bench.ask("남은 휴가는?")
        await bench.sees("[1] 연차휴가.md › 연차 › 이월")
        await bench.pilot.press("shift+tab", "enter")
        await bench.sees("b back to the answer")
        bench.runtime.hits = [hit("c2", "그 뒤에는 소멸한다.", 0.4)]
        bench.app.bench.documents.search("소멸")
        await bench.sees("2/2")
        await bench.until(lambda: "back to the answer" not in bench.screen_text())


async def test_a_source_whose_document_changed_is_shown_as_it_was_cited(runs: Any) -> None:
    async with runs(prepare=handbook) as bench:
        cited = Citation(
            1, "연차휴가.md", "/notes/hr/연차휴가.md", "연차", "gone", "예전에는 최대 10일이었다.", 0.83
        )
        bench.runtime.script = Script(text="10일 [1].", tool=False, citations=(cited,))
        await bench.ask("남은 휴가는?")
        await bench.sees("[1] 연차휴가.md")
        await bench.pilot.press("shift+tab", "enter")
        await bench.until(lambda: ("view", "연차휴가.md") in bench.runtime.library.asked)
        await bench.until(lambda: "has changed" in " ".join(bench.screen_text().split()).replace("│ ", ""))
        assert "예전에는 최대" in bench.screen_text()


# -- changing ----------------------------------------------------------------------------------------


async def test_removing_asks_first(runs: Any) -> None:
    async with runs() as bench:
        put(bench.runtime, "/notes/a.md")
        await bench.sees("a.md")
        await in_documents(bench)
        await on(bench, "a.md")
        await bench.pilot.press("d")
        await bench.sees("Remove a.md from the index?")
        await bench.pilot.press("y")
        await bench.until(lambda: not bench.app.bench.documents.documents)


async def test_failed_files_are_listed_with_reasons_and_retried(runs: Any) -> None:
    copied: list[str] = []
    async with runs(size=WIDE) as bench:
        bench.app.copy_text = lambda text, **_: copied.append(text)
        put(bench.runtime, "/n/ok.md")
        put(
            bench.runtime,
            "/n/scan.pdf",
            status="failed",
            reason="It is image only.",
            chunks=0,
            updated_at=2.0,
        )
        put(bench.runtime, "/n/bad.docx", status="failed", reason="It is damaged.", chunks=0, updated_at=1.0)
        await bench.sees("bad.docx")
        await whole(bench)
        await bench.pilot.press("exclamation_mark")
        await bench.sees("2 failed.")
        assert "ok.md" not in bench.screen_text()
        await bench.pilot.press("down")
        await bench.sees("! It is damaged.")
        await bench.pilot.press("c", "r", "R")
        asked = bench.runtime.library.asked
        await bench.until(lambda: ("retry", []) in asked)
        assert ("retry", ["bad.docx"]) in asked
        assert copied == ["/n/bad.docx: It is damaged."]
        await bench.pilot.press("escape")
        await bench.sees("ok.md")


async def test_jobs_are_listed_and_held(runs: Any) -> None:
    async with runs(size=WIDE) as bench:
        bench.runtime.library.all_jobs = [
            Job("j2", "sync", "default", "running", ("/n/handbook",), 1_790_000_000.0, total=12),
            Job("j1", "add", "default", "done", ("/n/old",), 1_780_000_000.0, 1_780_000_010.0, 40, 40, 2),
        ]
        bench.runtime.emit(
            IngestProgress("j2", 12, 5, 0, "/n/handbook/a.md", kind="sync", rate=2.0, eta_s=3.5)
        )
        await whole(bench)
        await bench.pilot.press("t")
        await bench.sees("Jobs, newest first")
        await bench.sees("5/12")
        assert "40/40 · 2 !" in bench.screen_text()
        await bench.sees("2.0 docs/s")
        await bench.pilot.press("x")
        await bench.until(lambda: ("stop", "j2") in bench.runtime.library.asked)
        await bench.pilot.press("t")
        await bench.until(lambda: "Jobs, newest" not in bench.screen_text())


async def test_a_job_opens_on_a_narrow_screen(runs: Any) -> None:
    async with runs(size=(80, 24)) as bench:
        bench.runtime.library.all_jobs = [
            Job("j1", "add", "default", "done", ("/n/old",), 1_780_000_000.0, 1_780_000_010.0, 40, 40, 2)
        ]
        await in_documents(bench)
        await bench.pilot.press("t")
        await bench.sees("40/40")
        await bench.pilot.press("enter")
        await bench.sees("4.0 docs/s")
        await bench.pilot.press("escape")
        await bench.sees("40/40")


async def test_details_sync_and_check(runs: Any) -> None:
    async with runs(size=WIDE) as bench:
        put(bench.runtime, "/n/a.md", bytes=2048, content_hash="abc123", note="Decoded as CP949.")
        await bench.sees("a.md")
        await in_documents(bench)
        await on(bench, "a.md")
        await bench.pilot.press("i")
        await bench.sees("markdown-1 headings-2 use")
        for part in ("abc123", "2 KiB", "utf-8", "/copy/a.md", "Decoded as CP949."):
            assert part in bench.screen_text()
        await bench.pilot.press("escape", "s")
        await bench.sees("1 changed")
        assert ("sync", "default") in bench.runtime.library.asked
        await bench.app.action_do("documents_check")
        await bench.sees("They agree.")


async def test_a_passage_is_written_to_a_file(
    runs: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with runs(size=WIDE, prepare=handbook) as bench:
        await whole(bench)
        bench.app.bench.documents.search("휴가")
        await bench.sees("1 passages")
        await bench.pilot.press("enter")
        await bench.until(lambda: bench.app.bench.documents.reader.has_focus)
        await bench.pilot.press("e")
        await bench.sees("Saved")
        text = (tmp_path / "연차휴가.md-1.md").read_text("utf-8")
        assert "- source: /notes/hr/연차휴가.md" in text
        assert "- section: 연차 › 이월" in text
        assert "- line: 3" in text
        assert "> 남은 휴가는 다음 해 3월 말까지 최대 5일." in text


async def test_a_long_document_opens_at_once_and_only_what_is_seen_is_wrapped(runs: Any) -> None:
    def prepare(runtime: FakeRuntime) -> None:
        text = "남은 휴가는 다음 해 3월 말까지. Carried over once, then it lapses. " * 6
        chunks = [FakeChunk(f"c{n}", n, f"절 {n}", f"{n}번째. {text}", n // 3 + 1) for n in range(20_000)]
        runtime.views["long.md"] = FakeView(document("/n/long.md", chunks=20_000), chunks)

    async with runs(size=WIDE, prepare=prepare) as bench:
        put(bench.runtime, "/n/long.md", chunks=20_000)
        await whole(bench)
        await on(bench, "long.md")
        await bench.pilot.press("enter")
        reader = bench.app.bench.documents.reader
        await bench.until(lambda: reader.has_focus and reader.size.height)
        await bench.sees("0번째.")
        assert sum(reader._exact) < 100
        await bench.pilot.press("end")
        await bench.sees("19999번째.")
        await bench.sees("p. 6667")
        reader.go(12_345)
        await bench.sees("12346/20000")
        assert "12345번째." in bench.screen_text()
        # Upwards into chunks never seen: what was read stays where it is.
        before = bench.screen_text().split("\n")
        await bench.pilot.press("up", "up", "up")
        await bench.until(lambda: "12344" in bench.screen_text())
        after = bench.screen_text().split("\n")
        row = next(i for i, line in enumerate(before) if "12345번째." in line)
        assert "12345번째." in after[row + 3]
        assert sum(reader._exact) < 200


async def test_scrolling_visits_every_chunk_in_order(runs: Any) -> None:
    """Guessed heights that are wrong lose no line and show none twice."""

    def prepare(runtime: FakeRuntime) -> None:
        texts = ["x" * (n * 37 % 400) + "\n" * (n % 5) + f"end{n}." for n in range(60)]
        chunks = [FakeChunk(f"c{n}", n, "", text) for n, text in enumerate(texts)]
        runtime.views["a.md"] = FakeView(document("/n/a.md", chunks=60), chunks)

    async with runs(size=(100, 30), prepare=prepare) as bench:
        put(bench.runtime, "/n/a.md", chunks=60)
        await whole(bench)
        await on(bench, "a.md")
        await bench.pilot.press("enter")
        reader = bench.app.bench.documents.reader
        await bench.until(lambda: reader.has_focus and reader.size.height)
        seen: list[int] = []
        for _ in range(400):
            for number in re.findall(r"end(\d+)\.", bench.screen_text()):
                if int(number) not in seen:
                    seen.append(int(number))
            if reader.scroll_y >= reader.max_scroll_y:
                break
            reader.action_by_page(1)
            await bench.pilot.pause()
        assert seen == list(range(60))


async def test_collections_are_made_renamed_set_up_and_removed(runs: Any) -> None:
    async with runs(size=WIDE) as bench:
        await in_documents(bench)
        await bench.pilot.press("C")
        await bench.sees("Collections")
        await bench.pilot.press("a")
        await bench.sees("Name of the new collection")
        await bench.type("rules")
        await bench.pilot.press("enter")
        await bench.until(lambda: len(bench.app.screen.query_one("RowList").rows) == 2)
        await bench.pilot.press("end", "e")
        await bench.sees("Settings of rules")
        await bench.pilot.press("right")  # Another way of cutting,
        await bench.sees("recursive")
        await bench.sees("beside the old index")
        await bench.pilot.press(
            "down", "down", "right", "down", "down", "down", "right", "s"
        )  # an overlap, watched.
        await bench.until(
            lambda: bench.runtime.library.asked and bench.runtime.library.asked[-1][0] == "change"
        )
        _, collection, changes = bench.runtime.library.asked[-1]
        assert collection == "c1"
        assert (changes["chunking"].strategy, changes["chunking"].overlap, changes["watch"]) == (
            "recursive",
            10,
            True,
        )
        await bench.sees("watched")
        await bench.pilot.press("d")
        await bench.sees("Remove the collection rules")
        await bench.pilot.press("y")
        await bench.until(lambda: ("remove_collection", "c1") in bench.runtime.library.asked)
        await bench.until(lambda: len(bench.app.screen.query_one("RowList").rows) == 1)
        await bench.pilot.press("d")
        await bench.sees("The default collection stays")


async def test_settings_that_cannot_be_are_not_saved(runs: Any) -> None:
    async with runs(size=WIDE) as bench:
        await in_documents(bench)
        await bench.pilot.press("C")
        await bench.sees("Collections")
        await bench.pilot.press("e")
        await bench.sees("Settings of default")
        await bench.pilot.press("down", "enter")
        await bench.until(lambda: bench.app.screen.query("Input"))
        bench.app.screen.query_one("Input").value = "7"
        await bench.pilot.press("enter")
        await bench.sees("7 cells")
        await bench.pilot.press("s")
        await bench.pilot.pause()
        assert "Settings of default" in bench.screen_text()
        assert not bench.runtime.library.asked


async def test_another_language_keeps_the_tree_and_its_folds(runs: Any) -> None:
    async with runs(size=WIDE) as bench:
        put(bench.runtime, "/notes/hr/a.md")
        put(bench.runtime, "/notes/it/b.md")
        await bench.sees("b.md")
        await in_documents(bench)
        await on(bench, "hr")
        await bench.pilot.press("left")
        await bench.until(lambda: "a.md" not in bench.screen_text())
        await bench.app.action_do("lang", "ko")
        await bench.sees("▸ hr")
        assert "b.md" in bench.screen_text() and "a.md" not in bench.screen_text()
        await bench.sees("추가")


async def test_a_document_that_is_read_is_read_again_when_it_changed(runs: Any) -> None:
    async with runs(size=WIDE, prepare=handbook) as bench:
        put(bench.runtime, "/notes/hr/연차휴가.md", chunks=2)
        await whole(bench)
        await on(bench, "연차휴가.md")
        await bench.pilot.press("enter")
        await bench.sees("최대 5일")
        view = bench.runtime.views["연차휴가.md"]
        changed = replace(view.document, content_hash="new")
        chunks = [replace(view.chunks[0], text="남은 휴가는 최대 9일."), view.chunks[1]]
        bench.runtime.views["연차휴가.md"] = FakeView(changed, chunks)
        put(bench.runtime, "/notes/hr/연차휴가.md", chunks=2, content_hash="new", status="stale")
        await bench.sees("changed")
        assert "최대 5일" in bench.screen_text()  # The old version, until the new one is in.
        put(bench.runtime, "/notes/hr/연차휴가.md", chunks=2, content_hash="new")
        await bench.sees("최대 9일")


async def test_a_search_is_made_again_when_a_job_is_over(runs: Any) -> None:
    async with runs(size=WIDE, prepare=handbook) as bench:
        await in_documents(bench)
        bench.app.bench.documents.search("휴가")
        await bench.sees("1 passages")
        bench.runtime.hits = [*bench.runtime.hits, hit("c2", "그 뒤에는 소멸한다.", 0.4)]
        bench.runtime.emit(IngestProgress("j", 1, 1, 0, "", finished=True))
        await bench.sees("2 passages")


async def test_ten_thousand_documents_are_rows_only_where_they_are_seen(runs: Any, monkeypatch: Any) -> None:
    from tui.widgets import documents_rows

    rows = [document(f"/wiki/{n % 50}/문서-{n:05d}.md", id=f"d{n}") for n in range(10_000)]

    made: list[str] = []
    original = documents_rows.document_row
    monkeypatch.setattr(
        documents_rows, "document_row", lambda one, depth: (made.append(one.id), original(one, depth))[1]
    )
    async with runs(size=WIDE) as bench:
        await asyncio.wrap_future(documents.put_documents(bench.runtime.store, rows))
        await bench.until(lambda: len(bench.app.bench.documents.documents) == 10_000)
        await whole(bench)
        await bench.sees("10 000")
        made.clear()
        await bench.pilot.press("end")
        await bench.until(lambda: bench.app.bench.documents.rows.cursor > 10_000)
        await bench.pilot.press("slash")
        bench.app.bench.documents.box.value = "path:문서-0001"
        await bench.sees("10 of 10 000 documents")
        assert 0 < len(made) < 500


async def test_hostile_documents_are_only_text(runs: Any) -> None:
    bad = "\x1b[2J\x1b]0;owned\x07[bold red]x[/bold red] \u202egnp.exe\r\n\x00"

    def prepare(runtime: FakeRuntime) -> None:
        chunks = [FakeChunk(f"c{bad}", 0, f"A › {bad}", f"{bad}본문", None, 0, 40)]
        runtime.views["evil.md"] = FakeView(document("/n/evil.md", title=bad, chunks=1), chunks)
        runtime.hits = [Hit("evil.md", bad, f"/n/{bad}.md", bad, f"{bad}본문", 0.5, f"c{bad}")]
        runtime.library.all = [Collection("default", f"name{bad}")]
        runtime.library.all_jobs = [Job("j", "add", "default", "running", (f"/n/{bad}",), 1.7e9)]

    async with runs(size=WIDE, prepare=prepare) as bench:
        put(bench.runtime, "/n/evil.md", title=bad, note=bad)
        put(bench.runtime, f"/n/{bad}.pdf", status="failed", reason=bad, chunks=0)
        bench.runtime.emit(IngestProgress("j", 2, 1, 0, f"/n/{bad}"))
        await bench.sees("evil.md")
        await whole(bench)
        await on(bench, "evil.md")
        await bench.pilot.press("enter")
        await bench.sees("본문")
        for key in ("i", "escape", "exclamation_mark", "t", "escape", "C", "escape"):
            await bench.pilot.press(key)
            await bench.pilot.pause()
            text = bench.screen_text()
            assert "[bold red]x[/bold red]" in text
            assert not any(char in text for char in "\x1b\x07\x00\u202e\r")
        bench.app.bench.documents.search("bold red")
        await bench.sees("1 passages")
        assert "\x1b" not in bench.screen_text()
