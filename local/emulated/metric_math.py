"""CloudWatch's metric math on series of equal periods: the operators and functions that alarms are written with.

A series is a value, or None where there is no data, for each period; a scalar is a number. Whatever an operator has no
data for, or divides by zero, has no data afterwards.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
"""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

Series = list[float | None]
Value = Series | float
Operand = Callable[..., float | None]

WORDS = ((r"&&|\bAND\b", " and "), (r"\|\||\bOR\b", " or "))
"""CloudWatch's spellings of the two logical operators, and Python's."""

ARITHMETIC: dict[type[ast.AST], Operand] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: lambda left, right: left / right if right else None,
    ast.BitXor: operator.pow,  # CloudWatch writes 2^3
    ast.Eq: lambda left, right: float(left == right),
    ast.NotEq: lambda left, right: float(left != right),
    ast.Lt: lambda left, right: float(left < right),
    ast.LtE: lambda left, right: float(left <= right),
    ast.Gt: lambda left, right: float(left > right),
    ast.GtE: lambda left, right: float(left >= right),
    ast.And: lambda left, right: float(bool(left) and bool(right)),
    ast.Or: lambda left, right: float(bool(left) or bool(right)),
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
}

ROUNDINGS: dict[str, Operand] = {"ABS": abs, "CEIL": math.ceil, "FLOOR": math.floor}

STATISTICS: dict[str, Callable[[Sequence[float]], float]] = {
    "SUM": math.fsum,
    "AVG": lambda values: math.fsum(values) / len(values),
    "MIN": min,
    "MAX": max,
}
"""Of a series one number; of an array of series the number of each period, of those that have data."""


class MathError(ValueError):
    """The expression is no metric math, or none that is known here; the message says what."""


@dataclass(frozen=True, kw_only=True)
class Scope:
    """What an expression may name: `resolve` gives the value of an id. `period` in seconds, `count` periods."""

    resolve: Callable[[str], Value]
    period: int
    count: int


@lru_cache(maxsize=1024)
def parsed(expression: str) -> ast.expr:
    """The expression as a tree. Raises MathError."""
    text = expression
    for spelling, word in WORDS:
        text = re.sub(spelling, word, text)
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except SyntaxError as error:
        raise MathError(f"{expression}: {error.msg}") from None
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and (not isinstance(node.func, ast.Name) or node.func.id not in FUNCTIONS):
            raise MathError(f"{expression}: the function {ast.unparse(node.func)} is not known here")
    return tree


def evaluate(expression: str, scope: Scope) -> Value:
    """What the expression comes to. Raises MathError."""
    return _value(parsed(expression), scope)


def as_series(value: Value, count: int) -> Series:
    """A scalar is itself in every period."""
    return value if isinstance(value, list) else [value] * count


def _value(node: ast.expr, scope: Scope) -> Value:
    match node:
        case ast.Constant(value=bool() | int() | float() as number):
            return float(number)
        case ast.Name(id=name):
            return scope.resolve(name)
        case ast.UnaryOp(op=op, operand=operand) if type(op) in ARITHMETIC:
            return _each(ARITHMETIC[type(op)], [_value(operand, scope)])
        case ast.BinOp(left=left, op=sign, right=right) | ast.Compare(left=left, ops=[sign], comparators=[right]) if (
            type(sign) in ARITHMETIC
        ):
            return _each(ARITHMETIC[type(sign)], [_value(left, scope), _value(right, scope)])
        case ast.BoolOp(op=word, values=values):
            first, *others = (_value(one, scope) for one in values)
            for other in others:
                first = _each(ARITHMETIC[type(word)], [first, other])
            return first
        case ast.Call(func=ast.Name(id=name), args=arguments):
            return FUNCTIONS[name](arguments, scope)
    raise MathError(f"{ast.unparse(node)} is no metric math that is known here")


def _each(function: Operand, values: Sequence[Value]) -> Value:
    """`function` in each period, of the periods in which all have data."""
    count = next((len(value) for value in values if isinstance(value, list)), None)
    columns = zip(*(as_series(value, count or 1) for value in values), strict=True)
    series = [None if any(one is None for one in column) else function(*column) for column in columns]
    # A scalar that is divided by zero is a series without data.
    return series[0] if count is None and series[0] is not None else series


def _fill(arguments: Sequence[ast.expr], scope: Scope) -> Value:
    """FILL(series, number | series | REPEAT | LINEAR)."""
    series, filler = as_series(_value(arguments[0], scope), scope.count), arguments[1]
    match filler:
        case ast.Name(id="REPEAT"):
            return _repeated(series)
        case ast.Name(id="LINEAR"):
            raise MathError("FILL(…, LINEAR) is not known here")
    others = as_series(_value(filler, scope), scope.count)
    return [other if value is None else value for value, other in zip(series, others, strict=True)]


def _repeated(series: Series) -> Series:
    last: float | None = None
    return [last := value if value is not None else last for value in series]


def _if(arguments: Sequence[ast.expr], scope: Scope) -> Value:
    """IF(condition, then[, else]): no data where there is no condition, and where an `else` is missing."""
    condition, then, *otherwise = (as_series(_value(one, scope), scope.count) for one in arguments)
    other = otherwise[0] if otherwise else [None] * scope.count
    rows = zip(condition, then, other, strict=True)
    return [None if asked is None else yes if asked else no for asked, yes, no in rows]


def _statistic(name: str) -> Callable[[Sequence[ast.expr], Scope], Value]:
    def apply(arguments: Sequence[ast.expr], scope: Scope) -> Value:
        if isinstance(arguments[0], ast.List):
            rows = zip(*(as_series(_value(one, scope), scope.count) for one in arguments[0].elts), strict=True)
            return [_of(name, row) for row in rows]
        found = _of(name, as_series(_value(arguments[0], scope), scope.count))
        return [None] * scope.count if found is None else found

    return apply


def _of(name: str, values: Iterable[float | None]) -> float | None:
    present = [value for value in values if value is not None]
    return STATISTICS[name](present) if present else None


def _rounding(name: str) -> Callable[[Sequence[ast.expr], Scope], Value]:
    return lambda arguments, scope: _each(ROUNDINGS[name], [_value(arguments[0], scope)])


def _rate(arguments: Sequence[ast.expr], scope: Scope) -> Value:
    """RATE(series): the change a second since the datapoint before."""
    rates: Series = []
    before: tuple[int, float] | None = None
    for number, value in enumerate(as_series(_value(arguments[0], scope), scope.count)):
        known = before is not None and value is not None
        rates.append((value - before[1]) / ((number - before[0]) * scope.period) if known else None)  # type: ignore[operator,index]  # `known` says so
        before = before if value is None else (number, value)
    return rates


FUNCTIONS: dict[str, Callable[[Sequence[ast.expr], Scope], Value]] = {
    "FILL": _fill,
    "IF": _if,
    "RATE": _rate,
    "PERIOD": lambda _, scope: float(scope.period),
    **{name: _statistic(name) for name in STATISTICS},
    **{name: _rounding(name) for name in ROUNDINGS},
}
