"""Which tool routes a trial takes: the model's own, or one forced on it to see how bad it is."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, cast

from core.agent.routes import choose_route
from core.events import Route
from core.lab.faulty.matrix import ROUTES
from core.lab.options import choices
from core.settings import Settings


@dataclass(frozen=True, slots=True)
class Forced:
    """An engine and the route its model takes."""

    engine: Any
    route: Route
    forced: bool
    """It is not the route this model would get."""

    def settings(self, settings: Settings) -> Settings:
        """Return the settings with which the agent takes this route."""
        return dataclasses.replace(settings, routes={**settings.routes, self.engine.model: self.route})


def own_route(engine: Any) -> Route:
    """Return the route the engine's model gets."""
    details = getattr(engine, "details", None)
    if details is None:
        return "routed"
    return choose_route(engine.model, details.capabilities, details.parameter_count)[0]


def forced_routes(engine: Any, settings: Settings, given: str) -> list[Forced]:
    """Return the routes asked for.

    Args:
        engine: The engine in use.
        settings: The program's.
        given: Routes with commas; empty: the model's own.

    Raises:
        UsageError: No such route.
    """
    own = own_route(engine)
    return [
        Forced(engine, cast(Route, name), name != own)
        for name in choices("routes", given, ROUTES, empty=(own,))
    ]
