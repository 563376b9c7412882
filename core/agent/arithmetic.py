"""Arithmetic: an expression evaluator of our own, and finding an expression in a question.

Exact (fractions) where the operations allow, floats otherwise; ``^`` means power; bounded in length, depth and
digits, so that nothing a user or a model writes can hang or fill memory.
"""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable
from fractions import Fraction

from core.errors import StudyError

MAX_CHARS = 300
MAX_BITS = 4_000
"""Largest intermediate number: about 1,200 digits."""
MAX_DEPTH = 40

Number = Fraction | float


def _bounded(value: Number) -> Number:
    if isinstance(value, Fraction):
        if max(value.numerator.bit_length(), value.denominator.bit_length()) > MAX_BITS:
            raise StudyError("error.calculator.large")
    elif not math.isfinite(value):
        raise StudyError("error.calculator.large")
    return value


def _power(base: Number, exponent: Number) -> Number:
    if isinstance(base, Fraction) and isinstance(exponent, Fraction) and exponent.denominator == 1:
        size = max(base.numerator.bit_length(), base.denominator.bit_length())
        if size * abs(exponent.numerator) > MAX_BITS * 2:
            raise StudyError("error.calculator.large")
        result: Fraction = base**exponent.numerator
        return result
    result = float(base) ** float(exponent)
    if isinstance(result, complex):
        raise StudyError("error.calculator.domain")
    return result


def _factorial(value: Number) -> Number:
    if not isinstance(value, Fraction) or value.denominator != 1 or value < 0:
        raise StudyError("error.calculator.domain")
    if value > 400:
        raise StudyError("error.calculator.large")
    return Fraction(math.factorial(int(value)))


def _square_root(value: Number) -> Number:
    if value < 0:
        raise StudyError("error.calculator.domain")
    if isinstance(value, Fraction):
        top, bottom = math.isqrt(value.numerator), math.isqrt(value.denominator)
        if top * top == value.numerator and bottom * bottom == value.denominator:
            return Fraction(top, bottom)
    return math.sqrt(value)


def _absolute(value: Number) -> Number:
    return -value if value < 0 else value


def _rounded(value: Number) -> Number:
    return Fraction(round(value))


def _of_float(function: Callable[[float], float]) -> Callable[[Number], Number]:
    return lambda value: function(float(value))


_BINARY: dict[type[ast.operator], Callable[[Number, Number], Number]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: lambda a, b: Fraction(a // b),
    ast.Mod: operator.mod,
    ast.Pow: _power,
}
_FUNCTIONS: dict[str, Callable[[Number], Number]] = {
    "sqrt": _square_root,
    "abs": _absolute,
    "round": _rounded,
    "factorial": _factorial,
    "ln": _of_float(math.log),
    "log": _of_float(math.log10),
    "exp": _of_float(math.exp),
    "sin": _of_float(math.sin),
    "cos": _of_float(math.cos),
    "tan": _of_float(math.tan),
}
_CONSTANTS = {"pi": math.pi, "e": math.e}


def _evaluate(node: ast.AST, depth: int = 0) -> Number:
    if depth > MAX_DEPTH:
        raise StudyError("error.calculator.large")
    match node:
        case ast.Expression(body):
            return _evaluate(body, depth + 1)
        case ast.Constant(value) if isinstance(value, int | float) and not isinstance(value, bool):
            _bounded(float(value) if isinstance(value, float) else Fraction(value))
            return Fraction(repr(value)) if isinstance(value, float) else Fraction(value)
        case ast.UnaryOp(ast.USub(), operand):
            return -_evaluate(operand, depth + 1)
        case ast.UnaryOp(ast.UAdd(), operand):
            return _evaluate(operand, depth + 1)
        case ast.BinOp(left, op, right) if type(op) in _BINARY:
            return _bounded(_BINARY[type(op)](_evaluate(left, depth + 1), _evaluate(right, depth + 1)))
        case ast.Call(ast.Name(name), [argument], []) if name in _FUNCTIONS:
            return _bounded(_FUNCTIONS[name](_evaluate(argument, depth + 1)))
        case ast.Name(name) if name in _CONSTANTS:
            return _CONSTANTS[name]
        case _:
            raise StudyError("error.calculator.syntax")


_SYMBOLS = str.maketrans(
    {"×": "*", "✕": "*", "∙": "*", "·": "*", "÷": "/", "√": " sqrt ", "−": "-", "–": "-", "^": "#"}
)
_NUMBER = r"\d+(?:\.\d+)?"


def normalise(expression: str) -> str:
    """Rewrite what people type into the evaluator's syntax: ``1,000 × 15% of 20``, ``2^10``, ``√16``."""
    text = re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", expression.translate(_SYMBOLS).strip()).replace("#", "**")
    text = re.sub(rf"({_NUMBER})\s*%\s*(?:of|의)\s*", r"(\1/100)*", text)
    text = re.sub(rf"({_NUMBER})\s*%(?!\s*[\d(a-z])", r"(\1/100)", text)
    text = re.sub(rf"sqrt\s+({_NUMBER})", r"sqrt(\1)", text)
    return text.rstrip("=? ")


def format_number(value: Number) -> str:
    """Write a result: whole numbers in full, others with up to 12 significant digits."""
    if isinstance(value, Fraction):
        if value.denominator == 1:
            return str(value.numerator)
        value = float(value)
    return f"{value:.12g}"


def calculate(expression: str) -> str:
    """Evaluate an arithmetic expression.

    Raises:
        StudyError: ``error.calculator.*``: not arithmetic, division by zero, too large, outside a function's domain.
    """
    if len(expression) > MAX_CHARS:
        raise StudyError("error.calculator.large")
    try:
        return format_number(_evaluate(ast.parse(normalise(expression), mode="eval")))
    except ZeroDivisionError as error:
        raise StudyError("error.calculator.zero") from error
    except OverflowError as error:
        raise StudyError("error.calculator.large") from error
    except (SyntaxError, ValueError, MemoryError, RecursionError, TypeError) as error:
        raise StudyError("error.calculator.syntax") from error


# -- finding an expression in a question -------------------------------------------------------------

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
