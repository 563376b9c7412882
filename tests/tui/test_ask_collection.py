"""``/ask in:NAME``: a question to one collection, named as in the documents' search box."""

from __future__ import annotations

from typing import Any

import pytest

from core.rag.types import Collection


@pytest.mark.parametrize("words", ["in:wiki", 'in:"Wiki"', "컬렉션:wiki"])
async def test_a_question_goes_to_the_collection_it_names(runs: Any, words: str) -> None:
    async with runs() as bench:
        bench.runtime.library.all = [Collection("default", "default"), Collection("c2", "Wiki")]
        bench.app.documents.load()
        await bench.until(lambda: len(bench.app.state.documents.shelf.collections) == 2)
        await bench.ask(f"/ask {words} How many days?")
        await bench.until(lambda: bench.runtime.asked)
        assert bench.runtime.asked[0][1:] == ("How many days?", "Wiki")
        await bench.ask("/ask How many in all?")
        await bench.until(lambda: len(bench.runtime.asked) == 2)
        assert bench.runtime.asked[1][1:] == ("How many in all?", True)


async def test_a_collection_that_is_not_there_is_said_and_the_question_stays(runs: Any) -> None:
    async with runs() as bench:
        bench.app.documents.load()
        await bench.until(lambda: bench.app.state.documents.shelf.collections)
        composer = bench.app.bench.chat.composer
        composer.focus()
        composer.text = "/ask in:nope How many days?"
        await bench.pilot.press("enter")
        await bench.sees("There is no collection")
        await bench.until(lambda: composer.text == "/ask in:nope How many days?", "to be put right")
        assert not bench.runtime.asked
