"""Where Ollama listens: every form ``OLLAMA_HOST`` takes, turned into a URL to connect to."""

from __future__ import annotations

import ipaddress

DEFAULT_PORT = 11434
_SCHEME_PORTS = {"http": 80, "https": 443}


def parse_host(value: str | None) -> str:
    """Turn a value of ``OLLAMA_HOST`` into a base URL, by the rules of Ollama's own client.

    The scheme is optional and decides the default port (``http`` 80, ``https`` 443, none 11434); quotes and white
    space around are dropped; a path is kept; a port that is no port is replaced by the default one. A wildcard
    address, good for listening, becomes the loopback address, which can be connected to.

    Args:
        value: For example ``0.0.0.0``, ``:8080``, ``[::1]:11434``, ``https://host/path``; empty means the default.

    Returns:
        ``scheme://host:port`` and the path, if any, without a slash at its end.
    """
    text = (value or "").strip().strip("\"'").strip()
    scheme, separator, rest = text.partition("://")
    if separator:
        scheme = scheme.lower()
        default = _SCHEME_PORTS.get(scheme, DEFAULT_PORT)
    else:
        scheme, rest, default = "http", text, DEFAULT_PORT
        if text == "ollama.com":
            scheme, default = "https", 443
    authority, _, path = rest.partition("/")
    user, at, address = authority.rpartition("@")
    host, port = _split_port(address)
    path = path.strip("/")
    return f"{scheme}://{user}{at}{_bracketed(host)}:{_port(port, default)}" + (f"/{path}" if path else "")


def _split_port(address: str) -> tuple[str, str]:
    """Split ``host:port``; an IPv6 address without brackets has no port."""
    if address.startswith("["):
        host, _, rest = address[1:].partition("]")
        return host, rest.removeprefix(":")
    if address.count(":") > 1:
        return address, ""
    host, _, port = address.partition(":")
    return host, port


def _port(text: str, default: int) -> int:
    return int(text) if text.isascii() and text.isdigit() and int(text[:6]) <= 65535 else default


def _bracketed(host: str) -> str:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host or "127.0.0.1"
    if address.version == 4:
        return "127.0.0.1" if address.is_unspecified else str(address)
    return "[::1]" if address.is_unspecified else f"[{address}]"


def _host_of(url: str) -> str:
    authority = url.partition("://")[2].partition("/")[0].rpartition("@")[2]
    return _split_port(authority)[0]


def is_loopback(url: str) -> bool:
    """Say whether a URL of :func:`parse_host` leads to this machine: 127.0.0.0/8, ::1 or ``localhost``."""
    host = _host_of(url).lower()
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def show_url(url: str) -> str:
    """Return a URL as it may be shown or logged: without user name and password."""
    scheme, separator, rest = url.partition("://")
    authority, slash, path = rest.partition("/")
    return scheme + separator + authority.rpartition("@")[2] + slash + path
