"""What happens to documents when things break: killed at any point, no disk, another process, files that change."""

from __future__ import annotations

import asyncio
import json
import os
import random
import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest

from core.errors import StudyError
from core.rag import Library
from core.rag.jobs import quiet
from core.session import Store, ingest_jobs
from tests.unit.rag_killed import fake_embed

ROOT = Path(__file__).parents[2]
KILLS = int(os.environ.get("LLM_STUDY_KILLS", "10"))
"""How often the process is killed; set LLM_STUDY_KILLS=50 for the long form."""


def run_child(data: Path, folder: Path, point: int) -> tuple[int, list[list[str]], bool, int]:
    """Return exit code, troubles found at the start, whether it got to the end, and how many points it passed."""
    child = subprocess.run(
        [sys.executable, "-m", "tests.unit.rag_killed", str(data), str(folder), str(point)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    lines = child.stdout.splitlines()
    assert lines, child.stderr
    ended = lines[-1].startswith("end")
    return child.returncode, json.loads(lines[0]), ended, int(lines[-1].split()[1]) if ended else 0


def write_round(folder: Path, number: int, chance: random.Random) -> None:
    """Change the folder as people do: write, rewrite, copy, move and delete files."""
    for _ in range(6):
        name = folder / f"{chance.randrange(30):02}.md"
        rules = "\n\n".join(
            f"## Rule {n}\n\nround {number} text {chance.random()}" for n in range(1 + chance.randrange(4))
        )
        name.write_text(f"# Document\n\n{rules}\n", "utf-8")
    files = sorted(folder.glob("*.md"))
    chance.choice(files).unlink()
    files = sorted(folder.glob("*.md"))
    (folder / f"copy{number % 4}.md").write_bytes(chance.choice(files).read_bytes())
    chance.choice(files).rename(folder / f"moved{number % 3}.md")


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_killed_at_random_points_every_file_is_right(tmp_path: Path) -> None:
    chance = random.Random(7)
    data, folder = tmp_path / "data", tmp_path / "docs"
    folder.mkdir()
    for number in range(24):
        (folder / f"{number:02}.md").write_text(f"# Document {number}\n\nIt says {number}.\n", "utf-8")
    killed, number = 0, 0
    while killed < KILLS:
        code, troubles, ended, _ = run_child(data, folder, point=1 + chance.randrange(60))
        # Whatever the moment was: what the ledger calls indexed is in the index, whole.
        assert not [one for one in troubles if one[0] in ("missing", "count", "index", "dangling")], troubles
        assert ended or code == -9
        killed += not ended
        number += 1
        write_round(folder, number, chance)
    code, _, ended, _ = run_child(data, folder, point=1_000_000)
    assert ended and code == 0
    _, troubles, ended, _ = run_child(data, folder, point=1_000_000)
    assert ended and troubles == []

    store = Store.open(data / "session.db")
    rows = store.query("SELECT path, status, stored_as, chunks FROM documents WHERE status != 'removed'")
    assert {row["path"] for row in rows} == {str(path) for path in folder.glob("*.md")}
    assert {row["status"] for row in rows} == {"indexed"}
    assert not ingest_jobs.unfinished_jobs(store)
    asyncio.run(compare(store, data, folder))
    store.close()


async def compare(store: Store, data: Path, folder: Path) -> None:
    """Hold the text that is found against the files."""
    library = Library(store, data / "index", fake_embed, "fake")
    for row in store.query("SELECT id, path FROM documents WHERE status != 'removed'"):
        view = await library.view(row["id"])
        text = Path(row["path"]).read_text("utf-8")
        assert [chunk.text for chunk in view.chunks] == [
            text[chunk.char_start : chunk.char_end] for chunk in view.chunks
        ]
        assert "".join("".join(chunk.text.split()) for chunk in view.chunks) == "".join(text.split())
    await library.close()


async def test_a_full_disk_fails_the_file_and_the_next_try_works(tmp_path: Path) -> None:
    """The kernel refuses larger files here (RLIMIT_FSIZE) where a full disk would refuse any."""
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "small.md").write_text("The gate closes at ten.", "utf-8")
    store = Store.open(tmp_path / "s.db")
    library = Library(store, tmp_path / "index", fake_embed, "fake")
    await library.add([folder], quiet)
    large = "\n\n".join(f"Rule {n} says {n * 7919}." for n in range(30_000))
    (folder / "large.md").write_text(large, "utf-8")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    # Large enough for the ledger, too small for that many vectors.
    resource.setrlimit(resource.RLIMIT_FSIZE, (ledger_bytes(tmp_path), hard))
    try:
        await library.add([folder], quiet)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    states = {Path(item.path).name: item for item in library.documents()}
    assert states["large.md"].status == "failed" and states["large.md"].reason
    assert states["small.md"].status == "indexed" and await library.search("gate", 1)
    await library.retry()
    assert {item.status for item in library.documents()} == {"indexed"}
    assert (await library.check()).troubles == ()
    await library.close()
    store.close()


def ledger_bytes(folder: Path) -> int:
    """Return how large the ledger's files may get: a bit more than they are."""
    return 200_000 + max(path.stat().st_size for path in folder.glob("s.db*"))


async def test_an_index_deleted_while_it_is_open_comes_back(tmp_path: Path) -> None:
    import shutil

    folder = tmp_path / "docs"
    folder.mkdir()
    for number in range(5):
        (folder / f"{number}.md").write_text(f"Document {number} is about gates.", "utf-8")
    store = Store.open(tmp_path / "s.db")
    notices: list[str] = []
    library = Library(
        store, tmp_path / "index", fake_embed, "fake", lambda notice: notices.append(notice.text)
    )
    await library.add([folder], quiet)
    shutil.rmtree(tmp_path / "index")
    (folder / "new.md").write_text("One more about gates.", "utf-8")
    await library.add([folder], quiet)
    assert {item.status for item in library.documents()} == {"indexed"} and len(notices) == 1
    assert (await library.check()).troubles == ()
    assert len(await library.search("gates", 10)) == 6
    await library.close()
    store.close()


async def test_a_file_that_changes_while_it_is_read_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The parser is made to say once what it says of a file that is being written."""
    from core.rag.parsing.errors import LoadError
    from core.rag.parsing.parser import Parser

    whole = Parser.parse
    seen: list[str] = []

    async def parse(self: Parser, path: Path, **options: object) -> object:
        seen.append(path.name)
        if path.name == "a.md" and seen.count("a.md") == 1:
            raise LoadError("changing")
        if path.name == "never.md":
            raise LoadError("changing")
        return await whole(self, path, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Parser, "parse", parse)
    for name in ("a.md", "b.md", "never.md"):
        (tmp_path / name).write_text(f"This is {name}.", "utf-8")
    store = Store.open(tmp_path / "s.db")
    library = Library(store, tmp_path / "index", fake_embed, "fake")
    await library.add([tmp_path / name for name in ("a.md", "b.md", "never.md")], quiet)
    states = {Path(item.path).name: item.status for item in library.documents()}
    assert states == {"a.md": "indexed", "b.md": "indexed", "never.md": "failed"}
    assert seen.index("b.md") < len(seen) - 1 - seen[::-1].index("a.md"), "the others are not held up"
    assert seen.count("never.md") == 3
    await library.close()
    store.close()


async def test_an_engine_that_goes_away_fails_no_more_than_it_must(tmp_path: Path) -> None:
    """The embedding function is scripted: it fails as an engine does that is gone, then is back."""
    calls = 0

    async def moody(texts: list[str]) -> list[list[float]]:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise StudyError("error.rag.embedding")
        return await fake_embed(texts)

    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "a.md").write_text("The gate closes at ten.", "utf-8")
    store = Store.open(tmp_path / "s.db")
    library = Library(store, tmp_path / "index", moody, "fake")
    await library.add([folder], quiet)
    (folder / "b.md").write_text("The pool opens at six.", "utf-8")
    await library.add([folder], quiet)
    failed = [item for item in library.documents() if item.status == "failed"]
    if failed:
        assert failed[0].reason
        await library.retry()
    assert {item.status for item in library.documents()} == {"indexed"}
    assert (await library.search("pool", 1))[0].document in ("a.md", "b.md")
    await library.close()
    store.close()


def test_the_time_left_does_not_hang_on_one_tiny_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock is set by hand here."""
    from core.rag import ingest, scan

    now = [1_000.0]
    monkeypatch.setattr(ingest.time, "monotonic", lambda: now[0])
    seen: list[float | None] = []
    job = ingest.Control("j", lambda progress: seen.append(progress.eta_s))
    files = [scan.Candidate("/empty", 1, 0), *(scan.Candidate(f"/{n}", 50_000, 0) for n in range(9))]
    job.begin(files)
    now[0] += 2
    job.step(files[0], ok=False)
    job.say(force=True)
    assert seen[-1] is None, "one file says nothing about the others"
    for item in files[1:5]:
        now[0] += 10
        job.step(item)
    job.say(force=True)
    assert seen[-1] is not None and 40 < seen[-1] < 60
    job.say(finished=True)
    assert seen[-1] is None


async def test_what_a_job_leaves_behind_is_tidied_a_while_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The while is made short here."""
    from datetime import timedelta

    from core.rag import index, upkeep

    folder = tmp_path / "docs"
    folder.mkdir()
    for number in range(60):
        (folder / f"{number:02}.md").write_text(f"Rule {number} of the house.", "utf-8")
    store = Store.open(tmp_path / "s.db")
    library = Library(store, tmp_path / "index", fake_embed, "fake")
    await library.add([folder], quiet)

    def versions() -> int:
        return len(list((tmp_path / "index").glob("*.lance/_versions/*")))

    assert versions() > 2
    monkeypatch.setattr(index, "KEEP_VERSIONS", timedelta(0))
    monkeypatch.setattr(upkeep, "KEEP_VERSIONS", timedelta(seconds=-10))
    library.upkeep.tidy_later(await library.shelf("default"))
    deadline = time.monotonic() + 60
    while versions() > 2:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)
    assert len(await library.search("rule", 60)) == 60
    await library.close()
    store.close()
