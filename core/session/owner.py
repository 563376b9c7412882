"""Who holds a session, a run or a job: a process, told apart from a later one with the same id."""

from __future__ import annotations

import functools
import os

import psutil


@functools.cache
def me() -> tuple[int, float]:
    """Return this process's id and start time (Unix seconds)."""
    pid = os.getpid()
    return pid, psutil.Process(pid).create_time()


def alive(pid: int | None, started: float | None) -> bool:
    """Say whether the process that wrote ``(pid, started)`` still runs."""
    if not pid or started is None:
        return False
    try:
        process = psutil.Process(pid)
        # The start time is derived from clock ticks since boot: allow for rounding and small clock steps.
        same = abs(process.create_time() - started) < 2
        return bool(same and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False
