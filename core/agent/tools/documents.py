"""``search_documents``: passages of the user's own documents, numbered for citing."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from core.agent import semconv
from core.agent.answers.guard import delimited
from core.agent.answers.pack import pack, unique
from core.agent.answers.sentences import sentences
from core.agent.context.counter import estimate
from core.agent.quoting import nearest_sentences
from core.agent.tools.language import said
from core.agent.types import Tool, ToolContext, ToolResult
from core.events import Citation, Hit
from core.text import clean, clean_line

HITS = 4
"""Passages given for one question."""
SPARE = 4
"""Fetched beyond those, since some say the same."""
PASSAGE_CHARS = 2_000
"""A longer passage is cut at the ends of sentences, around the place found."""
ANSWERABLE = 0.22
"""Score of the best passage below which the documents are taken to have no answer.

Only where the search itself does not say: :class:`core.rag.types.SearchResult` does. On the training questions of the
sample corpus 3 of 105 with an answer fall below it.
"""
SURE = 0.5
"""Confidence of the search below which it is said without a "probably" that the documents have no answer. Of the sample's
training questions with an answer 4 % are below it in cross-validation, and 9 % below the search's own bar."""
SNIPPET_CHARS = 160
"""What is shown of a passage that came nearest."""
UNSURE = (
    "The search found nothing that clearly answers the question. Say that it is not in the documents, unless a passage "
    "below does answer it."
)


async def _call(context: ToolContext, arguments: Mapping[str, Any]) -> ToolResult:
    query, collection = arguments["query"], clean_line(arguments.get("collection") or "", max_chars=100)
    where = {"collection": collection} if collection else {}
    seen = {semconv.COLLECTION: collection} if collection else {}
    if context.search is None:
        text = said(context, "agent.no_documents")
        return ToolResult(text, text)
    async with context.recorder.span(
        "retrieval", "retrieval", {semconv.OPERATION: "retrieval", semconv.QUERY_TEXT: query, **seen}
    ) as attributes:
        found = await context.search(query, HITS + SPARE, **where)
        every = found if isinstance(found, list) else found.hits
        # In a thread: reading the words of eight passages takes 30 ms.
        hits = (await asyncio.to_thread(unique, every))[:HITS]
        told = answerable(hits) if isinstance(found, list) else found.answerable
        sure = isinstance(found, list) or found.confidence < SURE
        attributes["name"] = f"retrieval  {len(hits)} hits"
        attributes[semconv.RETRIEVED] = [summary(hit) for hit in hits]
        attributes[semconv.ANSWERABLE] = told
    first = len(context.citations) + 1
    cited = tuple(citation(number, hit) for number, hit in enumerate(hits, first))
    context.citations.extend(cited)
    if not cited:
        text = said(context, "agent.no_hits")
        return ToolResult(text, text)
    data = {"passages": len(cited), "answerable": told}
    # Estimates are from above: what is really too much is seen when the call is fitted into its window.
    packed = passages(cited, context.settings.num_ctx)
    if told:
        return ToolResult(packed, citations=cited, data=data)
    reasons = () if isinstance(found, list) else found.reasons
    unheard = next((", ".join(one.words) for one in reasons if one.code == "unheard"), "")
    answer = await not_in_documents(context, cited, sure=sure, unheard=unheard)
    return ToolResult(f"{UNSURE}\n\n{packed}", answer, citations=cited, data=data)


def answerable(hits: Sequence[Hit]) -> bool:
    """Say whether what was found is likely to have the answer in it, by scores alone."""
    return any(hit.score >= ANSWERABLE for hit in hits)


async def not_in_documents(
    context: ToolContext, nearest: Sequence[Citation], *, sure: bool = True, unheard: str = ""
) -> str:
    """Say, in the question's language, that the documents do not tell, and what came nearest. It claims nothing.

    Args:
        context: The question.
        nearest: Passages.
        sure: Leave out the "probably".
        unheard: Codes of the question that no document has: the reason is told with it.
    """
    best = await nearest_sentences(context, nearest)
    lines = []
    for item in nearest:
        place = item.document + (f" › {item.section.rsplit('›', 1)[-1].strip()}" if item.section else "")
        text = clean_line(best[item.number].text, max_chars=SNIPPET_CHARS) if item.number in best else ""
        lines.append(f"- [{item.number}] {place}" + (f": “{text}”" if text else ""))
    if unheard:
        head = said(context, "agent.unheard_in_documents", words=clean_line(unheard, max_chars=100))
    else:
        head = said(context, "agent.not_in_documents" if sure else "agent.hardly_in_documents")
    return "\n".join([head, "", *lines])


def passages(citations: Sequence[Citation], budget: int) -> str:
    """Write passages for a model, fenced and within ``budget`` tokens: the best ones, each whole."""
    return "\n\n".join(text for _, text in pack(citations, budget, estimate)) or "\n\n".join(
        delimited(citations[:1])
    )


def citation(number: int, hit: Hit) -> Citation:
    """Number a passage."""
    text = clean(hit.text)
    start, end = _part(text, hit) if len(text) > PASSAGE_CHARS else (0, len(text))
    whole = (start, end) == (0, len(text))
    return Citation(
        number=number,
        document_id=hit.document_id,
        document=clean_line(hit.document),
        section=clean_line(hit.section),
        chunk_id=hit.chunk_id,
        text=text[start:end],
        score=hit.score,
        char_start=hit.char_start + start,
        char_end=hit.char_end if whole else hit.char_start + end,
        page=hit.page,
        stale=hit.stale,
        hit_start=hit.hit_start,
        hit_end=hit.hit_end,
    )


def _part(text: str, hit: Hit) -> tuple[int, int]:
    """Return which whole sentences of a long passage are given: those from the place found on, and before it."""
    pieces = sentences(text)
    inside = hit.char_start <= hit.hit_start < hit.char_end
    at = hit.hit_start - hit.char_start if inside else 0
    first = max((place for place, one in enumerate(pieces) if one.start <= at), default=0)
    last = first
    start, end = pieces[first].start, min(pieces[first].end, pieces[first].start + PASSAGE_CHARS)
    while True:
        if last + 1 < len(pieces) and pieces[last + 1].end - start <= PASSAGE_CHARS:
            last += 1
            end = pieces[last].end
        elif first and end - pieces[first - 1].start <= PASSAGE_CHARS:
            first -= 1
            start = pieces[first].start
        else:
            return start, end


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
        "properties": {
            "query": {"type": "string", "description": "What to look for, in the user's words."},
            "collection": {
                "type": "string",
                "description": "Only in the collection of this name, if one is named.",
            },
        },
        "required": ["query"],
    },
    call=_call,
    timeout_s=30.0,
    retries=1,
    max_chars=12_000,
    untrusted=True,
)
