"""The documents pane: searching as one types, reading whole documents in place, sources of answers and back."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.events import Citation, IngestProgress
from core.rag.types import Reason
from tests.tui.documents_bench import WIDE, handbook, hit, in_documents, on, put, whole
from tests.tui.fakes import FakeChunk, FakeRuntime, FakeView, Script, document


async def test_searching_as_one_types_and_reading(runs: Any) -> None:
    async with runs(size=WIDE, prepare=handbook) as bench:
        await whole(bench)
        await bench.pilot.press("slash")
        await bench.type("휴가")
        await bench.sees("1 passage")  # Without Enter.
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
        await bench.sees("1 passage")
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
        library = bench.runtime.library
        library.answerable, library.confidence = False, 0.12
        library.reasons = (Reason("unheard", ("E99",)), Reason("kind.money"))
        await whole(bench)
        await bench.pilot.press("slash")
        await bench.type("화성")
        await bench.sees("Likely not in the documents (confidence 0.12, below")
        await bench.sees("0.50). No document names E99. The nearest")
        await bench.sees("0.83")
        await bench.pilot.press("enter", "question_mark")
        await bench.sees("0.12  needed: 0.50  not in the documents")
        await bench.sees("No document names E99.")
        await bench.sees("give no amount of money.")


async def test_a_word_that_stands_in_a_passage_is_not_said_to_be_missing(runs: Any) -> None:
    async with runs(size=WIDE, prepare=handbook) as bench:
        bench.runtime.library.answerable, bench.runtime.library.confidence = False, 0.12
        word = bench.runtime.hits[0].text.split()[0]
        await whole(bench)
        await bench.pilot.press("slash")
        await bench.type(word)
        await bench.sees("1 passage, best first")
        assert "Likely not" not in bench.screen_text()


async def test_passages_of_no_score_do_not_fill_the_list(runs: Any) -> None:
    async with runs(size=WIDE, prepare=handbook) as bench:
        near = bench.runtime.hits[0]
        far = [dataclasses.replace(near, score=0.001, chunk_id=f"far{number}") for number in range(9)]
        bench.runtime.hits = [near, *far]
        await in_documents(bench)
        pane = bench.app.bench.documents
        pane.search("휴가")
        await bench.until(lambda: len(pane.rows.keys) == 1 and pane.mode == "hits")
        bench.runtime.hits = far
        pane.search("휴가 이월")
        await bench.until(lambda: len(pane.rows.keys) == 3)


async def test_while_typing_the_keys_named_are_those_that_are_not_typed(runs: Any) -> None:
    async with runs(size=WIDE, prepare=handbook) as bench:
        await in_documents(bench)
        keys = bench.app.bench.documents.query_one("#documents-keys")
        await bench.until(lambda: "add" in keys.render().plain)
        await bench.pilot.press("slash")
        await bench.until(lambda: keys.render().plain == "Enter to the list  Esc back")
        await bench.type("휴가")
        await bench.until(lambda: bench.app.bench.documents.mode == "hits")
        assert keys.render().plain == "Enter to the list  Esc back"
        await bench.pilot.press("enter")
        await bench.until(lambda: "export" in keys.render().plain)


async def test_a_search_is_made_again_when_a_job_is_over(runs: Any) -> None:
    async with runs(size=WIDE, prepare=handbook) as bench:
        await in_documents(bench)
        bench.app.bench.documents.search("휴가")
        await bench.sees("1 passage")
        bench.runtime.hits = [*bench.runtime.hits, hit("c2", "그 뒤에는 소멸한다.", 0.4)]
        bench.runtime.emit(IngestProgress("j", 1, 1, 0, "", finished=True))
        await bench.sees("2 passages")


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
        await bench.sees("1 passage")
        await bench.pilot.press("enter")
        reader = bench.app.bench.documents.reader
        await bench.until(lambda: reader.has_focus and reader.place == 3)
        await bench.pilot.press("n")
        assert reader.place == 7
        await bench.pilot.press("n")
        assert reader.place == 3
        await bench.pilot.press("N")
        assert reader.place == 7


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


async def test_a_passage_is_written_to_a_file(
    runs: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with runs(size=WIDE, prepare=handbook) as bench:
        await whole(bench)
        bench.app.bench.documents.search("휴가")
        await bench.sees("1 passage")
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
