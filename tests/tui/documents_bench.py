"""What the tests of the documents share: documents to put in the ledger, a handbook to read, ways to the pane."""

from __future__ import annotations

from typing import Any

from core.events import Hit
from core.session import documents
from tests.tui.fakes import FakeChunk, FakeRuntime, FakeView, document

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
