"""Rows and cards about models, from what the engine tells."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from core.events import Route
from core.fit.types import Verdict
from core.models.types import ModelCard, ModelRow
from core.text import clean, clean_line, shorten

if TYPE_CHECKING:
    from core.engines import Engine
    from core.ollama import LoadedModel, ModelDetails, ModelInfo

ChooseRoute = Callable[[str, Sequence[str], int | None], tuple[Route, str]]
"""Name, capabilities and parameters → the tool route and why."""

MAX_TEMPLATE_CHARS = 20_000
MAX_METADATA = 60
_SHOWN_ALREADY = ("general.architecture", "general.parameter_count", "general.license")


async def list_rows(engine: Engine, verdicts: Mapping[str, Verdict]) -> list[ModelRow]:
    """Every model of the engine, newest first."""
    client = engine.client
    loaded = {model.name: model for model in await client.ps()}
    rows: list[ModelRow] = []
    for info in await client.tags():
        length = None
        capabilities = info.capabilities
        if engine.model == info.name and engine.details is not None:
            length = engine.details.context_length
            capabilities = capabilities if capabilities is not None else engine.details.capabilities
        rows.append(_row(engine, info, loaded.get(info.name), capabilities or (), length, verdicts))
    return rows


def _row(
    engine: Engine, info: ModelInfo, loaded: LoadedModel | None, capabilities: tuple[str, ...], length: int | None,
    verdicts: Mapping[str, Verdict],
) -> ModelRow:  # fmt: skip
    return ModelRow(
        name=info.name,
        size_bytes=info.size_bytes,
        family=info.family,
        parameter_size=info.parameter_size,
        quantization=info.quantization,
        context_length=info.context_length or length,
        capabilities=capabilities,
        digest=info.digest,
        modified_at=info.modified_at,
        loaded=loaded is not None,
        memory_bytes=loaded.size_bytes if loaded else None,
        loaded_context=loaded.context_length if loaded else None,
        expires_at=loaded.expires_at if loaded else None,
        current=info.name == engine.model,
        verdict=verdicts.get(info.name),
    )


def card(row: ModelRow, details: ModelDetails, choose_route: ChooseRoute | None) -> ModelCard:
    """Everything known about one model."""
    route: Route | None = None
    reason = ""
    if choose_route is not None and "completion" in details.capabilities:
        route, reason = choose_route(row.name, details.capabilities, details.parameter_count)
    return ModelCard(
        row=row,
        architecture=details.architecture or details.family,
        parameter_count=details.parameter_count,
        embedding_length=details.embedding_length,
        template=shorten(details.template, MAX_TEMPLATE_CHARS),
        licence=_licence(details),
        route=route,
        route_reason=reason,
        metadata=_metadata(details.model_info),
    )


def _licence(details: ModelDetails) -> str:
    declared = details.model_info.get("general.license")
    text = declared if isinstance(declared, str) and declared else details.licence
    first = next((line for line in clean(text).splitlines() if line.strip()), "")
    return clean_line(first)


def _metadata(info: Mapping[str, Any]) -> dict[str, str]:
    """Plain values worth showing: no tokenizer tables, nothing that has its own field."""
    found: dict[str, str] = {}
    for key, value in info.items():
        plain = isinstance(value, str | int | float) and value != ""
        if (
            plain
            and key not in _SHOWN_ALREADY
            and not key.startswith("tokenizer.")
            and len(found) < MAX_METADATA
        ):
            found[clean_line(key, max_chars=80)] = clean_line(str(value))
    return found
