"""Puts one question set to many ways of searching the same folder, through the program's own search."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.events import Hit
from core.rag.chunking import Chunking
from core.rag.evaluation.indexes import Corpus, FolderIndex, Parses, Progress
from core.rag.evaluation.measures import DEPTH, Outcome, judge
from core.rag.evaluation.variants import Variant
from core.rag.sample import Question

if TYPE_CHECKING:
    from core.engines import Engine
    from core.rag.embedding import Embedder
    from core.rag.search import Passage, Result

CACHE_BYTES = 256 << 20
WARM_UP = "hello"
"""No question of any set."""


def _nobody(done: int) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What one variant found."""

    variant: Variant
    corpus: Corpus
    outcomes: tuple[Outcome, ...]
    """In the order of the questions."""


class SearchBench:
    """The indexes of one folder and the searches in them. Belongs to one event loop; close it.

    A question's vector is made once for each embedder and kept: the time that took is added to every search that uses
    it, so that the times of all variants include it and a grid does not take hours.

    Args:
        folder: The documents.
        base: Where indexes and vectors are kept.
        engine: What embeds.
    """

    def __init__(self, folder: Path, base: Path, engine: Engine) -> None:
        from core.rag.embedding import EmbeddingCache

        self._folder, self._base, self._engine = folder, base, engine
        self._cache = EmbeddingCache(base / "vectors.db", CACHE_BYTES)
        self._embedders: dict[str, Embedder] = {}
        self._questions: dict[tuple[str, str], tuple[Any, float]] = {}
        self._indexes: dict[tuple[Chunking, str], tuple[FolderIndex, Corpus]] = {}
        self._parses = Parses()

    async def prepare(self, variant: Variant, on_progress: Progress = lambda progress: None) -> Corpus:
        """Index the folder as a variant wants it, unless that is done.

        Raises:
            StudyError: The embedder is unknown or failed, or another process is at it.
        """
        return (await self._index(variant, on_progress))[1]

    async def ask(self, variant: Variant, question: Question) -> Outcome:
        """Search for one question and judge what was found; at least :data:`DEPTH` passages are asked for."""
        found, _ = await self._index(variant)
        vector, embed_ms = await self._vector(variant, question.question)
        began = time.perf_counter()
        result = await self._search(found, variant, question.question, vector)
        ms = embed_ms + (time.perf_counter() - began) * 1e3
        paths = found.paths()
        hits = [_hit(paths[one.document_id], one) for one in result.passages if one.document_id in paths]
        outcome = judge(question, hits, ms, variant.k)
        return replace(outcome, score=result.confidence, answered=result.answerable)

    async def warm_up(self, variant: Variant) -> None:
        """Embed and search once for nothing: the first time loads the model and reads the index from the disk."""
        found, _ = await self._index(variant)
        vector = await self.embedder(variant.embedder).query(WARM_UP)
        await self._search(found, variant, WARM_UP, vector)

    async def measure(
        self,
        variants: Sequence[Variant],
        questions: Sequence[Question],
        told: Callable[[int], None] = _nobody,
    ) -> list[Measured]:
        """Ask every question of every variant.

        A question is asked of all variants in turn, another one first each time: a machine that slows down meanwhile
        slows all of them down.

        Args:
            variants: Those not prepared yet are.
            questions: In the order of the outcomes.
            told: How many questions are done.
        """
        corpora = [await self.prepare(variant) for variant in variants]
        outcomes: list[list[Outcome]] = [[] for _ in variants]
        for variant in variants:
            await self.warm_up(variant)
        for number, question in enumerate(questions):
            for place in range(len(variants)):
                which = (place + number) % len(variants)
                outcomes[which].append(await self.ask(variants[which], question))
            told(number + 1)
        return [
            Measured(variant, corpus, tuple(found))
            for variant, corpus, found in zip(variants, corpora, outcomes, strict=True)
        ]

    async def close(self) -> None:
        """Close indexes, cache and parser; what is on disk stays for the next time."""
        for found, _ in self._indexes.values():
            found.close()
        self._indexes.clear()
        await self._parses.close()
        await asyncio.to_thread(self._cache.close)

    def embedder(self, name: str) -> Embedder:
        """Return an embedder by name, ``""`` for the engine's own.

        Raises:
            UsageError: There is none of that name.
        """
        from core.rag.embedding import make_embedder

        name = name or self._engine.embed_model
        if name not in self._embedders:
            self._embedders[name] = make_embedder(name, self._engine, self._cache)
        return self._embedders[name]

    async def _index(
        self, variant: Variant, on_progress: Progress = lambda progress: None
    ) -> tuple[FolderIndex, Corpus]:
        embedder = self.embedder(variant.embedder)
        key = (variant.chunking, embedder.name)
        if key not in self._indexes:
            found = FolderIndex(
                self._base, self._folder, variant.chunking, embedder.name, embedder.documents, self._parses
            )
            try:
                corpus = await found.fill(on_progress)
            except BaseException:
                found.close()
                raise
            self._indexes[key] = (found, corpus)
        return self._indexes[key]

    async def _vector(self, variant: Variant, text: str) -> tuple[Any, float]:
        embedder = self.embedder(variant.embedder)
        key = (embedder.name, text)
        if key not in self._questions:
            began = time.perf_counter()
            vector = await embedder.query(text)
            self._questions[key] = (vector, (time.perf_counter() - began) * 1e3)
        return self._questions[key]

    async def _search(self, found: FolderIndex, variant: Variant, query: str, vector: Any) -> Result:
        from core.rag.search import Options, Result, search

        if not found.index.exists:
            # No file had any text.
            return Result((), False, 0.0)

        async def embed(text: str) -> Any:
            return vector

        given = {
            "keyword_weight": variant.keyword_weight,
            "variety": variant.variety,
            "expand": variant.expand,
        }
        chosen: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
        return await search(found.index, embed, query, Options(k=max(DEPTH, variant.k), **chosen))


def _hit(path: str, one: Passage) -> Hit:
    return Hit(
        document_id=one.document_id,
        document=Path(path).name,
        path=path,
        section=one.section,
        text=one.text,
        score=one.score,
        chunk_id=one.chunk_id,
        vector_score=one.cosine,
        keyword_score=one.bm25,
        char_start=one.char_start,
        char_end=one.char_end,
        page=one.page,
    )
