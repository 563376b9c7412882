"""Documents: read, cut into chunks, embedded, searched. Front door: :class:`Library`.

A document's way: path → ledger row (:mod:`core.session.documents`) → :mod:`~core.rag.parsing.parse_child`, a limited
process that reads (:mod:`~core.rag.parsing.loaders`) and cuts (:mod:`~core.rag.chunking`) → :mod:`~core.rag.embedding` →
one commit for several documents in :mod:`~core.rag.index` (LanceDB) → the ledger points to what is there now.
A question's way: :mod:`~core.rag.views` → :mod:`~core.rag.search`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from core.rag.library import Library
    from core.rag.views import ChunkView, DocumentView

__all__ = ["ChunkView", "DocumentView", "Library"]


def __getattr__(name: str) -> Any:
    # Lazy: the parser process imports this package too and needs nothing of the library.
    if name in __all__:
        from core.rag import library, views

        return getattr(library if name == "Library" else views, name)
    raise AttributeError(name)
