"""What the command line takes."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from core import __version__
from core.cli import (
    containers_arguments,
    cost_arguments,
    docs_arguments,
    lab_arguments,
    memory_arguments,
    models_arguments,
    tools_arguments,
    trace_arguments,
)
from core.cli.help import HelpFormatter, complaint, translate
from core.i18n import LANGS, Lang, tr


class _Parser(argparse.ArgumentParser):
    """argparse with its complaint in one line, exit code 2, and help in the user's language."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"formatter_class": HelpFormatter, **options})
        translate(self)

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{tr('cli.error')}: {complaint(message)}\n  → {self.prog} --help\n")


def early_language(argv: Sequence[str], environ: Mapping[str, str] = os.environ) -> Lang | None:
    """Find ``--lang``, else ``LLM_STUDY_LANG``, before the arguments are parsed: help and complaints are in it too."""
    named = [environ.get("LLM_STUDY_LANG", "")]
    for index, word in enumerate(argv):
        if word.startswith("--lang="):
            named.append(word[7:])
        elif word == "--lang" and argv[index + 1 :]:
            named.append(argv[index + 1])
    return next((lang for word in reversed(named) for lang in LANGS if lang == word), None)


def _count(text: str) -> int:
    value = int(text)
    if not 1 <= value <= 10_000:
        raise argparse.ArgumentTypeError(tr("cli.count", value=text))
    return value


def _port(text: str) -> int:
    value = int(text)
    if not 0 <= value <= 65_535:
        raise argparse.ArgumentTypeError(tr("cli.port", value=text))
    return value


def _common() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    common.add_argument("--data-dir", metavar="DIR", help=tr("cli.help.data_dir"))
    common.add_argument(
        "--engine", choices=["auto", "ollama", "docker", "embedded"], help=tr("cli.help.engine")
    )
    common.add_argument("--model", metavar="NAME", help=tr("cli.help.model"))
    common.add_argument("--lang", choices=list(LANGS), help=tr("cli.help.lang"))
    return common


def build_parser() -> argparse.ArgumentParser:
    """Build the parser, its help in the current language."""
    common = _common()
    as_json = argparse.ArgumentParser(add_help=False)
    as_json.add_argument("--json", action="store_true", help=tr("cli.help.json"))
    parser = _Parser(prog="llm-study", description=tr("cli.description"), parents=[common])
    parser.add_argument(
        "--version", action="version", version=f"llm-study {__version__}", help=tr("cli.help.version")
    )
    parser.add_argument("--session", metavar="ID|last|new", default="new", help=tr("cli.help.session"))
    commands: Any = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Parser)

    ask = commands.add_parser("ask", parents=[common, as_json], help=tr("cli.help.ask"))
    ask.add_argument("text", metavar="TEXT", help=tr("cli.help.text"))
    ask.add_argument("--session", metavar="ID|last|new", default="new", help=tr("cli.help.session"))
    ask.add_argument("--docs", action="store_true", help=tr("cli.help.docs_flag"))

    docs_arguments.add(commands, [common, as_json])

    session = commands.add_parser("session", help=tr("cli.help.sessions")).add_subparsers(
        dest="action", required=True, metavar="ACTION", parser_class=_Parser
    )
    session.add_parser("list", parents=[common, as_json], help=tr("cli.help.session_list"))
    for name in ("show", "export", "rm"):
        action = session.add_parser(name, parents=[common, as_json], help=tr(f"cli.help.session_{name}"))
        action.add_argument("id", metavar="ID|last")
        if name == "export":
            action.add_argument("--format", choices=["markdown", "json"], default="markdown")
            action.add_argument("--output", metavar="FILE", help=tr("cli.help.output"))

    engine = commands.add_parser("engine", help=tr("cli.help.engine_command")).add_subparsers(
        dest="action", required=True, metavar="ACTION", parser_class=_Parser
    )
    serve = engine.add_parser("serve", help=tr("cli.help.serve"))
    serve.add_argument("--data-dir", metavar="DIR", default=argparse.SUPPRESS, help=tr("cli.help.data_dir"))
    serve.add_argument("--lang", choices=list(LANGS), default=argparse.SUPPRESS, help=tr("cli.help.lang"))
    serve.add_argument("--host", default="127.0.0.1", metavar="HOST", help=tr("cli.help.host"))
    serve.add_argument("--port", type=_port, default=11434, metavar="PORT", help=tr("cli.help.port"))
    serve.add_argument(
        "--model", dest="models", action="append", default=[], metavar="PATH.gguf", help=tr("cli.help.gguf")
    )
    serve.add_argument("--parallel", type=_count, default=None, metavar="N", help=tr("cli.help.parallel"))
    serve.add_argument("--num-ctx", type=_count, default=None, metavar="N", help=tr("cli.help.num_ctx"))
    serve.add_argument("--token-file", metavar="FILE", help=tr("cli.help.token_file"))
    engine.add_parser("status", parents=[common, as_json], help=tr("cli.help.engine_status"))

    for rooms in (
        models_arguments,
        containers_arguments,
        lab_arguments,
        cost_arguments,
        tools_arguments,
        memory_arguments,
        trace_arguments,
    ):
        rooms.add(commands, [common, as_json])

    doctor = commands.add_parser("doctor", parents=[common, as_json], help=tr("cli.help.doctor"))
    doctor.add_argument("--rescue", action="store_true", help=tr("cli.help.rescue"))
    commands.add_parser("tour", parents=[common], help=tr("cli.help.tour"))
    return parser


def stderr(text: str) -> None:
    """Print a line for a person, off standard output."""
    print(text, file=sys.stderr, flush=True)
