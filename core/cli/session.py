"""``llm-study session``: list, show, export and remove sessions. Needs no engine."""

from __future__ import annotations

import argparse
import json
from datetime import datetime
from pathlib import Path

from core.cli import print_json
from core.errors import StudyError, UsageError
from core.i18n import tr
from core.paths import Paths
from core.session import Store, chat, export
from core.session.rows import Session
from core.settings import Settings
from core.text import clean_line


def run(arguments: argparse.Namespace, settings: Settings, paths: Paths) -> int:
    """Do one ``session`` action."""
    try:
        paths.ensure()
    except OSError as error:
        raise StudyError("error.data_dir", path=paths.data, reason=error) from error
    store = Store.open(paths.session_db)
    try:
        if arguments.action == "list":
            return _list(store, arguments.json)
        session = (
            chat.last_session(store) if arguments.id == "last" else chat.get_session(store, arguments.id)
        )
        if session is None:
            raise UsageError("error.session.unknown", id=clean_line(arguments.id))
        if arguments.action == "rm":
            return _remove(store, session, arguments.json)
        if arguments.action == "show":
            return _show(store, session, arguments.json)
        return _export(store, session, arguments)
    finally:
        store.close()


def _list(store: Store, as_json: bool) -> int:
    sessions = chat.list_sessions(store)
    if as_json:
        keep = ("id", "title", "created_at", "updated_at", "engine", "model", "message_count")
        print_json({"sessions": [{key: getattr(item, key) for key in keep} for item in sessions]})
        return 0
    for item in sessions:
        when = datetime.fromtimestamp(item.updated_at).strftime("%Y-%m-%d %H:%M")
        print(f"{item.id}  {when}  {item.message_count:>4}  {clean_line(item.title)}")
    return 0


def _show(store: Store, session: Session, as_json: bool) -> int:
    if as_json:
        print_json(export.session_json(store, session.id))
    else:
        print(export.session_markdown(store, session.id), end="")
    return 0


def _export(store: Store, session: Session, arguments: argparse.Namespace) -> int:
    if arguments.format == "json":
        text = (
            json.dumps(export.session_json(store, session.id), ensure_ascii=False, indent=2, default=str)
            + "\n"
        )
    else:
        text = export.session_markdown(store, session.id)
    if not arguments.output:
        if arguments.json:
            print_json({"session_id": session.id, "format": arguments.format, "text": text})
        else:
            print(text, end="")
        return 0
    target = Path(arguments.output).expanduser()
    try:
        target.write_text(text, "utf-8")
    except OSError as error:
        raise StudyError("error.export", path=target, reason=error) from error
    if arguments.json:
        print_json({"session_id": session.id, "format": arguments.format, "path": str(target)})
    else:
        print(tr("session.exported", path=target))
    return 0


def _remove(store: Store, session: Session, as_json: bool) -> int:
    # Claimed first: a session that is open in another process must not vanish under it.
    chat.claim_session(store, session.id).result()
    chat.delete_session(store, session.id).result()
    if as_json:
        print_json({"removed": session.id})
    else:
        print(tr("session.removed", title=clean_line(session.title)))
    return 0
