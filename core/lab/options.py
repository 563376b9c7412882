"""Reads an experiment's options: values from the interface, or text from the command line."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from core.errors import UsageError
from core.lab.types import Experiment, Option
from core.text import clean_line

MAX_ITEMS = 32
"""Most points of one list."""


def read(experiment: Experiment, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return every option of the experiment, checked; what is not given has its default.

    Raises:
        UsageError: An option that does not exist, of the wrong kind, or out of its limits.
    """
    known = {option.name: option for option in experiment.options}
    for name in given:
        if name not in known:
            raise UsageError(
                "error.lab.option", name=clean_line(str(name), max_chars=40), known=", ".join(known) or "—"
            )
    return {
        name: _value(option, given[name]) if name in given else _plain(option.default)
        for name, option in known.items()
    }


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _value(option: Option, value: Any) -> Any:
    try:
        if option.kind in ("ints", "floats"):
            items = value.split(",") if isinstance(value, str) else list(value)
            items = [item for item in items if not isinstance(item, str) or item.strip()]
            if len(items) > MAX_ITEMS or not (items or option.empty):
                raise ValueError
            one = _whole if option.kind == "ints" else _number
            return sorted({_within(option, one(item)) for item in items})
        if option.kind == "bool":
            return _truth(value)
        if option.kind == "text":
            return clean_line(str(value), max_chars=2000)
        return _within(option, _whole(value) if option.kind == "int" else _number(value))
    except (ValueError, TypeError, OverflowError):
        raise UsageError(
            "error.lab.value",
            name=option.name,
            value=clean_line(str(value), max_chars=60),
            kind=option.kind,
            low="" if option.low is None else f"{option.low:g}",
            high="" if option.high is None else f"{option.high:g}",
        ) from None


def _number(value: Any) -> float:
    if isinstance(value, bool):
        raise ValueError
    number = float(value)
    if not math.isfinite(number):
        raise ValueError
    return number


def _whole(value: Any) -> int:
    number = _number(value)
    if number != int(number):
        raise ValueError
    return int(number)


def _truth(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word in ("1", "true", "yes", "on"):
        return True
    if word in ("0", "false", "no", "off"):
        return False
    raise ValueError


def _within(option: Option, number: Any) -> Any:
    if (option.low is not None and number < option.low) or (option.high is not None and number > option.high):
        raise ValueError
    return number


def choices(name: str, given: str, known: Sequence[str], *, empty: Sequence[str] | None = None) -> list[str]:
    """Read a list of words with commas; in the order of ``known``.

    Args:
        name: The option's, for the message.
        given: As typed.
        known: What may be chosen.
        empty: What no word at all means; by default everything.

    Raises:
        UsageError: A word that is not known.
    """
    words = [word.strip().lower() for word in given.split(",") if word.strip()]
    for word in words:
        if word not in known:
            raise UsageError(
                "error.lab.choice", name=name, value=clean_line(word, max_chars=40), known=", ".join(known)
            )
    return [one for one in known if one in words] if words else list(known if empty is None else empty)
