"""Evaluating arithmetic: an evaluator of our own over a whitelist of the Python grammar.

Exact (fractions) where the operations allow it; where they do not (roots, logarithms, trigonometry) 50 decimal digits.
``^`` means power. Bounded in length, depth and digits, so that nothing a user or a model writes can hang or fill memory.
"""

from __future__ import annotations

import ast
import decimal
import math
import operator
import re
import unicodedata
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction

from core.errors import StudyError

MAX_CHARS = 300
MAX_BITS = 4_000
"""Largest intermediate number: about 1,200 digits."""
MAX_DEPTH = 40
MAX_FACTORIAL = 400
MAX_ROOT = 64
"""Largest root that is looked for exactly."""
MAX_ARGUMENTS = 20
SHOWN_DIGITS = 12
"""Significant digits of a result that has no end."""
EXACT_DIGITS = 40
"""A result that ends within this many decimal places is written in full."""

Number = Fraction | Decimal
"""A :class:`~fractions.Fraction` is exact, a :class:`~decimal.Decimal` rounded."""

_CONTEXT = decimal.Context(
    prec=50,
    Emax=4_000,
    Emin=-4_000,
    traps=[decimal.InvalidOperation, decimal.DivisionByZero, decimal.Overflow],
)
PI = Decimal("3.14159265358979323846264338327950288419716939937510582097494459230781640628620899")
E = Decimal("2.71828182845904523536028747135266249775724709369995957496696762772407663035354759")
_TINY = Decimal("1e-45")


def _domain() -> StudyError:
    return StudyError("error.calculator.domain")


def _large() -> StudyError:
    return StudyError("error.calculator.large")


def _syntax() -> StudyError:
    return StudyError("error.calculator.syntax")


def _bounded(value: Number) -> Number:
    if isinstance(value, Fraction):
        if max(value.numerator.bit_length(), value.denominator.bit_length()) > MAX_BITS:
            raise _large()
    elif not value.is_finite() or value.adjusted() > 1_200:
        raise _large()
    return value


def _decimal(value: Number) -> Decimal:
    if isinstance(value, Decimal):
        return value
    return _CONTEXT.divide(Decimal(value.numerator), Decimal(value.denominator))


def _whole(value: Number) -> int:
    if not isinstance(value, Fraction) or value.denominator != 1:
        raise _domain()
    return value.numerator


# -- operators ----------------------------------------------------------------------------------------


def _operate(
    exact: Callable[[Fraction, Fraction], Fraction], rounded: Callable[[Decimal, Decimal], Decimal]
) -> Callable[[Number, Number], Number]:
    def work(a: Number, b: Number) -> Number:
        if isinstance(a, Fraction) and isinstance(b, Fraction):
            return exact(a, b)
        return rounded(_decimal(a), _decimal(b))

    return work


def _floor_divide(a: Decimal, b: Decimal) -> Decimal:
    return (a / b).to_integral_value(rounding=decimal.ROUND_FLOOR)


def _modulo(a: Decimal, b: Decimal) -> Decimal:
    return a - b * _floor_divide(a, b)


def _power(base: Number, exponent: Number) -> Number:
    if isinstance(base, Fraction) and isinstance(exponent, Fraction):
        if exponent.denominator == 1:
            return _whole_power(base, exponent.numerator)
        root = _exact_root(base, exponent.denominator)
        if root is not None:
            return _whole_power(root, exponent.numerator)
    if base < 0:
        raise _domain()
    if base == 0:
        if exponent <= 0:
            raise ZeroDivisionError
        return Fraction(0)
    return _CONTEXT.power(_decimal(base), _decimal(exponent))


def _whole_power(base: Fraction, exponent: int) -> Fraction:
    size = max(base.numerator.bit_length(), base.denominator.bit_length())
    if base not in (0, 1, -1) and (size - 1) * abs(exponent) > MAX_BITS:
        raise _large()
    if base in (0, 1, -1):
        exponent = (exponent > 0) - (exponent < 0) if exponent % 2 else 2 * ((exponent > 0) - (exponent < 0))
    result: Fraction = base**exponent
    return result


def _exact_root(value: Fraction, degree: int) -> Fraction | None:
    """Return the root when it is a fraction, else ``None``. Even roots of negative numbers are outside."""
    if degree > MAX_ROOT:
        return None
    if value < 0:
        # A real number only for odd roots; Python and school disagree on (-8)**(1/3), so only cbrt says -2.
        raise _domain()
    top, bottom = _whole_root(value.numerator, degree), _whole_root(value.denominator, degree)
    return Fraction(top, bottom) if top is not None and bottom is not None else None


def _whole_root(number: int, degree: int) -> int | None:
    if degree == 2:
        found = math.isqrt(number)
        return found if found * found == number else None
    low, high = 0, 1 << (number.bit_length() // degree + 1)
    while low < high:
        middle = (low + high + 1) // 2
        if middle**degree <= number:
            low = middle
        else:
            high = middle - 1
    return low if low**degree == number else None


_BINARY: dict[type[ast.operator], Callable[[Number, Number], Number]] = {
    ast.Add: _operate(operator.add, operator.add),
    ast.Sub: _operate(operator.sub, operator.sub),
    ast.Mult: _operate(operator.mul, operator.mul),
    ast.Div: _operate(operator.truediv, operator.truediv),
    ast.FloorDiv: _operate(lambda a, b: Fraction(a // b), _floor_divide),
    ast.Mod: _operate(operator.mod, _modulo),
    ast.Pow: _power,
}


# -- functions ----------------------------------------------------------------------------------------


def _square_root(value: Number) -> Number:
    if value < 0:
        raise _domain()
    exact = _exact_root(value, 2) if isinstance(value, Fraction) else None
    return exact if exact is not None else _CONTEXT.sqrt(_decimal(value))


def _cube_root(value: Number) -> Number:
    if value < 0:
        return -_cube_root(-value)
    exact = _exact_root(value, 3) if isinstance(value, Fraction) else None
    if exact is not None or value == 0:
        return exact if exact is not None else Fraction(0)
    return _CONTEXT.power(_decimal(value), _CONTEXT.divide(Decimal(1), Decimal(3)))


def _factorial(value: Number) -> Number:
    number = _whole(value)
    if number < 0:
        raise _domain()
    if number > MAX_FACTORIAL:
        raise _large()
    return Fraction(math.factorial(number))


def _absolute(value: Number) -> Number:
    return -value if value < 0 else value


def _rounded(value: Number, places: Number = Fraction(0)) -> Number:
    digits = _whole(places)
    if abs(digits) > 100:
        raise _large()
    exact = value if isinstance(value, Fraction) else Fraction(value)
    # Half away from zero, as people round; Python's own rounds half to even.
    scale = Fraction(10) ** digits
    scaled = abs(exact) * scale
    whole = math.floor(scaled + Fraction(1, 2))
    return Fraction(whole if exact >= 0 else -whole) / scale


def _floor(value: Number) -> Number:
    return Fraction(math.floor(value))


def _ceiling(value: Number) -> Number:
    return Fraction(math.ceil(value))


def _natural_log(value: Number) -> Number:
    if value <= 0:
        raise _domain()
    return Fraction(0) if value == 1 else _CONTEXT.ln(_decimal(value))


def _logarithm(value: Number, base: Number = Fraction(10)) -> Number:
    """Return the logarithm to a base (10 when none is given), exactly where it is a whole number."""
    if value <= 0 or base <= 0 or base == 1:
        raise _domain()
    found = _CONTEXT.divide(_decimal(_natural_log(value)), _decimal(_natural_log(base)))
    near = found.to_integral_value()
    if isinstance(value, Fraction) and isinstance(base, Fraction) and abs(near) < MAX_BITS:
        try:
            if _whole_power(base, int(near)) == value:
                return Fraction(int(near))
        except StudyError:
            pass
    return found


def _log2(value: Number) -> Number:
    return _logarithm(value, Fraction(2))


def _exponential(value: Number) -> Number:
    if not -2_700 <= value <= 2_700:
        raise _large()
    return Fraction(1) if value == 0 else _CONTEXT.exp(_decimal(value))


def _sine(value: Number) -> Number:
    if value == 0:
        return Fraction(0)
    if not -(10**15) <= value <= 10**15:
        raise _large()
    with decimal.localcontext(_CONTEXT) as context:
        context.prec = 75
        turn = 2 * PI
        x = _decimal(value) % turn
        term, total, square, n = x, x, x * x, 1
        while abs(term) > Decimal("1e-70"):
            term = -term * square / ((n + 1) * (n + 2))
            total += term
            n += 2
    total = _CONTEXT.plus(total)
    return Fraction(0) if abs(total) < _TINY else total


def _cosine(value: Number) -> Number:
    if value == 0:
        return Fraction(1)
    with decimal.localcontext(_CONTEXT) as context:
        context.prec = 75
        shifted = _decimal(value) + PI / 2
    return _sine(shifted)


def _tangent(value: Number) -> Number:
    bottom = _cosine(value)
    if bottom == 0:
        raise _domain()
    return _CONTEXT.divide(_decimal(_sine(value)), _decimal(bottom)) if value != 0 else Fraction(0)


def _by_float(function: Callable[[float], float]) -> Callable[[Number], Number]:
    def work(value: Number) -> Number:
        try:
            return _CONTEXT.create_decimal(f"{function(float(value)):.15g}")
        except (ValueError, OverflowError) as error:
            raise _domain() from error

    return work


def _greatest(*values: Number) -> Number:
    return max(values, key=_decimal)


def _least(*values: Number) -> Number:
    return min(values, key=_decimal)


def _total(*values: Number) -> Number:
    total: Number = Fraction(0)
    for value in values:
        total = _bounded(_BINARY[ast.Add](total, value))
    return total


def _average(*values: Number) -> Number:
    return _BINARY[ast.Div](_total(*values), Fraction(len(values)))


def _greatest_divisor(*values: Number) -> Number:
    return Fraction(math.gcd(*(_whole(value) for value in values)))


def _least_multiple(*values: Number) -> Number:
    return _bounded(Fraction(math.lcm(*(_whole(value) for value in values))))


_FUNCTIONS: dict[str, tuple[Callable[..., Number], int, int]] = {
    "sqrt": (_square_root, 1, 1),
    "cbrt": (_cube_root, 1, 1),
    "abs": (_absolute, 1, 1),
    "round": (_rounded, 1, 2),
    "floor": (_floor, 1, 1),
    "ceil": (_ceiling, 1, 1),
    "factorial": (_factorial, 1, 1),
    "ln": (_natural_log, 1, 1),
    "log": (_logarithm, 1, 2),
    "log10": (_logarithm, 1, 1),
    "log2": (_log2, 1, 1),
    "exp": (_exponential, 1, 1),
    "sin": (_sine, 1, 1),
    "cos": (_cosine, 1, 1),
    "tan": (_tangent, 1, 1),
    "asin": (_by_float(math.asin), 1, 1),
    "acos": (_by_float(math.acos), 1, 1),
    "atan": (_by_float(math.atan), 1, 1),
    "min": (_least, 1, MAX_ARGUMENTS),
    "max": (_greatest, 1, MAX_ARGUMENTS),
    "sum": (_total, 1, MAX_ARGUMENTS),
    "avg": (_average, 1, MAX_ARGUMENTS),
    "mean": (_average, 1, MAX_ARGUMENTS),
    "gcd": (_greatest_divisor, 1, MAX_ARGUMENTS),
    "lcm": (_least_multiple, 1, MAX_ARGUMENTS),
}
"""Name → function, fewest and most arguments. Angles are radians."""

_CONSTANTS: dict[str, Number] = {"pi": PI, "e": E, "tau": 2 * PI}


# -- the walk -----------------------------------------------------------------------------------------


def _evaluate(node: ast.AST, source: str, depth: int = 0) -> Number:
    if depth > MAX_DEPTH:
        raise _large()
    match node:
        case ast.Expression(body):
            return _evaluate(body, source, depth + 1)
        case ast.Constant(value) if isinstance(value, int | float) and not isinstance(value, bool):
            return _literal(node, value, source)
        case ast.UnaryOp(ast.USub(), operand):
            return -_evaluate(operand, source, depth + 1)
        case ast.UnaryOp(ast.UAdd(), operand):
            return _evaluate(operand, source, depth + 1)
        case ast.BinOp(left, op, right) if type(op) in _BINARY:
            a, b = _evaluate(left, source, depth + 1), _evaluate(right, source, depth + 1)
            return _bounded(_BINARY[type(op)](a, b))
        case ast.Call(ast.Name(name), arguments, []) if name.lower() in _FUNCTIONS:
            function, fewest, most = _FUNCTIONS[name.lower()]
            if not fewest <= len(arguments) <= most:
                raise _syntax()
            return _bounded(function(*(_evaluate(one, source, depth + 1) for one in arguments)))
        case ast.Name(name) if name.lower() in _CONSTANTS:
            return _CONSTANTS[name.lower()]
        case _:
            raise _syntax()


def _literal(node: ast.Constant, value: int | float, source: str) -> Number:
    """Read a number from the text itself: a float has lost digits already."""
    if isinstance(value, int):
        return _bounded(Fraction(value))
    if not math.isfinite(value):
        raise _large()
    text = ast.get_source_segment(source, node) or repr(value)
    exponent = re.search(r"[eE]([+-]?\d+)$", text)
    if exponent and abs(int(exponent.group(1))) > 1_000:
        raise _large()
    return _bounded(Fraction(text.replace("_", "")))


# -- what people type ---------------------------------------------------------------------------------

_SYMBOLS = str.maketrans(
    {
        "×": "*", "✕": "*", "✖": "*", "∙": "*", "·": "*", "⋅": "*", "÷": "/", "∕": "/", "⁄": "/", "√": " sqrt ",
        "∛": " cbrt ", "−": "-", "–": "-", "—": "-", "^": "#", "²": "#2", "³": "#3", "π": " pi ", "％": "%",
    }
)  # fmt: skip
_NUMBER = r"\d+(?:\.\d+)?"
_WORD = r"[A-Za-z_\d.)]"
_STUCK = re.compile(r"(?<!\w)\d[\d_.]*(?![eE][+-]?\d|[xXoObB][\da-fA-F]+\b)[A-Za-z]")


def normalise(expression: str) -> str:
    """Rewrite what people type into the evaluator's syntax: ``1,000 × 15% of 20``, ``2^10``, ``√16``, ``5!``."""
    text = unicodedata.normalize("NFKC", expression.translate(_SYMBOLS)).strip()
    text = re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", text) if not _lists_numbers(text) else text
    text = text.replace("#", "**").rstrip("=? ")
    text = re.sub(rf"({_NUMBER})\s*%\s*(?:of|의)\s*", r"(\1/100)*", text)
    text = re.sub(rf"({_NUMBER})\s*%(?!\s*[\d(a-z])", r"(\1/100)", text)
    text = re.sub(rf"\b(sqrt|cbrt)\s+({_NUMBER}|pi|e)\b", r"\1(\2)", text)
    text = re.sub(r"\b(sqrt|cbrt)\s+\(", r"\1(", text)
    text = re.sub(r"(?<![\w.])(\d+)\s*!(?!=)", r"factorial(\1)", text)
    # 2(3+4), (1+2)(3+4), 2pi, 3 sqrt(2): what stands together is multiplied.
    text = re.sub(rf"(?<!{_WORD})({_NUMBER})\s*(?=\(|pi\b|sqrt\b|cbrt\b)", r"\1*", text)
    text = re.sub(r"\)\s*(?=\(|\d|pi\b|sqrt\b)", ")*", text)
    text = re.sub(r"(?<![\w.])0+(?=\d)(?![xob])", "", text)
    return re.sub(r"\s+", " ", text).strip()


def _lists_numbers(text: str) -> bool:
    """Say whether commas separate arguments rather than thousands: ``max(1,200)`` cannot be told, so it is both no."""
    return bool(re.search(r"[A-Za-z]\s*\([^)]*,\s", text))


def format_number(value: Number) -> str:
    """Write a result: in full when it ends, else with 12 significant digits."""
    if isinstance(value, Fraction):
        if value.denominator == 1:
            return str(value.numerator)
        places = _places(value.denominator)
        if places is not None:
            scaled = abs(value.numerator) * 10**places // value.denominator
            digits = str(scaled).rjust(places + 1, "0")
            sign = "-" if value < 0 else ""
            return f"{sign}{digits[:-places]}.{digits[-places:]}"
        value = _decimal(value)
    shown = decimal.Context(prec=SHOWN_DIGITS, Emax=9_999, Emin=-9_999).create_decimal(value)
    if shown == 0:
        return "0"
    if -6 <= shown.adjusted() < 16:
        text = f"{shown:f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    digits, exponent = f"{shown:e}".split("e")
    digits = digits.rstrip("0").rstrip(".") if "." in digits else digits
    return f"{digits}e{exponent}"


def _places(denominator: int) -> int | None:
    """Return how many decimal places a fraction needs, ``None`` when it never ends or is too long."""
    twos = (denominator & -denominator).bit_length() - 1
    rest, fives = denominator >> twos, 0
    while rest % 5 == 0 and fives <= EXACT_DIGITS:
        rest, fives = rest // 5, fives + 1
    places = max(twos, fives)
    return places if rest == 1 and places <= EXACT_DIGITS else None


def evaluate(expression: str) -> Number:
    """Evaluate an arithmetic expression.

    Raises:
        StudyError: ``error.calculator.*``: not arithmetic, division by zero, too large, outside a function's domain.
    """
    if len(expression) > MAX_CHARS:
        raise _large()
    source = normalise(expression)
    # 3j, 1if: Python would read them, the second with a warning on the screen.
    if not source.isascii() or _STUCK.search(source):
        raise _syntax()
    try:
        tree = ast.parse(source, mode="eval")
        with decimal.localcontext(_CONTEXT):
            return _evaluate(tree, source)
    except (ZeroDivisionError, decimal.DivisionByZero) as error:
        raise StudyError("error.calculator.zero") from error
    except (OverflowError, decimal.Overflow) as error:
        raise _large() from error
    except decimal.InvalidOperation as error:
        raise _domain() from error
    except (SyntaxError, ValueError, MemoryError, RecursionError, TypeError) as error:
        raise _syntax() from error


def calculate(expression: str) -> str:
    """Evaluate an arithmetic expression and write the result.

    Raises:
        StudyError: As :func:`evaluate`.
    """
    return format_number(evaluate(expression))
