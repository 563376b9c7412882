"""A fictional company's documents and questions about them, to measure retrieval with.

``corpus/`` is the company's share as a user would have it; ``questions.jsonl`` asks about it. A set of one's own
has the same fields, as YAML (a list) or JSON lines; :func:`load_questions` reads both and says what is wrong
and where.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import UsageError

SPLITS = ("train", "test")
LANGUAGES = ("ko", "en")


@dataclass(frozen=True, slots=True)
class Gold:
    """A passage that answers a question."""

    document: str
    """Path below the corpus folder, with ``/``."""
    quote: str
    """Found verbatim in the document's parsed text, once runs of white space count as one space."""


@dataclass(frozen=True, slots=True)
class Question:
    """One question and where its answer is."""

    id: str
    split: str
    """``train`` for tuning, ``test`` for reporting."""
    language: str
    """``ko`` or ``en``."""
    document_language: str
    """Of the gold documents; the question's own where there is no answer."""
    kind: str
    """What makes it hard, e.g. ``paraphrase``, ``table``, ``near_duplicate``; a free label."""
    question: str
    answer: str
    """Short; ``""`` where there is none."""
    gold: tuple[Gold, ...]
    """Every one is needed for the answer; empty when unanswerable."""
    unanswerable: bool


def corpus_dir() -> Path:
    """Return the folder with the sample documents."""
    return Path(__file__).parent / "corpus"


def questions(split: str | None = None) -> list[Question]:
    """Return the sample questions, of one split (``train``, ``test``) or all."""
    loaded = load_questions(Path(__file__).parent / "questions.jsonl")
    return [question for question in loaded if split in (None, question.split)]


def load_questions(path: Path) -> list[Question]:
    """Read a question set, ``.yaml``/``.yml`` (a list) or ``.jsonl``.

    Raises:
        UsageError: One sentence naming the file and the line of the first thing wrong.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise _wrong(path, 1, "encoding") from error
    except OSError as error:
        raise UsageError(
            "error.questions.read", file=path.name, reason=error.strerror or str(error)
        ) from error
    suffix = path.suffix.lower()
    if suffix not in (".yaml", ".yml", ".jsonl"):
        raise UsageError("error.questions.suffix", file=path.name)
    found: list[Question] = []
    seen: dict[str, int] = {}
    for line, row in (_json_rows if suffix == ".jsonl" else _yaml_rows)(path, text):
        question = _question(path, line, row)
        if question.id in seen:
            raise _wrong(path, line, "duplicate", id=question.id, first=seen[question.id])
        seen[question.id] = line
        found.append(question)
    if not found:
        raise _wrong(path, 1, "none")
    return found


def _json_rows(path: Path, text: str) -> Iterator[tuple[int, Any]]:
    # Not splitlines(): a question may hold U+2028, which is no line end in JSON.
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            yield number, json.loads(line)
        except (ValueError, RecursionError) as error:
            raise _wrong(path, number, "syntax") from error


def _yaml_rows(path: Path, text: str) -> Iterator[tuple[int, Any]]:
    import yaml

    loader = yaml.SafeLoader(text)
    try:
        root = loader.get_single_node()
        if root is None:
            return
        if not isinstance(root, yaml.SequenceNode):
            raise _wrong(path, root.start_mark.line + 1, "list")
        for node in root.value:
            yield node.start_mark.line + 1, loader.construct_document(node)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        raise _wrong(path, mark.line + 1 if mark else 1, "syntax") from error
    finally:
        loader.dispose()


_FIELDS = (
    "id",
    "split",
    "language",
    "document_language",
    "kind",
    "question",
    "answer",
    "gold",
    "unanswerable",
)


def _question(path: Path, line: int, row: Any) -> Question:
    if not isinstance(row, dict):
        raise _wrong(path, line, "mapping")
    for name in row:
        if name not in _FIELDS:
            raise _wrong(path, line, "unknown", field=str(name)[:40], fields=", ".join(_FIELDS))
    unanswerable = row.get("unanswerable", False)
    if not isinstance(unanswerable, bool):
        raise _wrong(path, line, "bool", field="unanswerable")
    text = {name: _text(path, line, row, name) for name in ("id", "question")}
    split = _choice(path, line, row, "split", SPLITS, "test")
    language = _choice(path, line, row, "language", LANGUAGES, "ko" if _hangul(text["question"]) else "en")
    gold = tuple(_golds(path, line, row.get("gold")))
    if unanswerable and gold:
        raise _wrong(path, line, "gold_unanswerable")
    if not unanswerable and not gold:
        raise _wrong(path, line, "gold_missing")
    return Question(
        id=text["id"],
        split=split,
        language=language,
        document_language=_choice(path, line, row, "document_language", LANGUAGES, language),
        kind=_text(path, line, row, "kind", "unanswerable" if unanswerable else "lookup"),
        question=text["question"],
        answer=_text(path, line, row, "answer", ""),
        gold=gold,
        unanswerable=unanswerable,
    )


def _golds(path: Path, line: int, value: Any) -> Iterator[Gold]:
    if value is None:
        return
    if not isinstance(value, list):
        raise _wrong(path, line, "gold")
    for item in value:
        if not isinstance(item, dict) or set(item) != {"document", "quote"}:
            raise _wrong(path, line, "gold")
        yield Gold(_text(path, line, item, "document"), _text(path, line, item, "quote"))


def _text(path: Path, line: int, row: dict[Any, Any], name: str, default: str | None = None) -> str:
    value = row.get(name, default)
    # An id or an answer like 15 is a number to YAML; what the user wrote is meant.
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or (default is None and not value.strip()):
        raise _wrong(path, line, "text", field=name)
    return value


def _choice(
    path: Path, line: int, row: dict[Any, Any], name: str, allowed: tuple[str, ...], default: str
) -> str:
    value = row.get(name, default)
    if value not in allowed:
        raise _wrong(path, line, "choice", field=name, allowed=", ".join(allowed))
    return str(value)


def _hangul(text: str) -> bool:
    return any("가" <= char <= "힣" for char in text)


def _wrong(path: Path, line: int, what: str, **params: object) -> UsageError:
    return UsageError(f"error.questions.{what}", file=path.name, line=line, **params)
