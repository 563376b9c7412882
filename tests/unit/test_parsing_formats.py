"""Office files, pages and mails become text; what is made to hurt is refused with a reason."""

from __future__ import annotations

import io
import json
import random
import struct
import time
import zipfile
import zlib
from pathlib import Path

import pytest

from core.i18n import catalogue, tr
from core.rag.chunking import Chunking, chunk_text
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
        (
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(60) + "EncryptedPackage".encode("utf-16-le"),
            "protected",
        ),
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


def box(text: str) -> str:
    """Draw a text box as Word stores it: for itself, and again for older programs."""
    shape = f"<w:txbxContent>{paragraph(text)}</w:txbxContent>"
    return (
        '<w:p><w:r><w:t>anchor</w:t></w:r><w:r><mc:AlternateContent xmlns:mc="m">'
        f'<mc:Choice Requires="wps"><w:drawing>{shape}</w:drawing></mc:Choice>'
        f"<mc:Fallback><w:pict>{shape}</w:pict></mc:Fallback></mc:AlternateContent></w:r></w:p>"
    )


def test_a_word_file_says_what_its_reader_sees_and_says_it_once() -> None:
    inner = f"<w:tbl><w:tr><w:tc>{paragraph('안쪽')}</w:tc></w:tr></w:tbl>"
    row = "<w:tr><w:tc>{}</w:tc><w:tc>{}</w:tc></w:tr>"
    tracked = (
        '<w:p><w:r><w:t xml:space="preserve">한도는 </w:t></w:r><w:del><w:r><w:delText>10만 원</w:delText></w:r></w:del>'
        "<w:ins><w:r><w:t>15만 원</w:t></w:r></w:ins><w:r><w:instrText>PAGEREF x</w:instrText><w:tab/><w:t>끝</w:t></w:r></w:p>"
    )
    body = (
        tracked
        + box("상자 글")
        + f"<w:tbl>{row.format(paragraph('가'), paragraph('나') + inner + paragraph('다'))}{row.format(paragraph('1'), paragraph('2'))}</w:tbl>"
        + f"<w:sdt><w:sdtContent>{paragraph('보호된 칸')}</w:sdtContent></w:sdt>"
    )
    part = "<w:x {}>{}</w:x>".format
    data = zipped(
        {
            "word/document.xml": f"<w:document {W}><w:body>{body}</w:body></w:document>",
            "word/header1.xml": part(W, paragraph("대외비")),
            "word/header2.xml": part(W, paragraph("대외비")),
            "word/footer1.xml": part(W, paragraph("- 1 -")),
            "word/footnotes.xml": part(W, f"<w:footnote>{paragraph('각주: 부가세 별도')}</w:footnote>"),
            "docProps/core.xml": "<not xml",
        }
    )
    assert read("a.docx", data).text.split("\n\n") == [
        "한도는 15만 원\t끝", "anchor", "상자 글", "| 가 | 나 다 |\n| --- | --- |\n| 1 | 2 |", "| 안쪽 |\n| --- |", "보호된 칸",
        "대외비", "- 1 -", "각주: 부가세 별도",
    ]  # fmt: skip


def test_headings_are_found_by_what_their_style_is_called() -> None:
    styles = (
        f'<w:styles {W}><w:style w:styleId="a3"><w:name w:val="heading 2"/></w:style>'
        '<w:style w:styleId="1"><w:name w:val="사내 제목"/><w:pPr><w:outlineLvl w:val="0"/></w:pPr></w:style></w:styles>'
    )
    body = paragraph("규정", "1") + paragraph("휴가", "a3") + paragraph("15일", "a4")
    parts = {"word/document.xml": f"<w:document {W}><w:body>{body}</w:body></w:document>"}
    assert read("a.docx", zipped(parts | {"word/styles.xml": styles})).text == "# 규정\n\n## 휴가\n\n15일"
    assert read("a.docx", zipped(parts | {"word/styles.xml": "<broken"})).text == "규정\n\n휴가\n\n15일"
    head = '<h><style id="3" name="개요 2" engName="Outline 2"/><style id="4" name="본문"/></h>'
    section = '<s><p styleIDRef="3"><run><t>접수</t></run></p><p styleIDRef="4"><run><t>2시간 안에</t></run></p></s>'
    hangul = zipped({"Contents/section0.xml": section, "Contents/header.xml": head})
    assert read("a.hwpx", hangul).text == "## 접수\n\n2시간 안에"


def test_a_table_inside_a_table_of_a_hangul_file_is_said_once() -> None:
    def hangul(inside: str) -> str:
        return f"<hp:p><hp:run>{inside}</hp:run></hp:p>"

    def cells(*texts: str) -> str:
        made = "".join(f"<hp:tc><hp:subList>{text}</hp:subList></hp:tc>" for text in texts)
        return f"<hp:tbl><hp:tr>{made}</hp:tr></hp:tbl>"

    words = "<hp:t>{}</hp:t>".format
    inner = cells(hangul(words("안쪽")))
    section = (
        f"<hs:sec xmlns:hs='x' xmlns:hp='y'>{hangul(words('첫 줄<hp:lineBreak/>둘째 줄'))}"
        f"{hangul(words('앞') + cells(hangul(words('가')), hangul(words('나') + inner)) + words('뒤'))}</hs:sec>"
    )
    found = read("규정.hwpx", zipped({"Contents/section0.xml": section}))
    assert found.text.split("\n\n") == [
        "첫 줄\n둘째 줄", "앞뒤", "| 가 | 나 |\n| --- | --- |", "| 안쪽 |\n| --- |",
    ]  # fmt: skip


def test_a_hangul_file_behind_a_password_says_so() -> None:
    manifest = "<odf:manifest><odf:file-entry><odf:encryption-data/></odf:file-entry></odf:manifest>"
    parts = {"Contents/section0.xml": b"\x8f\x01", "META-INF/manifest.xml": manifest}
    assert reason("a.hwpx", zipped(parts)) == "protected"


STYLES = (
    '<styleSheet><numFmts><numFmt numFmtId="164" formatCode="yyyy&quot;년&quot; m/d h:mm"/></numFmts>'
    '<cellXfs><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="164"/><xf numFmtId="10"/><xf numFmtId="20"/></cellXfs></styleSheet>'
)


def workbook(rows: str, *, extra: str = "") -> bytes:
    return zipped(
        {
            "xl/workbook.xml": f'<workbook xmlns:r="rel"><sheets><sheet name="단가표" r:id="r1"/>{extra}</sheets></workbook>',
            "xl/_rels/workbook.xml.rels": '<Relationships><Relationship Id="r1" Target="worksheets/sheet1.xml"/>'
            '<Relationship Id="r2" Target="/xl/worksheets/sheet2.xml"/></Relationships>',
            "xl/styles.xml": STYLES,
            "xl/sharedStrings.xml": "<sst><si><t>품목</t></si><si><r><t>단</t></r><r><t>가</t></r><rPh><t>dan</t></rPh></si></sst>",
            "xl/worksheets/sheet1.xml": f"<worksheet><sheetData>{rows}</sheetData></worksheet>",
            "xl/worksheets/sheet2.xml": '<worksheet><sheetData><row><c t="inlineStr"><is><t>비밀</t></is></c></row></sheetData></worksheet>',
        }
    )


def test_a_workbook_is_its_sheets_as_tables() -> None:
    rows = (
        '<row><c r="A1" t="s"><v>0</v></c><c r="C1" t="s"><v>1</v></c></row>'
        '<row><c r="A2" t="inlineStr"><is><t>펌프</t></is></c><c r="C2"><f>1+1</f><v>0.10000000000000001</v></c></row>'
        '<row><c r="A3" t="s"><v>99</v></c><c r="B3" t="b"><v>1</v></c><c r="C3" t="e"><v>#N/A</v></c></row>'
    )
    hidden = '<sheet name="hidden" state="hidden" r:id="r2"/>'
    found = read("단가.xlsx", workbook(rows, extra=hidden))
    assert found.text == (
        "## 단가표\n\n| 품목 |  | 단가 |\n| --- | --- | --- |\n| 펌프 |  | 0.1 |\n|  | TRUE | #N/A |"
    )
    chunks = chunk_text(found.text, found.media_type, (), Chunking())
    assert [chunk.section for chunk in chunks] == ["단가표"]
    values = (
        ("1", "45931"),
        ("2", "45931.75"),
        ("3", "0.155"),
        ("4", "0.375"),
        ("0", "45931"),
        ("9", "7"),
        ("1", "x"),
    )
    cells = "".join(f'<c s="{style}"><v>{value}</v></c>' for style, value in values)
    text = read("날짜.xlsx", workbook(f"<row>{cells}</row>")).text
    assert text == "## 단가표\n\n2025-10-01 2025-10-01 18:00 15.5% 09:00 45931 7 x"
    assert reason("a.xlsx", workbook('<row><c r="ZZZ1"><v>1</v></c></row>')) == "too_complex"


def test_slides_are_read_in_order_with_tables_and_notes() -> None:
    def shape(text: str, kind: str = "") -> str:
        return f'<p:sp><p:nvPr><p:ph type="{kind}"/></p:nvPr><p:txBody><a:p><a:r><a:t>{text}</a:t></a:r></a:p></p:txBody></p:sp>'

    def slide(inside: str) -> str:
        return f'<p:sld xmlns:p="p" xmlns:a="a"><p:cSld><p:spTree>{inside}</p:spTree></p:cSld></p:sld>'

    table = "<a:tbl><a:tr><a:tc><a:p><a:r><a:t>분기</a:t></a:r></a:p></a:tc></a:tr><a:tr><a:tc><a:p><a:r><a:t>3</a:t></a:r></a:p></a:tc></a:tr></a:tbl>"
    data = zipped(
        {
            "ppt/presentation.xml": '<p xmlns:r="rel"><sldId id="256" r:id="b"/><sldId id="257" r:id="a"/></p>',
            "ppt/_rels/presentation.xml.rels": '<R><r Id="b" Target="slides/slide2.xml"/><r Id="a" Target="slides/slide1.xml"/></R>',
            "ppt/slides/slide1.xml": slide(shape("마지막", "title")),
            "ppt/slides/slide2.xml": slide(
                shape("본문") + shape("매출", "ctrTitle") + f"<p:graphicFrame>{table}</p:graphicFrame>"
            ),
            "ppt/slides/_rels/slide2.xml.rels": '<R><r Type="x/notesSlide" Target="../notesSlides/notesSlide1.xml"/></R>',
            "ppt/notesSlides/notesSlide1.xml": slide(shape("말할 것") + shape("2", "sldNum")),
        }
    )
    assert read("a.pptx", data).text.split("\n\n") == [
        "## 매출", "본문", "| 분기 |\n| --- |\n| 3 |", "말할 것", "## 마지막",
    ]  # fmt: skip


# -- PDF ----------------------------------------------------------------------------------------------


def raw_pdf(*objects: bytes, trailer: bytes = b"") -> bytes:
    """Write a PDF object by object; the first one is its catalogue."""
    out = io.BytesIO(b"%PDF-1.7\n")
    out.seek(0, io.SEEK_END)
    offsets = []
    for number, content in enumerate(objects, 1):
        offsets.append(out.tell())
        out.write(b"%d 0 obj\n%b\nendobj\n" % (number, content))
    start = out.tell()
    out.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1))
    for offset in offsets:
        out.write(b"%010d 00000 n \n" % offset)
    out.write(
        b"trailer\n<< /Size %d /Root 1 0 R %b >>\nstartxref\n%d\n%%%%EOF\n"
        % (len(objects) + 1, trailer, start)
    )
    return out.getvalue()


def stream(content: bytes, extra: bytes = b"") -> bytes:
    packed = zlib.compress(content, 9)
    return b"<< /Length %d /Filter /FlateDecode %b >>\nstream\n%b\nendstream" % (len(packed), extra, packed)


def page_of(content: bytes, *more: bytes, resources: bytes = b"") -> bytes:
    return raw_pdf(
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents 4 0 R /Resources << /Font << /F 5 0 R >> %b >> >>"
        % resources,
        stream(content),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        *more,
    )


SHOW = b"BT /F 12 Tf 72 700 Td (Hello there) Tj ET "
PICTURE = stream(
    bytes(12), b"/Type /XObject /Subtype /Image /Width 2 /Height 2 /BitsPerComponent 8 /ColorSpace /DeviceRGB"
)


def encrypted(data: bytes, user: str, algorithm: str) -> bytes:
    from pypdf import PdfReader, PdfWriter

    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(data)))
    writer.encrypt(user, "owner", algorithm=algorithm)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


@pytest.mark.parametrize("algorithm", ["RC4-128", "AES-128", "AES-256"])
def test_a_pdf_that_only_forbids_printing_is_read_and_a_locked_one_is_not(algorithm: str) -> None:
    assert read("a.pdf", encrypted(page_of(SHOW), "", algorithm)).text == "Hello there"
    assert reason("a.pdf", encrypted(page_of(SHOW), "secret", algorithm)) == "protected"


def test_scanned_pages_are_said() -> None:
    from pypdf import PdfReader, PdfWriter

    scan = page_of(b"q 600 0 0 800 0 0 cm /I Do Q", PICTURE, resources=b"/XObject << /I 6 0 R >>")
    assert reason("scan.pdf", scan) == "no_text"
    writer = PdfWriter()
    for data in (page_of(SHOW), scan, page_of(b" ")):
        writer.append(PdfReader(io.BytesIO(data)))
    out = io.BytesIO()
    writer.write(out)
    found = read("mixed.pdf", out.getvalue())
    assert (found.note, len(found.pages), found.text.strip()) == ("pages_without_text", 3, "Hello there")
    writer.remove_page(1)
    out = io.BytesIO()
    writer.write(out)
    assert read("empty page.pdf", out.getvalue()).note == ""


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (page_of(SHOW + b" " * (150 << 20)), "too_complex"),
        (raw_pdf(b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [2 0 R] /Count 1 >>"), "damaged"),
        (raw_pdf(b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [%b] /Count 1 >>" % (b"[" * 5_000 + b"]" * 5_000)), "any"),
        (page_of(SHOW)[:300], "damaged"),
        (b"%PDF-1.7\n", "damaged"),
        (b"%PDF-1.7\n" + random.Random(3).randbytes(5_000), "damaged"),
    ],
    ids=["bomb", "page loop", "nested arrays", "cut off", "only a head", "noise"],
)  # fmt: skip
def test_pdfs_made_to_hurt_are_refused(data: bytes, why: str) -> None:
    assert reason("a.pdf", data) == why or why == "any"


def test_a_pdf_called_something_else_is_read_and_said() -> None:
    found = read("report.docx", page_of(SHOW))
    assert (found.text, found.media_type, found.note) == ("Hello there", "application/pdf", "wrong_extension")


@pytest.mark.parametrize("kind", ["docx", "hwpx"])
def test_elements_nested_without_end_are_refused(kind: str) -> None:
    name = "word/document.xml" if kind == "docx" else "Contents/section0.xml"
    assert reason(f"a.{kind}", zipped({name: "<a>" * 100_000 + "</a>" * 100_000})) == "too_complex"


def test_mutations_of_every_format_give_text_or_a_reason() -> None:
    """Nothing but a reason comes out, whatever a byte is, and soon."""
    rng = random.Random(5)
    notebook = {"cells": [{"cell_type": "code", "source": ["x"], "outputs": [{"text": "1"}]}], "metadata": {}}
    originals = {
        suffix: next(path for path in sorted(corpus_dir().rglob(f"*.{suffix}"))).read_bytes()
        for suffix in ("docx", "hwpx", "eml", "html", "pdf", "csv", "json", "md", "txt", "py")
    } | {
        "xlsx": workbook('<row><c r="A1" t="s"><v>0</v></c><c r="B1"><v>1</v></c></row>' * 9),
        "pptx": zipped({"ppt/presentation.xml": "<p/>", "ppt/slides/slide1.xml": "<p><sp><p><t>x y z</t></p></sp></p>" * 1}),
        "ipynb": json.dumps(notebook).encode(),
        "jsonl": b'{"a": [1, {"b": "c"}]}\n' * 20,
    }  # fmt: skip
    unpacked = {
        suffix: {entry: zipfile.ZipFile(io.BytesIO(data)).read(entry) for entry in zipfile.ZipFile(io.BytesIO(data)).namelist()}
        for suffix, data in originals.items()
        if suffix in ("docx", "hwpx", "xlsx", "pptx")
    }  # fmt: skip
    started, count = time.process_time(), 0
    for suffix, original in originals.items():
        for turn in range(24):
            if suffix in unpacked and turn % 2:
                # Inside the archive: a checksum would refuse what is changed outside.
                name = rng.choice(sorted(unpacked[suffix]))
                data = zipped(unpacked[suffix] | {name: mutated(rng, unpacked[suffix][name])})
            else:
                data = mutated(rng, original)
            count += 1
            try:
                found = read(f"x.{suffix}", data)
            except LoadError as error:
                assert f"rag.reason.{error.reason}" in catalogue("en")
                continue
            for chunking in (Chunking(), Chunking("recursive", 200, 40)):
                for chunk in chunk_text(found.text, found.media_type, found.pages, chunking):
                    assert chunk.text.endswith(found.text[chunk.char_start : chunk.char_end])
    assert count >= 200 and time.process_time() - started < 60


def mutated(rng: random.Random, original: bytes) -> bytes:
    """Damage a file the way disks, programs and attackers do."""
    data = bytearray(original)
    for _ in range(rng.randint(1, 12)):
        if not data:
            break
        at = rng.randrange(len(data))
        choice = rng.randrange(6)
        if choice == 0:
            data[at] = rng.randrange(256)
        elif choice == 1:
            del data[at : at + rng.randint(1, 200)]
        elif choice == 2:
            data[at:at] = data[at : at + rng.randint(1, 300)] * rng.randint(1, 20)
        elif choice == 3:
            data[at:at] = rng.choice(
                [
                    b"\0",
                    b"\xff\xfe",
                    b"<",
                    b">",
                    b"[",
                    b"{",
                    b"]]>",
                    b"<!DOCTYPE a>",
                    b"<![",
                    b"9" * 400,
                    b"-1",
                    b"1e999",
                ]
            )
        elif choice == 4:
            data[at : at + 8] = rng.randbytes(8)
        else:
            del data[rng.randrange(len(data) // 2, len(data)) :]
    return bytes(data)


def test_every_file_of_the_sample_corpus_is_read() -> None:
    for path in corpus_dir().rglob("*"):
        if path.is_file():
            assert len(read(path.name, path.read_bytes()).text) > 100, path.name
