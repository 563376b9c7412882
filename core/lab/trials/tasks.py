"""The task suite: questions with right answers and right ways to them. Our own writing, Korean and English."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from typing import Any, Literal

Category = Literal["single", "sequence", "memory", "none", "refuse", "tool_fails"]
CATEGORIES: tuple[Category, ...] = ("single", "sequence", "memory", "none", "refuse", "tool_fails")
Match = Literal["strict", "subset", "any"]


@dataclass(frozen=True, slots=True)
class Expected:
    """What a right answer has in it. All that is given must hold."""

    all: tuple[tuple[str, ...], ...] = ()
    """Groups of words; of each group one must be there."""
    number: float | None = None
    """A number that must be there."""
    regex: str = ""
    no: tuple[str, ...] = ()
    """Words that must not be there."""


@dataclass(frozen=True, slots=True)
class Task:
    """One task."""

    id: str
    lang: Literal["en", "ko"]
    category: Category
    turns: tuple[str, ...]
    """What the user says; the last is graded."""
    calls: tuple[str, ...]
    """Tools the last turn needs, in order."""
    match: Match
    """``strict``: exactly these calls; ``subset``: these in this order, among others; ``any``: whatever was called."""
    answer: Expected
    fresh: bool = False
    """The last turn is asked in a new session: only long-term memory helps."""
    fails_once: str = ""
    """A tool whose first call fails, as a network does."""
    arguments: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    """Tool → argument → words of which one must be in it."""


def read_data(name: str) -> Any:
    """Read a data file of the lab."""
    return json.loads((resources.files("core.lab.data") / name).read_text("utf-8"))


def tasks() -> list[Task]:
    """Return the suite."""
    return [_task(one) for one in read_data("agent_tasks.json")]


def _task(one: Mapping[str, Any]) -> Task:
    answer = one["answer"]
    return Task(
        id=one["id"],
        lang=one["lang"],
        category=one["category"],
        turns=tuple(one["turns"]),
        calls=tuple(one["calls"]),
        match=one["match"],
        answer=Expected(
            tuple(tuple(group) for group in answer.get("all", ())),
            answer.get("number"),
            answer.get("regex", ""),
            tuple(answer.get("no", ())),
        ),
        fresh=bool(one.get("fresh")),
        fails_once=one.get("fails_once", ""),
        arguments={
            tool: {name: tuple(words) for name, words in wanted.items()}
            for tool, wanted in one.get("arguments", {}).items()
        },
    )
