"""``search_documents``: passages of the user's own documents, numbered for citing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core.agent import semconv
from core.agent.tools.language import said
from core.agent.types import Tool, ToolContext, ToolResult
from core.events import Citation, Hit
from core.text import clean, clean_line

HITS = 4
"""Passages fetched for one question."""


async def _call(context: ToolContext, arguments: Mapping[str, Any]) -> ToolResult:
    query = arguments["query"]
    if context.search is None:
        text = said(context, "agent.no_documents")
        return ToolResult(text, text)
    async with context.recorder.span(
        "retrieval", "retrieval", {semconv.OPERATION: "retrieval", semconv.QUERY_TEXT: query}
    ) as attributes:
        hits = await context.search(query, HITS)
        attributes["name"] = f"retrieval  {len(hits)} hits"
        attributes[semconv.RETRIEVED] = [summary(hit) for hit in hits]
    first = len(context.citations) + 1
    found = tuple(citation(number, hit) for number, hit in enumerate(hits, first))
    context.citations.extend(found)
    if not found:
        text = said(context, "agent.no_hits")
        return ToolResult(text, text)
    return ToolResult(passages(found), citations=found, data={"passages": len(found)})


def passages(citations: Sequence[Citation]) -> str:
    """Write passages for a model: ``[1] document › section`` and the text under it."""
    return "\n\n".join(f"[{item.number}] {item.document} › {item.section}\n{item.text}" for item in citations)


def citation(number: int, hit: Hit) -> Citation:
    """Number a passage."""
    return Citation(
        number=number,
        document_id=hit.document_id,
        document=clean_line(hit.document),
        section=clean_line(hit.section),
        chunk_id=hit.chunk_id,
        text=clean(hit.text, max_chars=2000),
        score=hit.score,
    )


def summary(hit: Hit) -> dict[str, object]:
    """Write a passage for the trace."""
    return {
        "document": clean_line(hit.document),
        "section": clean_line(hit.section),
        "chunk_id": hit.chunk_id,
        "score": round(hit.score, 4),
        "vector_score": hit.vector_score,
        "keyword_score": hit.keyword_score,
        "text": clean(hit.text, max_chars=500),
    }


TOOL = Tool(
    name="search_documents",
    description="Search the user's own documents (company rules, manuals, notes). Cite passages as [1].",
    schema={
        "type": "object",
        "properties": {"query": {"type": "string", "description": "What to look for, in the user's words."}},
        "required": ["query"],
    },
    call=_call,
    timeout_s=30.0,
    retries=1,
    max_chars=12_000,
    untrusted=True,
)
