"""The statements that judge what was loaded pin no RDS Proxy connection, and name what they judge."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from marketflow.domain.interval import Interval
from marketflow.domain.moves import BOUNDS
from marketflow.domain.records import ActionKind, Candle, CorporateAction, ParsedPayload, Price
from marketflow.domain.series import series_of
from marketflow.persistence.load_sql import LOCK
from marketflow.persistence.moves_sql import CANDLES, PRICES, judgements

pytestmark = pytest.mark.unit

START = datetime(2026, 3, 2, tzinfo=UTC)
ONE = Decimal(1)


def spans(payload: ParsedPayload) -> dict[str, list[dict[str, str]]]:
    """What is judged, by statement."""
    found = judgements(series_of(payload.candles), payload, source="yahoo", raw_id=7, bounds=BOUNDS)
    return {sql: json.loads(str(params["spans"])) for sql, params in found}


def minute(place: int, name: str = "AAPL") -> Candle:
    moment = START + timedelta(minutes=place)
    return Candle(name, Interval.M1, moment, open=ONE, high=ONE, low=ONE, close=ONE, volume=None, final=True)


@pytest.mark.parametrize("sql", [LOCK, CANDLES, PRICES])
def test_a_statement_pins_nothing(sql: str) -> None:
    """https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-proxy-pinning.html: calling a function does not."""
    assert ";" not in sql
    assert not re.search(
        r"\b(set|set_config|nextval|temp|temporary|listen|prepare|declare|pg_advisory\w*)\b", sql.lower()
    )


def test_what_was_loaded_is_judged_from_its_first_to_its_last_row() -> None:
    """One span for each symbol and interval, whatever the order of the rows."""
    payload = ParsedPayload((minute(3), minute(0), minute(1, "MSFT"), minute(2)), (Price("AAPL", START, ONE),))
    found = spans(payload)
    assert [(one["source_symbol"], one["first"][11:16], one["until"][11:16]) for one in found[CANDLES]] == [
        ("AAPL", "00:00", "00:03"),
        ("MSFT", "00:01", "00:01"),
    ]
    assert [one["look_back"] for one in found[CANDLES] + found[PRICES]] == ["345600 seconds"] * 3


def test_a_split_judges_all_of_its_symbol() -> None:
    """Candles of both stored lengths and prices, from the first to the last, if the answer was the first to tell it."""
    split = CorporateAction("AAPL", ActionKind.SPLIT, START, numerator=Decimal(4), denominator=ONE)
    found = spans(ParsedPayload(actions=(split,)))
    assert {one["interval"] for one in found[CANDLES]} == {"1m", "1d"}
    assert all(
        (one["first"], one["until"], one["by_split"]) == ("-infinity", "infinity", "true") for one in found[PRICES]
    )


def test_an_answer_without_rows_judges_nothing() -> None:
    """Neither does a name that no symbol can have: PostgreSQL could not even read it."""
    assert spans(ParsedPayload()) == {}
    assert spans(ParsedPayload((minute(0, "A\0"), minute(1, "\ud800")), (Price("\0", START, ONE),))) == {}
