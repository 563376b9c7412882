"""Holding a small model's wording against what its tool returned, before anyone reads it.

A model of 135M parameters misreports a good part of what it is given. What it writes after a tool call is kept only
when it says nothing that the tool's result and the question do not say; else the result itself is the answer.
"""

from __future__ import annotations

import re

_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_WORD = re.compile(r"[A-Za-z]{4,}")
_HANGUL = re.compile(r"[가-힣]{2,}")

MIN_SHARE = 0.7
"""Share of the answer's words (Hangul: pairs of syllables) that the source or the question must contain."""

_SAFE_WORDS = frozenset(
    [
        "according",
        "after",
        "also",
        "answer",
        "because",
        "been",
        "before",
        "calculator",
        "could",
        "does",
        "equals",
        "from",
        "have",
        "into",
        "must",
        "only",
        "passage",
        "result",
        "shall",
        "should",
        "that",
        "their",
        "then",
        "there",
        "these",
        "they",
        "this",
        "those",
        "until",
        "were",
        "what",
        "when",
        "which",
        "will",
        "with",
        "would",
        "your",
        "yourself",
    ]
)


def _numbers(text: str) -> set[str]:
    return {number.replace(",", "").rstrip(".") for number in _NUMBER.findall(text)}


def _units(text: str) -> list[str]:
    words = [word.lower()[:6] for word in _WORD.findall(text) if word.lower() not in _SAFE_WORDS]
    return words + [run[i : i + 2] for run in _HANGUL.findall(text) for i in range(len(run) - 1)]


def says_nothing_new(answer: str, source: str, question: str) -> bool:
    """Say whether every number and most words of an answer are in its source or its question.

    This is a guard against invention, not a proof of truth: a negation left out passes it.
    """
    text = answer.strip()
    if not text or "\n\n" in text or answer_repeats(text):
        return False
    if not _numbers(text) <= _numbers(source) | _numbers(question):
        return False
    known = set(_units(f"{source} {question}"))
    units = _units(text)
    return bool(units or _numbers(text)) and sum(unit in known for unit in units) >= MIN_SHARE * len(units)


def adds_to_question(answer: str, question: str) -> bool:
    """Say whether an answer holds more than the words of its question given back."""
    asked = set(_units(question)) | _numbers(question)
    return any(item not in asked for item in (*_units(answer), *_numbers(answer)))


def answer_repeats(text: str) -> bool:
    """Say whether a text runs in circles: the same five words three times."""
    words = text.split()
    grams = [" ".join(words[i : i + 5]) for i in range(len(words) - 4)]
    return any(grams.count(gram) > 2 for gram in set(grams))


def states_result(answer: str, result: str, question: str) -> bool:
    """Say whether an answer states a calculation's result and no other new number.

    Args:
        result: ``"expression = value"``.
    """
    value = result.rsplit("=", 1)[-1].strip()
    numbers = _numbers(answer)
    return (
        value.lstrip("-") in numbers
        and numbers <= _numbers(result) | _numbers(question)
        and (not value.startswith("-") or value in answer)
        and not answer_repeats(answer)
    )
