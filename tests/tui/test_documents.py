"""The documents pane: the tree and its live status, adding, jobs, failures, collections."""

from __future__ import annotations

import asyncio
import unicodedata
from pathlib import Path
from typing import Any

from core.events import Hit, IngestProgress
from core.rag.types import Collection, Job, Source
from core.session import documents
from tests.tui.documents_bench import WIDE, in_documents, on, put, whole
from tests.tui.fakes import FakeChunk, FakeRuntime, FakeView, document
from tui.widgets.composer import complete_path


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


async def test_a_name_is_worth_more_than_the_word_for_its_status(runs: Any) -> None:
    async with runs(size=(120, 36)) as bench:
        put(bench.runtime, "/notes/짧은.md", status="queued", chunks=0)
        put(bench.runtime, "/notes/출장비 규정 부산 사무소.docx", status="queued", chunks=0)
        await bench.sees("짧은.md")
        lines = {
            word: line
            for line in bench.screen_text().split("\n")
            for word in ("짧은", "출장비")
            if word in line
        }
        assert lines["짧은"].endswith("◌ queued")
        assert lines["출장비"].split()[-2:] == [
            "규정…사무소.docx",
            "◌",
        ]  # Its end tells it from the one for another office.


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
        order = [
            next(
                (w for w in ("default", "handbook/hr/leave", "a.md", "규정", "rules", "b.md") if w in n),
                "",
            )
            for n in shown
        ]
        assert [name for name in order if name] == [
            "default",
            "handbook/hr/leave",
            "a.md",
            "규정",
            "rules",
            "b.md",
        ]


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


async def test_leaving_the_app_is_not_stopping_what_is_added(runs: Any, tmp_path: Path) -> None:
    from concurrent.futures import Future

    going: list[Future[Any]] = []

    def begin(*what: Any) -> Future[Any]:
        going.append(Future())
        return going[-1]

    async with runs() as bench:
        bench.runtime.library.add = begin
        bench.runtime.library.retry = begin
        room = bench.app.documents
        room.add(str(tmp_path))
        await bench.until(lambda: len(going) == 1)
        room.retry(["x"])
        await bench.until(lambda: len(going) == 2)
        await bench.pilot.pause()
        bench.app.workers.cancel_all()  # As Textual does when it ends.
        await bench.until(lambda: not bench.app.workers._workers)
        await bench.pilot.pause()
        assert not any(one.cancelled() for one in going)


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
    assert complete_path("~") == ["~/"]
    # A name as macOS spells it, typed as a keyboard does.
    letters = unicodedata.normalize("NFD", "규정집.md")
    (tmp_path / letters).write_text("x")
    assert complete_path(f"{tmp_path}/규정") == [f"{tmp_path}/{letters}"]
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
        for part in ("adding", "1 !", "4.2 docs/s", "2 s left", "p pause", "x stop", "[b]x.md"):
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


async def test_beside_the_chat_how_far_a_job_is_is_not_cut(runs: Any) -> None:
    async with runs(size=(120, 36)) as bench:
        bench.runtime.emit(IngestProgress("j", 1816, 1300, 0, "", rate=4.2, kind="reindex"))
        await bench.sees("1 300 of 1 816")


async def test_what_is_read_now_does_not_move_the_list(runs: Any) -> None:
    async with runs(size=(80, 24)) as bench:
        await in_documents(bench)
        heights = set()
        for name in ("a.md", "a very long name of a document that never ends.md", ""):
            bench.runtime.emit(
                IngestProgress("j", 12, 3, 0, f"/notes/{name}" if name else "", rate=4.2, eta_s=2.1)
            )
            if name:
                await bench.sees(name[:6])
            else:
                await bench.until(lambda: "a very" not in bench.screen_text())
            heights.add(bench.app.bench.documents.query_one("#documents-job").size.height)
        assert heights == {1}


async def test_what_an_added_folder_could_not_give_is_told(runs: Any) -> None:
    async with runs(size=WIDE) as bench:
        bench.runtime.emit(IngestProgress("j", 12, 12, 2, "", finished=True, kind="add"))
        await bench.sees("2 could not be indexed. ! in the documents")
        bench.runtime.emit(IngestProgress("k", 2, 2, 1, "", finished=True, kind="retry"))
        await bench.sees("Tried again: 1 still could not be indexed.")


async def test_a_job_that_is_over_offers_nothing_to_hold(runs: Any) -> None:
    def prepare(runtime: FakeRuntime) -> None:
        runtime.library.all_jobs = [
            Job("j2", "sync", "default", "running", ("/srv/rules",), 2.0, total=41),
            Job("j1", "add", "default", "done", ("/notes",), 1.0, 1.5, 44, 44, 0),
        ]

    async with runs(size=WIDE, prepare=prepare) as bench:
        put(bench.runtime, "/notes/a.md")
        await in_documents(bench)
        keys = bench.app.bench.documents.query_one("#documents-keys")
        await bench.pilot.press("t")
        await bench.until(lambda: "stop" in keys.render().plain, "the one that goes on")
        await bench.pilot.press("down")
        await bench.until(lambda: "stop" not in keys.render().plain, "the one that is over")
        assert "Enter read" in keys.render().plain


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
        await bench.sees("2 failed, newest first")
        assert "ok.md" not in bench.screen_text()
        await bench.pilot.press("down")
        await bench.sees("! It is damaged.")
        # In the list and above the details, not among them once more.
        await bench.until(lambda: bench.app.bench.documents.details)
        await bench.sees("/copy/a.md")
        assert bench.screen_text().count("It is damaged.") == 2
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


async def test_ten_thousand_documents_are_rows_only_where_they_are_seen(runs: Any, monkeypatch: Any) -> None:
    from tui.widgets import documents_rows

    rows = [document(f"/wiki/{n % 50}/문서-{n:05d}.md", id=f"d{n}") for n in range(10_000)]

    made: list[str] = []
    original = documents_rows.document_row
    monkeypatch.setattr(
        documents_rows,
        "document_row",
        lambda one, depth, **more: (made.append(one.id), original(one, depth, **more))[1],
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
        await bench.sees("1 passage")
        assert "\x1b" not in bench.screen_text()
