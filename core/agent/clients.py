"""The clients of the models a run talks to."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from core.settings import Settings

if TYPE_CHECKING:
    from core.engines import Engine


class ChatModels:
    """Makes a ``ChatOllama`` of ours for a model, where the engine is now. Kept: making one takes 90 ms, most of it reading
    certificates."""

    def __init__(self, engine: Callable[[], Engine], settings: Settings) -> None:
        self._engine = engine
        self._settings = settings
        self._url = ""
        self._made: dict[str, Any] = {}

    def get(self, model: str) -> Any:
        """Return the client of a model."""
        connection = self._engine().chat_client_kwargs()
        url = f"{connection['base_url']} {connection.get('headers')}"
        if url != self._url:
            # The embedded engine is somewhere else after a restart.
            self._url, self._made = url, {}
        if model not in self._made:
            self._made[model] = self._new(model, connection)
        return self._made[model]

    def _new(self, model: str, connection: dict[str, Any]) -> Any:
        import httpx

        from core.agent.speak import note_request, options_of
        from core.agent.streamed import StreamedChat

        return StreamedChat(
            model=model,
            base_url=connection["base_url"],
            # Without trust_env=False, an HTTP_PROXY of the environment would come between us and the loopback address.
            client_kwargs={
                "headers": connection.get("headers") or {},
                "timeout": httpx.Timeout(self._settings.request_timeout, connect=5.0),
                "trust_env": connection.get("trust_env", True),
            },
            async_client_kwargs={"event_hooks": {"request": [note_request]}},
            keep_alive=self._settings.keep_alive,
            cache=False,
            **options_of(self._settings),
        )
