"""The calculator's evaluator: exact where it can be, fifty digits where not, and never for long."""

from __future__ import annotations

import math
import operator
import random
from decimal import Decimal, localcontext
from fractions import Fraction
from pathlib import Path

import pytest

from core.agent.evaluate import MAX_CHARS, PI, E, calculate, evaluate, normalise
from core.agent.tools import runner
from core.agent.tools.calculator import TOOL
from core.errors import StudyError
from tests.tool_ground import open_store, tool_context


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        ("2(3+4)", "14"),
        ("(1+2)(3+4)", "21"),
        ("5! / 3!", "20"),
        ("5²", "25"),
        ("√(16+9)", "5"),
        ("3√4", "6"),
        ("１２＋３", "15"),
        ("1/3 + 1/3 + 1/3", "1"),
        ("0.12345678901234567890123 * 10", "1.2345678901234567890123"),
        ("1/2**20", "0.00000095367431640625"),
        ("27^(1/3)", "3"),
        ("cbrt(-27)", "-3"),
        ("log(1000)", "3"),
        ("log(8, 2)", "3"),
        ("log2(1024)", "10"),
        ("sin(pi)", "0"),
        ("tan(pi/4)", "1"),
        ("ln(e)", "1"),
        ("exp(1000)", "1.97007111402e+434"),
        ("round(2.5)", "3"),
        ("round(3.14159, 2)", "3.14"),
        ("-10 // 3", "-4"),
        ("-10 % 3", "2"),
        ("max(1, 2.5, 2)", "2.5"),
        ("avg(1, 2, 4) * 3", "7"),
        ("gcd(12, 18)", "6"),
        ("(-1)**99999999999", "-1"),
        ("1.1**2", "1.21"),
        ("007 + 1", "8"),
        ("2 pi", "6.28318530718"),
    ],
)
def test_what_people_type(expression: str, result: str) -> None:
    assert calculate(expression) == result


@pytest.mark.parametrize(
    ("expression", "key"),
    [
        ("2**12000", "large"),
        ("exp(3000)", "large"),
        ("factorial(400) * factorial(400)", "large"),
        ("tan(pi/2)", "domain"),
        ("asin(2)", "domain"),
        ("ln(0)", "domain"),
        ("gcd(1.5, 2)", "domain"),
        ("0**-1", "zero"),
        ("5 // 0", "zero"),
        ("min()", "syntax"),
        ("pi(2)", "syntax"),
        ("a.b", "syntax"),
        ("1 if 1 else 2", "syntax"),
        ("lambda: 1", "syntax"),
        ("2; 3", "syntax"),
        ("3j", "syntax"),
        ("1if 1else 2", "syntax"),
    ],
)
def test_what_it_refuses_and_why(expression: str, key: str) -> None:
    with pytest.raises(StudyError) as caught:
        calculate(expression)
    assert caught.value.key == f"error.calculator.{key}"


_OPERATIONS = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
}


def _grow(dice: random.Random, depth: int) -> tuple[str, Fraction]:
    """Make a random expression and its value by another way: the standard library's fractions."""
    if depth == 0 or dice.random() < 0.2:
        if dice.random() < 0.4:
            text = f"{dice.randint(0, 99)}.{dice.randint(0, 999):03}"
            return text, Fraction(text)
        whole = dice.randint(0, 1000)
        return str(whole), Fraction(whole)
    kind = dice.random()
    left, a = _grow(dice, depth - 1)
    if kind < 0.15:
        return f"-({left})", -a
    if kind < 0.25:
        power = dice.randint(0, 3)
        return f"({left})^{power}", a**power
    symbol = dice.choice(list(_OPERATIONS))
    right, b = _grow(dice, depth - 1)
    return f"({left}) {symbol} ({right})", Fraction(_OPERATIONS[symbol](a, b))


def test_random_expressions_agree_with_exact_fractions() -> None:
    dice = random.Random(20261124)
    compared = 0
    while compared < 1_000:
        try:
            text, expected = _grow(dice, 4)
        except ZeroDivisionError:
            continue
        if (
            len(text) > MAX_CHARS
            or max(expected.numerator.bit_length(), expected.denominator.bit_length()) > 900
        ):
            continue
        assert evaluate(text) == expected, text
        compared += 1


def test_roots_and_logarithms_agree_with_decimal_to_forty_digits() -> None:
    dice = random.Random(7)
    with localcontext() as context:
        context.prec = 60
        for _ in range(60):
            number = Decimal(dice.randint(2, 10**12)) / Decimal(10**6)
            for text, expected in (
                (f"sqrt({number})", number.sqrt()),
                (f"ln({number})", number.ln()),
                (f"log({number})", number.log10()),
                (f"exp({number} / 1000000)", (number / 1_000_000).exp()),
            ):
                found = evaluate(text)
                found = Decimal(found.numerator) / found.denominator if isinstance(found, Fraction) else found
                assert abs(found - expected) <= abs(expected) * Decimal("1e-40"), text


def test_angles_agree_with_the_mathematics_library() -> None:
    dice = random.Random(3)
    for _ in range(100):
        angle = round(dice.uniform(-50, 50), 6)
        for name in ("sin", "cos"):
            assert float(evaluate(f"{name}({angle})")) == pytest.approx(getattr(math, name)(angle), abs=1e-13)
    assert str(PI).startswith(str(math.pi)[:15]) and str(E).startswith(str(math.e)[:15])


def test_nonsense_is_refused_quickly_and_never_raises_anything_else() -> None:
    dice = random.Random(11)
    alphabet = "0123456789.+-*/%^()! ,eE√πx_'\"[]{}:=<>&|~\\\n가의of sqrt log pi"
    for _ in range(3_000):
        text = "".join(dice.choice(alphabet) for _ in range(dice.randint(0, 40)))
        try:
            assert calculate(text)
        except StudyError as error:
            assert error.key.startswith("error.calculator.")


@pytest.mark.parametrize(
    "bomb",
    [
        "9**9**9**9",
        "factorial(factorial(9))",
        "2**3999*2**3999",
        "((2**60)**60)**60",
        "10**1000/3**700",
        "*".join(["9" * 30] * 9),
        "sqrt(" * 38 + "2" + ")" * 38,
        "1e999999999",
        "lcm(" + ", ".join(["99991"] * 20) + ")",
    ],
)
def test_large_work_stays_small(bomb: str) -> None:
    """No clock here: what bounds the work is the size of every number on the way, so the answer's size shows it."""
    try:
        assert len(calculate(bomb)) < 1_300
    except StudyError as error:
        assert error.key == "error.calculator.large"


async def test_a_caret_is_shown_as_the_power_it_was_understood_as(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    for typed, shown in (
        ("2^10", "2**10 = 1024"),
        ("200 + 10%", "200 + (10/100) = 200.1"),
        ("12*34", "12*34 = 408"),
    ):
        result = await runner.run(TOOL, tool_context(store, "what is it"), {"expression": typed})
        assert result.ok and result.text == result.answer == shown
    result = await runner.run(TOOL, tool_context(store, "2 나누기 0은?"), {"expression": "2/0"})
    assert not result.ok and result.error == "error.calculator.zero" and "0으로" in result.answer
    assert normalise("3 × 4 ÷ 2^2") == "3 * 4 / 2**2"
    store.close()
