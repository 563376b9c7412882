"""E-mail (RFC 5322, MIME): who, when, subject and what was written; attachments are named, never opened.

A mail forwarded as an attachment is read too: it is what somebody wrote, and usually the point of the mail around it.
"""

from __future__ import annotations

from collections.abc import Iterator
from email import policy
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.parser import BytesParser

from core.rag.parsing import web
from core.rag.parsing.decoding import decode, encoding_of
from core.rag.parsing.errors import LoadError

HEADERS = ("From", "To", "Cc", "Date")

MAX_PARTS = 500
"""Parts of one mail that are looked at."""
MAX_NESTED = 8
"""Mails inside mails that are read."""


class _AsWritten(policy.Compat32):
    """Keeps what is broken instead of failing on it, and gives headers with their raw bytes; they are decoded here."""

    def header_fetch_parse(self, name: str, value: str) -> str:
        return value


def read(data: bytes) -> tuple[str, str]:
    """Return a mail's text and its subject.

    Raises:
        LoadError: ``damaged``, ``not_text`` or ``too_complex``.
    """
    if data.count(b"\n--") > 20 * MAX_PARTS:
        raise LoadError("too_complex")
    try:
        mail = BytesParser(policy=_AsWritten()).parsebytes(data)
        blocks = list(_mail(mail, level=1))
        return "\n\n".join(block for block in blocks if block), _header(mail, "Subject")
    except (ValueError, LookupError, TypeError, AttributeError, IndexError) as error:
        # The standard library meets broken mails with many kinds of exception.
        raise LoadError("damaged") from error


def _mail(mail: Message, level: int) -> Iterator[str]:
    """Yield a mail's blocks: subject as a heading, who and when, the text, the attachments' names, mails inside."""
    subject = _header(mail, "Subject")
    yield f"{'#' * min(level, 6)} {subject}" if subject else ""
    yield "\n".join(f"{name}: {found}" for name in HEADERS if (found := _header(mail, name)))
    texts: list[str] = []
    names: list[str] = []
    inside: list[Message] = []
    _sort(mail, texts, names, inside)
    yield from texts
    yield "\n".join(f"- {name}" for name in names)
    for one in inside:
        if level >= MAX_NESTED:
            raise LoadError("too_complex")
        yield from _mail(one, level + 1)


def _sort(mail: Message, texts: list[str], names: list[str], inside: list[Message]) -> None:
    """Sort the parts of a mail: what was written, the names of what is attached, the mails in it."""
    waiting, looked_at = [mail], 0
    while waiting:
        part = waiting.pop()
        looked_at += 1
        if looked_at > MAX_PARTS:
            raise LoadError("too_complex")
        kind = part.get_content_type()
        below = part.get_payload()
        name = _filename(part)
        if kind == "message/rfc822" and isinstance(below, list):
            inside.extend(one for one in below if isinstance(one, Message))
        elif isinstance(below, list):
            parts = [one for one in below if isinstance(one, Message)]
            if kind == "multipart/alternative":
                parts = [_best(parts)] if parts else []
            waiting.extend(reversed(parts))
        elif name or _attached(part) or not kind.startswith("text/"):
            names.extend([name] if name else [])
        elif text := _text(part).strip():
            texts.append(text)


def _best(parts: list[Message]) -> Message:
    """Return the form of a text to read: plain where there is one that says something, else what is there."""
    plain = [part for part in parts if part.get_content_type() == "text/plain"]
    return next((part for part in plain if _text(part).strip()), parts[-1])


def _attached(part: Message) -> bool:
    return str(part.get("Content-Disposition", "")).strip().lower().startswith("attachment")


def _text(part: Message) -> str:
    payload = part.get_payload(decode=True)
    data = payload if isinstance(payload, bytes) else b""
    declared = str(part.get_content_charset() or "")
    if part.get_content_subtype() == "html":
        text = (decode(data, declared) if encoding_of(declared) else web.decoded(data)).text
        return web.read(text)[0]
    return decode(data, declared).text if data else ""


# -- headers ----------------------------------------------------------------------------------------


def _header(mail: Message, name: str) -> str:
    return _words(str(mail.get(name, "")))


def _words(raw: str) -> str:
    """Decode a header: encoded words, and raw bytes as old programs wrote them."""
    try:
        found = decode_header(raw)
    except (ValueError, HeaderParseError):
        found = [(raw, None)]
    shown = "".join(
        one if isinstance(one, str) else _decoded(one, str(charset or "")) for one, charset in found
    )
    return " ".join(_repaired(shown).split())


def _decoded(data: bytes, charset: str) -> str:
    try:
        return decode(data, charset).text
    except LoadError:
        return data.decode("ascii", "replace")


def _repaired(text: str) -> str:
    """Read the bytes that were kept as surrogates."""
    if not any("\udc80" <= char <= "\udcff" for char in text):
        return text
    return _decoded(text.encode("utf-8", "surrogateescape"), "")


def _filename(part: Message) -> str:
    try:
        name = part.get_filename()
    except (ValueError, LookupError, TypeError):
        return ""
    return _words(name)[:200] if name else ""
