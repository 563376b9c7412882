"""The Berkeley Function-Calling Leaderboard's public cases, where its data package is installed.

``bfcl-eval`` (Apache-2.0) carries questions and answers; only those files are read, none of its code, since its
dependencies pin other versions than ours: ``pip install --no-deps bfcl-eval``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from importlib.util import find_spec
from typing import Any

from core.agent.types import Tool, ToolContext, ToolResult
from core.errors import StudyError
from core.lab.trials.grade import Call, normalised

KINDS = {"simple": "simple_python", "multiple": "multiple", "irrelevance": "irrelevance"}
"""Our names of its categories, and the files' parts."""

_TYPES = {
    "dict": "object", "float": "number", "tuple": "array", "list": "array", "any": "string", "double": "number",
    "long": "integer", "char": "string", "int": "integer", "bool": "boolean", "str": "string",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class BfclCase:
    """One case."""

    id: str
    kind: str
    question: str
    functions: tuple[Mapping[str, Any], ...]
    truth: tuple[Mapping[str, Mapping[str, Sequence[Any]]], ...]
    """Calls that are right; none for ``irrelevance``."""


def installed() -> bool:
    """Say whether the data package is there."""
    return find_spec("bfcl_eval") is not None


def cases(kind: str, count: int) -> list[BfclCase]:
    """Return the first so many cases of a kind.

    Raises:
        StudyError: The package is not installed, or has no such file.
    """
    if not installed():
        raise StudyError("error.lab.bfcl")
    name = f"BFCL_v4_{KINDS[kind]}.json"
    folder = resources.files("bfcl_eval") / "data"
    try:
        questions = _lines((folder / name).read_text("utf-8"))
        answers = {}
        if kind != "irrelevance":
            answers = {
                one["id"]: one["ground_truth"]
                for one in _lines((folder / "possible_answer" / name).read_text("utf-8"))
            }
    except OSError as error:
        raise StudyError("error.lab.bfcl.file", name=name) from error
    return [
        BfclCase(
            str(one["id"]),
            kind,
            "\n".join(str(message["content"]) for message in one["question"][0] if message["role"] == "user"),
            tuple(one["function"]),
            tuple(answers.get(one["id"], ())),
        )
        for one in questions[:count]
    ]


def _lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines() if line.strip()]


def safe_name(name: str) -> str:
    """Return a function's name as tools may be called."""
    return re.sub(r"\W", "_", name)


def tools_of(case: BfclCase) -> dict[str, Tool]:
    """Return the functions as tools that do nothing."""

    async def call(context: ToolContext, arguments: Mapping[str, Any]) -> ToolResult:
        return ToolResult("ok")

    found = {}
    for one in case.functions:
        name = safe_name(one["name"])
        found[name] = Tool(
            name, str(one.get("description", ""))[:1000], _schema(one["parameters"]), call, source="bfcl"
        )
    return found


def _schema(value: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, inner in value.items():
        if key == "type":
            found[key] = _TYPES.get(str(inner).lower(), inner)
        elif key == "properties":
            found[key] = {name: _schema(one) for name, one in inner.items()}
        elif key == "items" and isinstance(inner, Mapping):
            found[key] = _schema(inner)
        elif key in ("description", "enum", "required"):
            found[key] = inner
    return found


def right(case: BfclCase, calls: Sequence[Call]) -> bool:
    """Say whether the calls are right: none for ``irrelevance``, else the one wanted with arguments that are allowed."""
    if case.kind == "irrelevance":
        return not calls
    if len(calls) != len(case.truth):
        return False
    (name, given), wanted = calls[0], case.truth[0]
    [(function, allowed)] = wanted.items()
    if name != safe_name(function) or any(key not in allowed for key in given):
        return False
    return all(_allowed(given, key, values) for key, values in allowed.items())


def _allowed(given: Mapping[str, Any], key: str, values: Sequence[Any]) -> bool:
    if key not in given:
        return "" in values
    return any(_same(given[key], one) for one in values)


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, int | float) and isinstance(b, int | float):
        return a == b
    if isinstance(a, str) and isinstance(b, str):
        return re.sub(r"[ ,./\-_*^]", "", normalised(a)) == re.sub(r"[ ,./\-_*^]", "", normalised(b))
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(_same(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, dict) and isinstance(b, dict):
        # In answers a nested object's values are lists of what is allowed.
        return all(key in b and any(_same(one, x) for x in _list(b[key])) for key, one in a.items()) and all(
            key in a or "" in _list(values) for key, values in b.items()
        )
    return bool(a == b)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
