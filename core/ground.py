"""What the rooms behind the runtime stand on: the store, the engine and a way to run and tell things."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from core.events import Event
from core.paths import Paths
from core.session import Store
from core.settings import Settings

if TYPE_CHECKING:
    from core.engines import Engine
    from core.telemetry import Hub

T = TypeVar("T")


class Call(Protocol):
    """Runs a coroutine on the runtime's event loop, from any thread."""

    def __call__(self, work: Coroutine[Any, Any, T], /) -> Future[T]:
        """Start it; the future resolves on the loop's thread."""
        ...


@dataclass(frozen=True)
class Ground:
    """Handed to each room's desk by :class:`core.runtime.Runtime`."""

    settings: Settings
    paths: Paths
    call: Call
    emit: Callable[[Event], None]
    """Tell everybody who watches. Any thread; returns at once."""
    store: Callable[[], Awaitable[Store]]
    """Wait for the store (on the runtime's loop)."""
    engine: Callable[[], Awaitable[Engine]]
    """Wait for the engine (on the runtime's loop)."""
    store_now: Callable[[], Store | None]
    """The store if it is open. Any thread."""
    hub: Callable[[], Hub | None]
    """The sampler if it runs."""
