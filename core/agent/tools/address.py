"""Which addresses a page may be fetched from, and looking them up so that the check cannot be got round.

A name is resolved once, every address it has is checked, and the connection goes to the address that was checked: a
name that resolves to something else a moment later (DNS rebinding) gains nothing.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

from core.errors import StudyError

Ip = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Awaitable[list[str]]]
"""Returns the addresses of a host name, as text."""

PORTS = frozenset({80, 443, 8080, 8443})

_REFUSED = tuple(
    ipaddress.ip_network(text)
    for text in (
        # Beside what Python knows as not global: carrier-grade NAT, relays, and a cloud's metadata on a public address.
        "0.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "168.63.129.16/32", "192.0.0.0/24", "192.88.99.0/24",
        "198.18.0.0/15", "fc00::/7", "fe80::/10", "fec0::/10",
    )
)  # fmt: skip


def is_public(address: Ip) -> bool:
    """Say whether an address belongs to the public internet, as far as its number tells."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id:
            return False
        inner = _embedded(address)
        if inner is not None:
            return is_public(inner)
    if not address.is_global or address.is_multicast or address.is_reserved or address.is_unspecified:
        return False
    return not any(address.version == net.version and address in net for net in _REFUSED)


def _embedded(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """Return the IPv4 address that an IPv6 address stands for (mapped, 6to4, Teredo, NAT64, compatible)."""
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    number = int(address)
    if number >> 32 == int(ipaddress.IPv6Address("64:ff9b::")) >> 32 or (number >> 32 == 0 and number > 1):
        return ipaddress.IPv4Address(number & 0xFFFF_FFFF)
    return None


async def resolve(host: str, port: int) -> list[str]:
    """Look a host name up. Numbers in any notation the system takes are looked up too, so they are checked alike."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(item[4][0]) for item in found))


@dataclass(frozen=True)
class Policy:
    """What may be connected to. Tests alone use another than the default."""

    allows: Callable[[Ip], bool] = is_public
    ports: frozenset[int] | None = PORTS
    resolve: Resolve = resolve


@dataclass(frozen=True, slots=True)
class Target:
    """Where to connect for an address that passed."""

    url: str
    """As given, without fragment."""
    host: str
    ip: str
    port: int


async def check(url: str, policy: Policy) -> Target:
    """Check an address and resolve it.

    Raises:
        StudyError: ``error.fetch.*``: not http(s), with a password, a port or network that is not allowed, unknown name.
    """
    import httpx

    url = without_fragment(url)
    try:
        parsed = httpx.URL(url)
        host = parsed.raw_host.decode("ascii").strip("[]")
        port = parsed.port or (443 if parsed.scheme == "https" else 80)
    except (httpx.InvalidURL, ValueError, UnicodeError) as error:
        raise StudyError("error.fetch.address", url=url) from error
    if parsed.scheme not in ("http", "https") or not host or parsed.userinfo or re.search(r"\s", url):
        raise StudyError("error.fetch.address", url=url)
    if policy.ports is not None and port not in policy.ports:
        raise StudyError("error.fetch.port", url=url, port=port)
    try:
        addresses = await policy.resolve(host, port)
    except (OSError, UnicodeError) as error:
        raise StudyError("error.fetch.unknown_host", host=host) from error
    if not addresses:
        raise StudyError("error.fetch.unknown_host", host=host)
    for text in addresses:
        try:
            ip = ipaddress.ip_address(text)
        except ValueError as error:
            raise StudyError("error.fetch.private", host=host) from error
        # One private address among public ones is refused too: which of them is taken is not left to chance.
        if not policy.allows(ip):
            raise StudyError("error.fetch.private", host=host)
    return Target(url, host, addresses[0], port)


def without_fragment(url: str) -> str:
    """Return an address without its fragment, which is never sent."""
    return url.split("#", 1)[0]


# -- addresses in what the user wrote -------------------------------------------------------------------

_WRITTEN = re.compile(
    r"https?://[^\s<>\"'`{}|\\^]+"
    r"|(?<![\w@./-])(?:www\.)?(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,24}(?::\d+)?/[^\s<>\"'`{}|\\^]*"
    r"|(?<![\w@./-])www\.(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,24}",
    re.IGNORECASE,
)
_END = re.compile(r"[.,;:!?)\]}’”'\"。、]+$")
_HANGUL_END = re.compile(r"[가-힣]+$")


def written_in(text: str) -> list[str]:
    """Return the web addresses in a user's words, each in the forms it may mean.

    A Korean particle may stick to an address (``https://a.kr/b를``): both readings are returned, the shorter first.
    """
    found: list[str] = []
    for match in _WRITTEN.finditer(text[:20_000]):
        full = _END.sub("", match.group())
        bare = _END.sub("", _HANGUL_END.sub("", full))
        for reading in (bare, full):
            address = reading if "://" in reading else f"https://{reading}"
            found.append(without_fragment(address))
    return list(dict.fromkeys(found))


def same_page(one: str, other: str) -> bool:
    """Say whether two addresses mean the same page: case of scheme and host, a bare slash and fragments do not count."""
    return _normal(one) == _normal(other)


def _normal(url: str) -> str:
    try:
        parts = urlsplit(without_fragment(url.strip()))
        return urlunsplit((parts.scheme.lower(), parts.netloc.lower(), parts.path or "/", parts.query, ""))
    except ValueError:
        return url
