"""The one choke point for foreign text: model output, documents, tool results, file names, HTTP bodies.

Everything that did not come from our own source code passes :func:`clean` (or :func:`clean_line`) before it
is stored or shown. What is left is plain text: it cannot move the cursor, colour the screen, reorder
what a reader sees, or set a terminal title. Markup is a second matter, kept off by the interface.
"""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import urlsplit

#: No body may run over the start of another sequence: that keeps the search linear in hostile text.
#: Whole ANSI sequences (CSI, OSC, DCS, PM, APC, SOS and two-byte escapes; ECMA-48), 7-bit and 8-bit forms.
_SEQUENCE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x90\x98\x9c-\x9f]*(?:\x07|\x1b\\|\x9c)"
    r"|\x1b[ -/]*[0-Z\\-~]"
)
#: C0 without tab and newline, DEL, C1; bidi controls; zero-width and other invisible format characters that can
#: hide text (ZWJ and ZWNJ stay: Hangul and emoji need them); line separators; BOM; tags; surrogates.
_CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028\u2029\u202a-\u202e\u2060-\u2069"
    "\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)

MAX_FOREIGN_CHARS = 2_000_000
"""More than this of one foreign text is cut: about 2 MB of ASCII."""

MAX_LINE_CHARS = 4_000
"""A longer line is broken for display so that one line cannot stall a terminal."""


def clean(text: str, *, max_chars: int = MAX_FOREIGN_CHARS) -> str:
    r"""Return ``text`` as harmless plain text: ``\n`` and ``\t`` are the only control characters left.

    Args:
        text: Any string.
        max_chars: Longer text is cut, and ends in ``…``.

    Returns:
        Text in Unicode NFC (macOS file names and some documents arrive decomposed), without escape
        sequences, control, bidi or invisible characters.
    """
    cut = len(text) > max_chars
    if cut:
        text = text[:max_chars]
    if not text.isascii() or not text.isprintable():
        if "\r" in text:
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        text = _CONTROL.sub("", _SEQUENCE.sub("", text))
        if not unicodedata.is_normalized("NFC", text):
            text = unicodedata.normalize("NFC", text)
    return text + "…" if cut else text


def clean_line(text: str, *, max_chars: int = 200) -> str:
    """Return ``text`` cleaned and on one line, runs of white space folded to one space."""
    return shorten(" ".join(clean(text[: max_chars * 8]).split()), max_chars)


def shorten(text: str, max_chars: int) -> str:
    """Cut ``text`` to ``max_chars`` characters, the last one being ``…`` when something was cut."""
    return text if len(text) <= max_chars else text[: max(0, max_chars - 1)] + "…"


def break_long_lines(text: str, *, max_chars: int = MAX_LINE_CHARS) -> str:
    """Break lines longer than ``max_chars`` so that a terminal can lay them out."""
    if len(text) <= max_chars:
        return text
    lines: list[str] = []
    for line in text.split("\n"):
        lines.extend(line[start : start + max_chars] for start in range(0, max(1, len(line)), max_chars))
    return "\n".join(lines)


def without_secrets(source: str) -> str:
    """Return an address as it may be shown: without user, password, query and fragment. Other text stays as it is."""
    try:
        split = urlsplit(source.strip())
        host, port = split.hostname, split.port
    except ValueError:
        return clean_line(source.partition("?")[0])
    if split.scheme not in ("http", "https") or not host:
        return clean_line(source)
    host = f"[{host}]" if ":" in host else host
    return clean_line(f"{split.scheme}://{host}{f':{port}' if port else ''}{split.path}")


def has_hangul(text: str) -> bool:
    """Say whether a text has Hangul syllables in it."""
    return any("가" <= char <= "힣" for char in text)


def estimate_tokens(text: str) -> int:
    """Estimate the tokens of ``text`` from above: 3 ASCII characters a token, 3 tokens for any other character."""
    if not text:
        return 0
    # The encoded length is counted in C; a loop over the characters of a long document is not.
    ascii_chars = len(text.encode("ascii", "ignore"))
    return 1 + ascii_chars // 3 + (len(text) - ascii_chars) * 3
