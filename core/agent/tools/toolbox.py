"""The two first tools as methods: what the graph used before :mod:`core.agent.tools.runner`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.agent import semconv
from core.agent.arithmetic import calculate, normalise
from core.agent.spans import Recorder
from core.agent.tools.documents import HITS, passages
from core.agent.tools.documents import citation as _citation
from core.agent.tools.documents import summary as _summary
from core.agent.types import Search
from core.events import Citation
from core.i18n import tr
from core.text import clean_line

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool


@dataclass
class Toolbox:
    """The tools of one run and what they found."""

    recorder: Recorder
    search: Search
    citations: tuple[Citation, ...] = ()
    """Passages found by ``search_documents``, numbered as the model sees them."""

    def calculator(self, expression: str) -> str:
        """Evaluate an arithmetic expression; returns ``"expression = result"``."""
        return tr("agent.calculated", expression=_readable(expression), result=calculate(expression))

    async def search_documents(self, query: str) -> str:
        """Search the user's documents; returns numbered passages, or a sentence saying there are none."""
        async with self.recorder.span(
            "retrieval", "retrieval", {semconv.OPERATION: "retrieval", semconv.QUERY_TEXT: query}
        ) as attributes:
            hits = await self.search(query, HITS)
            attributes["name"] = f"retrieval  {len(hits)} hits"
            attributes[semconv.RETRIEVED] = [_summary(hit) for hit in hits]
        first = len(self.citations) + 1
        found = tuple(_citation(number, hit) for number, hit in enumerate(hits, first))
        self.citations += found
        return passages(found) if found else tr("agent.no_hits")


def _readable(expression: str) -> str:
    """Write the expression as it was understood, so that ``2^10`` is seen to be a power."""
    return clean_line(normalise(expression), max_chars=120) if "^" in expression else clean_line(expression)


def langchain_tools(box: Toolbox, names: Sequence[str]) -> list[BaseTool]:
    """Wrap the tools for LangChain. Arguments are flat and typed: nested schemas are lost on Ollama's wire."""
    from langchain_core.tools import StructuredTool

    def calculator(expression: str) -> str:
        return box.calculator(expression)

    async def search_documents(query: str) -> str:
        return await box.search_documents(query)

    made = {
        "calculator": StructuredTool.from_function(
            func=calculator,
            name="calculator",
            description="Evaluate arithmetic, e.g. 12*34, 15% of 3000, sqrt(2), 2^10.",
        ),
        "search_documents": StructuredTool.from_function(
            coroutine=search_documents,
            name="search_documents",
            description="Search the user's own documents (company rules, manuals, notes). Cite passages as [1].",
        ),
    }
    return [made[name] for name in names]
