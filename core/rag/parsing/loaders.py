"""Read a file into clean text. Runs in the parser process (:mod:`core.rag.parsing.parse_child`), never in the app.

Every failure is a :class:`LoadError` with a reason key, ``rag.reason.<key>`` in :mod:`core.i18n`.
"""

from __future__ import annotations

import io
import os
import re
import stat
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from core.rag.parsing import docx, hwpx, mail, web
from core.rag.parsing.archive import opened
from core.rag.parsing.errors import LoadError as LoadError
from core.text import clean, clean_line

PARSER = "loaders-2"
"""Version of this module's output. Changing what it reads changes this, and files are indexed again."""

MAX_FILE_BYTES = 64 << 20
"""A larger file is refused."""

MAX_TEXT_CHARS = 20_000_000
"""More text than this in one file is refused."""

MARKDOWN = "text/markdown"
PLAIN = "text/plain"
PDF = "application/pdf"
HTML = "text/html"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
HWPX = "application/hwp+zip"
MAIL = "message/rfc822"
CSV = "text/csv"
JSON = "application/json"
CODE = "text/x-source"

MEDIA_TYPES: dict[str, str] = {
    ".md": MARKDOWN,
    ".markdown": MARKDOWN,
    ".mdown": MARKDOWN,
    ".txt": PLAIN,
    ".text": PLAIN,
    ".log": PLAIN,
    ".rst": PLAIN,
    ".adoc": PLAIN,
    ".org": PLAIN,
    ".tex": PLAIN,
    ".pdf": PDF,
    ".html": HTML,
    ".htm": HTML,
    ".docx": DOCX,
    ".hwpx": HWPX,
    ".eml": MAIL,
    ".csv": CSV,
    ".tsv": CSV,
    ".json": JSON,
    ".yaml": CODE,
    ".yml": CODE,
    ".toml": CODE,
    ".py": CODE,
    ".sh": CODE,
    ".sql": CODE,
    ".js": CODE,
    ".ts": CODE,
    ".java": CODE,
    ".c": CODE,
    ".h": CODE,
    ".cpp": CODE,
    ".cs": CODE,
    ".go": CODE,
    ".rs": CODE,
    ".kt": CODE,
}
"""What is read, by suffix. A file named directly with another suffix is tried as plain text."""


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


def media_type(path: Path) -> str:
    """Return the media type by suffix; plain text for suffixes not known."""
    return MEDIA_TYPES.get(path.suffix.lower(), PLAIN)


def read_source(path: Path) -> Source:
    """Read a regular file whole.

    Raises:
        LoadError: ``missing``, ``unreadable``, ``not_file``, ``too_large``, ``changing`` or ``empty``.
    """
    try:
        # Without O_NONBLOCK, opening a named pipe would wait for a writer for ever.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except FileNotFoundError as error:
        raise LoadError("missing") from error
    except OSError as error:
        raise LoadError("unreadable", error=error.strerror or str(error)) from error
    with os.fdopen(descriptor, "rb") as file:
        before = os.fstat(descriptor)
        if not stat.S_ISREG(before.st_mode):
            raise LoadError("not_file")
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
    kind = media_type(path)
    if data.startswith(b"%PDF-") or kind == PDF:
        loaded = _load_pdf(data)
    elif data.startswith(_OLD_OFFICE):
        # A Word file with a password is one of these too.
        raise LoadError("protected")
    elif kind in _STRUCTURED or data.startswith(_ZIP):
        loaded = _structured(kind, data)
    else:
        text = _clean(decode(data))
        loaded = Loaded(text, _markdown_title(text) if kind == MARKDOWN else "", kind)
    if not any(char.isalnum() for char in loaded.text):
        raise LoadError("no_text" if loaded.media_type == PDF else "empty")
    return loaded


_OLD_OFFICE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ZIP = b"PK\x03\x04"
_STRUCTURED = {
    HTML: lambda data: web.read(decode(data)),
    DOCX: docx.read,
    HWPX: hwpx.read,
    MAIL: mail.read,
}


def _structured(kind: str, data: bytes) -> Loaded:
    """Read a format that becomes Markdown; an archive is what is in it, whatever it is called."""
    if data.startswith(_ZIP):
        names = set(opened(data).namelist())
        kind = DOCX if "word/document.xml" in names else HWPX if "Contents/section0.xml" in names else ""
    elif kind in (DOCX, HWPX):
        raise LoadError("damaged")
    if kind not in _STRUCTURED:
        raise LoadError("not_text")
    text, title = _STRUCTURED[kind](data)
    return Loaded(_clean(text), clean_line(title), kind)


def decode(data: bytes) -> str:
    """Decode text: UTF-8 and UTF-16 by their marks, then UTF-8, then CP949 (older Korean files).

    Raises:
        LoadError: ``not_text`` for anything else.
    """
    if data.startswith(b"\xef\xbb\xbf"):
        return data[3:].decode("utf-8", "replace")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    sample = data[: 64 << 10]
    # Escape sequences and a stray NUL get cleaned away; control bytes in number mean a binary file.
    odd = sum(sample.count(code) for code in _CONTROL_BYTES)
    if odd > len(sample) // 20:
        raise LoadError("not_text")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        pass
    try:
        text = data.decode("cp949")
    except UnicodeDecodeError as error:
        raise LoadError("not_text") from error
    # CP949 accepts much that is not Korean; real text in it is mostly Hangul syllables and ASCII.
    foreign = [char for char in text[:20_000] if ord(char) > 127]
    hangul = sum("가" <= char <= "힣" for char in foreign)
    if hangul * 2 < len(foreign):
        raise LoadError("not_text")
    return text


_CONTROL_BYTES = tuple(bytes([code]) for code in range(32) if code not in (7, 8, 9, 10, 12, 13, 27))


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


# -- PDF --------------------------------------------------------------------------------------------


def _load_pdf(data: bytes) -> Loaded:
    import logging

    from pypdf import PdfReader
    from pypdf.errors import DependencyError, FileNotDecryptedError, LimitReachedError, PyPdfError

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    try:
        reader = PdfReader(io.BytesIO(data))
        if reader.is_encrypted and not reader.decrypt(""):
            raise LoadError("encrypted")
        texts, total = [], 0
        for page in reader.pages:
            text = _clean(page.extract_text()).strip()
            total += len(text) + 2
            if total > MAX_TEXT_CHARS:
                raise LoadError("too_long", limit=f"{MAX_TEXT_CHARS:,}")
            texts.append(text)
        title = _pdf_title(reader)
    except (DependencyError, FileNotDecryptedError) as error:
        raise LoadError("encrypted") from error
    except LimitReachedError as error:
        raise LoadError("too_complex") from error
    except RecursionError as error:
        raise LoadError("damaged") from error
    except (PyPdfError, ValueError, TypeError, KeyError, IndexError, AttributeError, OSError) as error:
        # pypdf meets broken files with many kinds of exception, not only its own.
        raise LoadError("damaged") from error
    starts, position = [], 0
    for text in texts:
        starts.append(position)
        position += len(text) + 2
    return Loaded("\n\n".join(texts), title, PDF, tuple(starts))


def _pdf_title(reader: object) -> str:
    metadata = getattr(reader, "metadata", None)
    title = clean_line(str(getattr(metadata, "title", None) or ""))
    # Word processors leave their file name or "untitled" here; those say less than the file's own name.
    useless = title.lower() in ("", "untitled", "anonymous") or title.lower().endswith(
        (".doc", ".docx", ".hwp")
    )
    return "" if useless else title
