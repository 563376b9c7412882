"""A renamed file is found by the words of its new name and no more by those of the old one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from core.rag import sync
from core.rag.chunking import Chunking
from tests.unit.rag_rooms import Room


class Counting(Room):
    """Keeps what was embedded."""

    def __init__(self, root: Path) -> None:
        self.texts: list[str] = []
        super().__init__(root)

    async def embed(self, texts: list[str]) -> list[list[float]]:
        self.texts += texts
        return await super().embed(texts)

    async def found(self, word: str) -> list[str]:
        """Return names of the documents that a word finds."""
        hits = await self.library.search(word, 50)
        return sorted({hit.document for hit in hits if hit.keyword_score})


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Counting]:
    made = Counting(tmp_path / "data")
    yield made
    await made.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "docs"
    path.mkdir()
    (path / "zebra.md").write_text("# Leave\n\nFifteen days a year.\n\n# Carry-over\n\nUntil March.", "utf-8")
    (path / "canteen.md").write_text("# Canteen\n\nIt opens at noon.", "utf-8")
    (path / "notes.txt").write_text("Bring a badge.", "utf-8")
    return path


async def test_the_words_of_the_name_follow_a_rename_without_embedding_again(
    room: Counting, folder: Path
) -> None:
    await room.library.add([folder])
    assert await room.found("zebra") == ["zebra.md"]
    before = {one.id: (one.content_hash, one.chunks) for one in room.library.documents()}
    (folder / "zebra.md").rename(folder / "연차규정.md")
    room.texts.clear()
    [report] = await room.library.sync()
    assert (report.moved, report.changed, report.added, report.removed) == (1, 0, 0, 0)
    assert room.texts == [], "only its name is another"
    assert await room.found("연차규정") == ["연차규정.md"] and await room.found("zebra") == []
    assert await room.found("fifteen") == ["연차규정.md"]
    assert {one.id: (one.content_hash, one.chunks) for one in room.library.documents()} == before
    assert set(room.status().values()) == {"indexed"} and (await room.library.check()).troubles == ()


async def test_a_name_that_is_the_title_is_embedded_anew(room: Counting, folder: Path) -> None:
    await room.library.add([folder])
    (folder / "notes.txt").rename(folder / "visitors.txt")
    room.texts.clear()
    [report] = await room.library.sync()
    assert (report.moved, report.changed, report.added, report.removed) == (1, 0, 0, 0)
    assert room.texts == ["visitors\n\nBring a badge."]
    assert await room.found("visitors") == ["visitors.txt"] and await room.found("notes") == []
    assert "visitors" in {one.title for one in room.library.documents()}
    assert room.status()["visitors.txt"] == "indexed"


async def test_the_title_follows_where_it_is_not_embedded(room: Counting, folder: Path) -> None:
    await room.library.shelving.change(
        "default", name=None, chunking=Chunking(header=False), embedder=None, watch=None,
        on_progress=lambda progress: None,
    )  # fmt: skip
    await room.library.add([folder])
    (folder / "notes.txt").rename(folder / "visitors.txt")
    room.texts.clear()
    await room.library.sync()
    assert room.texts == [] and await room.found("visitors") == ["visitors.txt"]
    assert "visitors" in {one.title for one in room.library.documents()}


async def test_a_file_that_only_moved_is_not_touched(room: Counting, folder: Path) -> None:
    await room.library.add([folder])
    version = (await (await room.library.shelf("default")).index.snapshot()).version
    (folder / "hr").mkdir()
    (folder / "zebra.md").rename(folder / "hr" / "zebra.md")
    [report] = await room.library.sync()
    assert report.moved == 1
    assert (await (await room.library.shelf("default")).index.snapshot()).version == version
    assert await room.found("zebra") == ["zebra.md"]


async def test_another_suffix_is_another_kind_of_text(room: Counting, folder: Path) -> None:
    (folder / "guide.txt").write_text("# Badge\n\nBring it.\n\n# Parking\n\nIn the yard.", "utf-8")
    await room.library.add([folder])
    (folder / "guide.txt").rename(folder / "guide.md")
    [report] = await room.library.sync()
    assert (report.moved, report.removed) == (1, 0)
    [hit] = [one for one in await room.library.search("yard", 5) if one.document == "guide.md"][:1]
    assert hit.section == "Parking" and room.status()["guide.md"] == "indexed"


async def test_copies_are_found_by_all_their_names(room: Counting, folder: Path) -> None:
    await room.library.add([folder])
    (folder / "walrus.md").write_bytes((folder / "zebra.md").read_bytes())
    await room.library.sync()
    hits = {word: await room.library.search(word, 5) for word in ("zebra", "walrus")}
    assert all(found[0].keyword_score and found[0].also_at for found in hits.values())
    (folder / "zebra.md").unlink()
    await room.library.sync()
    assert await room.found("walrus") == ["walrus.md"] and await room.found("zebra") == []
    await room.library.reindex([one.id for one in room.library.documents()])
    assert await room.found("walrus") == ["walrus.md"] and await room.found("zebra") == []


async def test_a_name_that_says_so_makes_a_document_outdated(room: Counting, folder: Path) -> None:
    for name, days in (("leave one.md", 15), ("leave two.md", 16)):
        (folder / name).write_text(f"# Paid leave\n\nEverybody has {days} days of paid leave.", "utf-8")
    await room.library.add([folder])
    for old, new in (("one", "two"), ("two", "one")):
        (folder / f"leave {old}.md").rename(folder / f"leave {old} (폐지).md")
        await room.library.sync()
        found = [hit.document for hit in await room.library.search("days of paid leave", 5)]
        assert found.index(f"leave {new}.md") < found.index(f"leave {old} (폐지).md")
        (folder / f"leave {old} (폐지).md").rename(folder / f"leave {old}.md")
        await room.library.sync()


async def test_a_rename_cut_off_when_its_path_is_written_is_read_again_by_the_next_sync(
    room: Counting, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(Exception):
        pass

    def killed(*args: Any) -> Future[None]:
        move(*args).result()
        raise Killed

    await room.library.add([folder])
    (folder / "notes.txt").rename(folder / "besucher.txt")
    move = sync.documents.move_documents
    with monkeypatch.context() as cut_off, pytest.raises(Killed):
        cut_off.setattr(sync.documents, "move_documents", killed)
        await room.library.sync()
    await room.library.sync()
    [document] = [one for one in room.library.documents() if one.path.endswith("besucher.txt")]
    assert (document.title, document.status) == ("besucher", "indexed")
    assert await room.found("besucher") == ["besucher.txt"] and await room.found("notes") == []
    assert any("besucher" in text for text in room.texts), "the title is part of what is embedded"
