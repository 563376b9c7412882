"""Hangul documents (HWPX, KS X 6101): the text of every section, tables as rows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree import ElementTree

from core.rag.parsing.archive import local, opened, part, table, xml
from core.rag.parsing.errors import LoadError


def read(data: bytes) -> tuple[str, str]:
    """Return a document's text and its title.

    Raises:
        LoadError: It is damaged, protected, or unpacks to too much.
    """
    archive = opened(data)
    names = [name for name in archive.namelist() if re.fullmatch(r"Contents/section\d+\.xml", name)]
    if not names:
        raise LoadError("damaged")
    names.sort(key=lambda name: int(re.sub(r"\D", "", name)))
    blocks = [text for name in names for text in _blocks(xml(part(archive, name))) if text]
    title = ""
    if "Contents/content.hpf" in archive.namelist():
        found = [
            one.text or ""
            for one in xml(part(archive, "Contents/content.hpf")).iter()
            if local(one) == "title"
        ]
        title = found[0] if found else ""
    return "\n\n".join(blocks), title


def _blocks(section: ElementTree.Element) -> Iterator[str]:
    for paragraph in section:
        if local(paragraph) != "p":
            continue
        tables = [one for one in paragraph.iter() if local(one) == "tbl"]
        inside = {id(one) for found in tables for one in found.iter()}
        yield "".join(
            _words(one) for one in paragraph.iter() if local(one) == "t" and id(one) not in inside
        ).strip()
        for found in tables:
            rows = [row for row in found.iter() if local(row) == "tr"]
            yield table([[_cell(cell) for cell in row if local(cell) == "tc"] for row in rows])


def _cell(cell: ElementTree.Element) -> str:
    return " ".join(
        "".join(_words(one) for one in paragraph.iter() if local(one) == "t")
        for paragraph in cell.iter()
        if local(paragraph) == "p"
    )


def _words(element: ElementTree.Element) -> str:
    parts = [element.text or ""]
    for child in element:
        parts += [
            "\n" if local(child) == "lineBreak" else "\t" if local(child) == "tab" else "",
            child.tail or "",
        ]
    return "".join(parts)
