"""What an embedder is to everybody else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vector: TypeAlias = NDArray[np.float32]
else:
    Vector = Any
    """A float32 array of shape (dim,), finite and not zero."""


@dataclass(frozen=True, slots=True)
class Embedder:
    """What a collection is embedded with. Belongs to one event loop."""

    name: str
    """The model, without ``:latest``. Vectors of two names must never meet in one index."""

    documents: Callable[[list[str]], Awaitable[list[Vector | None]]]
    """Return one vector for each text, all of one length, whatever the number of texts. ``None``: this text cannot be
    embedded; it can still be found by its words.

    Raises:
        UsageError: The engine does not have the model, or it is none for embedding.
        StudyError: The vectors cannot be used (``error.rag.embedding``, ``error.rag.dimension``), or the engine went
            away and did not come back in time.
    """

    query: Callable[[str], Awaitable[Vector]]
    """Return the vector of a question. Raises as :attr:`documents` does; a question that cannot be embedded is
    ``error.rag.embedding``."""

    batch: int
    """Texts in one request that suit it; :attr:`documents` cuts longer lists into such batches by itself."""
