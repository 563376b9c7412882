"""The user's words to permission questions: written, and waited for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from core.errors import StudyError
from core.events import Event, PermissionAnswered, RunStarted
from core.session import Store, chat, permissions
from core.session.rows import Answer


class Words:
    """Answers to permission questions.

    Args:
        store: Where questions and answers are.
        emit: Told when one was answered.
    """

    def __init__(self, store: Store, emit: Callable[[Event], None]) -> None:
        self._store = store
        self._emit = emit
        self._given: dict[str, asyncio.Event] = {}
        """By run: set when a question of it was answered."""

    async def give(self, request_id: str, word: Answer) -> str:
        """Write the user's word; returns the run that waits for it.

        Raises:
            StudyError: The question is not open any more.
        """
        request = await asyncio.wrap_future(permissions.answer(self._store, request_id, word))
        if request is None:
            raise StudyError("error.permission.gone")
        self._emit(PermissionAnswered(request))
        waiting = self._given.get(request.run_id)
        if waiting is not None:
            waiting.set()
        return request.run_id

    async def close(self, run_id: str) -> None:
        """A run that ended asks nothing any more."""
        for request in await asyncio.to_thread(permissions.unanswered, self._store, run_id=run_id):
            closed = await asyncio.wrap_future(permissions.answer(self._store, request.id, "deny"))
            if closed is not None:
                self._emit(PermissionAnswered(closed))

    async def wait(self, run: RunStarted) -> float:
        """Wait until every question of a run is answered; returns for how long, in seconds."""
        given = self._given.setdefault(run.run_id, asyncio.Event())
        began = time.monotonic()
        waited = False
        try:
            while True:
                given.clear()
                if not await asyncio.to_thread(permissions.unanswered, self._store, run_id=run.run_id):
                    break
                if not waited:
                    await asyncio.wrap_future(chat.set_waiting(self._store, run, True))
                    waited = True
                await given.wait()
            if waited:
                await asyncio.wrap_future(chat.set_waiting(self._store, run, False))
        finally:
            self._given.pop(run.run_id, None)
        return time.monotonic() - began
