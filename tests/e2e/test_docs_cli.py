"""``llm-study docs`` as a user runs it: real files, the real engine, a real terminal."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from core.cli import main
from core.paths import default_paths
from core.runtime import Runtime
from core.settings import Settings
from tests.e2e.terminal import ROOT, Terminal, command, environment, wait_until

pytestmark = pytest.mark.slow
HANDBOOK = ROOT / "samples" / "handbook"


@dataclasses.dataclass
class Said:
    """What a command gave."""

    returncode: int
    stdout: str
    stderr: str


class Docs:
    """The command line with a folder of documents of its own, over one real runtime: starting the engine for each command
    is another test's matter, and takes most of the time."""

    def __init__(self, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.data = data
        self.folder = data.parent / "handbook"
        self.folder.mkdir()
        for name in ("vpn.md", "연차휴가.md", "expenses.md"):
            shutil.copy(HANDBOOK / name, self.folder / name)
        self._capsys = capsys

    def __call__(self, *words: str) -> Said:
        code = main(["docs", *words, "--data-dir", str(self.data), "--lang", "en"])
        said = self._capsys.readouterr()
        return Said(code, said.out, said.err)

    def json(self, *words: str) -> dict[str, Any]:
        done = self(*words, "--json")
        assert done.stdout.count("\n") == 1, done.stdout + done.stderr
        value = json.loads(done.stdout)
        assert isinstance(value, dict)
        return value

    def statuses(self) -> dict[str, str]:
        return {Path(one["path"]).name: one["status"] for one in self.json("list")["documents"]}


@pytest.fixture
def docs(data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Docs]:
    work = Runtime(Settings(engine="embedded"), default_paths(data))
    work.pause_telemetry()
    work.start()

    @contextlib.contextmanager
    def runtime(*_: Any) -> Iterator[Runtime]:
        yield work

    monkeypatch.setattr("core.cli.docs.runtime", runtime)
    monkeypatch.chdir(data.parent)
    try:
        yield Docs(data, capsys)
    finally:
        work.stop()


def outside(data: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run ``llm-study docs WORDS`` in a process of its own, engine and all."""
    done = subprocess.run(
        command("docs", *words),
        env=environment(data),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


def test_a_folder_is_added_looked_at_searched_and_a_failed_file_mended(docs: Docs) -> None:
    (docs.folder / "broken.md").write_bytes(bytes(range(256)) * 8)
    (docs.folder / "cut.pdf").write_bytes(b"%PDF-1.7\nnothing more")
    decomposed = docs.folder / unicodedata.normalize("NFD", "출장비.md")
    shutil.copy(HANDBOOK / "출장비.md", decomposed)
    no_unicode = docs.folder / os.fsdecode(b"\xc8\xde\xb0\xa1.txt")
    no_unicode.write_text("The parking garage closes at eleven at night.")
    done = docs("add", "handbook")
    assert done.returncode == 1
    assert done.stdout == "5 indexed, 2 failed (see `llm-study docs failed`)\n"
    assert "broken.md: " in done.stderr and "\r" not in done.stderr
    failed = docs("failed")
    assert failed.returncode == 0 and "cut.pdf\n    " in failed.stdout and "docs retry" in failed.stderr
    # A name is found however it is written.
    shown = docs.json("show", str(docs.folder / "출장비.md"), "--chunks")
    assert (
        shown["document"]["status"] == "indexed" and len(shown["chunks"]) == shown["document"]["chunks"] > 1
    )
    assert docs.json("show", str(no_unicode))["document"]["uri"].endswith("/%C8%DE%B0%A1.txt")
    # A hit's line is the line of the file it is in.
    hit = docs.json("search", "남은 휴가 이월", "-k", "1", "--type", "md")["hits"][0]
    source = (docs.folder / "연차휴가.md").read_text()
    assert hit["path"].endswith("연차휴가.md") and source[hit["hit_start"] : hit["hit_end"]].strip()
    line = source.splitlines()[hit["line"] - 1]
    assert line.strip() and source.index(line) in range(hit["char_start"], hit["char_end"])
    found = docs("search", "설정 파일", "--phrase", "-k", "1")
    assert found.stdout.startswith("1. ") and f"{docs.folder}/vpn.md:" in found.stdout
    # A file is mended, another goes; nothing else is read again.
    (docs.folder / "broken.md").write_text("# Parrots\n\nParrots may not be kept in the server room.")
    done = docs("retry", "broken.md")
    assert (done.returncode, done.stdout) == (0, "1 indexed\n")
    (docs.folder / "cut.pdf").unlink()
    done = docs("add", "handbook")
    assert (done.returncode, done.stdout) == (0, "0 indexed, 6 unchanged\n")
    checked = docs("check")
    assert checked.returncode == 0 and "agree" in checked.stdout


def test_sync_follows_what_happens_to_files(docs: Docs) -> None:
    assert docs("add", str(docs.folder)).stdout == "3 indexed\n"
    (docs.folder / "vpn.md").write_text("# VPN\n\nThe VPN password is changed every ninety days.")
    (docs.folder / "expenses.md").unlink()
    (docs.folder / "연차휴가.md").rename(docs.folder / "휴가.md")
    (docs.folder / "new.md").write_text("# Parrots\n\nParrots may not be kept in the server room.")
    said = docs.json("sync")
    counts = {name: said[name] for name in ("added", "changed", "moved", "removed", "unchanged", "failed")}
    assert counts == {"added": 1, "changed": 1, "moved": 1, "removed": 1, "unchanged": 0, "failed": 0}
    assert set(docs.statuses()) == {"vpn.md", "휴가.md", "new.md"}
    assert "ninety" in docs.json("search", "VPN password", "-k", "1")["hits"][0]["text"]
    # Out of reach is not gone.
    docs.folder.rename(docs.folder.with_name("elsewhere"))
    done = docs("sync")
    assert done.returncode == 1 and "cannot be reached" in done.stderr and "0 removed" in done.stdout
    assert len(docs.statuses()) == 3
    docs.folder.with_name("elsewhere").rename(docs.folder)
    # What is taken off stays off, until its folder is followed no longer.
    assert docs("rm", "new.md").returncode == 0
    assert docs("sync").stdout.startswith("0 added") and set(docs.statuses()) == {"vpn.md", "휴가.md"}
    assert docs("rm", "--source", str(docs.folder)).returncode == 0
    assert docs.statuses() == {} and (docs.folder / "vpn.md").is_file()


def many(folder: Path, count: int) -> None:
    for number in range(count):
        lines = "\n\n".join(
            f"Rule {number}.{at}: room {number * at} is closed on day {at}." for at in range(40)
        )
        (folder / f"rule-{number:03}.md").write_text(f"# Rules {number}\n\n{lines}")


def test_ctrl_c_stops_an_add_and_the_same_command_goes_on(
    data: Path, terminal: Callable[..., Terminal]
) -> None:
    folder = data.parent / "rules"
    folder.mkdir()
    many(folder, 60)
    window = terminal("docs", "add", str(folder))
    window.wait_for(lambda screen: "/60" in screen and "rule-" in screen, timeout=100)
    window.press("ctrl+c")
    assert window.exit_code(60) == 130
    screen = window.screen()
    assert "same command goes on" in " ".join(screen.split()) and "Traceback" not in screen
    assert json.loads(outside(data, "jobs", "--json").stdout)["jobs"][0]["status"] == "cancelled"
    listed = json.loads(outside(data, "list", "--json").stdout)["documents"]
    kept = sum(one["status"] == "indexed" for one in listed)
    done = outside(data, "add", str(folder), "--json")
    said = json.loads(done.stdout)
    assert (said["indexed"], said["unchanged"], said["failed"]) == (60 - kept, kept, 0)
    assert done.returncode == 0 and "\r" not in done.stderr


def test_watch_writes_a_line_for_a_change_until_ctrl_c(data: Path) -> None:
    folder = data.parent / "rules"
    folder.mkdir()
    many(folder, 2)
    assert outside(data, "add", str(folder)).stdout == "2 indexed\n"
    process = subprocess.Popen(
        command("docs", "watch", "--every", "0.5"),
        env=environment(data),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    lines: list[str] = []
    try:
        for line in process.stdout:
            lines.append(line.rstrip("\n"))
            if line.startswith("Watching"):
                (folder / "new.md").write_text("# Parrots\n\nParrots may not be kept in the server room.")
            elif line.startswith("+"):
                (folder / "rule-000.md").unlink()
            elif line.startswith("-"):
                break
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    assert lines == [
        "0 added, 0 changed, 0 moved, 0 removed, 2 unchanged",
        "Watching 2 documents, every 0.5 s. Ctrl+C ends it.",
        f"+ {folder}/new.md",
        f"- {folder}/rule-000.md",
    ]
    assert process.returncode == 130 and "Traceback" not in errors
    # One job for the first look, one for each change, none for looking.
    jobs = json.loads(outside(data, "jobs", "--json").stdout)["jobs"]
    assert [one["kind"] for one in jobs] == ["sync", "sync", "sync", "add"]


def test_a_collection_of_its_own_is_searched_alone_and_cut_anew(docs: Docs) -> None:
    parrots = docs.folder.with_name("parrots")
    parrots.mkdir()
    (parrots / "rules.md").write_text(
        "# Parrots\n\nParrots may not be kept in the server room. They eat seeds.\n\nThe VPN is not for parrots."
    )
    docs("add", str(docs.folder))
    done = docs("add", "parrots", "--collection", "birds", "--chunking", "sentences")
    assert done.returncode == 0 and "New collection birds (chunking sentences)" in done.stderr
    everywhere = docs.json("search", "VPN", "-k", "10")["hits"]
    assert {one["collection"] for one in everywhere} == {"default", "birds"}
    alone = docs.json("search", "VPN", "-k", "10", "--collection", "birds")["hits"]
    assert alone and {one["collection"] for one in alone} == {"birds"}
    before = docs.json("list", "--collection", "birds")["documents"][0]
    said = docs.json("collections", "set", "birds", "--chunking", "fixed:40")
    assert said["chunking"]["text"] == "fixed:40"
    after = docs.json("list", "--collection", "birds")["documents"][0]
    assert after["status"] == "indexed" and after["chunks"] != before["chunks"]
    exported = [json.loads(line) for line in docs("export", "--collection", "birds").stdout.splitlines()]
    assert len(exported) == after["chunks"] and all(
        "Parrots" in one["section"] or one["text"] for one in exported
    )
    assert docs("collections", "rm", "birds").returncode == 2
    assert docs("collections", "rm", "birds", "--yes").returncode == 0
    assert {one["collection"] for one in docs.json("search", "VPN")["hits"]} == {"default"}


def test_an_answer_names_its_sources(docs: Docs) -> None:
    docs("add", str(docs.folder))
    said = docs.json("ask", "연차는 최대 며칠까지 이월되나요?")
    assert said["status"] == "ok" and "5일" in said["answer"]
    assert any(one["document"].endswith("연차휴가.md") for one in said["citations"])
    assert said["support"]["sentences"]
    assert all(one["status"] != "unknown_source" for one in said["support"]["sentences"])


def test_looking_needs_no_engine_and_leaves_no_process(data: Path) -> None:
    program = (
        "import sys; from core.cli import main; code = main(sys.argv[1:]);"
        "heavy = [name for name in ('lancedb', 'pyarrow', 'langchain', 'xllamacpp') if name in sys.modules];"
        "sys.exit(f'loaded {heavy}' if heavy else code)"
    )
    for words in (("list",), ("failed",), ("jobs",), ("collections",)):
        done = subprocess.run(
            [sys.executable, "-c", program, "docs", *words],
            env=environment(data, LLM_STUDY_ENGINE="ollama", OLLAMA_HOST="http://127.0.0.1:9"),
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    wait_until(lambda: not list(data.rglob("*.lock")), 1, "a lock was taken only to look")


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_a_job_that_was_cut_off_is_told_of_and_goes_on(data: Path, end: signal.Signals) -> None:
    folder = data.parent / "rules"
    folder.mkdir()
    many(folder, 40)
    process = subprocess.Popen(
        command("docs", "add", str(folder)),
        env=environment(data),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )

    def listed(*words: str) -> list[dict[str, Any]]:
        said = json.loads(outside(data, *words, "--json").stdout)
        return list(said.get("documents", said.get("jobs", [])))

    wait_until(
        lambda: any(one["status"] == "indexed" for one in listed("list")), 120, "nothing was ever indexed"
    )
    process.send_signal(end)
    process.wait(30)
    assert "failed" not in {one["status"] for one in listed("list")}
    [job] = listed("jobs")
    assert job["status"] == "interrupted"
    done = outside(data, "jobs", "--resume", job["id"])
    assert done.returncode == 0 and done.stdout == "40 indexed\n", done.stdout + done.stderr
    assert {one["status"] for one in listed("list")} == {"indexed"}
    assert [one["status"] for one in listed("jobs") if one["id"] == job["id"]] == ["done"]
