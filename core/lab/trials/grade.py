"""Grading by code: the final answer, and the way there. No model judges."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.lab.trials.tasks import Expected, Match, Task

Call = tuple[str, Mapping[str, Any]]
"""A tool that was called, and with what."""

_NUMBER = re.compile(r"(?<![\w.])[-−]?\d+(?:\.\d+)?")
_THOUSANDS = re.compile(r"(?<=\d)[,\u2009\u202f\u00a0](?=\d{3}(?!\d))")


@dataclass(frozen=True, slots=True)
class Grade:
    """How a task went."""

    answer: bool
    """The final answer has what it must have."""
    path: bool
    """The right tools were called, in order, with the right arguments."""

    @property
    def passed(self) -> bool:
        """Both."""
        return self.answer and self.path


def normalised(text: str) -> str:
    """Return text for comparing: compatibility form, no thousands separators, one space, case folded."""
    plain = unicodedata.normalize("NFKC", text)
    return " ".join(_THOUSANDS.sub("", plain).casefold().split())


def numbers(text: str) -> list[float]:
    """Return the numbers in a text; thousands may have separators."""
    plain = _THOUSANDS.sub("", unicodedata.normalize("NFKC", text))
    return [float(found.replace("−", "-")) for found in _NUMBER.findall(plain)]


def has_answer(expected: Expected, text: str) -> bool:
    """Say whether a text has everything a right answer must have. An empty text never has."""
    plain = normalised(text)
    if not plain or any(normalised(word) in plain for word in expected.no):
        return False
    if any(not any(_has(word, plain) for word in group) for group in expected.all):
        return False
    if expected.number is not None and not any(
        math.isclose(one, expected.number, rel_tol=1e-6, abs_tol=1e-9) for one in numbers(text)
    ):
        return False
    return not expected.regex or re.search(expected.regex, text) is not None


def _has(word: str, plain: str) -> bool:
    """A number must stand for itself: 7 is not in 17."""
    wanted = normalised(word)
    if re.fullmatch(r"\d+(?:\.\d+)?", wanted):
        return re.search(rf"(?<![\d.]){re.escape(wanted)}(?!\.?\d)", plain) is not None
    return wanted in plain


def took_path(wanted: Sequence[str], match: Match, called: Sequence[str]) -> bool:
    """Say whether the calls made are those wanted."""
    if match == "any":
        return True
    if match == "strict":
        return list(wanted) == list(called)
    rest = iter(called)
    return all(name in rest for name in wanted)


def has_arguments(wanted: Mapping[str, Mapping[str, Sequence[str]]], calls: Sequence[Call]) -> bool:
    """Say whether each tool named was called once with the words wanted in its arguments."""
    return all(
        any(
            name == tool
            and all(
                any(normalised(word) in normalised(str(given.get(key, ""))) for word in words)
                for key, words in arguments.items()
            )
            for name, given in calls
        )
        for tool, arguments in wanted.items()
    )


def grade(task: Task, answer: str, calls: Sequence[Call]) -> Grade:
    """Grade the last turn of a task.

    Args:
        task: The task.
        answer: What the user was told.
        calls: The tools called in the last turn, in order.
    """
    path = took_path(task.calls, task.match, [name for name, _ in calls])
    return Grade(has_answer(task.answer, answer), path and has_arguments(task.arguments, calls))
