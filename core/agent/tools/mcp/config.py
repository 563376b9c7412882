"""``mcp.json``: which servers there are and how to reach them."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.errors import StudyError
from core.text import clean_line

FILE = "mcp.json"
MAX_BYTES = 1 << 20
MAX_SERVERS = 50

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")


@dataclass(frozen=True)
class ServerConfig:
    """One server. Not to be shown whole: ``env``, ``headers``, ``args`` and the address may hold secrets."""

    name: str
    """As tools are prefixed with it: letters, digits, ``-`` and single ``_``."""
    command: str = ""
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    url: str = ""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    problem: StudyError | None = None
    """Why it cannot be used as it is written."""

    @property
    def digest(self) -> str:
        """A hash of everything that decides what the server is."""
        parts = [self.command, list(self.args), dict(self.env), self.url, dict(self.headers)]
        text = json.dumps(parts, sort_keys=True)
        return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()

    def redacted(self, text: str) -> str:
        """Return a text without this server's secrets."""
        secrets = [*self.env.values(), *self.headers.values()]
        secrets += [value.split(" ", 1)[1] for value in self.headers.values() if " " in value]
        query = self.url.partition("?")[2]
        for secret in [*secrets, query]:
            if len(secret) >= 4:
                text = text.replace(secret, "***")
        return text


def load(path: Path, environ: Mapping[str, str] | None = None) -> list[ServerConfig]:
    """Read the servers; no file means none.

    Args:
        environ: For ``${NAME}`` and ``${NAME:-default}`` in values (default ``os.environ``), so that secrets need not
            be in the file.

    Raises:
        StudyError: ``error.mcp.file``: the file cannot be read or is not what it should be.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise StudyError("error.mcp.file", path=path, reason=error.strerror or str(error)) from error
    if len(data) > MAX_BYTES:
        raise StudyError("error.mcp.file", path=path, reason=f"> {MAX_BYTES >> 20} MiB")
    try:
        document = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise StudyError("error.mcp.file", path=path, reason=clean_line(str(error))) from error
    servers = document.get("mcpServers") if isinstance(document, dict) else None
    if not isinstance(servers, dict):
        raise StudyError("error.mcp.file", path=path, reason='{"mcpServers": {…}}')
    found: list[ServerConfig] = []
    names: set[str] = set()
    for key, values in list(servers.items())[:MAX_SERVERS]:
        if isinstance(values, dict) and values.get("disabled") is True:
            continue
        name = _name(str(key), names)
        names.add(name)
        found.append(_server(name, values, os.environ if environ is None else environ))
    return found


def _name(key: str, taken: set[str]) -> str:
    """Return a name that can stand before ``__``."""
    base = re.sub(r"_+", "_", re.sub(r"[^A-Za-z0-9-]+", "_", key)).strip("_-")[:24] or "server"
    name, number = base, 2
    while name in taken:
        name, number = f"{base}-{number}", number + 1
    return name


def _server(name: str, values: Any, environ: Mapping[str, str]) -> ServerConfig:
    try:
        if not isinstance(values, dict):
            raise StudyError("error.mcp.entry", server=name, field="command | url")
        missing: set[str] = set()
        command = _string(name, values, "command", environ, missing)
        url = _string(name, values, "url", environ, missing)
        config = ServerConfig(
            name=name,
            command=command,
            args=_strings(name, values, environ, missing),
            env=_table(name, values, "env", environ, missing),
            url=url,
            headers=_table(name, values, "headers", environ, missing),
        )
        if missing:
            raise StudyError("error.mcp.variable", server=name, names=", ".join(sorted(missing)))
        if bool(command) == bool(url):
            raise StudyError("error.mcp.entry", server=name, field="command | url")
        if url and not url.startswith(("http://", "https://")):
            raise StudyError("error.mcp.entry", server=name, field="url")
        if values.get("type", values.get("transport")) == "sse":
            raise StudyError("error.mcp.sse", server=name)
    except StudyError as error:
        return ServerConfig(name, problem=error)
    return config


def _expand(text: str, environ: Mapping[str, str], missing: set[str]) -> str:
    def value(match: re.Match[str]) -> str:
        found = environ.get(match.group(1), match.group(2))
        if found is None:
            missing.add(match.group(1))
            return ""
        return found

    return _VARIABLE.sub(value, text)


def _string(
    name: str, values: Mapping[str, Any], key: str, environ: Mapping[str, str], missing: set[str]
) -> str:
    value = values.get(key, "")
    if not isinstance(value, str) or "\0" in value:
        raise StudyError("error.mcp.entry", server=name, field=key)
    return _expand(value, environ, missing)


def _strings(
    name: str, values: Mapping[str, Any], environ: Mapping[str, str], missing: set[str]
) -> tuple[str, ...]:
    value = values.get("args", [])
    if not isinstance(value, list) or not all(isinstance(item, str) and "\0" not in item for item in value):
        raise StudyError("error.mcp.entry", server=name, field="args")
    return tuple(_expand(item, environ, missing) for item in value)


def _table(
    name: str, values: Mapping[str, Any], key: str, environ: Mapping[str, str], missing: set[str]
) -> dict[str, str]:
    value = values.get(key) or {}
    if not isinstance(value, dict) or not all(
        isinstance(item, str | int | float) and "\0" not in str(item) for item in value.values()
    ):
        raise StudyError("error.mcp.entry", server=name, field=key)
    return {str(item): _expand(str(text), environ, missing) for item, text in value.items()}
