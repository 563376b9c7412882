"""Gets a vector for every text that has one, out of an engine that chokes on some texts and goes away at times.

What goes wrong is told apart here. An engine that is gone or busy is waited for. A request it refuses, or vectors that
are no vectors (NaN, zero), are the fault of a text: the batch is halved until that text is alone, it is sent once more
in a plainer form, and given up. A request that failed is never sent again unchanged, except to an engine that was gone.
"""

from __future__ import annotations

import asyncio
import logging
import time
import unicodedata
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from core.errors import StudyError, UsageError
from core.ollama.errors import (
    BadAnswer,
    EngineCrashed,
    EngineError,
    EngineOutOfMemory,
    EngineRefused,
    ModelMissing,
    PromptTooLong,
    StreamCut,
)
from core.rag.embedding.profiles import Profile
from core.rag.embedding.types import Vector

log = logging.getLogger(__name__)

Ask = Callable[[list[str]], Awaitable[list[Any]]]
"""Sends texts as they are and returns what came back, one entry for each."""

PLAIN = "Test 123. 시험 문장."
"""A text no model has a reason to choke on: whether the fault lies with a text or with the engine."""

SHORTEST = 64
"""Characters below which a text the model calls too long is not halved any more."""

CUTS = 3
"""Times an engine may die over the same request before the request is blamed."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long an engine that is gone is waited for, seconds."""

    total: float = 60.0
    first: float = 0.25
    """The first wait; each further one is twice as long."""
    longest: float = 5.0


class Careful:
    """Embeds through one engine.

    Args:
        ask: Sends one request.
        model: Its name, for messages.
        profile: How it wants its texts.
        patience: How long a document waits for an engine that is gone.
    """

    def __init__(self, ask: Ask, model: str, profile: Profile, patience: Patience) -> None:
        self._ask = ask
        self.model = model
        self.profile = profile
        self.patience = patience
        self.dim = 0
        """Length of the vectors, 0 before the first."""

    async def embed(
        self, texts: list[str], *, query: bool = False, patience: Patience | None = None
    ) -> list[Vector | None]:
        """Embed texts in one request, or in as many as it takes.

        Raises:
            UsageError: There is no such model, or it does not embed.
            StudyError: ``error.rag.dimension``, ``error.rag.embedding`` (not even a plain sentence has a vector),
                ``error.rag.engine_gone``, or what the engine said when it is not about the texts.
        """
        return await _Batch(self, query, patience or self.patience).embed(texts)

    async def request(self, sent: list[str], patience: Patience) -> list[Vector | None]:
        """Send one request, waiting for an engine that is gone; ``None`` in place of what is no vector.

        Raises:
            EngineError: It was refused.
        """
        gone_since, wait, cuts = 0.0, patience.first, 0
        while True:
            try:
                return self._vectors(await self._ask(sent), len(sent))
            except ModelMissing as error:
                raise UsageError("error.rag.embedder.missing", model=self.model) from error
            except EngineRefused as error:
                raise _no_embedder(error, self.model) from error
            except EngineError as error:
                if not error.retryable:
                    raise
                cuts += isinstance(error, StreamCut | EngineCrashed)
                if cuts >= CUTS:
                    raise EngineCrashed(error.message) from error
                gone_since = gone_since or time.monotonic()
                if time.monotonic() - gone_since + wait > patience.total:
                    raise StudyError(
                        "error.rag.engine_gone", seconds=round(patience.total), reason=error.message
                    ) from error
                log.info("embedding waits %.1f s for the engine: %s", wait, error.message)
            await asyncio.sleep(wait)
            wait = min(2 * wait, patience.longest)

    def _vectors(self, answer: list[Any], count: int) -> list[Vector | None]:
        if len(answer) != count:
            raise BadAnswer(what=f"{len(answer)} embeddings for {count} texts")
        vectors = [_vector(row) for row in answer]
        for vector in vectors:
            if vector is None:
                continue
            if self.dim and len(vector) != self.dim:
                raise StudyError("error.rag.dimension", found=len(vector), expected=self.dim)
            self.dim = len(vector)
        return vectors


@dataclass(frozen=True, slots=True)
class _Batch:
    """One batch on its way."""

    careful: Careful
    query: bool
    patience: Patience

    async def embed(self, texts: list[str]) -> list[Vector | None]:
        vectors = await self._halves(texts, checked=False)
        if not any(vector is not None for vector in vectors):
            await self._check()
        return vectors

    async def _send(self, texts: list[str]) -> list[Vector | None]:
        prepared = [self.careful.profile.prepare(text, query=self.query) for text in texts]
        return await self.careful.request(prepared, self.patience)

    async def _halves(self, texts: list[str], *, checked: bool) -> list[Vector | None]:
        """Embed texts; when the request is refused, each half of them."""
        try:
            vectors = await self._send(texts)
        except EngineError as error:
            if not _about_texts(error):
                raise
            if not checked:
                await self._check()
            if len(texts) == 1:
                return [await self._alone(texts[0], error)]
            middle = len(texts) // 2
            return [
                *await self._halves(texts[:middle], checked=True),
                *await self._halves(texts[middle:], checked=True),
            ]
        for place, vector in enumerate(vectors):
            if vector is None:
                # Alone it may do; when it was alone already, only in another form.
                again = (
                    self._halves([texts[place]], checked=True)
                    if len(texts) > 1
                    else self._forms(texts[place])
                )
                vectors[place] = (await again)[0]
        return vectors

    async def _alone(self, text: str, error: EngineError) -> Vector | None:
        """Embed a text that was refused."""
        while isinstance(error, PromptTooLong) and len(text) > SHORTEST:
            text = text[: len(text) // 2]
            try:
                found = await self._send([text])
                return found[0] if found[0] is not None else (await self._forms(text))[0]
            except EngineError as next_error:
                if not _about_texts(next_error):
                    raise
                error = next_error
        return (await self._forms(text))[0]

    async def _forms(self, text: str) -> list[Vector | None]:
        """Embed a text in its plainer form, if it has one."""
        form = plainer(text)
        if form and form != text:
            try:
                found = await self._send([form])
                if found[0] is not None:
                    return found
            except EngineError as error:
                if not _about_texts(error):
                    raise
        log.warning("%s has no vector for a text of %d characters", self.careful.model, len(text))
        return [None]

    async def _check(self) -> None:
        """Make sure that a plain sentence has a vector, so that it is the texts which have none."""
        try:
            vectors = await self._send([PLAIN])
        except EngineError as error:
            if isinstance(error, EngineRefused | BadAnswer) and "nan" in error.message.lower():
                raise StudyError("error.rag.embedding") from error
            raise
        if vectors[0] is None:
            raise StudyError("error.rag.embedding")


def plainer(text: str) -> str:
    """Return a text in compatibility forms, without punctuation, symbols and odd white space."""
    folded = unicodedata.normalize("NFKC", text)
    kept = (character if unicodedata.category(character)[0] in "LNM" else " " for character in folded)
    return " ".join("".join(kept).split())


def _about_texts(error: EngineError) -> bool:
    """Say whether other texts may well be accepted."""
    if error.key == "error.engine.denied":
        return False
    return isinstance(error, EngineRefused | BadAnswer | PromptTooLong | EngineCrashed | EngineOutOfMemory)


def _no_embedder(error: EngineRefused, model: str) -> StudyError:
    """Return what it means when the model only chats; the error itself otherwise."""
    reason = str(error.params.get("reason", "")).lower()
    if "not support embed" in reason or "--embeddings" in reason:
        return UsageError("error.rag.embedder.kind", model=model)
    return error


def _vector(row: Any) -> Vector | None:
    """Turn one entry of an answer into a vector; ``None`` when it is none: empty, NaN, infinite, zero, no numbers."""
    import numpy as np

    try:
        with np.errstate(over="ignore", invalid="ignore"):
            vector = np.asarray(row, dtype=np.float32)
    except (TypeError, ValueError, OverflowError):
        return None
    usable = vector.ndim == 1 and vector.size and np.isfinite(vector).all() and vector.any()
    return vector if usable else None
