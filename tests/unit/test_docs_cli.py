"""``llm-study docs add``, ``list``, ``show``, ``failed``, ``retry`` and ``jobs``: what a user reads and what programs get. The
library behind it is the FAKE of :mod:`tests.docs_cli_fakes`; what real documents give is in ``tests/e2e/test_docs_cli.py``."""

from __future__ import annotations

import os
import threading
import time
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest

from core.cli import docs_arguments as promised
from core.session import documents, ingest_jobs
from tests.docs_cli_fakes import Cli, Interrupted, command_line, fields_of, put


@pytest.fixture(name="cli")
def cli_fixture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Cli]:
    with command_line(tmp_path, monkeypatch, capsys) as line:
        yield line


# -- add ---------------------------------------------------------------------------------------------------------------


def test_add_says_what_became_of_the_files(cli: Cli) -> None:
    cli.file("in/one.md"), cli.file("in/two.md"), cli.file("elsewhere.md")
    code, out, _ = cli("add", "in")
    assert (code, out) == (0, "2 indexed\n")
    cli.file("in/bad.md"), cli.file("in/three.md"), cli.file("in/one.md", "another text")
    code, out, err = cli("add", "~/in")
    assert (code, out) == (1, "2 indexed, 1 failed (see `llm-study docs failed`), 1 unchanged\n")
    assert "bad.md: The file is damaged" in err
    code, said = cli.json("add", "in/three.md")
    assert code == 0 and (said["indexed"], said["unchanged"], said["added"]) == (0, 1, 0)
    assert said["documents"][0]["path"] == str(cli.folder / "in/three.md")


def test_paths_that_are_not_there_stop_before_anything_is_made(cli: Cli) -> None:
    for words in (("nowhere",), ("",), ("\x1b[31mred",)):
        code, _, err = cli("add", *words, "--collection", "hr")
        assert code == 2 and "docs add" not in err and "\x1b" not in err
    (cli.folder / "empty").mkdir()
    code, said = cli.json("add", "empty", "--collection", "hr")
    assert code == 2 and said["error"]["key"] == "error.rag.no_files"
    assert [one["name"] for one in cli.json("collections")[1]["collections"]] == ["default"]


def test_a_collection_is_made_on_demand_but_not_by_a_slip(cli: Cli) -> None:
    cli.file("a.md")
    code, _, err = cli("add", "a.md", "--collection", "handbook", "--chunking", "recursive:300")
    assert code == 0 and "New collection handbook (chunking recursive:300)" in err
    code, _, err = cli("add", "a.md", "--collection", "HANDBOOK")
    assert code == 0 and "New collection" not in err
    code, _, err = cli("add", "a.md", "--collection", "handbok")
    assert code == 2 and "Did you mean handbook?" in err and "collections add" in err
    code, _, err = cli("add", "a.md", "--collection", "handbook", "--chunking", "fixed")
    assert code == 2 and "collections set" in err
    # The same settings again are no contradiction.
    assert cli("add", "a.md", "--collection", "handbook", "--chunking", "recursive:300")[0] == 0
    listed = cli.json("collections")[1]["collections"]
    assert [(one["name"], one["documents"], one["chunking"]["text"]) for one in listed] == [
        ("default", 0, "headings"),
        ("handbook", 1, "recursive:300"),
    ]
    assert [one["path"] for one in listed[1]["sources"]] == [str(cli.folder / "a.md")]


def test_ctrl_c_stops_the_job_and_says_how_to_go_on(cli: Cli) -> None:
    cli.file("a.md")
    cli.work.library.interrupt = Interrupted()
    code, out, err = cli("add", "a.md")
    assert code == 130 and out == "" and cli.work.library.stopped == ["j1"]
    assert "12 of 41" in err and "same command goes on" in err


# -- list, show, failed, jobs --------------------------------------------------------------------------------------------


def test_list_filters_and_puts_failed_ones_first(cli: Cli) -> None:
    store = cli.work.store
    for path, values in {
        "/d/a.md": {"mtime": 1_000.0},
        "/d/보고서.PDF": {"mtime": 2_000.0},
        "/d/bad.md": {},
        "/e/c.md": {"status": "stale", "chunks": 3, "note": "Half of it is empty."},
    }.items():
        put(store, path, **values)

    def names(*words: str) -> list[str]:
        return [Path(one["path"]).name for one in cli.json("list", *words)[1]["documents"]]

    assert names() == ["a.md", "bad.md", "보고서.PDF", "c.md"]
    assert names("--failed")[0] == "bad.md" and len(names("--failed")) == 4
    assert names("--status", "failed", "--status", "stale") == ["bad.md", "c.md"]
    assert names("--type", "pdf") == ["보고서.PDF"] and names("--type", ".md,pdf", "--path", "/E/") == [
        "c.md"
    ]
    assert names("--path", "/d/*.md") == ["a.md", "bad.md"]
    assert names("--path", unicodedata.normalize("NFC", "보고")) == ["보고서.PDF"]
    between = time.strftime("%Y-%m-%dT%H:%M", time.localtime(1_500))
    assert names("--until", between) == ["a.md"] and names("--since", between) == ["보고서.PDF"]
    _, out, _ = cli("list")
    assert "The file is damaged" in out and "Half of it is empty." in out
    heads, first = out.splitlines()[:2]
    assert heads.split() == ["ID", "STATUS", "CHUNKS", "SIZE", "PATH"]
    assert first.split()[1:] == ["indexed", "1", "2.0", "KiB", "/d/a.md"]
    code, out, err = cli("list", "--path", "zebra")
    assert (code, out) == (0, "") and "No document fits" in err


def test_an_empty_ledger_says_what_to_do(cli: Cli) -> None:
    assert "docs add" in cli("list")[2]
    for words in (("search", "x"), ("ask", "x"), ("show", "x"), ("export",), ("rm", "x")):
        code, _, err = cli(*words)
        assert code == 2 and "docs add" in err, words
    assert cli("failed")[0] == 0 and cli("jobs")[0] == 0


def test_an_unknown_collection_is_said_with_those_there_are(cli: Cli) -> None:
    put(cli.work.store, "/d/a.md")
    for words in (
        ("list",),
        ("failed",),
        ("search", "x"),
        ("sync",),
        ("show", "a.md"),
        ("retry",),
        ("rm", "a.md"),
    ):
        code, _, err = cli(*words, "--collection", "zoo")
        assert code == 2 and "no collection zoo" in err and "default" in err and "collections add" in err
        assert "Did you mean default?" in cli(*words, "--collection", "defualt")[2]


def test_failed_lists_reasons_and_retry_tries_them(cli: Cli) -> None:
    put(cli.work.store, cli.file("bad.md"))
    put(cli.work.store, cli.file("fine.md"))
    code, out, err = cli("failed")
    assert (
        code == 0
        and "bad.md\n    The file is damaged" in out
        and "docs retry" in err
        and "fine.md" not in out
    )
    code, out, _ = cli("retry")
    assert (code, out) == (1, "0 indexed, 1 failed (see `llm-study docs failed`)\n")
    [(_, ids)] = cli.work.library.asked
    assert [documents.get_document(cli.work.store, one).title for one in ids] == ["bad"]  # type: ignore[union-attr]
    documents.set_rows(cli.work.store, {ids[0]: {"status": "indexed", "reason": ""}}).result()
    code, said = cli.json("retry")
    assert code == 0 and said["documents"] == []
    code, _, err = cli("reindex")
    assert code == 2 and "--all" in err
    assert cli("reindex", "--all")[0] == 1 and len(cli.work.library.asked[-1][1]) == 2
    assert cli("reindex", "fine.md")[:2] == (0, "1 indexed\n")


def test_show_tells_everything_and_the_chunks_when_asked(cli: Cli) -> None:
    put(cli.work.store, "/d/a.md", title="Leave \x1b[31mrules", pages=3)
    code, out, _ = cli("show", "a.md")
    assert code == 0 and "\x1b" not in out and "Leave rules" in out and "two" not in out
    for text in ("cp949", "pdf-1/headings-2/use", "also at /b/copy.md"):
        assert text in out
    assert "#0  line 2  A › B\n    two\n    lines" in cli("show", "a.md", "--chunks")[1]
    _, said = cli.json("show", "a.md", "--chunks")
    assert said["chunks"][0]["line"] == 2 and said["encoding"] == "cp949"


def test_jobs_tell_of_one_whose_process_is_gone(cli: Cli) -> None:
    store = cli.work.store
    first = ingest_jobs.start_job(store, ["/d"]).result()
    ingest_jobs.update_job(
        store, first, total=4, done=3, failed=1, owner_pid=2**22, owner_started=1.0
    ).result()
    second = ingest_jobs.start_job(store, ["/e", "/f"], "sync", status="paused").result()
    _, said = cli.json("jobs")
    assert {one["id"]: one["status"] for one in said["jobs"]} == {first: "interrupted", second: "paused"}
    assert said["jobs"][0].keys() == fields_of(promised.JOB)
    _, out, _ = cli("jobs", "-n", "1")
    assert "/e and 1 more" in out and first not in out


def test_a_job_that_was_left_can_go_on_or_be_ended(cli: Cli) -> None:
    store, steered = cli.work.store, []

    def steer(what: str) -> Callable[[str], Any]:
        def act(job_id: str) -> Any:
            steered.append((what, job_id))
            return ingest_jobs.update_job(
                store, job_id, status="done", ended_at=2.0, total=4, done=4, failed=1
            )

        return act

    cli.work.library.resume = steer("resume")  # type: ignore[attr-defined]
    cli.work.library.stop = steer("stop")  # type: ignore[method-assign]
    paused = ingest_jobs.start_job(store, ["/d"], status="paused").result()
    code, out, _ = cli("jobs", "--resume", paused[:6])
    assert (code, out) == (1, "3 indexed, 1 failed (see `llm-study docs failed`)\n")
    assert cli("jobs", "--stop", paused)[0] == 2, "it is over"
    left = ingest_jobs.start_job(store, ["/d"]).result()
    ingest_jobs.update_job(store, left, owner_pid=2**22, owner_started=1.0).result()
    assert cli.json("jobs", "--stop", left)[1]["id"] == left
    assert steered == [("resume", paused), ("stop", left)]
    elsewhere = ingest_jobs.start_job(store, ["/d"]).result()
    parent = psutil.Process(os.getppid())
    ingest_jobs.update_job(
        store, elsewhere, owner_pid=parent.pid, owner_started=parent.create_time()
    ).result()
    code, _, err = cli("jobs", "--stop", elsewhere)
    assert code == 2 and "another LLM Study" in err
    for words in (("--stop", "nope"), ("--resume", "abc")):
        assert cli("jobs", *words)[0] == 2


def test_a_command_waits_for_work_the_library_took_up_by_itself(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = cli.work.store
    cli.file("a.md")
    row = put(store, "/d/half.md", status="queued", chunks=0)
    job = ingest_jobs.start_job(store, ["/d"], "repair").result()
    add = cli.work.library.add

    def finished_later(paths: Sequence[str | Path], collection: str = "default") -> Any:
        def finish() -> None:
            documents.set_rows(store, {row.id: {"status": "indexed"}}).result()
            ingest_jobs.finish_job(store, job).result()

        threading.Timer(0.3, finish).start()
        return add(paths, collection)

    cli.work.library.add = finished_later  # type: ignore[method-assign]
    assert cli("add", "a.md")[:2] == (0, "1 indexed\n")
    assert cli.json("jobs")[1]["jobs"][0]["status"] == "done"
    # One that gives no sign of life holds nobody up for ever.
    documents.set_rows(store, {row.id: {"status": "queued"}}).result()
    ingest_jobs.start_job(store, ["/d"], "repair").result()
    cli.work.library.add = add  # type: ignore[method-assign]
    monkeypatch.setattr("core.cli.docs_progress.SILENCE_S", 0.3)
    assert cli("add", "a.md")[:2] == (0, "0 indexed, 1 unchanged\n")
