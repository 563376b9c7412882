"""What ``memory`` takes on the command line."""

from __future__ import annotations

import argparse
from typing import Any

from core.i18n import tr


def add(commands: Any, parents: list[argparse.ArgumentParser]) -> None:
    """Add the parsers.

    Args:
        commands: The subparsers of ``llm-study``.
        parents: The common flags and ``--json``.
    """
    parser_class = type(commands.choices["ask"])
    memory = commands.add_parser("memory", help=tr("memory.cli.help")).add_subparsers(
        dest="action", required=True, metavar="ACTION", parser_class=parser_class
    )
    memory.add_parser("list", parents=parents, help=tr("memory.cli.list"))
    new = memory.add_parser("add", parents=parents, help=tr("memory.cli.add"))
    new.add_argument("text", metavar="TEXT")
    changed = memory.add_parser("edit", parents=parents, help=tr("memory.cli.edit"))
    changed.add_argument("id", metavar="ID")
    changed.add_argument("text", metavar="TEXT")
    gone = memory.add_parser("forget", parents=parents, help=tr("memory.cli.forget"))
    gone.add_argument("id", metavar="ID")
    search = memory.add_parser("search", parents=parents, help=tr("memory.cli.search"))
    search.add_argument("query", metavar="WORDS")
