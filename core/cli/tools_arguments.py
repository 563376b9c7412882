"""What ``tools`` takes on the command line."""

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
    tools = commands.add_parser("tools", help=tr("tools.cli.help")).add_subparsers(
        dest="action", required=True, metavar="ACTION", parser_class=parser_class
    )
    listed = tools.add_parser("list", parents=parents, help=tr("tools.cli.list"))
    listed.add_argument("--refresh", action="store_true", help=tr("tools.cli.refresh"))
    for permission in ("allow", "ask", "deny"):
        rule = tools.add_parser(permission, parents=parents, help=tr(f"tools.cli.{permission}"))
        rule.add_argument("name", metavar="NAME")
    reset = tools.add_parser("reset", parents=parents, help=tr("tools.cli.reset"))
    reset.add_argument("name", metavar="NAME")
    test = tools.add_parser("test", parents=parents, help=tr("tools.cli.test"))
    test.add_argument("name", metavar="NAME")
    test.add_argument("arguments", nargs="*", metavar="ARGUMENT", help=tr("tools.cli.arguments"))
    examples = tools.add_parser("examples", help=tr("tools.cli.examples")).add_subparsers(
        dest="examples", required=True, metavar="ACTION", parser_class=parser_class
    )
    examples.add_parser("list", parents=parents, help=tr("tools.cli.examples_list"))
    new = examples.add_parser("add", parents=parents, help=tr("tools.cli.examples_add"))
    new.add_argument("text", metavar="QUESTION")
    new.add_argument("tool", metavar="TOOL")
    gone = examples.add_parser("remove", parents=parents, help=tr("tools.cli.examples_remove"))
    gone.add_argument("id", metavar="ID")
