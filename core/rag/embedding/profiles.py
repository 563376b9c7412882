"""What is known of embedding models by name: how they want their texts, and how much of one they read."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

MARGIN = 0.9
"""Share of the context that is filled: counting by characters is an estimate."""

UNKNOWN_CONTEXT = 512
"""Tokens taken for granted of a model nobody knows."""


@dataclass(frozen=True, slots=True)
class Profile:
    """How to talk to one family of models."""

    document: str = ""
    """Put before a passage."""
    query: str = ""
    """Put before a question."""
    context: int = 0
    """Tokens it reads of a text. 0: unknown, the engine is asked."""
    per_ascii: float = 0.5
    """Tokens an ASCII character costs at most, in ordinary text."""
    per_other: float = 1.0
    """The same for all other characters. English vocabularies take Hangul apart into three."""
    batch: int = 16
    """Texts in one request: few, because a question of the user's waits behind the requests that are on their way."""

    def prepare(self, text: str, *, query: bool = False) -> str:
        """Return the text as it is sent: cut to the context, with the prefix."""
        prefix = self.query if query else self.document
        return prefix + _sendable(self.cut(text, len(prefix) * self.per_ascii))

    def cut(self, text: str, used: float = 0.0) -> str:
        """Cut a text to what the model reads, leaving room for ``used`` tokens."""
        room = (self.context or UNKNOWN_CONTEXT) * MARGIN - used
        if len(text) * max(self.per_ascii, self.per_other) <= room:
            return text
        spent = 0.0
        for place, character in enumerate(text):
            spent += self.per_ascii if character.isascii() else self.per_other
            if spent > room:
                return text[:place]
        return text

    def with_context(self, tokens: int | None) -> Profile:
        """Return it with what the engine says of the model's context, unless more is known here."""
        return self if self.context or not tokens or tokens < 16 else replace(self, context=tokens)


USE = Profile(context=100_000, batch=8)
"""The embedded model: no limit of its own, the engine cuts. Smaller requests cost it nothing, and while documents are
embedded a question waits half as long as with 16 (450 instead of 740 ms where everything was three times slower)."""

E5 = Profile(document="passage: ", query="query: ", context=512, batch=8)

_SEARCH = "Represent this sentence for searching relevant passages: "
_TASK = "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery: "

_KNOWN: tuple[tuple[str, Profile], ...] = (
    ("nomic-embed-text-v2", Profile("search_document: ", "search_query: ", context=512)),
    ("nomic-embed", Profile("search_document: ", "search_query: ", context=2048, per_other=3.0)),
    ("bge-m3", Profile(context=8192)),
    ("bge-large", Profile(query=_SEARCH, context=512, per_other=3.0)),
    ("mxbai-embed", Profile(query=_SEARCH, context=512, per_other=3.0)),
    ("snowflake-arctic-embed2", Profile(query="query: ", context=8192)),
    ("snowflake-arctic-embed", Profile(query=_SEARCH, context=512, per_other=3.0)),
    ("multilingual-e5-large-instruct", Profile(query=_TASK, context=512)),
    ("embeddinggemma", Profile("title: none | text: ", "task: search result | query: ", context=2048)),
    ("qwen3-embedding", Profile(query=_TASK, context=8192)),
    ("granite-embedding", Profile(context=512)),
    ("paraphrase-multilingual", Profile(context=128)),
    ("all-minilm", Profile(context=256, per_other=3.0)),
)
"""By what the name starts with, after the owner; the first that fits counts."""

_E5 = re.compile(r"(^|[-_/])e5([-_:]|$)")
_EMBEDS = re.compile(r"embed|(^|[-_/])(bge|gte|e5|minilm|use)([-_:]|$)")


def _sendable(text: str) -> str:
    """Return what can be said in JSON and to C: no lone surrogates, no NUL."""
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", " ")


def profile(name: str) -> Profile:
    """Return what is known of a model; something careful when nothing is."""
    base = name.lower().rpartition("/")[2]
    for start, found in _KNOWN:
        if base.startswith(start):
            return found
    return E5 if _E5.search(base) else Profile()


def known_name(name: str) -> bool:
    """Say whether a name is one of an embedding model, as far as a name tells."""
    base = name.lower().rpartition("/")[2]
    return any(base.startswith(start) for start, _ in _KNOWN) or bool(_EMBEDS.search(base))


def canonical(name: str) -> str:
    """Return a model's name without the tag that is meant when none is given."""
    return name.strip().removesuffix(":latest")
