"""How much of a file the system has cached, and dropping it, without being root."""

from __future__ import annotations

import ctypes
import mmap
import os
from pathlib import Path


def can_drop() -> bool:
    """Say whether this system can drop a file from its cache."""
    return hasattr(os, "posix_fadvise")


def drop(path: Path) -> None:
    """Ask the system to forget a file's pages. Pages that a process maps stay, so look at :func:`share` after.

    Raises:
        OSError: The file cannot be opened.
    """
    handle = os.open(path, os.O_RDONLY)
    try:
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(handle)


def share(path: Path) -> float | None:
    """Return how much of a file is in the page cache, 0 to 1; ``None`` where that cannot be told."""
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if not size:
                return None
            # A private, writable mapping that is never written: ctypes can only take the address of such a one.
            with mmap.mmap(
                file.fileno(), size, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ | mmap.PROT_WRITE
            ) as view:
                pages = (size + mmap.PAGESIZE - 1) // mmap.PAGESIZE
                resident = (ctypes.c_ubyte * pages)()
                start = ctypes.c_char.from_buffer(view)
                try:
                    libc = ctypes.CDLL(None, use_errno=True)
                    failed = libc.mincore(
                        ctypes.c_void_p(ctypes.addressof(start)),
                        ctypes.c_size_t(size),
                        ctypes.byref(resident),
                    )
                finally:
                    del start
                return None if failed else sum(byte & 1 for byte in resident) / pages
    except (OSError, ValueError, AttributeError, BufferError):
        return None
