"""The client side of the Ollama HTTP API. Front doors: :class:`OllamaClient`, :func:`parse_host`, ``errors.explain``."""

from core.ollama.client import OllamaClient
from core.ollama.hosts import is_loopback, parse_host, show_url
from core.ollama.models import (
    Chunk,
    EngineLoad,
    LoadedModel,
    LoadNote,
    ModelDetails,
    ModelInfo,
    PullProgress,
    ToolCall,
)

__all__ = [
    "Chunk",
    "EngineLoad",
    "LoadNote",
    "LoadedModel",
    "ModelDetails",
    "ModelInfo",
    "OllamaClient",
    "PullProgress",
    "ToolCall",
    "is_loopback",
    "parse_host",
    "show_url",
]
