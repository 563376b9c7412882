"""Make the files of the sample corpus that are not plain text from the sources beside this script.

``python scripts/make_sample_corpus.py [FOLDER]`` writes into ``core/rag/sample/corpus`` (or FOLDER). The folder a
source is in says what becomes of it: ``pdf``, ``docx``, ``hwpx`` (from a little Markdown), ``cp949``, ``utf16``
and ``eml``. The same sources give the same bytes. Needs reportlab, of the ``test`` extra.
"""

from __future__ import annotations

import io
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from xml.sax.saxutils import escape

HERE = Path(__file__).resolve().parent
SOURCES = HERE / "sample_sources"
CORPUS = HERE.parent / "core" / "rag" / "sample" / "corpus"

XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'


@dataclass(frozen=True)
class Part:
    """A heading (level 1–3), a paragraph, a list item or a table."""

    kind: str
    text: str = ""
    level: int = 0
    rows: tuple[tuple[str, ...], ...] = ()


def parts(source: str) -> list[Part]:
    """Read the little Markdown of the sources: headings, paragraphs of one line, lists, tables."""
    found: list[Part] = []
    table: list[tuple[str, ...]] = []
    for line in [*source.split("\n"), ""]:
        line = line.strip()
        if line.startswith("|"):
            cells = tuple(cell.strip() for cell in line.strip("|").split("|"))
            if set("".join(cells)) - set("-: "):
                table.append(cells)
            continue
        if table:
            found.append(Part("table", rows=tuple(table)))
            table = []
        if line.startswith("#"):
            mark, _, text = line.partition(" ")
            found.append(Part("heading", text, len(mark)))
        elif line.startswith("- "):
            found.append(Part("item", "• " + line[2:]))
        elif line:
            found.append(Part("item" if line[0].isdigit() and line[1:3] in (". ", "0.") else "text", line))
    return found


def pack(files: list[tuple[str, str]], stored: tuple[str, ...] = ()) -> bytes:
    """Zip ``files`` with a fixed date."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files:
            info = zipfile.ZipInfo(name, (2025, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_STORED if name in stored else zipfile.ZIP_DEFLATED
            info.create_system = 3
            archive.writestr(info, text.encode("utf-8"))
    return buffer.getvalue()


def docx(source: str) -> bytes:
    """Write a Word document: headings with their styles, paragraphs, tables."""
    main = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"

    def paragraph(text: str, style: str = "") -> str:
        look = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
        return f'<w:p>{look}<w:r><w:t xml:space="preserve">{escape(text)}</w:t></w:r></w:p>'

    body, title = [], ""
    for part in parts(source):
        if part.kind == "table":
            rows = "".join(
                "<w:tr>" + "".join(f"<w:tc>{paragraph(cell)}</w:tc>" for cell in row) + "</w:tr>"
                for row in part.rows
            )
            grid = "<w:gridCol/>" * len(part.rows[0])
            body.append(f"<w:tbl><w:tblPr/><w:tblGrid>{grid}</w:tblGrid>{rows}</w:tbl>{paragraph('')}")
        elif part.kind == "heading":
            title = title or part.text
            body.append(paragraph(part.text, f"Heading{part.level}"))
        else:
            body.append(paragraph(part.text))
    styles = "".join(
        f'<w:style w:type="paragraph" w:styleId="Heading{level}"><w:name w:val="heading {level}"/>'
        f'<w:pPr><w:outlineLvl w:val="{level - 1}"/></w:pPr><w:rPr><w:b/></w:rPr></w:style>'
        for level in (1, 2, 3)
    )
    word = "application/vnd.openxmlformats-officedocument.wordprocessingml"
    return pack(
        [
            (
                "[Content_Types].xml",
                f'{XML}<Types xmlns="{package}/content-types"><Default Extension="rels" ContentType='
                f'"application/vnd.openxmlformats-package.relationships+xml"/>'
                f'<Default Extension="xml" ContentType="application/xml"/>'
                f'<Override PartName="/word/document.xml" ContentType="{word}.document.main+xml"/>'
                f'<Override PartName="/word/styles.xml" ContentType="{word}.styles+xml"/>'
                f'<Override PartName="/docProps/core.xml" ContentType='
                f'"application/vnd.openxmlformats-package.core-properties+xml"/></Types>',
            ),
            (
                "_rels/.rels",
                f'{XML}<Relationships xmlns="{package}/relationships">'
                f'<Relationship Id="rId1" Type="{office}/officeDocument" Target="word/document.xml"/>'
                f'<Relationship Id="rId2" Type="{package}/relationships/metadata/core-properties" '
                f'Target="docProps/core.xml"/></Relationships>',
            ),
            (
                "docProps/core.xml",
                f'{XML}<cp:coreProperties xmlns:cp="{package}/metadata/core-properties" '
                f'xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>{escape(title)}</dc:title>'
                f"</cp:coreProperties>",
            ),
            (
                "word/_rels/document.xml.rels",
                f'{XML}<Relationships xmlns="{package}/relationships">'
                f'<Relationship Id="rId1" Type="{office}/styles" Target="styles.xml"/></Relationships>',
            ),
            ("word/styles.xml", f'{XML}<w:styles xmlns:w="{main}">{styles}</w:styles>'),
            (
                "word/document.xml",
                f'{XML}<w:document xmlns:w="{main}"><w:body>{"".join(body)}<w:sectPr/></w:body></w:document>',
            ),
        ]
    )


def hwpx(source: str) -> bytes:
    """Write a Hangul document (OWPML): one section of paragraphs and tables."""
    base = "http://www.hancom.co.kr/hwpml/2011"
    number = iter(range(1, 1_000_000))

    def paragraph(inner: str, style: int = 0) -> str:
        return (
            f'<hp:p id="{next(number)}" paraPrIDRef="0" styleIDRef="{style}" pageBreak="0" columnBreak="0" '
            f'merged="0"><hp:run charPrIDRef="0">{inner}</hp:run></hp:p>'
        )

    def words(text: str) -> str:
        return f"<hp:t>{escape(text)}</hp:t>"

    body, title, preview = [], "", []
    for part in parts(source):
        if part.kind == "table":
            rows = []
            for y, row in enumerate(part.rows):
                cells = "".join(
                    f'<hp:tc header="{int(y == 0)}" borderFillIDRef="1"><hp:subList>'
                    f"{paragraph(words(cell))}</hp:subList>"
                    f'<hp:cellAddr colAddr="{x}" rowAddr="{y}"/><hp:cellSpan colSpan="1" rowSpan="1"/>'
                    f'<hp:cellSz width="9000" height="1000"/></hp:tc>'
                    for x, cell in enumerate(row)
                )
                rows.append(f"<hp:tr>{cells}</hp:tr>")
                preview.append("<" + "><".join(row) + ">")
            head = f'<hp:tbl id="{next(number)}" rowCnt="{len(part.rows)}" colCnt="{len(part.rows[0])}">'
            body.append(paragraph(f"{head}{''.join(rows)}</hp:tbl>"))
        else:
            title = title or part.text
            body.append(paragraph(words(part.text), part.level))
            preview.append(part.text)
    styles = "".join(
        f'<hh:style id="{level}" type="PARA" name="{name}" engName="{english}" paraPrIDRef="0" '
        f'charPrIDRef="0" nextStyleIDRef="0" langID="1042" lockForm="0"/>'
        for level, name, english in (
            (0, "바탕글", "Normal"),
            (1, "개요 1", "Outline 1"),
            (2, "개요 2", "Outline 2"),
            (3, "개요 3", "Outline 3"),
        )
    )
    opf, container = "http://www.idpf.org/2007/opf/", "urn:oasis:names:tc:opendocument:xmlns:container"
    return pack(
        [
            ("mimetype", "application/hwp+zip"),
            (
                "version.xml",
                f'{XML}<hv:HCFVersion xmlns:hv="{base}/version" tagetApplication="WORDPROCESSOR" major="5" '
                f'minor="1" micro="0" buildNumber="1" os="1" xmlVersion="1.4" application="sample"/>',
            ),
            (
                "META-INF/container.xml",
                f'{XML}<ocf:container xmlns:ocf="{container}"><ocf:rootfiles><ocf:rootfile '
                f'full-path="Contents/content.hpf" media-type="application/hwpml-package+xml"/>'
                f"</ocf:rootfiles></ocf:container>",
            ),
            (
                "Contents/content.hpf",
                f'{XML}<opf:package xmlns:opf="{opf}" version="" unique-identifier="" id=""><opf:metadata>'
                f"<opf:title>{escape(title)}</opf:title><opf:language>ko</opf:language></opf:metadata>"
                f'<opf:manifest><opf:item id="header" href="Contents/header.xml" '
                f'media-type="application/xml"/><opf:item id="section0" href="Contents/section0.xml" '
                f'media-type="application/xml"/></opf:manifest><opf:spine><opf:itemref idref="header"/>'
                f'<opf:itemref idref="section0"/></opf:spine></opf:package>',
            ),
            (
                "Contents/header.xml",
                f'{XML}<hh:head xmlns:hh="{base}/head" version="1.4" secCnt="1"><hh:refList>'
                f'<hh:styles itemCnt="4">{styles}</hh:styles></hh:refList></hh:head>',
            ),
            (
                "Contents/section0.xml",
                f'{XML}<hs:sec xmlns:hs="{base}/section" xmlns:hp="{base}/paragraph">{"".join(body)}</hs:sec>',
            ),
            ("Preview/PrvText.txt", "\r\n".join(preview)[:1000]),
        ],
        stored=("mimetype",),
    )


def pdf(source: str) -> bytes:
    """Write a PDF; lines break at spaces only, so that no Korean word is torn when the text is read back."""
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.cidfonts import UnicodeCIDFont
    from reportlab.pdfgen.canvas import Canvas

    font = "HYSMyeongJo-Medium"
    pdfmetrics.registerFont(UnicodeCIDFont(font))
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=(595, 842), invariant=1)
    everything = parts(source)
    canvas.setTitle(everything[0].text)
    left, right, top, bottom = 70, 525, 770, 75
    y = top

    def wrap(text: str, size: float, room: float) -> list[str]:
        lines, current = [], ""
        for word in text.split():
            longer = f"{current} {word}".strip()
            if current and pdfmetrics.stringWidth(longer, font, size) > room:
                lines.append(current)
                current = word
            else:
                current = longer
        return [*lines, current]

    def room_for(height: float) -> None:
        nonlocal y
        if y - height < bottom:
            canvas.showPage()
            y = top

    for index, part in enumerate(everything):
        if part.kind == "table":
            columns = len(part.rows[0])
            wide = (right - left) / columns
            for row in part.rows:
                cells = [wrap(cell, 10, wide - 8) for cell in row]
                height = 14 * max(len(cell) for cell in cells) + 4
                room_for(height)
                for column, cell in enumerate(cells):
                    for number, line in enumerate(cell):
                        canvas.setFont(font, 10)
                        canvas.drawString(left + column * wide, y - 14 * number, line)
                canvas.line(left, y - height + 10, right, y - height + 10)
                y -= height
            y -= 8
            continue
        size = {1: 19, 2: 14, 3: 12}.get(part.level, 11.5)
        # A chapter starts a page, as manuals do.
        if part.kind == "heading" and part.level == 1 and index:
            canvas.showPage()
            y = top
        indent = 14 if part.kind == "item" else 0
        lines = wrap(part.text, size, right - left - indent)
        room_for(size * 1.5 * len(lines) + (30 if part.level else 0))
        y -= 8 if part.level else 0
        for line in lines:
            canvas.setFont(font, size)
            canvas.drawString(left + indent, y, line)
            y -= size * 1.5
        y -= 7
    canvas.save()
    return buffer.getvalue()


def eml(source: str) -> bytes:
    """Write a mail: header lines, an empty line, the text."""
    head, _, body = source.partition("\n\n")
    message = EmailMessage(policy=SMTP)
    for line in head.split("\n"):
        name, _, value = line.partition(": ")
        message[name] = value
    message.set_content(body, cte="base64" if not body.isascii() else "7bit")
    return message.as_bytes()


MAKERS: dict[str, Callable[[str], bytes]] = {
    "pdf": pdf,
    "docx": docx,
    "hwpx": hwpx,
    "eml": eml,
    "cp949": lambda text: text.replace("\n", "\r\n").encode("cp949"),
    "utf16": lambda text: text.replace("\n", "\r\n").encode("utf-16"),
}


def make(folder: Path) -> list[Path]:
    """Write every file that has a source into ``folder``; return them."""
    made = []
    for kind, maker in MAKERS.items():
        for source in sorted((SOURCES / kind).rglob("*")):
            if source.is_file():
                name = source.relative_to(SOURCES / kind)
                target = folder / (name.with_suffix("") if source.suffix == ".md" else name)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(maker(source.read_text(encoding="utf-8")))
                made.append(target)
    return made


if __name__ == "__main__":
    for path in make(Path(sys.argv[1]) if len(sys.argv) > 1 else CORPUS):
        print(path)
