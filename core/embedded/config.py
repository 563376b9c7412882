"""How to run the engine: what the parent sends its child. Imports nothing heavy, the parent needs it at start-up."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class EngineConfig:
    """How to run the engine."""

    models: Mapping[str, str] = field(default_factory=dict)
    """GGUF files of the user's own: name → path. The last one is loaded at start."""
    parallel: int = 4
    """Slots: requests answered at the same time, each with a full context."""
    num_ctx: int = 2048
    """Context of each slot, tokens."""
    threads: int = 0
    """Generation threads; 0: all cores but one."""
    queue: int = 32
    """Requests that may wait for a slot; one more is answered 503."""
    keep_alive: str = "30m"
    """How long a model stays loaded after its last use."""
    chat: bool = True
    """Serve chat models. Without, the engine only embeds and stays small."""
    host: str = "127.0.0.1"
    port: int = 0
    """0: any free port."""
    models_dir: str = ""
    """Folder of the models pulled and created; empty: none are kept."""
    first: str = ""
    """Name of the chat model to load at the start; empty: the user's own, else the bundled one."""
    preload: bool = True
    """Load the chat model at once instead of at the first request."""


MAX_BATCH = 512


def default_threads() -> int:
    """Generation threads: all cores but one.

    llama.cpp's threads wait by spinning; one core too many, and everybody waits for a thread that is not running.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 2
    return max(1, cores - 1)


def batch_size(threads: int, parallel: int) -> int:
    """Tokens computed at once.

    A generation can only be stopped between two batches. On a CPU small ones cost no speed (measured), so a cancelled
    long prompt ends within about 0.2 s, and other slots' answers are not held up by it.
    """
    return max(parallel, min(MAX_BATCH, 12 * threads))


def read_config(line: str) -> tuple[EngineConfig, str]:
    """Read the child's configuration line: an :class:`EngineConfig` and the token."""
    values = json.loads(line)
    token = values.pop("token", "") or ""
    return EngineConfig(**values), str(token)
