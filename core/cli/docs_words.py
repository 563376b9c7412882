"""How documents, sizes and times are written on the command line, for people and for programs."""

from __future__ import annotations

import dataclasses
import time
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from core.events import Document, Hit
from core.rag import scan
from core.rag.chunking import Chunking
from core.rag.types import Collection, Source, Trouble
from core.text import clean, clean_line

CLEAR = "\r\x1b[K"


def cells(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )


def fitted(text: str, columns: int) -> str:
    """Cut a text to so many columns, from the left: the end of a path says more than its beginning."""
    if cells(text) <= columns:
        return text
    while text and cells(text) > columns - 1:
        text = text[1:]
    return "…" + text if columns > 0 else ""


def table(lines: Sequence[Sequence[str]], *, right: Sequence[int] = ()) -> list[str]:
    """Lay out lines in columns.

    Args:
        lines: All of one length, the heads first.
        right: Numbers of the columns set to the right.
    """
    widths = [max(map(cells, column)) for column in zip(*lines, strict=True)]

    def cell(text: str, at: int) -> str:
        space = " " * (widths[at] - cells(text))
        return space + text if at in right else text + space

    return ["  ".join(cell(text, at) for at, text in enumerate(line)).rstrip() for line in lines]


def size(count: int) -> str:
    """Write bytes with a unit that fits: ``812 B``, ``4.2 KiB``, ``17 MiB``."""
    value = float(count)
    for unit in ("B", "KiB", "MiB"):
        if value < 1024:
            return f"{value:.0f} {unit}" if unit == "B" or value >= 10 else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} GiB"


def moment(seconds: float | None) -> str:
    """Write a time of day in the local zone; ``-`` for none."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds)) if seconds else "-"


def span(seconds: float) -> str:
    """Write a duration: ``42 s``, ``3:07``, ``1:02:09``."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def chunking_text(chunking: Chunking) -> str:
    """Write chunking settings the way ``--chunking`` takes them."""
    from core.rag.evaluation.variants import chunking_name

    return chunking_name(chunking)


# -- for programs: the field names here are promised in the help ----------------------------------------------------


def document_json(document: Document, names: Mapping[str, str]) -> dict[str, Any]:
    """Write a document. ``path`` is fit to be shown; ``uri`` is exact even where a name is no Unicode.

    Args:
        names: Collections' names by their ids.
    """
    values = _named(dataclasses.asdict(document), names)
    path = scan.opened(document.path)
    values |= {
        "path": scan.shown(document.path),
        "uri": path.as_uri() if path.is_absolute() else "",
        "title": clean_line(document.title),
        "reason": clean(document.reason),
        "note": clean(document.note),
    }
    head = ("id", "path", "uri", "status", "reason", "note", "chunks", "bytes", "collection")
    return {name: values.pop(name) for name in head} | values


def hit_json(hit: Hit, names: Mapping[str, str]) -> dict[str, Any]:
    """Write a passage found."""
    values = _named(dataclasses.asdict(hit), names)
    values["text"] = clean(hit.text)
    head = ("document", "path", "line", "page", "section", "text", "score")
    return {name: values.pop(name) for name in head} | values


def collection_json(collection: Collection) -> dict[str, Any]:
    """Write a collection, its chunking both as settings and in one word."""
    values = dataclasses.asdict(collection)
    return values | {"chunking": {**values["chunking"], "text": chunking_text(collection.chunking)}}


def source_json(source: Source, names: Mapping[str, str]) -> dict[str, Any]:
    """Write a source."""
    return _named(dataclasses.asdict(source), names) | {"path": scan.shown(source.path)}


def trouble_json(trouble: Trouble, names: Mapping[str, str]) -> dict[str, Any]:
    """Write a disagreement of ledger and index."""
    values = _named(dataclasses.asdict(trouble), names)
    return values | {"path": scan.shown(trouble.path) if trouble.path else ""}


def _named(values: dict[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    collection = values["collection"]
    return values | {"collection": names.get(collection, collection), "collection_id": collection}
