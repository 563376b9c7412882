"""The calculator: exact, bounded, and found inside questions in both languages."""

from __future__ import annotations

import random
from fractions import Fraction

import pytest

from core.agent.arithmetic import calculate, find_expression
from core.errors import StudyError


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        ("12*34", "408"),
        ("0.1 + 0.2", "0.3"),
        ("2^10", "1024"),
        ("1,000 × 3", "3000"),
        ("10 ÷ 4", "2.5"),
        ("1/3", "0.333333333333"),
        ("15% of 3000 + 7", "457"),
        ("200 + 10%", "200.1"),
        ("10 % 3", "1"),
        ("-(2+3)*4", "-20"),
        ("√16", "4"),
        ("sqrt(2)", "1.41421356237"),
        ("factorial(20)", "2432902008176640000"),
        ("7 // 2", "3"),
        ("2**-2", "0.25"),
        ("123456789012345678901234567890 * 10", "1234567890123456789012345678900"),
    ],
)
def test_results(expression: str, result: str) -> None:
    assert calculate(expression) == result


@pytest.mark.parametrize(
    ("expression", "key"),
    [
        ("1/0", "zero"),
        ("4000000**4000000", "large"),
        ("9**9**9**9", "large"),
        ("factorial(100000)", "large"),
        ("1e400", "large"),
        ("sqrt(-1)", "domain"),
        ("(-8)**0.5", "domain"),
        ("__import__('os').system('ls')", "syntax"),
        ("'a'*1000", "syntax"),
        ("[1]*9", "syntax"),
        ("x+1", "syntax"),
        ("", "syntax"),
        ("True+1", "syntax"),
        ("1+" * 149 + "1", "large"),
        ("9" * 301, "large"),
        ("-" * 60 + "1", "large"),
    ],
)
def test_what_it_refuses(expression: str, key: str) -> None:
    with pytest.raises(StudyError) as caught:
        calculate(expression)
    assert caught.value.key.startswith("error.calculator.") and caught.value.key.endswith(key)


def test_it_agrees_with_exact_fractions() -> None:
    dice = random.Random(7)
    for _ in range(300):
        a, b, c = (dice.randint(-999, 999) for _ in range(3))
        text = f"({a}) * ({b}) - ({c})"
        assert Fraction(calculate(text)) == Fraction(a * b - c)


@pytest.mark.parametrize(
    ("question", "expression"),
    [
        ("What is 12*34?", "12*34"),
        ("12*34는 얼마야?", "12*34"),
        ("8 곱하기 9는?", "8 * 9"),
        ("100 나누기 8 더하기 2", "100 / 8 + 2"),
        ("3의 10제곱은?", "3**10"),
        ("what's 15% of 3000 plus 7", "15% of 3000 + 7"),
        ("3000의 15퍼센트는?", None),
        ("15퍼센트의 3000", "15%의 3000"),
        ("calculate (2+3)*4 please", "(2+3)*4"),
        ("5 times 6 minus 2", "5 * 6 - 2"),
        ("square root of 144", "sqrt 144"),
        ("What is 2 to the power of 10?", "2**10"),
        ("1,234 x 2 =", "1,234 * 2"),
        ("-5 + 3 = ?", "-5 + 3"),
        ("What happened on 2026-11-23?", None),
        ("3·1절이 뭐야?", None),
        ("call 010-1234-5678", None),
        ("Is Python 3.11 good?", None),
        ("A4 용지 2장", None),
        ("Hello", None),
        ("GPT-4 or GPT-5?", None),
        ("meet at 10:30", None),
    ],
)
def test_finding_the_expression(question: str, expression: str | None) -> None:
    assert find_expression(question) == expression
