"""Every NUMERIC that Postgres holds reaches the client digit for digit, in every endpoint and layout."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from marketflow.persistence.connection import Database
from tests.unit.api.market import NOON, Client

pytestmark = pytest.mark.integration

PLUS = st.builds(
    lambda digits, places: Decimal(digits).scaleb(-places), st.integers(1, 10**70), st.integers(0, 60)
) | st.builds(lambda digits, zeros: Decimal(digits).scaleb(zeros), st.integers(1, 999), st.integers(0, 90))
ZERO_OR_PLUS = PLUS | st.integers(0, 40).map(lambda places: Decimal(0).scaleb(-places))


def digits(value: Decimal) -> str:
    """All digits of `value`, without an exponent."""
    return f"{value:f}"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@example(price=Decimal("0.00000812"), volume=Decimal("0.00000000"))
@example(price=Decimal("8.12E-60"), volume=Decimal("1E+90"))
@example(price=Decimal("75.0875000"), volume=Decimal(0))
@given(price=PLUS, volume=ZERO_OR_PLUS)
def test_any_numeric_comes_back_digit_for_digit(
    client: Client, database: Database, price: Decimal, volume: Decimal
) -> None:
    """Trailing zeros stay, no exponent appears, nothing passes through a float, as number, string or CSV."""
    database.query(
        """insert into candles select id, '1m', cast(:now as timestamptz), cast(:price as numeric),
             cast(:price as numeric), cast(:price as numeric), cast(:price as numeric), cast(:volume as numeric),
             cast(:volume as numeric), 7, true, cast(:now as timestamptz), 1 from symbols where symbol = 'BTCUSDT'
           on conflict (symbol_id, interval, open_time) do update set open = excluded.open, high = excluded.high,
             low = excluded.low, close = excluded.close, volume = excluded.volume,
             quote_volume = excluded.quote_volume""",
        price=price,
        volume=volume,
        now=NOON,
    )
    database.query(
        """insert into prices
             select id, cast(:now as timestamptz), cast(:price as numeric), cast(:now as timestamptz), 1
             from symbols where symbol = 'BTCUSDT'
           on conflict (symbol_id, as_of) do update set price = excluded.price""",
        price=price,
        now=NOON,
    )
    p, v = digits(price), digits(volume)
    row = (
        f'"open_time":"2026-11-23T12:00:00Z","open":{p},"high":{p},"low":{p},"close":{p},'
        f'"volume":{v},"quote_volume":{v},"trades":7,"final":true}}'
    )
    candles = {"interval": "1m"}
    assert client.get("/v1/candles/BTCUSDT", **candles).body == f"[{{{row}]"
    assert client.get("/v1/candles", symbols="BTCUSDT", **candles).body == f'[{{"symbol":"BTCUSDT",{row}]'
    assert client.get("/v1/candles/BTCUSDT", format="ndjson", **candles).body == f"{{{row}\n"
    assert client.get("/v1/candles/BTCUSDT", format="csv", **candles).body.splitlines()[1] == (
        f"2026-11-23T12:00:00Z,{p},{p},{p},{p},{v},{v},7,true"
    )
    assert f'"price":{p},"currency":"USDT"' in client.get("/v1/prices/BTCUSDT").body
    history = "/v1/prices/BTCUSDT/history"
    assert f'"as_of":"2026-11-23T12:00:00Z","price":{p},"source"' in client.get(history).body
    assert f'"price":"{p}","source"' in client.get(history, numbers="string").body
    assert client.get(history, format="csv").body.splitlines()[1].startswith(f"2026-11-23T12:00:00Z,{p},binance,")
    conversion = client.get("/v1/convert", **{"from": "BTC", "to": "USDT"}).body
    assert f'"to":"USDT","rate":{p},"as_of"' in conversion
    quoted = json.loads(client.get("/v1/candles/BTCUSDT", numbers="string", **candles).body)[0]
    assert (quoted["open"], quoted["close"], quoted["volume"], quoted["quote_volume"]) == (p, p, v, v)
    assert quoted["trades"] == 7
    assert json.loads(client.get("/v1/prices/BTCUSDT", numbers="string").body)["price"] == p
