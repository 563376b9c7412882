"""What can go wrong in a tool, and whether trying again can help."""

from __future__ import annotations

from core.errors import StudyError

RETRIED_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504, 507, 508, 520, 522, 524})
"""HTTP answers after which the same request may succeed."""


class HttpFailed(StudyError):
    """A service answered with an error.

    Args:
        service: Its name, for the sentence.
        status: The HTTP status.
        retry_after: Seconds it asked to wait, when it did.
        reason: What it said, cleaned.
    """

    def __init__(
        self, service: str, status: int, *, retry_after: float | None = None, reason: str = ""
    ) -> None:
        super().__init__("error.tool.http", service=service, status=status, reason=reason or "—")
        self.status = status
        self.retry_after = retry_after


class Unreachable(StudyError):
    """No answer: no network, no route, refused, cut, or too slow."""

    def __init__(self, service: str, reason: str) -> None:
        super().__init__("error.tool.unreachable", service=service, reason=reason)
        self.reason = reason


class ServerGone(Unreachable):
    """An MCP server is not running, ended, or does not answer as one."""

    def __init__(self, server: str, reason: str) -> None:
        StudyError.__init__(self, "error.mcp.gone", server=server, reason=reason)
        self.reason = reason


def can_be_retried(error: BaseException) -> bool:
    """Say whether the same call may succeed when it is made again."""
    if isinstance(error, HttpFailed):
        return error.status in RETRIED_STATUS
    return isinstance(error, Unreachable | ConnectionError)
