"""HTML as Markdown: headings, lists, tables, text; nothing of what a page does."""

from __future__ import annotations

from html.parser import HTMLParser

from core.rag.parsing.archive import table

_SKIPPED = {"script", "style", "nav", "template", "noscript", "svg", "head", "iframe", "object"}
_BLOCKS = {"p", "div", "section", "article", "header", "footer", "main", "ul", "ol", "dl", "dt", "dd", "pre", "form",
           "blockquote", "figure", "figcaption", "address", "details", "summary", "hr"}  # fmt: skip
_HEADINGS = {"h1": 1, "h2": 2, "h3": 3, "h4": 4, "h5": 5, "h6": 6}


def read(text: str) -> tuple[str, str]:
    """Return a page's text as Markdown and its title."""
    page = _Page()
    page.feed(text)
    page.close()
    page.end_block()
    return "\n\n".join(page.blocks), " ".join("".join(page.title).split())


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
        self._tables: list[list[list[str]]] = []

    def end_block(self) -> None:
        """End the paragraph that is being read."""
        text = " ".join("".join(self._words).split())
        self._words = []
        if text and not self._tables:
            self.blocks.append(f"{self._mark}{text}")
        self._mark = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "title":
            self._in_title = True
        if tag in _SKIPPED:
            self._skipped += tag != "head"
            return
        if tag == "body":
            self._skipped = 0
        elif tag == "table":
            self.end_block()
            self._tables.append([])
        elif self._tables:
            self._in_table(tag)
        elif tag in _HEADINGS:
            self.end_block()
            self._mark = "#" * _HEADINGS[tag] + " "
        elif tag == "li":
            self.end_block()
            self._mark = "- "
        elif tag == "br":
            self._words.append(" ")
        elif tag in _BLOCKS:
            self.end_block()

    def _in_table(self, tag: str) -> None:
        if tag == "tr":
            self._end_cell()
            self._tables[-1].append([])
        elif tag in ("td", "th"):
            self._end_cell()
            if not self._tables[-1]:
                self._tables[-1].append([])
            self._tables[-1][-1].append("")
        elif tag in _BLOCKS or tag == "br":
            self._words.append(" ")

    def _end_cell(self) -> None:
        rows = self._tables[-1]
        if rows and rows[-1] and self._words:
            rows[-1][-1] += " ".join("".join(self._words).split())
        self._words = []

    def handle_endtag(self, tag: str) -> None:
        if tag == "title":
            self._in_title = False
        if tag in _SKIPPED:
            self._skipped = max(0, self._skipped - (tag != "head"))
        elif tag == "table" and self._tables:
            self._end_cell()
            written = table(self._tables.pop())
            if self._tables:
                self._words.append(written.replace("\n", " "))
            elif written:
                self.blocks.append(written)
        elif self._tables and tag in ("td", "th", "tr"):
            self._end_cell()
        elif tag in _HEADINGS or tag == "li" or tag in _BLOCKS:
            self.end_block()

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self.title.append(data)
        elif not self._skipped:
            self._words.append(data)
