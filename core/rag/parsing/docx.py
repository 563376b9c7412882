"""Word documents (Office Open XML, ECMA-376) as Markdown: headings, paragraphs, lists, tables, notes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree import ElementTree

from core.rag.parsing.archive import attribute, local, numbered, opened, part, table, title_of, xml

#: What a reader does not see: text deleted or moved away while changes were tracked, a field's code, the copy of a
#: drawing for older programs, what describes a paragraph.
_UNSEEN = {"del", "moveFrom", "delText", "instrText", "delInstrText", "Fallback", "pPr", "rPr", "tblPr", "tcPr", "trPr", "sectPr"}  # fmt: skip

_BREAKS = {"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-", "ptab": "\t"}

#: Parts besides the body, in the order they are put after it.
_BESIDES = r"word/(?:header|footer)\d*\.xml", r"word/(?:footnotes|endnotes|comments)\.xml"


def read(data: bytes) -> tuple[str, str]:
    """Return a document's text as Markdown and its title.

    Headers and footers (each text once), footnotes, endnotes and comments come after the body.

    Raises:
        LoadError: It is damaged, protected, or unpacks to too much.
    """
    archive = opened(data)
    blocks = [text for text in _blocks(xml(part(archive, "word/document.xml"))) if text]
    seen: set[str] = set()
    for name in (name for pattern in _BESIDES for name in numbered(archive, pattern)):
        for text in _blocks(xml(part(archive, name))):
            # The same header is often stored once for each section.
            if any(char.isalnum() for char in text) and text not in seen:
                seen.add(text)
                blocks.append(text)
    return "\n\n".join(blocks), title_of(archive, "docProps/core.xml")


def _blocks(element: ElementTree.Element) -> Iterator[str]:
    for child in element:
        name = local(child)
        if name == "p":
            boxes: list[ElementTree.Element] = []
            yield _paragraph(child, boxes)
            for box in boxes:
                yield from _blocks(box)
        elif name == "tbl":
            yield from _table(child)
        elif name not in _UNSEEN and name != "r":
            yield from _blocks(child)


def _table(element: ElementTree.Element) -> Iterator[str]:
    """Yield a table; tables inside its cells come after it, each once."""
    inner: list[ElementTree.Element] = []
    rows = []
    for row in _below(element, "tr"):
        if any(
            local(one) == "del" for properties in row if local(properties) == "trPr" for one in properties
        ):
            continue
        rows.append([_cell(cell, inner) for cell in _below(row, "tc")])
    yield table(rows)
    for one in inner:
        yield from _table(one) if local(one) == "tbl" else _blocks(one)


def _below(element: ElementTree.Element, name: str) -> Iterator[ElementTree.Element]:
    """Yield the rows of a table or the cells of a row, also those in a content control or a marked change."""
    for child in element:
        if local(child) == name:
            yield child
        elif local(child) in ("sdt", "sdtContent", "ins", "customXml", "moveTo"):
            yield from _below(child, name)


def _cell(cell: ElementTree.Element, inner: list[ElementTree.Element]) -> str:
    parts: list[str] = []
    for child in cell:
        name = local(child)
        if name == "tbl":
            inner.append(child)
        elif name == "p":
            parts.append(_text(child, inner).strip())
        elif name not in _UNSEEN:
            parts.append(_cell(child, inner))
    return " ".join(one for one in parts if one)


def _paragraph(element: ElementTree.Element, boxes: list[ElementTree.Element]) -> str:
    text = _text(element, boxes).strip()
    properties = next((child for child in element if local(child) == "pPr"), None)
    if properties is None or not text:
        return text
    style = next((attribute(one, "val") for one in properties if local(one) == "pStyle"), "")
    level = re.search(r"(?:heading|제목)\s*(\d)", style, re.IGNORECASE)
    if level or style.lower() == "title":
        return f"{'#' * min(6, max(1, int(level[1]))) if level else '#'} {' '.join(text.split())}"
    listed = any(local(one) == "numPr" for one in properties)
    return f"- {text}" if listed else text


def _text(element: ElementTree.Element, boxes: list[ElementTree.Element]) -> str:
    """Return a paragraph's text; text boxes anchored in it are put into ``boxes``, they are no part of its line."""
    parts: list[str] = []
    for child in element:
        name = local(child)
        if name == "t":
            parts.append(child.text or "")
        elif name in _BREAKS:
            parts.append(_BREAKS[name])
        elif name == "txbxContent":
            boxes.append(child)
        elif name not in _UNSEEN:
            parts.append(_text(child, boxes))
    return "".join(parts)
