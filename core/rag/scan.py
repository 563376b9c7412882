"""Which files there are below the paths a user named. Blocking; run it in a thread."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote_to_bytes, urlsplit

from core.errors import UsageError
from core.rag.parsing.kinds import MEDIA_TYPES, OLD_OFFICE
from core.text import clean_line

SKIPPED_FOLDERS = frozenset({"node_modules", "__pycache__", "venv", "site-packages", "$RECYCLE.BIN"})
"""Folders never walked into, besides hidden ones."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file to look at."""

    name: str
    """Its path as the system has it. Text, because most files did not change and a ``Path`` for each takes long."""
    bytes: int
    mtime_ns: int

    @property
    def path(self) -> Path:
        """Its path."""
        return Path(self.name)

    @property
    def stored(self) -> str:
        """Its path as the ledger has it."""
        return stored(self.name)


@dataclass(slots=True)
class Found:
    """What a walk gave."""

    files: list[Candidate] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    """Folders that could not be looked into: nothing is known of what is in them."""


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


def walk(paths: Iterable[Path]) -> Found:
    """Return the files below ``paths``, each once: named files as they are, folders by known suffix.

    Hidden entries and :data:`SKIPPED_FOLDERS` are left out; symbolic links are followed only to files inside
    the folder being walked.
    """
    found = Found()
    seen: set[str] = set()
    for path in paths:
        if path.is_dir():
            # The real path of a root once; below it names are real but for links, which are looked at one by one.
            real = os.path.realpath(path)
            files = _folder(str(path), real, real, found.unreadable)
        else:
            files = iter([(os.path.realpath(path), candidate(path))])
        for key, item in files:
            if key not in seen:
                seen.add(key)
                found.files.append(item)
    return found


def find_files(paths: Iterable[Path]) -> list[Candidate]:
    """Return the files of :func:`walk`."""
    return walk(paths).files


def candidate(file: Path) -> Candidate:
    """Look at a file."""
    try:
        status = file.stat()
    except OSError:
        # Gone or unreadable since it was listed: the parser says so, on this file.
        return Candidate(str(file), -1, 0)
    return Candidate(str(file), status.st_size, status.st_mtime_ns)


def candidates(paths: Iterable[str]) -> list[Candidate]:
    """Look at files by their stored paths."""
    return [candidate(opened(path)) for path in paths]


def _folder(folder: str, real: str, root: str, unreadable: list[str]) -> Iterator[tuple[str, Candidate]]:
    """Yield the files below a folder with their real paths, names in order. Twenty thousand take a tenth of a second."""
    waiting = [(folder, real)]
    while waiting:
        folder, real = waiting.pop()
        try:
            with os.scandir(folder) as entries:
                inside = sorted(entries, key=lambda entry: entry.name)
        except OSError:
            unreadable.append(folder)
            continue
        below = []
        for entry in inside:
            name = entry.name
            if name.startswith("."):
                continue
            try:
                if entry.is_symlink():
                    target = os.path.realpath(entry.path)
                    if _known(name) and target.startswith(root + os.sep) and Path(target).is_file():
                        yield target, candidate(Path(entry.path))
                elif entry.is_dir():
                    if name not in SKIPPED_FOLDERS:
                        below.append((entry.path, f"{real}{os.sep}{name}"))
                elif _known(name):
                    status = entry.stat()
                    item = Candidate(entry.path, status.st_size, status.st_mtime_ns)
                    yield f"{real}{os.sep}{name}", item
            except OSError:
                yield f"{real}{os.sep}{name}", Candidate(entry.path, -1, 0)
        waiting.extend(reversed(below))


def _known(name: str) -> bool:
    """Say whether a file is a document; one of a format that is not read is too, so that its owner is told."""
    suffix = os.path.splitext(name)[1].lower()  # noqa: PTH122 - a Path for each costs as much as the walk
    return suffix in MEDIA_TYPES or suffix in OLD_OFFICE


def stored(path: Path | str) -> str:
    """Return a path as text that SQLite takes: a ``file:`` URI for a name that is not Unicode."""
    text = str(path)
    if not text.isascii():
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            return Path(path).as_uri()
    return text


def opened(text: str) -> Path:
    """Return the path that :func:`stored` made ``text`` of."""
    if text.startswith("file:"):
        return Path(os.fsdecode(unquote_to_bytes(urlsplit(text).path)))
    return Path(text)


def shown(path: Path | str) -> str:
    """Return a path for people: NFC, one line, without control characters; bytes that are no Unicode as ``�``."""
    if isinstance(path, str) and not path.startswith("file:"):
        # Most of them, of ten thousand in a list.
        if path.isascii() and path.isprintable() and "  " not in path and path == path.strip():
            return path[:4_096]
        return clean_line(path, max_chars=4_096)
    raw = os.fsencode(opened(path) if isinstance(path, str) else path)
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        try:
            text = raw.decode("cp949")
        except UnicodeDecodeError:
            text = raw.decode("utf-8", "replace")
    return clean_line(text, max_chars=4_096)


def inside(path: str, folder: str) -> bool:
    """Say whether a stored path is a folder or below it."""
    if path.startswith("file:") and not folder.startswith("file:"):
        path = os.fsencode(opened(path)).decode("utf-8", "replace")
    return path == folder or path.startswith(folder.rstrip("/") + "/")
