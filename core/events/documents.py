"""Documents, the passages found in them, and how far indexing them is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

DocumentStatus = Literal["queued", "parsing", "embedding", "indexed", "failed", "stopped", "stale", "removed"]


@dataclass(frozen=True, slots=True)
class Document:
    """A document's row in the ledger: the truth about its status."""

    id: str
    path: str
    title: str
    status: DocumentStatus
    reason: str = ""
    """Why it failed or was not read, a sentence for the user."""
    media_type: str = ""
    bytes: int = 0
    chunks: int = 0
    chars: int = 0
    content_hash: str = ""
    added_at: float = 0.0
    updated_at: float = 0.0
    parse_ms: float | None = None
    embed_ms: float | None = None
    collection: str = "default"
    same_as: str = ""
    """Id of the document with the same content, whose chunks stand for this one's too."""
    tokens: int = 0
    """Estimate."""
    pages: int = 0
    note: str = ""
    """Something odd that did not stop it, a sentence for the user."""
    mtime: float = 0.0
    """The file's time when it was read, Unix seconds."""


@dataclass(frozen=True, slots=True)
class Hit:
    """One passage found."""

    document_id: str
    document: str
    path: str
    section: str
    text: str
    score: float
    """Fused score the list is sorted by, 0–1."""
    chunk_id: str
    vector_score: float | None = None
    """Cosine similarity to the query, -1–1."""
    keyword_score: float | None = None
    """BM25."""
    char_start: int = 0
    char_end: int = 0
    page: int | None = None
    collection: str = "default"
    also_at: tuple[str, ...] = ()
    """Other paths with the same content."""
    stale: bool = False
    """The file has changed since it was indexed."""
    hit_start: int = 0
    """Where the best chunk is: ``text`` may be the whole section around it."""
    hit_end: int = 0
    vector_rank: int | None = None
    """Place in the list of the vector search, from 1; ``None`` when it is not in it."""
    keyword_rank: int | None = None
    line: int = 0
    """First line in the parsed text, from 1; 0 unknown."""


@dataclass(frozen=True, slots=True)
class IngestProgress:
    """How far an ingest job is. ``finished`` is the last of a job."""

    job_id: str
    total: int
    done: int
    failed: int
    current: str = ""
    finished: bool = False
    kind: str = "add"
    """See :data:`core.rag.types.JobKind`."""
    collection: str = "default"
    paused: bool = False
    rate: float | None = None
    """Documents per second, over the job so far."""
    bytes_rate: float | None = None
    eta_s: float | None = None
