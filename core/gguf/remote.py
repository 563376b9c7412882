"""Read the header of a GGUF file on a web server by asking for its first bytes: nothing is downloaded.

Servers that know ranges send a piece at a time; of one that does not, the answer is read as far as the header goes
and closed. Contacted is only the server in the address, and where it redirects to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import urlsplit, urlunsplit

import httpx

from core.errors import StudyError
from core.gguf.header import GgufError, Header, NeedMore, merged, parse, part_names
from core.text import clean_line, without_secrets

FIRST_BYTES = 1 << 20
MAX_BYTES = 64 << 20
"""A longer header is given up: vocabularies take 1 to 16 MB."""
MAX_REDIRECTS = 5
TIMEOUT = httpx.Timeout(10.0, read=20.0)


@dataclass(frozen=True, slots=True)
class RemoteHeader:
    """A header, and what it cost to know."""

    header: Header
    file_bytes: int | None
    """Size of the model's files together; ``None`` when the server does not say."""
    transferred: int
    """Bytes of bodies received."""


async def read_remote_header(
    url: str, *, headers: Mapping[str, str] | None = None, client: httpx.AsyncClient | None = None
) -> RemoteHeader:
    """Read the header of ``url``; of a split model, of all its files.

    Args:
        url: ``http://`` or ``https://`` address of a GGUF file.
        headers: More request headers, for example an authorisation.
        client: Reused when given, else one is made and closed.

    Raises:
        StudyError: ``error.fit.remote.*``: no such address, unreachable, refused, stalled, not a GGUF, too long.
    """
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        raise StudyError("error.fit.remote.url", url=clean_line(url))
    if client is None:
        async with httpx.AsyncClient(
            follow_redirects=True, max_redirects=MAX_REDIRECTS, timeout=TIMEOUT
        ) as fresh:
            return await read_remote_header(url, headers=headers, client=fresh)
    first = await _guarded(client, url, headers)
    if first.header.parts == 1:
        return first
    split = urlsplit(url)
    place = PurePosixPath(split.path)
    try:
        names = part_names(place.name, first.header.parts)
    except GgufError as error:
        raise StudyError("error.fit.remote.bad", url=without_secrets(url), reason=str(error)) from None
    others = [
        await _guarded(client, urlunsplit(split._replace(path=str(place.with_name(name)))), headers)
        for name in names
    ]
    sizes = [part.file_bytes for part in (first, *others)]
    known = [size for size in sizes if size is not None]
    return RemoteHeader(
        merged(first.header, [part.header for part in others]),
        sum(known) if len(known) == len(sizes) else None,
        first.transferred + sum(part.transferred for part in others),
    )


async def _guarded(client: httpx.AsyncClient, url: str, headers: Mapping[str, str] | None) -> RemoteHeader:
    try:
        return await _read(client, url, dict(headers or {}))
    except GgufError as error:
        raise StudyError("error.fit.remote.bad", url=without_secrets(url), reason=str(error)) from None
    except httpx.TimeoutException:
        raise StudyError("error.fit.remote.stalled", url=without_secrets(url)) from None
    except httpx.TooManyRedirects:
        raise StudyError(
            "error.fit.remote.redirects", url=without_secrets(url), limit=MAX_REDIRECTS
        ) from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        reason = clean_line(str(error)) or type(error).__name__
        raise StudyError("error.fit.remote.unreachable", url=without_secrets(url), reason=reason) from None


class _Bytes:
    """The start of the file as far as it came, and a try to read it whenever that may help."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.size: int | None = None
        self.wanted = 0

    def header(self) -> Header | None:
        """The header when it is complete; else ``wanted`` says how far to read on."""
        if len(self.data) < self.wanted:
            return None
        try:
            return parse(self.data, self.size if self.size is not None else 1 << 62)
        except NeedMore as more:
            if more.until > MAX_BYTES:
                raise GgufError(f"its header is longer than {MAX_BYTES >> 20} MiB") from None
            # A step past what is known to be missing, so that a vocabulary is not walked too many times.
            self.wanted = max(more.until, min(2 * len(self.data), MAX_BYTES), 24)
            if self.size is not None:
                self.wanted = max(more.until, min(self.wanted, self.size))
            return None


async def _read(client: httpx.AsyncClient, url: str, headers: dict[str, str]) -> RemoteHeader:
    got = _Bytes()
    got.wanted = FIRST_BYTES
    while True:
        start = len(got.data)
        asked = {**headers, "Range": f"bytes={start}-{got.wanted - 1}", "Accept-Encoding": "identity"}
        async with client.stream("GET", url, headers=asked) as response:
            if response.status_code not in (200, 206):
                raise StudyError(
                    "error.fit.remote.status", url=without_secrets(url), status=response.status_code
                )
            ranged = response.status_code == 206
            if ranged:
                _check_range(response, start)
            else:
                del got.data[:]
            _learn_size(got, response, ranged)
            if got.size is not None and got.size < got.wanted:
                got.wanted = got.size
            header = await _fill(got, response, ranged)
        if header is not None:
            return RemoteHeader(header, got.size, len(got.data))
        if len(got.data) <= start:
            raise GgufError("the server sends no more of it")
        if not ranged:
            raise GgufError("the file ends in the middle of its header")


async def _fill(got: _Bytes, response: httpx.Response, ranged: bool) -> Header | None:
    end = got.wanted
    async for chunk in response.aiter_raw(1 << 16):
        # Nobody has to send only what was asked for.
        room = (end if ranged else MAX_BYTES) - len(got.data)
        got.data += chunk[:room]
        if len(got.data) >= 4 and bytes(got.data[:4]) != b"GGUF":
            raise GgufError("supplied file was not in GGUF format")
        if ranged:
            if len(got.data) >= end:
                break
        elif (header := got.header()) is not None:
            return header
        elif room <= len(chunk):
            raise GgufError(f"its header is longer than {MAX_BYTES >> 20} MiB")
    if not ranged:
        # The end came first: what is there is the whole file.
        got.size, got.wanted = len(got.data), 0
    elif len(got.data) < end:
        return None
    return got.header()


def _check_range(response: httpx.Response, start: int) -> None:
    said = response.headers.get("content-range", "")
    if not said.startswith(f"bytes {start}-"):
        raise GgufError("the server sends another range than was asked for")


def _learn_size(got: _Bytes, response: httpx.Response, ranged: bool) -> None:
    said = response.headers.get("content-range", "").rpartition("/")[2] if ranged else ""
    if not ranged:
        said = response.headers.get("content-length", "")
    if said.isascii() and said.isdigit() and len(said) < 20:
        size = int(said)
        if got.size is not None and got.size != size:
            raise GgufError("the file changed while its header was read")
        got.size = size
