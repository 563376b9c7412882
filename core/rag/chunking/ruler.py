"""Widths within one text, and the places where it may be cut without tearing a character."""

from __future__ import annotations

import bisect
import re
import unicodedata
from array import array
from itertools import accumulate

MAX_MARKS = 64
"""More marks than this on one character are not text; they may be torn."""


class _Cells(dict[int, int]):
    """Width of a code point, looked up once for each."""

    def __missing__(self, code: int) -> int:
        self[code] = 2 if unicodedata.east_asian_width(chr(code)) in "WF" else 1
        return self[code]


_CELLS = _Cells()


def width(text: str) -> int:
    """Return the width of ``text`` in terminal cells: Hangul, Han and kana count two, as in tokens they weigh more."""
    if text.isascii():
        return len(text)
    return sum(text.translate(_CELLS).encode("latin-1"))


class Ruler:
    """Measures stretches of a text in constant time: the widths up to each character are added up once."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._upto: array[int] | None = None
        if not text.isascii():
            self._upto = array("I", accumulate(text.translate(_CELLS).encode("latin-1"), initial=0))

    def width(self, start: int, end: int) -> int:
        """Return the width of ``text[start:end]`` in cells."""
        return end - start if self._upto is None else self._upto[end] - self._upto[start]

    def reach(self, start: int, cells: int, end: int) -> int:
        """Return the last index up to ``end`` to which at most ``cells`` fit, at least one character on."""
        if self._upto is None:
            return min(end, start + max(1, cells))
        found = bisect.bisect_right(self._upto, self._upto[start] + cells, start, end + 1) - 1
        return max(found, min(end, start + 1))

    def back(self, end: int, cells: int, start: int) -> int:
        """Return the first index from ``start`` on from which at most ``cells`` fit before ``end``."""
        if self._upto is None:
            return max(start, end - cells)
        return bisect.bisect_left(self._upto, self._upto[end] - cells, start, end + 1)

    def trimmed(self, start: int, end: int) -> tuple[int, int]:
        """Return the stretch without blank lines before it and blanks after it; indentation stays."""
        body = self.text[start:end]
        end = start + len(body.rstrip())
        lead = len(body) - len(body.lstrip())
        return (start + body.rfind("\n", 0, lead) + 1 if start + lead < end else end), end

    def cut(self, start: int, cells: int, end: int, *, at_space: bool = True) -> int:
        """Return where to end a piece of at most ``cells`` that starts at ``start``.

        At the last space in its second half, else between two characters as a reader sees them.
        """
        stop = self.reach(start, cells, end)
        if stop >= end:
            return end
        if at_space:
            space = max(self.text.rfind(sign, start + 1, stop) for sign in " \n\t")
            if space > start + (stop - start) // 2:
                return space + 1
        return safe(self.text, stop, start + 1)

    def pieces(self, start: int, end: int, cells: int) -> list[tuple[int, int]]:
        """Cut a stretch into pieces of at most ``cells``, at spaces where it has some."""
        found = []
        while start < end:
            stop = self.cut(start, cells, end)
            found.append((start, stop))
            start = stop
        return found


def safe(text: str, position: int, least: int) -> int:
    """Return the last place up to ``position`` that is between two characters as a reader sees them.

    Marks, joined emoji, flags and decomposed Hangul stay whole; when that would go below ``least``, or the marks are
    too many to be text, ``position`` itself is returned.
    """
    at = position
    while at > 0 and at < len(text) and _joined(text, at):
        at -= 1
        if at < least or position - at > MAX_MARKS:
            return position
    return at


def after_mark(text: str, position: int, most: int) -> int:
    """Return the first place from ``position`` to ``most`` that is between two characters as a reader sees them."""
    at = position
    while 0 < at < min(len(text), most) and _joined(text, at):
        at += 1
        if at - position > MAX_MARKS:
            return position
    return at


def _joined(text: str, at: int) -> bool:
    """Say whether the characters around ``at`` are one for a reader (the rules of UAX 29 that documents need)."""
    before, after = text[at - 1], text[at]
    if before == "\r" and after == "\n":
        return True
    if after < "\u0300":
        return False
    if after == "\u200d" or before == "\u200d" or unicodedata.category(after)[0] == "M":
        return True
    code = ord(after)
    if 0x1160 <= code <= 0x11FF or 0xD7B0 <= code <= 0xD7FF:
        # A vowel or a final consonant of decomposed Hangul.
        return True
    if 0x1F3FB <= code <= 0x1F3FF:
        return True
    return _flag(after) and _flag(before) and _flags_before(text, at) % 2 == 1


def _flags_before(text: str, at: int) -> int:
    """Count the regional letters directly before ``at``; two make a flag. More than a line of them count as none."""
    first = at
    while first > 0 and _flag(text[first - 1]):
        first -= 1
        if at - first > MAX_MARKS:
            return 0
    return at - first


def _flag(char: str) -> bool:
    return "\U0001f1e6" <= char <= "\U0001f1ff"


#: A sentence ends at its mark and the quotes that close with it: before white space, and in Korean and Japanese
#: also where the next sentence follows directly; and at a line's end, unless the line goes on in small letters.
_SENTENCE_END = re.compile(
    r"(?<=[.!?…。！？])[\"'”’)\]」』]*\s+|(?<=[다요까죠]\.)(?=[가-힣])|(?<=[。！？])(?=[^\s」』”’)])|\n+(?![a-z])"
)
#: A full stop after these ends no sentence: an item's number, an initial, a usual abbreviation.
_NO_END = re.compile(
    r"(?:(?:^|[\s(])(?:\d{1,3}|[A-Za-z가-하]|e\.g|i\.e|cf|vs|etc|Dr|Mr|Mrs|Ms|Prof|St|No|Nos|Fig|Figs|Sec|Art|approx|Inc|Ltd|Co))\.$"
)


def sentences(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Return the sentences of a stretch, one directly after the other."""
    found, position = [], start
    for match in _SENTENCE_END.finditer(text, start, end):
        stop = match.end()
        if stop <= position or stop >= end:
            continue
        if "\n" not in match[0] and _NO_END.search(text[max(position, match.start() - 10) : match.start()]):
            continue
        found.append((position, stop))
        position = stop
    if position < end:
        found.append((position, end))
    return found
