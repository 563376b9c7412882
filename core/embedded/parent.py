"""Dying with the parent: the engine's standard input is a pipe its parent holds, and its end is the parent's end."""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import stat
import threading
from collections.abc import Callable, Iterator

GRACE_SECONDS = 0.7
"""How long a stop may take once the parent is gone."""


def watch(stop: Callable[[], object]) -> None:
    """Call ``stop`` when standard input ends, and end the process soon after whatever happens.

    A thread of its own blocks on it, so that a busy event loop cannot miss it.
    """

    def wait() -> None:
        with contextlib.suppress(OSError):
            while os.read(0, 4096):
                pass
        stop()
        # Whatever the drain hangs on, the process ends: a dead parent must leave nothing behind.
        threading.Event().wait(GRACE_SECONDS)
        os._exit(0)

    threading.Thread(target=wait, name="parent", daemon=True).start()


@contextlib.contextmanager
def killed_with_parent() -> Iterator[None]:
    """While this lasts, the end of standard input kills the process at once.

    For calls that hold Python's lock for seconds (llama.cpp loading a model): no thread of ours could react to
    the parent's death then. The kernel can: it sends SIGIO, whose default is to end the process.
    """
    if not stat.S_ISFIFO(os.fstat(0).st_mode):
        yield
        return
    fcntl.fcntl(0, fcntl.F_SETOWN, os.getpid())
    flags = fcntl.fcntl(0, fcntl.F_GETFL)
    fcntl.fcntl(0, fcntl.F_SETFL, flags | os.O_ASYNC)
    try:
        if select.select([0], [], [], 0)[0]:
            os._exit(0)  # It ended just before.
        yield
    finally:
        fcntl.fcntl(0, fcntl.F_SETFL, flags)
