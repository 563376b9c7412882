"""Texts cut into chunks."""

from core.rag.chunking.headings import (
    CHUNKER,
    MAX_WIDTH,
    Chunk,
    chunk_id,
    chunk_markdown,
    chunk_pages,
    chunk_plain,
    width,
)

__all__ = [
    "CHUNKER",
    "MAX_WIDTH",
    "Chunk",
    "chunk_id",
    "chunk_markdown",
    "chunk_pages",
    "chunk_plain",
    "width",
]
