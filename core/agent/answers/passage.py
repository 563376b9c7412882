"""A passage taken apart for comparing: its sentences and rows with words, numbers and what stands above them."""

from __future__ import annotations

import csv
import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass

from core.agent.answers.negation import clauses
from core.agent.answers.numbers import Number, codes, numbers
from core.agent.answers.sentences import Sentence, sentences
from core.agent.answers.words import Word, bigrams, keys_of, words

_TABLE = re.compile(r"^\s*\|.*\|\s*$")
_BEHIND = re.compile(
    r"(?:까지|부터|이|가|은|는|을|를|의|에서|에|으로|로|마다|씩|간|당|만|도|며|고|입니다|이다|이상|이하|이내|미만|초과|안에|동안|짜리|정도|쯤|보다|"
    r"하고|과|와|인데|인|므로|여야|어야|합니다|한다|한|하며|됩니다|된다|째|밖에|나)+(?![가-힣])"
)
"""Particles behind a number: they are no words."""
_SEGMENT = re.compile(r",\s(?!\d{3}\b)|;\s|\s[·/]\s|\s\|\s")


@dataclass(frozen=True, slots=True)
class Segment:
    """The part of a sentence one of its numbers belongs to: between commas, or a cell with its column's name."""

    keys: frozenset[str]
    syllables: str
    numbers: tuple[Number, ...]
    labels: tuple[Word | None, ...]
    """For each number the word it belongs to."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A sentence or row of a passage."""

    start: int
    end: int
    text: str
    keys: frozenset[str]
    """Of its words, and of what stands above it (headings, column names)."""
    syllables: str
    """Its text and what stands above it, for words of one syllable."""
    numbers: tuple[Number, ...]
    codes: frozenset[str]
    segments: tuple[Segment, ...]
    alone: bool
    """A row: it is not read together with its neighbours."""
    named: tuple[tuple[str, str], ...] = ()
    """Of a row under column names: name and cell."""
    above: tuple[Number, ...] = ()
    """Numbers of the headings and column names."""
    topic: frozenset[str] = frozenset()
    """Keys of its first two words: what the sentences behind it go on about without naming it."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """A passage or answer sentence, read."""

    text: str
    words: tuple[Word, ...]
    numbers: tuple[Number, ...]
    codes: frozenset[str]


@functools.lru_cache(maxsize=2048)
def read(text: str) -> Parsed:
    """Read words, numbers and codes of a text."""
    found = numbers(text)
    named = codes(text)
    blank = list(text)
    for start, end in [(one.start, one.end) for one in found] + [(a, b) for _, a, b in named]:
        behind = _BEHIND.match(text, end)
        end = behind.end() if behind else end
        blank[start:end] = " " * (end - start)
    return Parsed(text, tuple(words("".join(blank))), tuple(found), frozenset(code for code, _, _ in named))


@functools.lru_cache(maxsize=256)
def units(passage: str) -> tuple[Unit, ...]:
    """Take a passage apart."""
    found: list[Unit] = []
    above: list[str] = []
    header: list[str] = []
    rows = list(sentences(passage))
    for place, one in enumerate(rows):
        text = one.text
        if text.startswith("#"):
            above = [*above[-2:], text.lstrip("# ")]
            header = []
            continue
        cells = _cells(one)
        if cells:
            if not header or len(cells) != len(header):
                following = rows[place + 1] if place + 1 < len(rows) else None
                if following is not None and len(_cells(following)) == len(cells):
                    header = cells
                    continue
                header = []
        else:
            header = []
        found.append(_unit(one, above, header, cells))
        if text.rstrip().endswith((":", "：")):
            above = [*above[-2:], text]
    return tuple(found) or tuple(_unit(one, [], [], []) for one in rows)


@functools.lru_cache(maxsize=256)
def bag(passage: str) -> tuple[frozenset[str], str, frozenset[str]]:
    """Return all keys of a passage's words, its text, and its codes."""
    pieces = units(passage)
    return (
        frozenset(key for one in pieces for key in one.keys),
        " ".join(one.syllables for one in pieces),
        frozenset(code for one in pieces for code in one.codes),
    )


def joined(passage: str, parts: Sequence[Unit]) -> Unit:
    """Return neighbouring sentences as one."""
    start, end = parts[0].start, parts[-1].end
    return Unit(
        start,
        end,
        passage[start:end],
        frozenset().union(*(one.keys for one in parts)),
        " ".join(one.syllables for one in parts),
        tuple(number for one in parts for number in one.numbers),
        frozenset().union(*(one.codes for one in parts)),
        tuple(segment for one in parts for segment in one.segments),
        False,
    )


def _cells(one: Sentence) -> list[str]:
    """Return the cells of a table's or data file's row; none for anything else."""
    if _TABLE.match(one.text):
        return [cell.strip() for cell in one.text.strip().strip("|").split("|")]
    if one.row and one.text.count(",") >= 2 and not re.search(r"[\n{}=;]|\w:\s", one.text):
        return next(csv.reader([one.text]), [])
    return []


def _unit(one: Sentence, above: Sequence[str], header: Sequence[str], cells: Sequence[str]) -> Unit:
    own = read(one.text)
    context = " ".join([*above, *header])
    more = read(context)
    return Unit(
        one.start,
        one.end,
        one.text,
        keys_of(own.words) | bigrams(one.text) | keys_of(more.words) | bigrams(context),
        f"{one.text} {context}",
        own.numbers,
        own.codes | more.codes,
        tuple(_segments(one.text, header, cells)),
        bool(cells) or one.code,
        tuple(zip(header, cells, strict=True)) if cells and len(header) == len(cells) else (),
        more.numbers,
        keys_of(own.words[:2]),
    )


def _segments(text: str, header: Sequence[str], cells: Sequence[str]) -> list[Segment]:
    if cells and len(header) == len(cells):
        parts = [f"{name} {cell}" for name, cell in zip(header, cells, strict=True)]
    else:
        parts = [
            part for start, end in clauses(text) for part in _SEGMENT.split(text[start:end]) if part.strip()
        ]
    return [
        Segment(keys_of(read(part).words) | bigrams(part), part, read(part).numbers, _labels(read(part)))
        for part in parts
    ]


def _labels(parsed: Parsed) -> tuple[Word | None, ...]:
    """Return the word each number belongs to: the nearest before it; in English else the first one behind."""
    first = next((word for word in parsed.words if word.text.isascii()), None)
    return tuple(
        next((word for word in reversed(parsed.words) if word.start < number.start), first)
        for number in parsed.numbers
    )
