"""What to know of an answer's sources: two that differ in a value, one that was replaced, one that changed meanwhile."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Sequence

from core.agent.answers.negation import negations
from core.agent.answers.numbers import Number, rivals, same
from core.agent.answers.passage import Unit, read, units
from core.agent.answers.words import bigrams, keys_of
from core.events import Citation, SourceNote
from core.text import clean_line, shorten

ALIKE = 0.62
"""Share of words two sentences have in common from which they speak of the same thing."""
LEAST = 3
"""Keys of words a sentence needs to be compared at all."""
MOST = 4
"""Notes shown of one answer."""
HEAD_CHARS = 400
"""How far into a passage it may say that its document is no longer in force."""

_REPLACED_NAME = re.compile(
    r"\(구\)|\[구\]|구버전|구 ?규정|폐지|폐기|개정 ?전|만료|이전 ?버전|"
    r"\b(?:superseded|deprecated|obsolete|withdrawn|outdated|archived|expired|old version|no longer valid)\b",
    re.IGNORECASE,
)
_REPLACED_TEXT = re.compile(
    r"(?:이|본) (?:문서|규정|지침|가격표|정책|안내)\S*\s.{0,40}(?:폐지|폐기|대체되|효력을 잃)|(?:대체되어|대체되었|폐지되었|폐지됨|폐기됨)|"
    r"\b(?:this (?:document|version|policy|price list|page)\b.{0,40}\b(?:superseded|replaced|withdrawn|deprecated|obsolete|no longer)|"
    r"(?:superseded|replaced) by\b|status:\s*(?:superseded|deprecated|obsolete|withdrawn))",
    re.IGNORECASE,
)
_VERSION = re.compile(
    r"(?:\bv(?:er(?:sion)?)?\.?\s?(\d+(?:\.\d+)*))|(?<!\d)((?:19|20)\d{2})(?!\d)(?:[-._](\d{1,2})(?:[-._](\d{1,2}))?)?|\brev(?:ision)?\.?\s?(\d+)",
    re.IGNORECASE,
)


def notes(answered: Sequence[Citation], found: Sequence[Citation]) -> tuple[SourceNote, ...]:
    """Return what to know.

    Args:
        answered: The passages the answer cites; their ``quote`` is what it takes from them.
        found: Everything that was found.
    """
    made: list[SourceNote] = [*_replaced(answered, found), *_stale(answered)]
    pairs: set[tuple[str, str]] = set()
    for one in answered:
        for other in found:
            key = (min(one.document_id, other.document_id), max(one.document_id, other.document_id))
            if one.document_id == other.document_id or key in pairs:
                continue
            if replaced(other) and not replaced(one):
                # That the old version says something else is what it was replaced for.
                continue
            values = difference(one, other)
            if values is not None:
                pairs.add(key)
                made.append(
                    SourceNote("conflict", (one.number, other.number), (_name(one), _name(other)), values)
                )
    return tuple(made[:MOST])


def difference(one: Citation, other: Citation) -> tuple[str, str] | None:
    """Return in which values two passages differ that say the same otherwise; ``None`` when they do not.

    A negation on one side only gives the two sentences.
    """
    theirs_all = [piece for piece in units(other.text) if len(_words(piece.text)) >= LEAST]
    for mine in _relevant(one):
        if len(_words(mine.text)) < LEAST:
            continue
        for theirs in theirs_all:
            if not _alike(mine, theirs):
                continue
            for number in mine.numbers:
                against = _against(number, theirs.numbers, mine.numbers)
                if against is not None:
                    return clean_line(_with_label(mine, number)), clean_line(_with_label(theirs, against))
            if (negations(mine.text) - negations(theirs.text)) % 2:
                return _short(mine), _short(theirs)
    return None


def _relevant(one: Citation) -> Iterable[Unit]:
    """Return the sentences the answer takes from a passage; all of them when it is not known which."""
    pieces = units(one.text)
    at = one.text.find(one.quote) if one.quote else -1
    if at < 0:
        return pieces
    return [piece for piece in pieces if piece.start < at + len(one.quote) and at < piece.end]


def _alike(one: Unit, other: Unit) -> bool:
    a, b = _words(one.text), _words(other.text)
    if len(a & b) / len(a | b) >= ALIKE:
        return True
    a, b = _pairs(one.text), _pairs(other.text)
    return len(a & b) / len(a | b) >= ALIKE


@functools.lru_cache(maxsize=2048)
def _words(text: str) -> frozenset[str]:
    return keys_of(read(text).words)


@functools.lru_cache(maxsize=2048)
def _pairs(text: str) -> frozenset[str]:
    return _words(text) | bigrams(text)


def _against(number: Number, theirs: Sequence[Number], mine: Sequence[Number]) -> Number | None:
    if any(same(number, one) for one in theirs):
        return None
    # A value the first passage has as well is no other value.
    return next((one for one in rivals(number, theirs) if not any(same(one, own) for own in mine)), None)


def _with_label(unit: Unit, number: Number) -> str:
    return shorten(number.text or unit.text, 40)


def _short(unit: Unit) -> str:
    return clean_line(unit.text, max_chars=60)


def _replaced(answered: Sequence[Citation], found: Sequence[Citation]) -> list[SourceNote]:
    made: list[SourceNote] = []
    seen: set[str] = set()
    for one in answered:
        if one.document_id in seen:
            continue
        if replaced(one) or _newer(one, found) is not None:
            seen.add(one.document_id)
            newer = _newer(one, found)
            made.append(
                SourceNote(
                    "superseded",
                    (one.number,) if newer is None else (one.number, newer.number),
                    (_name(one),) if newer is None else (_name(one), _name(newer)),
                )
            )
    return made


def replaced(one: Citation) -> bool:
    """Say whether a document says of itself that it is no longer in force."""
    if _REPLACED_NAME.search(_name(one)):
        return True
    return bool(_REPLACED_TEXT.search(one.text[:HEAD_CHARS]))


def _newer(one: Citation, found: Sequence[Citation]) -> Citation | None:
    """Return a passage of the same document in a later version, by the names."""
    mine = _versioned(_name(one))
    if mine is None:
        return None
    for other in found:
        theirs = _versioned(_name(other))
        if theirs is not None and theirs[0] == mine[0] and theirs[1] > mine[1]:
            return other
    return None


def _versioned(name: str) -> tuple[str, tuple[int, ...]] | None:
    """Take a name apart into what stays the same and the version: ``("leave policy", (2, 1))``."""
    stem = name.rsplit(".", 1)[0] if re.search(r"\.[A-Za-z]{2,4}$", name) else name
    stem = _REPLACED_NAME.sub(" ", stem)
    match = _VERSION.search(stem)
    if match is None:
        return None
    parts = [part for group in match.groups() if group for part in group.split(".")]
    rest = " ".join(re.findall(r"[\w가-힣]+", (stem[: match.start()] + " " + stem[match.end() :]).casefold()))
    return (rest, tuple(int(part) for part in parts)) if rest else None


def _stale(answered: Sequence[Citation]) -> list[SourceNote]:
    documents = dict.fromkeys((one.document_id, _name(one)) for one in answered if one.stale)
    return [
        SourceNote("stale", tuple(one.number for one in answered if one.document_id == id), (name,))
        for id, name in documents
    ]


def _name(one: Citation) -> str:
    return clean_line(one.document.replace("\\", "/").rsplit("/", 1)[-1])
