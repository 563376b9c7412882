"""The labelled questions that come with the program: ``train`` is compared with, ``dev`` tuned on, ``test`` only measured."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

from core.agent.types import Step

Split = Literal["train", "dev", "test"]


@dataclass(frozen=True, slots=True)
class Labelled:
    """One question and what it asks for."""

    text: str
    steps: tuple[Step, ...]
    """The tools in order, with the arguments that matter; empty: the model answers."""

    @property
    def tools(self) -> tuple[str, ...]:
        """Names of the tools, in order."""
        return tuple(step.tool for step in self.steps)

    @property
    def label(self) -> str:
        """The class: a tool, ``none``, or ``several``."""
        return "several" if len(self.steps) > 1 else self.steps[0].tool if self.steps else "none"

    @property
    def korean(self) -> bool:
        """Whether it is asked in Korean."""
        return any("가" <= char <= "힣" for char in self.text)


@cache
def labelled(split: Split) -> tuple[Labelled, ...]:
    """Return the questions of a split."""
    text = files(__package__).joinpath("data", f"{split}.tsv").read_text("utf-8")
    return tuple(_row(line) for line in text.splitlines() if line and not line.startswith("#"))


def _row(line: str) -> Labelled:
    tools, arguments, text = line.split("\t")
    if tools == "none":
        return Labelled(text, ())
    parts = arguments.split("&&")
    return Labelled(
        text, tuple(Step(tool, _arguments(part)) for tool, part in zip(tools.split("+"), parts, strict=True))
    )


def _arguments(text: str) -> dict[str, str]:
    pairs = (pair.split("=", 1) for pair in text.strip().split(";") if "=" in pair)
    return {name.strip(): value.strip() for name, value in pairs}
