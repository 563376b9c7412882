"""``llm-study memory``: what the user asked to remember. Only a search needs an engine: it compares meanings."""

from __future__ import annotations

import argparse
import dataclasses
import time
from typing import Any

from core.cli import print_json
from core.errors import StudyError
from core.i18n import tr
from core.paths import Paths
from core.session import Store, facts
from core.session.rows import Fact
from core.settings import Settings
from core.text import clean_line


def run(arguments: argparse.Namespace, settings: Settings, paths: Paths) -> int:
    """Do one ``memory`` action."""
    if arguments.action == "search":
        return _search(arguments, settings, paths)
    try:
        paths.ensure()
    except OSError as error:
        raise StudyError("error.data_dir", path=paths.data, reason=error) from error
    store = Store.open(paths.session_db)
    try:
        return _ACTIONS[arguments.action](store, arguments)
    finally:
        store.close()


def _list(store: Store, arguments: argparse.Namespace) -> int:
    _print(facts.all_facts(store), arguments.json, tr("memory.cli.none"))
    return 0


def _add(store: Store, arguments: argparse.Namespace) -> int:
    return _changed("added", facts.add(store, arguments.text).result(), arguments.json)


def _edit(store: Store, arguments: argparse.Namespace) -> int:
    return _changed("edited", facts.edit(store, _id(arguments), arguments.text).result(), arguments.json)


def _forget(store: Store, arguments: argparse.Namespace) -> int:
    wanted = _id(arguments)
    known = next((one for one in facts.all_facts(store) if one.id == wanted), None)
    facts.forget(store, wanted).result()
    assert known is not None  # noqa: S101 - it could be forgotten
    return _changed("forgotten", known, arguments.json)


_ACTIONS = {"list": _list, "add": _add, "edit": _edit, "forget": _forget}


def _search(arguments: argparse.Namespace, settings: Settings, paths: Paths) -> int:
    from core.cli.work import runtime, wait

    with runtime(settings, paths) as work:
        wait(work.engine_ready)
        found = wait(work.facts.search(clean_line(arguments.query, max_chars=facts.MAX_CHARS)))
    _print(found, arguments.json, tr("memory.cli.nothing"))
    return 0


def _id(arguments: argparse.Namespace) -> str:
    return clean_line(arguments.id, max_chars=60)


def _changed(what: str, fact: Fact, as_json: bool) -> int:
    if as_json:
        print_json({what: _plain(fact)})
    else:
        print(tr(f"memory.cli.{what}", id=fact.id, text=_line(fact)))
    return 0


def _print(found: list[Fact], as_json: bool, nothing: str) -> None:
    if as_json:
        print_json({"facts": [_plain(one) for one in found]})
    elif not found:
        print(nothing)
    for one in [] if as_json else found:
        day = time.strftime("%Y-%m-%d", time.localtime(one.created_at))
        print(f"{one.id}  {day}  {tr('memory.cli.used', count=one.used):<10}  {_line(one)}")


def _plain(fact: Fact) -> dict[str, Any]:
    return dataclasses.asdict(fact)


def _line(fact: Fact) -> str:
    return clean_line(fact.text, max_chars=facts.MAX_CHARS)
