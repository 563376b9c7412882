"""What an answer's sources are, and how far they bear it out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Citation:
    """Where a numbered claim ``[n]`` of an answer comes from."""

    number: int
    document_id: str
    document: str
    """The document's path as the user gave it, cleaned."""
    section: str
    """Heading path, ``A › B``."""
    chunk_id: str
    text: str
    score: float
    char_start: int = 0
    char_end: int = 0
    """The passage's place in the document's parsed text, ``char_start <= i < char_end``; both 0 when unknown."""
    page: int | None = None
    stale: bool = False
    """The document changed since it was indexed."""
    quote: str = ""
    """The part of ``text`` that bears out the sentences citing it, verbatim; empty: none was found."""
    hit_start: int = 0
    hit_end: int = 0
    """Where in the document the best chunk is: ``text`` may be the whole section around it. Both 0: not known."""


SupportStatus = Literal[
    "supported",
    "number_mismatch",
    "negation",
    "weak",
    "uncited",
    "unknown_source",
    "unchecked",
    "not_a_claim",
]
"""What checking a sentence against the passage it cites gave (:mod:`core.agent.answers.verify`).

``unchecked``: it is in another language than its passage, so that words could not be compared. ``not_a_claim``: it says
nothing that could be borne out (a greeting, "the documents do not say").
"""


@dataclass(frozen=True, slots=True)
class SentenceSupport:
    """One sentence of an answer, and what its passage says to it."""

    start: int
    end: int
    """Its place in the answer's text, ``start <= i < end``."""
    status: SupportStatus
    citations: tuple[int, ...] = ()
    """Numbers of the passages it cites; the one that bears it out first."""
    score: float = 0.0
    """Share of its words that the passage has, 0-1."""
    quote_start: int = 0
    quote_end: int = 0
    """The matching part of that passage's text; both 0: none."""
    said: str = ""
    """On ``number_mismatch``: what the sentence says."""
    found: str = ""
    """On ``number_mismatch``: what the passage says instead; empty when it has no such number."""


@dataclass(frozen=True, slots=True)
class SourceNote:
    """Something to know of an answer's sources."""

    kind: Literal["conflict", "superseded", "stale"]
    """Two sources differ in a value; one is marked as replaced; one changed since it was indexed."""
    numbers: tuple[int, ...]
    """Of the passages meant."""
    documents: tuple[str, ...]
    values: tuple[str, ...] = ()
    """On ``conflict``: what each of the documents says."""


@dataclass(frozen=True, slots=True)
class AnswerSupport:
    """How far an answer from documents is borne out by them."""

    sentences: tuple[SentenceSupport, ...] = ()
    notes: tuple[SourceNote, ...] = ()
