"""What turns documents and questions into vectors. Front doors: :func:`make_embedder`, :func:`known`.

An :class:`Embedder` is a name and two functions; which model stands behind it, how its texts are prepared, what is
done about texts it chokes on and about an engine that went away is decided in here, once. Vectors are kept by content
in an :class:`EmbeddingCache`. Nothing here loads numpy before the first text.
"""

from core.rag.embedding.cache import EmbeddingCache
from core.rag.embedding.choose import Choice, known, make_embedder, plain_embedder, probe
from core.rag.embedding.types import Embedder, Vector

__all__ = [
    "Choice",
    "Embedder",
    "EmbeddingCache",
    "Vector",
    "known",
    "make_embedder",
    "plain_embedder",
    "probe",
]
