"""``llm-study engine``: serve the embedded engine to anyone's Ollama client, or say which engine is in use."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

from core.cli import print_json
from core.cli.work import runtime, wait
from core.errors import UsageError
from core.paths import Paths
from core.settings import Settings
from core.text import clean_line


def run(arguments: argparse.Namespace, settings: Settings, paths: Paths) -> int:
    """Do one ``engine`` action."""
    return (
        _serve(arguments, settings, paths)
        if arguments.action == "serve"
        else _status(arguments, settings, paths)
    )


def _serve(arguments: argparse.Namespace, settings: Settings, paths: Paths) -> int:
    from core.embedded.foreground import serve

    models = [Path(path).expanduser() for path in arguments.models]
    for path in models:
        if not path.is_file():
            raise UsageError("error.engine.no_file", path=clean_line(str(path)))
    return int(
        serve(
            host=arguments.host,
            port=arguments.port,
            models=models,
            parallel=arguments.parallel or settings.parallel,
            num_ctx=arguments.num_ctx or settings.num_ctx,
            threads=settings.threads,
            queue=settings.queue,
            token=_token(arguments.token_file),
            models_dir=paths.models_dir,
        )
    )


def _token(file: str | None) -> str | None:
    """Read the bearer token clients must send. From a file: an argument could be read by every user here."""
    if not file:
        return None
    try:
        token = Path(file).expanduser().read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError("error.engine.token_file", path=clean_line(file), reason=error) from error
    if not token:
        raise UsageError("error.engine.token_file", path=clean_line(file), reason="empty")
    return token


def _status(arguments: argparse.Namespace, settings: Settings, paths: Paths) -> int:
    with runtime(settings, paths) as work:
        wait(work.engine_ready)
        status = work.status
    if arguments.json:
        print_json(dataclasses.asdict(status))
    else:
        print(
            f"{status.kind} · {status.version} · {status.model} · {status.route} — {status.route_reason}\n{status.url}"
        )
    return 0
