"""Texts cut into chunks. Front door: :func:`chunk_text` with a :class:`Chunking`."""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Iterable, Sequence

from core.rag.chunking.blocks import Block, line_blocks, plain_blocks, table_blocks
from core.rag.chunking.code import code_spans
from core.rag.chunking.markdown import markdown_blocks
from core.rag.chunking.packing import SEPARATOR, Packer, Span
from core.rag.chunking.ruler import Ruler, width
from core.rag.chunking.splits import fixed, recursive
from core.rag.chunking.types import STRATEGIES, Chunk, Chunking, Strategy, chunk_id
from core.rag.parsing.kinds import CODE_TYPES, LINE_TYPES, MARKDOWN_TYPES, PYTHON, TABLE_TYPES

__all__ = ["CHUNKER", "STRATEGIES", "Chunk", "Chunking", "Strategy", "chunk_id", "chunk_text", "embedded_text", "width"]  # fmt: skip

CHUNKER = Chunking().version
"""Version of what the defaults cut."""


def chunk_text(text: str, media_type: str, pages: Sequence[int], chunking: Chunking) -> list[Chunk]:
    """Cut a document's text.

    Args:
        text: The whole text, as it was parsed.
        media_type: Of the file, e.g. ``text/markdown``; says where structure is to be looked for.
        pages: Where each page starts in ``text``; no chunk crosses one. Empty for a text without pages.
        chunking: The settings.

    Returns:
        Chunks in order. Every word is in at least one, without ``overlap`` in exactly one.

    Raises:
        UsageError: Settings that cannot be.
    """
    chunking.check()
    ruler = Ruler(text)
    found: list[tuple[Span, int | None]] = []
    if pages:
        for number, (start, end) in enumerate(itertools.pairwise([*pages, len(text)]), 1):
            # What looks like a heading on a page is as often a table's cell or a running title.
            blocks = [Block(block.start, block.end) for block in plain_blocks(text, start, end)]
            for span in _spans(ruler, blocks, chunking, start, end):
                span.section = f"p. {number}"
                found.append((span, number))
    elif _as_code(media_type, chunking.strategy):
        found = [(span, None) for span in code_spans(ruler, chunking, python=media_type == PYTHON)]
    else:
        found = [(span, None) for span in _spans(ruler, _blocks(text, media_type), chunking, 0, len(text))]
    return _chunks(text, found)


def embedded_text(chunk: Chunk, title: str, chunking: Chunking) -> str:
    """Return what is embedded of a chunk: its text, after title and heading path when the settings say so."""
    if not chunking.header:
        return chunk.text
    head = SEPARATOR.join(part for part in (title, chunk.section) if part)
    return f"{head}\n\n{chunk.text}" if head else chunk.text


def _as_code(media_type: str, strategy: Strategy) -> bool:
    """Say whether indentation is a text's structure. ``code`` takes every text without marks of its own for code."""
    if media_type in CODE_TYPES:
        return strategy in ("headings", "code")
    return strategy == "code" and media_type not in MARKDOWN_TYPES | TABLE_TYPES | LINE_TYPES


def _blocks(text: str, media_type: str) -> list[Block]:
    if media_type in MARKDOWN_TYPES:
        return markdown_blocks(text)
    if media_type in TABLE_TYPES:
        return table_blocks(text)
    return line_blocks(text) if media_type in LINE_TYPES else plain_blocks(text)


def _spans(ruler: Ruler, blocks: Sequence[Block], chunking: Chunking, start: int, end: int) -> list[Span]:
    if chunking.strategy == "recursive":
        return recursive(ruler, blocks, chunking, start, end)
    if chunking.strategy == "fixed":
        return fixed(ruler, blocks, chunking, start, end)
    return Packer(ruler, chunking).pack(blocks)


def _chunks(text: str, found: Iterable[tuple[Span, int | None]]) -> list[Chunk]:
    breaks = []
    position = text.find("\n")
    while position >= 0:
        breaks.append(position)
        position = text.find("\n", position + 1)
    chunks = []
    for ordinal, (span, page) in enumerate(found):
        body = text[span.start : span.end]
        shown = f"{span.header}\n{body}" if span.header else body
        line = bisect.bisect_left(breaks, span.start) + 1
        chunks.append(Chunk(ordinal, span.section, shown, span.start, span.end, page, line))
    return chunks
