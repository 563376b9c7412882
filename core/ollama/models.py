"""What the Ollama API answers, as frozen dataclasses. Parsing is tolerant: servers differ in what they leave out.

Names and other metadata are cleaned here. The text of a :class:`Chunk` is as the model wrote it, because structured
output has to be parsed before it is shown: whoever stores or shows it cleans it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from core.text import clean, clean_line

MAX_TEXT_CHARS = 100_000
"""Longer templates and licences are cut."""


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """One model of ``/api/tags``."""

    name: str
    size_bytes: int | None = None
    digest: str = ""
    modified_at: float | None = None
    """Unix seconds."""
    family: str = ""
    parameter_size: str = ""
    """As the engine writes it, e.g. ``134.52M``."""
    quantization: str = ""
    capabilities: tuple[str, ...] | None = None
    """``None``: this server does not list them here (an older Ollama); ask ``show``."""
    context_length: int | None = None
    """Tokens it was trained for, where the list says."""
    remote: bool = False
    """It runs on somebody else's machine: what is asked leaves this one."""


@dataclass(frozen=True, slots=True)
class ModelDetails:
    """``/api/show`` of one model."""

    name: str
    capabilities: tuple[str, ...] = ()
    parameter_count: int | None = None
    context_length: int | None = None
    """Tokens the model was trained for, not what is loaded."""
    embedding_length: int | None = None
    family: str = ""
    parameter_size: str = ""
    quantization: str = ""
    architecture: str = ""
    """For example ``llama``; the prefix of its keys in :attr:`model_info`."""
    template: str = ""
    """Cleaned."""
    licence: str = ""
    """Cleaned."""
    modified_at: float | None = None
    file: str = ""
    """Path of its GGUF on the engine's machine, from the Modelfile's ``FROM``."""
    model_info: Mapping[str, Any] = field(default_factory=dict)
    """The GGUF's metadata as the engine tells it. Foreign: clean what is shown."""


@dataclass(frozen=True, slots=True)
class PullProgress:
    """One line of ``/api/pull`` or ``/api/create``."""

    status: str
    digest: str = ""
    """Of the layer, with ``sha256:``; ``""`` when the line is about none, or its digest is not known yet."""
    total_bytes: int | None = None
    completed_bytes: int | None = None
    """``None``: nothing yet, or the line is about no layer."""
    resumed_bytes: int | None = None
    """What an earlier attempt had left; only the embedded engine says."""


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """One model of ``/api/ps``."""

    name: str
    size_bytes: int | None = None
    size_vram_bytes: int | None = None
    expires_at: float | None = None
    """Unix seconds."""
    context_length: int | None = None
    """Tokens it is loaded with."""


@dataclass(frozen=True, slots=True)
class LoadNote:
    """One load of a model as the embedded engine measured it itself. Bytes; ``None``: it could not tell."""

    number: int
    model: str
    num_ctx: int | None
    parallel: int | None
    at: float | None
    ms: float | None
    peak: int | None
    anon: int | None
    file: int | None


@dataclass(frozen=True, slots=True)
class EngineLoad:
    """How busy the embedded engine is: what ``/api/status`` says in the field ``engine``."""

    running: int | None = None
    """Requests being answered."""
    waiting: int | None = None
    """Requests waiting for a slot."""
    slots: int | None = None
    """Requests it answers at the same time."""
    loading: bool = False
    kv_used_tokens: int | None = None
    """Tokens in the KV cache of all slots."""
    kv_total_tokens: int | None = None
    prompt_tokens_per_s: float | None = None
    """Of the last finished request, without what its prompt had in the cache."""
    generated_tokens_per_s: float | None = None
    pid: int | None = None
    """The process that answered."""
    loads: tuple[LoadNote, ...] = ()
    """Its last loads, oldest first."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool call as the model made it: foreign, to be validated."""

    name: str
    arguments: Mapping[str, Any]
    id: str = ""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a streamed answer; the last has ``done`` and the measurements. Durations are nanoseconds."""

    text: str = ""
    """Not cleaned."""
    thinking: str = ""
    """Not cleaned."""
    tool_calls: tuple[ToolCall, ...] = ()
    done: bool = False
    done_reason: str = ""
    prompt_eval_count: int | None = None
    eval_count: int | None = None
    total_duration: int | None = None
    load_duration: int | None = None
    prompt_eval_duration: int | None = None
    eval_duration: int | None = None

    @property
    def tokens_per_s(self) -> float | None:
        """Output tokens per second of generation, as the engine timed it; ``None`` when it did not say."""
        if not self.eval_count or not self.eval_duration:
            return None
        return self.eval_count / (self.eval_duration / 1e9)


def _text(value: object) -> str:
    return clean_line(value) if isinstance(value, str) else ""


def _raw(value: object) -> str:
    return value if isinstance(value, str) else ""


def _number(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    # NaN and the infinities pass json.loads.
    return int(value) if abs(value) < 1e18 else None


def _rate(value: object) -> float | None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if number and 0 <= value < 1e12 else None  # type: ignore[arg-type, operator]


def _table(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _names(value: object) -> tuple[str, ...]:
    return tuple(_text(item) for item in value if isinstance(item, str)) if isinstance(value, list) else ()


def _time(value: object) -> float | None:
    """Parse RFC 3339; Go writes nanoseconds, of which Python takes six digits."""
    if not isinstance(value, str):
        return None
    try:
        return datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", value)).timestamp()
    except (ValueError, OverflowError):
        return None


def model_info(data: Mapping[str, Any]) -> ModelInfo:
    """Read one entry of ``/api/tags``."""
    details = _table(data.get("details"))
    return ModelInfo(
        name=_text(data.get("model")) or _text(data.get("name")),
        size_bytes=_number(data.get("size")),
        digest=_text(data.get("digest")),
        modified_at=_time(data.get("modified_at")),
        family=_text(details.get("family")),
        parameter_size=_text(details.get("parameter_size")),
        quantization=_text(details.get("quantization_level")),
        capabilities=_names(data["capabilities"]) if isinstance(data.get("capabilities"), list) else None,
        context_length=_number(details.get("context_length")),
        remote=bool(data.get("remote_host") or data.get("remote_model")),
    )


def model_details(name: str, data: Mapping[str, Any]) -> ModelDetails:
    """Read the answer of ``/api/show``."""
    details, info = _table(data.get("details")), _table(data.get("model_info"))
    architecture = _raw(info.get("general.architecture"))
    size = _text(details.get("parameter_size"))
    return ModelDetails(
        name=name,
        capabilities=_names(data.get("capabilities")),
        parameter_count=_number(info.get("general.parameter_count")) or _count(size),
        context_length=_number(info.get(f"{architecture}.context_length")),
        embedding_length=_number(info.get(f"{architecture}.embedding_length")),
        family=_text(details.get("family")),
        parameter_size=size,
        quantization=_text(details.get("quantization_level")),
        architecture=_text(architecture),
        template=clean(_raw(data.get("template")), max_chars=MAX_TEXT_CHARS),
        licence=clean(_raw(data.get("license")), max_chars=MAX_TEXT_CHARS),
        modified_at=_time(data.get("modified_at")),
        file=_file(_raw(data.get("modelfile"))),
        model_info=info,
    )


def _file(modelfile: str) -> str:
    match = re.search(r"^FROM (/[^\n\0]{1,4000})$", modelfile[:MAX_TEXT_CHARS], re.MULTILINE)
    return match[1].strip() if match else ""


def pull_progress(data: Mapping[str, Any]) -> PullProgress:
    """Read one status line."""
    total, completed = _number(data.get("total")), _number(data.get("completed"))
    return PullProgress(
        status=_text(data.get("status")),
        digest=_text(data.get("digest")),
        total_bytes=total if total is None or total >= 0 else None,
        completed_bytes=completed if completed is None or completed >= 0 else None,
        resumed_bytes=_number(data.get("resumed")),
    )


def _count(size: str) -> int | None:
    """Turn ``134.52M`` or ``7B`` into a number."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMBT])", size.strip(), re.IGNORECASE)
    if not match:
        return None
    return round(float(match[1]) * {"K": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}[match[2].upper()])


def loaded_model(data: Mapping[str, Any]) -> LoadedModel:
    """Read one entry of ``/api/ps``."""
    return LoadedModel(
        name=_text(data.get("model")) or _text(data.get("name")),
        size_bytes=_number(data.get("size")),
        size_vram_bytes=_number(data.get("size_vram")),
        expires_at=_time(data.get("expires_at")),
        context_length=_number(data.get("context_length")),
    )


def engine_load(data: Mapping[str, Any]) -> EngineLoad:
    """Read the answer of the embedded engine's ``/api/status``; a real Ollama's has none of it."""
    ours = _table(data.get("engine"))
    return EngineLoad(
        running=_number(ours.get("running")),
        waiting=_number(ours.get("waiting")),
        slots=_number(ours.get("parallel")),
        loading=ours.get("loading") is True,
        kv_used_tokens=_number(ours.get("kv_used")),
        kv_total_tokens=_number(ours.get("kv_total")),
        prompt_tokens_per_s=_rate(ours.get("prompt_per_second")),
        generated_tokens_per_s=_rate(ours.get("generated_per_second")),
        pid=_number(ours.get("pid")),
        loads=tuple(map(_load_note, loads)) if isinstance(loads := ours.get("loads"), list) else (),
    )


def _load_note(data: object) -> LoadNote:
    load = _table(data)
    return LoadNote(
        number=_number(load.get("number")) or 0,
        model=_text(load.get("model")),
        num_ctx=_number(load.get("num_ctx")),
        parallel=_number(load.get("parallel")),
        at=_rate(load.get("at")),
        ms=_rate(load.get("ms")),
        peak=_number(load.get("peak")),
        anon=_number(load.get("anon")),
        file=_number(load.get("file")),
    )


def chunk(data: Mapping[str, Any]) -> Chunk:
    """Read one line of ``/api/chat`` or ``/api/generate``."""
    message = _table(data.get("message"))
    calls = message.get("tool_calls") or data.get("tool_calls")
    return Chunk(
        text=_raw(message.get("content")) or _raw(data.get("response")),
        thinking=_raw(message.get("thinking")) or _raw(data.get("thinking")),
        tool_calls=tuple(map(_tool_call, calls)) if isinstance(calls, list) else (),
        done=data.get("done") is True,
        done_reason=_text(data.get("done_reason")),
        prompt_eval_count=_number(data.get("prompt_eval_count")),
        eval_count=_number(data.get("eval_count")),
        total_duration=_number(data.get("total_duration")),
        load_duration=_number(data.get("load_duration")),
        prompt_eval_duration=_number(data.get("prompt_eval_duration")),
        eval_duration=_number(data.get("eval_duration")),
    )


def _tool_call(data: object) -> ToolCall:
    call = _table(data)
    function = _table(call.get("function"))
    return ToolCall(_text(function.get("name")), _table(function.get("arguments")), _text(call.get("id")))
