"""What ``llm-study docs`` understands and how it writes: names, paths, tables, progress, help."""

from __future__ import annotations

import dataclasses
import io
import os
import re
import time
import unicodedata
from pathlib import Path

import pytest

from core.cli import main
from core.cli.arguments import build_parser
from core.cli.docs_names import candidates, existing, located, the_document, the_documents
from core.cli.docs_progress import Line, progress_text
from core.cli.docs_words import cells, fitted, size, span, table
from core.errors import UsageError
from core.events import (
    IngestProgress,
)
from core.rag import scan
from core.rag.chunking import Chunking
from tests.docs_cli_fakes import rows_of

ACTIONS = [
    "add",
    "list",
    "show",
    "search",
    "ask",
    "sync",
    "watch",
    "rm",
    "check",
    "failed",
    "retry",
    "reindex",
    "jobs",
    "export",
    "collections",
    "eval",
    "draft",
]


# -- what a path or an id means ------------------------------------------------------------------------------------


def test_a_document_is_found_by_id_prefix_path_and_end_of_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    wanted = f"{tmp_path}/handbook/leave.md"
    rows = rows_of(f"{tmp_path}/handbook/travel.md", wanted, f"{tmp_path}/other/travel.md")
    for word in (
        rows[1].id,
        rows[1].id[:5],
        wanted,
        "handbook/leave.md",
        "./handbook/../handbook/leave.md",
        "~/handbook/leave.md",
        "leave.md",
        "handbook/leave.md",
    ):
        assert the_document(rows, word) is rows[1], word
    assert the_document(rows, "other/travel.md") is rows[2]


def test_a_name_in_another_unicode_form_or_in_no_unicode_is_found(tmp_path: Path) -> None:
    folder = tmp_path / unicodedata.normalize("NFD", "자료")
    folder.mkdir()
    file = folder / "휴가.md"
    file.write_text("x")
    raw = Path(os.fsdecode(bytes(tmp_path) + b"/\xc7\xd1\xb1\xdb.txt"))
    raw.write_text("x")
    rows = rows_of(scan.stored(file), scan.stored(raw))
    typed = str(tmp_path / "자료" / unicodedata.normalize("NFD", "휴가.md"))
    assert existing([typed, str(raw)]) == [file, raw]
    assert the_document(rows, typed) is rows[0]
    assert the_document(rows, str(raw)) is rows[1]
    assert the_document(rows, unicodedata.normalize("NFD", "휴가.md")) is rows[0]


def test_what_fits_several_or_nothing_is_said_in_one_sentence(tmp_path: Path) -> None:
    rows = rows_of("/a/x/leave.md", "/a/y/leave.md", "/a/z.md")
    with pytest.raises(UsageError) as several:
        the_document(rows, "leave.md")
    assert several.value.key == "error.docs.ambiguous"
    assert "/a/x/leave.md" in several.value.message and rows[1].id in several.value.message
    for word, key in (("nope", "unknown"), ("", "unknown"), ("/a", "folder"), ("\x1b[31m", "unknown")):
        with pytest.raises(UsageError) as error:
            the_document(rows, word)
        assert error.value.key == f"error.docs.{key}" and error.value.fix
        assert "\x1b" not in str(error.value)
    with pytest.raises(UsageError) as none:
        the_document([], "anything")
    assert "docs add" in none.value.fix
    # Three characters of an id would fit too much.
    assert candidates(rows, rows[0].id[:3]) == []


def test_a_folder_stands_for_its_documents_where_that_is_meant() -> None:
    rows = rows_of("/a/x.md", "/a/b/y.md", "/ab/z.md")
    assert [one.path for one in the_documents(rows, ["/a", "x.md"], folders=True)] == ["/a/x.md", "/a/b/y.md"]
    assert len(the_documents(rows, ["/"], folders=True)) == 3


def test_a_tilde_of_nobody_is_a_file_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert located("~no-such-user-here/x") == tmp_path / "~no-such-user-here" / "x"


# -- words and progress -----------------------------------------------------------------------------------------------


def test_columns_stand_straight_with_hangul_in_them() -> None:
    lines = table([["이름", "N"], ["abc", "12"], ["긴 한글 이름", "3"]], right=(1,))
    assert len({cells(line) for line in lines}) == 1
    assert cells(fitted("/아주/긴/경로/파일.md", 10)) <= 10 and fitted("/a/b.md", 10) == "/a/b.md"
    assert fitted("/아주/긴/경로/파일.md", 10).endswith(".md")
    assert [size(0), size(1_500), size(20 << 20), size(3 << 30)] == ["0 B", "1.5 KiB", "20 MiB", "3.0 GiB"]
    assert [span(5), span(187), span(3_729)] == ["5 s", "3:07", "1:02:09"]


def test_a_progress_line_fits_the_terminal_and_says_how_long() -> None:
    progress = IngestProgress("j", 41, 12, 1, "/문서/" + "긴이름" * 40 + ".md", rate=0.84, eta_s=96)
    for columns in (30, 60, 100):
        assert cells(progress_text(progress, columns)) <= columns
    text = progress_text(progress, 100)
    assert text.startswith("12/41 · 1 failed · 0.8/s · 1:36 left  …") and text.endswith(".md")
    assert "3.0/min" in progress_text(dataclasses.replace(progress, rate=0.05), 100)
    hostile = dataclasses.replace(progress, current="\x1b]0;owned\x07a.md")
    assert "\x1b" not in progress_text(hostile, 100)


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_one_line_that_goes_away_a_pipe_gets_few_and_json_none() -> None:
    many = [IngestProgress("j", 500, at, 0, f"{at}.md") for at in range(500)]
    screen, pipe, nothing = Screen(), io.StringIO(), Screen()
    for stream, quiet in ((screen, False), (pipe, False), (nothing, True)):
        line = Line(quiet=quiet, stream=stream)
        for one in many:
            line.show(one)
        line.clear()
    assert screen.getvalue().count("\r") == 501 and "\n" not in screen.getvalue()
    assert screen.getvalue().endswith("\r\x1b[K")
    assert pipe.getvalue() == "" and nothing.getvalue() == ""


# -- arguments and help ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        ("add",),
        ("add", "x", "--chunking", "clever"),
        ("add", "x", "--chunking", "fixed:10"),
        ("add", "x", "--chunking", "sentences:300/80"),
        ("search", "x", "--since", "yesterday"),
        ("search", "x", "-k", "0"),
        ("search", "x", "-k", "many"),
        ("search", "x", "--variety", "2"),
        ("list", "--status", "lost"),
        ("collections", "add"),
    ],
)
def test_wrong_words_are_usage_errors(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["docs", *words])
    assert left.value.code == 2 and "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("docs", "add"), "빠졌습니다: PATH"),
        (("docs", "zap"), "가운데 하나가 아닙니다"),
        (("docs", "list", "--zap"), "알 수 없습니다: --zap"),
        (("docs", "search", "x", "-k"), "-k에 값이 필요합니다"),
        (("docs", "search", "x", "-k", "0"), "1~10000"),
    ],
)
def test_wrong_usage_is_said_in_the_users_language(
    words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main([*words, "--lang", "ko"])
    assert said in capsys.readouterr().err


def test_chunking_is_read_as_it_is_written() -> None:
    parse = build_parser().parse_args
    for text, chunking in (
        ("headings", Chunking()),
        ("recursive:300", Chunking("recursive", 300)),
        ("fixed:400/80", Chunking("fixed", 400, 80)),
        ("code+header", Chunking("code", header=True)),
    ):
        assert parse(["docs", "add", "x", "--chunking", text]).chunking == chunking
    since = parse(["docs", "search", "x", "--since", "2d"]).since
    assert abs(time.time() - 2 * 86_400 - since) < 5


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_the_help_is_complete_in_both_languages(lang: str, capsys: pytest.CaptureFixture[str]) -> None:
    def shown(*words: str) -> str:
        with pytest.raises(SystemExit) as left:
            main([*words, "--help", "--lang", lang])
        assert left.value.code == 0
        return capsys.readouterr().out

    overview = shown("docs")
    for action in ACTIONS:
        assert re.search(rf"^    {action}\b", overview, re.M), action
        text = shown("docs", action)
        # No message key left, no placeholder unfilled.
        assert not re.search(r"docs\.cli|cli\.help|\{(fields|known|value)", text), text
        if lang == "ko":
            assert re.search("[가-힣]{2}", text) and "show this help" not in text
    for verb in ("add", "rename", "set", "rm"):
        assert "docs.cli" not in shown("docs", "collections", verb)
