"""Whatever a vendor sends: typed errors and rejects, never a stray exception, never a number that is none."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from marketflow.domain.records import ParsedPayload
from marketflow.errors import MarketFlowError
from tests.unit.sources.support import DATASETS, Sample, sample

pytestmark = pytest.mark.unit

SAMPLES = [sample(*pair) for pair in DATASETS]
RELAXED = settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])

odd_scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=-(10**60), max_value=10**60),
    st.floats(),
    st.text(max_size=12),
    st.sampled_from(
        [
            "NaN",
            "Infinity",
            "-1",
            "1e5",
            "1_0",
            " 1",
            "１",
            "",
            "GBp",
            "America",
            "../x",
            "USD",
            "1d",
            "60m",
            "\x00",
            "\ud800",
        ]
    ),
    st.sampled_from([0, -1, 2**31, 2**63, 10**400, 1772445600, 253402300799, 1e308, 5e-324, float("inf")]),
)
odd_values = st.recursive(
    odd_scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
statuses = st.sampled_from([200, 200, 200, 200, 204, 302, 400, 401, 403, 404, 418, 422, 429, 451, 500, 503, 999])
header_texts = st.one_of(
    st.text(max_size=20),
    st.sampled_from(
        [
            "Mon, 02 Mar 2026 10:03:21 GMT",
            "Fri, 31 Dec 9999 23:59:59 GMT",
            "Mon, 01 Jan 0001 00:00:00 +2300",
            "Mon, 02 Mar 2026 10:03:21 +99999999999999999999",
            "9" * 30,
            "-5",
            "0",
        ]
    ),
)
odd_headers = st.dictionaries(
    st.sampled_from(["date", "retry-after", "age", "x-mbx-used-weight-1m", "content-type"]), header_texts, max_size=3
)


def read(
    case: Sample, body: bytes, *, status: int = 200, headers: dict[str, str] | None = None
) -> ParsedPayload | None:
    """What `parse` reads; None when check and parse refuse with a typed error. Anything else escapes."""
    response = case.response(body, status=status, **(headers or {}))
    for step in (case.source.check, case.source.parse):
        try:
            step(case.request, response)
        except MarketFlowError as error:
            str(error).encode("utf-8")  # a message that cannot be written would be lost in the log
            return None
    return case.source.parse(case.request, response)


def assert_sound(case: Sample, payload: ParsedPayload | None) -> None:
    """Every row that got through can be stored: finite bounded decimals, UTC times of this age, asked symbols."""
    for candle in payload.candles if payload else ():
        numbers = [candle.open, candle.high, candle.low, candle.close, candle.volume, candle.quote_volume]
        assert all(type(one) is Decimal and one.is_finite() and abs(one) < 10**24 for one in numbers if one is not None)
        assert datetime(1899, 12, 30, tzinfo=UTC) < candle.open_time < datetime(2100, 1, 2, tzinfo=UTC)
        assert candle.source_symbol in case.symbols
    for price in payload.prices if payload else ():
        assert price.price.is_finite()
        assert 0 < price.price < 10**24
        assert price.source_symbol in case.symbols
    for action in payload.actions if payload else ():
        sides = [action.amount, action.numerator, action.denominator]
        assert all(type(one) is Decimal and one.is_finite() and abs(one) < 10**24 for one in sides if one is not None)
        assert datetime(1899, 12, 30, tzinfo=UTC) < action.effective < datetime(2100, 1, 2, tzinfo=UTC)
        assert action.source_symbol in case.symbols
    for refused in payload.rejects if payload else ():
        assert refused.reason.isidentifier()
        text = f"{refused.detail}{refused.row}"
        assert "\x00" not in text  # Postgres has no place for it
        text.encode("utf-8")
    keys = [(refused.position, refused.reason) for refused in payload.rejects] if payload else []
    assert len(keys) == len(set(keys))


def places(value: object, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value in a JSON document."""
    below = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, inner in below for found in places(inner, (*path, key)))]


@RELAXED
@given(case=st.sampled_from(SAMPLES), body=st.binary(max_size=200), status=statuses, headers=odd_headers)
def test_any_bytes_are_read_or_refused_with_a_type(
    case: Sample, body: bytes, status: int, headers: dict[str, str]
) -> None:
    """Random bytes with any status and headers raise nothing but MarketFlow's errors."""
    assert_sound(case, read(case, body, status=status, headers=headers))


@RELAXED
@given(case=st.sampled_from(SAMPLES), value=odd_values, status=statuses)
def test_any_json_is_read_or_refused_with_a_type(case: Sample, value: object, status: int) -> None:
    """The same for any JSON document."""
    assert_sound(case, read(case, json.dumps(value).encode(), status=status))


@settings(RELAXED, max_examples=400)
@given(data=st.data(), case=st.sampled_from(SAMPLES), headers=odd_headers)
def test_an_answer_with_anything_anywhere_is_sound(data: st.DataObject, case: Sample, headers: dict[str, str]) -> None:
    """A good answer with up to three values replaced, removed or doubled gives only rows that can be stored."""
    body = copy.deepcopy(case.body)
    for _ in range(data.draw(st.integers(min_value=1, max_value=3))):
        path = data.draw(st.sampled_from(places(body)))
        if not path:
            continue
        parent = body
        for key in path[:-1]:
            parent = parent[key]
        change = data.draw(st.sampled_from(["replace", "remove", "double"]))
        if change == "replace":
            parent[path[-1]] = data.draw(odd_values)
        elif change == "remove":
            del parent[path[-1]]
        elif isinstance(parent, list):
            parent.insert(path[-1], parent[path[-1]])
    assert_sound(case, read(case, json.dumps(body).encode(), headers=headers))


@RELAXED
@given(data=st.data(), case=st.sampled_from(SAMPLES))
def test_an_answer_with_broken_bytes_is_sound(data: st.DataObject, case: Sample) -> None:
    """A good answer cut anywhere, or with some of its bytes overwritten, likewise."""
    body = bytearray(case.response().body)
    for _ in range(data.draw(st.integers(min_value=0, max_value=3))):
        at = data.draw(st.integers(min_value=0, max_value=len(body) - 1))
        body[at : at + 3] = data.draw(st.binary(max_size=4))
    end = data.draw(st.integers(min_value=0, max_value=len(body)))
    assert_sound(case, read(case, bytes(body[: end or None])))
