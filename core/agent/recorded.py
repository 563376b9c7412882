"""Tool calls of recorded runs: read back out of their spans, and kept with a run that is made from them."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.agent import semconv
from core.agent.types import Docs, RecordedTool, ToolResult
from core.events import Citation, Span
from core.session.chat import new_id

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage

    from core.agent.spans import Recorder


@dataclass(frozen=True)
class Given:
    """What a run that was made from another one is given of it."""

    recorded: tuple[RecordedTool, ...] | None = None
    """Results in place of calling the tools; ``None``: tools are called."""
    first: tuple[RecordedTool, ...] = ()
    """Steps it begins with, as if it had made them."""
    edited: bool = False
    """The last of them has a result the user wrote."""

    def options(self) -> dict[str, Any]:
        """Return it as it is kept with the run, so that the run goes on alike after a crash."""
        found: dict[str, Any] = {}
        if self.recorded is not None:
            found["recorded"] = to_json(self.recorded)
        if self.first:
            found |= {"first": to_json(self.first), "edited": self.edited}
        return found


NOTHING = Given()


def docs_of(options: Mapping[str, Any]) -> Docs:
    """Read from a run's options whether, and where, the documents were to be searched whatever the router said."""
    docs = options.get("docs")
    return docs if isinstance(docs, str) else bool(docs)


def given_of(options: Mapping[str, Any]) -> Given:
    """Read what a run was given."""
    recorded = from_json(options.get("recorded"))
    first = from_json(options.get("first")) or ()
    return Given(None if recorded is None else tuple(recorded), tuple(first), bool(options.get("edited")))


def recorded_tools(spans: Sequence[Span], before: str = "") -> list[RecordedTool]:
    """Return the tool calls of a run that came to an end, in order.

    Args:
        before: Only those before this span.
    """
    found: list[RecordedTool] = []
    for span in spans:
        if span.id == before:
            break
        if span.kind == "tool" and span.status in ("ok", "error"):
            found.append(recorded_tool(span, spans))
    return found


def recorded_tool(span: Span, spans: Sequence[Span] = ()) -> RecordedTool:
    """Read a tool call and its result out of its span.

    Args:
        spans: Of the same run: passages of older recordings are in the span of the search.
    """
    seen = span.attributes
    text = str(seen.get(semconv.TOOL_RESULT, ""))
    ok = span.status == "ok"
    arguments = seen.get(semconv.TOOL_ARGUMENTS)
    return RecordedTool(
        str(seen.get(semconv.TOOL_NAME, "")),
        dict(arguments) if isinstance(arguments, Mapping) else {},
        ToolResult(
            text,
            str(seen.get(semconv.TOOL_ANSWER, "")) if ok else str(seen.get(semconv.TOOL_ANSWER, text)),
            ok=ok,
            error="" if ok else str(seen.get(semconv.ERROR_TYPE, "error.agent.tool")),
            citations=_citations(seen.get(semconv.TOOL_CITATIONS)) or _retrieved(span, spans),
        ),
    )


def edited(known: RecordedTool, text: str) -> RecordedTool:
    """Return a tool call with another result: the user's."""
    # A passage that was found is read out of the citation, so that is where the edit has to be.
    citations = tuple(dataclasses.replace(one, text=text) for one in known.result.citations[:1])
    return dataclasses.replace(known, result=ToolResult(text, citations=citations))


# -- kept with a run, so that it goes on alike after a crash ------------------------------------------------


def to_json(tools: Iterable[RecordedTool]) -> list[dict[str, Any]]:
    """Return tool calls as JSON values."""
    return [
        {
            "tool": one.tool,
            "arguments": dict(one.arguments),
            "text": one.result.text,
            "answer": one.result.answer,
            "error": "" if one.result.ok else one.result.error or "error.agent.tool",
            "citations": [dataclasses.asdict(item) for item in one.result.citations],
        }
        for one in tools
    ]


def from_json(values: object) -> list[RecordedTool] | None:
    """Read them back; ``None`` when there are none."""
    if not isinstance(values, list):
        return None
    return [
        RecordedTool(
            str(one.get("tool", "")),
            dict(one.get("arguments") or {}),
            ToolResult(
                str(one.get("text", "")),
                str(one.get("answer", "")),
                ok=not one.get("error"),
                error=str(one.get("error") or ""),
                citations=_citations(one.get("citations")),
            ),
        )
        for one in values
        if isinstance(one, dict)
    ]


# -- steps a run begins with ---------------------------------------------------------------------------------


def as_messages(tools: Iterable[RecordedTool]) -> list[BaseMessage]:
    """Write tool calls as the messages they left in the graph's state: each call and its result."""
    from langchain_core.messages import AIMessage, ToolMessage

    from core.agent.state import artifact_of

    found: list[BaseMessage] = []
    for one in tools:
        call_id = f"call_{new_id()}"
        call = {"name": one.tool, "args": dict(one.arguments), "id": call_id, "type": "tool_call"}
        found += [
            AIMessage(content="", tool_calls=[call]),
            ToolMessage(
                one.result.text, tool_call_id=call_id, name=one.tool, artifact=artifact_of(one.result),
                status="success" if one.result.ok else "error",
            ),
        ]  # fmt: skip
    return found


async def note(recorder: Recorder, given: Given) -> None:
    """Show the steps a run begins with in its trace."""
    for at, one in enumerate(given.first):
        seen: dict[str, Any] = {
            semconv.OPERATION: "execute_tool",
            semconv.TOOL_NAME: one.tool,
            semconv.TOOL_ARGUMENTS: dict(one.arguments),
            semconv.TOOL_RESULT: one.result.text,
            semconv.RECORDED: True,
        }
        if one.result.answer:
            seen[semconv.TOOL_ANSWER] = one.result.answer
        if one.result.citations:
            seen[semconv.TOOL_CITATIONS] = [dataclasses.asdict(item) for item in one.result.citations]
        if given.edited and at == len(given.first) - 1:
            seen[semconv.TOOL_EDITED] = True
        if not one.result.ok:
            seen[semconv.ERROR_TYPE] = one.result.error
        await recorder.note(f"execute_tool {one.tool}", "tool", time.time(), seen)


def _citations(values: object) -> tuple[Citation, ...]:
    """Read passages; what is not one is left out."""
    found: list[Citation] = []
    for one in values if isinstance(values, list) else ():
        try:
            found.append(Citation(**one))
        except TypeError:
            continue
    return tuple(found)


def _retrieved(span: Span, spans: Sequence[Span]) -> tuple[Citation, ...]:
    """Find the passages of a search in the span under its tool call."""
    below = next((one for one in spans if one.parent_id == span.id and one.kind == "retrieval"), None)
    passages = below.attributes.get(semconv.RETRIEVED) if below is not None else None
    if not isinstance(passages, list):
        return ()
    return tuple(
        Citation(
            number,
            str(one.get("document_id", "")),
            str(one.get("document", "")),
            str(one.get("section", "")),
            str(one.get("chunk_id", "")),
            str(one.get("text", "")),
            float(one.get("score") or 0.0),
        )
        for number, one in enumerate(passages, 1)
        if isinstance(one, dict)
    )
