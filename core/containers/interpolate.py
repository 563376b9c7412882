"""``.env`` files and ``${VARIABLE:-default}``, as Compose reads them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from core.containers.errors import compose_variable
from core.errors import UsageError
from core.text import clean_line

MAX_BYTES = 256 << 10
_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_LINE = re.compile(rf"(?:export\s+)?({_NAME})\s*=\s*(.*)")
_VARIABLE = re.compile(
    rf"\$(?:(?P<escaped>\$)|(?P<plain>{_NAME})|\{{(?P<name>{_NAME})(?:(?P<how>:?[-?])(?P<rest>[^${{}}]*))?\}}|(?P<bad>))"
)


def environment(file: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of a ``.env`` file (it need not exist), those of the environment winning.

    Raises:
        UsageError: The file cannot be read, or a line in it is no ``NAME=value``.
    """
    try:
        text = file.read_bytes()[:MAX_BYTES].decode("utf-8-sig")
    except FileNotFoundError:
        return dict(environ)
    except (OSError, UnicodeDecodeError) as error:
        reason = clean_line(str(getattr(error, "strerror", None) or error))
        raise UsageError("error.compose.unreadable", file=clean_line(str(file)), reason=reason) from error
    values: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        found = _LINE.fullmatch(line)
        if not found:
            raise UsageError(
                "error.compose.env",
                file=clean_line(str(file)),
                line=number,
                text=clean_line(line, max_chars=60),
            )
        values[found[1]] = _unquoted(found[2])
    return values | dict(environ)


def _unquoted(text: str) -> str:
    for quote in "\"'":
        end = text.find(quote, 1)
        if text.startswith(quote) and end > 0:
            return text[1:end]
    return re.sub(r"(^|\s+)#.*", "", text).strip()


def fill(text: str, variables: Mapping[str, str], file: Path, line: int) -> str:
    """Fill in ``$NAME``, ``${NAME}``, ``${NAME:-default}``, ``${NAME-default}``, ``${NAME:?error}``, ``$$``.

    Raises:
        UsageError: The form is none of these, or a variable that must be set is not.
    """

    def value(found: re.Match[str]) -> str:
        if found["escaped"]:
            return "$"
        name, how = found["plain"] or found["name"], found["how"] or ""
        if not name:
            raise compose_variable(file, line, text)
        here = variables.get(name)
        missing = not here if how.startswith(":") else here is None
        if missing and how.endswith("?"):
            raise compose_variable(file, line, f"{name}: {found['rest']}")
        return found["rest"] if missing and how.endswith("-") else here or ""

    return _VARIABLE.sub(value, text)
