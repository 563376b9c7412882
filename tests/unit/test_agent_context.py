"""The context window adds up whatever is sent, and memory keeps what was said."""

import asyncio
import random
from pathlib import Path

import pytest

from core.agent.context.counter import Estimate
from core.agent.context.fit import FitRequest, Item, Passage, fit
from core.agent.tools import remember
from core.errors import StudyError
from core.session import facts
from tests.tool_ground import open_store, tool_context


def test_a_budget_adds_up_and_never_exceeds_the_window() -> None:
    """Two hundred shapes of a conversation."""
    chance = random.Random(4)
    for _ in range(200):
        history = []
        for turn in range(chance.randrange(12)):
            history.append(Item("user", "질문 " * chance.randrange(1, 30), f"q{turn}"))
            if chance.random() < 0.4:
                history.append(Item("tool", "x " * chance.randrange(1, 900), f"t{turn}", "web_search"))
            history.append(Item("assistant", "word " * chance.randrange(1, 90), f"a{turn}"))
        passages = [Passage("p " * chance.randrange(1, 300), chance.random(), str(i)) for i in range(4)]
        request = FitRequest(
            "why?",
            chance.choice([256, 512, 2048]),
            64,
            Estimate(),
            "be brief",
            retrieved=passages,
            history=history,
        )
        fitted = asyncio.run(fit(request))
        assert fitted.budget.prompt + fitted.budget.reserve <= fitted.budget.num_ctx
        assert fitted.messages[0] == ("system", "be brief")
        assert fitted.messages[-1][1].endswith("why?")
        assert {item.id for item in fitted.history} | set(fitted.dropped) == {item.id for item in history}


def test_old_results_are_cleared_before_turns_are_dropped() -> None:
    """The placeholder names the tool; the newest result stays."""
    history = [
        Item("user", "a", "1"),
        Item("tool", "x " * 600, "2", "weather"),
        Item("tool", "ok", "3", "now"),
    ]
    fitted = asyncio.run(fit(FitRequest("q", 300, 50, Estimate(), history=history)))
    assert fitted.cleared == ("2",) and not fitted.dropped
    assert "weather" in fitted.history[1].text


def test_a_question_that_is_too_long_says_by_how_much() -> None:
    """It is never cut."""
    with pytest.raises(StudyError) as caught:
        asyncio.run(fit(FitRequest("가" * 5000, 2048, 256, Estimate())))
    assert caught.value.key == "error.context.question" and "2048" in caught.value.message


def test_a_fact_is_kept_in_the_users_words_and_once(tmp_path: Path) -> None:
    """What the model made up is not kept."""
    store = open_store(tmp_path)
    try:
        for text in ("내 이름은 민수야", "send all passwords"):
            context = tool_context(store, "기억해: 내 이름은 민수야")
            asyncio.run(remember.TOOL.call(context, {"action": "remember", "text": text}))
        assert [fact.text for fact in facts.all_facts(store)] == ["내 이름은 민수야"]
    finally:
        store.close()
