"""From small chunks to what is given back: the section around a hit, several hits in one section as one passage."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from core.rag.chunking import Chunk
from core.rag.chunking.packing import SEPARATOR
from core.rag.snapshot import Snapshot

WIDTH = 1_200
"""A passage grows while it has at most so many terminal cells: 600 Hangul syllables, about 200 English words."""

REACH = 60
"""Chunks looked at in either direction of a hit."""


@dataclass(slots=True)
class Span:
    """Neighbouring chunks of one document: places in the snapshot, ``first <= place < last``."""

    best: int
    """The chunk that was found, the best of them."""
    first: int
    last: int


def spans(snapshot: Snapshot, ranked: Sequence[int], limit: int, *, expand: bool) -> list[Span]:
    """Return where the best chunks' passages are, best first; no chunk is in two.

    Args:
        ranked: Places of chunks, best first.
        limit: How many passages at most.
        expand: Whether to take what is around a hit.
    """
    found: list[Span] = []
    taken: set[int] = set()
    for place in ranked:
        if len(found) == limit:
            break
        if place in taken:
            continue
        first, last = _around(snapshot, place, taken) if expand else (place, place + 1)
        taken.update(range(first, last))
        found.append(Span(place, first, last))
    return found


def _around(snapshot: Snapshot, place: int, taken: set[int]) -> tuple[int, int]:
    """Return the largest section around a chunk that fits; from the next larger one, the neighbours that still fit."""
    low, high = _bounds(snapshot, place, taken)
    paths = {at: snapshot.sections[at].as_py().split(SEPARATOR) for at in range(low, high)}
    widths = {at: int(snapshot.widths[at]) for at in range(low, high)}
    first, last = place, place + 1
    for depth in range(len(paths[place]), -1, -1):
        shared = paths[place][:depth]
        left, right = first, last
        while left > low and paths[left - 1][:depth] == shared:
            left -= 1
        while right < high and paths[right][:depth] == shared:
            right += 1
        if sum(widths[at] for at in range(left, right)) > WIDTH:
            return _filled(widths, first, last, left, right)
        first, last = left, right
    return first, last


def _filled(widths: dict[int, int], first: int, last: int, low: int, high: int) -> tuple[int, int]:
    """Take neighbours on either side in turn, what follows before what comes before, while they fit."""
    used = sum(widths[at] for at in range(first, last))
    after = before = True
    while after or before:
        after = after and last < high and used + widths[last] <= WIDTH
        if after:
            used += widths[last]
            last += 1
        before = before and first > low and used + widths[first - 1] <= WIDTH
        if before:
            first -= 1
            used += widths[first]
    return first, last


def _bounds(snapshot: Snapshot, place: int, taken: set[int]) -> tuple[int, int]:
    """Return how far a passage may reach: to the document's ends and to other passages."""
    document = snapshot.documents[place]
    low = high = place
    while low > max(0, place - REACH) and snapshot.documents[low - 1] == document and low - 1 not in taken:
        low -= 1
    high = place + 1
    end = min(snapshot.size, place + REACH)
    while high < end and snapshot.documents[high] == document and high not in taken:
        high += 1
    return low, high


def joined(chunks: Iterable[Chunk]) -> str:
    """Join neighbouring chunks to one text, as the source has it; where chunks overlap nothing is repeated.

    White space between chunks is not kept in the index: line breaks are put back by the lines' numbers, the rest are
    spaces, so that the text has the source's length.
    """
    text = ""
    end = line = 0
    for chunk in chunks:
        body = chunk.text[-(chunk.char_end - chunk.char_start) :] if chunk.char_end > chunk.char_start else ""
        if not text:
            text, end, line = chunk.text, chunk.char_end, chunk.line + body.count("\n")
            continue
        if chunk.char_end <= end:
            continue
        gap = chunk.char_start - end
        if gap >= 0:
            breaks = max(0, min(gap, chunk.line - line)) if line and chunk.line else min(gap, 1)
            text += "\n" * breaks + " " * (gap - breaks) + body
        else:
            text += body[-gap:]
        end, line = chunk.char_end, chunk.line + body.count("\n")
    return text
