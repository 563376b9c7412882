"""What can go wrong with the engine's process itself; answers of the engine are the client's to explain."""

from __future__ import annotations

from core.errors import StudyError


class EngineStartError(StudyError):
    """The process ended before it listened, or could not be started."""

    exit_code = 3


class PortTakenError(EngineStartError):
    """Somebody else listens on the port asked for."""
