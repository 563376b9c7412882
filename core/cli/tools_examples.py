"""``llm-study tools examples``: the user's own questions that teach the router which tool to use.

Kept by :mod:`core.session.examples`; the router reads them at each question.
"""

from __future__ import annotations

import argparse
import dataclasses
from typing import TYPE_CHECKING

from core.cli import print_json
from core.errors import UsageError
from core.i18n import tr
from core.session import Store, examples
from core.text import clean_line

if TYPE_CHECKING:
    from collections.abc import Collection

NONE = "none"
"""What an example says when no tool is to be used."""
MAX_CHARS = 500


def run(store: Store, arguments: argparse.Namespace, tools: Collection[str]) -> int:
    """Do one ``tools examples`` action.

    Args:
        tools: Names an example may teach, besides ``none``.
    """
    if arguments.examples == "add":
        return _add(store, arguments, tools)
    if arguments.examples == "remove":
        return _remove(store, arguments)
    rows = [dataclasses.asdict(one) for one in examples.examples(store)]
    if arguments.json:
        print_json({"examples": rows})
    elif not rows:
        print(tr("tools.examples.none"))
    else:
        for row in rows:
            print(f"{row['id']}  {row['tool']:<18} {clean_line(row['text'], max_chars=120)}")
    return 0


def _add(store: Store, arguments: argparse.Namespace, tools: Collection[str]) -> int:
    text, tool = clean_line(arguments.text, max_chars=MAX_CHARS), arguments.tool
    if not text:
        raise UsageError("error.agent.prompt.empty")
    if tool != NONE and tool not in tools:
        raise UsageError("error.tools.unknown", name=clean_line(tool, max_chars=80))
    row = dataclasses.asdict(examples.add(store, text, tool).result())
    if arguments.json:
        print_json({"example": row})
    else:
        print(tr("tools.examples.added", text=text, tool=tool))
    return 0


def _remove(store: Store, arguments: argparse.Namespace) -> int:
    wanted = arguments.id
    if not examples.remove(store, wanted).result():
        raise UsageError("error.tools.example", id=clean_line(wanted, max_chars=60))
    if arguments.json:
        print_json({"removed": wanted})
    else:
        print(tr("tools.examples.removed", id=wanted))
    return 0
