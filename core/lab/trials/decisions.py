"""Grades the router's decisions against the labelled questions: by code, no model reads anything."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.agent.evaluate import calculate
from core.agent.routing.labelled import Labelled
from core.agent.types import Plan, Step
from core.errors import StudyError

CLASSES = (
    "calculator",
    "weather",
    "web_search",
    "fetch_page",
    "search_documents",
    "now",
    "system_status",
    "several",
    "none",
)
"""What a question can ask for, in the order of the table."""


def class_of(plan: Plan) -> str:
    """Return the class a plan falls into; a question back to the user counts as none of them."""
    if plan.ask:
        return "ask"
    return "several" if len(plan.steps) > 1 else plan.steps[0].tool if plan.steps else "none"


def decision(wanted: Labelled, plan: Plan) -> dict[str, Any]:
    """Grade one decision.

    Returns:
        ``right``: the tools in their order; ``arguments``: whether those that matter are right, ``None`` where the tool is
        wrong already or no argument matters.
    """
    right = not plan.ask and wanted.tools == tuple(step.tool for step in plan.steps)
    matter = right and any(step.arguments for step in wanted.steps)
    return {
        "question": wanted.text,
        "lang": "ko" if wanted.korean else "en",
        "wanted": wanted.label,
        "chosen": class_of(plan),
        "right": right,
        "arguments": all(map(right_arguments, wanted.steps, plan.steps)) if matter else None,
        "by": plan.by,
        "unsure": bool(plan.unsure),
        "got": [[step.tool, dict(step.arguments)] for step in plan.steps],
    }


def right_arguments(wanted: Step, got: Step) -> bool:
    """Say whether a step has the arguments that matter; expressions are compared by their value."""
    return all(_same(name, str(value), got.arguments) for name, value in wanted.arguments.items())


def _same(name: str, value: str, got: Mapping[str, Any]) -> bool:
    found = str(got.get(name, ""))
    if name != "expression":
        return value.casefold() == found.casefold()
    try:
        return calculate(value) == calculate(found)
    except StudyError:
        return False
