"""Why a file does not become text."""

from __future__ import annotations


class LoadError(Exception):
    """A file that cannot become text; ``reason`` says why."""

    def __init__(self, reason: str, **params: str) -> None:
        self.reason = reason
        self.params = params
        super().__init__(reason)
