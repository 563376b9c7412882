"""From the core's background threads to the interface's loop: one wake-up for any number of events."""

from __future__ import annotations

import threading
from collections import deque

from textual.message import Message
from textual.message_pump import MessagePump

from core.events import Event


class CoreEvents(Message):
    """There are events to take from the bridge."""


class Bridge:
    """A queue that posts one message when it stops being empty, so that fast streams cost one wake-up a frame."""

    def __init__(self, target: MessagePump) -> None:
        self._target = target
        self._events: deque[Event] = deque()
        self._lock = threading.Lock()
        self._woken = False

    def put(self, event: Event) -> None:
        """Hand over an event. Called from any thread; cheap, and safe after the app has gone."""
        with self._lock:
            self._events.append(event)
            wake, self._woken = not self._woken, True
        if wake:
            self.wake()

    def wake(self) -> None:
        """Tell the target; a loop that is closing already needs to know nothing."""
        try:
            self._target.post_message(CoreEvents())
        except RuntimeError:
            with self._lock:
                self._woken = False

    def take(self) -> list[Event]:
        """Return all events that wait, oldest first."""
        with self._lock:
            events, self._woken = list(self._events), False
            self._events.clear()
        return events
