"""Which files a path stands for, and how their names are stored and shown."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote_to_bytes, urlsplit

from core.errors import UsageError
from core.rag.parsing.loaders import MEDIA_TYPES
from core.text import clean_line

SKIPPED_FOLDERS = frozenset({"node_modules", "__pycache__", "venv", "site-packages", "$RECYCLE.BIN"})
"""Folders never walked into, besides hidden ones."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file to look at."""

    path: Path
    bytes: int
    mtime_ns: int


def check_paths(paths: Iterable[Path]) -> list[Path]:
    """Make paths absolute.

    Raises:
        UsageError: ``error.rag.no_path`` when one does not exist.
    """
    absolute = []
    for path in paths:
        # Not resolve(): a symbolic link that was named stays the name the user knows.
        full = Path(os.path.abspath(path.expanduser()))  # noqa: PTH100
        if not os.path.lexists(full):
            raise UsageError("error.rag.no_path", path=shown(full))
        absolute.append(full)
    return absolute


def find_files(paths: Iterable[Path]) -> list[Candidate]:
    """Return the files below ``paths``, each once: named files as they are, folders by known suffix.

    Hidden entries and :data:`SKIPPED_FOLDERS` are left out; symbolic links are followed only to files inside
    the folder being walked.
    """
    found: dict[str, Candidate] = {}
    for path in paths:
        for file in _walk(path) if path.is_dir() else [path]:
            found.setdefault(os.path.realpath(file), candidate(file))
    return list(found.values())


def candidate(file: Path) -> Candidate:
    """Look at a file."""
    try:
        status = file.stat()
    except OSError:
        # Gone or unreadable since it was listed: the parser says so, on this file.
        return Candidate(file, -1, 0)
    return Candidate(file, status.st_size, status.st_mtime_ns)


def _walk(root: Path) -> Iterator[Path]:
    real_root = os.path.realpath(root)
    for folder, folders, files in os.walk(root, followlinks=False):
        folders[:] = sorted(
            name for name in folders if not name.startswith(".") and name not in SKIPPED_FOLDERS
        )
        for name in sorted(files):
            path = Path(folder, name)
            if name.startswith(".") or path.suffix.lower() not in MEDIA_TYPES:
                continue
            if path.is_symlink():
                target = os.path.realpath(path)
                if not target.startswith(real_root + os.sep) or not Path(target).is_file():
                    continue
            yield path


def stored(path: Path) -> str:
    """Return a path as text that SQLite takes: a ``file:`` URI for a name that is not Unicode."""
    text = str(path)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return path.as_uri()
    return text


def opened(text: str) -> Path:
    """Return the path that :func:`stored` made ``text`` of."""
    if text.startswith("file:"):
        return Path(os.fsdecode(unquote_to_bytes(urlsplit(text).path)))
    return Path(text)


def shown(path: Path | str) -> str:
    """Return a path for people: NFC, one line, without control characters; bytes that are no Unicode as ``�``."""
    raw = os.fsencode(opened(path) if isinstance(path, str) else path)
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        try:
            text = raw.decode("cp949")
        except UnicodeDecodeError:
            text = raw.decode("utf-8", "replace")
    return clean_line(text, max_chars=4_096)
