"""A server's tool made one of ours: flat typed arguments, a short clean description, a name of its own.

A nested argument becomes a string of JSON, validated against the server's schema before it is sent. What cannot be said
flatly and honestly is left out, with the reason.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.errors import StudyError
from core.text import clean_line

MAX_ARGUMENTS = 20
MAX_SCHEMA_CHARS = 20_000
DESCRIPTION_CHARS = 300
ARGUMENT_CHARS = 160
MAX_ENUM = 50
MAX_NAME = 64

_ARGUMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")
_SCALARS = ("string", "integer", "number", "boolean")


@dataclass(frozen=True)
class Flat:
    """A server's tool, flattened."""

    name: str
    """``server__tool``."""
    remote: str
    """Its name on the server."""
    description: str
    schema: Mapping[str, Any]
    nested: Mapping[str, Mapping[str, Any]]
    """Schema of each argument that is given as JSON."""


def flatten(server: str, listed: Mapping[str, Any], taken: set[str]) -> Flat:
    """Make a listed tool ours.

    Args:
        server: The server's name.
        listed: ``name``, ``description`` and ``schema`` as the server gave them.
        taken: Names in use already.

    Raises:
        StudyError: ``error.mcp.left_out.*``: why it cannot be used.
    """
    remote = listed.get("name")
    if not isinstance(remote, str) or not remote or len(remote) > 200:
        raise StudyError("error.mcp.left_out.name")
    schema = listed.get("schema")
    if not isinstance(schema, dict):
        raise StudyError("error.mcp.left_out.schema")
    try:
        if len(json.dumps(schema)) > MAX_SCHEMA_CHARS:
            raise StudyError("error.mcp.left_out.large")
    except (TypeError, ValueError, RecursionError) as error:
        raise StudyError("error.mcp.left_out.schema") from error
    properties = schema.get("properties") or {}
    required = schema.get("required") or []
    if not isinstance(properties, dict) or not isinstance(required, list):
        raise StudyError("error.mcp.left_out.schema")
    if len(properties) > MAX_ARGUMENTS:
        raise StudyError("error.mcp.left_out.arguments", count=len(properties))
    flat: dict[str, Any] = {}
    nested: dict[str, Mapping[str, Any]] = {}
    definitions = {key: schema[key] for key in ("$defs", "definitions") if isinstance(schema.get(key), dict)}
    for name, rule in properties.items():
        if not isinstance(name, str) or not _ARGUMENT.fullmatch(name):
            if name in required:
                raise StudyError("error.mcp.left_out.argument", argument=clean_line(str(name), max_chars=60))
            continue
        flat[name], is_nested = _argument(rule, definitions)
        if is_nested:
            nested[name] = {**(rule if isinstance(rule, dict) else {}), **definitions}
    missing = [str(name) for name in required if name not in flat]
    if missing:
        raise StudyError("error.mcp.left_out.argument", argument=clean_line(missing[0], max_chars=60))
    description = listed.get("description")
    return Flat(
        name=_name(server, remote, taken),
        remote=remote,
        description=clean_line(
            description if isinstance(description, str) else "", max_chars=DESCRIPTION_CHARS
        )
        or clean_line(remote, max_chars=MAX_NAME),
        schema={
            "type": "object",
            "properties": flat,
            "required": [name for name in dict.fromkeys(required) if name in flat],
        },
        nested=nested,
    )


def _name(server: str, remote: str, taken: set[str]) -> str:
    cleaned = re.sub(r"[^A-Za-z0-9_-]+", "_", remote).strip("_") or "tool"
    base = f"{server}__{cleaned}"[:MAX_NAME]
    name, number = base, 2
    while name in taken:
        suffix = f"_{number}"
        name, number = base[: MAX_NAME - len(suffix)] + suffix, number + 1
    return name


def _argument(rule: Any, definitions: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
    """Return an argument's flat schema, and whether it is given as JSON."""
    if not isinstance(rule, dict):
        return {"type": "string"}, False
    about = rule.get("description") or rule.get("title")
    meant = _plain(rule, definitions)
    flat: dict[str, Any] = {}
    is_nested = meant is None
    if meant is None:
        flat["type"] = "string"
    elif "enum" in meant:
        flat["type"] = "string" if all(isinstance(item, str) for item in meant["enum"]) else meant["type"]
        flat["enum"] = meant["enum"]
    else:
        flat["type"] = meant["type"]
        for key in ("minimum", "maximum"):
            if flat["type"] in ("integer", "number") and _is_number(meant.get(key)):
                flat[key] = meant[key]
    text = clean_line(about if isinstance(about, str) else "", max_chars=ARGUMENT_CHARS)
    if is_nested:
        text = f"JSON. {text} {_outline(rule, definitions)}".strip()
    if text:
        flat["description"] = text
    return flat, is_nested


def _plain(rule: Mapping[str, Any], definitions: Mapping[str, Any], depth: int = 0) -> dict[str, Any] | None:
    """Return the rule as one of a single scalar type, or ``None`` when it is none."""
    if depth > 5:
        return None
    if isinstance(rule.get("$ref"), str):
        target = _definition(rule["$ref"], definitions)
        return None if target is None else _plain(target, definitions, depth + 1)
    for key in ("anyOf", "oneOf"):
        if isinstance(rule.get(key), list):
            some = [item for item in rule[key] if not (isinstance(item, dict) and item.get("type") == "null")]
            if len(some) == 1 and isinstance(some[0], dict):
                return _plain(some[0], definitions, depth + 1)
            return None
    if "const" in rule and isinstance(rule["const"], str | int | float | bool):
        return {"type": _type_of(rule["const"]), "enum": [rule["const"]]}
    choices = rule.get("enum")
    if isinstance(choices, list):
        kept = [item for item in choices if item is not None]
        if not kept or len(kept) > MAX_ENUM or not all(isinstance(item, str | int | float) for item in kept):
            return None
        if any(isinstance(item, str) and item != clean_line(item) for item in kept):
            return None
        kinds = {_type_of(item) for item in kept}
        return {"type": kinds.pop(), "enum": kept} if len(kinds) == 1 else None
    kind = rule.get("type")
    if isinstance(kind, list):
        some_kinds = [item for item in kind if item != "null"]
        kind = some_kinds[0] if len(some_kinds) == 1 else None
    return {**rule, "type": kind} if kind in _SCALARS else None


def _definition(reference: str, definitions: Mapping[str, Any]) -> dict[str, Any] | None:
    parts = reference.split("/")
    if len(parts) != 3 or parts[0] != "#":
        return None
    found = definitions.get(parts[1], {}).get(parts[2])
    return found if isinstance(found, dict) else None


def _outline(rule: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    """Say in a few words what the JSON looks like: its fields, or what an array holds."""
    target = _definition(rule["$ref"], definitions) if isinstance(rule.get("$ref"), str) else dict(rule)
    if not target:
        return ""
    if target.get("type") == "array":
        items = target.get("items")
        kind = items.get("type") if isinstance(items, dict) else None
        return f"An array of {kind}." if isinstance(kind, str) and kind.isalpha() else "An array."
    fields = target.get("properties")
    if isinstance(fields, dict) and fields:
        return f"Fields: {clean_line(', '.join(map(str, list(fields)[:12])), max_chars=120)}."
    return ""


def _type_of(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    return "integer" if isinstance(value, int) else "number" if isinstance(value, float) else "string"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


# -- the way back -------------------------------------------------------------------------------------


def restored(flat: Flat, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments as the server wants them: what was given as JSON is parsed and validated.

    Raises:
        StudyError: ``error.mcp.json``: an argument is not the JSON that the server's schema asks for.
    """
    found = dict(arguments)
    for name, rule in flat.nested.items():
        if name in found:
            found[name] = _parsed(name, rule, str(found[name]))
    return found


def _parsed(name: str, rule: Mapping[str, Any], text: str) -> Any:
    import jsonschema  # type: ignore[import-untyped]
    import referencing

    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        if rule.keys() & {"type", "properties", "items", "$ref"}:
            raise StudyError("error.mcp.json", name=name, reason=clean_line(str(error))) from error
        return text  # The server takes anything: words are words.
    # A registry of nothing: a reference to somewhere else is not fetched.
    validator = jsonschema.Draft202012Validator(_tame(rule), registry=referencing.Registry())
    try:
        problem = next(iter(validator.iter_errors(value)), None)
    except Exception as error:
        # A broken schema is the server's fault: let the server judge the value.
        if isinstance(error, RecursionError | referencing.exceptions.Unresolvable | jsonschema.SchemaError):
            return value
        raise
    if problem is not None:
        raise StudyError("error.mcp.json", name=name, reason=clean_line(problem.message, max_chars=200))
    return value


def _tame(rule: Any, depth: int = 0) -> Any:
    """Return a schema without regular expressions: a hostile one could take for ever."""
    if depth > 30:
        return True
    if isinstance(rule, dict):
        return {
            key: value if key in ("enum", "const", "required") else _tame(value, depth + 1)
            for key, value in rule.items()
            if key not in ("pattern", "patternProperties", "format", "$schema", "$id", "propertyNames")
        }
    return [_tame(item, depth + 1) for item in rule] if isinstance(rule, list) else rule
