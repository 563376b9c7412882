"""Cuts Korean and English text into sentences, with their places; what is no prose (rows, items, code) stays whole."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

CITATION = re.compile(r"\[(\d{1,3}(?:\s*[,;]\s*\d{1,3})*)\]")
"""``[1]`` and ``[1, 2]``."""

WRAPPED = 38
"""Cells from which a line that ends without a mark may go on in the next one: shorter lines are lines by themselves."""

_FENCE = re.compile(r"^[ \t]*(`{3,}|~{3,})[^\n]*\n.*?(?:^[ \t]*\1[`~]*[ \t]*$|\Z)", re.MULTILINE | re.DOTALL)
_MARKER = re.compile(r"[ \t]*(?:[-*+•·▪◦○●]|\(?\d{1,3}[.)]|[가-하][.)]|[①-⑳]|>)[ \t]+")
_HEADING = re.compile(r"[ \t]*#{1,6}[ \t]")
_RULE = re.compile(r"[ \t]*[-=_*|:+ \t]{3,}$")
_END = re.compile(
    r"[.!?。！？…]+[\"'”’)\]」』》]*(?:[ \t]*\[\d{1,3}(?:\s*[,;]\s*\d{1,3})*\][.,;]?)*(?=\s|$)"
    r"|[”\"](?:[ \t]*\[\d{1,3}(?:\s*[,;]\s*\d{1,3})*\])+(?=\s|$)"
)
_SHORT = re.compile(
    r"(?:^|[\s(\[“\"'])(?:no|nos|mr|mrs|ms|dr|prof|e\.g|i\.e|etc|vs|cf|approx|fig|figs|art|sec|ch|vol|pp?|ed|inc|ltd|"
    r"co|corp|st|max|min|tel|ext|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec|[A-Z])$",
    re.IGNORECASE,
)
_ALWAYS = re.compile(r"(?:^|\s)(?:etc|inc|ltd|co|corp|p\.m|a\.m)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence, row or item of a text."""

    start: int
    end: int
    text: str
    """``source[start:end]``, as it is."""
    code: bool = False
    """A fenced block."""
    row: bool = False
    """A line of a table, list or data file: it says what it says without its neighbours."""


def sentences(text: str) -> list[Sentence]:
    """Cut a text into sentences, in order; nothing but white space and rules is left out.

    Numbers (``3.5``), dates (``2025. 3. 14.``), abbreviations (``No. 3``), addresses and list items stay whole; a citation
    behind a full stop belongs to the sentence before it.
    """
    found: list[Sentence] = []
    at = 0
    for fence in _FENCE.finditer(text):
        found += _blocks(text, at, fence.start())
        found += _trimmed(text, fence.start(), fence.end(), code=True)
        at = fence.end()
    return found + list(_blocks(text, at, len(text)))


def _blocks(text: str, start: int, end: int) -> Iterator[Sentence]:
    """Cut a part without code blocks into paragraphs, rows and items, and those into sentences."""
    paragraph: list[tuple[int, int]] = []
    at = start
    lines: list[tuple[int, int]] = []
    while at < end:
        stop = text.find("\n", at, end)
        stop = end if stop < 0 else stop
        lines.append((at, stop))
        at = stop + 1
    for a, b in lines:
        line = text[a:b]
        if not line.strip() or _RULE.match(line):
            yield from _paragraph(text, paragraph)
            paragraph = []
        elif _HEADING.match(line) or line.lstrip().startswith("|"):
            yield from _paragraph(text, paragraph)
            paragraph = []
            yield from _trimmed(text, a, b, row=True)
        elif _MARKER.match(line):
            yield from _paragraph(text, paragraph)
            paragraph = [(a, b)]
        else:
            paragraph.append((a, b))
    yield from _paragraph(text, paragraph)


def _paragraph(text: str, lines: list[tuple[int, int]]) -> Iterator[Sentence]:
    if not lines:
        return
    item = bool(_MARKER.match(text[lines[0][0] : lines[0][1]]))
    if _is_data(text, lines):
        for a, b in lines:
            yield from _trimmed(text, a, b, row=True)
        return
    start = lines[0][0]
    for place, (a, b) in enumerate(lines):
        last = place == len(lines) - 1
        if last or not _goes_on(text[a:b]):
            yield from _prose(text, start, b, row=item)
            if not last:
                start = lines[place + 1][0]


def _is_data(text: str, lines: list[tuple[int, int]]) -> bool:
    """Say whether the lines are rows of a data file or source code instead of wrapped prose."""
    if len(lines) < 2:
        return False
    commas = [text[a:b].count(",") for a, b in lines]
    if min(commas) >= 2 and max(commas) - min(commas) <= 3:
        return True
    ended = sum(text[a:b].rstrip().endswith((".", "!", "?", "。", ".”", '."')) for a, b in lines)
    coded = sum(bool(re.search(r"[{}=;]|^\s*[\w.-]+:\s|\t", text[a:b])) for a, b in lines)
    return coded * 2 >= len(lines) and ended * 3 < len(lines)


def _goes_on(line: str) -> bool:
    """Say whether a line may be the first part of a wrapped one."""
    if line.rstrip().endswith((".", "!", "?", "。", ":", "：")):
        return False
    cells = sum(2 if "가" <= char <= "힣" else 1 for char in line)
    return cells >= WRAPPED or line.rstrip().endswith(",")


def _prose(text: str, start: int, end: int, *, row: bool) -> Iterator[Sentence]:
    begin = start
    marker = _MARKER.match(text, start, end)
    search_from = marker.end() if marker else start
    for match in _END.finditer(text, search_from, end):
        if match.start() < begin or not _is_end(text, begin, match, end):
            continue
        yield from _trimmed(text, begin, match.end(), row=row)
        begin = match.end()
    yield from _trimmed(text, begin, end, row=row)


def _is_end(text: str, begin: int, match: re.Match[str], end: int) -> bool:
    if match[0][0] != ".":
        return True
    # What decides is near: looking at all of it would take quadratic time in a text made of abbreviations.
    before = text[max(begin, match.start() - 40) : match.start()]
    after = text[match.end() : min(end, match.end() + 40)].lstrip()
    if not after:
        return True
    if match[0] == ".":
        # 2025. 3. 14. and 1. 2.: a number, its dot, and another number.
        if re.search(r"(?:^|[\s(])\d{1,4}$", before) and re.match(r"\d{1,2}[.,)\s]", after):
            return False
        if before[-1:].isdigit() and after[0].islower():
            return False
        if _SHORT.search(before):
            return bool(_ALWAYS.search(before)) and after[:1].isupper()
        if re.search(r"[ap]\.m$", before, re.IGNORECASE):
            return after[:1].isupper()
        if re.fullmatch(r"\s*\d{1,3}", before):
            return False
    return True


def _trimmed(text: str, start: int, end: int, *, code: bool = False, row: bool = False) -> Iterator[Sentence]:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    # A citation that stands alone belongs to nothing, and is no sentence.
    if start < end and not CITATION.sub("", text[start:end]).strip(" .,;“”\"'"):
        return
    if start < end:
        yield Sentence(start, end, text[start:end], code, row)
