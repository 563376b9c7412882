"""Search one index: by meaning and by words, merged."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from core.rag.fusion import KEYWORD_TRUST, fuse
from core.rag.index import Index
from core.rag.keywords import query_terms

CANDIDATES = 50


@dataclass(frozen=True, slots=True)
class Options:
    k: int = 5
    documents: frozenset[str] | None = None
    phrase: str = ""
    variety: float = 0.0
    keyword_weight: float = KEYWORD_TRUST
    expand: bool = True


@dataclass(frozen=True, slots=True)
class Passage:
    document_id: str
    chunk_id: str
    ordinal: int
    section: str
    text: str
    char_start: int
    char_end: int
    hit_start: int
    hit_end: int
    page: int | None
    line: int
    score: float
    cosine: float
    bm25: float | None
    vector_rank: int | None = None
    keyword_rank: int | None = None


@dataclass(frozen=True, slots=True)
class Result:
    passages: tuple[Passage, ...]
    answerable: bool
    confidence: float


async def search(
    index: Index, embed: Callable[[str], Awaitable[Any]], query: str, options: Options = Options()
) -> Result:
    vector = [float(value) for value in await embed(query)]
    words = query_terms(query)
    limit = max(CANDIDATES, 2 * options.k)
    by_vector, by_words = await asyncio.gather(
        index.search_vector(vector, limit), index.search_keywords(words, vector, limit)
    )
    passages = []
    for one in fuse(query, words, by_vector, by_words):
        item = one.found
        if options.documents is not None and item.document_id not in options.documents:
            continue
        chunk = item.chunk
        passages.append(Passage(item.document_id, item.chunk_id, chunk.ordinal, chunk.section, chunk.text, chunk.char_start, chunk.char_end, chunk.char_start, chunk.char_end, chunk.page, chunk.line, one.score, item.cosine, item.bm25))
    return Result(tuple(passages[: options.k]), bool(passages), passages[0].score if passages else 0.0)
