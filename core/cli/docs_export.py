"""``llm-study docs export``: what the index holds, taken elsewhere."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from core.cli import print_json
from core.cli.arguments import stderr
from core.cli.docs_look import place
from core.cli.docs_names import collections_of, names_of, the_collection, the_documents
from core.cli.work import wait
from core.errors import StudyError, UsageError
from core.events import Document
from core.i18n import tr
from core.rag import scan
from core.runtime import Runtime
from core.session import documents
from core.text import clean, clean_line

if TYPE_CHECKING:
    # The library behind it is loaded only by what needs it.
    from core.rag import ChunkView


def export(work: Runtime, arguments: argparse.Namespace) -> int:
    """Write chunks with their exact places: one JSON object a line, or Markdown to read."""
    if arguments.json and not arguments.output:
        raise UsageError("error.docs.export_output")
    store = wait(work.store_ready)
    known = collections_of(store)
    wanted = the_collection(known, arguments.collection).id if arguments.collection else ""
    rows = documents.list_documents(store, wanted)
    chosen = the_documents(rows, arguments.ids, folders=True) if arguments.ids else rows
    if not chosen:
        raise UsageError("error.docs.empty")
    names = names_of(known)
    write = _WRITERS[arguments.format]
    chunks = 0
    with _opened(arguments.output) as stream:
        for row in chosen:
            found = wait(work.library.view(row.id)).chunks
            chunks += len(found)
            write(stream, row, found, names.get(row.collection, row.collection))
    if arguments.json:
        path = str(Path(arguments.output).absolute())
        print_json({"documents": len(chosen), "chunks": chunks, "path": path})
    elif arguments.output:
        stderr(tr("docs.exported", documents=len(chosen), chunks=chunks, path=clean_line(arguments.output)))
    return 0


@contextlib.contextmanager
def _opened(output: str | None) -> Iterator[TextIO]:
    if not output:
        yield sys.stdout
        return
    try:
        stream = Path(output).expanduser().open("w", encoding="utf-8")
    except OSError as error:
        raise StudyError(
            "error.export", path=clean_line(output), reason=error.strerror or str(error)
        ) from error
    with stream:
        yield stream


def _jsonl(stream: TextIO, row: Document, chunks: Sequence[ChunkView], collection: str) -> None:
    for chunk in chunks:
        value = {
            "document_id": row.id,
            "path": scan.shown(row.path),
            "collection": collection,
            "chunk_id": chunk.chunk_id,
            "ordinal": chunk.ordinal,
            "section": clean_line(chunk.section),
            "page": chunk.page,
            "line": chunk.line,
            "char_start": chunk.char_start,
            "char_end": chunk.char_end,
            "text": clean(chunk.text),
        }
        stream.write(json.dumps(value, ensure_ascii=False) + "\n")


def _markdown(stream: TextIO, row: Document, chunks: Sequence[ChunkView], collection: str) -> None:
    stream.write(f"# {clean_line(row.title) or scan.shown(row.path)}\n\n`{scan.shown(row.path)}`\n\n")
    for chunk in chunks:
        where = " · ".join(
            part for part in (clean_line(chunk.section), place(chunk.line, chunk.page)) if part
        )
        quoted = "\n".join(f"> {line}".rstrip() for line in clean(chunk.text).splitlines())
        stream.write(f"{where}\n\n{quoted}\n\n")


_WRITERS: dict[str, Callable[[TextIO, Document, Sequence[ChunkView], str], None]] = {
    "jsonl": _jsonl,
    "markdown": _markdown,
}
