"""One process at a time writes an index."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from core.errors import StudyError


class WriterLock:
    """An advisory lock file beside the index; the kernel frees it when its process dies.

    Taken once for several jobs of this process, and freed with the last.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = -1
        self._holders = 0

    def acquire(self) -> None:
        """Take the lock.

        Raises:
            StudyError: ``error.rag.busy`` when another process has it; ``error.data_dir`` when it cannot be made.
        """
        if self._holders == 0:
            self._descriptor = self._lock()
        self._holders += 1

    def release(self) -> None:
        """Give it back."""
        self._holders -= 1
        if self._holders == 0:
            os.close(self._descriptor)

    def _lock(self) -> int:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StudyError("error.data_dir", path=self._path.parent, reason=error) from error
        try:
            _taken(descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor


def _taken(descriptor: int) -> None:
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        owner = os.read(descriptor, 32).decode("ascii", "replace").strip() or "?"
        raise StudyError("error.rag.busy", pid=owner) from error
    with contextlib.suppress(OSError):  # who has it is only for the message
        os.ftruncate(descriptor, 0)
        os.write(descriptor, str(os.getpid()).encode())
