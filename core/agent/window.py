"""Fits one model call of a run into its context window: what is sent, where the window went, what was left out."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

from core.agent.context.counter import Counter, Estimate, estimate
from core.agent.context.fit import FitRequest, Fitted, Item, Passage, Summarise, fit, placeholder
from core.agent.types import Budget
from core.errors import StudyError

if TYPE_CHECKING:
    from core.agent.state import RunState

LENIENT = 0.34
"""An estimate is up to three times too high (Hangul): what misses the window by less is sent, without history."""
WORTH_CUTTING = 48
"""Tokens of room below which a result is left out whole instead of cut."""


@dataclass(frozen=True)
class Window:
    """One model call as it is sent."""

    messages: list[BaseMessage]
    """Without the system text."""
    system: str
    budget: Budget
    fitted: Fitted
    """What was left out, by message id."""
    estimated: int
    """Uncorrected estimate of the whole prompt; later calls are calibrated by it."""


async def window_of(
    run: RunState,
    messages: Sequence[BaseMessage],
    system: str,
    *,
    reserve: int,
    tools: Sequence[Any] = (),
    memory: str = "",
    passages: Sequence[Passage] = (),
    summarise: Summarise | None = None,
) -> Window:
    """Fit a call.

    Args:
        messages: History, the question, and behind it the calls and results of this turn.
        reserve: Tokens kept free for the answer.
        tools: Schemas, as sent.
        memory: Facts as prompt text; left out when there is no room.
        passages: Retrieved texts that go before the question's own words.
        summarise: Makes a short text of old messages that do not fit.

    Raises:
        StudyError: ``error.context.question`` when the question alone does not fit.
    """
    at = _place_of_question(messages, run.recorder.run.user_message_id)
    history, turn = list(messages[:at]), list(messages[at + 1 :])
    ids = [one.id or f"#{place}" for place, one in enumerate(history)]
    calls = [_text_of(one) for one in turn if isinstance(one, AIMessage)]
    results = {
        f"r{place}": one for place, one in enumerate(turn) if not isinstance(one, AIMessage) and one.content
    }
    asked = str(messages[at].content)
    request = FitRequest(
        question="\n".join([asked, *calls, *(str(one.content) for one in results.values())]),
        num_ctx=run.settings.num_ctx,
        reserve=reserve,
        counter=run.counter,
        system=system,
        tools=list(tools),
        memory=memory,
        retrieved=list(passages),
        history=[
            Item(_ROLES.get(one.type, one.type), str(one.content), id)
            for id, one in zip(ids, history, strict=True)
        ],
        summary=run.summary,
        summarise=summarise,
    )
    short = {id: placeholder(getattr(one, "name", None) or "") for id, one in results.items()}
    # Results that do not fit beside the question are left out from the oldest on, like passages.
    apart = dataclasses.replace(
        request,
        question="\n".join([asked, *calls, *short.values()]),
        retrieved=[
            *passages,
            *(Passage(str(one.content), 1.0 + place, id) for place, (id, one) in enumerate(results.items())),
        ],
    )
    fitted, counter = await _first_that_fits(request, apart if results else None)
    run.summary = fitted.summary
    kept = {one.id: one.text for one in fitted.retrieved}
    budget = fitted.budget
    if any(id in fitted.left_out for id in results) or (passages and not fitted.retrieved):
        best = max((one for one in apart.retrieved if one.id in fitted.left_out), key=lambda one: one.score)
        room = budget.num_ctx - budget.reserve - budget.prompt
        text = await _cut(counter, best.text, room - 2) if room >= WORTH_CUTTING else ""
        if text:
            kept[best.id] = text
            taken = await counter.count(text) + 2
            budget = dataclasses.replace(budget, retrieved=budget.retrieved + taken)
    elif results and not any(id in kept for id in results):
        # They fitted beside the question: show them as what they are.
        kept |= {id: str(one.content) for id, one in results.items()}
        size = min(budget.question, sum([await counter.count(kept[id]) for id in results]))
        budget = dataclasses.replace(
            budget, question=budget.question - size, retrieved=budget.retrieved + size
        )
    by_id = dict(zip(ids, history, strict=True))
    said = [
        by_id[item.id]
        if item.text == str(by_id[item.id].content)
        else by_id[item.id].model_copy(update={"content": item.text})
        for item in fitted.history
    ]
    if fitted.summary is not None:
        said.insert(0, HumanMessage(f"Summary of the conversation so far: {fitted.summary.text}"))
    texts = [kept[one.id] for one in passages if one.id in kept]
    question = messages[at]
    if texts:
        question = question.model_copy(update={"content": "\n\n".join([*texts, asked])})
    sent_turn = [
        one
        if f"r{place}" not in results
        else one.model_copy(update={"content": kept.get(f"r{place}", short[f"r{place}"])})
        for place, one in enumerate(turn)
    ]
    head = f"{system}\n\n{fitted.memory}" if fitted.memory else system
    sent = [*said, question, *sent_turn]
    guess = sum(estimate(_text_of(one)) for one in sent) + estimate(head)
    guess += estimate(json.dumps(list(tools), ensure_ascii=False)) if tools else 0
    return Window(sent, head, budget, dataclasses.replace(fitted, budget=budget), guess)


async def _first_that_fits(request: FitRequest, apart: FitRequest | None) -> tuple[Fitted, Counter]:
    attempts = [request] if apart is None else [request, apart]
    if not request.counter.exact:
        ratio = getattr(request.counter, "ratio", 1.0) * LENIENT
        attempts.append(
            dataclasses.replace(attempts[-1], counter=Estimate(ratio), history=(), summary=None, memory="")
        )
    failure: StudyError | None = None
    for attempt in attempts:
        try:
            fitted = await fit(attempt)
        except StudyError as error:
            failure = failure or error
            continue
        if attempt.history != request.history:
            # The last attempt is made without them: they are left out all the same.
            dropped = tuple(item.id for item in request.history if item.text.strip())
            budget = dataclasses.replace(fitted.budget, dropped=len(dropped))
            fitted = dataclasses.replace(fitted, dropped=dropped, budget=budget)
        return fitted, attempt.counter
    assert failure is not None  # noqa: S101 - there is at least one attempt
    raise failure


async def _cut(counter: Counter, text: str, room: int) -> str:
    while text and await counter.count(text) > room:
        text = text[: int(len(text) * 0.8)]
    return text


_ROLES = {"human": "user", "ai": "assistant"}


def _place_of_question(messages: Sequence[BaseMessage], question_id: str) -> int:
    for place in range(len(messages) - 1, -1, -1):
        if messages[place].id == question_id and isinstance(messages[place], HumanMessage):
            return place
    return len(messages) - 1


def _text_of(message: BaseMessage) -> str:
    text = str(message.content)
    if isinstance(message, AIMessage) and message.tool_calls:
        calls = [{"name": call["name"], "arguments": call["args"]} for call in message.tool_calls]
        text += json.dumps(calls, ensure_ascii=False)
    return text
