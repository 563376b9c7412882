"""What ``docs eval`` and ``docs draft`` take on the command line."""

from __future__ import annotations

import argparse
from typing import Any

from core.i18n import tr


def add(actions: Any, parents: list[argparse.ArgumentParser]) -> None:
    """Add the parsers.

    Args:
        actions: The subparsers of ``llm-study docs``.
        parents: The common flags and ``--json``.
    """
    measure = actions.add_parser(
        "eval", parents=parents, help=tr("cli.help.docs_eval"), epilog=tr("cli.help.docs_eval.variants")
    )
    measure.add_argument("--set", default="sample", metavar="sample|FILE", help=tr("cli.help.docs_set"))
    measure.add_argument("--folder", default="", metavar="DIR", help=tr("cli.help.docs_folder"))
    measure.add_argument(
        "--split", choices=["test", "train", "all"], default="test", help=tr("cli.help.docs_split")
    )
    how = measure.add_mutually_exclusive_group()
    how.add_argument("--variant", default="headings", metavar="V", help=tr("cli.help.docs_variant"))
    how.add_argument("--compare", nargs=2, metavar=("A", "B"), help=tr("cli.help.docs_compare"))
    how.add_argument("--grid", action="store_true", help=tr("cli.help.docs_grid"))
    how.add_argument("--answers", type=_count, metavar="N", help=tr("cli.help.docs_answers"))
    for name in ("chunkings", "embedders", "keywords"):
        measure.add_argument(f"--{name}", nargs="+", metavar="X", help=tr(f"cli.help.docs_{name}"))
    draft = actions.add_parser("draft", parents=parents, help=tr("cli.help.docs_draft"))
    draft.add_argument("paths", nargs="*", metavar="PATH", help=tr("cli.help.docs_draft_paths"))
    draft.add_argument("--n", type=_count, default=20, metavar="N", help=tr("cli.help.docs_draft_n"))
    draft.add_argument("--out", default="", metavar="FILE", help=tr("cli.help.docs_draft_out"))
    draft.add_argument("--templates", action="store_true", help=tr("cli.help.docs_draft_templates"))


def _count(text: str) -> int:
    try:
        value = int(text)
    except ValueError:
        value = 0
    if not 1 <= value <= 500:
        raise argparse.ArgumentTypeError(tr("cli.docs_draft_count", value=text))
    return value
