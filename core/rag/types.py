"""What the document rooms hand to interfaces: plain frozen data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from core.events import Document, Hit
from core.rag.chunking import Chunking

DEFAULT = "default"
"""Id of the collection documents go to when none is named. Always there."""

JobKind = Literal["add", "sync", "retry", "reindex", "rebuild", "repair"]
JobStatus = Literal["queued", "running", "paused", "done", "cancelled", "failed"]


@dataclass(frozen=True, slots=True)
class Collection:
    """Documents kept together, with an index and settings of their own."""

    id: str
    name: str
    chunking: Chunking = field(default_factory=Chunking)
    embedder: str = ""
    """Name of the embedding model; ``""`` is the engine's own."""
    watch: bool = False
    """Whether its folders are watched for changes."""
    created_at: float = 0.0
    documents: int = 0
    """Rows in the ledger, removed ones left out."""
    indexed: int = 0
    failed: int = 0
    chunks: int = 0
    bytes: int = 0
    building: bool = False
    """Its index is being made anew with other settings; searches use the old one until it is done."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file or folder a user added to a collection: what a sync looks at."""

    id: str
    collection: str
    path: str
    """As stored; for people :func:`core.rag.scan.shown`."""
    status: Literal["ok", "suspended"] = "ok"
    """``suspended``: it cannot be reached (a drive that is not mounted), so nothing in it is taken for deleted."""
    scanned_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Filters:
    """Which documents a search looks at. Everything set must hold."""

    collections: tuple[str, ...] = ()
    """Ids; empty for all."""
    path: str = ""
    """Part of the path, or a pattern with ``*`` and ``?``; case does not matter."""
    types: tuple[str, ...] = ()
    """Suffixes without the dot: ``md``, ``pdf``."""
    since: float | None = None
    """Only files changed at or after this time (Unix seconds)."""
    until: float | None = None

    @property
    def any(self) -> bool:
        """Whether anything but collections is set."""
        return bool(self.path or self.types or self.since is not None or self.until is not None)


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that speaks against an answer in what was found."""

    code: str
    """``unheard``: no document has a code of the question; ``code``, ``number``: the best passage lacks one of it;
    ``asked``: it has no word for what is asked, ``words``: nor for other things named; ``kind.`` and a kind of answer
    (``kind.money``; see :mod:`core.rag.wanted`): it has none of that kind; ``far``: it is not near in meaning."""
    words: tuple[str, ...] = ()
    """Those meant, as the user wrote them."""


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Passages, best first, and whether the question seems to be answered by any."""

    hits: tuple[Hit, ...]
    answerable: bool
    confidence: float
    """0–1, see :mod:`core.rag.abstain`."""
    threshold: float = 0.0
    """Confidence from which on it counts as answered."""
    reasons: tuple[Reason, ...] = ()
    """Why it does not, what weighs most first and ``far`` last; empty where it does, and where no single thing tells."""


@dataclass(frozen=True, slots=True)
class Job:
    """One piece of ingest work, for the task centre."""

    id: str
    kind: JobKind
    collection: str
    status: JobStatus
    paths: tuple[str, ...]
    started_at: float
    ended_at: float | None = None
    total: int = 0
    """Documents to look at."""
    done: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What a sync found; the work itself is the job's."""

    job_id: str
    added: int = 0
    changed: int = 0
    moved: int = 0
    removed: int = 0
    unchanged: int = 0
    suspended: tuple[str, ...] = ()
    """Sources that cannot be reached: what was in them is kept."""
    failed: int = 0
    """Documents that could not be indexed."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """One disagreement between ledger and index."""

    kind: Literal["missing", "count", "orphan", "unfinished", "index", "dangling"]
    """``missing``: the ledger says indexed, the index has nothing; ``count``: another number of chunks; ``orphan``:
    chunks of no document; ``unfinished``: left in the middle by a process that is gone; ``index``: the index
    cannot be read; ``dangling``: says it shares another document's chunks, which are not there."""
    collection: str
    document_id: str = ""
    path: str = ""
    expected: int = 0
    found: int = 0


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What a check of ledger against index found."""

    documents: int
    chunks: int
    troubles: tuple[Trouble, ...] = ()
    repaired: bool = False
    """Whether the troubles were put right (documents that had to be indexed again are queued or done)."""


@dataclass(frozen=True, slots=True)
class Details:
    """Everything known of a document."""

    document: Document
    collection: str
    parser: str = ""
    """Versions of parser, chunker and embedder it was indexed with."""
    tokens: int = 0
    """Estimate."""
    pages: int = 0
    encoding: str = ""
    mtime: float | None = None
    """The file's time when it was read, Unix seconds."""
    also_at: tuple[str, ...] = ()
    """Other paths with the same content."""


def failed_of(documents: Sequence[Document]) -> list[Document]:
    """Return what could not be indexed, newest first."""
    return sorted((one for one in documents if one.status == "failed"), key=lambda one: -one.updated_at)
