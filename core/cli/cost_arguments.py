"""What ``cost`` takes on the command line."""

from __future__ import annotations

import argparse
from typing import Any

from core.i18n import tr


def add(commands: Any, parents: list[argparse.ArgumentParser]) -> None:
    """Add the parser.

    Args:
        commands: The subparsers of ``llm-study``.
        parents: The common flags and ``--json``.
    """
    cost = commands.add_parser("cost", parents=parents, help=tr("cli.help.cost"))
    cost.add_argument(
        "session", nargs="?", default="", metavar="SESSION|last", help=tr("cli.help.cost_session")
    )
