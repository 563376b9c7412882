"""Reading a session that was exported as JSONL. The file may come from anybody: nothing in it is believed unchecked."""

from __future__ import annotations

import json
import math
import re
import stat
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import UsageError
from core.events import StoreChanged
from core.session import owner
from core.session.chat import new_id
from core.session.export import JSONL_FORMAT, JSONL_TYPE
from core.session.forks import IMPORT
from core.session.rows import Session
from core.session.store import Store
from core.session.support import support_of, support_to_json
from core.text import clean, clean_line

if TYPE_CHECKING:
    from sqlite_utils import Database

MAX_BYTES = 256 << 20
MAX_LINE_BYTES = 16 << 20
MAX_ROWS = 200_000
MAX_DEPTH = 32

_ID = re.compile(r"[0-9A-Za-z_-]{1,64}")
_MESSAGE = {"complete": "complete", "cancelled": "cancelled", "failed": "failed"}
_RUN = {"ok": "ok", "error": "error", "cancelled": "cancelled"}
_SPAN = {"ok": "ok", "error": "error", "cancelled": "cancelled"}
_KINDS = {
    "agent",
    "route",
    "model",
    "tool",
    "retrieval",
    "embedding",
    "retry",
    "permission",
    "memory",
    "summary",
}
_ROUTES = {"native", "constrained", "routed"}
_TABLES = {"message": "messages", "run": "runs", "span": "spans"}


class _BadLine(Exception):
    """What is wrong with a line, by the key of its sentence."""


def read(path: Path) -> dict[str, list[dict[str, Any]]]:
    """Read and check an exported session: rows by table, one of ``sessions``.

    Raises:
        UsageError: The file cannot be read, or is no exported session; the sentence names the line.
    """
    found: dict[str, list[dict[str, Any]]] = {"sessions": [], "messages": [], "runs": [], "spans": []}
    number, ended = 0, False
    try:
        path = path.expanduser()
        for number, line in _lines(path):
            if ended:
                raise _BadLine("after_end")
            value = _object(line)
            kind = value.get("type")
            if number == 1:
                if kind != JSONL_TYPE:
                    raise _BadLine("header")
                if value.get("format") != JSONL_FORMAT:
                    raise _BadLine("format")
                found["sessions"].append(_session(value.get("session")))
            elif kind == "end":
                counts = {name: value.get(name) for name in _TABLES.values()}
                if counts != {name: len(found[name]) for name in _TABLES.values()}:
                    raise _BadLine("counts")
                ended = True
            elif isinstance(kind, str) and kind in _TABLES:
                found[_TABLES[kind]].append(_READ[kind](value))
            else:
                raise _BadLine("type")
            if number > MAX_ROWS:
                raise _BadLine("rows")
        if not ended:
            number += 1
            raise _BadLine("cut")
        _check_links(found)
    except _BadLine as bad:
        raise UsageError(f"error.import.{bad}", path=clean_line(str(path)), line=number) from bad
    except (OSError, RuntimeError, ValueError) as error:
        reason = clean_line(getattr(error, "strerror", None) or str(error))
        raise UsageError("error.import.unreadable", path=clean_line(str(path)), reason=reason) from error
    return found


def put(store: Store, rows: Mapping[str, list[dict[str, Any]]]) -> Future[Session]:
    """Write what :func:`read` returned, owned by this process; with new ids when one of them is known here."""
    pid, started = owner.me()

    def work(db: Database) -> Session:
        if _clash(db, rows):
            _renumber(rows)
        session = rows["sessions"][0]
        db.table("sessions").insert({**session, "owner_pid": pid, "owner_started": started, "hidden": 0})
        for table in ("runs", "messages", "spans"):
            db.table(table).insert_all(rows[table])
        return Session(
            session["id"], session["title"], session["created_at"], session["updated_at"], session["engine"],
            session["model"], len(rows["messages"]), pid, started,
        )  # fmt: skip

    return store.submit(work, StoreChanged("sessions"), StoreChanged("messages"))


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise _BadLine("file")
    if status.st_size > MAX_BYTES:
        raise _BadLine("large")
    with path.open("rb") as opened:
        number = 0
        while line := opened.readline(MAX_LINE_BYTES + 1):
            number += 1
            if len(line) > MAX_LINE_BYTES:
                raise _BadLine("long")
            yield number, line


def _object(line: bytes) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise _BadLine("json") from error
    if not isinstance(value, dict):
        raise _BadLine("json")
    return value


# -- rows --------------------------------------------------------------------------------------------------


def _session(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _BadLine("header")
    return {
        "id": _id(value.get("id")),
        "title": clean_line(_text(value.get("title"))),
        "created_at": _number(value.get("created_at")),
        # It comes to the top of the list: it has just arrived.
        "updated_at": time.time(),
        "engine": clean_line(_text(value.get("engine"))),
        "model": clean_line(_text(value.get("model"))),
    }


def _message(value: Mapping[str, Any]) -> dict[str, Any]:
    if value.get("role") not in ("user", "assistant"):
        raise _BadLine("value")
    citations = value.get("citations")
    return {
        "id": _id(value.get("id")),
        "session_id": _id(value.get("session_id")),
        "run_id": None if value.get("run_id") is None else _id(value.get("run_id")),
        "role": value["role"],
        "content": clean(_text(value.get("content"))),
        "status": _MESSAGE.get(str(value.get("status")), "interrupted"),
        "error": clean(_text(value.get("error")), max_chars=4000),
        "fix": clean(_text(value.get("fix")), max_chars=4000),
        "citations": json.dumps([_citation(one) for one in citations or ()], ensure_ascii=False)
        if isinstance(citations, list)
        else "[]",
        "support": support_to_json(support_of(value.get("support"))),
        "created_at": _number(value.get("created_at")),
    }


def _citation(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _BadLine("value")
    return {
        "number": _whole(value.get("number")) or 0,
        "document_id": clean_line(_text(value.get("document_id"))),
        "document": clean_line(_text(value.get("document"))),
        "section": clean_line(_text(value.get("section"))),
        "chunk_id": clean_line(_text(value.get("chunk_id"))),
        "text": clean(_text(value.get("text")), max_chars=4000),
        "score": _number(value.get("score")),
        # Files of an older version have none of these.
        "char_start": _whole(value.get("char_start")) or 0,
        "char_end": _whole(value.get("char_end")) or 0,
        "page": _whole(value.get("page")),
        "stale": value.get("stale") is True,
        "quote": clean(_text(value.get("quote")), max_chars=4000),
        "hit_start": _whole(value.get("hit_start")) or 0,
        "hit_end": _whole(value.get("hit_end")) or 0,
    }


def _run(value: Mapping[str, Any]) -> dict[str, Any]:
    usage, memory, options = value.get("usage"), value.get("memory"), value.get("options")
    usage, memory = (one if isinstance(one, dict) else {} for one in (usage, memory))
    ended, route = value.get("ended_at"), value.get("route")
    return {
        "id": _id(value.get("id")),
        "session_id": _id(value.get("session_id")),
        "status": _RUN.get(str(value.get("status")), "interrupted"),
        "question": clean(_text(value.get("question"))),
        "options": json.dumps(_cleaned(options if isinstance(options, dict) else {}), ensure_ascii=False),
        "route": route if isinstance(route, str) and route in _ROUTES else None,
        "engine": clean_line(_text(value.get("engine"))),
        "engine_version": clean_line(_text(value.get("engine_version"))),
        "model": clean_line(_text(value.get("model"))),
        "started_at": _number(value.get("started_at")),
        "ended_at": None if ended is None else _number(ended),
        "input_tokens": _whole(usage.get("input_tokens")),
        "output_tokens": _whole(usage.get("output_tokens")),
        "ttft_ms": _maybe(value.get("ttft_ms")),
        "tokens_per_s": _maybe(value.get("tokens_per_s")),
        "memory_before": _whole(memory.get("before_bytes")),
        "memory_peak": _whole(memory.get("peak_bytes")),
        "memory_after": _whole(memory.get("after_bytes")),
        "error": clean(_text(value.get("error")), max_chars=4000),
        "fix": clean(_text(value.get("fix")), max_chars=4000),
        "kind": IMPORT,
        "made_from": _id(value.get("id")),
    }


def _span(value: Mapping[str, Any]) -> dict[str, Any]:
    kind, attributes = value.get("kind"), value.get("attributes")
    if not isinstance(kind, str) or kind not in _KINDS or not isinstance(attributes, dict):
        raise _BadLine("value")
    return {
        "id": _id(value.get("id")),
        "run_id": _id(value.get("run_id")),
        "parent_id": None if value.get("parent_id") is None else _id(value.get("parent_id")),
        "name": clean_line(_text(value.get("name"))),
        "kind": kind,
        "status": _SPAN.get(str(value.get("status")), "cancelled"),
        "start": _number(value.get("start")),
        "duration_ms": _maybe(value.get("duration_ms")),
        "attributes": json.dumps(_cleaned(attributes), ensure_ascii=False),
    }


_READ = {"message": _message, "run": _run, "span": _span}


def _check_links(rows: Mapping[str, list[dict[str, Any]]]) -> None:
    """Hold that every row belongs to this session, and that no id is there twice."""
    session = rows["sessions"][0]["id"]
    runs = {row["id"] for row in rows["runs"]}
    for table in _TABLES.values():
        ids = [row["id"] for row in rows[table]]
        if len(set(ids)) != len(ids):
            raise _BadLine("twice")
    if any(row["session_id"] != session for table in ("messages", "runs") for row in rows[table]):
        raise _BadLine("links")
    named = {row["run_id"] for row in rows["messages"]} - {None} | {row["run_id"] for row in rows["spans"]}
    if not named <= runs:
        raise _BadLine("links")


def _clash(db: Database, rows: Mapping[str, list[dict[str, Any]]]) -> bool:
    return any(
        next(iter(db.query(f"SELECT 1 FROM {table} WHERE id = ?", [row["id"]])), None)
        for table in ("sessions", *_TABLES.values())
        for row in rows[table]
    )


def _renumber(rows: Mapping[str, list[dict[str, Any]]]) -> None:
    ids = {row["id"]: new_id() for table in rows for row in rows[table]}
    for table in rows:
        for row in rows[table]:
            row["id"] = ids[row["id"]]
            for name in ("session_id", "run_id", "parent_id"):
                if row.get(name) is not None:
                    row[name] = ids.get(row[name])


# -- values ------------------------------------------------------------------------------------------------


def _id(value: object) -> str:
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise _BadLine("id")
    return value


def _text(value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _BadLine("value")
    return value


def _number(value: object) -> float:
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or not abs(value) <= 1e15  # Neither infinite nor NaN.
    ):
        raise _BadLine("value")
    return float(value)


def _maybe(value: object) -> float | None:
    return None if value is None else _number(value)


def _whole(value: object) -> int | None:
    return None if value is None else int(_number(value))


def _cleaned(value: Any, depth: int = 0) -> Any:
    """Clean every text of a JSON value, names too."""
    if depth > MAX_DEPTH:
        raise _BadLine("deep")
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {clean_line(name): _cleaned(item, depth + 1) for name, item in value.items()}
    if isinstance(value, list):
        return [_cleaned(item, depth + 1) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        raise _BadLine("value")
    return value
