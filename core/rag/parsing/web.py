"""HTML as Markdown: headings, lists, tables, preformatted text, text; nothing of what a page does."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from core.rag.parsing.archive import table
from core.rag.parsing.decoding import Decoded, decode

_SKIPPED = {"script", "style", "nav", "template", "noscript", "svg", "head", "iframe", "object"}
_BLOCKS = {"p", "div", "section", "article", "header", "footer", "main", "ul", "ol", "dl", "dt", "dd", "form", "blockquote",
           "figure", "figcaption", "address", "details", "summary", "hr", "fieldset", "caption", "body"}  # fmt: skip
_HEADINGS = {"h1": 1, "h2": 2, "h3": 3, "h4": 4, "h5": 5, "h6": 6}
_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w.:-]{2,40})", re.IGNORECASE)
_XML_ENCODING = re.compile(rb"\s*<\?xml[^>]{0,100}?encoding\s*=\s*[\"']([\w.:-]{2,40})")

_SECTION = re.compile(r"<!\[[^>]*>?")

MAX_NESTED = 50
"""Tables or lists inside one another; deeper ones count as text of this one."""


def decoded(data: bytes) -> Decoded:
    """Decode a page's bytes, by the encoding it names where that works.

    Raises:
        LoadError: ``not_text``.
    """
    head = data[:4_096]
    found = _CHARSET.search(head) or _XML_ENCODING.match(head)
    return decode(data, found[1].decode("ascii") if found else "")


def read(text: str) -> tuple[str, str]:
    """Return a page's text as Markdown and its title."""
    page = _Page()
    page.feed(_tamed(text))
    page.close()
    page.finish()
    return "\n\n".join(page.blocks), " ".join("".join(page.title).split())


def _tamed(text: str) -> str:
    """Take out comments, marked sections (``<![…>``), and what only looks like a tag after the last ``>``.

    Python's parser looks for the end of these from every place where one may start, to the end of the text, and does
    not know all sections that there are.
    """
    text = _SECTION.sub("", text)
    kept: list[str] = []
    position = 0
    while (start := text.find("<!--", position)) >= 0:
        end = text.find("-->", start + 2)
        if end < 0:
            break
        kept.append(text[position:start])
        position = end + 3
    rest = text[position:]
    last = rest.rfind(">") + 1
    tail = rest[last:].replace("<!--", "")
    # An unfinished tag at the end is no text; many of them are no tags.
    if tail.count("<") > 1:
        tail = tail.replace("<", "&lt;")
    return "".join([*kept, rest[:last].replace("<!--", "") if "<!--" in rest else rest[:last], tail])


class _Page(HTMLParser):
    """Never fails: what is not closed ends where something else begins."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.blocks: list[str] = []
        self.title: list[str] = []
        self._words: list[str] = []
        self._mark = ""
        self._skipped = 0
        self._in_title = False
        self._pre = False
        self._lists: list[int] = []
        """For each open list the number of its last item; -1 when items are not numbered."""
        self._tables: list[_Table] = []

    def finish(self) -> None:
        """End what the page left open."""
        while self._tables:
            self._end_table()
        self._end_pre()
        self._end_block()

    # -- what the parser calls ----------------------------------------------------------------------

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "title":
            self._in_title = not self._skipped
        if tag in _SKIPPED:
            self._skipped += tag != "head"
            return
        if tag == "body":
            self._skipped = 0
        if tag == "table" and len(self._tables) < MAX_NESTED:
            self._end_cell() if self._tables else self._end_block()
            self._tables.append(_Table())
        elif self._tables:
            self._in_table(tag)
        elif tag == "pre":
            self._end_block()
            self._pre = True
        elif self._pre:
            self._words.append("\n" if tag == "br" else "")
        elif tag in _HEADINGS:
            self._end_block()
            self._mark = "#" * _HEADINGS[tag] + " "
        elif tag in ("ul", "ol"):
            self._end_block()
            if len(self._lists) < MAX_NESTED:
                self._lists.append(0 if tag == "ol" else -1)
        elif tag == "li":
            self._item()
        elif tag == "br":
            self._words.append(" ")
        elif tag in _BLOCKS:
            self._end_block()

    def handle_endtag(self, tag: str) -> None:
        if tag == "title":
            self._in_title = False
        if tag in _SKIPPED:
            self._skipped = max(0, self._skipped - (tag != "head"))
        elif tag == "table" and self._tables:
            self._end_table()
        elif self._tables:
            if tag in ("td", "th", "tr"):
                self._end_cell()
            elif tag in _BLOCKS or tag in ("li", "pre"):
                self._words.append(" ")
        elif tag == "pre":
            self._end_pre()
        elif tag in ("ul", "ol", "li"):
            self._end_block()
            self._mark = ""
            if self._lists and tag != "li":
                self._lists.pop()
        elif tag in _HEADINGS or tag in _BLOCKS:
            self._end_block()

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self.title.append(data)
        elif not self._skipped:
            self._words.append(data)

    # -- blocks -------------------------------------------------------------------------------------

    def _end_block(self) -> None:
        """End the paragraph that is being read."""
        if self._tables:
            self._words.append(" ")
            return
        text = " ".join("".join(self._words).split())
        self._words = []
        if text:
            self.blocks.append(f"{self._mark}{text}")
            self._mark = ""
        elif self._mark.startswith("#"):
            # Only a list item's mark waits: for the paragraph inside the item.
            self._mark = ""

    def _item(self) -> None:
        self._end_block()
        mark = "- "
        if self._lists and self._lists[-1] >= 0:
            self._lists[-1] += 1
            mark = f"{self._lists[-1]}. "
        self._mark = "  " * max(0, len(self._lists) - 1) + mark

    def _end_pre(self) -> None:
        if not self._pre:
            return
        self._pre = False
        text = "".join(self._words).strip("\n").rstrip()
        self._words = []
        if text:
            ticks = "`" * max(3, 1 + max(map(len, re.findall(r"`+", text)), default=0))
            self.blocks.append(f"{ticks}\n{text}\n{ticks}")

    # -- tables -------------------------------------------------------------------------------------

    def _in_table(self, tag: str) -> None:
        now = self._tables[-1]
        if tag == "tr":
            self._end_cell()
            now.rows.append([])
        elif tag in ("td", "th"):
            self._end_cell()
            if not now.rows:
                now.rows.append([])
            now.rows[-1].append("")
        elif tag in _BLOCKS or tag in ("br", "li", "pre"):
            self._words.append(" ")

    def _end_cell(self) -> None:
        now = self._tables[-1]
        text = " ".join("".join(self._words).split())
        self._words = []
        if not text:
            return
        if now.rows and now.rows[-1]:
            now.rows[-1][-1] = f"{now.rows[-1][-1]} {text}".strip()
        else:
            # A caption, or text that stands between the cells.
            now.before.append(text)

    def _end_table(self) -> None:
        self._end_cell()
        done = self._tables.pop()
        written = [*done.before, table(done.rows), *done.inner]
        # A table inside a cell comes after the one it is in: cells are one line each.
        into = self._tables[-1].inner if self._tables else self.blocks
        into.extend(one for one in written if one)


class _Table:
    """A table that is being read."""

    def __init__(self) -> None:
        self.rows: list[list[str]] = []
        self.before: list[str] = []
        self.inner: list[str] = []
