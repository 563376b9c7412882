"""Hangul documents (HWPX, KS X 6101): the text of every section, tables as rows."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from xml.etree import ElementTree

from core.rag.parsing.archive import attribute, local, numbered, opened, part, table, title_of, xml
from core.rag.parsing.errors import LoadError

_BREAKS = {"lineBreak": "\n", "tab": "\t", "nbSpace": " ", "fwSpace": " ", "hyphen": "-"}
_OUTLINE = re.compile(r"(?:개요|outline)\s*(\d{1,2})", re.IGNORECASE)


def read(data: bytes) -> tuple[str, str]:
    """Return a document's text and its title.

    Raises:
        LoadError: It is damaged, protected, or unpacks to too much.
    """
    archive = opened(data)
    if "META-INF/manifest.xml" in archive.namelist():
        manifest = part(archive, "META-INF/manifest.xml")
        if b"encryption-data" in manifest:
            raise LoadError("protected")
    names = numbered(archive, r"Contents/section\d+\.xml")
    if not names:
        raise LoadError("damaged")
    levels = _levels(archive)
    blocks = [text for name in names for text in _blocks(xml(part(archive, name)), levels) if text]
    return "\n\n".join(blocks), title_of(archive, "Contents/content.hpf")


def _levels(archive: zipfile.ZipFile) -> dict[str, int]:
    """Return by style the level of its headings: Hangul's outline styles are called 개요 1 to 개요 10."""
    if "Contents/header.xml" not in archive.namelist():
        return {}
    try:
        head = xml(part(archive, "Contents/header.xml"))
    except LoadError:
        # Without its styles a document has no headings, and still its text.
        return {}
    found: dict[str, int] = {}
    for style in head.iter():
        level = _OUTLINE.match(attribute(style, "name")) or _OUTLINE.match(attribute(style, "engName"))
        if local(style) == "style" and level:
            found[attribute(style, "id")] = min(6, max(1, int(level[1])))
    return found


def _blocks(element: ElementTree.Element, levels: dict[str, int]) -> Iterator[str]:
    """Yield the paragraphs below an element, and after each the tables and boxes that stand in it."""
    for child in element:
        if local(child) == "p":
            inner: list[ElementTree.Element] = []
            text = _text(child, inner).strip()
            level = levels.get(attribute(child, "styleIDRef"), 0)
            yield f"{'#' * level} {' '.join(text.split())}" if text and level else text
            for one in inner:
                yield from _table(one, levels) if local(one) == "tbl" else _blocks(one, levels)
        else:
            yield from _blocks(child, levels)


def _table(element: ElementTree.Element, levels: dict[str, int]) -> Iterator[str]:
    """Yield a table; tables inside its cells come after it, each once."""
    inner: list[ElementTree.Element] = []
    rows = [
        [_cell(cell, inner) for cell in row if local(cell) == "tc"] for row in element if local(row) == "tr"
    ]
    yield table(rows)
    for one in inner:
        yield from _table(one, levels) if local(one) == "tbl" else _blocks(one, levels)


def _cell(element: ElementTree.Element, inner: list[ElementTree.Element]) -> str:
    parts = [_text(one, inner) if local(one) == "p" else _cell(one, inner) for one in element]
    return " ".join(one for one in parts if one.strip())


def _text(element: ElementTree.Element, inner: list[ElementTree.Element]) -> str:
    """Return a paragraph's own text; what stands in it as a block (a table, a box, a note) is put into ``inner``."""
    parts: list[str] = []
    for child in element:
        name = local(child)
        if name in ("tbl", "subList"):
            inner.append(child)
        elif name == "t":
            parts.append(_words(child))
        else:
            parts.append(_text(child, inner))
    return "".join(parts)


def _words(element: ElementTree.Element) -> str:
    parts = [element.text or ""]
    for child in element:
        parts += [_BREAKS.get(local(child), ""), child.tail or ""]
    return "".join(parts)
