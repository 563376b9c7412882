"""``llm-study docs draft``: a question set begun from the user's own documents, for a person to finish."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from core.cli import print_json
from core.cli.arguments import stderr
from core.cli.work import wait
from core.errors import StudyError, UsageError
from core.events import Document
from core.i18n import tr
from core.rag.evaluation.draft import HIGH_OVERLAP, Draft, Passage, to_yaml
from core.runtime import Runtime
from core.session import documents
from core.text import clean_line

MOST_DOCUMENTS = 400
"""Documents looked at: a set of a few hundred questions needs no more."""


def draft(work: Runtime, arguments: argparse.Namespace) -> int:
    """Draft questions, write or print the set, say how far it can be trusted."""
    out = Path(arguments.out).expanduser() if arguments.out else None
    if out is not None and out.suffix.lower() not in (".yaml", ".yml"):
        raise UsageError("error.docs.draft_suffix", file=clean_line(out.name))
    if out is not None and out.exists():
        raise UsageError("error.docs.draft_exists", file=clean_line(str(out)))
    chosen = _documents(work, arguments.paths)
    folder = _folder(chosen, arguments.paths)
    passages = _passages(work, chosen, folder)
    found = wait(work.library.draft(passages, arguments.n, model=not arguments.templates))
    if not found:
        raise UsageError("error.docs.draft_nothing")
    text = to_yaml(found, _comment(folder, out), _note)
    if out is not None:
        try:
            out.write_text(text, "utf-8")
        except OSError as error:
            reason = clean_line(error.strerror or str(error))
            raise StudyError("error.docs.draft_write", file=clean_line(str(out)), reason=reason) from error
    if arguments.json:
        print_json(
            {
                "file": str(out) if out else None,
                "folder": str(folder),
                "questions": [asdict(one) for one in found],
            }
        )
    elif out is None:
        print(text, end="")
    _told(found, out, folder)
    return 0


def _documents(work: Runtime, paths: Sequence[str]) -> list[Document]:
    for path in paths:
        if not os.path.lexists(Path(path).expanduser()):
            raise UsageError("error.docs.no_path", path=clean_line(path))
    ledger = [one for one in documents.list_documents(wait(work.store_ready)) if one.chunks]
    roots = [str(Path(path).expanduser().absolute()) for path in paths]
    found = [
        one
        for one in ledger
        if not roots or any(one.path == root or one.path.startswith(f"{root}/") for root in roots)
    ]
    if not found:
        raise UsageError("error.docs.draft_none")
    return found[:MOST_DOCUMENTS]


def _folder(found: Sequence[Document], paths: Sequence[str]) -> Path:
    """Return the folder that the set's document names start from: the one named, else what all have in common."""
    if len(paths) == 1 and Path(paths[0]).expanduser().is_dir():
        return Path(paths[0]).expanduser().absolute()
    return Path(os.path.commonpath([str(Path(one.path).parent) for one in found]))


def _passages(work: Runtime, found: Sequence[Document], folder: Path) -> list[Passage]:
    passages = []
    for one in found:
        name = Path(one.path).relative_to(folder).as_posix()
        for chunk in wait(work.library.view(one.id)).chunks:
            passages.append(Passage(name, chunk.section, chunk.text))
    return passages


def _comment(folder: Path, out: Path | None) -> str:
    command = f"llm-study docs eval --set {out.name if out else 'FILE.yaml'} --folder {clean_line(str(folder), max_chars=400)}"
    return f"{tr('docs.draft.check')}\n{tr('docs.draft.advice')}\n{command}"


def _note(one: Draft) -> str:
    key = "docs.draft.note.high" if one.overlap >= HIGH_OVERLAP else "docs.draft.note"
    return tr(key, by=tr(f"docs.draft.by.{one.by}"), overlap=round(one.overlap * 100))


def _told(found: Sequence[Draft], out: Path | None, folder: Path) -> None:
    by_model = sum(one.by == "model" for one in found)
    high = sum(one.overlap >= HIGH_OVERLAP for one in found)
    stderr(
        tr(
            "docs.draft.done",
            count=len(found),
            documents=len({one.document for one in found}),
            model=by_model,
            template=len(found) - by_model,
        )
    )
    mean = round(sum(one.overlap for one in found) / len(found) * 100)
    stderr(tr("docs.draft.overlap", mean=mean, high=high, count=len(found)))
    if out is not None:
        stderr(f"llm-study docs eval --set {clean_line(str(out))} --folder {clean_line(str(folder))}")
