"""What a seed chooses: symbols, the hour, how often the schedule ticks, what vendors get wrong and what breaks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from random import Random

from local.simulation.mishaps import MISHAPS
from local.simulation.oracle import utc
from local.simulator.assets import Market
from local.simulator.fault_table import FAULTS, Kind
from local.simulator.instruments import PRICE_BASES, load_instruments
from marketflow.domain.interval import Interval

SOURCES = ("binance", "yahoo", "exchangerate")
VENDORS = (*SOURCES, "frankfurter")
PAIRS = ("BTCUSDT", "ETHUSDT", "ETHBTC", "USDTTRY", "BTCTRY", "SHIBUSDT", "VENBTC", "这是测试币456USDT")
SHARES = ("AAPL", "MSFT", "THYAO.IS", "BIMAS.IS", "BRK-B", "VOD.L", "POLI.TA", "NPN.JO")
RATES = ("USD/TRY", "EUR/TRY", "EUR/USD", "USD/JPY", "GBP/USD", "EUR/CHF")

NEVER_ASKED = frozenset({"binance.novelties", "exchangerate.envelope", "exchangerate.v4"})
"""What only other requests would show: exchangeInfo, the endpoint for keys, the legacy one."""
_SENT_AWAY = frozenset(
    f"{source}.{name}"
    for source, names in {
        "binance": ("http_429", "http_418", "http_451", "http_403", "error_1121", "error_1100"),
        "yahoo": ("http_429", "http_401", "http_404", "consent_page", "outage_page"),
        "exchangerate": ("http_429", "bare_403", "http_503"),
    }.items()
    for name in names
)
"""Faults after which nothing is asked for a while: once or twice in a run is enough."""
_BASE_RATES = {
    "message_reordered": 0.4,
    "poison_message": 0.02,
    "body_claimed": 0.15,
    "visibility_expired": 0.03,
    "etl_crash_before_commit": 0.04,
    "etl_crash_after_commit": 0.04,
    "database_session_killed": 0.015,
    "database_restarted": 0.0,
    "state_conflict": 0.15,
    "tick_missed": 0.12,
    "schedule_stopped": 0.02,
    "clock_forward": 0.12,
    "clock_back": 0.12,
}
SUPPLIERS = {"exchangerate": "ecb"}
"""Which source has the past of another one's symbols; the vendor that answers for it is called frankfurter."""

BACKFILLS_IN = 0.35
"""The share of the seeds in which an operator asks for the past."""

LONGEST_WINDOW = {
    "binance": {Interval.M1: (300, timedelta(minutes=2200))},
    "yahoo": {Interval.M1: (25, timedelta(days=2)), Interval.D1: (600, timedelta(days=120))},
    "exchangerate": {Interval.D1: (700, timedelta(days=250))},
}
"""By source and interval: how many days ago a window ends at most, and how long it is."""

_USUAL_RATE = 0.06
_RESTARTS_EVERY = 75
"""One seed in so many restarts the whole server, which takes half a second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backfill:
    """A window of the past, `[start, end)` in UTC, for which an operator asks with the tick of this number."""

    source: str
    symbol: str
    interval: Interval
    start: datetime
    end: datetime
    tick: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One run. `pauses` are the seconds between ticks; `cold` sources have never fetched before.

    Daily candles are fetched with every `days_every`th tick. A `patient` run goes on until symbols that a source did
    not know are asked for again, which takes six hours.
    """

    seed: int
    start: datetime
    symbols: dict[str, tuple[str, ...]]
    pauses: tuple[float, ...]
    cold: bool
    patient: bool
    redrives: bool
    days_every: int
    faults: dict[str, str] = field(default_factory=dict)
    hole: tuple[int, int] | None = None
    split: int | None = None
    rates: dict[str, float] = field(default_factory=dict)
    backfills: tuple[Backfill, ...] = ()


def plan(seed: int) -> Scenario:
    """The scenario of `seed`, always the same."""
    rng = Random(f"{seed}:scenario")  # noqa: S311 - a simulation repeats itself
    sources = rng.choices((("binance",), ("yahoo",), ("exchangerate",), SOURCES), weights=(42, 32, 16, 10))[0]
    pools = {"binance": PAIRS, "yahoo": SHARES, "exchangerate": RATES}
    symbols = {source: tuple(rng.sample(pools[source], rng.choice((1, 2)))) for source in sources}
    splits = "yahoo" in symbols and rng.random() < 0.2
    start = _start(rng, symbols, splits=splits)
    pause = 600.0 if sources == ("exchangerate",) else 60.0
    pauses = tuple(pause * rng.choice((1, 1, 1, 2)) for _ in range(rng.randint(5, 9)))
    faults = _faults(rng, sources)
    hole = split = None
    if "binance" in symbols and rng.random() < 0.25:
        hole = _stretch(rng, start)
        faults["binance.outage"] = _window(hole)
    if "binance" in symbols and rng.random() < 0.25:
        faults["binance.misaligned"] = _window(_stretch(rng, start))
    if splits:
        split = int(start.timestamp()) - 600
        faults["yahoo.split"] = _window((split, split + 3600))
    rates = {
        name: _BASE_RATES.get(name, _USUAL_RATE) * rng.choice((0.5, 1, 2)) for name in MISHAPS if rng.random() < 0.5
    }
    if seed % _RESTARTS_EVERY == 0:
        rates["database_restarted"] = 0.3
    return Scenario(
        seed=seed,
        start=start,
        symbols=symbols,
        pauses=pauses,
        cold=rng.random() < 0.08,
        patient=rng.random() < 0.3,
        redrives=rng.random() < 0.5,
        days_every=rng.choice((1, 2, 3)),
        faults=faults,
        hole=hole,
        split=split,
        rates=rates,
        backfills=tuple(_backfills(seed, symbols, start)),
    )


def _backfills(seed: int, symbols: dict[str, tuple[str, ...]], start: datetime) -> Iterator[Backfill]:
    """In one seed of three: a window of some symbols, that is short because every row of it is checked."""
    rng = Random(f"{seed}:backfills")  # noqa: S311 - a simulation repeats itself
    if rng.random() >= BACKFILLS_IN:
        return
    for source, names in symbols.items():
        interval = rng.choice(tuple(LONGEST_WINDOW[source]))
        days, longest = LONGEST_WINDOW[source][interval]
        end = start.replace(second=0, microsecond=0) - timedelta(minutes=rng.randrange(2, days * 1440))
        length = timedelta(minutes=rng.randrange(1, int(longest / timedelta(minutes=1))))
        yield Backfill(
            source=SUPPLIERS.get(source, source),
            symbol=rng.choice(names),
            interval=interval,
            start=end - length,
            end=end,
            tick=rng.randint(1, 4),
        )


def _start(rng: Random, symbols: dict[str, tuple[str, ...]], *, splits: bool) -> datetime:
    """Any moment of 2026; with shares mostly one at which their exchange opens, trades or closes."""
    day = date(2026, 1, 5) + timedelta(days=rng.randrange(340))
    moment = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(seconds=rng.randrange(86_400))
    if "yahoo" in symbols and (splits or rng.random() < 0.9):
        exchange = load_instruments(Market(0, PRICE_BASES))[symbols["yahoo"][0]].exchange
        opening, closing = exchange.current(int(moment.timestamp()))
        around = {
            "open": opening + exchange.delay + rng.randint(-180, 600),
            "middle": rng.randint(opening, closing),
            "close": closing + exchange.delay + rng.randint(-400, 300),
        }
        # Mostly early, because then charts are short.
        when = rng.choices(tuple(around), weights=(7, 1, 2))[0]
        return utc(opening - rng.randint(60, 240) if splits else around[when])
    if "exchangerate" in symbols and rng.random() < 0.7:
        return datetime(day.year, day.month, day.day, 23, 20, tzinfo=UTC) + timedelta(seconds=rng.randrange(1800))
    return moment


def _faults(rng: Random, sources: tuple[str, ...]) -> dict[str, str]:
    """A few switches of each vendor: often where they spoil one answer, rarely where they send us away."""
    chosen = {}
    for source in (*sources, *(["frankfurter"] if "exchangerate" in sources else [])):
        names = [
            fault.name
            for fault in FAULTS.values()
            if fault.kind is Kind.REQUEST and fault.name.startswith(f"{source}.") and fault.name not in NEVER_ASKED
        ]
        for name in rng.sample(names, min(len(names), rng.randint(0, 4))):
            chosen[name] = f"0.3x{rng.choice((1, 2))}" if name in _SENT_AWAY else f"{rng.choice((0.1, 0.2, 0.4))}"
    return chosen


def _stretch(rng: Random, start: datetime) -> tuple[int, int]:
    """Some whole minutes of the first ten after `start`."""
    first = int(start.timestamp()) // 60 * 60 + 60 * rng.randint(0, 5)
    return first, first + 60 * rng.randint(1, 6)


def _window(span: tuple[int, int]) -> str:
    return "/".join(utc(moment).strftime("%Y-%m-%dT%H:%M:%SZ") for moment in span)
