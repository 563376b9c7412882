"""Whether what was found answers the question, or the documents say nothing about it.

A question about a thing that is described, asking what is not said of it, finds good passages. So the best passage is held
against the question: does it have the word for what is asked, the codes and numbers, the kind of answer that is wanted (a date,
an amount of money, a name)? What each of these weighs was fitted to the training questions of the sample set
(``benchmarks/abstain.py``). It sees words, not meaning: an answer in words nobody could foresee is missed, and a passage that
has all the words without answering is taken.
"""

from __future__ import annotations

import functools
import math
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING

from core.rag import wanted
from core.rag.asked import LONGEST as QUESTION
from core.rag.asked import Asked, Word, understand
from core.rag.keywords import terms
from core.rag.romanise import hangul

if TYPE_CHECKING:
    from core.rag.snapshot import Snapshot

RIVALS = 5
"""The best passage's score is compared with that of the one so many places after."""

SYNONYM, TRANSLATION = 0.7, 0.85
"""What a synonym and a translation count of the word itself."""

MET = 0.6
"""Share of a Korean word's syllable pairs from which it is met; below, a part that is there counts half."""

LONGEST = 4_000
PIECES = 150
"""Characters and sentences of a passage that are looked at; few have as many."""

UNHEARD = 0.2
"""What is left of the confidence when the question names a code, such as ``E33``, that no document has."""

THRESHOLD = 0.66
"""Below it the search says that the documents have no answer. In cross-validation on the training questions F1 is about the same
up to 0.78; here 6 % of the questions that have an answer are turned away, there 14 %."""


@dataclass(frozen=True, slots=True)
class Found:
    """What was found first."""

    text: str
    section: str
    place: int
    """Its best chunk's place in the snapshot."""
    cosine: float
    """That chunk's similarity to the question."""
    lead: float
    """Its score above that of the passage :data:`RIVALS` places on, 0–1."""


@dataclass(frozen=True, slots=True)
class Signs:
    """What the decision rests on; all 0 where the question has nothing of the kind."""

    lacking: float = 0.0
    """Share of the words for what is asked that the passage does not have, 0–1; 0 for a question to be answered by yes or no."""
    topic: float = 0.0
    """Share of the other things the question names that it has, 0–1, codes included."""
    codes: float = 0.0
    """1 when a code of the question is not in it."""
    numbers: float = 0.0
    """Numbers of the question it does not have with the word they belong to, 1.5 at most."""
    things: float = 0.0
    """Things the question names that the passage has, each counting its rarity, 0–1."""
    others: float = 0.0
    """As many of its other words."""
    named: float = 0.0
    """As many of its codes."""
    lead: float = 0.0
    """:attr:`Found.lead`."""
    near: float = 0.0
    """Similarity in meaning beyond what unrelated texts have, 0–1."""
    unfit: float = 0.0
    """1 when the sentences that come nearest have no answer of the kind wanted."""
    abroad: float = 0.0
    """1 when question and passage differ in language: then fewer words are met."""
    unheard: float = 0.0
    """1 when a code of the question is in no document. A rule, not fitted: such questions are rare."""


BASE = 0.293
WEIGHTS = Signs(
    lacking=-1.252,
    topic=0.569,
    codes=-1.048,
    numbers=-0.911,
    things=0.426,
    others=0.875,
    named=1.03,
    lead=0.863,
    near=1.716,
    unfit=-1.864,
    abroad=0.655,
)
"""Logistic model, fitted to the 347 training questions of the sample set by ``benchmarks/abstain.py``."""


def confidence(seen: Signs) -> float:
    """Return how likely the answer is there, 0–1."""
    total = BASE + sum(weight * sign for weight, sign in zip(astuple(WEIGHTS), astuple(seen), strict=True))
    return (UNHEARD if seen.unheard else 1.0) / (1 + math.exp(-total))


def signs(snapshot: Snapshot, query: str, found: Found) -> Signs:
    """Hold the best passage against the question.

    Args:
        snapshot: What was searched.
        query: The question as it was asked.
        found: The best passage.
    """
    asked = understand(query, snapshot.vocabulary)
    words = asked.words
    text = found.text[:LONGEST]
    pieces = [piece for piece in _PIECES.split(text) if piece.strip()][:PIECES]
    keys = [_keys(piece) for piece in pieces]
    head = frozenset(terms(found.section))
    levels = _levels(snapshot, asked, found, text, head.union(*keys))
    rarest = math.log(1 + (snapshot.size - 0.5) / 1.5) or 1.0
    worth = [_rarity(snapshot, word) / rarest for word in words]
    has = _nearest_has(query, asked, pieces, keys, head, levels, worth)
    thing = [word.role == "thing" for word in words]
    code = [word.role == "code" for word in words]
    about = [
        (one or two) and not (one and word.asked and not asked.bare)
        for one, two, word in zip(thing, code, words, strict=True)
    ]
    goal = [word.asked and not asked.yes_or_no for word in words]
    missing = [1 - level for level in levels]
    return Signs(
        lacking=_share(goal, worth, missing, 0.0),
        topic=_share(about, worth, levels, 0.2),
        codes=min(1.0, _sum(code, missing)),
        numbers=min(1.5, _sum([word.role == "number" for word in words], missing)),
        things=_sum(thing, worth, levels),
        others=_sum([word.role in ("other", "counter") for word in words], worth, levels),
        named=_sum(code, worth, levels),
        lead=found.lead,
        near=max(0.0, (found.cosine - snapshot.floor) / (1 - snapshot.floor)),
        unfit=float(not has),
        abroad=float(asked.korean != (len(_HANGUL.findall(text)) > 20)),
        unheard=float(
            any(
                one and not snapshot.frequency(word.unit.own[0])
                for one, word in zip(code, words, strict=True)
            )
        ),
    )


def met(snapshot: Snapshot, asked: Asked, found: Found) -> list[float]:
    """Return how far the best passage has each word of the question, 0–1."""
    text = found.text[:LONGEST]
    pieces = [piece for piece in _PIECES.split(text) if piece.strip()][:PIECES]
    return _levels(snapshot, asked, found, text, frozenset(terms(found.section)).union(*map(_keys, pieces)))


@functools.lru_cache(2_048)
def _keys(piece: str) -> frozenset[str]:
    return frozenset(terms(piece))


def _sum(chosen: Sequence[bool], *factors: Sequence[float]) -> float:
    total = 0.0
    for one, row in zip(chosen, zip(*factors, strict=True), strict=True):
        total += math.prod(row) if one else 0.0
    return total


def _share(chosen: Sequence[bool], worth: Sequence[float], levels: Sequence[float], doubt: float) -> float:
    """Return the weighted mean of the levels chosen; ``doubt`` draws it to 0 where there are few."""
    total = _sum(chosen, worth) + doubt
    return _sum(chosen, worth, levels) / total if total else 0.0


def _rarity(snapshot: Snapshot, word: Word) -> float:
    total = 0.0
    for term in word.unit.own:
        total += snapshot.rarity(term)
    return total / len(word.unit.own)


# -- words ------------------------------------------------------------------------------------------

_HANGUL = re.compile(r"[가-힣]")
_LATIN_NAME = re.compile(r"\b[A-Z][a-z]{3,15}\b")


def _levels(snapshot: Snapshot, asked: Asked, found: Found, text: str, there: frozenset[str]) -> list[float]:
    """Return how far the passage has each word, 0–1."""
    levels = [_level(word, there) for word in asked.words]
    flat = _flat(f"{found.section} {text}") if any(word.role == "number" for word in asked.words) else ""
    names: frozenset[str] | None = None
    for at, word in enumerate(asked.words):
        if word.role == "number":
            levels[at] = _number(word, flat, levels[at])
        elif levels[at] < MET:
            # The name of the document is not in its text, but among the keywords of its chunks.
            noted = frozenset(term for term in word.terms if _has(snapshot, found.place, term))
            levels[at] = max(levels[at], _level(word, there | noted)) if noted else levels[at]
        if levels[at] < MET and asked.korean and word.role == "thing":
            if names is None:
                names = _spelt(f"{found.section} {text}")
            levels[at] = TRANSLATION if word.said in names else levels[at]
    return levels


def _level(word: Word, there: frozenset[str]) -> float:
    own = word.unit.own
    if word.role == "code":
        return float(own[0] in there)
    share = sum(term in there for term in own) / len(own)
    level = share if share >= MET or len(own) == 1 else share / 2
    if level >= TRANSLATION:
        return level
    if any(there.issuperset(phrase) for phrase in word.unit.other):
        return TRANSLATION
    if level < SYNONYM and any(there.issuperset(phrase) for phrase in word.unit.same):
        return SYNONYM
    return level


def _has(snapshot: Snapshot, place: int, term: str) -> bool:
    import numpy as np

    chunks, _gain = snapshot.having(term)
    # Of the same type: it would copy every entry to compare them with another one.
    at = int(np.searchsorted(chunks, chunks.dtype.type(place)))
    return at < len(chunks) and int(chunks[at]) == place


def _flat(text: str) -> str:
    return re.sub(r"[\s\-]+", "", text.casefold())


def _number(word: Word, flat: str, level: float) -> float:
    """Return how far a number is met with the word it belongs to: ``line 4`` is not met by ``4 hours``."""
    number = re.escape(word.said)
    if not word.beside:
        return level
    if "가" <= word.beside <= "힣":
        return 1.0 if re.search(rf"(?<!\d){number}{word.beside}", flat) else 0.3 * (level > 0)
    return 1.0 if re.search(rf"{re.escape(word.beside)}s?{number}(?!\d)", flat) else level / 2


def _spelt(text: str) -> frozenset[str]:
    """Return how the names in Latin letters may be written in Hangul."""
    found = {name.casefold() for name in _LATIN_NAME.findall(text)}
    return frozenset(spelling for name in found for spelling in hangul(name))


# -- the kind of answer -----------------------------------------------------------------------------

_PIECES = re.compile(r"(?<=[.!?。])\s+|\n+")
_WHOLE = re.compile(r"[.!?다요]$")
_RECORD = re.compile(r"\S+\[\d+\]\.")
_CELL = 40
"""A line that is shorter and no sentence is a cell of a table; the value stands in one of the next two."""
_LOOKED_AT = 3
_AS_NEAR = 0.9
"""Sentences that meet so much of what the best one meets count as well."""


def _nearest_has(
    query: str,
    asked: Asked,
    pieces: Sequence[str],
    keys: Sequence[frozenset[str]],
    head: frozenset[str],
    levels: Sequence[float],
    worth: Sequence[float],
) -> bool:
    """Say whether the sentences that come nearest to the question have the kind of answer it wants."""
    if not asked.wants:
        return True
    counts = []
    for word, level, rarity in zip(asked.words, levels, worth, strict=True):
        if level:
            counts.append(
                (
                    word,
                    rarity
                    * _IMPORTANCE[word.role]
                    * (1.5 if word.asked else 1)
                    * (1 - 0.6 * _level(word, head)),
                )
            )
    met = [sum(weight * _level(word, there) for word, weight in counts if weight) for there in keys]
    order = sorted(range(len(pieces)), key=lambda at: -met[at])[:_LOOKED_AT]
    near = "\n".join(_around(pieces, at) for at in order if met[at] >= _AS_NEAR * met[order[0]])
    return wanted.has(
        asked.wants, asked.counter, unicodedata.normalize("NFC", query[: 3 * QUESTION])[:QUESTION], near
    )


_IMPORTANCE = {"thing": 1.0, "code": 1.0, "number": 1.0, "other": 0.4, "counter": 0.4}


def _around(pieces: Sequence[str], at: int) -> str:
    """Return a sentence with what belongs to it: the rows under a table's head, the fields of a record, the cells after one."""
    piece = pieces[at]
    if piece.startswith("#"):
        return "\n".join(pieces[at + 1 : at + 3])
    if piece.startswith("|"):
        if at and pieces[at - 1].startswith("|"):
            return piece
        end = at
        while end < len(pieces) and pieces[end].startswith("|"):
            end += 1
        return "\n".join(pieces[at + 1 : end])
    record = _RECORD.match(piece)
    if record:
        return "\n".join(one for one in pieces if one.startswith(record[0]))
    if len(piece) < _CELL and not _WHOLE.search(piece):
        return "\n".join(pieces[at : at + 3])
    return piece
