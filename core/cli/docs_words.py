"""How documents, sizes and times are written on the command line, for people and for programs."""

from __future__ import annotations

import dataclasses
import time
import unicodedata
from collections.abc import Sequence
from typing import Any

from core.events import Document, Hit
from core.rag import scan
from core.rag.chunking import Chunking
from core.rag.types import Collection, Job, Source, Trouble
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
    overlap = f"/{chunking.overlap}" if chunking.overlap else ""
    return f"{chunking.strategy}:{chunking.size}{overlap}{'+header' if chunking.header else ''}"


# -- for programs: the field names here are promised in the help ----------------------------------------------------


def document_json(document: Document) -> dict[str, Any]:
    """Write a document. ``path`` is fit to be shown; ``uri`` is exact even where a name is no Unicode."""
    values = dataclasses.asdict(document)
    values |= {
        "path": scan.shown(document.path),
        "title": clean_line(document.title),
        "reason": clean(document.reason),
        "note": clean(document.note),
        "uri": scan.opened(document.path).as_uri(),
    }
    head = ("id", "path", "status", "reason", "chunks", "bytes", "collection")
    return {name: values.pop(name) for name in head} | values


def hit_json(hit: Hit) -> dict[str, Any]:
    """Write a passage found."""
    values = dataclasses.asdict(hit)
    values["text"] = clean(hit.text)
    head = ("document", "path", "line", "page", "section", "text", "score")
    return {name: values.pop(name) for name in head} | values


def collection_json(collection: Collection) -> dict[str, Any]:
    """Write a collection, its chunking both as settings and in one word."""
    values = dataclasses.asdict(collection)
    return values | {"chunking": {**values["chunking"], "text": chunking_text(collection.chunking)}}


def source_json(source: Source) -> dict[str, Any]:
    """Write a source."""
    return dataclasses.asdict(source) | {"path": scan.shown(source.path)}


def job_json(job: Job) -> dict[str, Any]:
    """Write a job."""
    return dataclasses.asdict(job) | {"paths": [scan.shown(path) for path in job.paths]}


def trouble_json(trouble: Trouble) -> dict[str, Any]:
    """Write a disagreement of ledger and index."""
    return dataclasses.asdict(trouble) | {"path": scan.shown(trouble.path) if trouble.path else ""}
