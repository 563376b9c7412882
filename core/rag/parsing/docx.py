"""Word documents (Office Open XML, ECMA-376) as Markdown: headings, paragraphs, lists, tables."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree import ElementTree

from core.rag.parsing.archive import local, opened, part, table, xml


def read(data: bytes) -> tuple[str, str]:
    """Return a document's text as Markdown and its title.

    Raises:
        LoadError: It is damaged, protected, or unpacks to too much.
    """
    archive = opened(data)
    body = xml(part(archive, "word/document.xml"))
    title = ""
    if "docProps/core.xml" in archive.namelist():
        found = [
            one.text or "" for one in xml(part(archive, "docProps/core.xml")).iter() if local(one) == "title"
        ]
        title = found[0] if found else ""
    return "\n\n".join(text for text in _blocks(body) if text), title


def _blocks(element: ElementTree.Element) -> Iterator[str]:
    for child in element:
        name = local(child)
        if name == "p":
            yield _paragraph(child)
        elif name == "tbl":
            rows = [
                [_text(cell) for cell in row if local(cell) == "tc"] for row in child if local(row) == "tr"
            ]
            yield table(rows)
        elif name in ("body", "sdt", "sdtContent", "txbxContent"):
            yield from _blocks(child)


def _paragraph(element: ElementTree.Element) -> str:
    text = _text(element).strip()
    style = next(
        (
            value
            for one in element.iter()
            if local(one) == "pStyle"
            for key, value in one.items()
            if key.endswith("val")
        ),
        "",
    )
    level = re.search(r"(?:heading|제목)\s*(\d)", style, re.IGNORECASE)
    if text and (level or style.lower() == "title"):
        return f"{'#' * (int(level[1]) if level else 1)} {text}"
    listed = any(local(one) == "numPr" for one in element.iter())
    return f"- {text}" if text and listed else text


def _text(element: ElementTree.Element) -> str:
    parts: list[str] = []
    for one in element.iter():
        name = local(one)
        if name == "t":
            parts.append(one.text or "")
        elif name == "tab":
            parts.append("\t")
        elif name in ("br", "cr") or (name == "p" and parts and one is not element):
            parts.append("\n")
    return "".join(parts)
