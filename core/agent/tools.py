"""The agent's tools: what each does, and the text a model reads of its result."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.agent import semconv
from core.agent.arithmetic import calculate, normalise
from core.agent.spans import Recorder
from core.events import Citation, Hit
from core.i18n import tr
from core.text import clean, clean_line

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool

Search = Callable[[str, int], Awaitable[list[Hit]]]

HITS = 4
"""Passages fetched for one question."""


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


def passages(citations: Sequence[Citation]) -> str:
    """Write passages for a model: ``[1] document › section`` and the text under it."""
    return "\n\n".join(f"[{item.number}] {item.document} › {item.section}\n{item.text}" for item in citations)


def _readable(expression: str) -> str:
    """Write the expression as it was understood, so that ``2^10`` is seen to be a power."""
    return clean_line(normalise(expression), max_chars=120) if "^" in expression else clean_line(expression)


def _citation(number: int, hit: Hit) -> Citation:
    return Citation(
        number=number,
        document_id=hit.document_id,
        document=clean_line(hit.document),
        section=clean_line(hit.section),
        chunk_id=hit.chunk_id,
        text=clean(hit.text, max_chars=2000),
        score=hit.score,
    )


def _summary(hit: Hit) -> dict[str, object]:
    return {
        "document": clean_line(hit.document),
        "section": clean_line(hit.section),
        "chunk_id": hit.chunk_id,
        "score": round(hit.score, 4),
        "vector_score": hit.vector_score,
        "keyword_score": hit.keyword_score,
        "text": clean(hit.text, max_chars=500),
    }


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
