"""Metric math on series with holes."""

from __future__ import annotations

import pytest

from local.emulated.metric_math import MathError, Scope, Value, evaluate

pytestmark = pytest.mark.unit

KNOWN: dict[str, Value] = {"a": [1.0, None, 3.0], "b": [2.0, 4.0, 0.0], "none": [None, None, None]}
SCOPE = Scope(resolve=KNOWN.__getitem__, period=60, count=3)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("a + b", [3.0, None, 3.0]),
        ("-(a - b) * 2", [2.0, None, -6.0]),
        ("a / b", [0.5, None, None]),  # by zero there is no data
        ("b ^ 2", [4.0, 16.0, 0.0]),
        ("b > 1", [1.0, 1.0, 0.0]),
        ("b > 1 && b < 3", [1.0, 0.0, 0.0]),
        ("b < 1 OR b >= 4", [0.0, 1.0, 1.0]),
        ("FILL(a, 0)", [1.0, 0.0, 3.0]),
        ("FILL(a, b)", [1.0, 4.0, 3.0]),
        ("FILL(a, REPEAT)", [1.0, 1.0, 3.0]),
        ("IF(b > 1, a, 9)", [1.0, None, 9.0]),
        ("IF(b > 1, b)", [2.0, 4.0, None]),
        ("IF(FILL(a, 0) > 0, 100 * b / a, 0)", [200.0, 0.0, 0.0]),
        ("SUM([a, b])", [3.0, 4.0, 3.0]),
        ("MAX([a, b])", [2.0, 4.0, 3.0]),
        ("MIN([a, none])", [1.0, None, 3.0]),
        ("AVG([a, b, 6])", [3.0, 5.0, 3.0]),
        ("SUM(a)", 4.0),
        ("SUM(none)", [None, None, None]),
        ("a / AVG(b)", [0.5, None, 1.5]),
        ("RATE(a)", [None, None, 2 / 120]),
        ("b / PERIOD(b)", [2 / 60, 4 / 60, 0.0]),
        ("CEIL(a / 2) + FLOOR(1.5) + ABS(-1)", [3.0, None, 4.0]),
    ],
)
def test_expressions(expression: str, value: Value) -> None:
    """What an expression comes to in each of three periods; there is no data where an operand has none."""
    assert evaluate(expression, SCOPE) == value


@pytest.mark.parametrize("expression", ["a +", "__import__('os')", "a.real", "SEARCH('x', 'Sum')", "[a][0]", "'text'"])
def test_nothing_else_is_evaluated(expression: str) -> None:
    """Only metric math is: no attribute, no index, no function that is not in the table."""
    with pytest.raises(MathError):
        evaluate(expression, SCOPE)
