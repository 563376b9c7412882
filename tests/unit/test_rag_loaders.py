"""Reading files: encodings, PDF, and a clear reason for everything that is not text."""

from __future__ import annotations

import io
import os
import unicodedata
from pathlib import Path

import pytest

from core.errors import UsageError
from core.i18n import catalogue, filled
from core.rag.chunking import Chunking
from core.rag.parsing import loaders
from core.rag.parsing.loaders import LoadError
from core.rag.parsing.parser import Parser
from core.text import estimate_tokens

TEXT = "연차휴가는 15일입니다. Annual leave."


def make_pdf(*pages: str, **options: object) -> bytes:
    """Write a real PDF with reportlab."""
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.cidfonts import UnicodeCIDFont
    from reportlab.pdfgen.canvas import Canvas

    pdfmetrics.registerFont(UnicodeCIDFont("HYSMyeongJo-Medium"))
    buffer = io.BytesIO()
    canvas = Canvas(buffer, **options)
    for page in pages:
        canvas.setFont("HYSMyeongJo-Medium", 12)
        for number, line in enumerate(page.split("\n")):
            canvas.drawString(72, 720 - 20 * number, line)
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


@pytest.fixture
async def parser():
    made = Parser()
    yield made
    await made.close()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp949"])
def test_text_in_the_encodings_of_korean_offices(encoding: str) -> None:
    assert loaders.load(Path("a.txt"), TEXT.encode(encoding)).text == TEXT


def test_text_is_cleaned_and_composed() -> None:
    hostile = "\x1b[31m빨강\x1b[0m\x1b]0;title\x07\u202e " + unicodedata.normalize("NFD", "한글")
    assert loaders.load(Path("a.md"), hostile.encode()).text == "빨강 한글"


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("a.txt", b"", "empty"),
        ("a.txt", b" \n\t\n", "empty"),
        ("a.md", b"\x89PNG\r\n\x1a\n\0\0\0", "picture"),
        ("a.txt", bytes(range(256)) * 4, "not_text"),
        ("a.txt", "é à ü ".encode("latin-1") * 20, "not_text"),
        ("a.pdf", b"\x00\x01garbage" * 50, "damaged"),
        ("a.pdf", make_pdf(TEXT)[:400], "damaged"),
        ("a.pdf", make_pdf(""), "no_text"),
        ("a.pdf", make_pdf(TEXT, encrypt="secret"), "protected"),
    ],
)
async def test_a_file_that_cannot_be_read_says_why(
    tmp_path: Path, parser: Parser, name: str, data: bytes, reason: str
) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(LoadError) as caught:
        await parser.parse(path)
    assert caught.value.reason == reason
    assert catalogue("en")[f"rag.reason.{reason}"] and catalogue("ko")[f"rag.reason.{reason}"]


async def test_odd_files_have_reasons_too(tmp_path: Path, parser: Parser) -> None:
    os.mkfifo(tmp_path / "pipe.md")
    (tmp_path / "folder.md").mkdir()
    (tmp_path / "loop.md").symlink_to("loop.md")
    (tmp_path / "gone").symlink_to("nowhere.md")
    with (tmp_path / "sparse.txt").open("wb") as file:
        file.truncate(2 << 30)
    (tmp_path / "zeros.txt").write_bytes(bytes(100_000))
    for name, reason in (
        ("pipe.md", "not_file"),
        ("folder.md", "folder"),
        ("loop.md", "unreadable"),
        ("gone", "missing"),
        ("gone.md", "missing"),
        ("x" * 300, "unreadable"),
        ("sparse.txt", "too_large"),
        ("zeros.txt", "not_text"),
        ("/proc/self/mem", "unreadable"),
    ):
        with pytest.raises(LoadError) as caught:
            await parser.parse(tmp_path / name)
        assert caught.value.reason == reason, name
        assert filled(catalogue("ko")[f"rag.reason.{reason}"], **caught.value.params)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_says_so(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("x", "utf-8")
    (tmp_path / "a.md").chmod(0)
    with pytest.raises(LoadError) as caught:
        loaders.read_source(tmp_path / "a.md")
    assert caught.value.reason == "unreadable"


def test_a_file_that_changes_while_it_is_read_is_not_taken(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "a.md"
    path.write_text("old", "utf-8")
    looked = os.fstat

    def looked_then_written(descriptor: int) -> os.stat_result:
        found = looked(descriptor)
        path.write_text("newer and longer", "utf-8")
        return found

    monkeypatch.setattr(loaders.os, "fstat", looked_then_written)
    with pytest.raises(LoadError) as caught:
        loaders.read_source(path)
    assert caught.value.reason == "changing"
    monkeypatch.undo()
    assert loaders.read_source(path).data == b"newer and longer"


async def test_pdf_text_comes_with_pages_and_title(tmp_path: Path, parser: Parser) -> None:
    path = tmp_path / "규정.pdf"
    path.write_bytes(make_pdf("연차휴가는 15일입니다.", "출장비는 10일 안에 정산합니다."))
    parsed = await parser.parse(path)
    assert [(chunk.page, chunk.section, chunk.text) for chunk in parsed.chunks] == [
        (1, "p. 1", "연차휴가는 15일입니다."),
        (2, "p. 2", "출장비는 10일 안에 정산합니다."),
    ]


async def test_a_stalled_parser_is_killed_and_the_next_file_is_read(tmp_path: Path) -> None:
    slow = tmp_path / "slow.md"
    slow.write_text("> " * 2_000 + "\n" + "[" * 200_000 + "a\n", "utf-8")
    good = tmp_path / "good.md"
    good.write_text("# 제목\n\n본문", "utf-8")
    parser = Parser(timeout=0.001)
    with pytest.raises(LoadError) as caught:
        await parser.parse(slow)
    assert caught.value.reason == "timeout"
    parser._timeout = 60
    assert (await parser.parse(good)).chunks[0].section == "제목"
    await parser.close()


async def test_a_parser_that_dies_is_replaced(tmp_path: Path, parser: Parser) -> None:
    good = tmp_path / "good.md"
    good.write_text("본문", "utf-8")
    await parser.parse(good)
    parser._child.kill()
    await parser._child.wait()
    assert (await parser.parse(good)).chunks


async def test_known_content_is_not_parsed_again(tmp_path: Path, parser: Parser) -> None:
    path = tmp_path / "a.md"
    path.write_text("본문", "utf-8")
    first = await parser.parse(path)
    assert (await parser.parse(path, known_hash=first.content_hash)).unchanged


async def test_a_file_is_cut_as_asked_and_tells_about_itself(tmp_path: Path, parser: Parser) -> None:
    path = tmp_path / "규정.txt"
    path.write_bytes(("휴가는 15일입니다. 반차도 됩니다.\n\n" * 40).encode("cp949"))
    default = await parser.parse(path)
    assert (default.encoding, default.note, default.pages) == ("cp949", "", 0)
    assert default.tokens == estimate_tokens(path.read_bytes().decode("cp949"))
    small = await parser.parse(path, chunking=Chunking("sentences", 40))
    assert len(small.chunks) > 3 * len(default.chunks)
    assert [chunk.line for chunk in small.chunks][:3] == [1, 1, 3]
    pdf = tmp_path / "a.pdf"
    pdf.write_bytes(make_pdf(TEXT, TEXT, TEXT))
    assert (await parser.parse(pdf)).pages == 3
    with pytest.raises(UsageError):
        await parser.parse(path, chunking=Chunking(size=1))


async def test_a_file_that_eats_memory_is_refused_and_the_next_one_has_all_of_it(tmp_path: Path) -> None:
    hungry = tmp_path / "hungry.json"
    hungry.write_text("[" + "[]," * 2_000_000 + "[]]", "utf-8")
    good = tmp_path / "good.md"
    good.write_text("# 제목\n\n본문", "utf-8")
    parser = Parser(memory=160 << 20)
    try:
        with pytest.raises(LoadError) as caught:
            await parser.parse(hungry)
        assert caught.value.reason == "memory"
        assert parser._child is None, "a heap in pieces would fail the next file"
        assert (await parser.parse(good)).chunks
    finally:
        await parser.close()


async def test_a_file_that_eats_time_is_given_up_and_said(tmp_path: Path) -> None:
    endless = tmp_path / "endless.md"
    endless.write_text("> - > - a\n\n* b\n" * 400_000, "utf-8")
    parser = Parser(cpu_s=1)
    try:
        with pytest.raises(LoadError) as caught:
            await parser.parse(endless)
        assert caught.value.reason == "timeout"
        good = tmp_path / "good.md"
        good.write_text("본문", "utf-8")
        assert (await parser.parse(good)).chunks
    finally:
        await parser.close()


async def test_more_text_than_is_allowed_is_refused(tmp_path: Path, parser: Parser) -> None:
    path = tmp_path / "long.txt"
    path.write_text("a " * (loaders.MAX_TEXT_CHARS // 2 + 1), "utf-8")
    with pytest.raises(LoadError) as caught:
        await parser.parse(path)
    assert caught.value.reason == "too_long"
