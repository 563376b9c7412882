"""What a file is: by its name, and by the bytes it starts with, which know better."""

from __future__ import annotations

import re
from pathlib import Path

from core.rag.parsing.errors import LoadError

MARKDOWN = "text/markdown"
PLAIN = "text/plain"
PDF = "application/pdf"
HTML = "text/html"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
PPTX = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
HWPX = "application/hwp+zip"
MAIL = "message/rfc822"
CSV = "text/csv"
JSON = "application/json"
NOTEBOOK = "application/x-ipynb+json"
PYTHON = "text/x-python"
CODE = "text/x-source"

MARKDOWN_TYPES = frozenset({MARKDOWN, HTML, DOCX, PPTX, HWPX, NOTEBOOK, MAIL})
"""Media types whose text is Markdown when it is read."""
TABLE_TYPES = frozenset({CSV, XLSX})
"""Media types whose text is tables when it is read."""
LINE_TYPES = frozenset({JSON})
"""Media types whose text is ``path: value`` lines when it is read."""
CODE_TYPES = frozenset({PYTHON, CODE})

_SUFFIXES = {
    MARKDOWN: "md markdown mdown",
    PLAIN: "txt text log rst adoc org tex",
    PDF: "pdf",
    HTML: "html htm xhtml",
    DOCX: "docx docm",
    XLSX: "xlsx xlsm",
    PPTX: "pptx pptm",
    HWPX: "hwpx",
    MAIL: "eml",
    CSV: "csv tsv",
    JSON: "json jsonl ndjson",
    NOTEBOOK: "ipynb",
    PYTHON: "py pyi",
    CODE: "yaml yml toml ini cfg sh bash sql js mjs jsx ts tsx java c h cpp hpp cc cs go rs kt kts swift rb php pl lua r scala"
    " ps1 bat tf proto graphql css scss vue",
}

MEDIA_TYPES: dict[str, str] = {
    f".{suffix}": kind for kind, suffixes in _SUFFIXES.items() for suffix in suffixes.split()
}
"""What is read, by suffix. A file named directly with another suffix is tried as plain text."""

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
ZIP = b"PK\x03\x04"

#: Formats that are known and not read, by what they start with.
_PICTURES = (
    (b"\x89PNG", "PNG"), (b"\xff\xd8\xff", "JPEG"), (b"GIF8", "GIF"), (b"II*\0", "TIFF"), (b"MM\0*", "TIFF"), (b"8BPS", "PSD"),
)  # fmt: skip
_OTHERS = (
    (b"{\\rtf", "RTF"), (b"HWP Document File", "HWP 3"), (b"%!PS", "PostScript"), (b"\x1f\x8b", "gzip"), (b"7z\xbc\xaf", "7-Zip"),
    (b"Rar!", "RAR"), (b"BZh", "bzip2"), (b"\xfd7zXZ", "xz"), (b"SQLite format 3", "SQLite"), (b"\x7fELF", "ELF"), (b"AT&TFORM", "DjVu"),
)  # fmt: skip
OLD_OFFICE = {".doc": "Word (.doc)", ".xls": "Excel (.xls)", ".ppt": "PowerPoint (.ppt)", ".hwp": "HWP (.hwp)", ".msg": "Outlook (.msg)"}  # fmt: skip
"""Suffixes of old binary formats that offices still have, and their names; each is refused with a reason."""

_MARKUP = re.compile(rb"\s*(?:<\?xml[^>]{0,200}\?>\s*)?(?:<!--.{0,500}?-->\s*)?<(?:!doctype\s+html|html[\s>])", re.IGNORECASE | re.DOTALL)  # fmt: skip


def media_type(path: Path) -> str:
    """Return the media type by suffix; plain text for suffixes not known."""
    return MEDIA_TYPES.get(path.suffix.lower(), PLAIN)


def sniffed(path: Path, data: bytes) -> str:
    """Return the media type a file has by its first bytes, else by its suffix. Archives stay what they are called.

    Raises:
        LoadError: ``unsupported``, ``picture`` or ``protected``: it is of a format that is not read.
    """
    kind = media_type(path)
    if data.startswith(b"%PDF-"):
        return PDF
    if data.startswith(_OLE):
        raise _old_office(path, data)
    for starts, name in _PICTURES:
        if data.startswith(starts):
            raise LoadError("picture", format=name)
    if data[8:12] == b"WEBP" or data[4:12] in (b"ftypheic", b"ftypavif", b"ftypmif1"):
        raise LoadError("picture", format="WebP" if data[8:12] == b"WEBP" else "HEIF")
    if data.startswith(b"BM") and len(data) > 30 and not any(data[6:10]):
        raise LoadError("picture", format="BMP")
    for starts, name in _OTHERS:
        if data.startswith(starts):
            raise LoadError("unsupported", format=name)
    if kind in (PLAIN, MARKDOWN, DOCX, XLSX) and _MARKUP.match(data[:2_000].removeprefix(b"\xef\xbb\xbf")):
        # Programs that "export to Word" or "to Excel" often write a page and call it .doc or .docx.
        return HTML
    return kind


def _old_office(path: Path, data: bytes) -> LoadError:
    """Say what an OLE container is: an old binary format, or a new one behind a password."""
    if "EncryptedPackage".encode("utf-16-le") in data:
        return LoadError("protected")
    name = OLD_OFFICE.get(path.suffix.lower())
    if name is None:
        streams = (
            ("WordDocument", ".doc"), ("Workbook", ".xls"), ("PowerPoint Document", ".ppt"), ("FileHeader", ".hwp"),
        )  # fmt: skip
        found = (suffix for stream, suffix in streams if stream.encode("utf-16-le") in data)
        name = OLD_OFFICE.get(next(found, ""), "OLE")
    return LoadError("old_format", format=name)
