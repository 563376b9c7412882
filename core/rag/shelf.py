"""An open collection: its settings, its index, and what documents become in it."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from core.errors import UsageError
from core.rag.chunking import Chunking
from core.rag.embedding import Embedder, plain_embedder
from core.rag.embedding.profiles import canonical
from core.rag.index import Index
from core.rag.ingest import Ingest
from core.rag.ledger import BuildLedger, LiveLedger
from core.rag.parsing.parser import Parser
from core.session import Store
from core.session.schema_documents import DEFAULT

Embedders = Callable[[str], Embedder]
"""Gives an embedder by name; ``""`` is the engine's own."""


Embed = Callable[[list[str]], Awaitable[list[list[float]]]]


def only(embed: Embed, model: str) -> Embedders:
    """Return embedders for a function that embeds: it is the only model there is."""

    def give(name: str) -> Embedder:
        if name and name != model:
            raise UsageError("error.rag.embedder.unknown", name=name, known=model)
        return plain_embedder(embed, model)

    return give


class Shelf:
    """A collection in use. Made anew when its settings change.

    Args:
        row: The collection's row (:mod:`core.session.collections`).
        base: Directory of the default collection's first index; the others' are beside it.
        storage: URI under which indexes lie instead, see :class:`core.rag.index.Index`.
    """

    def __init__(
        self,
        store: Store,
        row: Mapping[str, Any],
        base: Path,
        embedders: Embedders,
        parser: Parser,
        storage: str = "",
    ) -> None:
        self.id: str = row["id"]
        self.name: str = row["name"]
        self.generation: int = row["generation"]
        self.settings: str = settings_of(row)
        self.chunking = Chunking.from_json(row["chunking"] or "")
        self._store = store
        self._base = base
        self._embedders = embedders
        self._parser = parser
        self._storage = storage
        self.embedder = _embedder(embedders, row["embedder"] or "")
        self.index = self._index(self.generation, self.embedder)
        self.ingest = Ingest(LiveLedger(store, self.id), self.index, self.embedder, parser, self.chunking)

    def beside(self, settings: str) -> tuple[Ingest, Index, BuildLedger, dict[str, Any]]:
        """Return what builds the next index: its work, where it goes, its ledger, and the settings to switch to.

        Args:
            settings: The collection's ``next``.
        """
        wanted = json.loads(settings)
        chunking = Chunking.from_json(wanted["chunking"])
        embedder = self._embedders(wanted["embedder"])
        index = self._index(self.generation + 1, embedder)
        ledger = BuildLedger(self._store, self.id)
        switch = {**wanted, "generation": self.generation + 1, "next": ""}
        return Ingest(ledger, index, embedder, self._parser, chunking), index, ledger, switch

    async def drop(self, generation: int) -> None:
        """Delete one of its indexes, with all that is in it."""
        await self._index(generation, self.embedder).reset()

    def close(self) -> None:
        """Forget the open index."""
        self.index.close()

    def _index(self, generation: int, embedder: Embedder) -> Index:
        return Index(directory(self._base, self.id, generation), embedder.name, self._storage)


def settings_of(row: Mapping[str, Any]) -> str:
    """Write what an open collection depends on, to see that it changed."""
    return json.dumps([row["generation"], row["chunking"] or "", row["embedder"] or ""])


def _embedder(embedders: Embedders, name: str) -> Embedder:
    """Return a collection's embedder; one that says what is wrong where it is not to be had: it may still be read."""
    try:
        return embedders(name)
    except UsageError as error:
        wrong = error

    async def missing(_texts: object) -> Any:
        raise wrong

    return Embedder(canonical(name), missing, missing, 1)


def directory(base: Path, collection: str, generation: int) -> Path:
    """Return where an index is: each has a directory of its own, so that one can be built beside another."""
    if collection == DEFAULT and generation == 0:
        return base
    return base.with_name(f"{base.name}-{collection}-{generation}")


def unclaimed(base: Path, rows: Sequence[Mapping[str, Any]]) -> list[Path]:
    """Return directories of indexes that are not in use and not being built. Blocking.

    Args:
        base: As of :class:`Shelf`.
        rows: Every collection's.
    """
    claimed = {
        directory(base, row["id"], row["generation"] + ahead)
        for row in rows
        for ahead in ((0, 1) if row["next"] else (0,))
    }
    name = re.compile(rf"{re.escape(base.name)}(?:-[0-9a-z]+-\d+)?")
    found = base.parent.iterdir() if base.parent.is_dir() else ()
    return [one for one in found if name.fullmatch(one.name) and one not in claimed and one.is_dir()]
