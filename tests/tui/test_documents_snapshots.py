"""The documents, whole screens compared as SVG: three sizes, Korean and English where the layout differs, fixed data."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from core.events import Hit, IngestProgress
from core.rag.types import Collection, Job, Source
from core.session import documents
from tests.tui.fakes import FakeChunk, FakeRuntime, FakeView, document

SIZES = {"80x24": (80, 24), "120x36": (120, 36), "200x50": (200, 50)}
START = 1_790_000_000.0

SECTIONS = {
    "연차 › 부여": "입사한 해에는 한 달을 채울 때마다 하루씩 생깁니다. 1년을 채우면 15일을 한 번에 받습니다.",
    "연차 › 이월": "그해에 쓰지 못한 휴가는 최대 5일까지 다음 해로 넘길 수 있습니다.\n\n이월한 휴가는 다음 해 3월 31일까지 써야 하며, "
    '그 뒤에는 사라집니다. 이월을 원하면 12월 20일까지 인사 시스템의 "휴가 이월" 메뉴에서 신청합니다.',
    "연차 › 경조사": "- 본인 결혼: 5일\n- 자녀 결혼: 1일\n- 배우자 출산: 20일\n\n| 경우 | 일수 |\n| --- | --- |\n| 부모의 사망 | 5일 |",
    "연차 › 병가": "아파서 쉬어야 할 때는 연간 10일까지 유급 병가를 씁니다. [b]굵게[/b]가 아닙니다.",
}


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Times are shown in the machine's own zone."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def prepare(runtime: FakeRuntime) -> None:
    library = runtime.library
    library.all = [Collection("default", "handbook"), Collection("rules", "사규", watch=True)]
    library.known_sources = [Source("s", "default", "/home/me/handbook")]
    library.all_jobs = [
        Job("j2", "sync", "rules", "running", ("/srv/rules",), START, total=41),
        Job("j1", "add", "default", "done", ("/home/me/handbook",), START - 90, START - 60, 44, 44, 1),
    ]
    chunks, place = [], 0
    for number, (section, text) in enumerate(SECTIONS.items()):
        chunks.append(
            FakeChunk(f"c{number}", number, section, text, None, place, place + len(text), 3 + number * 8)
        )
        place += len(text)
    own = document("/home/me/handbook/hr/연차휴가.md", chunks=4, title="연차휴가 규정")
    runtime.views["연차휴가.md"] = FakeView(own, chunks)
    best = chunks[1]
    runtime.hits = [
        Hit(
            "연차휴가.md",
            "연차휴가.md",
            own.path,
            best.section,
            best.text,
            0.83,
            "c1",
            0.79,
            7.1,
            hit_start=best.char_start,
            hit_end=best.char_end,
            vector_rank=1,
            keyword_rank=2,
        ),
        Hit(
            "vpn.md",
            "vpn.md",
            "/home/me/handbook/it/vpn.md",
            "VPN › Leave",
            "Log out when you leave.",
            0.31,
            "v1",
            0.33,
        ),
    ]


async def fill(bench: Any) -> None:
    store = bench.runtime.store
    rows = [
        document(
            "/home/me/handbook/hr/연차휴가.md",
            chunks=4,
            title="연차휴가 규정",
            bytes=2148,
            tokens=410,
            mtime=START,
        ),
        document("/home/me/handbook/hr/경조사.md", chunks=3, status="stale"),
        document("/home/me/handbook/it/vpn.md", chunks=5),
        document("/home/me/handbook/it/[b]notes[b].txt", chunks=0, status="embedding"),
        document(
            "/home/me/handbook/스캔본.pdf",
            chunks=0,
            status="failed",
            reason="There is no text in it, only pictures.",
        ),
        document("/srv/rules/징계.hwpx", chunks=12, collection="rules"),
        document("/srv/rules/보안.docx", chunks=0, status="queued", collection="rules"),
    ]
    documents.put_documents(store, rows).result()
    await bench.until(lambda: len(bench.app.bench.documents.documents) == 7)
    bench.runtime.emit(
        IngestProgress(
            "j2", 41, 17, 1, "/srv/rules/보안.docx", kind="sync", collection="rules", rate=3.4, eta_s=7.1
        )
    )
    bench.app.bench.focus_pane("documents")
    await bench.until(lambda: bench.app.bench.documents.rows.has_focus)


async def settle(bench: Any) -> None:
    await bench.pilot.pause(0.3)  # What the cursor rests on is read a moment later.
    await bench.pilot.wait_for_animation()
    await bench.pilot.pause()


@pytest.mark.parametrize("lang", ["en", "ko"])
@pytest.mark.parametrize("size", SIZES)
async def test_tree(runs: Any, svg: Any, size: str, lang: str) -> None:
    async with runs(size=SIZES[size], lang=lang, prepare=prepare) as bench:
        await fill(bench)
        if size != "80x24":
            await bench.pilot.press("f9")
        await settle(bench)
        assert bench.app.export_screenshot() == svg


@pytest.mark.parametrize("lang", ["en", "ko"])
@pytest.mark.parametrize("size", SIZES)
async def test_passage(runs: Any, svg: Any, size: str, lang: str) -> None:
    """A hit in its document: beside the list, below the details, or alone."""
    async with runs(size=SIZES[size], lang=lang, prepare=prepare) as bench:
        await fill(bench)
        if size != "80x24":
            await bench.pilot.press("f9")
        pane = bench.app.bench.documents
        pane.search("남은 휴가는")
        await bench.until(lambda: pane.result)
        await bench.pilot.press("enter")
        await bench.until(lambda: pane.reader.has_focus and pane.reader.size.height)
        await settle(bench)
        assert bench.app.export_screenshot() == svg


async def test_beside_the_chat(runs: Any, svg: Any) -> None:
    async with runs(size=(120, 36), prepare=prepare) as bench:
        await fill(bench)
        pane = bench.app.bench.documents
        pane.search("남은 휴가는")
        await bench.until(lambda: pane.page == "document" and pane.reader.size.height)
        await settle(bench)
        assert bench.app.export_screenshot() == svg


@pytest.mark.parametrize("lang", ["en", "ko"])
async def test_not_in_the_documents_on_a_narrow_screen(runs: Any, svg: Any, lang: str) -> None:
    async with runs(size=(80, 24), lang=lang, prepare=prepare) as bench:
        await fill(bench)
        bench.runtime.library.answerable, bench.runtime.library.confidence = False, 0.12
        pane = bench.app.bench.documents
        pane.search("화성 출장 규정")
        await bench.until(lambda: pane.result)
        await settle(bench)
        assert bench.app.export_screenshot() == svg


@pytest.mark.parametrize("lang", ["en", "ko"])
async def test_failed_files(runs: Any, svg: Any, lang: str) -> None:
    async with runs(size=(120, 36), lang=lang, prepare=prepare) as bench:
        await fill(bench)
        await bench.pilot.press("f9", "exclamation_mark")
        await bench.until(lambda: bench.app.bench.documents.page == "text")
        await settle(bench)
        assert bench.app.export_screenshot() == svg


async def test_collection_settings(runs: Any, svg: Any) -> None:
    async with runs(size=(120, 36), prepare=prepare) as bench:
        await fill(bench)
        await bench.pilot.press("C")
        await bench.sees("Collections")
        await bench.pilot.press("e")
        await bench.sees("Settings of handbook")
        await bench.pilot.press("down", "right")
        await bench.sees("460 cells")
        await settle(bench)
        assert bench.app.export_screenshot() == svg
