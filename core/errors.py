"""Errors a user may see: one sentence saying what is wrong, one saying what to do, in their language."""

from __future__ import annotations

from typing import Any

from core.i18n import has, tr


class StudyError(Exception):
    """A failure with an explanation. Everything shown to a user is one of these.

    ``key`` names a message in :mod:`core.i18n`; ``key + ".fix"``, when there is one, names the remedy.

    Args:
        key: Message key, e.g. ``"error.engine.unreachable"``.
        params: Values for the message's ``{placeholders}``.
    """

    exit_code = 1
    """What the command line exits with: 1 the work failed, 2 wrong usage, 3 no engine."""

    def __init__(self, key: str, **params: Any) -> None:
        self.key = key
        self.params = params
        super().__init__(key)

    @property
    def message(self) -> str:
        """What is wrong, one sentence in the current language."""
        return tr(self.key, **self.params)

    @property
    def fix(self) -> str:
        """What to do about it, one sentence, or ``""``."""
        key = f"{self.key}.fix"
        return tr(key, **self.params) if has(key) else ""

    def __str__(self) -> str:
        return f"{self.message} {self.fix}".strip()


class UsageError(StudyError):
    """The user asked for something that cannot be: a bad flag, path, name or setting."""

    exit_code = 2


class NoEngineError(StudyError):
    """No engine answered and none could be started."""

    exit_code = 3
