"""What a slow search waits for."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from core.rag.desk import Documents
from core.rag.index import Index
from core.rag.search import search
from core.rag.types import Filters
from core.rag.views import Lookup
from tests.unit.test_rag_search import embed, put


async def test_reading_the_index_is_told_while_a_search_waits_for_it(
    tmp_path: Path, monkeypatch: Any
) -> None:
    from core.rag import index as index_module

    made = Index(tmp_path / "index", "m")
    await put(made, leave="# Leave\n\nUnused days expire.\n")
    reading, go_on, kept = asyncio.Event(), asyncio.Event(), index_module.snapshot_file.kept

    async def held(*arguments: Any, **options: Any) -> Any:
        reading.set()
        await go_on.wait()
        return await kept(*arguments, **options)

    monkeypatch.setattr(index_module.snapshot_file, "kept", held)
    monkeypatch.setattr(index_module, "AT_ONCE_ROWS", 0)
    looking = asyncio.ensure_future(search(made, embed, "unused days"))
    await reading.wait()
    assert made.awaited == 1
    go_on.set()
    assert (await looking).passages and made.awaited == 0
    await search(made, embed, "unused days")
    assert made.awaited == 0
    made.close()


async def test_a_question_that_waits_for_its_vector_is_told(tmp_path: Path) -> None:
    made = Index(tmp_path / "index", "m")
    await put(made, leave="# Leave\n\nUnused days expire.\n")
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def query(text: str) -> Any:
        asked.set()
        await go_on.wait()
        return await embed(text)

    class Store:
        def query(self, *_: Any) -> list[Any]:
            return [1] if not go_on.is_set() else []

    lookup = Lookup(Store())  # type: ignore[arg-type]
    shelf: Any = SimpleNamespace(id="default", index=made, embedder=SimpleNamespace(query=query))
    made.awaited = 0
    looking = asyncio.ensure_future(lookup.find(shelf, "unused days", 1, Filters(), "", 0.0))
    await asked.wait()
    while lookup.waits_for != "embedding":  # The index is read meanwhile.
        await asyncio.sleep(0.001)
    go_on.set()
    found, _ = await looking
    assert found.passages and lookup.waits_for == ""
    made.close()


async def test_the_desk_says_what_a_search_waits_for() -> None:
    opened: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    ground: Any = SimpleNamespace(call=asyncio.ensure_future)

    async def library() -> Any:
        return await opened

    lookup = Lookup(SimpleNamespace())  # type: ignore[arg-type]
    desk = Documents(ground, library)
    answer: Any = desk.jobs()
    assert desk.waits_for() == "engine"

    async def listed() -> list[Any]:
        return []

    opened.set_result(SimpleNamespace(lookup=lookup, board=SimpleNamespace(list=listed)))
    assert await answer == [] and desk.waits_for() == ""
    index = Index(Path("nowhere"), "m")
    lookup._searched.append(index)
    assert desk.waits_for() == ""
    lookup._embedding = 1
    assert desk.waits_for() == "embedding"
    index.awaited = 1
    assert desk.waits_for() == "index"
