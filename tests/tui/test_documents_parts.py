"""The parts of the documents pane that draw nothing: what is typed, the tree, pasted paths, wrapping, the user's editor."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

from core import i18n
from core.rag.types import Collection
from tests.tui.fakes import document
from tui import format, open_file
from tui.documents_query import mark_pattern, mark_terms, parse
from tui.documents_shelf import Node, Shelf
from tui.pasted_paths import looks_like_paths, parse_paths
from tui.widgets.documents_reader import wrap
from tui.widgets.documents_rows import tree_row

COLLECTIONS = [Collection("default", "handbook"), Collection("c1", "사내 규정")]


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    i18n.register("tui.i18n")
    i18n.set_language("en")
    yield
    i18n.set_language("en")


# -- what is typed -----------------------------------------------------------------------------------


def test_words_phrase_and_filters_are_told_apart() -> None:
    query = parse('남은 휴가 "3월 말" path:hr type:md,PDF in:handbook', COLLECTIONS)
    assert (query.words, query.phrase, query.path) == ("남은 휴가", "3월 말", "hr")
    assert query.types == ("md", "pdf")
    assert query.collections == ("default",)
    assert query.searches and query.narrows and not query.problem


def test_filters_have_korean_names_and_quoted_values() -> None:
    query = parse('컬렉션:"사내 규정" 종류:hwpx 부터:2026-01-31', COLLECTIONS)
    assert query.collections == ("c1",)
    assert query.since == datetime(2026, 1, 31).timestamp()
    assert not query.searches and query.narrows


@pytest.mark.parametrize(
    ("typed", "since", "until"),
    [
        ("since:2026-02-03", datetime(2026, 2, 3), None),
        ("since:2026-02", datetime(2026, 2, 1), None),
        ("until:2026-02-28", None, datetime(2026, 3, 1)),
        ("until:2026-12", None, datetime(2027, 1, 1)),
        ("until:2026", None, datetime(2027, 1, 1)),
        ("since:7d", datetime(2026, 6, 8), None),
    ],
)
def test_dates(typed: str, since: datetime | None, until: datetime | None) -> None:
    query = parse(typed, now=datetime(2026, 6, 15))
    assert query.since == (since.timestamp() if since else None)
    assert query.until == (pytest.approx(until.timestamp(), abs=0.01) if until else None)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("in:nowhere x", "no collection nowhere"),
        ("type:exe x", "of type exe"),
        ("since:soon x", "soon is no date"),
        ("since:2026-13-01 x", "is no date"),
        ("path: x", "after path:"),
        ("tpye:pdf", "Did you mean type:"),
    ],
)
def test_a_wrong_filter_is_one_sentence_and_searches_nothing(typed: str, said: str) -> None:
    query = parse(typed, COLLECTIONS, ["md", "pdf"])
    assert said in query.problem
    assert not query.searches


@pytest.mark.parametrize("typed", ["10:30 회의", "http://wiki/x", "note: see below", "a:b", '"', "::", ""])
def test_what_only_looks_like_a_filter_is_words(typed: str) -> None:
    assert not parse(typed, COLLECTIONS).problem


def test_filters_hold_of_documents() -> None:
    one = document("/n/HR/Leave.md", mtime=100.0)

    def holds(typed: str) -> bool:
        return parse(typed, COLLECTIONS).test()(one, one.path.casefold(), "md")

    assert holds("path:hr/leave")
    assert holds("path:*.md")
    assert holds("path:l?ave.md")
    assert not holds("path:*.pdf")
    assert holds("type:md") and not holds("type:pdf")
    assert holds("in:handbook path:hr") and not holds("in:c1 path:hr")
    assert not holds("since:2026-01-01")


def test_korean_words_are_marked_without_their_particles() -> None:
    pattern = mark_pattern(mark_terms("남은 휴가는 when in OFFICE"))
    assert pattern
    text = "휴가를 쓰고 office의 HeadOffice, within 남은"
    assert [match.group() for match in pattern.finditer(text)] == ["휴가", "office", "남은"]


# -- the tree ----------------------------------------------------------------------------------------


def names(shelf: Shelf) -> list[str]:
    return [
        f"{'  ' * depth}{item.path if isinstance(item, Node) else item}" for item, depth in shelf.entries()
    ]


def test_the_tree_counts_and_follows_changes() -> None:
    shelf = Shelf()
    shelf.set_collections(COLLECTIONS)
    shelf.set_sources([("default", "/home/me/wiki")])
    shelf.load([document("/home/me/wiki/a/x.md", id="x"), document("/home/me/wiki/b/y.md", id="y")])
    root = shelf.node("c:default")
    assert root and root.total == 2
    assert not shelf.put(document("/home/me/wiki/a/x.md", id="x", status="failed"))
    assert (root.failed, shelf.node("f:default:/home/me/wiki/a").failed) == (1, 1)  # type: ignore[union-attr]
    assert shelf.put(document("/home/me/wiki/b/z.md", id="z", status="queued"))
    assert (root.total, root.busy) == (3, 1)
    # Moved to another folder, under the same id: the empty folder goes.
    assert shelf.put(document("/home/me/wiki/b/x.md", id="x"))
    assert names(shelf) == [
        "handbook",
        "  /home/me/wiki/b",  # The folder above has nothing else: they are one row.
        "    x",
        "    y",
        "    z",
        "사내 규정",
    ]
    assert (root.failed, root.total) == (0, 3)
    assert shelf.put(document("/home/me/wiki/b/x.md", id="x", status="removed"))
    assert root.total == 2
    for gone in ("y", "z"):
        shelf.drop(gone)
    assert names(shelf) == ["handbook", "사내 규정"]


def test_folders_with_nothing_but_a_folder_are_one_row() -> None:
    shelf = Shelf()
    shelf.set_collections(COLLECTIONS)
    shelf.set_sources([("default", "/w")])
    shelf.load([document("/w/깊은/a/b/x.md", id="x"), document("/w/깊은/a/b/y.md", id="y")])
    row = tree_row(shelf.entries()[1], shelf, unfolded=False)
    assert "".join(text for text, _ in row.left) == "  ▾ w/깊은/a/b"
    shelf.folded.add("f:default:/w/깊은")  # Was folded when there was more in it.
    assert names(shelf) == ["handbook", "  /w/깊은/a/b", "    x", "    y", "사내 규정"]
    assert shelf.entries({"y"})[-1][0] == "y"
    assert shelf.matched["f:default:/w"] == 1
    assert shelf.put(document("/w/깊은/z.md", id="z"))
    shelf.folded.clear()
    assert names(shelf) == [
        "handbook",
        "  /w/깊은",
        "    /w/깊은/a/b",
        "      x",
        "      y",
        "    z",
        "사내 규정",
    ]


def test_a_long_name_keeps_its_end() -> None:
    assert format.fit_middle("출장비 규정 - 부산 사무소.docx", 20) == "출장비 규…무소.docx"
    assert format.fit_middle("short.md", 20) == "short.md"
    for width in range(4, 40):
        for name in ("출장비 규정 - 부산 사무소.docx", "a" * 60, "👨‍👩 가족 여행 계획서 최종.md"):
            assert cell_len(format.fit_middle(name, width)) <= width


def test_a_file_whose_name_is_no_unicode_stands_in_the_folder_it_is_in() -> None:
    shelf = Shelf()
    shelf.set_collections(COLLECTIONS)
    shelf.set_sources([("default", "/home/me/사규")])
    odd = Path("/home/me/사규/b").as_uri() + "%FF.txt"
    shelf.load([document("/home/me/사규/a.md", id="a"), document(odd, id="odd")])
    assert names(shelf) == ["handbook", "  /home/me/사규", "    a", "    odd", "사내 규정"]


def test_a_filter_unfolds_and_leaves_out_empty_folders() -> None:
    shelf = Shelf()
    shelf.set_collections(COLLECTIONS)
    shelf.load(
        [
            document("/a/x.md", id="x"),
            document("/b/y.md", id="y"),
            document("/b/z.md", id="z", collection="c1"),
        ]
    )
    shelf.folded.add("f:default:/b")
    assert "y" not in [item for item, _ in shelf.entries()]
    shown = shelf.entries({"y"})
    assert [item if isinstance(item, str) else item.key for item, _ in shown] == [
        "c:default",
        "f:default:/b",
        "y",
    ]


# -- pasted paths ------------------------------------------------------------------------------------


def test_pasted_paths(tmp_path: Path) -> None:
    plain, spaced, dashed = tmp_path / "a.md", tmp_path / "나의 문서 (1).md", tmp_path / "-rf.md"
    for path in (plain, spaced, dashed):
        path.touch()
    escaped = str(spaced).replace(" ", "\\ ").replace("(", "\\(").replace(")", "\\)")
    assert parse_paths(str(spaced)) == [str(spaced)]
    assert parse_paths(f"'{spaced}' {plain}") == [str(spaced), str(plain)]
    assert parse_paths(f"{escaped} {dashed}") == [str(spaced), str(dashed)]
    assert parse_paths(f"{plain.as_uri()}\n{spaced.as_uri()}\r\n") == [str(plain), str(spaced)]
    assert parse_paths(f'"{plain}') == [f'"{plain}']  # Half a quote: nothing is guessed.
    assert parse_paths("file://elsewhere/x.md") == ["file://elsewhere/x.md"]
    assert parse_paths("/no such file") == ["/no such file"]
    assert looks_like_paths(f"'{spaced}'")
    assert not looks_like_paths("/no/such/file")
    assert not looks_like_paths("plain words")
    assert not looks_like_paths("~nobody-of-this-name/x")


def test_nothing_in_a_pasted_path_is_run_or_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SECRET", "x")
    assert parse_paths("/x/$SECRET/`touch here`.md") == ["/x/$SECRET/`touch here`.md"]
    assert parse_paths("'/x/$(touch here).md'") == ["/x/$(touch here).md"]
    assert not (tmp_path / "here").exists()


# -- wrapping ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [1, 2, 7, 20, 60])
def test_wrapping_loses_nothing_and_fits(width: int) -> None:
    text = "그해에 쓰지 못한 휴가는 최대 5일까지\n\n넘길수있습니다아주긴낱말이띄어쓰기없이이어집니다 a bb ccc supercalifragilistic\n끝"
    spans = wrap(text, width)
    lines = [text[start:end] for start, end in spans]
    assert "".join(lines) == text.replace("\n", "")
    for line in lines:
        assert cell_len(line.rstrip()) <= max(width, 2)


# -- the user's editor -------------------------------------------------------------------------------


def test_the_editor_is_never_a_shell_and_a_name_never_an_option(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert open_file.command(["vim", "-R"], "-c:!x.md", 12) == [
        "vim",
        "-R",
        "+12",
        str(tmp_path / "-c:!x.md"),
    ]
    assert open_file.command(["code", "--wait"], "/a b.md", 12) == ["code", "--wait", "/a b.md"]
    words = open_file.program({"VISUAL": "/bin/sh -e", "PAGER": "cat"}, pager=False)
    assert words == ["/bin/sh", "-e"]
    assert open_file.program({"EDITOR": "no-such-program", "PAGER": "cat -v"}, pager=False) == ["cat", "-v"]


class FakeApp:
    """FAKE: an app whose terminal can be handed over; notes what it says."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def suspend(self) -> Any:
        import contextlib

        return contextlib.nullcontext()

    def tell(self, text: str, severity: str = "") -> None:
        self.said.append(text)

    def refresh(self, layout: bool = False) -> None:
        pass


def test_an_edited_file_is_noticed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file, script = tmp_path / "-a b.md", tmp_path / "edit"
    file.write_text("before")
    script.write_text('#!/bin/sh\nprintf edited >> "$1"\n')
    script.chmod(0o755)
    monkeypatch.setenv("VISUAL", str(script))
    app: Any = FakeApp()
    assert open_file.show(app, document(str(file)), "") is True
    assert file.read_text() == "beforeedited"
    script.write_text("#!/bin/sh\n")
    assert open_file.show(app, document(str(file)), "") is False
    os.unlink(file)
    assert open_file.show(app, document(str(file)), "") is False
    assert "not there any more" in app.said[-1]


def test_what_was_read_of_a_pdf_is_shown_in_the_pager(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    script, seen = tmp_path / "page", tmp_path / "seen"
    script.write_text(f'#!/bin/sh\ncat "$1" > {seen}\n')
    script.chmod(0o755)
    monkeypatch.setenv("PAGER", str(script))
    app: Any = FakeApp()
    assert open_file.show(app, document("/n/a.pdf"), "쪽\x1b[31m 내용") is False
    assert seen.read_text("utf-8") == "쪽 내용"
