"""``llm-study docs``: documents added, looked at, searched, kept up to date and measured.

What only reads the ledger (list, failed, jobs, collections) opens the store alone: it needs no engine, and leaves work
that another process is in the middle of to that process.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Callable

from core.cli.arguments import stderr
from core.cli.docs_names import existing
from core.cli.docs_words import CLEAR
from core.cli.stored import opened
from core.cli.work import runtime
from core.errors import UsageError
from core.events import Event, Notice
from core.paths import Paths
from core.settings import Settings
from core.text import clean

#: Action → module and function, with a store or with a runtime. Imported only when asked for.
_STORE = {
    "list": "docs_look:listed",
    "failed": "docs_look:failed",
    "jobs": "docs_jobs:listed",
    "collections": "docs_collections:listed",
}
_WORK = {
    "add": "docs_add:add",
    "retry": "docs_add:retry",
    "reindex": "docs_add:reindex",
    "show": "docs_look:show",
    "export": "docs_export:export",
    "search": "docs_search:search",
    "ask": "docs_search:ask",
    "sync": "docs_keep:sync",
    "watch": "docs_keep:watch",
    "check": "docs_keep:check",
    "rm": "docs_keep:remove",
    "jobs": "docs_jobs:change",
    "eval": "docs_eval:evaluate",
    "draft": "docs_draft:draft",
    "collections": "docs_collections:change",
}


def run(arguments: argparse.Namespace, settings: Settings, paths: Paths) -> int:
    """Do one ``docs`` action."""
    action = arguments.action
    _check(arguments)
    changes = any(getattr(arguments, name, None) for name in ("verb", "stop", "resume"))
    if action in _STORE and not changes:
        with opened(paths) as store:
            return int(_function(_STORE[action])(store, arguments))
    with runtime(settings, paths) as work:
        if not arguments.json:
            work.subscribe(_tell)
        return int(_function(_WORK[action])(work, arguments))


def _check(arguments: argparse.Namespace) -> None:
    """Say what is wrong with the words themselves before an engine is started for nothing."""
    if arguments.action == "add":
        existing(arguments.paths)
    elif arguments.action == "search":
        # `search --phrase TEXT` looks for that text, `search QUERY --phrase` for the query word for word.
        arguments.query = arguments.query or arguments.phrase or ""
        if arguments.phrase == "":
            arguments.phrase = arguments.query
        if not arguments.query.strip():
            raise UsageError("error.docs.empty_query")
    elif arguments.action == "ask" and not arguments.question.strip():
        raise UsageError("error.docs.empty_question")
    elif arguments.action == "rm" and not (arguments.ids or arguments.source):
        raise UsageError("error.docs.rm_what")
    elif arguments.action == "reindex" and not (arguments.ids or arguments.all or arguments.collection):
        raise UsageError("error.docs.reindex_what")


def _tell(event: Event) -> None:
    """Say what belongs to no job, such as an index that was lost and is being made anew."""
    if isinstance(event, Notice):
        # A line of progress may be there.
        stderr((CLEAR if sys.stderr.isatty() else "") + clean(event.text))


def _function(name: str) -> Callable[..., int]:
    module, _, function = name.partition(":")
    found: Callable[..., int] = getattr(importlib.import_module(f"core.cli.{module}"), function)
    return found
