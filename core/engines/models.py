"""Which of an engine's models to chat with."""

from __future__ import annotations

from core.errors import NoEngineError
from core.ollama import ModelDetails, ModelInfo, OllamaClient, show_url
from core.ollama.errors import EngineError, ModelMissing

MAX_ASKED = 20
"""Models that are asked what they can do, newest first, where the list does not say."""


class NoChatModel(NoEngineError):
    """The engine answers but has nothing to chat with."""

    def __init__(self, url: str) -> None:
        super().__init__("error.model.none", url=show_url(url))


async def choose_model(client: OllamaClient, wanted: str) -> tuple[str, ModelDetails]:
    """Find the model to use.

    Args:
        client: The engine.
        wanted: The name from the settings; without a tag it means ``latest``. Empty: the newest that can chat. A model
            that runs on somebody else's machine is only used when it is asked for by name.

    Returns:
        Its name as the engine writes it, and its details.

    Raises:
        ModelMissing: The engine does not have it; lists what it has.
        NoChatModel: Nothing was wanted and nothing there can chat.
    """
    listed = await client.tags()
    if wanted:
        name = _named(listed, wanted)
        return name, await client.show(name)
    newest = sorted(listed, key=lambda model: model.modified_at or 0.0, reverse=True)
    for model in [one for one in newest if not one.remote and one.name][:MAX_ASKED]:
        if model.capabilities is not None and "completion" not in model.capabilities:
            continue
        try:
            details = await client.show(model.name)
        except EngineError:
            continue  # a damaged or vanished model must not hide the others
        # An old Ollama lists no capabilities at all; its models are nearly all chat models.
        if "completion" in details.capabilities or not details.capabilities:
            return model.name, details
    raise NoChatModel(client.base_url)


def _named(listed: list[ModelInfo], wanted: str) -> str:
    """Return the listed name that ``wanted`` means, by Ollama's rules: case does not count, the tag may be left out."""
    plain = wanted.lower()
    tagged = plain if ":" in plain.rpartition("/")[2] else f"{plain}:latest"
    for model in listed:
        if model.name.lower() in (plain, tagged):
            return model.name
    raise ModelMissing(wanted, [model.name for model in listed])
