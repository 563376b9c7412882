"""Office files, pages and mails become text; what is made to hurt is refused with a reason."""

from __future__ import annotations

import io
import random
import struct
import zipfile
from pathlib import Path

import pytest

from core.i18n import tr
from core.rag.parsing.loaders import Loaded, LoadError, load
from core.rag.sample import corpus_dir

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'


def zipped(parts: dict[str, bytes | str], *, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return out.getvalue()


def word(body: str, head: str = "") -> bytes:
    return zipped({"word/document.xml": f"{head}<w:document {W}><w:body>{body}</w:body></w:document>"})


def paragraph(text: str, style: str = "") -> str:
    properties = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
    return f"<w:p>{properties}<w:r><w:t>{text}</w:t></w:r></w:p>"


def read(name: str, data: bytes) -> Loaded:
    return load(Path(name), data)


def reason(name: str, data: bytes) -> str:
    with pytest.raises(LoadError) as caught:
        read(name, data)
    # Every reason is a sentence in the catalogue.
    assert (
        tr(f"rag.reason.{caught.value.reason}", **caught.value.params) != f"rag.reason.{caught.value.reason}"
    )
    return caught.value.reason


def test_a_word_file_keeps_headings_lists_and_tables() -> None:
    cell = "<w:tc>{}</w:tc>".format
    row = "<w:tr>{}</w:tr>".format
    table = row(cell(paragraph("구분")) + cell(paragraph("한도"))) + row(
        cell(paragraph("서울")) + cell(paragraph("15만 원"))
    )
    listed = "<w:p><w:pPr><w:numPr/></w:pPr><w:r><w:t>first</w:t></w:r></w:p>"
    found = read(
        "출장비.docx",
        word(
            paragraph("출장비 규정", "Heading1") + paragraph("Limits.") + listed + f"<w:tbl>{table}</w:tbl>"
        ),
    )
    assert found.text.split("\n\n") == [
        "# 출장비 규정", "Limits.", "- first", "| 구분 | 한도 |\n| --- | --- |\n| 서울 | 15만 원 |",
    ]  # fmt: skip


def test_a_hangul_file_is_read_section_by_section_in_order() -> None:
    head = 'xmlns:hp="http://www.hancom.co.kr/hwpml/2011/paragraph"'

    def section(text: str) -> str:
        return f"<hs:sec xmlns:hs='x' {head}><hp:p><hp:run><hp:t>{text}</hp:t></hp:run></hp:p></hs:sec>"

    parts: dict[str, bytes | str] = {f"Contents/section{n}.xml": section(f"제{n}절") for n in (0, 10, 2)}
    assert read("규정.hwpx", zipped(parts)).text == "제0절\n\n제2절\n\n제10절"


def test_a_page_is_its_words_not_its_scripts() -> None:
    page = (
        "<html><head><title>복지 &amp; 휴가</title><style>p{}</style></head><body><nav>Home</nav><script>evil()</script>"
        "<h2>식대</h2><p>월 <b>20만</b> 원<br>지급<ul><li>하나<li>둘</ul>"
        "<table><tr><th>등급<th>금액<tr><td>A<td>10</table><p>끝"
    )
    found = read("복지.html", page.encode())
    assert found.title == "복지 & 휴가"
    assert found.text.split("\n\n") == [
        "## 식대", "월 20만 원 지급", "- 하나", "- 둘", "| 등급 | 금액 |\n| --- | --- |\n| A | 10 |", "끝",
    ]  # fmt: skip


def test_a_mail_names_its_attachments_and_opens_none() -> None:
    mail = (
        "From: 김하늘 <a@example.com>\r\nTo: b@example.com\r\nSubject: =?utf-8?b?7ZqM7J2YIOyViOuCtA==?=\r\n"
        "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
        "<p>Room 3 at 10</p><script>x</script>\r\n--x\r\nContent-Type: application/zip\r\n"
        'Content-Disposition: attachment; filename="agenda.zip"\r\n\r\nPK not opened\r\n--x--\r\n'
    )
    found = read("회의.eml", mail.encode())
    assert found.title == "회의 안내" and "Room 3 at 10" in found.text and "- agenda.zip" in found.text
    assert "not opened" not in found.text and "From: 김하늘" in found.text


def test_a_file_is_what_is_in_it_whatever_it_is_called() -> None:
    assert read("notes.txt", word(paragraph("hello"))).text == "hello"
    assert reason("plain.docx", b"just words") == "damaged"
    assert reason("thing.md", zipped({"a.bin": b"1"})) == "unsupported"


BOMB = word(paragraph("a" * (60 << 20)))


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (BOMB, "too_complex"),
        (zipped({f"{n}.xml": "x" for n in range(5_001)}), "too_complex"),
        (word(paragraph("x"), '<!DOCTYPE d [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]>'), "too_complex"),
        (word(paragraph("x"), '<!DOCTYPE d [<!ENTITY e SYSTEM "file:///etc/hostname">]>'), "too_complex"),
        (word(paragraph("hello"))[:-40], "damaged"),
        (zipped({"word/document.xml": "<w:document"}), "damaged"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(60) + "EncryptedPackage".encode("utf-16-le"), "protected"),
    ],
    ids=["bomb", "many parts", "entities", "outside file", "cut off", "broken xml", "password"],
)
def test_what_is_made_to_hurt_is_refused(data: bytes, why: str) -> None:
    assert reason("x.docx", data) == why


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_document_type_is_seen_in_any_encoding_and_place(encoding: str) -> None:
    body = f"<!--{'x' * 5_000}--><!DOCTYPE a [<!ENTITY x 'EXPANDED'>]><w:document {W}>{paragraph('&x;')}</w:document>"
    assert reason("x.docx", zipped({"word/document.xml": body.encode(encoding)})) == "too_complex"


def test_a_size_that_lies_is_found_out_while_reading() -> None:
    data = bytearray(word(paragraph("a" * 2_000_000)))
    # The sizes in the central directory and the local header say ten bytes.
    for mark, offset in ((b"PK\x01\x02", 24), (b"PK\x03\x04", 22)):
        struct.pack_into("<I", data, data.index(mark) + offset, 10)
    assert reason("x.docx", bytes(data)) in ("damaged", "too_complex")


def test_deep_nesting_is_only_text() -> None:
    assert read("deep.html", b"<div>" * 200_000 + b"bottom").text == "bottom"
    assert "1" in read("deep.json", b"[" * 100_000 + b"1" + b"]" * 100_000).text


def test_mutations_of_every_format_give_text_or_a_reason() -> None:
    """No traceback whatever a byte is: 40 mutations of each kind of sample file."""
    rng = random.Random(5)
    for suffix in ("docx", "hwpx", "eml", "html", "pdf", "csv", "json"):
        original = next(path for path in sorted(corpus_dir().rglob(f"*.{suffix}"))).read_bytes()
        for _ in range(40):
            data = bytearray(original)
            for _ in range(rng.randint(1, 30)):
                data[rng.randrange(len(data))] = rng.randrange(256)
            del data[rng.randrange(len(data) // 2, len(data)) :]
            try:
                assert read(f"x.{suffix}", bytes(data)).text
            except LoadError as error:
                assert error.reason


def test_every_file_of_the_sample_corpus_is_read() -> None:
    for path in corpus_dir().rglob("*"):
        if path.is_file():
            assert len(read(path.name, path.read_bytes()).text) > 100, path.name
