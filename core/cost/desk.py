"""What calls, runs and sessions took, for the interfaces."""

from __future__ import annotations

from core.ground import Ground


class Costs:
    """What calls, runs and sessions took."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
