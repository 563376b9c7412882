"""What ``models`` take on the command line."""

from __future__ import annotations

import argparse
from typing import Any

from core.i18n import tr


def _positive(text: str) -> int:
    value = int(text)
    if not 1 <= value <= 100_000_000:
        raise argparse.ArgumentTypeError(tr("cli.count", value=text))
    return value


def add(commands: Any, parents: list[argparse.ArgumentParser]) -> None:
    """Add the parsers.

    Args:
        commands: The subparsers of ``llm-study``.
        parents: The common flags and ``--json``.
    """
    models = commands.add_parser("models", help=tr("cli.help.models")).add_subparsers(
        dest="action", required=True, metavar="ACTION", parser_class=type(commands.choices["ask"])
    )
    models.add_parser("list", parents=parents, help=tr("cli.help.models_list"))
    show = models.add_parser("show", parents=parents, help=tr("cli.help.models_show"))
    show.add_argument("name", metavar="NAME")
    fit = models.add_parser("fit", parents=parents, help=tr("cli.help.models_fit"))
    fit.add_argument("name", metavar="NAME|URL|PATH")
    fit.add_argument("--num-ctx", type=_positive, metavar="N", help=tr("cli.help.models_num_ctx"))
    fit.add_argument("--parallel", type=_positive, metavar="N", help=tr("cli.help.models_parallel"))
    pull = models.add_parser("pull", parents=parents, help=tr("cli.help.models_pull"))
    pull.add_argument("source", metavar="NAME|URL|PATH|PACKAGE")
    pull.add_argument("--name", default="", metavar="NAME", help=tr("cli.help.models_name"))
    pull.add_argument("--sha256", default="", metavar="HEX", help=tr("cli.help.models_sha256"))
    create = models.add_parser("create", parents=parents, help=tr("cli.help.models_create"))
    create.add_argument("name", metavar="NAME")
    create.add_argument("source", metavar="NAME|URL|PATH|PACKAGE")
    remove = models.add_parser("rm", parents=parents, help=tr("cli.help.models_rm"))
    remove.add_argument("name", metavar="NAME")
    load = models.add_parser("load", parents=parents, help=tr("cli.help.models_load"))
    load.add_argument("name", metavar="NAME")
    load.add_argument("--num-ctx", type=_positive, metavar="N", help=tr("cli.help.models_num_ctx"))
    load.add_argument("--yes", action="store_true", help=tr("cli.help.models_yes"))
    unload = models.add_parser("unload", parents=parents, help=tr("cli.help.models_unload"))
    unload.add_argument("name", metavar="NAME")
