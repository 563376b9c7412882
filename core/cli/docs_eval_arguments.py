"""What ``docs eval`` takes on the command line."""

from __future__ import annotations

import argparse
from typing import Any

from core.i18n import tr


def add(actions: Any, parents: list[argparse.ArgumentParser]) -> None:
    """Add the parser.

    Args:
        actions: The subparsers of ``llm-study docs``.
        parents: The common flags and ``--json``.
    """
    measure = actions.add_parser("eval", parents=parents, help=tr("cli.help.docs_eval"))
    measure.add_argument("--set", default="sample", metavar="sample|FILE", help=tr("cli.help.docs_set"))
    measure.add_argument("--folder", default="", metavar="DIR", help=tr("cli.help.docs_folder"))
