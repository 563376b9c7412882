"""Search one index: by meaning and by words, merged; what is around a hit is given back with it. Front door: :func:`search`."""

from __future__ import annotations

import asyncio
import logging
import re
import unicodedata
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from core.errors import StudyError
from core.rag import abstain
from core.rag.chunking import chunk_id
from core.rag.fusion import KEYWORD_TRUST, combine, outdated
from core.rag.index import Index, IndexUnusable
from core.rag.keywords import terms
from core.rag.passages import Span, joined, spans
from core.rag.queries import Unit, units
from core.rag.reasons import reasons
from core.rag.snapshot import Matched, Snapshot, match
from core.rag.types import Reason

log = logging.getLogger(__name__)

CANDIDATES = 64
"""Chunks that are looked at closely at least."""

COMPARED = 512
"""Of a large index so many of the best by words are compared in meaning too. With these two 350 questions to 100,000 chunks
get 0.9 of the passages that comparing all would give."""

PER_PASSAGE = 12
"""Chunks that are looked at for each passage wanted: several of them may be in one."""

NEAREST = 200
"""Chunks asked of the vector index, where there is one."""

MAX_CHECKED = 2_048
"""Chunks read at most in search of a phrase."""

UNKNOWN = -2.0
"""Stands for the similarity of a chunk that was not compared; as good as unlike."""

Embed = Callable[[str], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Options:
    """How to search."""

    k: int = 5
    """Passages at most."""
    documents: frozenset[str] | None = None
    """Only these; ``None``: every one in the index."""
    phrase: str = ""
    """Must be in every hit literally; case and white space do not matter. So must what the query has in quotes."""
    variety: float = 0.0
    """0: best first; up to 1: the more a passage resembles those before it, the further down it goes (MMR)."""
    keyword_weight: float = KEYWORD_TRUST
    """What words count beside meaning; 0 leaves them out."""
    expand: bool = True
    """Give the section around a hit, not the bare chunk."""


@dataclass(frozen=True, slots=True)
class Passage:
    """What was found, with what is around it."""

    document_id: str
    chunk_id: str
    """Of the chunk that was found; if several chunks of a passage were, of the best."""
    ordinal: int
    section: str
    text: str
    """The passage; the document's characters ``char_start:char_end`` after a table's header where it was cut."""
    char_start: int
    char_end: int
    hit_start: int
    hit_end: int
    """The best chunk's place in the document, within the passage's."""
    page: int | None
    line: int
    """Where the best chunk is; line 0: not known."""
    score: float
    """0–1, comparable between questions, see :func:`core.rag.fusion.combine`."""
    cosine: float
    """The best chunk's similarity to the question, -1–1; 0 when it has no vector."""
    bm25: float | None
    """How much of the question's words the best chunk meets, each weighing its rarity; ``None``: nothing."""
    vector_rank: int | None = None
    """The best chunk's place, from 1, when only meaning counts; ``None``: beyond what was looked at."""
    keyword_rank: int | None = None
    """Its place when only words count; ``None``: it meets none."""


@dataclass(frozen=True, slots=True)
class Result:
    """Passages, best first, and whether they seem to answer."""

    passages: tuple[Passage, ...]
    answerable: bool
    confidence: float
    """0–1 that the answer is there, see :mod:`core.rag.abstain`."""
    reasons: tuple[Reason, ...] = ()
    """Why they do not seem to."""


@dataclass(frozen=True, slots=True)
class _Understood:
    """A question taken apart, and what its words find."""

    query: str
    snapshot: Snapshot
    asked: list[Unit]
    matched: Matched


@dataclass(frozen=True, slots=True)
class _Scored:
    """Every chunk's standing. Arrays over the snapshot."""

    matched: Matched
    cosines: Any
    """:data:`UNKNOWN` where it is not known."""
    scores: Any
    """-1 where a chunk is out of the question."""


async def search(index: Index, embed: Embed, query: str, options: Options = Options()) -> Result:
    """Find passages.

    Args:
        index: Where to look.
        embed: Gives the question's vector.
        query: A question or words; what is in quotes must occur literally.
        options: How.

    Raises:
        IndexUnusable: There is no index, or it cannot be read.
        StudyError: The vector is none, or of another length than the index's.
    """
    if not query.strip() or options.k < 1:
        return Result((), False, 0.0)
    # Both at once: the vector comes from another process, and the first search after a change makes a snapshot.
    vector, understood = await asyncio.gather(embed(query), _understood(index, query))
    try:
        return await _search(index, understood, vector, options)
    except (RuntimeError, OSError, ValueError) as error:
        log.info("reading the index failed, opening it again: %s", error)
    index.close()
    try:
        return await _search(index, await _understood(index, query), vector, options)
    except (RuntimeError, OSError, ValueError) as error:
        index.close()
        log.warning("the index cannot be read: %s", error)
        raise IndexUnusable("damaged") from error


async def _understood(index: Index, query: str) -> _Understood:
    """Take the question apart and compare its words with every chunk."""
    snapshot = await index.snapshot()

    def work() -> _Understood:
        asked = units(query, snapshot.vocabulary)
        return _Understood(query, snapshot, asked, match(snapshot, _widened(snapshot, asked)))

    # In a thread: with 100,000 chunks this would hold the interface up for several milliseconds.
    return await asyncio.to_thread(work)


async def _search(index: Index, understood: _Understood, vector: Any, options: Options) -> Result:
    snapshot = understood.snapshot
    if not snapshot.size:
        return Result((), False, 0.0)
    vector = _checked(vector, index.dimensions)
    near = await index.nearest(snapshot, vector, NEAREST, options.documents) if snapshot.partial else []
    # All the rest in one: on a busy machine the way to a thread and back takes three milliseconds.
    return await asyncio.to_thread(_found, understood, vector, near, options)


def _found(understood: _Understood, vector: Any, near: Sequence[int], options: Options) -> Result:
    """Judge every chunk and make passages of the best.

    Args:
        near: Of a partial snapshot, what the vector index has found.
    """
    snapshot, query = understood.snapshot, understood.query
    scored = _scored(understood, vector, near, options)
    phrases = _phrases(query, options.phrase)
    if phrases:
        ranked = _with_phrases(snapshot, scored, phrases, options.k)
    else:
        ranked = _ranked(scored.scores, max(CANDIDATES, PER_PASSAGE * options.k))
    wanted = options.k if not options.variety else 4 * options.k
    best = spans(snapshot, ranked, max(wanted, abstain.RIVALS), expand=True)
    found = best[:wanted] if options.expand else spans(snapshot, ranked, wanted, expand=False)
    if options.variety:
        found = _varied(snapshot, scored, found, options)
    passages = _passages(snapshot, scored, found)
    if not passages:
        return Result((), False, 0.0)
    first = _best(scored, best, passages[0])
    seen = abstain.signs(snapshot, query, first)
    confidence = abstain.confidence(seen)
    if confidence >= abstain.THRESHOLD:
        return Result(passages, True, confidence)
    return Result(passages, False, confidence, reasons(snapshot, query, first, seen))


def _best(scored: _Scored, best: Sequence[Span], first: Passage) -> abstain.Found:
    """Return what is held against the question."""
    top = [float(scored.scores[span.best]) for span in best[: abstain.RIVALS]]
    lead = top[0] - (top[-1] if len(top) == abstain.RIVALS else 0.0)
    return abstain.Found(first.text, first.section, best[0].best, first.cosine, lead)


def _checked(vector: Any, dimensions: int) -> Any:
    import numpy as np

    array = np.asarray(vector, dtype=np.float32)
    if array.shape != (dimensions,):
        raise StudyError("error.rag.dimension", found=len(array), expected=dimensions)
    if not np.isfinite(array).all():
        raise StudyError("error.rag.embedding")
    norm = float(np.linalg.norm(array))
    return array / norm if norm else array


def _scored(understood: _Understood, vector: Any, near: Sequence[int], options: Options) -> _Scored:
    import numpy as np

    snapshot = understood.snapshot
    if not snapshot.partial:
        # Not a matrix product: that wakes threads which spin, and took 23 ms instead of 2 with other programs at work.
        cosines = np.einsum("ij,j->i", snapshot.vectors, vector)
        return _merged(understood, cosines, options)
    cosines = np.full(snapshot.size, UNKNOWN, dtype=np.float32)
    cosines[near] = _similar(snapshot, near, vector)
    # Words found chunks that are not among the nearest.
    best = np.array(_ranked(_merged(understood, cosines, options).scores, COMPARED), dtype=np.int64)
    best = best[cosines[best] == UNKNOWN]
    cosines[best] = _similar(snapshot, best, vector)
    return _merged(understood, cosines, options)


def _similar(snapshot: Snapshot, places: Any, vector: Any) -> Any:
    import numpy as np

    return np.einsum("ij,j->i", snapshot.vectors[places].astype(np.float32), vector)


def _merged(understood: _Understood, cosines: Any, options: Options) -> _Scored:
    import numpy as np

    snapshot, matched, weight = understood.snapshot, understood.matched, options.keyword_weight
    scores = combine(cosines, matched.shares, weight, snapshot.floor)
    scores -= outdated(snapshot, understood.query, understood.asked, scores, weight)
    np.maximum(scores, 0, out=scores)
    if options.documents is not None:
        out = np.array([name not in options.documents for name in snapshot.names])
        scores[out[snapshot.documents]] = -1
    return _Scored(matched, cosines, scores)


def _widened(snapshot: Snapshot, asked: Sequence[Unit]) -> list[Unit]:
    """Let a single syllable mean every word that begins with it, when nothing else is asked."""
    syllables = [
        unit for unit in asked if len(unit.own) == 1 and len(unit.own[0]) == 1 and "가" <= unit.own[0] <= "힣"
    ]
    if len(syllables) < len(asked):
        return list(asked)
    return [
        Unit(
            unit.own,
            (*unit.same, *((term,) for term in snapshot.vocabulary if term.startswith(unit.own[0]))),
            unit.other,
        )
        for unit in syllables
    ]


def _ranked(scores: Any, limit: int = CANDIDATES) -> list[int]:
    """Return the places of the best chunks, best first; equal ones in the order of the documents."""
    import numpy as np

    count = min(limit, len(scores))
    # Negated: numpy takes 20 times as long to find the last of many equal values.
    least = max(0.0, -float(np.partition(-scores, count - 1)[count - 1]))
    best = np.flatnonzero(scores >= least)
    found: list[int] = best[np.argsort(-scores[best], kind="stable")[:count]].tolist()
    return found


# -- phrases ----------------------------------------------------------------------------------------

_QUOTED = re.compile(r"\"([^\"]{1,200})\"|“([^”]{1,200})”|「([^」]{1,200})」|『([^』]{1,200})』")


def _phrases(query: str, phrase: str) -> list[str]:
    quoted = ["".join(groups) for groups in _QUOTED.findall(query)]
    return [folded for text in [*quoted, phrase] if (folded := _folded(text))]


def _folded(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())


def _with_phrases(snapshot: Snapshot, scored: _Scored, phrases: Sequence[str], k: int) -> list[int]:
    """Return the best chunks that have every phrase literally."""
    import numpy as np

    scores = scored.scores.copy()
    for term in {term for phrase in phrases for term in _sure_terms(phrase)}:
        there = np.zeros(snapshot.size, dtype=bool)
        there[snapshot.having(term)[0]] = True
        scores[~there] = -1
    kept: list[int] = []
    for place in _ranked(scores, MAX_CHECKED):
        text = _folded(snapshot.texts[place].as_py())
        if all(phrase in text for phrase in phrases):
            kept.append(place)
        if len(kept) >= PER_PASSAGE * k:
            break
    return kept


def _sure_terms(phrase: str) -> list[str]:
    """Return keywords a chunk with the phrase must have: of the words inside it, and of Hangul at its ends."""
    words = phrase.split(" ")
    found = [term for word in words[1:-1] for term in terms(word)]
    for word in {words[0], words[-1]}:
        found += [term for term in terms(word) if len(term) == 2 and "가" <= term[0] <= "힣"]
    return [term for term in found if len(term) > 1]


# -- passages ---------------------------------------------------------------------------------------


def _varied(snapshot: Snapshot, scored: _Scored, found: Sequence[Span], options: Options) -> list[Span]:
    """Choose one after the other the passage that is good and unlike those chosen (maximal marginal relevance)."""

    import numpy as np

    vectors = snapshot.vectors[[span.best for span in found]].astype(np.float32)
    alike = vectors @ vectors.T
    left, chosen = list(range(len(found))), list[int]()

    def worth(one: int) -> float:
        nearest = max((float(alike[one, other]) for other in chosen), default=0.0)
        return (1 - options.variety) * float(scored.scores[found[one].best]) - options.variety * nearest

    while left and len(chosen) < options.k:
        best = max(left, key=worth)
        left.remove(best)
        chosen.append(best)
    return [found[one] for one in chosen]


def _passages(snapshot: Snapshot, scored: _Scored, found: Sequence[Span]) -> tuple[Passage, ...]:
    import numpy as np

    shares, cosines = scored.matched.shares, scored.cosines
    passages = []
    for span in found:
        chunks = [snapshot.chunk(place)[1] for place in range(span.first, span.last)]
        document_id, hit = snapshot.chunk(span.best)
        share, cosine = float(shares[span.best]), float(cosines[span.best])
        passages.append(
            Passage(
                document_id=document_id,
                chunk_id=chunk_id(document_id, hit),
                ordinal=hit.ordinal,
                section=hit.section,
                text=joined(chunks),
                char_start=min(chunk.char_start for chunk in chunks),
                char_end=max(chunk.char_end for chunk in chunks),
                hit_start=hit.char_start,
                hit_end=hit.char_end,
                page=hit.page,
                line=hit.line,
                score=float(scored.scores[span.best]),
                cosine=max(-1.0, cosine) if cosine > UNKNOWN else 0.0,
                bm25=share * scored.matched.weight if share > 0 else None,
                vector_rank=int(np.count_nonzero(cosines > cosine)) + 1 if cosine > UNKNOWN else None,
                keyword_rank=int(np.count_nonzero(shares > share)) + 1 if share > 0 else None,
            )
        )
    return tuple(passages)
