"""Documents: read, cut into chunks, embedded, searched. Front door: :class:`Library`.

A document's way: path → ledger row (:mod:`core.session.documents`) → :mod:`~core.rag.parsing.parse_child`, a limited
process that reads (:mod:`~core.rag.parsing.loaders`) and cuts (:mod:`~core.rag.chunking`) → embeddings →
one commit in :mod:`~core.rag.index` (LanceDB) → ledger row says indexed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from core.rag.library import ChunkView, DocumentView, Library

__all__ = ["ChunkView", "DocumentView", "Library"]


def __getattr__(name: str) -> Any:
    # Lazy: the parser process imports this package too and needs nothing of the library.
    if name in __all__:
        from core.rag import library

        return getattr(library, name)
    raise AttributeError(name)
