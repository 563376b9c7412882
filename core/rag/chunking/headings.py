"""Cut a document's text into chunks, each with its exact place in the source.

A chunk is small (about 150 to 350 Korean characters) because the embedding model averages over everything it
is given: a fact in a long chunk does not show in its vector. What belongs together stays together where it
fits: a heading with the text below it, a list item, a table row with its header.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from core.rag.chunking.types import VERSIONS, Chunk, width

CHUNKER = f"headings-{VERSIONS['headings']}"
"""Version of this module's output. Changing what it cuts changes this, and files are indexed again."""

TARGET_WIDTH = 440
"""A chunk is closed when the next block would take it past this many terminal cells (220 Hangul syllables)."""

MAX_WIDTH = 700
"""A block wider than this many cells is cut at sentence ends."""

SEPARATOR = " › "
"""Between the headings of a section's path."""

_SENTENCE_END = re.compile(r"(?<=[.!?…。！？])[\"'”’)\]]*\s+|\n")
_UNDERLINE = re.compile(r"^(=|-|~|\^|\*)\1{2,}\s*$")
_KOREAN_RULE = re.compile(r"^제\s*\d+\s*(편|장|절|조)(의\s*\d+)?(\s|\(|$)")
_NUMBERED = re.compile(r"^(\d{1,2}(?:\.\d{1,2}){0,3})[.)]?\s+\S.{0,60}$")
_RULE_LEVEL = {"편": 1, "장": 2, "절": 3, "조": 4}


@dataclass(frozen=True, slots=True)
class Block:
    """A stretch of source lines that is better not cut: a paragraph, a list item, a table row."""

    start: int
    """First character, an index into the document's text."""
    end: int
    """One past the last character."""
    heading: int = 0
    """1–6 when the block is a heading of that level, else 0."""
    title: str = ""
    """The heading's text."""
    header: str = ""
    """For a table's row: the table's header lines, repeated when a chunk starts in the middle of it."""


def chunk_markdown(text: str) -> list[Chunk]:
    """Cut Markdown along its headings, paragraphs, list items and table rows."""
    return _pack(text, _markdown_blocks(text))


def chunk_plain(text: str) -> list[Chunk]:
    """Cut plain text along blank lines and whatever looks like a heading (underlined, ``제3조``, ``2.1 Title``)."""
    return _pack(text, _plain_blocks(text))


def chunk_pages(text: str, pages: Sequence[int]) -> list[Chunk]:
    """Cut a paged text; no chunk crosses a page.

    Args:
        pages: Where each page starts in ``text``.
    """
    chunks: list[Chunk] = []
    bounds = [*pages, len(text)]
    for number, (start, end) in enumerate(itertools.pairwise(bounds), 1):
        for piece in _pack(text, [Block(b.start, b.end) for b in _plain_blocks(text, start, end)]):
            chunks.append(
                Chunk(len(chunks), f"p. {number}", piece.text, piece.char_start, piece.char_end, number)
            )
    return chunks


# -- Markdown ---------------------------------------------------------------------------------------


def _markdown_blocks(text: str) -> list[Block]:
    from markdown_it import MarkdownIt

    offsets = _line_offsets(text)
    body = _front_matter_lines(text)
    # Front matter is blanked, not removed: line numbers must stay those of the source.
    source = "\n" * body + text[offsets[body] :] if body else text
    tokens = MarkdownIt("commonmark", {"html": False}).enable("table").parse(source)
    blocks: list[Block] = [Block(0, offsets[body])] if body else []
    taken = body
    header = ""
    for index, token in enumerate(tokens):
        if token.map is None:
            continue
        first, last = token.map
        if token.type == "thead_open":
            header = text[offsets[first] : offsets[min(last + 1, len(offsets) - 1)]].rstrip("\n")
            continue
        if token.type in _CONTAINERS or first < taken or last <= first:
            continue
        blocks.extend(_uncovered(text, offsets, taken, first))
        start, end = offsets[first], offsets[min(last, len(offsets) - 1)]
        if token.type == "heading_open":
            title = " ".join(tokens[index + 1].content.split())
            blocks.append(Block(start, end, heading=int(token.tag[1]), title=title))
        else:
            blocks.append(Block(start, end, header=header if token.type == "tr_open" else ""))
        taken = last
    blocks.extend(_uncovered(text, offsets, taken, len(offsets) - 1))
    return blocks


#: Tokens that only hold others; a list item or a row is taken as a whole when what is in it says where it is.
_CONTAINERS = {
    "bullet_list_open",
    "ordered_list_open",
    "list_item_open",
    "blockquote_open",
    "table_open",
    "tbody_open",
    "inline",
    "th_open",
    "td_open",
}


def _uncovered(text: str, offsets: list[int], first: int, last: int) -> Iterator[Block]:
    """Yield what no token claims (link definitions, a table's delimiter row), so that nothing is lost."""
    if first < last and text[offsets[first] : offsets[last]].strip():
        yield Block(offsets[first], offsets[last])


def _front_matter_lines(text: str) -> int:
    """Return how many lines of YAML front matter the text starts with."""
    if not text.startswith("---\n"):
        return 0
    lines = text[:20_000].split("\n")
    for number, line in enumerate(lines[1:], 1):
        if line.rstrip() in ("---", "..."):
            return number + 1 if number + 1 < len(lines) else 0
    return 0


def _line_offsets(text: str) -> list[int]:
    """Return where each line starts, and the length of the text as the last entry."""
    offsets = [0]
    position = text.find("\n")
    while position >= 0:
        offsets.append(position + 1)
        position = text.find("\n", position + 1)
    if offsets[-1] != len(text):
        offsets.append(len(text))
    return offsets


# -- plain text -------------------------------------------------------------------------------------


def _plain_blocks(text: str, start: int = 0, end: int | None = None) -> list[Block]:
    end = len(text) if end is None else end
    blocks: list[Block] = []
    paragraph = position = start
    after_blank = True
    while position < end:
        stop = text.find("\n", position, end)
        stop = end if stop < 0 else stop + 1
        line = text[position : min(stop, position + 200)].strip()
        if not line:
            if paragraph < position:
                blocks.append(Block(paragraph, stop))
            paragraph, after_blank, position = stop, True, stop
            continue
        after = text.find("\n", stop, end)
        after = end if after < 0 else after + 1
        following = text[stop : min(after, stop + 200)].strip()
        level = _heading_level(line, following, after_blank)
        if level:
            if paragraph < position:
                blocks.append(Block(paragraph, position))
            stop = after if _UNDERLINE.match(following) else stop
            blocks.append(Block(position, stop, heading=level, title=line.strip("=#[]<> ")))
            paragraph = stop
        after_blank, position = bool(level), stop
    if paragraph < end and text[paragraph:end].strip():
        blocks.append(Block(paragraph, end))
    return blocks


def _heading_level(line: str, following: str, after_blank: bool) -> int:
    """Say of what level a heading ``line`` is in a plain text, 0 for none."""
    if len(line) > 80 or not any(char.isalnum() for char in line):
        return 0
    if _UNDERLINE.match(following) and abs(width(following) - width(line)) <= width(line):
        return 1 if following[0] == "=" else 2
    rule = _KOREAN_RULE.match(line)
    if rule:
        return _RULE_LEVEL[rule.group(1)]
    if not after_blank:
        return 0
    if line[0] == "[" and line[-1] == "]":
        return 2
    numbered = _NUMBERED.match(line)
    if numbered and line[-1] not in ".다요,;:":
        return 2 + numbered.group(1).count(".")
    return 0


# -- packing ----------------------------------------------------------------------------------------


def _pack(text: str, blocks: Sequence[Block]) -> list[Chunk]:
    """Join neighbouring blocks of a section up to the target size, and cut those that are too large."""
    chunks: list[Chunk] = []
    path: list[tuple[int, str]] = []
    run: list[Block] = []  # blocks of the chunk being made
    run_width = 0

    def close() -> None:
        nonlocal run_width
        if run:
            _append(chunks, text, run, SEPARATOR.join(title for _level, title in path if title))
        run.clear()
        run_width = 0

    for block in blocks:
        if block.heading:
            if any(not item.heading for item in run):
                close()
            # A heading with nothing below it but a deeper heading goes along with that one's text.
            path[:] = [item for item in path if item[0] < block.heading]
            path.append((block.heading, block.title))
            run.append(block)
            continue
        for piece in _split(text, block):
            piece_width = width(text[piece.start : piece.end].strip())
            if run_width and run_width + piece_width > TARGET_WIDTH:
                close()
            run.append(piece)
            run_width += piece_width
    close()
    return chunks


def _append(chunks: list[Chunk], text: str, run: Sequence[Block], section: str) -> None:
    start, end = run[0].start, run[-1].end
    body = text[start:end]
    start += len(body) - len(body.lstrip("\n"))
    body = text[start:end].rstrip()
    if not any(char.isalnum() for char in body):
        return
    header = run[0].header
    shown = f"{header}\n{body}" if header and not body.startswith(header) else body
    chunks.append(Chunk(len(chunks), section, shown, start, start + len(body)))


def _split(text: str, block: Block) -> Iterator[Block]:
    """Cut a block at sentence ends, then at spaces, then anywhere, until each part fits."""
    if block.end - block.start <= MAX_WIDTH // 2 or width(text[block.start : block.end]) <= MAX_WIDTH:
        yield block
        return
    start = position = block.start
    used = 0
    for part_start, part_end in _sentences(text, block.start, block.end):
        part = width(text[part_start:part_end])
        if used and used + part > TARGET_WIDTH:
            yield Block(start, position, header=block.header)
            start, used = position, 0
        used += part
        position = part_end
    if start < block.end:
        yield Block(start, block.end, header=block.header)


def _sentences(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    position = start
    for match in _SENTENCE_END.finditer(text, start, end):
        yield from _hard_cuts(text, position, match.end())
        position = match.end()
    if position < end:
        yield from _hard_cuts(text, position, end)


def _hard_cuts(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Cut a sentence that alone is too wide: at the last space in reach, else in the middle of a word."""
    while end - start > TARGET_WIDTH // 2 and width(text[start : start + TARGET_WIDTH + 1]) > TARGET_WIDTH:
        stop = start + TARGET_WIDTH // 2
        used = width(text[start:stop])
        while stop < end and used < TARGET_WIDTH:
            used += 2 if unicodedata.east_asian_width(text[stop]) in "WF" else 1
            stop += 1
        space = text.rfind(" ", start + 1, stop)
        stop = space + 1 if space > start + (stop - start) // 2 else stop
        yield start, stop
        start = stop
    if start < end:
        yield start, end
