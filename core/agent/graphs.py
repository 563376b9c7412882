"""The agent's LangGraph graphs: ``create_agent`` with one middleware of ours (:mod:`core.agent.graph`)."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from langchain.agents import create_agent

from core.agent.graph import Conduct
from core.agent.tools.wrapped import structured
from core.agent.types import Tool

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

KEPT = 8


class Graphs:
    """Compiled graphs. Compiling takes 15 ms, half of what an answer would wait for the agent, so one serves every run
    with the same tools."""

    def __init__(self) -> None:
        self._built: OrderedDict[Any, Any] = OrderedDict()

    def get(self, model: BaseChatModel, tools: Iterable[Tool], checkpointer: Any = None) -> Any:
        """Return the graph for these tools; runs set :data:`core.agent.state.running` before they go through it."""
        known = tuple((one.name, one.description, json.dumps(one.schema, sort_keys=True)) for one in tools)
        # The model of each call is the run's own: see Speaker.
        key = (known, id(checkpointer))
        if key not in self._built:
            self._built[key] = create_agent(
                model, tools=structured(tools), middleware=[Conduct()], checkpointer=checkpointer
            )
            if len(self._built) > KEPT:
                self._built.popitem(last=False)
        self._built.move_to_end(key)
        return self._built[key]
