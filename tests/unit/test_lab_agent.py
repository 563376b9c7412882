"""The agent's task suite: data, graders, statistics, comparison case by case."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace

import pytest

from core.agent.tools.registry import builtin
from core.errors import StudyError, UsageError
from core.i18n import has, set_language
from core.lab import stats
from core.lab.catalog import EXPERIMENTS
from core.lab.compare import compare
from core.lab.options import choices
from core.lab.summaries import agent as summary
from core.lab.summary import view
from core.lab.trials import bfcl
from core.lab.trials.forcing import own_route
from core.lab.trials.grade import grade, has_answer, numbers, took_path
from core.lab.trials.tasks import CATEGORIES, Expected, tasks
from core.lab.types import LabRow, LabRun


def test_there_are_sixty_tasks_half_of_them_korean_in_every_category() -> None:
    suite = tasks()
    assert len(suite) >= 60 and len({task.id for task in suite}) == len(suite)
    counts = Counter((task.category, task.lang) for task in suite)
    assert {category for category, _ in counts} == set(CATEGORIES)
    for category in CATEGORIES:
        assert counts[category, "en"] == counts[category, "ko"] >= 5
    known = {*builtin(), "remember"}
    for task in suite:
        assert task.turns and all(turn.strip() for turn in task.turns)
        assert set(task.calls) <= known and set(task.arguments) <= known
        assert task.answer != Expected(), f"{task.id} asks nothing of the answer"
        assert any("가" <= char <= "힣" for char in task.turns[-1]) == (task.lang == "ko")


def test_tasks_of_each_category_ask_what_their_name_says() -> None:
    for task in tasks():
        if task.category == "sequence":
            assert len(task.calls) == 2
        if task.category == "memory":
            assert len(task.turns) > 1
        if task.category == "none":
            assert task.calls == () and task.match == "strict"
        assert bool(task.fails_once) == (task.category == "tool_fails")


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("12*34 = 408.", True), ("The answer is 408", True), ("408.0 exactly", True), ("４０８", True),
        ("It is 1408.", False), ("4080", False), ("", False), ("four hundred", False),
    ],
)  # fmt: skip
def test_a_number_must_be_there_itself(text: str, right: bool) -> None:
    assert has_answer(Expected(number=408), text) is right


def test_numbers_are_read_with_separators_signs_and_fractions() -> None:
    assert numbers("1,234,567 and −3.5, v2 but 7") == [1234567, -3.5, 7]
    assert numbers("150,000원, 3월 31일") == [150000, 3, 31]


def test_words_are_compared_without_case_width_and_only_whole_numbers_count() -> None:
    assert has_answer(Expected((("saturday", "토요일"), ("14",))), "오늘은 14일 토요일입니다.")
    assert not has_answer(Expected((("7",),)), "It is 17 °C")
    assert not has_answer(Expected((("7",),)), "It is 7.5 °C")
    assert has_answer(Expected((("7",),)), "It is 7 °C.")
    assert not has_answer(Expected(no=("sorry",)), "Sorry!")


@pytest.mark.parametrize(
    ("match", "called", "right"),
    [
        ("strict", ["a", "b"], True), ("strict", ["a", "b", "c"], False), ("strict", ["b", "a"], False),
        ("subset", ["x", "a", "y", "b"], True), ("subset", ["b", "a"], False), ("subset", ["a"], False),
        ("any", [], True),
    ],
)  # fmt: skip
def test_trajectories(match: str, called: list[str], right: bool) -> None:
    assert took_path(["a", "b"], match, called) is right  # type: ignore[arg-type]


def test_the_same_tool_twice_needs_two_calls() -> None:
    assert not took_path(["weather", "weather"], "subset", ["weather"])
    assert took_path(["weather", "weather"], "subset", ["weather", "calculator", "weather"])


def test_a_right_answer_with_wrong_arguments_does_not_pass() -> None:
    task = next(one for one in tasks() if one.id == "single-en-04")
    good = grade(task, "Seoul: 7 °C", [("weather", {"place": "Seoul"})])
    bad = grade(task, "Seoul: 7 °C", [("weather", {"place": "Paris"})])
    assert good.passed and bad.answer and not bad.passed
    assert not grade(task, "", [("weather", {"place": "Seoul"})]).passed


def test_words_of_an_option_are_checked() -> None:
    assert choices("langs", " KO, en", ("en", "ko")) == ["en", "ko"]
    assert choices("langs", "", ("en", "ko"), empty=("ko",)) == ["ko"]
    with pytest.raises(UsageError) as refused:
        choices("langs", "fr", ("en", "ko"))
    assert "fr" in str(refused.value) and "en, ko" in refused.value.fix


def test_a_small_model_gets_the_routed_route() -> None:
    details = SimpleNamespace(capabilities=("completion", "tools"), parameter_count=135_000_000)
    assert own_route(SimpleNamespace(model="smollm2:135m", details=details)) == "routed"


@pytest.mark.parametrize(
    ("gained", "lost", "p"), [(0, 0, 1.0), (6, 0, 0.03125), (5, 0, 0.0625), (3, 3, 1.0), (1, 9, 0.021484375)]
)
def test_mcnemar(gained: int, lost: int, p: float) -> None:
    assert stats.mcnemar(gained, lost) == pytest.approx(p) == stats.mcnemar(lost, gained)


def _run(id: str) -> LabRun:
    return LabRun(id, "agent", "done", {}, {}, 0.0, 0.0, 1.0)


def _rows(passed: list[bool], ms: float = 100.0) -> list[LabRow]:
    point = {"route": "routed", "forced": False, "category": "single"}
    return [
        LabRow(number, "r", 0.0, "trial", point, {
            "task": f"t{number}", "passed": ok, "answer_ok": ok, "path_ok": True, "model_calls": 1, "tool_calls": 1,
            "tokens_in": 20, "tokens_out": 5, "ms": ms + number, "status": "ok", "step": f"t{number}", "attempt": 1,
        })
        for number, ok in enumerate(passed)
    ]  # fmt: skip


def test_the_summary_has_wilsons_interval_for_each_category_and_all() -> None:
    set_language("en")
    shown = view(_run("a"), _rows([True] * 8 + [False] * 2))
    assert shown.table is not None
    keys = [column.key for column in shown.table.columns]
    whole = dict(zip(keys, shown.table.rows[0], strict=True))
    assert (whole["category"].value, whole["success"].value, whole["success"].n) == ("all", 80.0, 10)
    assert whole["success"].low == pytest.approx(49.0, abs=0.1) and whole["success"].high == pytest.approx(
        94.3, abs=0.1
    )
    assert len(shown.table.rows) == 2
    assert "8 of 10" in shown.sentence and "49" in shown.sentence
    assert not shown.warnings


def _verdict(a: list[bool], b: list[bool]) -> bool | None:
    found = compare(_run("a"), _rows(a), _run("b"), _rows(b))
    return next(
        one.real
        for one in found.differences
        if one.column.key == "success" and one.point["category"] == "all"
    )


def test_runs_are_compared_case_by_case() -> None:
    none, half = [False] * 20, [True] * 10 + [False] * 10
    assert _verdict(none, half) is True
    assert _verdict(half, half) is False
    # Three cases changed sides: too few to tell, whatever the shares are.
    assert _verdict(half, [True] * 13 + [False] * 7) is None
    # Seven this way and seven that way is no difference.
    assert _verdict(half, [False] * 5 + [True] * 5 + [True] * 5 + [False] * 5) is False


def test_every_experiment_and_column_has_its_words() -> None:
    for experiment in EXPERIMENTS:
        assert has(f"lab.{experiment.id}.title") and has(f"lab.{experiment.id}.help")
        assert all(has(f"lab.{experiment.id}.{option.name}") for option in experiment.options)
    for group in summary.groups(_run("a"), _rows([True])):
        for column in [*(column for column, _ in group.labels), *(one.column for one in group.figures)]:
            assert has(f"lab.column.{column.key}") and has(f"lab.column.{column.key}.help"), column.key


CASE = bfcl.BfclCase(
    "simple_0", "simple", "Area?",
    ({"name": "area.of", "description": "d", "parameters": {"type": "dict", "properties": {
        "base": {"type": "integer"}, "scale": {"type": "float"}, "unit": {"type": "string"}}, "required": ["base"]}},),
    ({"area.of": {"base": [10], "scale": ["", 1.0], "unit": ["", "Square Units"]}},),
)  # fmt: skip


def test_public_cases_are_graded_by_what_they_allow() -> None:
    assert bfcl.right(CASE, [("area_of", {"base": 10})])
    assert bfcl.right(CASE, [("area_of", {"base": 10, "unit": "square-units", "scale": 1})])
    assert not bfcl.right(CASE, [("area_of", {"base": 11})])
    assert not bfcl.right(CASE, [("area_of", {})])
    assert not bfcl.right(CASE, [("area_of", {"base": 10, "height": 2})])
    assert not bfcl.right(CASE, [("other", {"base": 10})])
    assert not bfcl.right(CASE, [])
    tool = bfcl.tools_of(CASE)["area_of"]
    assert tool.schema["type"] == "object" and tool.schema["properties"]["scale"]["type"] == "number"


def test_public_cases_that_are_not_installed_are_named_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    set_language("en")
    monkeypatch.setattr(bfcl, "installed", lambda: False)
    with pytest.raises(StudyError) as refused:
        bfcl.cases("simple", 1)
    assert "not installed" in str(refused.value) and "pip install --no-deps" in refused.value.fix
