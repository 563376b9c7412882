"""Fits one model call into its context window: counts every part, trims by policy, says what was left out.

A server cuts an over-long prompt silently from the front (system text first), so nothing longer than the window is sent.
The order of trimming: old tool results are cleared, the oldest part is summarised (when the caller can), passages go from
the lowest score, oldest whole turns are dropped. The system text and the question are never touched.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from core.agent.context.counter import Counter
from core.agent.types import Budget, Fact
from core.errors import StudyError

Summarise = Callable[[str], Awaitable[str]]
"""Makes a short text of a transcript."""

KEPT_RESULTS = 1
"""The newest tool results that are not cleared."""
WORTH_SUMMARISING = 200
"""Tokens of old messages below which dropping is cheaper than a model call."""
MESSAGE_OVERHEAD = 8
"""Tokens of a chat template around one message, from above (ChatML takes 5 or 6)."""


@dataclass(frozen=True)
class Item:
    """One earlier message."""

    role: str
    text: str
    id: str = ""
    tool: str = ""
    """Name of the tool whose result this is."""


@dataclass(frozen=True)
class Passage:
    """One retrieved passage, as it is written into the prompt."""

    text: str
    score: float = 0.0
    id: str = ""


@dataclass(frozen=True)
class Summary:
    """A text that stands for earlier messages."""

    text: str
    stands_for: tuple[str, ...]
    """Ids of the messages."""


@dataclass(frozen=True)
class FitRequest:
    """What is to be sent."""

    question: str
    num_ctx: int
    reserve: int
    """Tokens kept free for the answer."""
    counter: Counter
    system: str = ""
    tools: Sequence[Mapping[str, Any]] = ()
    """JSON schemas, as sent."""
    facts: Sequence[Fact] = ()
    memory: str = ""
    """The facts as prompt text (:func:`core.agent.context.facts.lines_as_prompt`)."""
    retrieved: Sequence[Passage] = ()
    history: Sequence[Item] = ()
    """Oldest first, without the question."""
    summary: Summary | None = None
    """The one made earlier: what it stands for is not sent again."""
    summarise: Summarise | None = None


@dataclass(frozen=True)
class Fitted:
    """What to send, and what was left out."""

    messages: tuple[tuple[str, str], ...]
    """``(role, text)``: system first, the question last."""
    budget: Budget
    history: tuple[Item, ...] = ()
    """The earlier messages kept, some cleared."""
    retrieved: tuple[Passage, ...] = ()
    """The passages kept, in the order given."""
    memory: str = ""
    """Empty when there was no room for it."""
    summary: Summary | None = None
    """In force for this call; keep it."""
    new_summary: bool = False
    """It was made now."""
    cleared: tuple[str, ...] = ()
    """Ids of tool results cleared."""
    dropped: tuple[str, ...] = ()
    """Ids of messages left out."""
    left_out: tuple[str, ...] = field(default=())
    """Ids of passages left out."""


def placeholder(tool: str) -> str:
    """Return what stands for a cleared result."""
    return f"[result of {tool or 'a tool'} cleared to save room]"


async def fit(request: FitRequest) -> Fitted:
    """Fit a call into ``request.num_ctx``.

    Raises:
        StudyError: ``error.context.question`` when system text, tools, question and reserve alone do not fit.
    """
    count = request.counter.count
    system = await count(request.system) + MESSAGE_OVERHEAD if request.system else 0
    tools = await count(json.dumps(list(request.tools), ensure_ascii=False)) if request.tools else 0
    # The template's opening of the answer counts with the question.
    question = await count(request.question) + 2 * MESSAGE_OVERHEAD
    room = request.num_ctx - request.reserve - system - tools - question
    if room < 0:
        raise StudyError(
            "error.context.question",
            tokens=question,
            room=max(0, room + question),
            num_ctx=request.num_ctx,
            reserve=request.reserve,
        )
    memory_text, summary = request.memory, request.summary
    memory = await count(memory_text) + 2 if memory_text else 0
    if memory > room:
        memory_text, memory = "", 0
    covered = set(summary.stands_for) if summary else set()
    items = [
        item for item in request.history if item.text.strip() and (not item.id or item.id not in covered)
    ]
    passages = list(request.retrieved)
    passage_cost = {id(one): await count(one.text) + 2 for one in passages}
    costs = [await count(item.text) + MESSAGE_OVERHEAD for item in items]
    summary_cost = await count(summary.text) + MESSAGE_OVERHEAD if summary else 0

    def over() -> int:
        return memory + sum(costs) + summary_cost + sum(passage_cost[id(one)] for one in passages) - room

    cleared: list[str] = []
    results = [place for place, item in enumerate(items) if item.tool or item.role == "tool"]
    for place in results[: max(0, len(results) - KEPT_RESULTS)]:
        if over() <= 0:
            break
        short = placeholder(items[place].tool)
        cost = await count(short) + MESSAGE_OVERHEAD
        if cost < costs[place]:
            items[place], costs[place] = replace(items[place], text=short), cost
            cleared.append(items[place].id)

    made = False
    if over() > 0 and request.summarise is not None:
        cut = _turns_until(items, costs, over())
        if cut > 0 and sum(costs[:cut]) >= WORTH_SUMMARISING:
            old = ([f"summary: {summary.text}"] if summary else []) + [
                f"{item.role}: {item.text}" for item in items[:cut]
            ]
            text = (await request.summarise("\n".join(old))).strip()
            cost = await count(text) + MESSAGE_OVERHEAD
            if text and cost < sum(costs[:cut]) + summary_cost:
                stands_for = (*(summary.stands_for if summary else ()), *(item.id for item in items[:cut]))
                summary, summary_cost, made = Summary(text, stands_for), cost, True
                del items[:cut], costs[:cut]

    left_out: list[str] = []
    while over() > 0 and len(passages) > 1:
        worst = min(passages, key=lambda one: one.score)
        passages.remove(worst)
        left_out.append(worst.id)

    dropped: list[str] = []
    while over() > 0 and items:
        cut = _turns_until(items, costs, 1)
        dropped += [item.id for item in items[:cut]]
        del items[:cut], costs[:cut]
    if over() > 0 and passages:
        left_out += [one.id for one in passages]
        passages = []
    if over() > 0 and summary is not None:
        dropped += summary.stands_for
        summary, summary_cost, made = None, 0, False
    budget = Budget(
        num_ctx=request.num_ctx,
        system=system,
        tools=tools,
        memory=memory,
        retrieved=sum(passage_cost[id(one)] for one in passages),
        history=sum(costs) + summary_cost,
        question=question,
        reserve=request.reserve,
        counted=request.counter.exact,
        cut_results=len(cleared),
        summarised=len(summary.stands_for) if summary else 0,
        dropped=len(dropped),
    )
    return Fitted(
        messages=_messages(request, items, passages, memory_text, summary),
        budget=budget,
        history=tuple(items),
        retrieved=tuple(passages),
        memory=memory_text,
        summary=summary,
        new_summary=made,
        cleared=tuple(cleared),
        dropped=tuple(dropped),
        left_out=tuple(left_out),
    )


def _turns_until(items: Sequence[Item], costs: Sequence[int], wanted: int) -> int:
    """Return how many of the oldest messages, in whole turns, free ``wanted`` tokens; all of them when too few do."""
    freed = 0
    for place, cost in enumerate(costs):
        freed += cost
        end = place + 1
        if freed >= wanted and (end == len(items) or items[end].role == "user"):
            return end
    return len(items)


def _messages(
    request: FitRequest,
    items: Sequence[Item],
    passages: Sequence[Passage],
    memory: str,
    summary: Summary | None,
) -> tuple[tuple[str, str], ...]:
    head = "\n".join(part for part in (request.system, memory) if part)
    messages: list[tuple[str, str]] = [("system", head)] if head else []
    if summary is not None:
        messages.append(("user", f"Summary of the conversation so far: {summary.text}"))
    messages += [(item.role, item.text) for item in items]
    asked = "\n\n".join([*(one.text for one in passages), request.question])
    return (*messages, ("user", asked))
