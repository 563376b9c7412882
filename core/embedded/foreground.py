"""``llm-study engine serve``: the embedded engine in the foreground, for anybody's Ollama client."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from core.embedded.config import EngineConfig
from core.embedded.guard import is_loopback
from core.embedded.names import name_for_file
from core.embedded.supervisor import Supervisor, SupervisorState
from core.errors import StudyError, UsageError
from core.gguf import GgufError, read_header
from core.i18n import tr
from core.paths import default_paths
from core.text import clean_line


def named_models(files: Sequence[Path]) -> dict[str, str]:
    """Check GGUF files and name them after themselves.

    Raises:
        UsageError: one is missing or is no GGUF file, or two would have the same name.
    """
    models: dict[str, str] = {}
    for file in files:
        path = file.expanduser().resolve()
        try:
            read_header(path)
        except (OSError, GgufError) as error:
            raise UsageError(
                "error.embedded.model", path=clean_line(str(file)), reason=clean_line(str(error))
            ) from error
        name = name_for_file(path)
        if name in models:
            raise UsageError("error.embedded.twice", name=name)
        models[name] = str(path)
    return models


def serve(
    *, host: str = "127.0.0.1", port: int = 11434, models: Sequence[Path] = (), parallel: int = 4, num_ctx: int = 2048,
    threads: int = 0, queue: int = 32, token: str | None = None, log_file: Path | None = None,
    models_dir: Path | None = None,
) -> int:  # fmt: skip
    """Run the engine until Ctrl-C or SIGTERM; a crash restarts it.

    Args:
        host: Address to listen on. Other than loopback it is open to the network: give a token.
        port: TCP port.
        models: GGUF files of the user's own, served next to the bundled models.
        parallel: Slots of each model.
        num_ctx: Context of each slot, tokens.
        threads: Generation threads; 0: all cores but one.
        queue: Requests that may wait.
        token: Bearer token clients must send; ``None``: none.
        log_file: Where the engine's own output goes; default: the state directory.
        models_dir: Where pulled models live; default: in the data directory.

    Returns:
        Exit status: 0 stopped by the user, 1 it died for good.

    Raises:
        StudyError: a model is unusable, the port is taken, the engine cannot start.
    """
    config = EngineConfig(
        models=named_models(models), parallel=parallel, num_ctx=num_ctx, threads=threads, queue=queue,
        host=host, port=port, keep_alive="5m", models_dir=str(models_dir or default_paths().models_dir),
    )  # fmt: skip
    return asyncio.run(_run(config, token or "", log_file or default_paths().engine_log))


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


async def _run(config: EngineConfig, token: str, log_file: Path) -> int:
    done = asyncio.Event()
    dead = False

    def on_state(state: SupervisorState, reason: str) -> None:
        nonlocal dead
        if state == "restarting":
            _say(tr("embedded.serve.restarting", reason=reason))
        elif state == "down" and reason:
            _say(str(StudyError("error.embedded.down", reason=reason, log=log_file)))
            dead = True
            done.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, done.set)
    supervisor = Supervisor(config, log_file=log_file, on_state=on_state, token=token)
    endpoint = await supervisor.start()
    _say(tr("embedded.serve.listening", url=endpoint.url))
    if not token and not is_loopback(config.host):
        _say(tr("embedded.serve.open", host=config.host))
    names = ", ".join(config.models) or "—"
    _say(tr("embedded.serve.models", names=names, log=log_file))
    await done.wait()
    await supervisor.stop()
    return 1 if dead else 0
