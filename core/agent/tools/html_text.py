"""HTML as readable text: what a reader would see, without scripts, menus and hidden parts."""

from __future__ import annotations

import re
from html.parser import HTMLParser

MAX_DEPTH = 500
MAX_TEXT = 60_000
"""Characters gathered, about: of a long page the rest is not even parsed (Python reads some 2 MB of HTML a second)."""
PIECE = 32_768

_SKIPPED = frozenset(
    {"script", "style", "noscript", "template", "svg", "math", "iframe", "object", "canvas", "nav", "footer",
     "select", "textarea", "button", "dialog", "head"}
)  # fmt: skip
_BLOCKS = frozenset(
    {"p", "div", "section", "article", "main", "header", "aside", "ul", "ol", "table", "tr", "blockquote", "pre",
     "figure", "figcaption", "dl", "dt", "dd", "h1", "h2", "h3", "h4", "h5", "h6", "br", "hr", "li", "caption"}
)  # fmt: skip
_VOID = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
)
_HIDDEN = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|opacity\s*:\s*0(?![.\d])|font-size\s*:\s*0", re.I
)
_SPACE = re.compile(r"[ \t\r\f\v\u00a0]+")


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.title: list[str] = []
        self.gathered = 0
        self._open: list[tuple[str, bool]] = []
        """Open elements, each with whether its text is left out."""
        self._in_title = False

    @property
    def _hidden(self) -> bool:
        return bool(self._open) and self._open[-1][1]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "title":
            # The first only: drawings have titles too.
            self._in_title = not self.title and not any(name == "svg" for name, _ in self._open)
        if tag in _BLOCKS:
            self._break(tag)
        if tag in _VOID or len(self._open) >= MAX_DEPTH:
            return
        values = {name: value or "" for name, value in attrs}
        hidden = (
            tag in _SKIPPED
            or "hidden" in values
            or values.get("aria-hidden") == "true"
            or bool(_HIDDEN.search(values.get("style", "")))
        )
        self._open.append((tag, self._hidden or hidden))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _BLOCKS:
            self._break(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag == "title":
            self._in_title = False
        if tag in _BLOCKS:
            self._break("")
        for index in range(len(self._open) - 1, -1, -1):
            if self._open[index][0] == tag:
                del self._open[index:]
                break

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self.title.append(data)
        elif not self._hidden:
            self.gathered += len(data)
            self.parts.append(data if self._preformatted() else data.replace("\n", " "))

    def _preformatted(self) -> bool:
        return any(name == "pre" for name, _ in self._open[-4:])

    def _break(self, tag: str) -> None:
        if self._hidden:
            return
        self.parts.append("\n- " if tag == "li" else "\n")
        if tag in ("h1", "h2", "h3", "h4", "p"):
            self.parts.append("\n")


def html_to_text(html: str) -> tuple[str, str]:
    """Return a page's title and its text, up to some :data:`MAX_TEXT` characters of it.

    Broken HTML gives what can be read of it.
    """
    reader = _Reader()
    for start in range(0, len(html), PIECE):
        reader.feed(html[start : start + PIECE])
        if reader.gathered > MAX_TEXT:
            break
    reader.close()
    lines = [_SPACE.sub(" ", line).strip() for line in "".join(reader.parts).split("\n")]
    text = re.sub(r"\n{3,}", "\n\n", "\n".join(line for line in lines if line != "-")).strip()
    return _SPACE.sub(" ", "".join(reader.title).replace("\n", " ")).strip(), text
