"""Source code cut at its definitions, each with the names of what it is inside of: the strategy ``code``.

No parser of any language: indentation shows where definitions start in nearly all code there is, in every language,
in files that do not compile too.
"""

from __future__ import annotations

import itertools
import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from core.rag.chunking.packing import SEPARATOR, Span, lines, speaks
from core.rag.chunking.ruler import Ruler
from core.rag.chunking.types import Chunking

MAX_INDENT = 40
"""Deeper lines count as this deep."""

TAB = 4

MAX_LEAD = 60
"""Lines of comment looked through for the definition below them."""

#: A line that starts a definition, and its name. Modifiers before it, whatever they are, in bounded number.
_DEFINITION = re.compile(
    r"(?:[\w@.]+(?:\([^()]{0,80}\))?[ \t]+){0,6}?(?:def|class|function|func|fn|fun|interface|trait|struct|enum|record|impl|type|namespace|module"
    r"|(?i:create[ \t]+(?:or[ \t]+replace[ \t]+)?(?:temp(?:orary)?[ \t]+)?(?:table|view|function|procedure|trigger|index)(?:[ \t]+if[ \t]+not[ \t]+exists)?))"
    r"[ \t]+(?:\([^()]{0,120}\)[ \t]*)?[`\"']?([A-Za-z_가-힣$][\w.$:]{0,80})"
)
#: ``[section]`` of a settings file, ``name() {`` of a shell, ``name = function``, ``int main(void) {`` of C and its kin.
_SECTION = re.compile(r"\[{1,2}([\w.\- \"']{1,80})\]{1,2}\s*$")
_CALLABLE = re.compile(
    r"(?:[\w:<>,&*~\[\]]+[ \t]+){0,6}[*&]{0,3}([A-Za-z_$][\w$:~]{0,80})[ \t]*\([^;]{0,300}$"
)
_NO_NAME = {"if", "for", "while", "switch", "return", "else", "elif", "catch", "with", "except", "print", "assert", "and", "or", "not", "do", "new", "throw", "await", "yield", "sizeof", "echo", "test", "exit"}  # fmt: skip
#: Lines that belong to what is above them.
_CLOSER = re.compile(r"[{})\]]|(?:else|elif|except|finally|catch|end|esac|fi|done|then)\b|\*/|-->")
_BEFORE_DEFINITION = re.compile(r"@|#|//|/\*|\*|--")
_TRIPLE = re.compile(r"\"\"\"|'''")


@dataclass(frozen=True, slots=True)
class _Line:
    start: int
    end: int
    indent: int
    """In columns; -1 for a blank line."""
    rank: int
    """How good a place to cut this line's start is: lower is better, :data:`_NEVER` when it is none."""
    name: str
    """Of the definition that starts here."""
    leads: bool = False
    """A comment or a decorator: it belongs to what is below it."""


_NEVER = 1 << 20


def code_spans(ruler: Ruler, chunking: Chunking, *, python: bool) -> list[Span]:
    """Return the spans of a source file: whole definitions where they fit, joined where they are small."""
    found = _scanned(ruler.text, python)
    starts = [line.start for line in found]
    pieces: list[tuple[int, int]] = []
    _split(ruler, found, 0, len(found), chunking, pieces)
    spans: list[Span] = []
    places = _Places(found)
    for start, end in pieces:
        start, end = ruler.trimmed(start, end)
        if start >= end:
            continue
        if not speaks(ruler.text[start:end]):
            # A closing bracket that fell off goes with what it closes.
            if spans and ruler.width(spans[-1].start, end) <= chunking.limit:
                spans[-1].end = end
            continue
        spans.append(Span(start, end, places.section(bisect_right(starts, start) - 1)))
    return spans


def _scanned(text: str, python: bool) -> list[_Line]:
    found: list[_Line] = []
    quote = ""
    after_blank = True
    lead = -1  # the first of the comment and decorator lines directly above
    wrapped = False  # inside a decorator's arguments
    for start, end in lines(text, 0, len(text)):
        head = text[start : min(end, start + 600)]
        body = head.strip()
        if not body:
            found.append(_Line(start, end, -1, _NEVER, ""))
            after_blank, lead = True, -1
            continue
        indent = min(MAX_INDENT, len(head[: len(head) - len(head.lstrip())].expandtabs(TAB)))
        inside = bool(quote)
        quote = _quote_after(quote, text[start:end]) if python else ""
        name = "" if inside else _name(body, indent, python)
        rank = (
            _NEVER if inside or _CLOSER.match(body) else 4 * indent + (0 if name else 1 if after_blank else 2)
        )
        if name and lead >= 0:
            # The cut is above the comment and the decorators of a definition, not below them.
            first = found[lead]
            found[lead] = _Line(first.start, first.end, first.indent, rank, "", True)
            rank = _NEVER
        wrapped = wrapped and lead >= 0 and (indent > found[lead].indent or body[0] in ")]")
        leads = not inside and not name and (wrapped or bool(_BEFORE_DEFINITION.match(body)))
        found.append(_Line(start, end, indent, rank, name, leads))
        if not wrapped:
            lead = (len(found) - 1 if lead < 0 or found[lead].indent != indent else lead) if leads else -1
        wrapped = wrapped or body[0] == "@"
        after_blank = False
    return found


def _name(body: str, indent: int, python: bool) -> str:
    found = _DEFINITION.match(body) or (_SECTION.match(body) if not indent else None)
    if (
        found is None
        and not python
        and indent <= 2 * TAB
        and body[-1] in "{(,"
        and "=" not in body.partition("(")[0]
    ):
        found = _CALLABLE.match(body)
    if found is None:
        return ""
    name = found[1].strip(" :\"'")
    return "" if name in _NO_NAME or body.split(None, 1)[0] in _NO_NAME else name


def _quote_after(quote: str, line: str) -> str:
    """Return which triple quote is open after a line of Python, given the one open before it."""
    for mark in _TRIPLE.finditer(line):
        if not quote:
            quote = mark[0]
        elif quote == mark[0]:
            quote = ""
    return quote


def _split(
    ruler: Ruler,
    found: Sequence[_Line],
    first: int,
    last: int,
    chunking: Chunking,
    into: list[tuple[int, int]],
) -> None:
    """Cut lines ``first:last`` at the best places in them, and what is still too large at the next best."""
    if first >= last:
        return
    start, end = found[first].start, found[last - 1].end
    if ruler.width(*ruler.trimmed(start, end)) <= chunking.limit:
        into.append((start, end))
        return
    best = min((found[index].rank for index in range(first + 1, last)), default=_NEVER)
    if best == _NEVER:
        # One line, or the inside of one long string.
        into.extend(_by_line(ruler, found[first:last], chunking.size))
        return
    cuts = [first, *(index for index in range(first + 1, last) if found[index].rank == best), last]
    joined = -1  # where the run of whole neighbours starts that the next one may join
    for begin, stop in itertools.pairwise(cuts):
        from_, to = found[begin].start, found[stop - 1].end
        if joined >= 0 and ruler.width(*ruler.trimmed(joined, to)) <= chunking.size:
            into[-1] = (joined, to)
        elif ruler.width(*ruler.trimmed(from_, to)) <= chunking.limit:
            into.append((from_, to))
            joined = from_
        else:
            _split(ruler, found, begin, stop, chunking, into)
            joined = -1


def _by_line(ruler: Ruler, found: Sequence[_Line], size: int) -> list[tuple[int, int]]:
    pieces: list[tuple[int, int]] = []
    for line in found:
        for start, end in ruler.pieces(line.start, line.end, size):
            if pieces and ruler.width(*ruler.trimmed(pieces[-1][0], end)) <= size:
                pieces[-1] = (pieces[-1][0], end)
            else:
                pieces.append((start, end))
    return pieces


class _Places:
    """Tells which definitions a line is inside of, asked in the order of the lines."""

    def __init__(self, found: Sequence[_Line]) -> None:
        self._lines = found
        self._next = 0
        self._open: list[tuple[int, str]] = []

    def section(self, line: int) -> str:
        """Return the path at ``line``; comments and decorators there belong to the definition below them."""
        reached = line
        most = min(len(self._lines) - 1, line + MAX_LEAD)
        while reached < most and self._lines[reached].leads:
            reached += 1
        while self._next <= reached:
            at = self._lines[self._next]
            # A blank line, a closing bracket or the inside of a string ends no definition.
            if at.rank != _NEVER or at.name:
                self._open = [item for item in self._open if item[0] < at.indent]
            if at.name:
                self._open.append((at.indent, at.name))
            self._next += 1
        return SEPARATOR.join(name for _indent, name in self._open[:6])
