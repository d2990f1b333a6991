"""Every missing candle has a reason and something that becomes of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflow.domain.coverage import Calendar, CoverageFacts, CoverageQuery, Reach, Seconds, Supplement, Supply, Taken
from marketflow.domain.gaps import Coverage, Question, Reason, Repair
from marketflow.domain.interval import Interval
from marketflow.errors import RefusedError
from marketflow.services.coverage import MAX_CANDLES, Coverages
from tests.unit.api.market import CRYPTO_SUPPLY, STOCK_SUPPLY

pytestmark = pytest.mark.unit

START = datetime(2026, 3, 2, 10, tzinfo=UTC)  # a Monday
BASE = int(START.timestamp())
RATES_SUPPLY = Supply(
    calendar=Calendar.RATES,
    flat_candles=False,
    reach={Interval.D1: Reach(catches_up_seconds=0, history=None)},
    supplements=[Supplement(currencies=frozenset({"USD", "TRY"}), since=datetime(2026, 3, 2, tzinfo=UTC))],
)
SUPPLIES = {"binance": CRYPTO_SUPPLY, "yahoo": STOCK_SUPPLY, "exchangerate": RATES_SUPPLY}
NOTHING = CoverageFacts(
    symbol="BTCUSDT",
    source="binance",
    timezone="UTC",
    active=True,
    start=START,
    first=None,
    stored=[],
    fetched=[],
    refused=[],
    outages=[],
    fetched_until=None,
)


@dataclass
class Facts:
    """A reader that knows one symbol."""

    facts: CoverageFacts
    asked: CoverageQuery | None = None

    def coverage(self, query: CoverageQuery) -> CoverageFacts | None:
        """The facts, from the start that was asked for."""
        self.asked = query
        known = query.name == self.facts.symbol
        return replace(self.facts, start=query.start or self.facts.start) if known else None


def minute(number: int) -> int:
    """A moment so many minutes after the start."""
    return BASE + number * 60


def minutes(*spans: tuple[int, int]) -> Seconds:
    """Ranges in minutes from the start."""
    return [(minute(first), minute(end)) for first, end in spans]


def runs(*spans: tuple[int, int]) -> Seconds:
    """Stored candles from the first to before the last minute."""
    return [(minute(first), minute(end - 1)) for first, end in spans]


def ask(facts: CoverageFacts, *, now: int = 60, end: int | None = 60, **question: object) -> Coverage:
    """The coverage of the hour that begins at the start, when the clock shows so many minutes later."""
    coverages = Coverages(
        reader=Facts(facts), clock=lambda: START + timedelta(minutes=now, milliseconds=500), supplies=SUPPLIES
    )
    asked: dict[str, object] = {"name": facts.symbol, "interval": Interval.M1, "start": START} | question
    until = None if end is None else START + timedelta(minutes=end)
    return coverages.coverage(Question(end=until, **asked))  # type: ignore[arg-type]


def told(coverage: Coverage) -> list[tuple[int, int, int, str, str]]:
    """The gaps: first minute, end, missing candles, reason and repair."""
    return [
        (
            int((gap.start - START) / timedelta(minutes=1)),
            int((gap.end - START) / timedelta(minutes=1)),
            gap.missing,
            gap.reason.value,
            gap.repair.value,
        )
        for gap in coverage.gaps
    ]


def test_nothing_is_missing_of_what_is_all_there() -> None:
    """Expected and present are equal, and there is no gap."""
    answer = ask(replace(NOTHING, stored=runs((0, 60)), first=BASE, fetched=minutes((0, 60))))
    assert (answer.expected, answer.present, answer.missing, answer.complete, answer.gaps) == (60, 60, 0, True, ())


def test_the_candle_that_is_still_open_is_not_expected() -> None:
    """At half past ten and some seconds thirty minutes are over, whatever end was asked for."""
    assert ask(NOTHING, now=30).expected == 30
    assert ask(NOTHING, now=30, end=None).expected == 30
    assert ask(NOTHING, now=30, end=29).expected == 29


def test_what_was_never_asked_for_was_not_fetched() -> None:
    """Before the first answer and behind the last one; the next run goes on from the last one by itself."""
    facts = replace(NOTHING, stored=runs((20, 40)), first=minute(20), fetched=minutes((20, 40)))
    answer = ask(replace(facts, fetched_until=minute(40)))
    assert told(answer) == [
        (0, 20, 20, "not_fetched", "on_request"),
        (40, 60, 20, "not_fetched", "automatic"),
    ]
    assert not answer.complete
    assert told(ask(replace(facts, fetched_until=minute(40), active=False)))[1][-1] == "on_request"


def test_a_gap_that_is_older_than_a_run_reaches_back_waits_for_a_backfill() -> None:
    """Of an outage of two days the newest thousand minutes come by themselves."""
    facts = replace(NOTHING, stored=runs((0, 1)), first=BASE, fetched=minutes((0, 1)), fetched_until=minute(1))
    answer = ask(facts, now=2880, end=2880)
    assert told(answer) == [
        (1, 1880, 1879, "not_fetched", "on_request"),
        (1880, 2880, 1000, "not_fetched", "automatic"),
    ]


def test_a_minute_that_a_source_with_flat_candles_does_not_have_is_an_outage_there() -> None:
    """Binance writes a candle for a minute without trades: an answer without one says that the exchange was down."""
    facts = replace(NOTHING, stored=runs((10, 30), (35, 60)), first=minute(10), fetched=minutes((0, 60)))
    answer = ask(replace(facts, fetched_until=minute(60)))
    assert told(answer) == [
        (0, 10, 10, "no_trades", "not_needed"),
        (30, 35, 5, "source_outage", "not_needed"),
    ]
    assert answer.missing_by_reason == {
        Reason.NO_TRADES: 10,
        Reason.SOURCE_OUTAGE: 5,
        Reason.QUARANTINED: 0,
        Reason.NOT_FETCHED: 0,
    }
    assert not answer.complete


def test_what_came_and_was_no_data_is_in_the_quarantine() -> None:
    """A refused row is neither an empty minute nor one that nobody asked for, unless a later answer has it empty."""
    facts = replace(NOTHING, stored=runs((0, 10), (11, 60)), first=BASE, fetched=minutes((0, 10), (11, 60)))
    refused = replace(facts, refused=minutes((10, 11)), fetched_until=minute(60))
    assert told(ask(refused)) == [(10, 11, 1, "quarantined", "on_request")]
    assert told(ask(replace(refused, fetched=minutes((0, 60)))))[0][3] == "source_outage"


def test_a_source_that_did_not_answer_explains_what_was_over_meanwhile() -> None:
    """The candles that ended while it was down are the ones that would have been fetched then."""
    facts = replace(NOTHING, stored=runs((0, 20), (40, 60)), first=BASE, fetched=minutes((0, 20), (40, 60)))
    down = replace(facts, outages=minutes((20, 31)), fetched_until=minute(60))
    assert told(ask(down)) == [
        (20, 30, 10, "source_outage", "on_request"),
        (30, 40, 10, "not_fetched", "on_request"),
    ]
    down_now = replace(facts, stored=runs((0, 20)), fetched=minutes((0, 20)), outages=minutes((20, 61)))
    assert told(ask(replace(down_now, fetched_until=minute(20)))) == [(20, 60, 40, "source_outage", "automatic")]


def test_a_new_symbol_is_fetched_with_its_past() -> None:
    """What was never asked for at all comes with the next run, as far as one call goes, unless it is inactive."""
    assert [gap[2:] for gap in told(ask(NOTHING, now=1010, end=1010))] == [
        (10, "not_fetched", "on_request"),
        (1000, "not_fetched", "automatic"),
    ]
    assert [gap[2:] for gap in told(ask(replace(NOTHING, active=False)))] == [(60, "not_fetched", "on_request")]


def test_an_interval_that_no_schedule_has_cannot_be_repaired() -> None:
    """Binance's hours are not fetched by anybody."""
    answer = ask(NOTHING, interval=Interval.H1)
    assert told(answer) == [(0, 60, 1, "not_fetched", "not_possible")]


@pytest.mark.parametrize("source", ["binance", "yahoo"])
@pytest.mark.parametrize("closed", [True, False])
def test_a_range_that_ends_before_the_first_candle_is_empty(source: str, closed: bool) -> None:
    """Without a start it begins with the first candle, of which nothing is expected before."""
    facts = replace(NOTHING, source=source, timezone="Europe/Istanbul")
    answer = ask(facts, start=None, end=-60 * 24 * 3, closed=closed)
    assert (answer.expected, answer.missing, answer.gaps) == (0, 0, ())


def test_gaps_are_capped_and_counted() -> None:
    """The first ones are told, the oldest first; all of them are counted."""
    facts = replace(NOTHING, stored=runs(*((n, n + 1) for n in range(0, 60, 2))), first=BASE)
    answer = ask(facts, limit=3)
    assert [gap[0] for gap in told(answer)] == [1, 3, 5]
    assert (answer.gap_count, answer.missing) == (30, 30)


NEW_YORK = replace(
    NOTHING,
    symbol="AAPL",
    source="yahoo",
    timezone="America/New_York",
    hours=(time(9, 30), time(16)),
)
FRIDAY = datetime(2026, 2, 27, 14, 30, tzinfo=UTC)
MONDAY = datetime(2026, 3, 2, 14, 30, tzinfo=UTC)


def session(opening: datetime, hours: float = 6.5) -> tuple[int, int]:
    return int(opening.timestamp()), int((opening + timedelta(hours=hours)).timestamp())


def stock(facts: CoverageFacts, *, now: datetime = MONDAY + timedelta(days=1), **question: object) -> Coverage:
    """The coverage of an American share from that Friday on."""
    coverages = Coverages(reader=Facts(facts), clock=lambda: now, supplies=SUPPLIES)
    asked: dict[str, object] = {"interval": Interval.M1, "start": datetime(2026, 2, 27, tzinfo=UTC)} | question
    return coverages.coverage(Question(name="AAPL", **asked))  # type: ignore[arg-type]


def test_a_minute_of_a_session_without_a_candle_had_no_trades() -> None:
    """A share that nobody traded for a minute has none; it is complete all the same."""
    opening, closing = session(FRIDAY)
    facts = replace(
        NEW_YORK,
        sessions=[(opening, closing)],
        stored=[(opening, opening + 600), (opening + 1200, closing - 60)],
        first=opening,
        fetched=[(opening, closing)],
    )
    answer = stock(facts, end=datetime(2026, 2, 28, tzinfo=UTC))
    assert (answer.expected, answer.missing, answer.complete) == (390, 9, True)
    assert [(gap.missing, gap.reason, gap.repair) for gap in answer.gaps] == [(9, Reason.NO_TRADES, Repair.NOT_NEEDED)]


def test_closed_hours_are_told_only_to_those_who_ask() -> None:
    """A gap goes on over the weekend; with closed hours it ends with the session."""
    facts = replace(NEW_YORK, sessions=[session(FRIDAY), session(MONDAY)])
    end = datetime(2026, 3, 2, 21, tzinfo=UTC)
    (gap,) = stock(facts, end=end).gaps
    assert (gap.start, gap.end, gap.missing) == (FRIDAY, end, 780)
    told = stock(facts, end=end, closed=True)
    assert [(gap.reason, gap.missing) for gap in told.gaps] == [
        (Reason.CLOSED, 0),
        (Reason.NOT_FETCHED, 390),
        (Reason.CLOSED, 0),
        (Reason.NOT_FETCHED, 390),
    ]
    assert (told.expected, told.gaps[2].start) == (780, FRIDAY + timedelta(hours=6.5))
    assert told.gaps[2].end == MONDAY


def test_minutes_that_yahoo_has_forgotten_cannot_be_repaired() -> None:
    """It keeps a month of them; days are kept for ever."""
    now = FRIDAY + timedelta(days=40)
    facts = replace(NEW_YORK, fetched_until=int(now.timestamp()))
    (gap,) = stock(facts, now=now, end=datetime(2026, 2, 28, tzinfo=UTC)).gaps
    assert gap.repair is Repair.NOT_POSSIBLE
    (gap,) = stock(facts, now=now, end=datetime(2026, 2, 28, tzinfo=UTC), interval=Interval.D1).gaps
    assert gap.repair is Repair.ON_REQUEST


TEN_MISSING = replace(
    NOTHING,
    stored=runs((0, 20), (30, 60)),
    first=BASE,
    fetched=minutes((0, 20), (30, 60)),
    fetched_until=minute(60),
)


def taken(start: int, end: int, tries: int, *, running: bool = False) -> CoverageFacts:
    """Ten minutes are missing, and the ledger has an entry."""
    return replace(TEN_MISSING, taken=[Taken(minute(start), minute(end), tries, running)])


@pytest.mark.parametrize(
    ("entry", "state", "tries"),
    [
        (taken(20, 30, 0), "queued", 0),
        (taken(20, 30, 1, running=True), "pending", 1),
        (taken(20, 30, 2), "queued", 2),
        (taken(20, 30, 3), "given_up", 3),
        (taken(10, 25, 2), "queued", 2),  # it has shrunk and grown since
        (taken(29, 40, 1), "queued", 1),
        (taken(10, 20, 3), "given_up", 3),  # it goes on from there
        (taken(10, 19, 3), "on_request", 0),
        (taken(30, 40, 3), "on_request", 0),
    ],
)
def test_a_gap_stands_where_the_ledger_says(entry: CoverageFacts, state: str, tries: int) -> None:
    """With the tries of what it overlaps or goes on from; a gap of which the ledger knows nothing can be asked for."""
    (gap,) = ask(entry).gaps
    assert (gap.repair, gap.tries) == (state, tries)


def test_entries_say_nothing_of_what_cannot_be_fetched() -> None:
    """The source has none of these minutes, whatever was tried."""
    facts = replace(taken(20, 30, 2), fetched=minutes((0, 60)))
    (gap,) = ask(facts).gaps
    assert (gap.reason, gap.repair, gap.tries) == (Reason.SOURCE_OUTAGE, Repair.NOT_NEEDED, 0)


def test_the_auditor_takes_on_what_a_backfill_can_get() -> None:
    """Also what the next run would bring; not what was refused, nor what the source has no more."""
    facts = replace(TEN_MISSING, stored=runs((0, 20), (30, 50)), fetched=minutes((0, 20), (30, 50)))
    refused = replace(facts, fetched_until=minute(50), refused=minutes((20, 25)))
    coverages = Coverages(reader=Facts(refused), clock=lambda: START + timedelta(minutes=60), supplies=SUPPLIES)
    audited = coverages.audit(Question(name="BTCUSDT", interval=Interval.M1, start=START))
    assert told(audited) == [
        (20, 25, 5, "quarantined", "on_request"),
        (25, 30, 5, "not_fetched", "queued"),
        (50, 60, 10, "not_fetched", "queued"),
    ]


def test_what_is_older_than_the_source_cannot_be_repaired() -> None:
    """A backfill would be refused: the history begins on a day, of Binance's minutes the day on which it opened."""
    opened = CRYPTO_SUPPLY.reach[Interval.M1].history
    assert opened is not None
    start = opened.since - timedelta(minutes=10)
    facts = replace(NOTHING, start=start, fetched_until=BASE)
    answer = ask(facts, start=start, end=int((opened.since - START) / timedelta(minutes=1)) + 5)
    assert [gap[2:] for gap in told(answer)] == [
        (10, "not_fetched", "not_possible"),
        (5, "not_fetched", "on_request"),
    ]


def test_a_holiday_is_not_expected() -> None:
    """A weekday that was fetched and has nothing of the whole exchange is closed."""
    midnight = int(datetime(2026, 2, 27, 5, tzinfo=UTC).timestamp())
    facts = replace(NEW_YORK, days=[(midnight, midnight + 4 * 86_400)], traded=frozenset({date(2026, 3, 2)}))
    answer = stock(facts, interval=Interval.D1, now=datetime(2026, 3, 3, 12, tzinfo=UTC))
    assert (answer.expected, answer.gaps[0].start) == (1, datetime(2026, 3, 2, 5, tzinfo=UTC))


RATE = replace(NOTHING, symbol="USDTRY", source="exchangerate", start=datetime(2026, 3, 1, tzinfo=UTC))


def rate(facts: CoverageFacts, interval: Interval = Interval.D1) -> Coverage:
    coverages = Coverages(reader=Facts(facts), clock=lambda: datetime(2026, 3, 5, 12, tzinfo=UTC), supplies=SUPPLIES)
    return coverages.coverage(Question(name="USDTRY", interval=interval, start=facts.start))


def test_a_rate_is_expected_on_every_day_that_is_over() -> None:
    """The source publishes on weekends too. A day without a publication is an outage there, one missed is gone."""
    day = int(RATE.start.timestamp())
    facts = replace(
        RATE,
        first=day,
        stored=[(day, day)],
        fetched=[(day, day + 86_400 + 500)],
    )
    answer = rate(facts)
    assert (answer.expected, answer.present) == (4, 1)
    assert [(gap.missing, gap.reason, gap.repair) for gap in answer.gaps] == [
        (1, Reason.SOURCE_OUTAGE, Repair.NOT_NEEDED),
        (2, Reason.NOT_FETCHED, Repair.NOT_POSSIBLE),
    ]


def days(*numbers: int) -> list[tuple[int, int]]:
    """The ranges from one day of March 2026 to before another, given in turn."""
    first = int(datetime(2026, 3, 1, tzinfo=UTC).timestamp())
    moments = [first + (number - 1) * 86_400 for number in numbers]
    return list(zip(moments[::2], moments[1::2], strict=True))


LIRA = replace(RATE, currencies=frozenset({"USD", "TRY"}))


def gaps(answer: Coverage) -> list[tuple[int, int, Reason, Repair]]:
    """The gaps: the day of March on which each begins, how many days, why and what becomes of it."""
    return [(gap.start.day, gap.missing, gap.reason, gap.repair) for gap in answer.gaps]


def test_days_without_a_publication_are_not_expected_of_a_past_that_another_source_has() -> None:
    """Of four days one is stored and three were closed; a day on which there was a rate is never closed."""
    facts = replace(LIRA, stored=[(days(2, 3)[0][0], days(2, 3)[0][0])], fetched=days(2, 3), closed=days(1, 2, 3, 5))
    answer = rate(facts)
    assert (answer.expected, answer.present, answer.complete, answer.gaps) == (1, 1, True, ())
    assert rate(replace(facts, closed=days(1, 5))).expected == 1


def test_closed_days_are_told_to_those_who_ask() -> None:
    """As the hours are in which an exchange was closed."""
    facts = replace(LIRA, stored=[(days(2, 3)[0][0], days(2, 3)[0][0])], fetched=days(2, 3), closed=days(3, 5))
    coverages = Coverages(reader=Facts(facts), clock=lambda: datetime(2026, 3, 5, tzinfo=UTC), supplies=SUPPLIES)
    question = Question(
        name="USDTRY", interval=Interval.D1, start=datetime(2026, 3, 2, tzinfo=UTC), end=None, closed=True
    )
    assert gaps(coverages.coverage(question)) == [(3, 0, Reason.CLOSED, Repair.NOT_NEEDED)]


def test_from_its_own_first_rate_on_every_day_is_expected() -> None:
    """A weekend on which the other source publishes nothing is still one on which its own source did."""
    facts = replace(LIRA, stored=[(days(2, 3)[0][0], days(2, 3)[0][0])], closed=days(1, 2, 3, 5))
    answer = rate(replace(facts, watched=days(2, 3)[0][0]))
    assert (answer.expected, answer.present) == (3, 1)
    assert gaps(answer) == [(3, 2, Reason.NOT_FETCHED, Repair.NOT_POSSIBLE)]


def test_a_missing_rate_can_be_had_from_the_other_source() -> None:
    """From its beginning on, of pairs of which it has both currencies, and not of days on which it had none."""
    facts = replace(LIRA, watched=days(1, 2)[0][0], closed=days(4, 5))
    assert gaps(rate(facts)) == [
        (1, 1, Reason.NOT_FETCHED, Repair.NOT_POSSIBLE),
        (2, 2, Reason.NOT_FETCHED, Repair.ON_REQUEST),
        (4, 1, Reason.NOT_FETCHED, Repair.NOT_POSSIBLE),
    ]
    dirham = replace(facts, currencies=frozenset({"USD", "AED"}))
    assert gaps(rate(dirham)) == [(1, 4, Reason.NOT_FETCHED, Repair.NOT_POSSIBLE)]


def test_a_currency_has_days_only() -> None:
    """Who asks for minutes of a rate that is published once a day is told so."""
    with pytest.raises(RefusedError, match="one rate a day") as refused:
        rate(RATE, Interval.M1)
    assert (refused.value.status, refused.value.code, refused.value.parameter) == (400, "not_possible", "interval")


def test_a_symbol_that_does_not_exist_is_refused() -> None:
    """As everywhere: 404, and what can be no name never reaches the database."""
    for name in ("NOPE", "\0", "x" * 41):
        reader = Facts(NOTHING)
        with pytest.raises(RefusedError) as refused:
            Coverages(reader=reader, clock=lambda: START, supplies=SUPPLIES).coverage(
                Question(name=name, interval=Interval.M1)
            )
        assert (refused.value.status, refused.value.code) == (404, "symbol_not_found")
        assert (reader.asked is not None) is (name == "NOPE")


def test_a_range_has_as_many_intervals_as_a_leap_year_has_minutes() -> None:
    """Up to its end or now, whichever comes first; no range is longer than fifty years or begins before 1900."""
    now = datetime(2026, 11, 23, 12, tzinfo=UTC)
    coverages = Coverages(reader=Facts(NOTHING), clock=lambda: now, supplies=SUPPLIES)
    for interval, length in ((Interval.M1, timedelta(minutes=MAX_CANDLES)), (Interval.D1, timedelta(days=18_263))):
        coverages.coverage(Question(name="BTCUSDT", interval=interval, start=now - length))
        with pytest.raises(RefusedError) as refused:
            coverages.coverage(
                Question(name="BTCUSDT", interval=interval, start=now - length - timedelta(seconds=1), end=now + length)
            )
        assert (refused.value.status, refused.value.parameter) == (400, "start")
    for wrong in (
        Question(name="BTCUSDT", interval=Interval.D1, start=datetime(1, 1, 1, tzinfo=UTC)),
        Question(name="BTCUSDT", interval=Interval.D1, end=datetime(1, 1, 2, tzinfo=UTC)),
    ):
        with pytest.raises(RefusedError, match="no candle is older"):
            coverages.coverage(wrong)


def test_a_range_that_has_not_begun_expects_nothing() -> None:
    """The future is empty, not wrong."""
    answer = ask(NOTHING, now=-60)
    assert (answer.expected, answer.gaps, answer.complete) == (0, (), True)
    assert (answer.start, answer.end) == (START, START + timedelta(minutes=60))
    assert ask(NOTHING, now=-60, end=None).end == START


SPANS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=4)


@given(st.sets(st.integers(0, 59)), SPANS, SPANS, SPANS, st.integers(0, 70), st.booleans())
def test_every_expected_candle_is_there_or_explained_once(
    stored: set[int],
    fetched: list[tuple[int, int]],
    refused: list[tuple[int, int]],
    outages: list[tuple[int, int]],
    now: int,
    closed: bool,
) -> None:
    """Whatever is known: the gaps are in order, hold no stored candle, and each has the first reason that applies."""

    def merged(spans: list[tuple[int, int]]) -> Seconds:
        inside = sorted({n for first, end in spans for n in range(first, end)})
        return minutes(*((n, n + 1) for n in inside))

    def holds(spans: list[tuple[int, int]], number: int) -> bool:
        return any(first <= number < end for first, end in spans)

    facts = replace(
        NOTHING,
        stored=runs(*((n, n + 1) for n in sorted(stored))),
        first=minute(min(stored)) if stored else None,
        fetched=merged(fetched),
        refused=merged(refused),
        outages=merged(outages),
        fetched_until=max((minute(end) for first, end in fetched if first < end), default=None),
    )
    answer = ask(facts, now=now, closed=closed)
    over = range(min(now, 60))
    assert answer.expected == len(over)
    assert answer.present == len(stored & set(over))
    explained = {
        first + offset: reason for first, end, missing, reason, _ in told(answer) for offset in range(end - first)
    }
    assert explained.keys() == set(over) - stored
    assert sum(gap.missing for gap in answer.gaps) == answer.missing == sum(answer.missing_by_reason.values())
    for number, reason in explained.items():
        if holds(fetched, number):
            assert reason == ("source_outage" if stored and number > min(stored) else "no_trades")
        elif holds(refused, number):
            assert reason == "quarantined"
        else:
            assert reason == ("source_outage" if holds(outages, number + 1) else "not_fetched")
