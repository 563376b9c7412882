"""What a terminal pastes when files are dropped on it, or a person types for several: paths, quoted, escaped, as URIs."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path
from urllib.parse import unquote_to_bytes, urlsplit

_STARTS = re.compile(r"""^\s*(?:file://|['"]?(?:/|~/|\./|\.\./))""")


def parse_paths(text: str) -> list[str]:
    """Return the paths a text stands for. Blocking for the moment of a look at the disk.

    A line that is a path as it stands is one, spaces and all; else quotes and backslashes are undone as a shell does
    (nothing is run or expanded but ``~``), and ``file://`` addresses are decoded.
    """
    found: list[str] = []
    for line in text.replace("\r", "\n").replace("\0", "\n").split("\n"):
        line = line.strip()
        if line:
            found += _of_line(line)
    return list(dict.fromkeys(found))


def _of_line(line: str) -> list[str]:
    plain = from_uri(line)
    if _exists(plain):
        return [plain]
    try:
        parts = shlex.split(line)
    except ValueError:
        return [plain]  # A quote without its other half: meant as it stands.
    parts = [from_uri(part) for part in parts]
    if len(parts) > 1 and not all(_STARTS.match(part) for part in parts):
        return [plain]  # Words, not several paths: one path with spaces that is not there (yet).
    return [part for part in parts if part]


def _exists(path: str) -> bool:
    try:
        return os.path.lexists(Path(path).expanduser())
    except (RuntimeError, ValueError):  # ~ of nobody; a NUL.
        return False


def from_uri(text: str) -> str:
    """Return the path of a ``file://`` address on this machine; other text as it is."""
    if not text.casefold().startswith("file:"):
        return text
    try:
        split = urlsplit(text)
    except ValueError:
        return text
    if split.netloc not in ("", "localhost") or "%00" in split.path:
        return text
    return os.fsdecode(unquote_to_bytes(split.path))


def looks_like_paths(text: str) -> bool:
    """Say whether pasted text is one or more paths that exist, not words to search for."""
    if not _STARTS.match(text) or len(text) > 100_000:
        return False
    paths = parse_paths(text)
    return bool(paths) and _exists(paths[0])
