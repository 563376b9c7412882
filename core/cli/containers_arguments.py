"""What ``up``, ``down``, ``logs`` and ``status`` take on the command line."""

from __future__ import annotations

import argparse
from typing import Any

from core.i18n import tr

MAX_LINES = 5_000


def _lines(text: str) -> int:
    value = int(text)
    if not 1 <= value <= MAX_LINES:
        raise argparse.ArgumentTypeError(tr("cli.count", value=text))
    return value


def add(commands: Any, parents: list[argparse.ArgumentParser]) -> None:
    """Add the parsers.

    Args:
        commands: The subparsers of ``llm-study``.
        parents: The common flags and ``--json``.
    """
    found = {
        name: commands.add_parser(name, parents=parents, help=tr(f"cli.help.{name}"))
        for name in ("up", "down", "logs", "status")
    }
    for parser in found.values():
        parser.add_argument("--file", metavar="FILE", default="", help=tr("cli.help.compose_file"))
    found["up"].add_argument("--gpu", action="store_true", help=tr("cli.help.up.gpu"))
    found["logs"].add_argument("-f", "--follow", action="store_true", help=tr("cli.help.logs.follow"))
    found["logs"].add_argument(
        "-n", "--lines", type=_lines, default=200, metavar="N", help=tr("cli.help.logs.lines")
    )
