"""Spreadsheets and presentations (Office Open XML): what is in their cells and on their slides."""

from __future__ import annotations

import posixpath
import re
import zipfile
from collections.abc import Iterator
from xml.etree import ElementTree

from core.rag.parsing.archive import attribute, local, numbered, opened, part, table, title_of, xml
from core.rag.parsing.delimited import MAX_COLUMNS, MAX_ROWS, written
from core.rag.parsing.errors import LoadError

# -- spreadsheets -----------------------------------------------------------------------------------


def read_workbook(data: bytes) -> tuple[str, str, str]:
    """Return the sheets' cells as tables, the title, and a note (``rows_left_out`` or ``""``).

    Values are those the program stored last; dates are the numbers they are stored as unless stored as text.

    Raises:
        LoadError: It is damaged, protected, or unpacks to too much.
    """
    archive = opened(data)
    shared = _shared(archive)
    blocks: list[str] = []
    left = MAX_ROWS
    note = ""
    for name, path in _sheets(archive):
        rows = []
        for row in _rows(xml(part(archive, path)), shared):
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


def _sheets(archive: zipfile.ZipFile) -> list[tuple[str, str]]:
    """Return the sheets a reader sees, name and part, in their order."""
    book = xml(part(archive, "xl/workbook.xml"))
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


def _rows(sheet: ElementTree.Element, shared: list[str]) -> Iterator[list[str]]:
    for row in sheet.iter():
        if local(row) != "row":
            continue
        cells: list[str] = []
        for cell in row:
            if local(cell) != "c":
                continue
            column = _column(attribute(cell, "r"), len(cells))
            if column >= MAX_COLUMNS:
                raise LoadError("too_complex")
            cells.extend([""] * (column + 1 - len(cells)))
            cells[column] = " ".join(_value(cell, shared).split())
        if any(cells):
            yield cells


def _column(reference: str, following: int) -> int:
    letters = re.match(r"[A-Z]{1,3}", reference)
    if not letters:
        return following
    number = 0
    for letter in letters[0]:
        number = number * 26 + ord(letter) - 64
    return number - 1


def _value(cell: ElementTree.Element, shared: list[str]) -> str:
    kind = attribute(cell, "t")
    if kind == "inlineStr":
        return "".join(_string(one) for one in cell if local(one) == "is")
    value = next((one.text or "" for one in cell if local(one) == "v"), "")
    if kind == "s":
        index = int(value) if value.isdecimal() and len(value) < 9 else -1
        return shared[index] if 0 <= index < len(shared) else ""
    if kind == "b":
        return {"1": "TRUE", "0": "FALSE"}.get(value, value)
    return _shortened(value) if kind in ("", "n") else value


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
    for number, path in enumerate(numbered(archive, r"ppt/slides/slide\d+\.xml"), 1):
        title, texts = _slide(xml(part(archive, path)))
        blocks.append(f"## {title or number}")
        blocks.extend(texts)
        notes = _notes_of(archive, path, names)
        if notes:
            _title, said = _slide(xml(part(archive, notes)))
            blocks.extend(text for text in said if not text.isdecimal())
    return "\n\n".join(blocks), title_of(archive, "docProps/core.xml")


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
