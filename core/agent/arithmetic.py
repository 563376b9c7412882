"""Finding an arithmetic expression in a question. Evaluating it: :mod:`core.agent.evaluate`."""

from __future__ import annotations

import re

from core.agent.evaluate import calculate, normalise
from core.errors import StudyError

__all__ = ["calculate", "find_expression", "normalise"]

_NUMBER = r"\d+(?:\.\d+)?"

_WORDS: tuple[tuple[str, str], ...] = (
    (r"\bsquare root of\s+", " sqrt "),
    (rf"({_NUMBER})\s*의\s*제곱근", r" sqrt \1"),
    (rf"({_NUMBER})\s*의\s*({_NUMBER})\s*(?:제곱|승)", r"\1**\2"),
    (rf"({_NUMBER})\s*의?\s*세제곱", r"\1**3"),
    (rf"({_NUMBER})\s*의?\s*제곱", r"\1**2"),
    (r"\s+(?:to the power of|to the)\s+(\d+)(?:st|nd|rd|th)?(?:\s+power)?", r"**\1"),
    (r"(?<=\d)\s+squared\b", "**2"),
    (r"(?<=\d)\s+cubed\b", "**3"),
    (r"(?<=\d)\s*(?:퍼센트|프로)", "%"),
    (r"(?<=\d)\s+percent\b", "%"),
    (r"\s+(?:plus|added to)\s+|\s*(?:더하기|플러스)\s*", " + "),
    (r"\s+minus\s+|\s*(?:빼기|마이너스)\s*", " - "),
    (r"\s+(?:times|multiplied by)\s+|\s*(?:곱하기)\s*|(?<=\d)\s*[xX]\s*(?=\d)", " * "),
    (r"\s+(?:divided by|over)\s+|\s*(?:나누기)\s*", " / "),
    (r"\s+(?:mod|modulo)\s+", " % "),
)
_TOKEN = re.compile(rf"sqrt|{_NUMBER}(?:,\d{{3}})*(?:\.\d+)?|%\s*(?:of|의)|\*\*|//|[-+*/%^×÷√−·()]|\s+")
_DATE = re.compile(
    r"\b\d{4}[-/.]\d{1,2}[-/.]\d{1,2}\b|\b\d{1,2}:\d{2}\b|\bv?\d+\.\d+\.\d+\b|\b\d{2,4}-\d{3,4}-\d{4}\b|[A-Za-z]-?\d"
)
_OPERATION = re.compile(r"[-+*/%×÷^√−]|\*\*|sqrt")


def find_expression(question: str) -> str | None:
    """Return the arithmetic expression a question contains (digits, symbols and words, both languages), or ``None``.

    Dates, times, versions and phone numbers are not arithmetic; neither is a lone number.
    """
    text = _DATE.sub(" ; ", question[:2000])
    for pattern, replacement in _WORDS:
        text = re.sub(pattern, replacement, text, flags=re.IGNORECASE)
    best = ""
    for run in _runs(text):
        candidate = _trim(run)
        if len(candidate) > len(best) and _is_arithmetic(candidate):
            best = candidate
    return best or None


def _runs(text: str) -> list[str]:
    """Split the text into its longest stretches of arithmetic tokens."""
    runs, start, position = [], 0, 0
    while position < len(text):
        token = _TOKEN.match(text, position)
        if token:
            position = token.end()
            continue
        if position > start:
            runs.append(text[start:position])
        position += 1
        start = position
    runs.append(text[start:])
    return runs


def _trim(run: str) -> str:
    """Drop what a sentence leaves at the ends: white space, a dash or bracket that opens nothing."""
    text = run.strip(" \t\n+*/×÷^·")
    while text.endswith(("-", "−", "(")) or (text.endswith(")") and text.count(")") > text.count("(")):
        text = text[:-1].rstrip()
    while text.startswith(("−", ")", "%")) or (text.startswith("(") and text.count("(") > text.count(")")):
        text = text[1:].lstrip()
    return re.sub(r"\s+", " ", text)


def _is_arithmetic(candidate: str) -> bool:
    operands = re.findall(_NUMBER, candidate)
    if not _OPERATION.search(candidate) or not (len(operands) > 1 or "sqrt" in candidate or "√" in candidate):
        return False
    try:
        calculate(candidate)
    except StudyError as error:
        return error.key != "error.calculator.syntax"
    return True
