"""JSON is compact, and exact."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflow.api.json_text import compact

pytestmark = pytest.mark.unit

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(PLAIN)
def test_plain_data_is_what_the_standard_library_writes(value: object) -> None:
    """The same text, without a blank between tokens; half a surrogate pair is escaped."""
    assert compact(value) == json.dumps(value, separators=(",", ":"))
    compact(value).encode()


@given(st.decimals(allow_nan=False, allow_infinity=False, places=20) | st.just(Decimal("1E+30")))
def test_a_decimal_has_no_exponent(value: Decimal) -> None:
    """Digit for digit, as a number or as a string, wherever it stands."""
    assert compact({"x": [value]}) == f'{{"x":[{value:f}]}}'
    assert compact({"x": [value]}, quoted=True) == f'{{"x":["{value:f}"]}}'
    assert "e" not in compact(value).lower()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "2026-01-02T03:04:05Z"),
        (datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC), "2026-01-02T03:04:05.678Z"),
        (datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=3))), "2026-01-02T00:04:05Z"),
        (datetime(999, 1, 2, tzinfo=UTC), "0999-01-02T00:00:00Z"),
    ],
)
def test_a_time_is_in_utc(value: datetime, text: str) -> None:
    """RFC 3339, with milliseconds only where there are some, as the database writes it."""
    assert compact(value) == f'"{text}"'
