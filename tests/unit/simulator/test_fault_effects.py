"""Each switch changes the wire in the way its line in the table says, and only while it is set."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local.simulator.exchangerate import FREE_KEY
from local.simulator.fault_table import FAULTS, Kind
from local.simulator.wire import Answer
from local.simulator.world import World
from tests.unit.simulator.support import MONDAY, ask, body, chart, clock_of, klines, quotes, utc, world

pytestmark = pytest.mark.unit

PING = "/binance/api/v3/ping"
INFO = "/binance/api/v3/exchangeInfo"
PAGE = "/binance/api/v3/klines?symbol=BTCUSDT&interval=1m"
AAPL = "/yahoo/v8/finance/chart/AAPL"
USD = "/exchangerate/v6/latest/USD"
LATEST = "/frankfurter/v1/latest"
DAILY = "/ecb/stats/eurofxref/eurofxref-daily.xml"
NOON = "2026-01-05T12:00Z/2026-01-05T13:00Z"


def get(asked: World, path: str) -> Answer:
    """The answer to a GET, whose path may have a query."""
    path, _, query = path.partition("?")
    return asked.answer("GET", path, query, {"user-agent": "Mozilla/5.0"})


def code(answer: Answer) -> tuple[int, int]:
    """Status and Binance's error code."""
    return answer.status, json.loads(answer.body)["code"]


def is_html(answer: Answer, status: int, words: str) -> bool:
    """Whether an answer is an HTML page of this status with these words in it."""
    return answer.status == status and answer.headers["content-type"] == "text/html" and words in answer.body.decode()


def yahoo_error(answer: Answer, status: int, text: str) -> bool:
    """Whether an answer is a refusal in the chart envelope."""
    return answer.status == status and text in json.loads(answer.body)["chart"]["error"]["description"]


def result(answer: Answer) -> dict[str, Any]:
    """The only result of a chart."""
    found: dict[str, Any] = json.loads(answer.body)["chart"]["result"][0]
    return found


def nulls(answer: Answer) -> list[tuple[bool, bool]]:
    """For each row whether its close, and whether its volume, is null."""
    arrays = quotes(result(answer))
    return [(close is None, volume is None) for close, volume in zip(arrays["close"], arrays["volume"], strict=True)]


def truncated(answer: Answer) -> bool:
    """Whether the body of a good answer cannot be read to its end."""
    return answer.status == 200 and not answer.body.rstrip().endswith((b"}", b"]", b">"))


# What to ask with the switch on, and what must be true of the answer. Each is false of a healthy world's answer.
ONE_REQUEST: dict[str, tuple[str, Callable[[Answer], bool]]] = {
    "binance.empty": (PAGE, lambda a: a.status == 200 and a.body == b"[]"),
    "binance.error_1121": (PAGE, lambda a: a.status == 400 and code(a) == (400, -1121)),
    "binance.error_1100": (PAGE, lambda a: a.status == 400 and code(a) == (400, -1100)),
    "binance.error_1120": (PAGE, lambda a: a.status == 400 and code(a) == (400, -1120)),
    "binance.http_429": (
        PING,
        lambda a: a.status == 429 and code(a) == (429, -1003) and a.headers["retry-after"] == "53",
    ),
    "binance.http_418": (
        PING,
        lambda a: a.status == 418 and code(a) == (418, -1003) and a.headers["retry-after"] == "120",
    ),
    "binance.http_451": (PING, lambda a: a.status == 451 and code(a) == (451, 0) and b'{\n  "code": 0,\n' in a.body),
    "binance.http_403": (PING, lambda a: is_html(a, 403, "Request blocked")),
    "binance.http_503": (PING, lambda a: is_html(a, 503, "Service")),
    "binance.http_500": (PING, lambda a: a.status == 500 and code(a) == (500, -1001)),
    "binance.novelties": (
        INFO,
        lambda a: b'"status":"TWILIGHT"' in a.body and b'"filterType":"MAX_MOONPHASE"' in a.body,
    ),
    "binance.truncated": (PAGE, truncated),
    "yahoo.duplicate_last_date": (
        f"{AAPL}?range=5d&interval=1d",
        lambda a: (
            len({datetime.fromtimestamp(ts, UTC).date() for ts in result(a)["timestamp"]}) == 5
            and len(result(a)["timestamp"]) == 6
        ),
    ),
    "yahoo.null_row": (f"{AAPL}?range=1d", lambda a: nulls(a).count((True, True)) == 1),
    "yahoo.null_prices": (f"{AAPL}?range=5d&interval=1d", lambda a: nulls(a)[-2] == (True, False)),
    "yahoo.missing_timestamp": (
        AAPL,
        lambda a: "timestamp" not in result(a) and result(a)["indicators"] == {"quote": [{}]},
    ),
    "yahoo.empty_arrays": (
        AAPL,
        lambda a: result(a).get("timestamp") == [] and set(map(str, quotes(result(a)).values())) == {"[]"},
    ),
    "yahoo.null_result": (AAPL, lambda a: json.loads(a.body) == {"chart": {"result": None, "error": None}}),
    "yahoo.length_mismatch": (AAPL, lambda a: len(quotes(result(a))["close"]) == len(result(a)["timestamp"]) - 1),
    "yahoo.gmtoffset_lie": (AAPL, lambda a: result(a)["meta"]["gmtoffset"] == -14_400),
    "yahoo.currency_null": (AAPL, lambda a: result(a)["meta"]["currency"] is None),
    "yahoo.events_unsorted": (
        f"{AAPL}?range=1y&interval=1d&events=div",
        lambda a: list(result(a)["events"]["dividends"]) == sorted(result(a)["events"]["dividends"], reverse=True),
    ),
    "yahoo.coarser_granularity": (f"{AAPL}?range=1d", lambda a: result(a)["meta"]["dataGranularity"] == "5m"),
    "yahoo.forming_day_at_open": (
        f"{AAPL}?range=5d&interval=1d",
        lambda a: result(a)["timestamp"][-1] == int(utc("2026-01-05T14:30").timestamp()),
    ),
    "yahoo.http_404": (AAPL, lambda a: a.status == 404 and yahoo_error(a, 404, "symbol may be delisted")),
    "yahoo.http_400_interval": (
        AAPL,
        lambda a: a.status == 400 and yahoo_error(a, 400, "interval=1m is not supported"),
    ),
    "yahoo.http_400_listing": (AAPL, lambda a: a.status == 400 and yahoo_error(a, 400, "Data doesn't exist")),
    "yahoo.http_422_span": (AAPL, lambda a: a.status == 422 and yahoo_error(a, 422, "Only 8 days worth")),
    "yahoo.http_422_old": (AAPL, lambda a: a.status == 422 and yahoo_error(a, 422, "within the last 30 days")),
    "yahoo.http_401": (AAPL, lambda a: a.status == 401 and json.loads(a.body).keys() == {"finance"}),
    "yahoo.http_429": (AAPL, lambda a: a.status == 429 and a.body.startswith(b"Too Many Requests")),
    "yahoo.http_503": (AAPL, lambda a: is_html(a, 503, "Service Unavailable")),
    "yahoo.consent_page": (AAPL, lambda a: is_html(a, 200, "guce.yahoo.com")),
    "yahoo.outage_page": (AAPL, lambda a: is_html(a, 200, "Will be right back")),
    "yahoo.truncated": (AAPL, truncated),
    "exchangerate.error_with_200": (USD, lambda a: a.status == 200 and json.loads(a.body)["result"] == "error"),
    "exchangerate.bare_403": (USD, lambda a: (a.status, a.body) == (403, b"")),
    "exchangerate.http_429": (USD, lambda a: a.status == 429),
    "exchangerate.http_503": (USD, lambda a: is_html(a, 503, "Service")),
    "exchangerate.end_of_life": (USD, lambda a: json.loads(a.body)["time_eol_unix"] > MONDAY.timestamp()),
    "exchangerate.late": (USD, lambda a: json.loads(a.body)["time_next_update_unix"] < MONDAY.timestamp()),
    "exchangerate.truncated": (USD, truncated),
    "frankfurter.http_503": (LATEST, lambda a: is_html(a, 503, "Service")),
    "frankfurter.truncated": (LATEST, truncated),
    "ecb.stale": (DAILY, lambda a: b"2026-01-02" in a.body),
    "ecb.http_503": (DAILY, lambda a: is_html(a, 503, "Service")),
    "ecb.truncated": (DAILY, truncated),
}
ELSEWHERE = {"binance.outage", "binance.misaligned", "yahoo.split"}
"""Switches of data time, which have tests of their own below."""


def test_every_switch_has_a_test() -> None:
    """No switch is without a test of what it does."""
    assert ONE_REQUEST.keys() | ELSEWHERE == {name for name, fault in FAULTS.items() if fault.kind is not Kind.ALWAYS}


@pytest.mark.parametrize("name", ONE_REQUEST)
def test_a_switch_changes_the_wire(name: str) -> None:
    """Off, on, and after it struck so often as it was set to, or was taken back."""
    path, holds = ONE_REQUEST[name]
    assert not holds(get(world(), path))
    asked = world(faults={name: "1x1"})
    assert holds(get(asked, path))
    assert asked.faults.report()[name]["injected"] == 1
    clock_of(asked).advance(minutes=21)
    assert not holds(get(asked, path))


@pytest.mark.parametrize("time_of_day", ["00:01:00", "00:02:40", "00:03:00", "00:29:00", "00:31:00", "12:00:00"])
def test_late_rates_are_late_at_any_hour(time_of_day: str) -> None:
    """The announced next update lies in the past, whenever one asks."""
    now = utc(f"2026-01-06T{time_of_day}")
    document = body(world(now, faults={"exchangerate.late": "on"}), USD)
    assert document["time_next_update_unix"] < now.timestamp()


def test_429_lasts_until_its_retry_after() -> None:
    """Binance stays at 429 until the minute is over, then answers; the open endpoint stays so for twenty minutes."""
    asked = world(faults={"binance.http_429": "1x1", "exchangerate.http_429": "1x1"})
    wait = int(get(asked, PING).headers["retry-after"])
    get(asked, USD)
    clock_of(asked).advance(seconds=wait - 1)
    assert get(asked, PING).status == 429
    clock_of(asked).advance(seconds=1)
    assert get(asked, PING).status == 200
    clock_of(asked).set(MONDAY + timedelta(minutes=20, seconds=-1))
    assert get(asked, USD).status == 429
    clock_of(asked).advance(seconds=1)
    assert get(asked, USD).status == 200


def test_a_second_ban_is_longer() -> None:
    """418 lasts two minutes, the next one four."""
    asked = world(faults={"binance.http_418": "1x2"})
    assert get(asked, PING).headers["retry-after"] == "120"
    clock_of(asked).advance(seconds=119)
    assert get(asked, PING).status == 418
    clock_of(asked).advance(seconds=1)
    assert get(asked, PING).headers["retry-after"] == "240"


def test_a_fault_of_one_symbol_leaves_the_others() -> None:
    """With @symbols only requests that name one of them are struck, also in a list."""
    asked = world(faults={"binance.error_1121": "on@XRPUSDT", "yahoo.http_404": "on@AAPL"})
    assert get(asked, PAGE).status == 200
    prices = "/binance/api/v3/ticker/price?symbols=%5B%22BTCUSDT%22%2C%22XRPUSDT%22%5D"
    assert code(get(asked, prices)) == (400, -1121)
    assert get(asked, AAPL).status == 404
    assert get(asked, "/yahoo/v8/finance/chart/MSFT").status == 200


def milliseconds(text: str) -> int:
    """An instant in UTC in epoch ms."""
    return int(utc(text).timestamp() * 1000)


def test_an_outage_has_no_rows() -> None:
    """Minutes of the window are missing, everything around them is as ever, and pages still walk over the hole."""
    healthy, asked = world(), world(faults={"binance.outage": NOON})
    start, end = milliseconds("2026-01-05T12:00"), milliseconds("2026-01-05T13:00")
    rows = klines(asked, startTime=start - 3_600_000, endTime=end + 3_600_000 - 1, limit=1000)
    assert len(rows) == 120
    assert not [row for row in rows if start <= row[0] < end]
    ever = klines(healthy, startTime=start - 3_600_000, endTime=end + 3_600_000 - 1, limit=1000)
    assert [row for row in ever if not start <= row[0] < end] == rows
    assert klines(asked, startTime=start, limit=1)[0][0] == end
    assert klines(asked, endTime=end - 1, limit=1)[0][0] == start - 60_000
    assert klines(asked, startTime=start, endTime=end - 1) == []
    assert asked.faults.report()["binance.outage"]["injected"] == 4


def test_an_outage_is_missing_from_longer_candles() -> None:
    """An hour that is wholly missing has no row; longer candles are those of the minutes that are left."""
    asked = world(faults={"binance.outage": "2026-01-05T12:00Z/2026-01-05T13:30Z"})
    hours = klines(asked, interval="1h", startTime=milliseconds("2026-01-05T11:00"), limit=3)
    assert [row[0] for row in hours] == [milliseconds(f"2026-01-05T{hour}:00") for hour in (11, 13, 14)]
    (four,) = klines(asked, interval="4h", startTime=milliseconds("2026-01-05T12:00"), limit=1)
    minutes = klines(asked, startTime=four[0], limit=1000)
    assert four[8] == sum(row[8] for row in minutes)
    assert four[1] == minutes[0][1] == hours[1][1]


def test_during_an_outage_the_ticker_stands_still() -> None:
    """While the exchange is down its last price is that of the last trade before."""
    asked = world(utc("2026-01-05T11:59:59"), faults={"binance.outage": NOON})
    path = "/binance/api/v3/ticker/price"
    before = body(asked, path, symbol="BTCUSDT")
    clock_of(asked).advance(minutes=30)
    assert body(asked, path, symbol="BTCUSDT") == before
    assert klines(asked, limit=1)[0][0] == milliseconds("2026-01-05T11:59")
    clock_of(asked).advance(hours=1)
    assert body(asked, path, symbol="BTCUSDT") != before


@pytest.mark.parametrize("probability", ["0.3", "on"])
def test_outages_by_the_hour(probability: str) -> None:
    """A probability takes whole hours, the same ones for every pair and every request."""
    asked = world(faults={"binance.outage": probability})
    hours = [
        {row[0] for row in klines(asked, symbol=symbol, interval="1h", startTime=milliseconds("2025-12-01T00:00"))}
        for symbol in ("BTCUSDT", "ETHUSDT")
    ]
    assert hours[0] == hours[1]
    if probability == "on":
        assert not hours[0]
        assert klines(asked) == []
    else:
        present = [milliseconds("2025-12-01T00:00") + hour * 3_600_000 in hours[0] for hour in range(500)]
        assert 300 < sum(present) < 400


def test_misaligned_candles() -> None:
    """Hourly candles of the window open at 28:15 past and close where the next one opens; pages lose none of them."""
    asked = world(faults={"binance.misaligned": NOON.replace("13:00", "14:00")})
    rows = klines(asked, interval="1h", startTime=milliseconds("2026-01-05T11:00"), limit=4)
    opens = [datetime.fromtimestamp(row[0] / 1000, UTC) for row in rows]
    assert [f"{opening:%H:%M:%S}" for opening in opens] == ["11:00:00", "12:28:15", "13:28:15", "14:00:00"]
    assert [row[6] + 1 for row in rows[:-1]] == [row[0] for row in rows[1:]]
    cursor, walked = milliseconds("2026-01-05T11:00"), []
    while page := klines(asked, interval="1h", startTime=cursor, limit=1):
        walked += page
        cursor = page[-1][6] + 1
    assert walked[:4] == rows
    assert klines(asked, startTime=milliseconds("2026-01-05T12:10"), limit=1)[0][0] % 60_000 == 28_000


def test_a_split_changes_the_whole_history() -> None:
    """From its moment on all prices are a quarter and volumes fourfold, and the event is there for who asks."""
    switch = {"yahoo.split": "2026-01-06T14:30Z/2026-01-06T14:31Z@AAPL"}
    asked = world(faults=switch)
    before = chart(asked, range="5d", interval="1d", events="split")
    clock_of(asked).set(MONDAY + timedelta(days=1))
    after = chart(asked, range="5d", interval="1d", events="split")
    assert after["timestamp"][:3] == before["timestamp"][1:4]
    old, new = quotes(before), quotes(after)
    for place in range(3):
        assert new["close"][place] == pytest.approx(old["close"][place + 1] / 4, rel=1e-6)
        assert new["volume"][place] == old["volume"][place + 1] * 4
    assert "events" not in before
    (split,) = after["events"]["splits"].values()
    assert split["date"] == int(utc("2026-01-06T14:30").timestamp())
    assert (split["numerator"], split["splitRatio"]) == (4, "4:1")
    other = chart(world(MONDAY + timedelta(days=1)), "MSFT")["meta"]["regularMarketPrice"]
    assert chart(asked, "MSFT")["meta"]["regularMarketPrice"] == other


def unzipped(answer: Answer) -> bytes:
    """The only member of a zip file."""
    with zipfile.ZipFile(io.BytesIO(answer.body)) as archive:
        return archive.read(archive.namelist()[0])


ALWAYS: dict[str, Callable[[World], bool]] = {
    "binance.forming_row": lambda w: klines(w, limit=1)[0][6] > MONDAY.timestamp() * 1000,
    "binance.zero_volume": lambda w: any(row[8] == 0 for row in klines(w, symbol="BTCTRY")),
    "binance.frozen_pair": lambda w: b'"BREAK"' in ask(w, INFO, symbol="VENBTC").body,
    "binance.shape": lambda w: (
        isinstance(body(w, "/binance/api/v3/ticker/price", symbol="BTCUSDT"), dict)
        and isinstance(body(w, "/binance/api/v3/ticker/price", symbols='["BTCUSDT"]'), list)
    ),
    "binance.paging": lambda w: (
        len(klines(w, interval="1M", startTime=0, limit=1000)) < 1000 == len(klines(w, limit=2000))
    ),
    "binance.weight": lambda w: (
        int(ask(w, PING).headers["x-mbx-used-weight-1m"]) < int(ask(w, PING).headers["x-mbx-used-weight-1m"])
    ),
    "yahoo.snapshot_row": lambda w: chart(w)["timestamp"][-1] == chart(w)["meta"]["regularMarketTime"],
    "yahoo.minor_units": lambda w: chart(w, "VOD.L")["meta"]["currency"] == "GBp",
    "yahoo.trading_periods": lambda w: (
        isinstance(chart(w)["meta"]["tradingPeriods"], list)
        and isinstance(chart(w, includePrePost="true")["meta"]["tradingPeriods"], dict)
    ),
    "exchangerate.envelope": lambda w: (
        "rates" in body(w, USD) and "conversion_rates" in body(w, f"/exchangerate/v6/{FREE_KEY}/latest/USD")
    ),
    "exchangerate.integers": lambda w: b'"BBD":2,' in ask(w, USD).body,
    "exchangerate.v4": lambda w: len(str(body(w, "/exchangerate/v4/latest/USD")["rates"]["KWD"])) <= len("0.305"),
    "frankfurter.carry_back": lambda w: body(w, "/frankfurter/v1/2025-12-25")["date"] == "2025-12-24",
    "frankfurter.weekend": lambda w: ask(w, "/frankfurter/v1/2026-01-03..2026-01-04").status == 404,
    "frankfurter.http_422": lambda w: ask(w, LATEST, amount="0").status == 422,
    "frankfurter.redirect": lambda w: ask(w, "/frankfurter/latest").status == 301,
    "ecb.single_quotes": lambda w: b"<Cube time='2026-01-05'>" in ask(w, DAILY).body,
    "ecb.not_available": lambda w: b", N/A, " in unzipped(ask(w, "/ecb/stats/eurofxref/eurofxref.zip")),
}


@pytest.mark.parametrize("name", [name for name, fault in FAULTS.items() if fault.kind is Kind.ALWAYS])
def test_what_needs_no_switch_is_there(name: str) -> None:
    """Behaviours of a healthy vendor are shown without any switch."""
    assert ALWAYS[name](world())
