"""Recorded runs, for the interfaces."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.ground import Ground

if TYPE_CHECKING:
    from core.runtime import Runtime


class Traces:
    """Recorded runs, to look at and to repeat."""

    def __init__(self, ground: Ground, runtime: Runtime) -> None:
        self._ground = ground
        self._runtime = runtime
