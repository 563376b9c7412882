"""Texts cut by width alone: the strategies ``recursive`` and ``fixed``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from core.rag.chunking.blocks import Block
from core.rag.chunking.packing import Path, Span, lines, speaks
from core.rag.chunking.ruler import Ruler, after_mark, sentences
from core.rag.chunking.types import Chunking

Stretch = tuple[int, int]


def recursive(ruler: Ruler, blocks: Sequence[Block], chunking: Chunking, start: int, end: int) -> list[Span]:
    """Cut at the largest gap that fits: between paragraphs, else lines, sentences, words, characters."""
    core = chunking.size - chunking.overlap
    whole = chunking.limit - chunking.overlap
    units: list[Stretch] = []
    for unit_start, unit_end, kind in _units(ruler, blocks, core, start, end):
        span = ruler.width(*ruler.trimmed(unit_start, unit_end))
        if span <= core or (kind in ("table", "code") and span <= whole):
            _join(ruler, units, [(unit_start, unit_end)], core)
        else:
            # What is too large is cut by itself, as its pieces say more together than with the neighbours.
            units.extend(_smaller(ruler, unit_start, unit_end, core, 1 if kind == "text" else 0))
            units.append((unit_end, unit_end))
    return _spans(ruler, blocks, units, chunking.overlap, start, at_words=True)


def fixed(ruler: Ruler, blocks: Sequence[Block], chunking: Chunking, start: int, end: int) -> list[Span]:
    """Cut at equal widths, wherever that is, only not inside a character."""
    cuts: list[Stretch] = []
    begin = start
    while begin < end:
        stop = ruler.cut(begin, chunking.size - chunking.overlap, end, at_space=False)
        cuts.append((begin, stop))
        begin = stop
    return _spans(ruler, blocks, cuts, chunking.overlap, start, at_words=False)


def _units(
    ruler: Ruler, blocks: Sequence[Block], core: int, start: int, end: int
) -> Iterable[tuple[int, int, str]]:
    """Yield stretches without gaps between them, one for each block; a heading with the block below it if that fits."""
    begin, head = start, False
    for number, block in enumerate(blocks):
        stop = blocks[number + 1].start if number + 1 < len(blocks) else end
        if block.kind == "heading":
            if head and ruler.width(begin, stop) > core:
                yield begin, block.start, "text"
                begin = block.start
            head = True
            continue
        if head and ruler.width(begin, stop) > core and begin < block.start:
            yield begin, block.start, "text"
            begin = block.start
        yield begin, stop, block.kind
        begin, head = stop, False
    if begin < end:
        yield begin, end, "text"


def _smaller(ruler: Ruler, start: int, end: int, core: int, level: int) -> list[Stretch]:
    """Cut a stretch at level 0 (lines that mean something), 1 (lines), 2 (sentences), and what is too large one below."""
    found: list[Stretch] = []
    for piece in lines(ruler.text, start, end) if level < 2 else sentences(ruler.text, start, end):
        if ruler.width(*piece) <= core:
            _join(ruler, found, [piece], core)
        elif level == 1:
            found.extend(_smaller(ruler, *piece, core, 2))
        else:
            found.extend(ruler.pieces(*piece, core))
    return found


def _join(ruler: Ruler, into: list[Stretch], pieces: Iterable[Stretch], core: int) -> None:
    for start, end in pieces:
        if into and ruler.width(*ruler.trimmed(into[-1][0], end)) <= core:
            into[-1] = (into[-1][0], end)
        else:
            into.append((start, end))


def _spans(
    ruler: Ruler,
    blocks: Sequence[Block],
    cuts: Sequence[Stretch],
    overlap: int,
    start: int,
    *,
    at_words: bool,
) -> list[Span]:
    headings = [block for block in blocks if block.kind == "heading"]
    path, passed = Path(), 0
    spans: list[Span] = []
    least = start
    for begin, end in cuts:
        begin, end = ruler.trimmed(begin, end)
        if begin >= end or not speaks(ruler.text[begin:end]):
            continue
        reached = begin
        # Headings that the chunk starts with are its own.
        while passed < len(headings) and headings[passed].start < end:
            if ruler.text[reached : max(reached, headings[passed].start)].strip():
                break
            path.enter(headings[passed])
            reached = max(reached, headings[passed].end)
            passed += 1
        shown = _earlier(ruler, begin, overlap, least, at_words) if overlap else begin
        spans.append(Span(ruler.trimmed(shown, end)[0], end, str(path)))
        while passed < len(headings) and headings[passed].start < end:
            path.enter(headings[passed])
            passed += 1
        # A chunk repeats the end of the one before, never all of it.
        least = begin + 1
    return spans


def _earlier(ruler: Ruler, begin: int, overlap: int, least: int, at_words: bool) -> int:
    """Return where a chunk starts that repeats up to ``overlap`` cells before ``begin``."""
    back = after_mark(ruler.text, ruler.back(begin, overlap, least), begin)
    if at_words and 0 < back < begin:
        space = min(
            (at for sign in " \n\t" if (at := ruler.text.find(sign, back - 1, begin)) >= 0), default=-1
        )
        back = space + 1 if space >= 0 else back
    return back
