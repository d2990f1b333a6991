"""The rules that all adapters share, where no vendor's answer shows them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from marketflow.domain.fetching import RawResponse
from marketflow.errors import MalformedPayloadError
from marketflow.sources import wire

pytestmark = pytest.mark.unit

NOW = datetime(2026, 3, 2, tzinfo=UTC)


def response(body: bytes) -> RawResponse:
    """An answer with nothing but a body."""
    return RawResponse(status=200, headers={}, received_at=NOW, body=body)


def test_no_number_with_a_point_becomes_a_float() -> None:
    """Digits are read as they were sent; what is not finite is a Decimal too."""
    document = wire.decode(response(b"[0.1, 1e-8, NaN, -Infinity, 7]"), title="It")
    assert isinstance(document, list)
    assert [type(value) for value in document] == [Decimal, Decimal, Decimal, Decimal, int]
    assert str(document[0]) == "0.1"


@pytest.mark.parametrize(
    ("body", "reason"),
    [(b'{"a": 1', "truncated"), (b"", "truncated"), (b"{]}", "not_json"), (b"[" + b"9" * 5000 + b"]", "not_json")],
)
def test_unreadable_bodies_say_whether_they_were_cut(body: bytes, reason: str) -> None:
    """A body that ends in the middle is told from one that never was JSON."""
    with pytest.raises(MalformedPayloadError) as error:
        wire.decode(response(body), title="It")
    assert error.value.reason == reason


@pytest.mark.parametrize("value", [True, None, "1772409600", 1772409600.0, -(10**10), 1772409600 + 86_401, 10**40])
def test_a_time_that_cannot_be_is_refused(value: object) -> None:
    """Whole seconds from 1900 to a day past the source's clock, nothing else."""
    with pytest.raises(MalformedPayloadError) as error:
        wire.epoch(value, latest=1772409600)
    assert error.value.reason == "bad_time"


def test_no_time_is_later_than_a_datetime_can_hold() -> None:
    """A source whose clock says 9999 gets no candle of the year 10000."""
    with pytest.raises(MalformedPayloadError):
        wire.epoch(253402300800, latest=253402300799)


def test_a_row_that_cannot_be_printed_is_still_rejected() -> None:
    """Nesting that could be read but not written again does not lose the reject."""
    row: list[object] = []
    for _ in range(100_000):
        row = [row]
    refused = wire.reject(MalformedPayloadError("It is no row.", reason="wrong_shape"), position=3, row=row)
    assert (refused.reason, refused.position) == ("wrong_shape", 3)
    assert json.loads(refused.row)


def test_a_long_row_is_cut() -> None:
    """The quarantine shows the start of a row; the raw body has the rest."""
    refused = wire.reject(MalformedPayloadError("It is no row.", reason="wrong_shape"), position=0, row=["x" * 10_000])
    assert len(refused.row) == 2000
