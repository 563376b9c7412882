"""The engine's process: ``python -m core.embedded``.

Reads one JSON line of configuration from standard input (so that the token is in no argument list and no
environment), prints one JSON line with its address, and serves until it is told to stop or its standard input ends,
which is what happens when its parent dies, however that dies.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import stat
import sys
from pathlib import Path

from core.embedded import parent
from core.embedded.config import EngineConfig, read_config
from core.embedded.engine import Engine, say

DRAIN_SECONDS = 3.0
"""How long running answers may take to end after a stop was asked for."""
LOG_LIMIT = 4 << 20
LOG_KEEP = 256 << 10
_HOUSEKEEPING_SECONDS = 5.0
_PRELOAD_SECONDS = 0.5


def _take_over_output() -> int:
    """Keep the announcement's channel to ourselves; everything native code prints goes to the log (stderr)."""
    channel = os.dup(1)
    os.dup2(2, 1)
    return channel


def _trim_log() -> None:
    """Keep the log file small. It is open for appending, so cutting it is safe."""
    with contextlib.suppress(OSError):
        state = os.fstat(2)
        if not stat.S_ISREG(state.st_mode) or state.st_size <= LOG_LIMIT:
            return
        with Path("/proc/self/fd/2").open("rb") as log:
            log.seek(-LOG_KEEP, os.SEEK_END)
            tail = log.read()
        os.ftruncate(2, 0)
        os.write(2, tail[tail.find(b"\n") + 1 :])


def _bind(host: str, port: int) -> socket.socket:
    """Listen. A wished-for port other than 0 must be free."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named because asyncio turns Nagle's delay (40 ms for each token) off only where it is.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen(256)
    listener.set_inheritable(False)
    return listener


def _url(config: EngineConfig, port: int) -> str:
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(config.host, config.host)
    return f"http://[{host}]:{port}" if ":" in host and not host.startswith("[") else f"http://{host}:{port}"


async def _serve(config: EngineConfig, token: str, listener: socket.socket, channel: int) -> None:
    import uvicorn

    from core.embedded.app import build

    engine = Engine(config)
    server = uvicorn.Server(
        uvicorn.Config(
            build(engine, token=token), lifespan="off", access_log=False, log_config=None, server_header=False,
            date_header=False, ws="none", timeout_keep_alive=75, timeout_graceful_shutdown=int(DRAIN_SECONDS),
        )
    )  # fmt: skip
    loop = asyncio.get_running_loop()

    def stop() -> None:
        server.should_exit = True

    parent.watch(lambda: loop.call_soon_threadsafe(stop))
    with contextlib.suppress(OSError):
        os.write(
            channel, json.dumps({"url": _url(config, listener.getsockname()[1]), "pid": os.getpid()}).encode()
        )
        os.write(channel, b"\n")
        os.close(channel)
    tasks: set[asyncio.Task[object]] = {loop.create_task(_housekeeping())}
    if engine.store is not None:
        tasks.add(loop.create_task(asyncio.to_thread(engine.store.sweep)))
    if config.preload:
        tasks.add(loop.create_task(_preload(engine)))
    await server.serve(sockets=[listener])


async def _preload(engine: Engine) -> None:
    """Load the model people will ask for, a moment after the start; a request for it does not wait for this.

    llama.cpp holds Python's lock while it loads, about a second: whoever started us asks for version and models
    first, and should not have to wait for that.
    """
    await asyncio.sleep(_PRELOAD_SECONDS)
    model = engine.registry.first_chat(engine.config.first)
    # Whoever asked for another model in the meantime must not lose it again.
    if model is not None and not engine.scheduler.runners:
        await engine.scheduler.preload(model)


async def _housekeeping() -> None:
    while True:
        _trim_log()
        await asyncio.sleep(_HOUSEKEEPING_SECONDS)


def main() -> int:
    """Run the engine; returns the exit status."""
    channel = _take_over_output()
    # Ctrl-C in the terminal is the parent's business.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    config, token = read_config(sys.stdin.buffer.readline().decode("utf-8"))
    try:
        listener = _bind(config.host, config.port)
    except OSError as error:
        os.write(channel, json.dumps({"error": str(error), "errno": error.errno}).encode() + b"\n")
        return 1
    say(f"engine starts, process {os.getpid()}")
    asyncio.run(_serve(config, token, listener, channel))
    say("engine stopped")
    # llama.cpp's threads are not Python's to join.
    sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
