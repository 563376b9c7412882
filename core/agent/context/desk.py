"""The user's long-term memory, for the interfaces."""

from __future__ import annotations

from core.ground import Ground


class Facts:
    """What the user asked to remember."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
