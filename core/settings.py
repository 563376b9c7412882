"""One typed settings model: defaults < TOML file < ``LLM_STUDY_*`` environment < command-line flags."""

from __future__ import annotations

import dataclasses
import difflib
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from core.errors import UsageError

EngineChoice = Literal["auto", "ollama", "docker", "embedded"]
PREFIX = "LLM_STUDY_"


@dataclass(frozen=True)
class Settings:
    """Every setting, its default and what it is for. A TOML key is the field's name."""

    engine: EngineChoice = "auto"
    """Which engine to use: ``auto`` tries Ollama, then its container, then the embedded one."""

    ollama_host: str = ""
    """Where Ollama listens, in any form ``OLLAMA_HOST`` takes. Empty: ``OLLAMA_HOST``, else 127.0.0.1:11434."""

    model: str = ""
    """The chat model. Empty: the engine's default (embedded: ``smollm2:135m``; Ollama: the newest there)."""

    lang: Literal["", "en", "ko"] = ""
    """Language of the interface. Empty: from the locale."""

    theme: str = "study-dark"
    """The colour theme; changed in the app with the command palette."""

    ascii: bool = False
    """Draw with ASCII only, for terminals whose fonts or widths disagree with the glyphs."""

    num_ctx: int = 2048
    """Context window in tokens, sent with every request. More context costs memory: see the receipt."""

    parallel: int = 4
    """Slots of the embedded engine: requests it answers at the same time, each with a full ``num_ctx``."""

    queue: int = 32
    """Requests that may wait for a slot of the embedded engine; one more is answered 503."""

    threads: int = 0
    """Generation threads of the embedded engine. 0: cores − 1, at least 1."""

    keep_alive: str = "30m"
    """How long a model stays loaded after its last use (Ollama's ``keep_alive``)."""

    temperature: float = 0.0
    """Sampling temperature of the agent's model calls. 0 picks the likeliest token."""

    seed: int = 7
    """Sampling seed, always sent, so that a run can be repeated."""

    repeat_penalty: float = 1.15
    """Penalty on tokens already written. 1 is none; small models at temperature 0 run in circles without."""

    num_predict: int = 512
    """Most tokens of one answer."""

    routes: Mapping[str, str] = field(default_factory=dict)
    """Tool route by model, e.g. ``"llama3.2:3b" = "routed"``: native, constrained or routed, in place of our choice."""

    fallback_models: str = ""
    """Models to try in turn when the chosen one is missing or keeps failing, separated by commas."""

    retries: int = 3
    """Times a model call is tried again after what may pass: no connection, 5xx, a full queue, a cut answer."""

    retry_pace: float = 1.0
    """Waits before a retry, times the usual ones (half a second, doubled each time, 8 at most)."""

    run_calls: int = 16
    """Most model and tool calls of one question. 0: no limit."""

    run_tokens: int = 0
    """Most tokens, read and written, of one question. 0: no limit."""

    run_seconds: float = 900.0
    """Most seconds of one question; what is spent waiting for a permission counts not. 0: no limit."""

    request_timeout: float = 300.0
    """Seconds without any byte from the engine before a request counts as dead."""

    sample_interval: float = 1.0
    """Seconds between samples of the resource panels."""

    index_storage: str = ""
    """Where document indexes lie instead of the data directory: an object store's URI, e.g. ``s3://bucket/folder``.
    Keys and endpoint come from the environment (``AWS_ACCESS_KEY_ID``, ``AWS_ENDPOINT_URL``, …). Empty: locally."""

    embed_cache_bytes: int = 512 << 20
    """Bytes of the file in which vectors are kept by content, so that unchanged paragraphs are not embedded again; what
    was not used for longest goes first. 0: none are kept."""

    watch_interval: float = 60.0
    """Seconds after which the folders of watched collections are looked at, besides changes that are noticed."""

    glyphs_wide: bool = False
    """Set when the terminal shows ambiguous-width characters two cells wide (some Korean terminals)."""

    kitty_keyboard: Literal["auto", "on", "off"] = "auto"
    """The kitty keyboard protocol. ``auto`` switches it off on iTerm2, where it swallows Hangul."""

    power_w: float = 0.0
    """Watts this machine takes while the engine works, where no meter can be read. 0: unknown."""

    power_price: float = 0.0
    """US dollars per kWh. 0: power is left out of the cost."""

    hardware_price: float = 0.0
    """US dollars the machine cost. 0: hardware is left out of the cost."""

    hardware_years: float = 4.0
    """Years over which :attr:`hardware_price` is spread, as if the machine worked all the time."""

    compare_prices: str = (
        "openai/gpt-5-mini, openai/gpt-6-sol, anthropic/claude-sonnet-5-5, groq/llama-3.1-8b-instant"
    )
    """Hosted models whose price for the same tokens is shown, ``provider/model``; the first one in the header."""

    tools: Mapping[str, str] = field(default_factory=dict)
    """Permission by tool, e.g. ``weather = "allow"``: allow, ask or deny. ``server__*`` means all of an MCP server."""

    weather_url: str = "https://api.open-meteo.com"
    """Where the weather forecast comes from: any server that answers as Open-Meteo does."""

    geocoding_url: str = "https://geocoding-api.open-meteo.com"
    """Where place names are looked up, the same way."""

    units: Literal["metric", "imperial"] = "metric"
    """Units of the weather when a question names none."""

    searxng_url: str = ""
    """A SearXNG server for web searches (its JSON format must be on). Empty: search engines are asked directly."""

    otlp_endpoint: str = ""
    """OpenTelemetry collector that each finished run's trace is sent to (OTLP/HTTP), e.g. ``http://127.0.0.1:4318``.
    Empty: nothing is sent."""

    otlp_content: bool = False
    """Send what was asked, found and answered to :attr:`otlp_endpoint` too, not only names, numbers and times."""

    keymap: Mapping[str, str] = field(default_factory=dict)
    """Keys by action id, e.g. ``trace = "f2,ctrl+t"``; F1 lists the ids. Quit always keeps ctrl+q."""


_HINTS = get_type_hints(Settings)


def _expected(hint: Any) -> str:
    if get_origin(hint) is Literal:
        return " | ".join(repr(value) for value in get_args(hint))
    return {int: "a whole number", float: "a number", bool: "true or false", str: "text"}.get(hint, "a table")


def _coerce(name: str, value: Any) -> Any:
    """Turn a TOML value or an environment string into the field's type, or say what it takes."""
    hint = _HINTS[name]
    bad = UsageError("error.settings.value", name=name, value=repr(value), expected=_expected(hint))
    if get_origin(hint) is Literal:
        if value not in get_args(hint):
            raise bad
        return value
    if hint is bool:
        if isinstance(value, bool):
            return value
        if str(value).lower() in {"1", "true", "yes", "on"}:
            return True
        if str(value).lower() in {"0", "false", "no", "off", ""}:
            return False
        raise bad
    if hint in (int, float):
        if isinstance(value, bool):
            raise bad
        try:
            number = hint(value)
        except (TypeError, ValueError, OverflowError):
            raise bad from None
        if number != number or abs(number) > 1e12 or (hint is int and number != float(value)):
            raise bad
        return number
    if hint is str:
        if not isinstance(value, str):
            raise bad
        return value
    if not isinstance(value, Mapping) or not all(isinstance(item, str) for item in value.values()):
        raise bad
    if name == "routes" and not set(value.values()) <= {"native", "constrained", "routed"}:
        raise UsageError(
            "error.settings.value",
            name=name,
            value=repr(dict(value)),
            expected="native | constrained | routed",
        )
    if name == "tools" and not set(value.values()) <= {"allow", "ask", "deny"}:
        raise UsageError(
            "error.settings.value", name=name, value=repr(dict(value)), expected="allow | ask | deny"
        )
    return dict(value)


_LIMITS: dict[str, tuple[float, float]] = {
    "num_ctx": (256, 1 << 20),
    "embed_cache_bytes": (0, 1e12),
    "parallel": (1, 64),
    "queue": (0, 4096),
    "threads": (0, 1024),
    "temperature": (0, 2),
    "num_predict": (1, 1 << 20),
    "repeat_penalty": (0.5, 2),
    "request_timeout": (1, 86_400),
    "retries": (0, 20),
    "retry_pace": (0.001, 100),
    "run_calls": (0, 1000),
    "run_tokens": (0, 1e9),
    "run_seconds": (0, 86_400),
    "sample_interval": (0.2, 60),
    "watch_interval": (1, 86_400),
    "power_w": (0, 100_000),
    "power_price": (0, 100),
    "hardware_price": (0, 100_000_000),
    "hardware_years": (0.1, 100),
}


def _apply(settings: Settings, values: Mapping[str, Any], source: str) -> Settings:
    known = {item.name for item in dataclasses.fields(Settings)}
    changes: dict[str, Any] = {}
    for name, value in values.items():
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            raise UsageError(
                "error.settings.unknown", name=name, source=source, suggestion=near[0] if near else "—"
            )
        changes[name] = _coerce(name, value)
        low_high = _LIMITS.get(name)
        if low_high and not low_high[0] <= changes[name] <= low_high[1]:
            expected = f"{low_high[0]:g} … {low_high[1]:g}"
            raise UsageError("error.settings.value", name=name, value=repr(value), expected=expected)
    return dataclasses.replace(settings, **changes)


def load_settings(
    file: Path, flags: Mapping[str, Any] | None = None, environ: Mapping[str, str] | None = None
) -> Settings:
    """Read the settings.

    Args:
        file: The TOML file; it need not exist.
        flags: Values from the command line; ``None`` values are not set.
        environ: Environment (default ``os.environ``); ``LLM_STUDY_NUM_CTX=4096`` sets ``num_ctx``.

    Raises:
        UsageError: The file is not TOML, a name is unknown, or a value has the wrong type or range.
    """
    settings = Settings()
    try:
        settings = _apply(settings, tomllib.loads(file.read_text("utf-8")), str(file))
    except (FileNotFoundError, NotADirectoryError):
        pass
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError("error.settings.file", path=file, reason=error) from error
    known = {item.name for item in dataclasses.fields(Settings)} - {"keymap", "tools", "routes"}
    for key, value in (os.environ if environ is None else environ).items():
        name = key.removeprefix(PREFIX).lower()
        if key.startswith(PREFIX) and name in known:
            settings = _apply(settings, {name: value}, key)
    return _apply(settings, {k: v for k, v in (flags or {}).items() if v is not None}, "flags")


def save_setting(file: Path, name: str, value: str | bool) -> None:
    """Write one setting to the TOML file, leaving every other line of it alone.

    Written to a temporary file in the same directory first, so that a full disk never damages the old one.
    """
    lines = file.read_text("utf-8").splitlines() if file.exists() else []
    text = f"{name} = {str(value).lower() if isinstance(value, bool) else _toml_string(value)}"
    top = next((i for i, line in enumerate(lines) if line.lstrip().startswith("[")), len(lines))
    for index in range(top):
        if lines[index].split("=", 1)[0].strip() == name:
            lines[index] = text
            break
    else:
        lines.insert(top, text)
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    temporary.write_text("\n".join(lines) + "\n", "utf-8")
    temporary.replace(file)


def _toml_string(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
