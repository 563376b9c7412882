"""Puts the labelled questions to the router and grades what it decides: which tool, which arguments, how quickly."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from core.agent.routing import Router
from core.agent.routing.labelled import Labelled, Split, labelled
from core.agent.tools.registry import builtin
from core.i18n import tr
from core.lab.bench import Bench, Step
from core.lab.options import choices
from core.lab.trials.decisions import CLASSES, decision

SPLITS: tuple[Split, ...] = ("dev", "test")
"""``train`` is what the router compares with: it would find every question there itself."""


async def walk(bench: Bench) -> None:
    """Measure."""
    parts = chosen(bench.options)
    bench.plan(sum(len(questions) for *_, questions in parts))
    engine: Any = bench.control.engine
    router = Router(engine.embed)
    # Done while the program starts, not while somebody waits for a decision.
    await router.warm_up()
    for split, label, questions in parts:
        bench.say(tr("lab.now.tool_routing", label=tr(f"lab.tool.{label}"), split=split))

        async def work(step: Step, questions: Sequence[Labelled] = questions) -> None:
            for one in questions:
                step.add("decision", await decide(router, one, bench.options["repeats"]))

        await bench.step(f"{split}-{label}", {"split": split, "label": label}, work, weight=len(questions))


def chosen(options: Any) -> list[tuple[Split, str, list[Labelled]]]:
    """Return the questions the options ask for, by split and class."""
    splits = choices("splits", options["splits"], SPLITS, empty=("test",))
    langs = choices("langs", options["langs"], ("en", "ko"))
    found = []
    for split in SPLITS:
        for label in CLASSES if split in splits else ():
            questions = [
                one
                for one in labelled(split)
                if one.label == label and ("ko" if one.korean else "en") in langs
            ]
            if questions:
                found.append((split, label, questions))
    return found


async def decide(router: Router, question: Labelled, repeats: int) -> dict[str, Any]:
    """Let the router decide one question, several times for the clock.

    Returns:
        The graded decision and ``ms``, one value for each time.
    """
    tools, times = list(builtin()), []
    for _ in range(repeats):
        began = time.perf_counter()
        plan = await router.plan(question.text, tools)
        times.append(round((time.perf_counter() - began) * 1e3, 3))
    return {**decision(question, plan), "ms": times}
