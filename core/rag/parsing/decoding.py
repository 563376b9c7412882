"""Bytes as text: which encoding a file is in, when nothing or something wrong says so."""

from __future__ import annotations

import re
from dataclasses import dataclass

from core.rag.parsing.errors import LoadError

SAMPLE = 64 << 10
"""Bytes that are looked at to tell an encoding."""

FEW = 0.01
"""Share of characters that may be unreadable in a text that is read all the same."""

NAMES = {
    "euc-kr": "cp949", "euc_kr": "cp949", "ks_c_5601-1987": "cp949", "ksc5601": "cp949", "ks_c_5601": "cp949", "korean": "cp949",
    "x-windows-949": "cp949", "windows-949": "cp949", "ms949": "cp949", "uhc": "cp949", "gb2312": "gb18030", "gbk": "gb18030",
    "us-ascii": "utf-8", "ascii": "utf-8", "iso-8859-1": "cp1252", "latin1": "cp1252", "latin-1": "cp1252", "shift_jis": "cp932",
    "unicode": "utf-16", "utf8": "utf-8",
}  # fmt: skip
"""Encodings by the names documents have for them, where what is meant is a superset or another name."""

#: The only encodings a document may ask for. Python knows others that are none of a text.
_ALLOWED = re.compile(r"utf-8|utf-16(?:-?[lb]e)?|cp949|cp932|cp125\d|windows-125\d|iso-8859-\d{1,2}|euc[-_]jp|gb18030|big5|koi8-[ru]|iso-2022-(?:jp|kr)")  # fmt: skip

_CONTROL_BYTES = tuple(bytes([code]) for code in range(1, 32) if code not in (7, 8, 9, 10, 12, 13, 27))


@dataclass(frozen=True, slots=True)
class Decoded:
    """A text and how it was written."""

    text: str
    encoding: str
    note: str = ""
    """``bad_bytes`` when a few characters could not be read and are ``�``."""


def decode(data: bytes, declared: str = "") -> Decoded:
    """Decode text: by its mark, as UTF-8, as it declares itself, as UTF-16 without a mark, as CP949, with a few bad bytes.

    Args:
        data: The bytes.
        declared: An encoding's name from inside the document; believed only if it works.

    Raises:
        LoadError: ``not_text`` for anything else.
    """
    if data.startswith(b"\xef\xbb\xbf"):
        return _noted(data[3:].decode("utf-8", "replace"), "utf-8")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return _noted(data.decode("utf-16", "replace"), "utf-16")
    sample = data[:SAMPLE]
    if sample.count(0) > len(sample) // 50:
        found = _utf16(data)
        if found is None:
            raise LoadError("not_text")
        return found
    # Escape sequences and a stray NUL get cleaned away; control bytes in number mean a binary file.
    if sum(sample.count(code) for code in _CONTROL_BYTES) > len(sample) // 20:
        raise LoadError("not_text")
    try:
        return Decoded(data.decode("utf-8"), "utf-8")
    except UnicodeDecodeError:
        return _declared(data, declared) or _legacy(data)


def encoding_of(name: str) -> str:
    """Return the codec a document means by ``name``; ``""`` when it is none for text."""
    plain = name.strip().strip("\"'").lower()
    plain = NAMES.get(plain, plain)
    return plain if _ALLOWED.fullmatch(plain) else ""


def _declared(data: bytes, declared: str) -> Decoded | None:
    encoding = encoding_of(declared)
    if not encoding:
        return None
    text = data.decode(encoding, "replace")
    return _noted(text, encoding) if text.count("�") <= len(text) * FEW else None


def _legacy(data: bytes) -> Decoded:
    """Read CP949 (older Korean files), or UTF-8 or CP949 with a few bad bytes, or a Latin alphabet."""
    korean = data.decode("cp949", "replace")
    bad = korean.count("�")
    if not bad and _is_korean(korean):
        return Decoded(korean, "cp949")
    unicode_text = data.decode("utf-8", "replace")
    broken = unicode_text.count("�")
    written = sum(ord(char) > 127 for char in unicode_text[:20_000]) - unicode_text[:20_000].count("�")
    if written and _few(unicode_text, broken):
        return Decoded(unicode_text, "utf-8", "bad_bytes")
    if _few(korean, bad) and _is_korean(korean):
        return Decoded(korean, "cp949", "bad_bytes")
    if broken <= len(unicode_text) * 3 * FEW:
        latin = data.decode("cp1252", "replace")
        foreign = [char for char in latin if ord(char) > 127]
        if all(char.isalpha() or char in "‘’“”–—…€£§°«»·" for char in foreign):
            return Decoded(latin, "cp1252")
        if _few(unicode_text, broken):
            return Decoded(unicode_text, "utf-8", "bad_bytes")
    raise LoadError("not_text")


def _few(text: str, bad: int) -> bool:
    return bad <= max(len(text) * FEW, 1 if len(text) > 30 else 0)


def _is_korean(text: str) -> bool:
    """CP949 accepts much that is not Korean; real text in it is mostly Hangul syllables and ASCII."""
    foreign = [char for char in text[:20_000] if ord(char) > 127 and char != "�"]
    return bool(foreign) and sum("가" <= char <= "힣" for char in foreign) * 2 >= len(foreign)


def _utf16(data: bytes) -> Decoded | None:
    """Read UTF-16 without a mark: the one byte order that gives letters."""
    whole = data[: len(data) & ~1]
    best, order = 0.0, ""
    for encoding in ("utf-16-le", "utf-16-be"):
        sample = whole[:SAMPLE].decode(encoding, "replace")
        share = sum(map(_usual, sample)) / max(1, len(sample))
        if share > best:
            best, order = share, encoding
    return _noted(whole.decode(order, "replace"), order) if best > 0.95 else None


def _usual(char: str) -> bool:
    return (
        " " <= char <= "~"
        or char in "\t\r\n"
        or "가" <= char <= "힣"
        or "\u00a0" <= char <= "\u024f"
        or "\u0370" <= char <= "\u04ff"
        or "\u2010" <= char <= "\u203b"
        or "\u3000" <= char <= "\u318e"
        or "\u4e00" <= char <= "\u9fff"
    )


def _noted(text: str, encoding: str) -> Decoded:
    return Decoded(text, encoding, "bad_bytes" if "�" in text else "")
