"""A run that loses its engine: for want of memory, or otherwise. The kernel's counter is FAKE here."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from core.agent.death import DeathWatch
from core.errors import StudyError
from core.fit import oom
from core.ollama.errors import StreamCut, from_text

# Recorded from Ollama 0.33.0 in a memory cgroup: all it says when the kernel kills its runner in mid-answer.
LOST = (500, "an error was encountered while running the model: unexpected EOF")
NO_SUCH_PID = 2**22 + 1


def watched(
    monkeypatch: pytest.MonkeyPatch,
    before: int | None,
    after: int | None,
    *,
    pids: tuple[int, ...] = (NO_SUCH_PID,),
) -> DeathWatch:
    counts: Iterator[int | None] = iter((before, after))
    monkeypatch.setattr(oom, "kill_count", lambda pid: next(counts))
    return DeathWatch(cast(Any, SimpleNamespace(root_pids=lambda: list(pids))))


@pytest.mark.parametrize("error", [from_text(*LOST), StreamCut()])
def test_a_kill_for_memory_is_called_that(monkeypatch: pytest.MonkeyPatch, error: StudyError) -> None:
    told = watched(monkeypatch, 3, 4).explain(error)
    assert "memory ran out" in told.message and "4" in told.message and told.fix


@pytest.mark.parametrize(("before", "after"), [(3, 3), (None, None), (None, 4), (3, None)])
def test_a_crash_is_not_called_a_lack_of_memory(
    monkeypatch: pytest.MonkeyPatch, before: int | None, after: int | None
) -> None:
    error = from_text(*LOST)
    assert watched(monkeypatch, before, after).explain(error) is error


def test_the_engines_own_sizes_say_more_than_a_count(monkeypatch: pytest.MonkeyPatch) -> None:
    error = from_text(500, "model requires more system memory (35.2 GiB) than is available (21.9 GiB)")
    assert watched(monkeypatch, 3, 4).explain(error) is error


def test_a_mistake_of_the_question_stays_one_whatever_was_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    error = from_text(404, "model 'nope' not found")
    assert watched(monkeypatch, 3, 4).explain(error) is error


def test_of_an_engine_elsewhere_nothing_is_claimed(monkeypatch: pytest.MonkeyPatch) -> None:
    error = from_text(*LOST)
    assert watched(monkeypatch, 3, 4, pids=()).explain(error) is error
