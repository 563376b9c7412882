"""``llm-study docs list``, ``failed`` and ``show``: what there is and what became of it."""

from __future__ import annotations

import argparse
import dataclasses
import fnmatch
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from core.cli import print_json
from core.cli.arguments import stderr
from core.cli.docs_names import collections_of, names_of, the_collection, the_document
from core.cli.docs_words import cells, document_json, moment, size, table
from core.cli.work import wait
from core.events import Document
from core.i18n import tr
from core.rag import scan
from core.rag.types import Details, failed_of
from core.runtime import Runtime
from core.session import Store, documents
from core.text import clean, clean_line

if TYPE_CHECKING:
    # The library behind it is loaded only by what needs it.
    from core.rag import ChunkView


def listed(store: Store, arguments: argparse.Namespace) -> int:
    """List documents, those that fit the filters."""
    names, rows = _ledger(store, arguments.collection, removed=bool(arguments.status))
    found = [one for one in rows if _fits(one, arguments)]
    if arguments.failed:
        found = failed_of(found) + [one for one in found if one.status != "failed"]
    if arguments.json:
        print_json({"documents": [document_json(one, names) for one in found]})
        return 0
    _print_documents(found, names if len(names) > 1 else {})
    if not found:
        stderr(tr("docs.no_match") if rows else tr("docs.none"))
    return 0


def failed(store: Store, arguments: argparse.Namespace) -> int:
    """List what could not be indexed and why, newest first."""
    names, rows = _ledger(store, arguments.collection)
    found = failed_of(rows)
    if arguments.json:
        print_json({"documents": [document_json(one, names) for one in found]})
        return 0
    for one in found:
        kept = tr("docs.old_version") if one.chunks else ""
        print(f"{one.id}  {scan.shown(one.path)}\n    {clean(one.reason)} {kept}".rstrip())
    stderr(tr("docs.retry_hint", count=len(found)) if found else tr("docs.none_failed"))
    return 0


def _ledger(store: Store, collection: str, *, removed: bool = False) -> tuple[dict[str, str], list[Document]]:
    known = collections_of(store)
    wanted = the_collection(known, collection).id if collection else ""
    return names_of(known), documents.list_documents(store, wanted, removed=removed)


def _fits(document: Document, arguments: argparse.Namespace) -> bool:
    """Say whether a document passes the filters, which mean here what they mean to a search."""
    path = scan.shown(document.path)
    pattern, folded = unicodedata.normalize("NFC", arguments.path).casefold(), path.casefold()
    if any(sign in pattern for sign in "*?["):
        fits = fnmatch.fnmatchcase(folded, f"*{pattern}*")
    else:
        fits = pattern in folded
    types = suffixes(arguments.type)
    return (
        fits
        and (not arguments.status or document.status in arguments.status)
        and (not types or PurePath(path).suffix.lower().lstrip(".") in types)
        and (arguments.since is None or document.mtime >= arguments.since)
        and (arguments.until is None or 0 < document.mtime < arguments.until)
    )


def suffixes(words: Sequence[str]) -> tuple[str, ...]:
    """Read ``--type md,pdf --type .docx``: suffixes without their dots."""
    parts = [part.strip().lower().lstrip(".") for word in words for part in word.split(",")]
    return tuple(part for part in parts if part)


def _print_documents(found: Sequence[Document], names: Mapping[str, str]) -> None:
    if not found:
        return
    heads = tr("docs.head").split("\t")
    lines = [heads[:4] + ([heads[4]] if names else []) + heads[5:]]
    for one in found:
        name = [clean_line(names.get(one.collection, one.collection), max_chars=30)] if names else []
        lines.append(
            [
                one.id,
                tr(f"docs.status.{one.status}"),
                str(one.chunks),
                size(one.bytes),
                *name,
                scan.shown(one.path),
            ]
        )
    head, *texts = table(lines, right=(2, 3))
    print(head)
    for text, one in zip(texts, found, strict=True):
        print(text)
        for sentence in (one.reason, one.note):
            if sentence:
                print(f"    {clean(sentence)}")


def show(work: Runtime, arguments: argparse.Namespace) -> int:
    """Show everything known of a document, its chunks too when asked."""
    names, rows = _ledger(wait(work.store_ready), arguments.collection)
    row = the_document(rows, arguments.id)
    details = wait(work.library.details(row.id))
    chunks = wait(work.library.view(row.id)).chunks if arguments.chunks else []
    if arguments.json:
        values: dict[str, Any] = {
            "document": document_json(row, names),
            "parser": details.parser,
            "encoding": details.encoding,
            "also_at": list(details.also_at),
        }
        if arguments.chunks:
            values["chunks"] = [{**dataclasses.asdict(one), "text": clean(one.text)} for one in chunks]
        print_json(values)
        return 0
    _print_details(row, details, names)
    for chunk in chunks:
        _print_chunk(chunk)
    return 0


def _print_details(row: Document, details: Details, names: Mapping[str, str]) -> None:
    took = [f"{value:.0f} ms" if value is not None else "N/A" for value in (row.parse_ms, row.embed_ms)]
    facts = {
        "id": row.id, "title": clean_line(row.title), "status": row.status, "reason": clean(row.reason),
        "note": clean(row.note), "collection": clean_line(names.get(row.collection, row.collection)),
        "type": row.media_type, "size": size(row.bytes), "encoding": details.encoding,
        "modified": moment(row.mtime or details.mtime), "added": moment(row.added_at),
        "updated": moment(row.updated_at), "pages": str(row.pages or details.pages or ""),
        "chars": f"{row.chars:,}", "tokens": f"{row.tokens or details.tokens:,}", "chunks": f"{row.chunks:,}",
        "parser": details.parser, "took": tr("docs.show.times", parse=took[0], embed=took[1]),
        "hash": row.content_hash,
    }  # fmt: skip
    print(scan.shown(row.path))
    labels = {name: tr(f"docs.show.{name}") for name in facts}
    wide = max(map(cells, labels.values()))
    for name, value in facts.items():
        if value:
            print(f"  {labels[name]}{' ' * (wide - cells(labels[name]))}  {value}")
    for path in details.also_at:
        print(f"  {tr('docs.also_at', path=scan.shown(path))}")


def _print_chunk(chunk: ChunkView) -> None:
    print(f"\n#{chunk.ordinal}  {place(chunk.line, chunk.page)}  {clean_line(chunk.section)}".rstrip())
    for line in clean(chunk.text).splitlines():
        print(f"    {line}".rstrip())


def place(line: int, page: int | None) -> str:
    """Write where a passage begins: its page, else its line; empty when neither is known."""
    if page is not None:
        return tr("docs.page", page=page)
    return tr("docs.line", line=line) if line else ""
