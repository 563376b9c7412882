"""Counts in messages: one passage, two passages."""

from __future__ import annotations

import re

import pytest

from core import i18n
from core.agent.tools.language import in_language


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    i18n.register("tui.i18n")
    monkeypatch.setattr(i18n, "_current", "en")


@pytest.mark.parametrize(
    ("key", "params", "text"),
    [
        ("documents.hits", {"count": 1}, "1 passage, best first."),
        ("documents.hits", {"count": 2}, "2 passages, best first."),
        ("documents.hits", {"count": 0}, "0 passages, best first."),
        ("labui.rows", {"count": "1"}, "1 measurement"),
        ("labui.rows", {"count": "1 204"}, "1 204 measurements"),
        ("error.docs.none_ready", {"count": 1}, "1 document waits to be indexed."),
        ("error.docs.none_ready", {"count": 21}, "21 documents wait to be indexed."),
        ("docs.eval.asked", {"done": 1, "total": 9}, "1/9 questions"),
        ("runtime.interrupted", {"count": 1}, "1 answer was cut off"),
    ],
)
def test_a_count_of_one_has_a_singular(key: str, params: dict[str, object], text: str) -> None:
    assert i18n.tr(key, **params).startswith(text)


def test_the_agents_tools_count_too() -> None:
    assert in_language("en", "tool.age.days", count=1) == "1 day"
    assert in_language("en", "tool.age.days", count=3) == "3 days"
    assert in_language("ko", "tool.age.days", count=1) == in_language("ko", "tool.age.days", count=3).replace(
        "3", "1"
    )


def test_values_are_never_taken_for_templates() -> None:
    assert i18n.filled("{a} | {b:x|y} {{z}}", a="{b} | {0}", b=1) == "{b} | {0} | 1 x {z}"
    assert i18n.filled("{a:.2f} {b:x|y}", a=0.126, b=2) == "0.13 2 y"


def test_no_message_leaves_the_plural_to_the_reader() -> None:
    assert not [text for text in i18n.catalogue("en").values() if re.search(r"[a-z]\((?:e?s)\)", text)]


def test_no_count_is_followed_by_a_bare_plural() -> None:
    """Only where a number cannot be one, or stands for a share."""
    bare = r"\{(?:count|n|total|chunks|documents|rows|found|hits|messages)\} [a-z]+s\b"
    found = {key for key, text in i18n.catalogue("en").items() if re.search(bare, text)}
    assert found <= ALWAYS_SEVERAL


ALWAYS_SEVERAL = {
    "answer.support.unchecked.many",
    "answer.support.uncited.many",
    "answer.support.weak.many",
    "documents.remove.many",
    "error.agent.loop",
    "error.docs.ambiguous",
    "error.fetch.redirects",
    "error.mcp.left_out.arguments",
    "lab.found.retrieval",
}
