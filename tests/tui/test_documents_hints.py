"""What the documents tell somebody who sees them for the first time: what to press where there is nothing, and next."""

from __future__ import annotations

from typing import Any

from core.events import IngestProgress
from tests.tui.documents_bench import WIDE, in_documents, put

NARROW = (80, 24)


async def test_an_added_folder_says_what_to_do_with_it(runs: Any) -> None:
    async with runs(size=WIDE) as bench:
        bench.runtime.emit(IngestProgress("j", 12, 5, 0, "", finished=True, kind="add"))  # Stopped.
        bench.runtime.emit(IngestProgress("k", 41, 41, 0, "", finished=True, kind="sync"))
        bench.runtime.emit(IngestProgress("l", 12, 12, 0, "", finished=True, kind="add"))
        await bench.sees(
            "12 documents are indexed: ask about them in the chat, or search them with F5 and /."
        )
        assert "41 documents" not in bench.screen_text()
        assert len(bench.app.notices) == 1


async def test_where_there_is_nothing_it_says_what_to_press(runs: Any) -> None:
    async with runs(size=NARROW) as bench:
        await bench.pilot.press("f5")
        await bench.sees("No documents yet")
        text = " ".join(bench.screen_text().split())
        assert "a here (F5), or /add in the chat, adds files or folders" in text
        keys = lambda: bench.screen_text().splitlines()[-2].strip()  # noqa: E731
        assert keys() == "a add t jobs C collections".replace(" t", "  t").replace(" C", "  C")
        await bench.pilot.press("exclamation_mark")
        await bench.sees("Nothing failed.")
        assert keys() == "Esc back"
        await bench.pilot.press("escape", "slash", *"leave", "enter")
        await bench.sees("There are no documents to search yet: Esc, then a adds some.")
        await bench.until(lambda: keys() == "Esc back  / search")


async def test_the_list_names_the_key_that_reads(runs: Any) -> None:
    async with runs(size=(120, 36)) as bench:
        put(bench.runtime, "/notes/a.md")
        await bench.sees("a.md")
        await bench.sees("a add / search Enter read")


async def test_a_slow_search_says_what_it_waits_for(runs: Any) -> None:
    async with runs(size=NARROW) as bench:
        put(bench.runtime, "/notes/a.md")
        await in_documents(bench)
        library = bench.runtime.library
        library.later, library.waiting = [], "index"
        await bench.pilot.press("slash", *"leave", "enter")
        await bench.sees("searching: reading the index")
        library.waiting = ""
        await bench.until(lambda: "reading the index" not in bench.screen_text())
        await bench.sees("searching")
        future, result = library.later[-1]
        future.set_result(result)
        await bench.until(lambda: bench.app.bench.documents.mode == "hits")
        assert "searching" not in bench.screen_text()


async def test_a_second_enter_does_not_fold_the_tree_while_it_searches(runs: Any) -> None:
    async with runs(size=NARROW) as bench:
        put(bench.runtime, "/notes/a.md")
        await in_documents(bench)
        bench.runtime.library.later = later = []
        await bench.pilot.press("slash", *"leave", "enter", "enter")
        await bench.until(lambda: later)
        await bench.sees("searching")
        await bench.sees("a.md")
        future, result = later[-1]
        future.set_result(result)
        await bench.until(lambda: bench.app.bench.documents.mode == "hits")
        await bench.pilot.press("escape")
        await bench.sees("a.md")
        await bench.pilot.press("home", "enter")
        await bench.until(lambda: "a.md" not in bench.screen_text())


async def test_where_there_are_documents_the_greeting_suggests_to_ask_them(runs: Any) -> None:
    async with runs(size=(120, 36)) as bench:
        await bench.sees("/add   add a folder of notes")
        put(bench.runtime, "/notes/a.md")
        put(bench.runtime, "/notes/b.md")
        await bench.sees("/ask   ask your 2 documents")
        await bench.pilot.press("shift+tab", "up", "enter")
        await bench.until(lambda: bench.app.bench.chat.composer.text == "/ask ")


async def test_help_begins_with_the_keys_of_the_place(runs: Any) -> None:
    async with runs(size=NARROW) as bench:
        await in_documents(bench)
        await bench.pilot.press("f1")
        await bench.sees("Esc close")
        text = bench.screen_text()
        for hint in ("a Add", "/ Search", "Enter Read", "! Failed files", "s Sync", "F9 Maximise"):
            assert hint in text, f"{hint}\n{text}"
