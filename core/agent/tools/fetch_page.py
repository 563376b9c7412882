"""``fetch_page``: the text of a web page that a search found or the user named. No other address is opened.

The connection goes to the address that was checked (:mod:`core.agent.tools.address`), after every redirect anew, so
proxies of the environment are not used. Scripts do not run, nothing is stored, no cookie is sent.
"""

from __future__ import annotations

import asyncio
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.agent.tools.address import Policy, Target, check, same_page, without_fragment, written_in
from core.agent.tools.failures import HttpFailed
from core.agent.tools.html_text import html_to_text
from core.agent.tools.language import said
from core.agent.tools.web import AGENT, CONNECT_S, READ_S, retry_after, tls, unreachable
from core.agent.types import Tool, ToolContext, ToolResult
from core.errors import StudyError
from core.session import found_links
from core.text import clean, clean_line, shorten

if TYPE_CHECKING:
    import httpx

MAX_BYTES = 2 << 20
"""Of a page, uncompressed: the rest is left out, and that is said."""
SHOWN_CHARS = 11_000
"""Of a page's text."""
REDIRECTS = 5
_REDIRECT = frozenset({301, 302, 303, 307, 308})
_TEXT = re.compile(r"^(?:text/|application/(?:[\w.-]+\+)?(?:json|xml)\b|application/xhtml)", re.I)
_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w-]{2,40})", re.I)


@dataclass(frozen=True, slots=True)
class _Page:
    url: str
    kind: str
    charset: str
    body: bytes
    cut: bool


def tool(policy: Policy | None = None) -> Tool:
    """Make the tool. A policy other than the default is for tests."""
    allowed = policy or Policy()

    async def call(context: ToolContext, arguments: Mapping[str, Any]) -> ToolResult:
        url = await _permitted(context, arguments["url"])
        page = await _get(url, allowed)
        # Parsing 2 MB of HTML takes a while.
        title, text = await asyncio.to_thread(_text_of, page)
        if not text.strip():
            raise StudyError("error.fetch.no_text", url=page.url)
        head = f"{title}\n{page.url}" if title else page.url
        shown = text[:SHOWN_CHARS]
        cut = page.cut or len(text) > SHOWN_CHARS
        note = f"\n{said(context, 'tool.cut.some', shown=f'{len(shown):,}')}" if cut else ""
        return ToolResult(
            f"{head}\n\n{shown}{note}",
            said(context, "fetch.answer", title=title or page.url, text=shorten(_opening(text), 600)),
            data={"url": page.url, "title": title, "bytes": len(page.body), "cut": cut},
        )

    return Tool(
        name="fetch_page",
        description="Read the text of a web page: an address from web_search's results or from the user's question.",
        schema={
            "type": "object",
            "properties": {"url": {"type": "string", "description": "The page's address, http or https."}},
            "required": ["url"],
        },
        call=call,
        timeout_s=25.0,
        retries=1,
        max_chars=12_000,
        leaves="tool.leaves.fetch_page",
        untrusted=True,
    )


async def _permitted(context: ToolContext, url: str) -> str:
    """Return the address to open: one of the user's own words, or one that a search of this session found."""
    wanted = clean_line(url, max_chars=2_000)
    if "://" not in wanted:
        wanted = f"https://{wanted}"
    wanted = without_fragment(wanted)
    for address in written_in(context.question):
        if same_page(address, wanted):
            return address
    if found_links.known(context.store, context.session_id, wanted):
        return wanted
    raise StudyError("error.fetch.not_found_here", url=wanted)


async def _get(url: str, policy: Policy) -> _Page:
    import httpx

    context = await asyncio.to_thread(tls)
    timeout = httpx.Timeout(READ_S, connect=CONNECT_S)
    async with httpx.AsyncClient(
        verify=context, timeout=timeout, trust_env=False, follow_redirects=False
    ) as client:
        for _ in range(REDIRECTS + 1):
            target = await check(url, policy)
            try:
                page, url = await _step(client, target)
            except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
                raise unreachable(target.host, error) from error
            if page is not None:
                return page
    raise StudyError("error.fetch.redirects", count=REDIRECTS)


async def _step(client: httpx.AsyncClient, target: Target) -> tuple[_Page | None, str]:
    """Make one request to the checked address; returns the page, or where it leads."""
    import httpx

    original = httpx.URL(target.url)
    pinned = original.copy_with(host=target.ip, port=target.port)
    request = client.build_request(
        "GET",
        pinned,
        headers={
            "Host": original.netloc.decode("ascii"),
            "User-Agent": AGENT,
            "Accept": "text/html,text/*;q=0.9,application/json;q=0.8",
            "Accept-Encoding": "gzip",
        },
        # The certificate has to be the name's, though the connection is to a number.
        extensions={"sni_hostname": target.host},
    )
    response = await client.send(request, stream=True)
    client.cookies.clear()
    try:
        if response.status_code in _REDIRECT and "location" in response.headers:
            return None, _joined(original, response.headers["location"])
        if response.status_code != 200:
            raise HttpFailed(
                target.host,
                response.status_code,
                retry_after=retry_after(response.headers.get("Retry-After")),
                reason=clean_line(response.reason_phrase),
            )
        kind = response.headers.get("content-type", "text/html")
        if not _TEXT.match(kind):
            raise StudyError("error.fetch.not_text", url=target.url, kind=clean_line(kind, max_chars=60))
        body, cut = await _body(response, target)
        charset = response.charset_encoding or ""
        return _Page(target.url, kind.lower(), charset, body, cut), ""
    finally:
        await response.aclose()


def _joined(original: httpx.URL, location: str) -> str:
    """Return where a redirect leads."""
    import httpx

    try:
        return str(original.join(location))
    except httpx.InvalidURL as error:
        raise StudyError("error.fetch.address", url=clean_line(location, max_chars=200)) from error


async def _body(response: httpx.Response, target: Target) -> tuple[bytes, bool]:
    """Read up to the limit. Decompressed here, piece by piece: a small body may unpack to gigabytes."""
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", "", "gzip", "x-gzip", "deflate"):
        raise StudyError("error.fetch.not_text", url=target.url, kind=clean_line(encoding, max_chars=60))
    unpack = zlib.decompressobj(47) if encoding not in ("identity", "") else None
    body = bytearray()
    async for raw in response.aiter_raw():
        room = MAX_BYTES + 1 - len(body)
        try:
            body += raw if unpack is None else unpack.decompress(raw, room)
        except zlib.error as error:
            raise StudyError("error.fetch.no_text", url=target.url) from error
        if len(body) > MAX_BYTES:
            return bytes(body[:MAX_BYTES]), True
    return bytes(body), False


def _text_of(page: _Page) -> tuple[str, str]:
    """Return a page's title and text."""
    html = "html" in page.kind or page.body[:200].lstrip().lower().startswith((b"<!doctype html", b"<html"))
    text = _decoded(page)
    if not html:
        return "", clean(text)
    title, body = html_to_text(clean(text))
    return clean_line(title, max_chars=200), clean(body)


def _decoded(page: _Page) -> str:
    """Decode by the header, the page's own word, UTF-8, then CP949 (older Korean pages)."""
    declared = _CHARSET.search(page.body[:4096])
    for name in (page.charset, declared.group(1).decode("ascii") if declared else "", "utf-8", "cp949"):
        # The web's euc-kr is CP949; a codec that turns text into something else (zlib, rot13) is none.
        name = "cp949" if name.lower() in ("euc-kr", "ks_c_5601-1987", "korean") else name
        try:
            return page.body.decode(name, "strict" if not page.cut else "ignore") if name else _none()
        except (LookupError, UnicodeError, ValueError):
            continue
    return page.body.decode("utf-8", "replace")


def _none() -> str:
    raise ValueError


def _opening(text: str) -> str:
    """Return the first paragraph with something to say, else the beginning."""
    paragraphs = [" ".join(part.split()) for part in text.split("\n\n")]
    return next((part for part in paragraphs if len(part) > 80), " ".join(text.split()))


TOOL = tool()
