"""What ``docs`` takes on the command line."""

from __future__ import annotations

import argparse
from typing import Any

from core.cli import docs_eval_arguments
from core.i18n import tr


def _count(text: str) -> int:
    value = int(text)
    if not 1 <= value <= 10_000:
        raise argparse.ArgumentTypeError(tr("cli.count", value=text))
    return value


def add(commands: Any, parents: list[argparse.ArgumentParser]) -> None:
    """Add the parsers.

    Args:
        commands: The subparsers of ``llm-study``.
        parents: The common flags and ``--json``.
    """
    actions = commands.add_parser("docs", help=tr("cli.help.docs")).add_subparsers(
        dest="action", required=True, metavar="ACTION", parser_class=type(commands.choices["ask"])
    )
    new = actions.add_parser("add", parents=parents, help=tr("cli.help.docs_add"))
    new.add_argument("paths", nargs="+", metavar="PATH")
    actions.add_parser("list", parents=parents, help=tr("cli.help.docs_list"))
    search = actions.add_parser("search", parents=parents, help=tr("cli.help.docs_search"))
    search.add_argument("query", metavar="QUERY")
    search.add_argument("-k", type=_count, default=5, metavar="N", help=tr("cli.help.k"))
    remove = actions.add_parser("rm", parents=parents, help=tr("cli.help.docs_rm"))
    remove.add_argument("id", metavar="ID|PATH")
    docs_eval_arguments.add(actions, parents)
