"""The experiment on choosing tools: what counts as right, and how it is told."""

from __future__ import annotations

from typing import Any

import pytest

from core.agent.routing.labelled import Labelled, labelled
from core.agent.types import Plan, Step
from core.errors import UsageError
from core.i18n import has, set_language
from core.lab.experiments.tool_routing import chosen
from core.lab.summary import view
from core.lab.trials.decisions import CLASSES, decision
from core.lab.types import LabRow, LabRun

SUM = Labelled("12 더하기 3은?", (Step("calculator", {"expression": "12+3"}),))
NONE = Labelled("Good morning!", ())


@pytest.mark.parametrize(
    ("wanted", "plan", "right", "arguments", "chosen"),
    [
        (SUM, Plan((Step("calculator", {"expression": "3 + 12"}),)), True, True, "calculator"),
        (SUM, Plan((Step("calculator", {"expression": "12-3"}),)), True, False, "calculator"),
        (SUM, Plan((Step("calculator", {"expression": "twelve"}),)), True, False, "calculator"),
        (SUM, Plan(), False, None, "none"),
        (SUM, Plan((*SUM.steps, Step("now"))), False, None, "several"),
        (NONE, Plan(), True, None, "none"),
        # A question back is no answer by the model.
        (NONE, Plan(ask="For which place?"), False, None, "ask"),
    ],
)
def test_what_counts_as_right(
    wanted: Labelled, plan: Plan, right: bool, arguments: bool | None, chosen: str
) -> None:
    found = decision(wanted, plan)
    assert (found["right"], found["arguments"], found["chosen"]) == (right, arguments, chosen)


def test_every_labelled_question_has_a_class_with_a_name() -> None:
    assert {one.label for split in ("dev", "test") for one in labelled(split)} <= set(CLASSES)  # type: ignore[arg-type]
    assert all(has(f"lab.tool.{name}") for name in (*CLASSES, "all", "ask", "remember"))


def test_options_choose_questions() -> None:
    korean = chosen({"splits": "", "langs": "ko"})
    assert {split for split, *_ in korean} == {"test"}
    assert all(one.korean for *_, questions in korean for one in questions)
    both = chosen({"splits": "dev,test", "langs": ""})
    assert sum(len(questions) for *_, questions in both) == len(labelled("dev")) + len(labelled("test"))
    with pytest.raises(UsageError):
        chosen({"splits": "train", "langs": ""})


def _rows(*decisions: dict[str, Any]) -> list[LabRow]:
    return [
        LabRow(
            at, "r1", 0.0, "decision", {"split": "test", "label": one["wanted"]},
            {"arguments": None, "unsure": False, "ms": [1.0, 3.0], "step": one["wanted"], **one}, False,
        )
        for at, one in enumerate(decisions)
    ]  # fmt: skip


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_shares_count_questions_and_precision_counts_decisions(lang: Any) -> None:
    set_language(lang)
    try:
        found = view(
            LabRun("r1", "tool-routing", "done", {}, {}, 0.0, 0.0, 1.0),
            _rows(
                {
                    "question": "a",
                    "wanted": "now",
                    "chosen": "none",
                    "right": False,
                },
                {
                    "question": "b",
                    "wanted": "now",
                    "chosen": "now",
                    "right": True,
                    "arguments": False,
                },
                {"question": "c", "wanted": "none", "chosen": "none", "right": True, "unsure": True},
            ),
        )
    finally:
        set_language("en")
    assert found.table is not None
    keys = [column.key for column in found.table.columns]
    whole, now, none = found.table.rows

    def value(row: Any, key: str) -> Any:
        cell = row[keys.index(key)]
        return None if cell.value is None else round(cell.value, 1)

    assert value(whole, "tool_right") == 66.7 and whole[keys.index("tool_right")].low < 40
    assert value(now, "tool_right") == 50 and value(now, "precision") == 100
    assert value(none, "tool_right") == 100 and value(none, "precision") == 50
    assert value(whole, "arguments_right") == 0 and value(none, "unsure") == 100
    assert value(whole, "decision_ms") == 2
    assert "lab." not in found.sentence and "66.7" in found.sentence
    # Whoever reads it sees which ones: the wrong tool, and the wrong arguments.
    assert len([one for one in found.warnings if "a" in one or "b" in one]) >= 2
