"""The room's desk at the runtime: methods that return at once, with futures."""

from __future__ import annotations

from core.ground import Ground


class Containers:
    """Starts, watches and stops the compose service's container.

    Args:
        ground: What it works on.
    """

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    async def close(self) -> None:
        """Stop what runs, on the runtime's loop."""
