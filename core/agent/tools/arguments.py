"""Arguments as a model or a router wrote them, made what the tool's schema says, or refused with a sentence."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from core.errors import StudyError
from core.text import clean

MAX_ARGUMENT_CHARS = 20_000


def validated(schema: Mapping[str, Any], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments with the schema's types; unknown ones are left out, missing ones get their default.

    Small models write ``"3"`` for 3 and ``"true"`` for true: what means one thing only is taken as that.

    Raises:
        StudyError: ``error.tool.argument.*``: one is missing, or has another type or value than the schema's.
    """
    properties: Mapping[str, Any] = schema.get("properties", {})
    required = set(schema.get("required", ()))
    found: dict[str, Any] = {}
    for name, rule in properties.items():
        value = arguments.get(name)
        if value is None or (isinstance(value, str) and not value.strip() and name in required):
            if name in required:
                raise StudyError("error.tool.argument.missing", name=name)
            if "default" in rule:
                found[name] = rule["default"]
            continue
        found[name] = _value(name, rule, value)
    return found


def _value(name: str, rule: Mapping[str, Any], value: Any) -> Any:
    kind = rule.get("type", "string")
    if "enum" in rule:
        return _choice(name, rule["enum"], value)
    if kind == "string":
        return _text(name, value)
    if kind == "boolean":
        return _truth(name, value)
    if kind in ("integer", "number"):
        return _number(name, kind, rule, value)
    raise StudyError("error.tool.argument.type", name=name, expected=kind, value=_shown(value))


def _choice(name: str, choices: list[Any], value: Any) -> Any:
    for choice in choices:
        if value == choice or str(value).strip().lower() == str(choice).lower():
            return choice
    allowed = " | ".join(str(choice) for choice in choices)
    raise StudyError("error.tool.argument.type", name=name, expected=allowed, value=_shown(value))


def _text(name: str, value: Any) -> str:
    if isinstance(value, bool | int | float):
        return str(value)
    if not isinstance(value, str):
        raise StudyError("error.tool.argument.type", name=name, expected="string", value=_shown(value))
    if len(value) > MAX_ARGUMENT_CHARS:
        raise StudyError("error.tool.argument.long", name=name, limit=f"{MAX_ARGUMENT_CHARS:,}")
    return clean(value).strip()


def _truth(name: str, value: Any) -> bool:
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word in ("true", "yes", "1"):
        return True
    if word in ("false", "no", "0"):
        return False
    raise StudyError("error.tool.argument.type", name=name, expected="true | false", value=_shown(value))


def _number(name: str, kind: str, rule: Mapping[str, Any], value: Any) -> int | float:
    bad = StudyError("error.tool.argument.type", name=name, expected=_range(kind, rule), value=_shown(value))
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise bad
    try:
        number = float(value)
    except (ValueError, OverflowError):
        raise bad from None
    if not math.isfinite(number) or (kind == "integer" and number != int(number)):
        raise bad
    if not rule.get("minimum", number) <= number <= rule.get("maximum", number):
        raise bad
    return int(number) if kind == "integer" else number


def _range(kind: str, rule: Mapping[str, Any]) -> str:
    if "minimum" in rule and "maximum" in rule:
        return f"{kind} {rule['minimum']} … {rule['maximum']}"
    return kind


def _shown(value: Any) -> str:
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        text = repr(value)
    return clean(text, max_chars=60)
