"""Word documents (Office Open XML, ECMA-376) as Markdown: headings, paragraphs, lists, tables, notes."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from xml.etree import ElementTree

from core.rag.parsing.archive import attribute, local, numbered, opened, part, table, title_of, xml
from core.rag.parsing.errors import LoadError

#: What a reader does not see: text deleted or moved away while changes were tracked, a field's code, the copy of a
#: drawing for older programs, what describes a paragraph.
_UNSEEN = {"del", "moveFrom", "delText", "instrText", "delInstrText", "Fallback", "pPr", "rPr", "tblPr", "tcPr", "trPr", "sectPr"}  # fmt: skip

_BREAKS = {"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-", "ptab": "\t"}

#: Parts besides the body, in the order they are put after it.
_BESIDES = r"word/(?:header|footer)\d*\.xml", r"word/(?:footnotes|endnotes|comments)\.xml"


_HEADING = re.compile(r"(?:heading|제목|개요)\s*(\d)", re.IGNORECASE)


def read(data: bytes) -> tuple[str, str]:
    """Return a document's text as Markdown and its title.

    Headers and footers (each text once), footnotes, endnotes and comments come after the body.

    Raises:
        LoadError: It is damaged, protected, or unpacks to too much.
    """
    archive = opened(data)
    reader = _Reader(_levels(archive))
    blocks = [text for text in reader.blocks(xml(part(archive, "word/document.xml"))) if text]
    seen: set[str] = set()
    for name in (name for pattern in _BESIDES for name in numbered(archive, pattern)):
        for text in reader.blocks(xml(part(archive, name))):
            # The same header is often stored once for each section.
            if any(char.isalnum() for char in text) and text not in seen:
                seen.add(text)
                blocks.append(text)
    return "\n\n".join(blocks), title_of(archive, "docProps/core.xml")


def _levels(archive: zipfile.ZipFile) -> dict[str, int]:
    """Return by style the level of its headings. Word in Korean calls the style of a heading ``1`` or ``a3``."""
    if "word/styles.xml" not in archive.namelist():
        return {}
    try:
        styles = xml(part(archive, "word/styles.xml"))
    except LoadError:
        # Without its styles a document has no headings, and still its text.
        return {}
    found: dict[str, int] = {}
    for style in styles:
        name = next((attribute(one, "val") for one in style if local(one) == "name"), "")
        outline = next((attribute(one, "val") for one in style.iter() if local(one) == "outlineLvl"), "")
        level = _named(name) or _outline(outline)
        if level:
            found[attribute(style, "styleId")] = level
    return found


def _named(style: str) -> int:
    """Return the level of headings of a style by its name, 0 when it is of none."""
    level = _HEADING.search(style)
    return min(6, max(1, int(level[1]))) if level else int(style.lower() == "title")


def _outline(value: str) -> int:
    """Return the level for an outline level as stored: 0 to 8, 9 is text."""
    return min(6, int(value) + 1) if value.isdecimal() and int(value[:3]) < 9 else 0


class _Reader:
    """Turns parts of a document into blocks."""

    def __init__(self, levels: dict[str, int]) -> None:
        self._levels = levels

    def blocks(self, element: ElementTree.Element) -> Iterator[str]:
        """Yield paragraphs and tables, and after a paragraph the text boxes anchored in it."""
        for child in element:
            name = local(child)
            if name == "p":
                boxes: list[ElementTree.Element] = []
                yield self._paragraph(child, boxes)
                for box in boxes:
                    yield from self.blocks(box)
            elif name == "tbl":
                yield from self._table(child)
            elif name not in _UNSEEN and name != "r":
                yield from self.blocks(child)

    def _table(self, element: ElementTree.Element) -> Iterator[str]:
        """Yield a table; tables inside its cells come after it, each once."""
        inner: list[ElementTree.Element] = []
        rows = []
        for row in _below(element, "tr"):
            changed = (one for properties in row if local(properties) == "trPr" for one in properties)
            if not any(local(one) == "del" for one in changed):
                rows.append([_cell(cell, inner) for cell in _below(row, "tc")])
        yield table(rows)
        for one in inner:
            yield from self._table(one) if local(one) == "tbl" else self.blocks(one)

    def _paragraph(self, element: ElementTree.Element, boxes: list[ElementTree.Element]) -> str:
        text = _text(element, boxes).strip()
        properties = next((child for child in element if local(child) == "pPr"), None)
        if properties is None or not text:
            return text
        values = {local(one): attribute(one, "val") for one in properties}
        style = values.get("pStyle", "")
        level = self._levels.get(style) or _named(style) or _outline(values.get("outlineLvl", ""))
        if level:
            return f"{'#' * level} {' '.join(text.split())}"
        return f"- {text}" if "numPr" in values else text


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
