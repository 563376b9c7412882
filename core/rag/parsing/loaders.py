"""Read a file into clean text. Runs in the parser process (:mod:`core.rag.parsing.parse_child`), never in the app.

Every failure is a :class:`LoadError` with a reason key, ``rag.reason.<key>`` in :mod:`core.i18n`.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path

from core.rag.parsing import delimited, docx, hwpx, kinds, mail, office, pdf, structured, web
from core.rag.parsing.archive import opened
from core.rag.parsing.decoding import Decoded, decode
from core.rag.parsing.errors import LoadError as LoadError
from core.rag.parsing.kinds import MEDIA_TYPES as MEDIA_TYPES
from core.rag.parsing.kinds import media_type as media_type
from core.text import clean, clean_line

PARSER = "loaders-4"
"""Version of this module's output. Changing what it reads changes this, and files are indexed again."""

MAX_FILE_BYTES = 64 << 20
"""A larger file is refused."""

MAX_TEXT_CHARS = 20_000_000
"""More text than this in one file is refused."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file's bytes and what was true of the file when they were read."""

    data: bytes
    content_hash: str
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class Loaded:
    """A file's text, in Unicode NFC and free of control characters."""

    text: str
    title: str
    """From the document itself, ``""`` when it has none."""
    media_type: str
    pages: tuple[int, ...] = ()
    """Where each page starts in ``text``; empty for a text without pages."""
    note: str = ""
    """Something odd that did not stop it, ``rag.note.<note>`` in :mod:`core.i18n`."""
    encoding: str = ""
    """Of a text file's bytes; ``""`` for formats that bring their own."""


def read_source(path: Path) -> Source:
    """Read a regular file whole.

    Raises:
        LoadError: ``missing``, ``unreadable``, ``folder``, ``not_file``, ``too_large``, ``changing`` or ``empty``.
    """
    try:
        # Without O_NONBLOCK, opening a named pipe would wait for a writer for ever.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except FileNotFoundError as error:
        raise LoadError("missing") from error
    except OSError as error:
        raise LoadError("unreadable", error=error.strerror or str(error)) from error
    before = os.fstat(descriptor)
    if not stat.S_ISREG(before.st_mode):
        os.close(descriptor)
        raise LoadError("folder" if stat.S_ISDIR(before.st_mode) else "not_file")
    with os.fdopen(descriptor, "rb") as file:
        if before.st_size > MAX_FILE_BYTES:
            raise LoadError("too_large", limit=f"{MAX_FILE_BYTES >> 20} MiB")
        try:
            data = file.read(MAX_FILE_BYTES + 1)
        except OSError as error:
            raise LoadError("unreadable", error=error.strerror or str(error)) from error
        after = os.fstat(descriptor)
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns) or len(
        data
    ) != after.st_size:
        raise LoadError("changing")
    if not data:
        raise LoadError("empty")
    return Source(data, blake2b(data, digest_size=16).hexdigest(), after.st_mtime_ns)


def load(path: Path, data: bytes) -> Loaded:
    """Turn a file's bytes into text.

    Args:
        path: Decides the format, with the bytes.
        data: The whole file.

    Raises:
        LoadError: Why there is no text.
    """
    kind = kinds.sniffed(path, data)
    if data.startswith(kinds.ZIP):
        kind = _in_archive(data)
    elif kind in _ARCHIVES:
        raise LoadError("damaged")
    try:
        loaded = _READERS[kind](path, data)
    except RecursionError as error:
        raise LoadError("too_complex") from error
    if not any(char.isalnum() for char in loaded.text):
        raise LoadError("empty")
    expected = MEDIA_TYPES.get(path.suffix.lower(), loaded.media_type)
    if expected != loaded.media_type:
        return replace(loaded, note=loaded.note or "wrong_extension")
    return loaded


_ARCHIVES = {
    kinds.DOCX: "word/document.xml",
    kinds.XLSX: "xl/workbook.xml",
    kinds.PPTX: "ppt/presentation.xml",
    kinds.HWPX: "Contents/section0.xml",
}
"""By media type the part that tells what an archive is, whatever it is called."""


def _in_archive(data: bytes) -> str:
    names = set(opened(data).namelist())
    for kind, part in _ARCHIVES.items():
        if part in names:
            return kind
    raise LoadError("unsupported", format="ZIP")


def _markdown(kind: str, found: tuple[str, str], note: str = "", encoding: str = "") -> Loaded:
    text, title = found
    return Loaded(_clean(text), clean_line(title), kind, note=note, encoding=encoding)


def _text(path: Path, data: bytes) -> Loaded:
    decoded = decode(data)
    text = _clean(decoded.text)
    kind = media_type(path)
    title = _markdown_title(text) if kind == kinds.MARKDOWN else ""
    return Loaded(text, title, kind, note=decoded.note, encoding=decoded.encoding)


def _as_plain(decoded: Decoded) -> Loaded:
    """Read a text as it stands that is not in the format its name says."""
    text = _clean(decoded.text)
    return Loaded(text, "", kinds.PLAIN, note="read_as_text", encoding=decoded.encoding)


def _html(_path: Path, data: bytes) -> Loaded:
    decoded = web.decoded(data)
    return _markdown(kinds.HTML, web.read(decoded.text), decoded.note, decoded.encoding)


def _csv(path: Path, data: bytes) -> Loaded:
    decoded = decode(data)
    text, note = delimited.read(_clean(decoded.text), tabs=path.suffix.lower() == ".tsv")
    return Loaded(_clean(text), "", kinds.CSV, note=note or decoded.note, encoding=decoded.encoding)


def _json(_path: Path, data: bytes) -> Loaded:
    decoded = decode(data)
    try:
        text = _clean(structured.read_json(decoded.text))
    except ValueError:
        return _as_plain(decoded)
    return Loaded(text, "", kinds.JSON, note=decoded.note, encoding=decoded.encoding)


def _notebook(_path: Path, data: bytes) -> Loaded:
    decoded = decode(data)
    try:
        return _markdown(
            kinds.NOTEBOOK, structured.read_notebook(decoded.text), decoded.note, decoded.encoding
        )
    except ValueError:
        return _as_plain(decoded)


def _workbook(_path: Path, data: bytes) -> Loaded:
    text, title, note = office.read_workbook(data)
    return _markdown(kinds.XLSX, (text, title), note)


def _pdf(_path: Path, data: bytes) -> Loaded:
    found = pdf.read(data, _clean, MAX_TEXT_CHARS)
    starts, position = [], 0
    for text in found.texts:
        starts.append(position)
        position += len(text) + 2
    return Loaded("\n\n".join(found.texts), found.title, kinds.PDF, tuple(starts), note=found.note)


_READERS: dict[str, Callable[[Path, bytes], Loaded]] = {
    kinds.MARKDOWN: _text,
    kinds.PLAIN: _text,
    kinds.PYTHON: _text,
    kinds.CODE: _text,
    kinds.PDF: _pdf,
    kinds.HTML: _html,
    kinds.CSV: _csv,
    kinds.JSON: _json,
    kinds.NOTEBOOK: _notebook,
    kinds.XLSX: _workbook,
    kinds.DOCX: lambda _path, data: _markdown(kinds.DOCX, docx.read(data)),
    kinds.PPTX: lambda _path, data: _markdown(kinds.PPTX, office.read_slides(data)),
    kinds.HWPX: lambda _path, data: _markdown(kinds.HWPX, hwpx.read(data)),
    kinds.MAIL: lambda _path, data: _markdown(kinds.MAIL, mail.read(data)),
}


def _clean(text: str) -> str:
    if len(text) > MAX_TEXT_CHARS:
        raise LoadError("too_long", limit=f"{MAX_TEXT_CHARS:,}")
    # NUL and friends vanish in clean(); a form feed is a page break and must not join two words.
    return clean(text.replace("\f", "\n"), max_chars=MAX_TEXT_CHARS)


def _markdown_title(text: str) -> str:
    head = text[:8_000]
    if head.startswith("---\n"):
        found = re.search(r"^title:\s*(.+)$", head.split("\n---", 1)[0], re.MULTILINE)
        if found:
            return clean_line(found.group(1).strip("\"' "))
    found = re.search(r"^#\s+(.+?)\s*#*$", head, re.MULTILINE)
    return clean_line(found.group(1)) if found else ""
