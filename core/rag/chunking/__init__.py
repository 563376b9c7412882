"""Texts cut into chunks. Front door: :func:`chunk_text` with a :class:`Chunking`."""

from __future__ import annotations

import bisect
import dataclasses
from collections.abc import Sequence

from core.rag.chunking.headings import CHUNKER, MAX_WIDTH, chunk_markdown, chunk_pages, chunk_plain
from core.rag.chunking.types import STRATEGIES, Chunk, Chunking, Strategy, chunk_id, width

__all__ = [
    "CHUNKER",
    "MAX_WIDTH",
    "STRATEGIES",
    "Chunk",
    "Chunking",
    "Strategy",
    "chunk_id",
    "chunk_markdown",
    "chunk_pages",
    "chunk_plain",
    "chunk_text",
    "embedded_text",
    "width",
]

AS_MARKDOWN = frozenset(
    {
        "text/markdown",
        "text/html",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "application/hwp+zip",
        "message/rfc822",
    }
)
"""Media types whose text is Markdown when it is read."""


def chunk_text(text: str, media_type: str, pages: Sequence[int], chunking: Chunking) -> list[Chunk]:
    """Cut a document's text.

    Args:
        text: The whole text, as it was parsed.
        media_type: Of the file, e.g. ``text/markdown``; says where structure is to be looked for.
        pages: Where each page starts in ``text``; no chunk crosses one. Empty for a text without pages.
        chunking: The settings.

    Returns:
        Chunks in order. All that is not blank is in at least one, without ``overlap`` in exactly one.

    Raises:
        UsageError: Settings that cannot be.
    """
    chunking.check()
    if chunking.strategy != "headings":
        raise NotImplementedError(chunking.strategy)
    if pages:
        chunks = chunk_pages(text, pages)
    elif media_type in AS_MARKDOWN:
        chunks = chunk_markdown(text)
    else:
        chunks = chunk_plain(text)
    return _with_lines(text, chunks)


def embedded_text(chunk: Chunk, title: str, chunking: Chunking) -> str:
    """Return what is embedded of a chunk: its text, after title and heading path when the settings say so."""
    if not chunking.header:
        return chunk.text
    head = " › ".join(part for part in (title, chunk.section) if part)
    return f"{head}\n\n{chunk.text}" if head else chunk.text


def _with_lines(text: str, chunks: list[Chunk]) -> list[Chunk]:
    breaks = [index for index, char in enumerate(text) if char == "\n"]
    return [
        dataclasses.replace(chunk, line=bisect.bisect_left(breaks, chunk.char_start) + 1) for chunk in chunks
    ]
