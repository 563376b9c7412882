"""The command line. Front door: :func:`main`, which ``llm-study`` runs; without a command it opens the app.

``--json`` prints exactly one JSON object on standard output, errors included. Exit codes: 0 done, 1 the work
failed, 2 wrong usage, 3 no engine, 130 interrupted.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from typing import Any

from core.cli.arguments import build_parser, early_language
from core.errors import StudyError, UsageError
from core.i18n import detect_language, set_language, tr
from core.paths import default_paths
from core.settings import Settings, load_settings
from core.text import clean

#: Command → the module with its ``run(arguments, settings, paths)``. Imported only when asked for.
_COMMANDS = {
    "ask": "core.cli.ask",
    "docs": "core.cli.docs",
    "session": "core.cli.session",
    "engine": "core.cli.engine",
    "models": "core.cli.models",
    "up": "core.cli.containers",
    "down": "core.cli.containers",
    "logs": "core.cli.containers",
    "status": "core.cli.containers",
    "lab": "core.cli.lab",
    "tools": "core.cli.tools",
    "memory": "core.cli.memory",
    "cost": "core.cli.cost",
    "trace": "core.cli.trace",
    "doctor": "core.cli.doctor",
    "tour": "core.cli.tour",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    argv = sys.argv[1:] if argv is None else list(argv)
    set_language(early_language(argv) or detect_language())
    arguments = build_parser().parse_args(argv)
    if arguments.command:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        code = _run(arguments)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        # `head` closing the pipe early is no error of ours. Not by the signal's default, which ends the program without a
        # word at any broken connection too: to an engine that died, to a tool's server.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except KeyboardInterrupt:
        print(file=sys.stderr)
        return 130
    except StudyError as error:
        return _report(error, as_json=getattr(arguments, "json", False))


def _run(arguments: argparse.Namespace) -> int:
    paths = default_paths(getattr(arguments, "data_dir", None))
    flags = {name: getattr(arguments, name, None) for name in ("engine", "model", "lang")}
    if arguments.command == "engine":
        flags["engine"] = getattr(arguments, "engine", None)
    settings = load_settings(paths.config_file, flags)
    if settings.lang:
        set_language(settings.lang)
    from core.logs import set_up_logging

    set_up_logging(paths)
    if arguments.command:
        run: Callable[..., int] = importlib.import_module(_COMMANDS[arguments.command]).run
        return run(arguments, settings, paths)
    return _open_app(arguments, settings, paths)


def _open_app(arguments: argparse.Namespace, settings: Settings, paths: Any) -> int:
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError("error.cli.no_terminal")
    if os.environ.get("TERM", "") in ("", "dumb"):
        raise UsageError("error.cli.dumb_terminal", term=os.environ.get("TERM", ""))
    # By name, so that the core can be installed and imported without the interface.
    app = importlib.import_module("tui.app")
    return int(app.run(settings, paths, session=getattr(arguments, "session", None) or "new"))


def _report(error: StudyError, *, as_json: bool) -> int:
    if as_json:
        print_json({"error": {"key": error.key, "message": clean(error.message), "fix": clean(error.fix)}})
    else:
        print(f"{tr('cli.error')}: {clean(error.message)}", file=sys.stderr)
        if error.fix:
            print(f"  → {clean(error.fix)}", file=sys.stderr)
    return error.exit_code


def print_json(value: Any) -> None:
    """Print the one JSON object of a command."""
    print(json.dumps(value, ensure_ascii=False, default=str), flush=True)
