"""Every behaviour that the simulator can be made to show, in one table.

`covers` quotes the behaviour from the vendors' wire facts, section 4 ("Test doubles"), where it is listed there.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a switch acts on, and so what it can be set to."""

    REQUEST = "request"  # one answer in so many: a probability, or a window of the clock
    TIME = "time"  # stretches of data: a window of data time, or a probability per hour of it
    MOMENT = "moment"  # something that happens at the start of a window
    ALWAYS = "always"  # part of a healthy vendor, shown without a switch


@dataclass(frozen=True, slots=True)
class Fault:
    """One behaviour: its name, what it acts on, what it does, and the words of section 4 that it covers."""

    name: str
    kind: Kind
    explanation: str
    covers: tuple[str, ...] = ()


_R, _T, _M, _A = Kind.REQUEST, Kind.TIME, Kind.MOMENT, Kind.ALWAYS

FAULTS: dict[str, Fault] = {
    fault.name: fault
    for fault in (
        Fault("binance.forming_row", _A, "The last kline is the minute that is still running.", ("forming last row",)),
        Fault("binance.zero_volume", _A, "Quiet pairs have flat minutes without a trade.", ("zero-volume row",)),
        Fault(
            "binance.frozen_pair", _A, "VENBTC is BREAK; its ticker stands still.", ("BREAK symbol with frozen ticker",)
        ),
        Fault("binance.shape", _A, "One symbol answers an object, several an array.", ("object vs array",)),
        Fault(
            "binance.paging",
            _A,
            "Pages of at most 1000 end on a short one.",
            ("limit 1000 paging ending on a short page",),
        ),
        Fault("binance.weight", _A, "X-MBX-USED-WEIGHT-1M rises within a minute.", ("used-weight header rising",)),
        Fault("binance.outage", _T, "No rows for these hours: the exchange was down.", ("missing hour",)),
        Fault("binance.misaligned", _T, "Candles of these hours open late, off the grid.", ("misaligned open times",)),
        Fault("binance.empty", _R, "Klines answer 200 with []; so does a window without candles.", ("[]",)),
        Fault("binance.error_1121", _R, "400 -1121 Invalid symbol; an unknown symbol gets it too.", ("-1121",)),
        Fault("binance.error_1100", _R, "400 -1100 Illegal characters; a lower-case symbol gets it too.", ("-1100",)),
        Fault("binance.error_1120", _R, "400 -1120 Invalid interval; an unknown interval gets it too.", ("-1120",)),
        Fault(
            "binance.http_429",
            _R,
            "429 -1003 with Retry-After until the minute is over.",
            ("429+Retry-After then 200",),
        ),
        Fault("binance.http_418", _R, "418 -1003 with Retry-After: banned for two minutes, then longer.", ("418",)),
        Fault("binance.http_451", _R, "451 with a pretty-printed body: blocked by region.", ("451 pretty-printed",)),
        Fault("binance.http_403", _R, "403 with an HTML page of the firewall.", ("403 HTML",)),
        Fault("binance.http_503", _R, "503 with an HTML page of a gateway.", ("503",)),
        Fault("binance.http_500", _R, "500 with JSON -1001, internal error."),
        Fault(
            "binance.novelties",
            _R,
            "exchangeInfo has a status and a filterType that nobody has seen before.",
            ("unknown status and unknown filterType",),
        ),
        Fault("binance.truncated", _R, "The second half of the body is missing."),
        Fault(
            "yahoo.snapshot_row", _A, "While the market is open, the last row is a live snapshot.", ("snapshot row",)
        ),
        Fault("yahoo.minor_units", _A, "VOD.L is in GBp, POLI.TA in ILA, NPN.JO in ZAc.", ("GBp/ILA/ZAc",)),
        Fault(
            "yahoo.trading_periods",
            _A,
            "A list per day, or with includePrePost=true an object of lists.",
            ("both tradingPeriods shapes",),
        ),
        Fault(
            "yahoo.duplicate_last_date", _R, "The last day comes twice, with another volume.", ("duplicate last date",)
        ),
        Fault("yahoo.null_row", _R, "One row is all null.", ("null row",)),
        Fault(
            "yahoo.null_prices", _R, "The last completed row has a volume and null prices.", ("null OHLC with volume",)
        ),
        Fault("yahoo.missing_timestamp", _R, "200 without timestamps; so is a closed day.", ("missing timestamp",)),
        Fault("yahoo.empty_arrays", _R, "200 with empty arrays.", ("empty arrays",)),
        Fault("yahoo.null_result", _R, "200 with result null and error null."),
        Fault("yahoo.length_mismatch", _R, "The closes are one fewer than the timestamps.", ("length mismatch",)),
        Fault("yahoo.gmtoffset_lie", _R, "meta.gmtoffset is an hour off.", ("gmtoffset lie",)),
        Fault("yahoo.currency_null", _R, "meta.currency is null.", ("currency null",)),
        Fault(
            "yahoo.split", _M, "A 4:1 split with the next session; the whole history changes.", ("split inside window",)
        ),
        Fault("yahoo.events_unsorted", _R, "Events come newest first.", ("events unsorted",)),
        Fault(
            "yahoo.coarser_granularity",
            _R,
            "5m bars for 1m, monthly for daily; range=max&interval=1d does it too.",
            ("granularity other than asked",),
        ),
        Fault("yahoo.forming_day_at_open", _R, "The forming day is stamped with the open, as AAPL was once recorded."),
        Fault("yahoo.http_404", _R, "404: the symbol may be delisted; an unknown one gets it too.", ("404",)),
        Fault("yahoo.http_400_interval", _R, "400 Invalid input; an unknown interval gets it too.", ("400 x2",)),
        Fault(
            "yahoo.http_400_listing",
            _R,
            "400 Data doesn't exist; a window before the listing gets it too.",
            ("400 x2",),
        ),
        Fault("yahoo.http_422_span", _R, "422 Only 8 days worth; a wide 1m window gets it too.", ("422 x2",)),
        Fault("yahoo.http_422_old", _R, "422 must be within the last N days; an old window gets it too.", ("422 x2",)),
        Fault(
            "yahoo.http_401",
            _R,
            "401 in the finance envelope; quote without a crumb gets it too.",
            ("401 `finance` envelope",),
        ),
        Fault(
            "yahoo.http_429",
            _R,
            "429 as text; a client without a browser's User-Agent gets it too.",
            ("429 text body",),
        ),
        Fault("yahoo.http_503", _R, "503 with an HTML page."),
        Fault("yahoo.consent_page", _R, "200 with the HTML page that asks for consent.", ("consent HTML 200",)),
        Fault("yahoo.outage_page", _R, "200 with the HTML page of an outage.", ('"Will be right back"',)),
        Fault("yahoo.truncated", _R, "The second half of the body is missing."),
        Fault(
            "exchangerate.envelope",
            _A,
            "The open endpoint has rates, the keyed one conversion_rates.",
            ("`rates` vs `conversion_rates`",),
        ),
        Fault("exchangerate.integers", _A, "Round rates come without a point: 2, 89500.", ("integer rates",)),
        Fault("exchangerate.v4", _A, "The legacy endpoint rounds to 2 decimals or 3 digits.", ("v4 rounding",)),
        Fault("exchangerate.error_with_200", _R, "result is error and the status 200.", ("result error with 200",)),
        Fault("exchangerate.bare_403", _R, "403 without a body.", ("bare 403",)),
        Fault("exchangerate.http_429", _R, "429 for twenty minutes.", ("429",)),
        Fault("exchangerate.http_503", _R, "503 with an HTML page."),
        Fault("exchangerate.end_of_life", _R, "time_eol_unix names a date.", ("time_eol_unix > 0",)),
        Fault("exchangerate.late", _R, "Yesterday's rates, their next update past.", ("next update in the past",)),
        Fault("exchangerate.truncated", _R, "The second half of the body is missing."),
        Fault(
            "frankfurter.carry_back",
            _A,
            "A day without publication answers an earlier one.",
            ("Frankfurter carry-back date",),
        ),
        Fault("frankfurter.weekend", _A, "404 for a range without a publication day.", ("weekend 404",)),
        Fault("frankfurter.http_422", _A, "422 for a bad pair, amount or date.", ("422",)),
        Fault("frankfurter.redirect", _A, "301 from the old address, the path without /v1.", ("301 redirect",)),
        Fault("frankfurter.http_503", _R, "503 with an HTML page."),
        Fault("frankfurter.truncated", _R, "The second half of the body is missing."),
        Fault("ecb.single_quotes", _A, "The daily file quotes attributes with apostrophes.", ("ECB single quotes",)),
        Fault("ecb.not_available", _A, "The history file has N/A for missing values.", ("N/A",)),
        Fault("ecb.stale", _R, "The file is still that of the publication before.", ("stale Monday file",)),
        Fault("ecb.http_503", _R, "503 with an HTML page."),
        Fault("ecb.truncated", _R, "The second half of the body is missing."),
    )
}
