"""Which tool route a model takes: its own tool calls, or ours."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, cast, get_args

from core.events import Route
from core.i18n import tr

if TYPE_CHECKING:
    from core.engines import Engine
    from core.ollama import ModelDetails

SMALL_PARAMETERS = 500_000_000
"""Below this a model neither chooses tools nor reports their results reliably (field measurements: 14–68 %)."""

#: Families whose tool calls hold up at 1B and more; a chat template that mentions tools is not enough.
_CALLS_TOOLS_WELL = re.compile(
    r"^(qwen(2\.5|3)|qwen3\.\d|llama3\.[1-4]|llama4|mistral|mixtral|ministral|gpt-oss|granite[34]|command-r|lfm2|"
    r"gemma4|phi4|nemotron|devstral|smollm3|deepseek-v3|glm|hermes3)",
    re.IGNORECASE,
)


def choose_route(
    model: str,
    capabilities: Sequence[str],
    parameter_count: int | None,
    chosen: Mapping[str, str] | None = None,
) -> tuple[Route, str]:
    """Choose the tool route of a model.

    Args:
        model: Its name, with or without namespace and tag.
        capabilities: What ``/api/show`` says it can do.
        parameter_count: Its size, ``None`` when unknown.
        chosen: The user's own choices by model (the setting ``routes``).

    Returns:
        The route, and the reason in the user's language.
    """
    name = model.rsplit("/", 1)[-1]
    override = (chosen or {}).get(model) or (chosen or {}).get(name)
    if override in get_args(Route):
        return cast(Route, override), tr("route.chosen", model=model)
    small = parameter_count is None or parameter_count < SMALL_PARAMETERS
    if "tools" not in capabilities:
        return ("routed", tr("route.no_tools", model=model)) if small else without_tools(model)
    if parameter_count is not None and small:
        return "routed", tr("route.small", model=model)
    if not _CALLS_TOOLS_WELL.match(name):
        return "routed", tr("route.unlisted", model=model)
    return "native", tr("route.native", model=model)


def without_tools(model: str) -> tuple[Route, str]:
    """Return the route of a model that is large enough to choose, but has no tool calling."""
    return "constrained", tr("route.constrained", model=model)


def is_small(parameter_count: int | None) -> bool:
    """Say whether a model is too small to be trusted with wording a tool's result."""
    return parameter_count is not None and parameter_count < SMALL_PARAMETERS


def route_of(model: str, details: ModelDetails | None, chosen: Mapping[str, str]) -> tuple[Route, str]:
    """Return the route of a model by what the engine says of it; see :func:`choose_route`."""
    capabilities = details.capabilities if details else ()
    return choose_route(model, capabilities, details.parameter_count if details else None, chosen)


async def details_of(engine: Engine, model: str | None) -> ModelDetails | None:
    """Return what the engine says of a model; of the one in use when none is named.

    Raises:
        StudyError: The engine does not have it.
    """
    if not model or model == engine.model:
        return engine.details
    return await engine.client.show(model)
