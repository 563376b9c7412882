"""What a user calls a document or a collection on the command line, and which one is meant."""

from __future__ import annotations

import difflib
import functools
import os
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from core.errors import UsageError
from core.events import Document
from core.i18n import tr
from core.rag import scan
from core.rag.chunking import Chunking
from core.rag.types import Collection, Source
from core.session import Store, collections
from core.text import clean_line

PREFIX = 4
"""Fewer characters of an id name nothing: they would name too much."""

SHOWN = 5
"""Candidates listed when a name fits several."""


def located(word: str) -> Path:
    """Return a typed path made absolute, ``~`` put in.

    A file whose name is on disk in another Unicode form (macOS decomposes Hangul) is found all the same, so that it
    does not matter in which form the name was typed or pasted.
    """
    # Not resolve(): a symbolic link that was named stays the name the user knows.
    path = Path(os.path.abspath(_home(word)))  # noqa: PTH100
    return path if os.path.lexists(path) else _other_form(path)


def existing(words: Sequence[str]) -> list[Path]:
    """Return typed paths that are there.

    Raises:
        UsageError: ``error.docs.no_path``, for the first that is not.
    """
    paths = []
    for word in words:
        path = located(word) if word else Path()
        if not word or not os.path.lexists(path):
            raise UsageError("error.docs.no_path", path=scan.shown(Path(word)) if word else "''")
        paths.append(path)
    return paths


def _home(word: str) -> Path:
    try:
        return Path(word).expanduser()
    except RuntimeError:
        # No such user: then it is a file that begins with a tilde.
        return Path(word)


def _other_form(path: Path) -> Path:
    found = Path(path.anchor)
    for part in path.parts[1:]:
        if not os.path.lexists(found / part):
            try:
                names = os.listdir(found)  # noqa: PTH208 - names only, and they are many
            except OSError:
                return path
            part = next((name for name in names if _form(name) == _form(part)), "")
            if not part:
                return path
        found /= part
    return found


def _form(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def path_key(path: str | Path) -> str:
    """Return what two spellings of one path have in common.

    Args:
        path: As the ledger keeps it (:func:`core.rag.scan.stored`), or a path.
    """
    return _key(path) if isinstance(path, str) else _form(str(path))


@functools.lru_cache(maxsize=100_000)
def _key(path: str) -> str:
    return _form(str(scan.opened(path)))


def under(rows: Sequence[Document], paths: Iterable[Path]) -> list[Document]:
    """Return the documents that are one of these paths, or in one of them."""
    roots = {path_key(path).rstrip("/") for path in paths}

    def inside(key: str) -> bool:
        while key not in roots:
            if not key:
                return False
            key = key.rpartition("/")[0]
        return True

    return [one for one in rows if inside(path_key(one.path))]


# -- documents -------------------------------------------------------------------------------------------------


def candidates(rows: Sequence[Document], word: str) -> list[Document]:
    """Return the documents ``word`` may mean: by id, by path, by the beginning of an id, by the end of a path.

    The first of these that fits any decides.
    """
    key = path_key(located(word)) if word else ""
    tail = "/" + _form(word).removeprefix("./").lstrip("/")
    ways: tuple[Callable[[Document], bool], ...] = (
        lambda one: one.id == word,
        lambda one: path_key(one.path) == key,
        lambda one: len(word) >= PREFIX and one.id.startswith(word),
        lambda one: len(tail) > 1 and path_key(one.path).endswith(tail),
    )
    for fits in ways:
        found = [one for one in rows if fits(one)]
        if found:
            return found
    return []


def the_document(rows: Sequence[Document], word: str) -> Document:
    """Return the one document a user named.

    Raises:
        UsageError: There are no documents, there is no such one, several fit, or it is a folder of them.
    """
    found = candidates(rows, word)
    if len(found) == 1:
        return found[0]
    if found:
        listed = ", ".join(f"{one.id} ({scan.shown(one.path)})" for one in found[:SHOWN])
        more = ", …" if len(found) > SHOWN else ""
        raise UsageError("error.docs.ambiguous", name=_line(word), count=len(found), listed=listed + more)
    if not rows:
        raise UsageError("error.docs.empty")
    inside = under(rows, [located(word)]) if word else []
    if inside:
        raise UsageError("error.docs.folder", path=scan.shown(located(word)), count=len(inside))
    raise UsageError("error.docs.unknown", id=_line(word))


def the_documents(rows: Sequence[Document], words: Sequence[str], *, folders: bool = False) -> list[Document]:
    """Return the documents a user named, each once, in that order.

    Args:
        folders: Whether a folder stands for the documents in it.

    Raises:
        UsageError: See :func:`the_document`.
    """
    found: dict[str, Document] = {}
    for word in words:
        wanted = folders and word and not candidates(rows, word)
        inside = under(rows, [located(word)]) if wanted else []
        for one in inside or [the_document(rows, word)]:
            found[one.id] = one
    return list(found.values())


# -- collections and sources -------------------------------------------------------------------------------------


def collections_of(store: Store) -> list[Collection]:
    """Return every collection with its counts, the default one first. Reads the store."""
    return [
        Collection(
            id=row["id"],
            name=row["name"],
            chunking=Chunking.from_json(row["chunking"]),
            embedder=row["embedder"],
            watch=bool(row["watch"]),
            created_at=row["created_at"],
            documents=row["documents"],
            indexed=row["indexed"],
            failed=row["failed"],
            chunks=row["chunks"],
            bytes=row["bytes"],
            building=bool(row["next"]),
        )
        for row in collections.list_collections(store)
    ]


def sources_of(store: Store) -> list[Source]:
    """Return every followed file and folder. Reads the store."""
    return [
        Source(row["id"], row["collection"], row["path"], row["status"], row["scanned_at"])
        for row in collections.list_sources(store)
    ]


def names_of(known: Iterable[Collection]) -> dict[str, str]:
    """Return collections' names by their ids."""
    return {one.id: one.name for one in known}


def find_collection(known: Sequence[Collection], word: str) -> Collection | None:
    """Return the collection with this id or name; upper and lower case are the same where no other fits better."""
    ways: tuple[Callable[[Collection], bool], ...] = (
        lambda one: one.id == word,
        lambda one: _form(one.name) == _form(word),
        lambda one: _form(one.name).casefold() == _form(word).casefold(),
    )
    return next((one for fits in ways for one in known if fits(one)), None)


def the_collection(known: Sequence[Collection], word: str) -> Collection:
    """Return the collection a user named.

    Raises:
        UsageError: ``error.docs.collection_unknown``; names what is alike, or what there is.
    """
    found = find_collection(known, word)
    if found is None:
        alike = similar(known, word)
        if alike:
            raise UsageError("error.docs.collection_alike", name=_line(word), alike=clean_line(alike.name))
        names = ", ".join(clean_line(one.name, max_chars=60) for one in known)
        raise UsageError("error.docs.collection_unknown", name=_line(word), known=names)
    return found


def similar(known: Sequence[Collection], word: str) -> Collection | None:
    """Return a collection whose name is so near that ``word`` is likely a slip."""
    names = {_form(one.name).casefold(): one for one in known}
    near = difflib.get_close_matches(_form(word).casefold(), list(names), n=1, cutoff=0.75)
    return names[near[0]] if near else None


def the_source(sources: Sequence[Source], word: str) -> list[Source]:
    """Return the sources at a path: one in each collection it was added to.

    Raises:
        UsageError: ``error.docs.source_unknown``.
    """
    key = path_key(located(word))
    found = [one for one in sources if one.id == word or path_key(one.path) == key]
    if not found:
        listed = ", ".join(scan.shown(one.path) for one in sources[:SHOWN]) or tr("docs.nothing")
        raise UsageError("error.docs.source_unknown", path=scan.shown(located(word)), known=listed)
    return found


def _line(word: str) -> str:
    return clean_line(scan.shown(Path(word)) if word else "''", max_chars=200)
