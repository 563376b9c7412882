"""The session store for commands that need no engine."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from core.errors import StudyError
from core.paths import Paths
from core.session import Store


@contextlib.contextmanager
def opened(paths: Paths) -> Iterator[Store]:
    """Open the store, and close it at the end.

    Raises:
        StudyError: The data directory cannot be made, or the file cannot be used.
    """
    try:
        paths.ensure()
    except OSError as error:
        raise StudyError("error.data_dir", path=paths.data, reason=error) from error
    store = Store.open(paths.session_db)
    try:
        yield store
    finally:
        store.close()
