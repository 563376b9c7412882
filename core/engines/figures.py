"""What an engine says of itself, handed to the sampler."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.events import LoadedUse

if TYPE_CHECKING:
    from core.engines.engine import Engine
    from core.telemetry import Hub


def note_engine(hub: Hub, engine: Engine) -> None:
    """Hand over the loaded models, the KV cache's use and the last answer's speeds."""
    load = engine.load
    hub.note_engine(
        loaded=tuple(
            LoadedUse(one.name, one.size_bytes, one.size_vram_bytes, one.context_length, one.expires_at)
            for one in engine.loaded
        ),
        kv_used_tokens=load.kv_used_tokens,
        kv_total_tokens=load.kv_total_tokens,
        prompt_tokens_per_s=load.prompt_tokens_per_s,
        generated_tokens_per_s=load.generated_tokens_per_s,
    )
