"""The user's library on an engine."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from core.engines import Engine
from core.events import Notice
from core.paths import Paths
from core.rag.embedding import EmbeddingCache, make_embedder
from core.rag.library import Library
from core.rag.types import Filters, SearchResult
from core.session import Store
from core.settings import Settings


def open_library(
    store: Store, paths: Paths, settings: Settings, engine: Engine, on_notice: Callable[[Notice], None]
) -> Library:
    """Return the user's library, embedding with an engine; vectors are kept by content beside it."""
    cache = EmbeddingCache(paths.data / "embeddings.db", settings.embed_cache_bytes)
    return Library(
        store,
        paths.index_dir,
        engine.embed,
        engine.embed_model,
        on_notice,
        embedders=lambda name: make_embedder(name or engine.embed_model, engine, cache),
        cache=cache,
        storage=settings.index_storage,
    )


def searching(library: Library) -> Callable[..., Awaitable[SearchResult]]:
    """Return what finds passages for a question, in one collection where one is named."""

    async def search(query: str, k: int, *, collection: str = "") -> SearchResult:
        return await library.find(query, k, filters=Filters((collection,) if collection else ()))

    return search
