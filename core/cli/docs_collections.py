"""``llm-study docs collections``: list them, and add, rename, set, rm."""

from __future__ import annotations

import argparse
from typing import Any

from core.cli import print_json
from core.cli.docs_names import collections_of, names_of, sources_of, the_collection
from core.cli.docs_progress import Line, follow
from core.cli.docs_words import chunking_text, collection_json, size, source_json, table
from core.cli.work import wait
from core.errors import UsageError
from core.i18n import tr
from core.rag import scan
from core.rag.types import DEFAULT, Collection
from core.runtime import Runtime
from core.session import Store
from core.text import clean_line


def listed(store: Store, arguments: argparse.Namespace) -> int:
    """List collections, their settings and the folders they follow."""
    known = collections_of(store)
    sources = sources_of(store)
    if arguments.json:
        names = names_of(known)
        print_json(
            {
                "collections": [
                    collection_json(one)
                    | {"sources": [source_json(it, names) for it in sources if it.collection == one.id]}
                    for one in known
                ]
            }
        )
        return 0
    lines = [tr("docs.collections.head").split("\t"), *map(_columns, known)]
    head, *texts = table(lines, right=(1, 2, 3, 4))
    print(head)
    for text, one in zip(texts, known, strict=True):
        print(text)
        for source in sources:
            if source.collection == one.id:
                mark = f"  {tr('docs.collections.suspended')}" if source.status == "suspended" else ""
                print(f"    {scan.shown(source.path)}{mark}")
    return 0


def _columns(one: Collection) -> list[str]:
    marks = [tr("docs.collections.building")] if one.building else []
    marks += [tr("docs.collections.watched")] if one.watch else []
    return [
        clean_line(one.name, max_chars=40),
        str(one.documents),
        str(one.failed),
        str(one.chunks),
        size(one.bytes),
        chunking_text(one.chunking),
        clean_line(one.embedder) or tr("docs.collections.own"),
        ", ".join(marks),
    ]


def change(work: Runtime, arguments: argparse.Namespace) -> int:
    """Add, rename, set or remove a collection."""
    return _VERBS[arguments.verb](work, arguments)


def _add(work: Runtime, arguments: argparse.Namespace) -> int:
    made = wait(
        work.library.create_collection(
            arguments.name,
            chunking=arguments.chunking,
            embedder=arguments.embedder or "",
            watch=bool(arguments.watch),
        )
    )
    return _said(arguments, "added", made)


def _rename(work: Runtime, arguments: argparse.Namespace) -> int:
    found = _named(work, arguments.name)
    return _said(
        arguments, "renamed", wait(work.library.change_collection(found.id, name=arguments.new_name))
    )


def _set(work: Runtime, arguments: argparse.Namespace) -> int:
    found = _named(work, arguments.name)
    wanted: dict[str, Any] = {
        name: getattr(arguments, name)
        for name in ("chunking", "embedder", "watch")
        if getattr(arguments, name) is not None
    }
    if not wanted:
        raise UsageError("error.docs.set_what")
    # New chunks or vectors are made beside the old ones: that takes a while, and shows its progress.
    line = Line(quiet=arguments.json)
    changed = follow(work, lambda: work.library.change_collection(found.id, **wanted), line)
    return _said(arguments, "changed", changed)


def _remove(work: Runtime, arguments: argparse.Namespace) -> int:
    found = _named(work, arguments.name)
    if found.id == DEFAULT:
        raise UsageError("error.docs.default_stays")
    if found.documents and not arguments.yes:
        raise UsageError("error.docs.collection_full", name=clean_line(found.name), count=found.documents)
    wait(work.library.remove_collection(found.id))
    if arguments.json:
        print_json({"removed": found.name})
    else:
        print(tr("docs.collections.removed", name=clean_line(found.name), count=found.documents))
    return 0


def _named(work: Runtime, name: str) -> Collection:
    return the_collection(collections_of(wait(work.store_ready)), name)


def _said(arguments: argparse.Namespace, what: str, collection: Collection) -> int:
    if arguments.json:
        print_json(collection_json(collection))
    else:
        print(
            tr(
                f"docs.collections.{what}",
                name=clean_line(collection.name),
                chunking=chunking_text(collection.chunking),
                embedder=clean_line(collection.embedder) or tr("docs.collections.own"),
            )
        )
    return 0


_VERBS = {"add": _add, "rename": _rename, "set": _set, "rm": _remove}
