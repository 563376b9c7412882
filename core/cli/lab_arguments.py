"""What ``lab`` takes on the command line."""

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
    lab = commands.add_parser("lab", help=tr("lab.cli.help")).add_subparsers(
        dest="action", required=True, metavar="ACTION", parser_class=type(commands.choices["ask"])
    )
    lab.add_parser("list", parents=parents, help=tr("lab.cli.list"))
    run = lab.add_parser("run", parents=parents, help=tr("lab.cli.run"))
    run.add_argument("name", metavar="NAME", help=tr("lab.cli.name"))
    run.add_argument(
        "--set", dest="pairs", action="append", default=[], metavar="NAME=VALUE", help=tr("lab.cli.set")
    )
    for name in ("show", "export", "cancel", "resume", "rm"):
        action = lab.add_parser(name, parents=parents, help=tr(f"lab.cli.{name}"))
        action.add_argument("run", metavar="RUN|last")
        if name == "export":
            action.add_argument("--folder", metavar="DIR", default=".", help=tr("lab.cli.folder"))
    compare = lab.add_parser("compare", parents=parents, help=tr("lab.cli.compare"))
    compare.add_argument("a", metavar="RUN")
    compare.add_argument("b", metavar="RUN|last")
