"""Spreadsheets and presentations (Office Open XML): what is in their cells and on their slides."""

from __future__ import annotations

import posixpath
import re
import zipfile
from collections.abc import Iterator
from datetime import date, timedelta
from xml.etree import ElementTree

from core.rag.parsing.archive import attribute, local, numbered, opened, part, table, title_of, xml
from core.rag.parsing.delimited import MAX_COLUMNS, MAX_ROWS, written
from core.rag.parsing.errors import LoadError

# -- spreadsheets -----------------------------------------------------------------------------------


def read_workbook(data: bytes) -> tuple[str, str, str]:
    """Return the sheets' cells as tables, the title, and a note (``rows_left_out`` or ``""``).

    Values are those the program stored last; dates and shares are written as their format shows them, more or less.

    Raises:
        LoadError: It is damaged, protected, or unpacks to too much.
    """
    archive = opened(data)
    shared, formats = _shared(archive), _formats(archive)
    book = xml(part(archive, "xl/workbook.xml"))
    cells = _Cells(shared, formats, _epoch(book))
    blocks: list[str] = []
    left = MAX_ROWS
    note = ""
    for name, path in _sheets(archive, book):
        rows = []
        for row in _rows(xml(part(archive, path)), cells):
            if left <= 0:
                note = "rows_left_out"
                break
            rows.append(row)
            left -= 1
        if text := written(rows):
            blocks.append(f"## {' '.join(name.split())}\n\n{text}")
    return "\n\n".join(blocks), title_of(archive, "docProps/core.xml"), note


def _shared(archive: zipfile.ZipFile) -> list[str]:
    if "xl/sharedStrings.xml" not in archive.namelist():
        return []
    return [_string(item) for item in xml(part(archive, "xl/sharedStrings.xml")) if local(item) == "si"]


def _string(element: ElementTree.Element) -> str:
    """Return a cell's text without its reading aid (``rPh``, for Japanese)."""
    parts: list[str] = []
    for child in element:
        if local(child) == "t":
            parts.append(child.text or "")
        elif local(child) == "r":
            parts.extend(one.text or "" for one in child if local(one) == "t")
    return "".join(parts)


def _sheets(archive: zipfile.ZipFile, book: ElementTree.Element) -> list[tuple[str, str]]:
    """Return the sheets a reader sees, name and part, in their order."""
    targets: dict[str, str] = {}
    if "xl/_rels/workbook.xml.rels" in archive.namelist():
        for one in xml(part(archive, "xl/_rels/workbook.xml.rels")):
            target = attribute(one, "Target")
            targets[attribute(one, "Id")] = (
                target.lstrip("/") if target.startswith("/") else posixpath.normpath(f"xl/{target}")
            )
    names = set(archive.namelist())
    found = []
    for sheet in book.iter():
        if local(sheet) != "sheet" or attribute(sheet, "state") in ("hidden", "veryHidden"):
            continue
        # Two attributes are called "id"; the relation's is the one with a name space.
        relation = next((value for key, value in sheet.items() if key.endswith("}id")), "")
        path = targets.get(relation, "")
        if path in names and "chartsheets" not in path:
            found.append((attribute(sheet, "name"), path))
    return found


def _rows(sheet: ElementTree.Element, cells: _Cells) -> Iterator[list[str]]:
    for row in sheet.iter():
        if local(row) != "row":
            continue
        found: list[str] = []
        for cell in row:
            if local(cell) != "c":
                continue
            column = _column(attribute(cell, "r"), len(found))
            if column >= MAX_COLUMNS:
                raise LoadError("too_complex")
            found.extend([""] * (column + 1 - len(found)))
            found[column] = " ".join(cells.shown(cell).split())
        if any(found):
            yield found


def _column(reference: str, following: int) -> int:
    letters = re.match(r"[A-Z]{1,3}", reference)
    if not letters:
        return following
    number = 0
    for letter in letters[0]:
        number = number * 26 + ord(letter) - 64
    return number - 1


def _formats(archive: zipfile.ZipFile) -> list[str]:
    """Return for each cell style ``date``, ``time``, ``share`` or ``""``."""
    if "xl/styles.xml" not in archive.namelist():
        return []
    try:
        styles = xml(part(archive, "xl/styles.xml"))
    except LoadError:
        # Numbers are then written as they are stored.
        return []
    codes = {
        attribute(one, "numFmtId"): attribute(one, "formatCode")
        for one in styles.iter()
        if local(one) == "numFmt"
    }
    used = next((one for one in styles if local(one) == "cellXfs"), ElementTree.Element("none"))
    return [_kind(attribute(one, "numFmtId"), codes) for one in used if local(one) == "xf"]


def _kind(number: str, codes: dict[str, str]) -> str:
    """Say what a number format shows (ECMA-376 part 1, 18.8.30; 27 to 58 are the dates of East Asia)."""
    code = int(number) if number.isdecimal() and len(number) < 6 else 0
    if code in (9, 10):
        return "share"
    if 14 <= code <= 17 or code == 22 or 27 <= code <= 31 or code == 36 or 50 <= code <= 58:
        return "date"
    if 18 <= code <= 21 or 32 <= code <= 35 or 45 <= code <= 47:
        return "time"
    plain = re.sub(r'"[^"]*"|\[[^\]]*\]|\\.', "", codes.get(number, "")).lower()
    if re.search(r"y|d|m{3}", plain):
        return "date"
    return "time" if re.search(r"h|ss", plain) else "share" if "%" in plain else ""


def _epoch(book: ElementTree.Element) -> date:
    """Return the day with number 0; workbooks from old Macs count from 1904."""
    properties = (one for one in book if local(one) == "workbookPr")
    old_mac = any(attribute(one, "date1904") in ("1", "true") for one in properties)
    return date(1904, 1, 1) if old_mac else date(1899, 12, 30)


class _Cells:
    """Writes cells as a reader sees them."""

    def __init__(self, shared: list[str], formats: list[str], epoch: date) -> None:
        self._shared = shared
        self._formats = formats
        self._epoch = epoch

    def shown(self, cell: ElementTree.Element) -> str:
        """Return the text of a cell."""
        kind = attribute(cell, "t")
        if kind == "inlineStr":
            return "".join(_string(one) for one in cell if local(one) == "is")
        value = next((one.text or "" for one in cell if local(one) == "v"), "")
        if kind == "s":
            index = _index(value)
            return self._shared[index] if 0 <= index < len(self._shared) else ""
        if kind == "b":
            return {"1": "TRUE", "0": "FALSE"}.get(value, value)
        if kind not in ("", "n"):
            return value
        style = _index(attribute(cell, "s"))
        return self._number(value, self._formats[style] if 0 <= style < len(self._formats) else "")

    def _number(self, value: str, kind: str) -> str:
        try:
            number = float(value) if kind else 0.0
            if kind == "date" and 1 <= number < 2_900_000:
                day = (self._epoch + timedelta(days=int(number))).isoformat()
                return f"{day} {_clock(number)}" if number % 1 else day
            if kind == "time" and 0 <= number < 1:
                return _clock(number)
            if kind == "share":
                return f"{number * 100:.10g}%"
        except (ValueError, OverflowError):
            return value
        return _shortened(value)


def _clock(days: float) -> str:
    minutes = round(days % 1 * 24 * 60)
    return f"{minutes // 60 % 24:02}:{minutes % 60:02}"


def _index(value: str) -> int:
    return int(value) if value.isdecimal() and len(value) < 9 else -1


def _shortened(number: str) -> str:
    """Return a number as it was typed: 0.1 is stored as 0.10000000000000001."""
    if len(number) < 15 or len(number) > 40:
        return number
    try:
        return f"{float(number):.15g}"
    except ValueError:
        return number


# -- presentations ----------------------------------------------------------------------------------


def read_slides(data: bytes) -> tuple[str, str]:
    """Return the slides as Markdown, each under its title, with the speaker's notes, and the document's title.

    Raises:
        LoadError: It is damaged, protected, or unpacks to too much.
    """
    archive = opened(data)
    names = set(archive.namelist())
    blocks: list[str] = []
    for number, path in enumerate(_slides(archive), 1):
        title, texts = _slide(xml(part(archive, path)))
        blocks.append(f"## {title or number}")
        blocks.extend(texts)
        notes = _notes_of(archive, path, names)
        if notes:
            _title, said = _slide(xml(part(archive, notes)))
            blocks.extend(text for text in said if not text.isdecimal())
    return "\n\n".join(blocks), title_of(archive, "docProps/core.xml")


def _slides(archive: zipfile.ZipFile) -> list[str]:
    """Return the slides' parts in the order they are shown; those no order names come last."""
    files = numbered(archive, r"ppt/slides/slide\d+\.xml")
    relations = "ppt/_rels/presentation.xml.rels"
    if relations not in archive.namelist():
        return files
    targets = {
        attribute(one, "Id"): posixpath.normpath(f"ppt/{attribute(one, 'Target')}")
        for one in xml(part(archive, relations))
    }
    shown = [
        targets.get(next((value for key, value in one.items() if key.endswith("}id")), ""), "")
        for one in xml(part(archive, "ppt/presentation.xml")).iter()
        if local(one) == "sldId"
    ]
    return [
        *(path for path in dict.fromkeys(shown) if path in files),
        *(path for path in files if path not in shown),
    ]


def _notes_of(archive: zipfile.ZipFile, slide: str, names: set[str]) -> str:
    relations = f"ppt/slides/_rels/{posixpath.basename(slide)}.rels"
    if relations not in names:
        return ""
    for one in xml(part(archive, relations)):
        if attribute(one, "Type").endswith("/notesSlide"):
            found = posixpath.normpath(f"ppt/slides/{attribute(one, 'Target')}")
            return found if found in names else ""
    return ""


def _slide(root: ElementTree.Element) -> tuple[str, list[str]]:
    """Return a slide's title and its other texts."""
    title = ""
    texts: list[str] = []
    waiting = [root]
    while waiting:
        one = waiting.pop()
        name = local(one)
        if name == "tbl":
            rows = [
                [_paragraphs(cell, " ") for cell in row if local(cell) == "tc"]
                for row in one
                if local(row) == "tr"
            ]
            texts.append(table(rows))
        elif name == "sp":
            text = _paragraphs(one, "\n")
            kinds = {attribute(below, "type") for below in one.iter() if local(below) == "ph"}
            if kinds & {"title", "ctrTitle"} and not title:
                title = " ".join(text.split())
            else:
                texts.append(text)
        elif name != "Fallback":
            waiting.extend(reversed(list(one)))
    return title, [text for text in texts if any(char.isalnum() for char in text)]


def _paragraphs(shape: ElementTree.Element, between: str) -> str:
    found = []
    for paragraph in shape.iter():
        if local(paragraph) == "p":
            parts = [
                " " if local(one) == "br" else one.text or ""
                for one in paragraph.iter()
                if local(one) in ("t", "br")
            ]
            found.append("".join(parts).strip())
    return between.join(one for one in found if one)
