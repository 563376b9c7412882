"""Finds or starts the engine that answers, and follows it. Front doors: :func:`connect` and :class:`Engine`.

Above this room nobody needs to know whether a real Ollama, its container or the embedded engine answers.
"""

from core.engines.discovery import connect
from core.engines.engine import EMBED_MODEL, Engine

__all__ = ["EMBED_MODEL", "Engine", "connect"]
