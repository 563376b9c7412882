"""What ``trace`` takes on the command line."""

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
    actions = commands.add_parser("trace", help=tr("trace.cli.help")).add_subparsers(
        dest="action", required=True, metavar="ACTION", parser_class=type(commands.choices["ask"])
    )

    def action(name: str) -> Any:
        return actions.add_parser(name, parents=parents, help=tr(f"trace.cli.{name}"))

    show = action("show")
    show.add_argument("id", nargs="?", default="last", metavar="RUN|SESSION|last")
    for name in ("call", "curl"):
        action(name).add_argument("span", metavar="SPAN")
    rerun = action("rerun")
    rerun.add_argument("span", metavar="SPAN")
    rerun.add_argument("-n", type=int, default=1, metavar="N", help=tr("trace.cli.n"))
    fork = action("fork")
    fork.add_argument("session", metavar="SESSION|last")
    fork.add_argument("at", metavar="SPAN|MESSAGE")
    fork.add_argument("--prompt", metavar="TEXT", help=tr("trace.cli.prompt"))
    fork.add_argument("--tool-result", metavar="TEXT", help=tr("trace.cli.tool_result"))
    replay = action("replay")
    replay.add_argument("run", metavar="RUN")
    replay.add_argument("--live-tools", action="store_true", help=tr("trace.cli.live_tools"))
    diff = action("diff")
    diff.add_argument("a", metavar="RUN")
    diff.add_argument("b", metavar="RUN")
    determinism = action("determinism")
    determinism.add_argument("prompt", metavar="TEXT")
    determinism.add_argument("-k", type=int, default=5, metavar="N", help=tr("trace.cli.k"))
    determinism.add_argument(
        "--seed", choices=["with", "without", "both"], default="both", help=tr("trace.cli.seed")
    )
    determinism.add_argument("--temperature", type=float, metavar="T", help=tr("trace.cli.temperature"))
    export = action("export")
    export.add_argument("id", metavar="RUN|SESSION|last")
    export.add_argument("--format", choices=["otlp", "jsonl"], default="otlp", help=tr("trace.cli.format"))
    export.add_argument("--output", default=".", metavar="DIR", help=tr("trace.cli.output"))
    action("import").add_argument("file", metavar="FILE")
    correct = action("correct")
    correct.add_argument("run", metavar="RUN")
    correct.add_argument("tool", metavar="TOOL|none")
