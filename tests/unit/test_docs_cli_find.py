"""``llm-study docs search``, ``ask``, ``sync``, ``watch``, ``check``, ``rm``, ``collections`` and ``export``, over the FAKE of
:mod:`tests.docs_cli_fakes`."""

from __future__ import annotations

import dataclasses
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.cli import docs_arguments as promised
from core.cli import docs_keep
from core.errors import StudyError
from core.events import (
    AnswerSupport,
    Citation,
    Hit,
    MemoryUse,
    RunEnded,
    SentenceSupport,
    SourceNote,
    Usage,
)
from core.rag.types import (
    Filters,
    Reason,
    SearchResult,
    SyncReport,
    Trouble,
)
from core.session import collections, documents
from tests.docs_cli_fakes import Cli, command_line, failed_with, fields_of, put, rows_of


@pytest.fixture(name="cli")
def cli_fixture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Cli]:
    with command_line(tmp_path, monkeypatch, capsys) as line:
        yield line


# -- search and ask ----------------------------------------------------------------------------------------------------


def hit(**values: Any) -> Hit:
    return Hit(
        **{
            "document_id": "d1",
            "document": "Leave",
            "path": "/d/leave.md",
            "section": "Leave › Carry over",
            "text": "Unused days\nexpire.",
            "score": 0.8123,
            "chunk_id": "c1",
            "vector_score": 0.71,
            "vector_rank": 2,
            "keyword_score": 11.5,
            "keyword_rank": 1,
            "line": 37,
        }
        | values
    )


def test_search_shows_place_and_the_score_of_each_arm(cli: Cli) -> None:
    put(cli.work.store, "/d/leave.md")
    cli.work.library.result = SearchResult(
        (
            hit(),
            hit(
                page=3,
                path="/d/x.pdf",
                keyword_score=None,
                keyword_rank=None,
                stale=True,
                also_at=("/e/x.pdf",),
            ),
        ),
        True,
        0.9,
    )
    code, out, err = cli("search", "carry over", "-k", "3", "--path", "d", "--type", "md", "--since", "7d")
    assert code == 0 and err == ""
    assert out.splitlines() == [
        "1. 0.812  /d/leave.md:37  Leave › Carry over",
        "   vector 0.710 (#2) · keyword 11.50 (#1)",
        "   Unused days expire.",
        "2. 0.812  /d/x.pdf (p. 3)  Leave › Carry over",
        "   vector 0.710 (#2) · keyword - · changed since it was indexed · also at /e/x.pdf",
        "   Unused days expire.",
    ]
    [(query, k, options)] = cli.work.library.asked
    filters: Filters = options["filters"]
    assert (query, k, options["phrase"], filters.path, filters.types) == ("carry over", 3, "", "d", ("md",))
    assert filters.since is not None
    _, said = cli.json("search", "x")
    assert said["hits"][0].keys() == fields_of(promised.HIT) and said["answerable"] is True


def test_a_phrase_is_the_query_or_a_text_of_its_own(cli: Cli) -> None:
    put(cli.work.store, "/d/leave.md")
    for words in (("a b", "--phrase"), ("--phrase", "a b"), ("how long", "--phrase", "10 days")):
        cli("search", *words)
    assert [(query, options["phrase"]) for query, _, options in cli.work.library.asked] == [
        ("a b", "a b"),
        ("a b", "a b"),
        ("how long", "10 days"),
    ]
    for words in ((), ("",), ("  ", "--phrase")):
        assert cli("search", *words)[0] == 2


def test_a_search_that_nothing_answers_says_so(cli: Cli) -> None:
    put(cli.work.store, "/d/leave.md")
    why = (Reason("unheard", ("E99",)), Reason("kind.money"))
    cli.work.library.result = SearchResult((hit(),), False, 0.706, 0.71, why)
    code, out, err = cli("search", "the cost of E99")
    assert code == 0 and "Nothing in the documents" in err and "leave.md" in out
    assert (
        "(confidence 0.70, below 0.71). No document names E99." in err and "give no amount of money." in err
    )
    _, said = cli.json("search", "the cost of E99")
    assert said["threshold"] == 0.71
    assert said["reasons"] == [{"code": "unheard", "words": ["E99"]}, {"code": "kind.money", "words": []}]


def test_documents_that_cannot_be_searched_yet_are_said_to_be_there(cli: Cli) -> None:
    put(cli.work.store, "/d/bad.md")
    for words in (("search", "x"), ("ask", "x")):
        assert "docs failed" in cli(*words)[2]
    put(cli.work.store, "/d/waits.md", status="queued", chunks=0)
    code, _, err = cli("search", "x")
    assert code == 2 and "1 document waits" in err and "docs sync" in err


def test_the_chunk_found_is_shown_not_the_beginning_of_its_section(cli: Cli) -> None:
    put(cli.work.store, "/d/leave.md")
    section = "A long beginning. Unused days expire."
    cli.work.library.result = SearchResult(
        (hit(text=section, char_start=100, char_end=100 + len(section), hit_start=118, hit_end=137),),
        True,
        1.0,
    )
    assert "   Unused days expire." in cli("search", "x")[1].splitlines()


def test_ask_shows_citations_with_their_verdicts(cli: Cli) -> None:
    put(cli.work.store, "/d/leave.md")
    answer = "Staff get 15 days [1]. They expire in March [2]. Bananas are blue."
    cli.work.ended = RunEnded(
        "r1", "", "m1", "ok", answer, "routed", "embedded", "smollm2:135m", Usage(10, 5), 1.0, 2.0, MemoryUse(),
        citations=(
            Citation(1, "d1", "/d/leave.md", "Leave", "c1", "Staff get 20 days.", 0.9, quote="Staff get 20 days."),
            Citation(2, "d2", "/d/old.md", "", "c2", "They expire in March.", 0.8, page=4, stale=True),
        ),
        support=AnswerSupport(
            (
                SentenceSupport(0, 22, "number_mismatch", (1,), 0.8, said="15 days", found="20 days"),
                SentenceSupport(23, 47, "supported", (2,), 1.0),
                SentenceSupport(48, 66, "uncited"),
            ),
            (SourceNote("conflict", (1, 2), ("/d/leave.md", "/d/old.md"), ("20", "15")),),
        ),
    )  # fmt: skip
    code, out, _ = cli("ask", "How many days?")
    assert code == 0
    assert "[1] /d/leave.md › Leave  another number\n    “Staff get 20 days.”" in out
    assert "[2] /d/old.md (p. 4) · changed since it was indexed  supported" in out
    assert "! another number: Staff get 15 days [1]. (the answer says 15 days, the passage 20 days)" in out
    assert "! no source given: Bananas are blue." in out
    assert "! Sources disagree: /d/leave.md, /d/old.md (20 / 15)" in out
    _, said = cli.json("ask", "How many days?")
    assert said["support"]["sentences"][0]["status"] == "number_mismatch" and len(said["citations"]) == 2


def test_ask_looks_in_one_collection_when_told_to(cli: Cli) -> None:
    put(cli.work.store, "/d/leave.md")
    wiki = collections.create_collection(cli.work.store, "wiki", "", "", False).result()
    cli.work.ended = RunEnded(
        "r1", "", "m1", "ok", "Five days.", "routed", "embedded", "smollm2:135m", Usage(10, 5), 1.0, 2.0, MemoryUse()
    )  # fmt: skip
    code, _, err = cli("ask", "How many days?", "--collection", "wiki")
    assert code == 2 and "no documents in this collection" in err and cli.work.asked_in == []
    assert cli("ask", "How many days?", "--collection", "nope")[0] == 2
    put(cli.work.store, "/d/wiki.md", collection=wiki)
    assert cli("ask", "How many days?", "--collection", "wiki")[0] == 0
    assert cli("ask", "How many days?")[0] == 0
    assert cli.work.asked_in == ["wiki", True]


# -- sync, watch, check, rm, collections, export -------------------------------------------------------------------------


def followed(cli: Cli) -> None:
    collections.add_sources(cli.work.store, "default", [str(cli.folder / "in")]).result()


def test_sync_counts_and_tells_of_folders_out_of_reach(cli: Cli) -> None:
    assert cli("sync")[0] == 2
    followed(cli)
    library = cli.work.library
    library.reports = [SyncReport("j", 1, 2, 3, 4, 5), SyncReport("j", failed=1, suspended=("/mnt/x",))]
    assert cli("sync")[:2] == (0, "1 added, 2 changed, 3 moved, 4 removed, 5 unchanged\n")
    code, out, err = cli("sync")
    assert code == 1 and "1 failed" in out and "/mnt/x cannot be reached" in err
    library.reports = [SyncReport("j", suspended=("/mnt/x",))]
    code, said = cli.json("sync")
    assert code == 1 and said["suspended"] == ["/mnt/x"] and said["added"] == 0


def test_watch_writes_a_line_a_change_and_syncs_only_when_the_disk_changed(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    followed(cli)
    store, library = cli.work.store, cli.work.library
    first = put(store, cli.file("in/a.md", "one"))
    library.reports = [SyncReport("j", unchanged=1), SyncReport("j", added=1, changed=1, failed=1)]
    waited: list[float] = []

    class Pause:
        """Instead of waiting: the world changes once, then Ctrl+C is pressed."""

        def wait(self, seconds: float) -> None:
            waited.append(seconds)
            if len(waited) == 2:
                cli.file("in/a.md", "another text"), cli.file("in/b.md"), cli.file("in/bad.md")
                library.on_sync = lambda: [  # type: ignore[assignment, return-value]
                    put(store, cli.folder / "in" / name) for name in ("a.md", "b.md", "bad.md")
                ]
            if len(waited) == 4:
                raise KeyboardInterrupt

    monkeypatch.setattr(docs_keep.threading, "Event", Pause)
    code, out, _ = cli("watch", "--every", "3")
    assert code == 130 and waited == [3.0] * 4 and library.reports == []
    assert out.splitlines() == [
        "0 added, 0 changed, 0 moved, 0 removed, 1 unchanged",
        "Watching 1 document, every 3 s. Ctrl+C ends it.",
        f"~ {cli.folder}/in/a.md",
        f"+ {cli.folder}/in/b.md",
        f"! {cli.folder}/in/bad.md: The file is damaged or cut off.",
    ]
    assert documents.get_document(store, first.id)


def test_watch_goes_on_when_another_process_writes(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    followed(cli)
    library = cli.work.library
    cli.file("in/a.md")
    library.reports = [SyncReport("j", unchanged=1), SyncReport("j", unchanged=1)]
    synced, waited, sync = [0], [0], library.sync

    def busy_for_a_while(collection: str = "") -> Any:
        synced[0] += 1
        return failed_with(StudyError("error.rag.busy", pid=7)) if synced[0] in (2, 3) else sync(collection)

    class Pause:
        def wait(self, seconds: float) -> None:
            waited[0] += 1
            cli.file("in/a.md", "x" * waited[0])
            if synced[0] == 4:
                raise KeyboardInterrupt

    library.sync = busy_for_a_while  # type: ignore[method-assign]
    monkeypatch.setattr(docs_keep.threading, "Event", Pause)
    code, _, err = cli("watch")
    assert code == 130 and synced == [4] and err.count("process 7") == 1


def test_changes_between_two_readings_of_the_ledger() -> None:
    a, b, c = rows_of("/a", "/b", "/c")
    moved = dataclasses.replace(b, path="/moved")
    new = dataclasses.replace(a, id="new", path="/new")
    failed = dataclasses.replace(c, status="failed", reason="why")
    before, after = {one.id: one for one in (a, b, c)}, {one.id: one for one in (moved, new, failed)}
    assert [(what, one.path) for what, one in docs_keep.changes(before, after)] == [
        ("removed", "/a"),
        ("failed", "/c"),
        ("moved", "/moved"),
        ("added", "/new"),
    ]
    assert list(docs_keep.changes(after, after)) == []


def test_check_has_a_line_for_each_disagreement_and_looks_again_after_a_repair(cli: Cli) -> None:
    assert cli("check")[:2] == (0, "Ledger and index agree: 3 documents, 12 chunks.\n")
    kinds = ("missing", "count", "orphan", "unfinished", "index", "dangling")
    found = tuple(Trouble(kind, "default", "d1", "/d/a.md", 7, 3) for kind in kinds)  # type: ignore[arg-type]
    cli.work.library.troubles = [found]
    code, out, _ = cli("check")
    assert code == 1 and out.count("! ") == len(kinds) and "docs.check" not in out and "--repair" in out
    cli.work.library.troubles = [found, ()]
    code, out, _ = cli("check", "--repair")
    assert code == 0 and "6 put right" in out
    cli.work.library.troubles = [found, found[:1]]
    code, said = cli.json("check", "--repair")
    assert code == 1 and (said["left"], said["repaired"], len(said["troubles"])) == (1, False, 6)


def test_check_does_not_call_agreed_what_waits_to_be_indexed(cli: Cli) -> None:
    put(cli.work.store, "/d/half.md", status="queued", chunks=0)
    code, out, _ = cli("check")
    assert code == 1 and "1 document waits" in out and "agree" not in out
    assert cli.json("check")[1]["waiting"] == 1


def test_rm_takes_documents_or_a_followed_folder_off_and_no_file(cli: Cli) -> None:
    files = [cli.file(f"in/{name}.md") for name in "abc"]
    cli("add", "in")
    assert cli("rm")[0] == 2
    code, _, err = cli("rm", "in")
    assert code == 2 and "--source" in err
    code, said = cli.json("rm", "a.md", str(files[1]))
    assert code == 0 and [one["path"] for one in said["removed"]] == [str(files[0]), str(files[1])]
    code, _, err = cli("rm", "--source", "elsewhere")
    assert code == 2 and str(cli.folder / "in") in err
    code, out, _ = cli("rm", "--source", "in")
    assert code == 0 and "followed no longer" in out and "1 document taken off" in out
    assert cli.json("list")[1]["documents"] == [] and all(file.is_file() for file in files)


def test_collections_are_added_renamed_set_and_removed(cli: Cli) -> None:
    code, said = cli.json("collections", "add", "hr", "--chunking", "fixed:400/80", "--watch")
    assert code == 0 and said["watch"] is True and said["chunking"]["text"] == "fixed:400/80"
    assert said.keys() == fields_of(re.sub(r"\{.*?\}", "", promised.COLLECTION))
    assert "called people now" in cli("collections", "rename", "hr", "people")[1]
    assert cli("collections", "set", "people")[0] == 2
    assert cli("collections", "set", "people", "--no-watch", "--embedder", "bge-m3")[0] == 0
    assert cli.work.library.asked[-1][2] == {"embedder": "bge-m3", "watch": False}
    cli.file("a.md")
    cli("add", "a.md", "--collection", "people")
    code, _, err = cli("collections", "rm", "people")
    assert code == 2 and "--yes" in err
    _, out, _ = cli("list")
    assert "COLLECTION" in out and "people" in out
    assert cli.json("collections", "rm", "people", "--yes") == (0, {"removed": "people"})
    assert cli("collections", "rm", "default", "--yes")[0] == 2
    assert "people" not in cli("collections")[1]


def test_export_writes_chunks_with_their_places(cli: Cli) -> None:
    put(cli.work.store, "/d/a.md"), put(cli.work.store, "/d/b.md")
    lines = cli("export", "/d")[1].splitlines()
    values = [json.loads(line) for line in lines]
    assert [(one["path"], one["line"], one["text"]) for one in values] == [
        ("/d/a.md", 2, "two\nlines"),
        ("/d/b.md", 2, "two\nlines"),
    ]
    assert cli("export", "a.md", "--json")[0] == 2
    code, said = cli.json("export", "a.md", "--format", "markdown", "--output", "out.md")
    assert (code, said["documents"], said["chunks"]) == (0, 1, 1)
    assert "A › B · line 2\n\n> two\n> lines" in (cli.folder / "out.md").read_text()
    assert cli("export", "--output", "no/such/folder/x")[0] == 1


def test_documents_have_the_fields_that_are_promised(cli: Cli) -> None:
    raw = Path(os.fsdecode(bytes(cli.folder) + b"/\xff.md"))
    raw.write_text("x")
    put(cli.work.store, raw)
    [row] = cli.json("list")[1]["documents"]
    assert row.keys() == fields_of(promised.DOCUMENT)
    assert row["uri"].endswith("/%FF.md") and row["collection"] == "default"


def test_errors_of_the_library_reach_the_user(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    cli.file("a.md")
    error = StudyError("error.rag.busy", pid=123)
    monkeypatch.setattr(cli.work.library, "add", lambda *_: failed_with(error))
    code, _, err = cli("add", "a.md")
    assert code == 1 and "process 123" in err


def test_watch_for_programs_writes_one_object_a_line(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    followed(cli)
    library = cli.work.library
    library.reports = [SyncReport("j", added=1, suspended=("/mnt/x",)), SyncReport("j")]
    library.on_sync = lambda: put(cli.work.store, cli.folder / "in/a.md")  # type: ignore[assignment, return-value]
    waited = [0]

    class Pause:
        def wait(self, seconds: float) -> None:
            waited[0] += 1
            cli.file("in/a.md")
            if not library.reports:
                raise KeyboardInterrupt

    monkeypatch.setattr(docs_keep.threading, "Event", Pause)
    code, out, _ = cli("watch", "--json")
    events = [json.loads(line) for line in out.splitlines()]
    assert code == 130
    assert [one["event"] for one in events] == ["added", "suspended", "changed", "back"]
    assert events[0]["document"]["path"] == str(cli.folder / "in/a.md") and events[1]["path"] == "/mnt/x"
