"""Office files: a ZIP archive of XML, read without trusting what it says of itself."""

from __future__ import annotations

import io
import re
import struct
import zipfile
import zlib
from xml.etree import ElementTree
from xml.parsers import expat

from core.rag.parsing.errors import LoadError

MAX_ENTRIES = 5_000
MAX_TOTAL_BYTES = 100 << 20
MAX_PART_BYTES = 50 << 20
MAX_RATIO = 200
"""An archive whose parts unpack to more than this many times their size is made to hurt."""
MAX_DEPTH = 200
"""Elements inside one another; what reads them goes down as deep as they do."""
SMALL = 1 << 20
"""Parts up to this size may be packed as well as they like."""


def opened(data: bytes) -> zipfile.ZipFile:
    """Open an archive whose declared sizes are within bounds.

    Raises:
        LoadError: ``damaged``, ``too_complex`` or ``protected``.
    """
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError, struct.error) as error:
        raise LoadError("damaged") from error
    entries = archive.infolist()
    total = sum(entry.file_size for entry in entries)
    if len(entries) > MAX_ENTRIES or total > MAX_TOTAL_BYTES:
        raise LoadError("too_complex")
    for entry in entries:
        if entry.flag_bits & 1:
            raise LoadError("protected")
        if entry.file_size > SMALL and entry.file_size > MAX_RATIO * max(1, entry.compress_size):
            raise LoadError("too_complex")
    return archive


def part(archive: zipfile.ZipFile, name: str) -> bytes:
    """Read one part, at most :data:`MAX_PART_BYTES` of it: the size it declares may be a lie.

    Raises:
        LoadError: ``damaged`` or ``too_complex``.
    """
    try:
        # Office programs write nothing else, and the other decoders fail in ways of their own.
        if archive.getinfo(name).compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise LoadError("damaged")
        with archive.open(name) as stream:
            data = stream.read(MAX_PART_BYTES + 1)
    except (
        KeyError,
        zipfile.BadZipFile,
        zlib.error,
        struct.error,
        EOFError,
        OSError,
        ValueError,
        NotImplementedError,
        RuntimeError,
    ) as error:
        raise LoadError("damaged") from error
    if len(data) > MAX_PART_BYTES:
        raise LoadError("too_complex")
    return data


def xml(data: bytes) -> ElementTree.Element:
    """Parse XML that declares nothing: a document type is where entity bombs and outside files come in.

    Raises:
        LoadError: ``damaged`` or ``too_complex``.
    """
    guard = expat.ParserCreate()
    depth = 0

    def opened_one(*_: object) -> None:
        nonlocal depth
        depth += 1
        if depth > MAX_DEPTH:
            raise LoadError("too_complex")

    def closed_one(*_: object) -> None:
        nonlocal depth
        depth -= 1

    guard.StartDoctypeDeclHandler = _refuse
    guard.StartElementHandler, guard.EndElementHandler = opened_one, closed_one
    try:
        # Seen by the parser itself: bytes would have to be looked for in every encoding.
        guard.Parse(data, True)
        return ElementTree.fromstring(data)
    except (ElementTree.ParseError, expat.ExpatError, ValueError, LookupError) as error:
        raise LoadError("damaged") from error


def _refuse(*_: object) -> None:
    raise LoadError("too_complex")


def local(element: ElementTree.Element) -> str:
    """Return an element's name without its namespace."""
    return str(element.tag).rpartition("}")[2]


def attribute(element: ElementTree.Element, name: str) -> str:
    """Return an attribute by its name without a namespace, ``""`` when there is none."""
    return next((value for key, value in element.items() if key.rpartition("}")[2] == name), "")


def title_of(archive: zipfile.ZipFile, name: str) -> str:
    """Return the title that one part of an archive gives, ``""`` without; a damaged part has none."""
    if name not in archive.namelist():
        return ""
    try:
        found = [one.text or "" for one in xml(part(archive, name)).iter() if local(one) == "title"]
    except LoadError:
        return ""
    return found[0] if found else ""


def numbered(archive: zipfile.ZipFile, pattern: str) -> list[str]:
    """Return the parts whose name matches ``pattern``, by the numbers in their names."""
    found = [name for name in archive.namelist() if re.fullmatch(pattern, name)]
    return sorted(dict.fromkeys(found), key=lambda name: [int(one) for one in re.findall(r"\d+", name)])


def table(rows: list[list[str]]) -> str:
    """Write a table as Markdown; its first row is the head."""
    rows = [[" ".join(cell.split()).replace("|", "/") for cell in row] for row in rows if any(row)]
    if not rows:
        return ""
    lines = [f"| {' | '.join(row)} |" for row in rows]
    lines.insert(1, f"|{' --- |' * len(rows[0])}")
    return "\n".join(lines)
