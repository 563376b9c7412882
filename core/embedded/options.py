"""What a request may ask for: sampling options, ``keep_alive``, ``format`` and ``think``, read as Ollama reads them."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from core.embedded.wire import ApiError

#: Ollama's option, its type there, and llama.cpp's name for it.
_SAMPLING: dict[str, tuple[str, str]] = {
    "seed": ("integer", "seed"),
    "num_keep": ("integer", "n_keep"),
    "top_k": ("integer", "top_k"),
    "top_p": ("float32", "top_p"),
    "min_p": ("float32", "min_p"),
    "typical_p": ("float32", "typical_p"),
    "repeat_last_n": ("integer", "repeat_last_n"),
    "temperature": ("float32", "temperature"),
    "repeat_penalty": ("float32", "repeat_penalty"),
    "presence_penalty": ("float32", "presence_penalty"),
    "frequency_penalty": ("float32", "frequency_penalty"),
}
#: Options that concern loading, or that this engine has no use for; their types are checked all the same.
_OTHER: dict[str, str] = {
    "num_ctx": "integer", "num_thread": "integer", "num_predict": "integer", "num_batch": "integer",
    "num_gpu": "integer", "main_gpu": "integer", "draft_num_predict": "integer", "use_mmap": "boolean",
    "stop": "array",
}  # fmt: skip

#: Ollama's defaults, which differ from llama.cpp's.
_DEFAULTS: dict[str, Any] = {
    "temperature": 0.8, "top_k": 40, "top_p": 0.9, "min_p": 0.0, "typical_p": 1.0, "repeat_last_n": 64,
    "repeat_penalty": 1.0, "presence_penalty": 0.0, "frequency_penalty": 0.0,
}  # fmt: skip

MAX_STOPS = 64
_INT32 = 2**31 - 1


@dataclass(frozen=True)
class Options:
    """One request's options."""

    sampling: dict[str, Any] = field(default_factory=lambda: dict(_DEFAULTS))
    """In llama.cpp's names."""
    stop: tuple[str, ...] = ()
    num_predict: int = -1
    """Most tokens to generate; negative: until the model stops or the context is full."""
    num_ctx: int | None = None
    """Context in tokens; ``None``: whatever is loaded."""
    num_thread: int | None = None


def _checked(name: str, kind: str, value: Any) -> Any:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if kind == "integer" and number and math.isfinite(value):
        return max(-_INT32 - 1, min(_INT32, int(value)))
    if kind == "float32" and number and math.isfinite(value):
        return max(-1e30, min(1e30, float(value)))
    if kind == "boolean" and isinstance(value, bool):
        return value
    if kind == "array" and isinstance(value, list):
        if all(isinstance(item, str) for item in value):
            return value
        raise ApiError(500, f'option "{name}" must be of an array of strings')
    raise ApiError(500, f'option "{name}" must be of type {kind}')


def parse_options(raw: Any) -> Options:
    """Read the ``options`` object: ``null`` values are skipped, unknown names ignored.

    Raises:
        ApiError: 400 when it is not an object; 500 (as Ollama) when an option has the wrong type.
    """
    if raw is None:
        return Options()
    if not isinstance(raw, Mapping):
        raise ApiError(
            400, "json: cannot unmarshal into Go struct field options of type map[string]interface {}"
        )
    sampling = dict(_DEFAULTS)
    other: dict[str, Any] = {}
    for name, value in raw.items():
        if value is None:
            continue
        if name in _SAMPLING:
            kind, native = _SAMPLING[name]
            sampling[native] = _checked(name, kind, value)
        elif name in _OTHER:
            other[name] = _checked(name, _OTHER[name], value)
    return Options(
        sampling=sampling,
        stop=tuple(text for text in other.get("stop", ()) if text)[:MAX_STOPS],
        num_predict=other.get("num_predict", -1),
        num_ctx=other.get("num_ctx"),
        num_thread=other.get("num_thread") or None,
    )


_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)")


def parse_duration(text: str) -> float:
    """Read a Go duration such as ``1h30m`` into seconds.

    Raises:
        ApiError: 400 with Go's text.
    """
    body = text[1:] if text[:1] in ("+", "-") else text
    sign = -1.0 if text.startswith("-") else 1.0
    if body == "0":
        return 0.0
    if re.fullmatch(r"\d+\.?\d*|\.\d+", body):
        raise ApiError(400, f"time: missing unit in duration {json.dumps(text)}")
    parts = _DURATION.findall(body)
    if not parts or "".join(number + unit for number, unit in parts) != body:
        raise ApiError(400, f"time: invalid duration {json.dumps(text)}")
    return sign * min(sum(float(number) * _UNITS[unit] for number, unit in parts), 1e10)


def parse_keep_alive(value: Any) -> float | None:
    """Read ``keep_alive`` into seconds: ``inf`` for ever, ``None`` when the request has none.

    Raises:
        ApiError: 400 for another type or a duration without unit.
    """
    if value is None:
        return None
    if isinstance(value, str):
        seconds = parse_duration(value)
    elif isinstance(value, int | float) and not isinstance(value, bool) and not math.isnan(value):
        seconds = float(max(-1, min(value, 10**10)))
    else:
        raise ApiError(
            400, f"Unsupported type: '{'bool' if isinstance(value, bool) else type(value).__name__}'"
        )
    return math.inf if seconds < 0 or seconds >= 1e10 else seconds


def parse_format(value: Any) -> dict[str, Any] | None:
    """Read ``format`` into a JSON schema; ``None`` for free text.

    Raises:
        ApiError: 500 (as Ollama) for anything but ``"json"`` and an object.
    """
    if value is None or value == "":
        return None
    if value == "json":
        return {"type": "object"}
    if isinstance(value, dict):
        return value
    quoted = json.dumps(json.dumps(value, ensure_ascii=False), ensure_ascii=False)
    raise ApiError(500, f'invalid format: {quoted}; expected "json" or a valid JSON Schema object')


def wants_thinking(value: Any) -> bool:
    """Read ``think``.

    Raises:
        ApiError: 400 for a value that is neither a boolean nor a level.
    """
    if value is None or isinstance(value, bool):
        return bool(value)
    choices = '"high", "medium", "low", "max", true, or false'
    if not isinstance(value, str):
        raise ApiError(400, f"think must be a boolean or string ({choices})")
    if value not in ("high", "medium", "low", "max"):
        raise ApiError(400, f"invalid think value: {json.dumps(value)} (must be {choices})")
    return True
