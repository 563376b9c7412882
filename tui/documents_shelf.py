"""The documents as a tree: collection, folder, document. Plain data; changes touch only what they change.

Ten thousand documents are one sort at the start; afterwards a document that moves on costs a few counters of the
nodes above it, and the list of what is unfolded is made of references.
"""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from typing import TYPE_CHECKING, Literal

from core.events import Document

if TYPE_CHECKING:
    from core.rag.types import Collection as Shelved

BUSY = frozenset({"queued", "parsing", "embedding"})


@dataclass(slots=True, eq=False)
class Node:
    """A collection or a folder, with what is in it counted."""

    key: str
    kind: Literal["collection", "folder"]
    path: str
    """The folder's path; for a collection its name."""
    collection: str
    parent: Node | None = None
    folders: dict[str, Node] = field(default_factory=dict)
    """By path, in order of name once :meth:`Shelf.entries` has looked."""
    ids: list[str] = field(default_factory=list)
    """Documents directly in here, by path."""
    total: int = 0
    failed: int = 0
    busy: int = 0
    stale: int = 0

    def count(self, document: Document, sign: int) -> None:
        """Count a document in (1) or out (-1), here and above."""
        failed, busy = document.status == "failed", document.status in BUSY
        stale = document.status == "stale"
        node: Node | None = self
        while node is not None:
            node.total += sign
            node.failed += sign * failed
            node.busy += sign * busy
            node.stale += sign * stale
            node = node.parent

    @property
    def lone(self) -> bool:
        """Whether there is nothing in this folder but one other: the two are one row."""
        return self.kind == "folder" and not self.ids and len(self.folders) == 1 and self.path != "/"

    @property
    def trail(self) -> list[str]:
        """The paths of the folders its row stands for, outermost first: itself, and those above it in which it is alone."""
        found = [self.path]
        above = self.parent
        while above is not None and above.lone:
            found.append(above.path)
            above = above.parent
        return found[::-1]


Entry = tuple[Node | str, int]
"""A node, or a document's id, and how deep it stands."""


class Shelf:
    """All documents that are not removed, by collection and folder."""

    def __init__(self) -> None:
        self.documents: dict[str, Document] = {}
        self.collections: list[Shelved] = []
        self.folded: set[str] = set()
        self.matched: dict[str, int] = {}
        """By node: documents in it that the filter lets through, as :meth:`entries` last found them."""
        self._roots: dict[str, Node] = {}
        self._sources: dict[str, frozenset[str]] = {}
        self._homes: dict[tuple[str, str], Node] = {}
        self._names: dict[str, tuple[str, str]] = {}
        """By document: its path in small letters and its suffix, made when a filter first looks."""
        self._suffixes: list[str] | None = None

    # -- what is in it -------------------------------------------------------------------------------

    def load(self, documents: Iterable[Document]) -> None:
        """Replace every document."""
        self.documents = {}
        self._roots, self._homes = {}, {}
        self._names, self._suffixes = {}, None
        for shelved in self.collections:
            self._root(shelved.id)
        for document in sorted(documents, key=lambda one: one.path):
            if document.status != "removed":
                self.documents[document.id] = document
                home = self._home(document)
                home.ids.append(document.id)
                home.count(document, 1)

    def put(self, document: Document) -> bool:
        """Take a document as it is now. True when the tree has another shape: it came, went or moved."""
        known = self.documents.get(document.id)
        if document.status == "removed":
            return self.drop(document.id)
        if known and (known.path, known.collection) == (document.path, document.collection):
            home = self._home(known)
            home.count(known, -1)
            home.count(document, 1)
            self.documents[document.id] = document
            return False
        if known:
            self.drop(known.id)
        self.documents[document.id] = document
        self._suffixes = None
        home = self._home(document)
        place = bisect.bisect(home.ids, document.path, key=lambda one: self.documents[one].path)
        home.ids.insert(place, document.id)
        home.count(document, 1)
        return True

    def drop(self, document_id: str) -> bool:
        """Forget a document. False when it was not known."""
        known = self.documents.get(document_id)
        if known is None:
            return False
        home = self._home(known)
        home.ids.remove(document_id)
        home.count(known, -1)
        del self.documents[document_id]
        self._names.pop(document_id, None)
        self._suffixes = None
        self._prune(home)
        return True

    def set_collections(self, collections: Sequence[Shelved]) -> None:
        """Take the collections; one that is gone leaves the tree with what was in it."""
        self.collections = list(collections)
        known = {shelved.id for shelved in collections}
        for shelved in collections:
            self._root(shelved.id).path = shelved.name
        for gone in [name for name, root in self._roots.items() if name not in known and not root.total]:
            del self._roots[gone]

    def set_sources(self, sources: Iterable[tuple[str, str]]) -> bool:
        """Take ``(collection, path)`` of what was added: folders begin there. True when it changes the tree."""
        found: dict[str, set[str]] = {}
        for collection, path in sources:
            found.setdefault(collection, set()).add(path.rstrip("/") or "/")
        frozen = {collection: frozenset(paths) for collection, paths in found.items()}
        if frozen == self._sources:
            return False
        self._sources = frozen
        self.load(list(self.documents.values()))
        return True

    def collection(self, collection_id: str) -> Shelved | None:
        """Return a collection."""
        return next((one for one in self.collections if one.id == collection_id), None)

    def name_of(self, collection_id: str) -> str:
        """Return a collection's name."""
        known = self.collection(collection_id)
        return known.name if known else collection_id

    def node(self, key: str) -> Node | None:
        """Return a node by its key."""
        return next((node for node in self.nodes() if node.key == key), None)

    def nodes(self) -> Iterable[Node]:
        """Return every collection and folder."""
        return itertools.chain(self._roots.values(), dict.fromkeys(self._homes.values()))

    @property
    def busy(self) -> int:
        """Documents that are not done yet."""
        return sum(root.busy for root in self._roots.values())

    def failed(self) -> list[Document]:
        """Return what could not be indexed, newest first."""
        found = [one for one in self.documents.values() if one.status == "failed"]
        return sorted(found, key=lambda one: (-one.updated_at, one.path))

    def suffixes(self) -> list[str]:
        """Return the file types there are, without their dots."""
        if self._suffixes is None:
            found = {suffix for _, suffix in self._known_names().values()}
            self._suffixes = sorted(suffix for suffix in found if suffix)
        return self._suffixes

    def _known_names(self) -> dict[str, tuple[str, str]]:
        names = self._names
        if len(names) < len(self.documents):
            for one in self.documents.values():
                if one.id not in names:
                    names[one.id] = (one.path.casefold(), suffix_of(one.path))
        return names

    def of(self, node: Node) -> list[Document]:
        """Return every document in a node and below."""
        found = [self.documents[one] for one in node.ids]
        for child in node.folders.values():
            found += self.of(child)
        return found

    # -- the tree, as rows ---------------------------------------------------------------------------

    def entries(self, matching: Collection[str] | None = None) -> list[Entry]:
        """Return what is unfolded, top to bottom.

        Args:
            matching: Ids of the documents to show, in an unfolded tree; ``None`` for all, folded as the user has it.
        """
        found: list[Entry] = []
        order = [shelved.id for shelved in self.collections]
        for name in sorted(
            self._roots, key=lambda one: (one not in order, order.index(one) if one in order else 0)
        ):
            if name in order or self._roots[name].total:
                self._unfold(self._roots[name], 0, matching, found)
        return found

    def _unfold(self, node: Node, depth: int, matching: Collection[str] | None, found: list[Entry]) -> int:
        ids = node.ids if matching is None else [one for one in node.ids if one in matching]
        if node.lone:
            (only,) = node.folders.values()
            shown = self._unfold(only, depth, matching, found)
            if matching is not None:
                self.matched[node.key] = shown
            return shown
        place = len(found)
        found.append((node, depth))
        shown = len(ids)
        if matching is not None or node.key not in self.folded:
            for path in sorted(node.folders, key=str.casefold):
                shown += self._unfold(node.folders[path], depth + 1, matching, found)
            found.extend(zip(ids, repeat(depth + 1)))
        if matching is not None:
            self.matched[node.key] = shown
            if not shown:
                del found[place:]
        return shown

    def matching(self, holds: Callable[[Document, str, str], bool]) -> set[str]:
        """Return the ids of the documents of which something holds.

        Args:
            holds: Given a document, its path in small letters and its suffix.
        """
        names = self._known_names()
        return {one.id for one in self.documents.values() if holds(one, *names[one.id])}

    # -- where a document stands ---------------------------------------------------------------------

    def _root(self, collection: str) -> Node:
        root = self._roots.get(collection)
        if root is None:
            name = self.name_of(collection)
            root = self._roots[collection] = Node(f"c:{collection}", "collection", name, collection)
        return root

    def _home(self, document: Document) -> Node:
        folder = folder_of(document.path)
        key = (document.collection, folder)
        home = self._homes.get(key)
        if home is None:
            home = self._homes[key] = self._folder(document.collection, folder)
        return home

    def _folder(self, collection: str, folder: str) -> Node:
        """Return a folder's node: below the source it was added with, or standing by itself."""
        sources = self._sources.get(collection, frozenset())
        chain = [folder]
        while "/" in chain[-1].rstrip("/"):
            chain.append(chain[-1].rpartition("/")[0] or "/")
        tops = [place for place, path in enumerate(chain) if path in sources]
        node = self._root(collection)
        for path in reversed(chain[: tops[-1] + 1] if tops else chain[:1]):
            child = node.folders.get(path)
            if child is None:
                child = Node(f"f:{collection}:{path}", "folder", path, collection, node)
                node.folders[path] = child
                self._homes[collection, path] = child
            node = child
        return node

    def _prune(self, node: Node) -> None:
        while node.parent is not None and not node.total:
            node.parent.folders.pop(node.path, None)
            self._homes.pop((node.collection, node.path), None)
            node = node.parent


def folder_of(path: str) -> str:
    """Return the folder a stored path is in.

    A file whose name is no Unicode is stored as an address; its folder is the one its neighbours stand in.
    """
    folder = path.rpartition("/")[0]
    if path.startswith("file:"):
        from core.rag.scan import opened, stored

        folder = stored(opened(path).parent)
    return folder


def suffix_of(path: str) -> str:
    """Return a path's suffix in small letters, without its dot."""
    name = path.rpartition("/")[2]
    return name.rpartition(".")[2].casefold() if "." in name.lstrip(".") else ""
