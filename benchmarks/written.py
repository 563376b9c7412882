"""Documents to index, written for a benchmark: the same text in every format, different in each file."""

from __future__ import annotations

import io
import json
import random
import zipfile
from collections.abc import Callable
from html import escape
from pathlib import Path

TOPICS = (
    "연차 휴가",
    "출장비",
    "정보보안",
    "펌프 점검",
    "Warranty",
    "Remote work",
    "Alarm codes",
    "Purchasing",
)
KOREAN = (
    "{topic} 담당자는 매월 {n}일까지 결과를 팀장에게 보고해야 한다.",
    "한도는 1인당 {n}만 원이며, 초과분은 본부장의 사전 승인을 받는다.",
    "점검 주기는 {n}주이고 이상이 있으면 즉시 가동을 멈추고 기록을 남긴다.",
    "신청서는 사내 포털의 {topic} 메뉴에서 작성하고 증빙을 첨부한다.",
    "이 기준은 {n}호 문서를 대체하며 해외 사업장에는 적용하지 않는다.",
)
ENGLISH = (
    "The owner of {topic} reports the figures to the head of team by day {n} of each month.",
    "Requests above {n} euros need a written approval before anything is ordered.",
    "When alarm {n} is shown, close the inlet valve first and wait until the pressure has fallen.",
    "The rule replaces document {n} and does not apply to branches abroad.",
)

Section = tuple[str, list[str]]


def sections(number: int, chars: int) -> list[Section]:
    """Headed paragraphs of about ``chars`` characters, the same for the same number, no two alike."""
    dice = random.Random(number)
    made: list[Section] = []
    size = 0
    while size < chars:
        topic = dice.choice(TOPICS)
        pool = KOREAN if dice.random() < 0.6 else ENGLISH
        paragraphs = [
            " ".join(dice.choice(pool).format(topic=topic, n=dice.randrange(1, 9999)) for _ in range(4))
            for _ in range(2)
        ]
        made.append((f"{topic} {number}-{len(made) + 1}", paragraphs))
        size += sum(map(len, paragraphs))
    return made


def markdown(made: list[Section]) -> bytes:
    """Headings and paragraphs."""
    return "\n".join(f"## {title}\n\n" + "\n\n".join(body) + "\n" for title, body in made).encode()


def text(made: list[Section]) -> bytes:
    """Paragraphs between blank lines."""
    return "\n\n".join("\n\n".join([title, *body]) for title, body in made).encode()


def html(made: list[Section]) -> bytes:
    """A page with a head, navigation and a script, as pages have."""
    body = "".join(
        f"<h2>{escape(title)}</h2>" + "".join(f"<p>{escape(one)}</p>" for one in paragraphs)
        for title, paragraphs in made
    )
    head = "<title>Manual</title><style>p{margin:0}</style><script>var x = 1;</script>"
    page = f"<!doctype html><html><head>{head}</head><body><nav>Home</nav>{body}</body></html>"
    return page.encode()


def csv(made: list[Section]) -> bytes:
    """A row for each sentence."""
    rows = [
        f'{row},"{title}","{sentence}."'
        for title, body in made
        for row, sentence in enumerate(" ".join(body).split(". "), 1)
    ]
    return "\n".join(["번호,구분,내용", *rows]).encode("cp949", "replace")


def json_file(made: list[Section]) -> bytes:
    """A list of objects."""
    rows = [{"title": title, "paragraphs": body, "valid": True} for title, body in made]
    return json.dumps(rows, ensure_ascii=False, indent=1).encode()


def mail(made: list[Section]) -> bytes:
    """One plain message."""
    head = "From: a@garam.example\r\nTo: b@garam.example\r\nSubject: Manual\r\nMIME-Version: 1.0\r\n"
    kind = "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
    return (head + kind).encode() + text(made).replace(b"\n", b"\r\n")


def code(made: list[Section]) -> bytes:
    """Functions with what they do in a docstring."""
    parts = [
        f'def rule_{place}(value):\n    """{title}.\n\n    '
        + "\n    ".join(body)
        + f'\n    """\n    limit = {place}\n    return value > limit\n'
        for place, (title, body) in enumerate(made)
    ]
    return "\n\n".join(parts).encode()


def docx(made: list[Section]) -> bytes:
    """What Word calls a document, as far as a reader looks."""
    space = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'

    def paragraph(words: str, style: str = "") -> str:
        looks = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
        return f"<w:p>{looks}<w:r><w:t>{escape(words)}</w:t></w:r></w:p>"

    body = "".join(
        paragraph(title, "Heading1") + "".join(paragraph(one) for one in paragraphs)
        for title, paragraphs in made
    )
    return _zip({"word/document.xml": f"<w:document {space}><w:body>{body}</w:body></w:document>"})


def hwpx(made: list[Section]) -> bytes:
    """One section of a Hangul document."""
    space = 'xmlns:hs="x" xmlns:hp="http://www.hancom.co.kr/hwpml/2011/paragraph"'
    words = [one for title, paragraphs in made for one in (title, *paragraphs)]
    body = "".join(f"<hp:p><hp:run><hp:t>{escape(one)}</hp:t></hp:run></hp:p>" for one in words)
    return _zip({"Contents/section0.xml": f"<hs:sec {space}>{body}</hs:sec>"})


def pdf(made: list[Section]) -> bytes:
    """Pages of lines in a font without embedding; needs reportlab."""
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.cidfonts import UnicodeCIDFont
    from reportlab.pdfgen.canvas import Canvas

    pdfmetrics.registerFont(UnicodeCIDFont("HYSMyeongJo-Medium"))
    out = io.BytesIO()
    canvas = Canvas(out)
    lines = [
        one[start : start + 60]
        for title, paragraphs in made
        for one in (title, *paragraphs)
        for start in range(0, len(one), 60)
    ]
    for start in range(0, len(lines), 40):
        canvas.setFont("HYSMyeongJo-Medium", 11)
        for row, line in enumerate(lines[start : start + 40]):
            canvas.drawString(60, 780 - 18 * row, line)
        canvas.showPage()
    canvas.save()
    return out.getvalue()


FORMATS: dict[str, Callable[[list[Section]], bytes]] = {
    "md": markdown,
    "txt": text,
    "pdf": pdf,
    "docx": docx,
    "html": html,
    "csv": csv,
    "json": json_file,
    "eml": mail,
    "hwpx": hwpx,
    "py": code,
}


def write(folder: Path, suffix: str, count: int, chars: int, first: int = 0) -> int:
    """Write ``count`` files of one format. Returns their bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    size = 0
    for number in range(first, first + count):
        content = FORMATS[suffix](sections(number, chars))
        (folder / f"{number:06}.{suffix}").write_bytes(content)
        size += len(content)
    return size


def _zip(parts: dict[str, str]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return out.getvalue()
