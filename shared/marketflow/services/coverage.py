"""Explains what is missing: the expected candles of a symbol, the final ones that are stored, and what of the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from marketflow.domain import calendars
from marketflow.domain.calendars import Block, Exchange, Grid
from marketflow.domain.coverage import Calendar, CoverageFacts, CoverageQuery, Supply
from marketflow.domain.gaps import MOST_TRIES, REPAIRABLE, Coverage, Gap, Question, Reason, Repair
from marketflow.domain.interval import Interval
from marketflow.domain.numbering import Runs, joined, outside, within
from marketflow.errors import RefusedError
from marketflow.services.market_data import is_name, unknown_symbol

MAX_CANDLES = 527_040
"""As many as a leap year has minutes; a range may have no more intervals than that."""

MAX_RANGE = timedelta(days=18_263)
"""Fifty years, the longest range at any interval."""

EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
"""No candle is older."""


class CoverageReader(Protocol):
    """The stored facts."""

    def coverage(self, query: CoverageQuery) -> CoverageFacts | None:
        """What is known about a symbol, in one statement; None when there is none.

        Raises DatabaseUnavailableError.
        """
        ...


class Coverages:
    """Answers what is missing and why. `supplies` is what the catalogue says of each source's candles."""

    def __init__(
        self, *, reader: CoverageReader, clock: Callable[[], datetime], supplies: Mapping[str, Supply]
    ) -> None:
        self._reader = reader
        self._clock = clock
        self._supplies = supplies
        self._rate_sources = [name for name, supply in supplies.items() if supply.calendar is Calendar.RATES]

    def coverage(self, question: Question) -> Coverage:
        """The expected, stored and missing candles of one symbol.

        Raises RefusedError: no such symbol (404), a range that is too long, or an interval of a currency other than a
        day (400).
        """
        return self._answer(question, auditing=False)

    def audit(self, question: Question) -> Coverage:
        """The same for the auditor, who takes on every gap that a backfill can get: those are `QUEUED`.

        It asks about what the scheduled runs had their time for, so that what the next one may bring is among them.
        """
        return self._answer(question, auditing=True)

    def _answer(self, question: Question, *, auditing: bool) -> Coverage:
        now = self._clock().replace(microsecond=0)
        query = self._query(question, now)
        facts = self._reader.coverage(query) if auditing or is_name(question.name) else None
        if facts is None:
            raise unknown_symbol(question.name)
        supply = self._supplies[facts.source]
        if supply.calendar is Calendar.RATES and question.interval is not Interval.D1:
            raise _refused("interval", f"{facts.symbol} has one rate a day and no candles; ask for interval=1d")
        blocks = _blocks(facts, supply, question.interval, query.until)
        return _explain(_Case(question, facts, supply, blocks, now=now, until=query.until, auditing=auditing))

    def _query(self, question: Question, now: datetime) -> CoverageQuery:
        step = calendars.length_of(question.interval)
        longest = min(MAX_RANGE, timedelta(seconds=step * MAX_CANDLES))
        until = min(question.end or now, now)
        if question.start is not None and question.start < EARLIEST:
            raise _refused("start", f"no candle is older than {EARLIEST:%Y-%m-%d}")
        if until < EARLIEST:
            raise _refused("end", f"no candle is older than {EARLIEST:%Y-%m-%d}")
        if question.start is not None and until - question.start > longest:
            raise _refused(
                "start", f"a range of {question.interval} candles has at most {longest.days} days up to its end or now"
            )
        return CoverageQuery(
            name=question.name,
            interval=question.interval,
            start=None if question.start is None else min(question.start, until),
            until=until,
            earliest=max(EARLIEST, until - longest),
            step=1 if question.interval is Interval.MO1 else step,
            rate_sources=self._rate_sources,
        )


_Piece = tuple[int, int, Reason, Repair, int]
"""Numbers from the first to before the last, why they are missing, what becomes of them, and the tries so far."""


@dataclass(frozen=True, slots=True)
class _Case:
    question: Question
    facts: CoverageFacts
    supply: Supply
    blocks: list[Block]
    now: datetime
    until: datetime
    auditing: bool

    @property
    def start(self) -> int:
        """The first second of the range."""
        return _up(self.facts.start)

    @property
    def end(self) -> int:
        """The second at which the range stops; never in the future."""
        return _up(self.until)


def _blocks(facts: CoverageFacts, supply: Supply, interval: Interval, until: datetime) -> list[Block]:
    """The calendar of the symbol's market around the window."""
    start, end = _up(facts.start), max(_up(until), _up(facts.start) + 1)
    if supply.calendar is Calendar.RATES:
        # From the first rate of its own source on there is one on every day; before it, where its past comes from.
        before = [] if not facts.closed else within(facts.closed, [(0, facts.watched or facts.closed[-1][1])])
        stored = joined((first, last + calendars.DAY) for first, last in facts.stored)
        return calendars.published(calendars.always_open(interval, start, end), before, stored)
    if supply.calendar is Calendar.ALWAYS:
        return calendars.always_open(interval, start, end)
    exchange = Exchange(
        zone=ZoneInfo(facts.timezone),
        sessions=facts.sessions,
        hours=facts.hours,
        traded=facts.traded,
        days=facts.days,
        minutes=facts.minutes,
    )
    return calendars.of_exchange(exchange, interval, start, end)


def _explain(case: _Case) -> Coverage:
    facts, question = case.facts, case.question
    grid = calendars.expected(case.blocks, case.start, case.end, int(case.now.timestamp()))
    stored = _present(facts, grid, calendars.length_of(question.interval))
    pieces = _pieces(case, grid, outside([(0, grid.total)], stored))
    shut: list[tuple[int, int]] = []
    cuts = pieces
    if question.closed:
        # A gap goes on over closed hours, unless those are told too.
        shut = calendars.closed(case.blocks, case.start, case.end)
        cuts = [(*run, *piece[2:]) for piece in pieces for run in grid.cut(*piece[:2])]
    counts: dict[Reason, int] = {reason: 0 for reason in Reason if reason is not Reason.CLOSED}
    for first, end, reason, *_ in pieces:
        counts[reason] += end - first
    # Before the facts begin everything is retired.
    start = max(question.start or facts.start, facts.start)
    return Coverage(
        symbol=facts.symbol,
        interval=question.interval,
        start=start,
        end=max(question.end or case.now, start),
        expected=grid.total,
        present=grid.total - sum(counts.values()),
        missing_by_reason=counts,
        gap_count=len(cuts) + len(shut),
        gaps=_told(grid, cuts[: question.limit], shut[: question.limit])[: question.limit],
    )


def _told(grid: Grid, pieces: list[_Piece], shut: list[tuple[int, int]]) -> tuple[Gap, ...]:
    """The gaps in the order of their times."""
    gaps = [
        Gap(
            start=_moment(grid.opens_at(first)),
            end=_moment(grid.closes_at(end - 1)),
            missing=end - first,
            reason=reason,
            repair=repair,
            tries=tries,
        )
        for first, end, reason, repair, tries in pieces
    ]
    gaps += [
        Gap(start=_moment(start), end=_moment(end), missing=0, reason=Reason.CLOSED, repair=Repair.NOT_NEEDED)
        for start, end in shut
    ]
    return tuple(sorted(gaps, key=lambda gap: gap.start))


def _present(facts: CoverageFacts, grid: Grid, step: int) -> Runs:
    """The numbers of the stored candles. Those that stand beside the grid are none of it."""
    return joined(run for first, last in facts.stored for run in grid.numbers_of(first, last, step))


def _pieces(case: _Case, grid: Grid, missing: Runs) -> list[_Piece]:
    """`missing` cut by reason and repair, in order."""
    facts, supply = case.facts, case.supply
    step = calendars.length_of(case.question.interval)

    def numbers(spans: Runs, shift: int = 0) -> Runs:
        return joined((grid.number_at(start - shift), grid.number_at(end - shift)) for start, end in spans)

    found: list[tuple[int, int, Reason, Repair]] = []
    # What is held back was answered and is no data, like what is refused.
    held = numbers(facts.held)
    fetched = outside(numbers(facts.fetched), held)
    answered, open_ = within(missing, fetched), outside(missing, fetched)
    quiet = Reason.NO_TRADES if supply.calendar is Calendar.SESSIONS else Reason.SOURCE_OUTAGE
    listed = [(0, grid.number_at(facts.first))] if facts.first is not None else [(0, grid.total)]
    before = joined(listed) if supply.flat_candles else []
    found += [(*run, Reason.NO_TRADES, Repair.NOT_NEEDED) for run in within(answered, before)]
    found += [(*run, quiet, Repair.NOT_NEEDED) for run in outside(answered, before)]

    automatic, on_request = _repairable(case, grid)
    ways = [(automatic, Repair.AUTOMATIC), (on_request, Repair.ON_REQUEST)]
    # An outage explains the candles that were over while it lasted: that is when they would have been fetched.
    refused, down = joined([*numbers(facts.refused), *held]), numbers(facts.outages, step)
    for runs, reason in (
        (within(open_, refused), Reason.QUARANTINED),
        (within(outside(open_, refused), down), Reason.SOURCE_OUTAGE),
        (outside(outside(open_, refused), down), Reason.NOT_FETCHED),
    ):
        rest: Runs = runs
        for way, repair in reversed(ways) if case.auditing and reason in REPAIRABLE else ways:
            found += [(*run, reason, repair) for run in within(rest, way)]
            rest = outside(rest, way)
        found += [(*run, reason, Repair.NOT_POSSIBLE) for run in rest]
    return _whole(_taken_on(case, grid, piece) for piece in sorted(found))


def _taken_on(case: _Case, grid: Grid, piece: tuple[int, int, Reason, Repair]) -> _Piece:
    """The piece with what the ledger says of it.

    A gap has the most tries of those in the ledger that it overlaps or goes on from: it may have shrunk, grown, or come
    apart since, and begins anew only where nothing was tried.
    """
    first, end, reason, repair = piece
    repairable = reason in REPAIRABLE and repair in (Repair.AUTOMATIC, Repair.ON_REQUEST)
    opens, closes = grid.opens_at(first), grid.closes_at(end - 1)
    known = [one for one in case.facts.taken if one.start < closes and one.end >= opens] if repairable else []
    tries = max((one.tries for one in known), default=0)
    if any(one.running for one in known):
        return first, end, reason, Repair.PENDING, tries
    if tries >= MOST_TRIES:
        return first, end, reason, Repair.GIVEN_UP, tries
    queued = bool(known) or (case.auditing and repair is Repair.ON_REQUEST)
    return first, end, reason, Repair.QUEUED if repairable and queued else repair, tries


def _whole(pieces: Iterable[_Piece]) -> list[_Piece]:
    """`pieces`, in order, with those joined that touch and do not differ."""
    found: list[_Piece] = []
    for piece in pieces:
        if found and found[-1][1] == piece[0] and found[-1][2:] == piece[2:]:
            found[-1] = (found[-1][0], *piece[1:])
        else:
            found.append(piece)
    return found


def _repairable(case: _Case, grid: Grid) -> tuple[Runs, Runs]:
    """Which candles the next scheduled run asks for, and which a backfill can, from the source or from a supplement.

    The run reaches back to what was answered last, as deep as the source allows in one call, and only for symbols that
    are active. One that never was asked for is asked for with its past.
    """
    reach = case.supply.reach.get(case.question.interval)
    if reach is None:
        return [], []
    now, until = int(case.now.timestamp()), case.facts.fetched_until
    since = max(now - reach.catches_up_seconds, until or 0)
    had = [] if reach.history is None else [(grid.number_at(_up(reach.history.earliest(case.now))), grid.total)]
    supplied = [
        (grid.number_at(int(supplement.since.timestamp())), grid.total)
        for supplement in case.supply.supplements
        if case.facts.currencies and case.facts.currencies <= supplement.currencies
    ]
    closed = joined((grid.number_at(start), grid.number_at(end)) for start, end in case.facts.closed)
    automatic = joined([(grid.number_at(since), grid.total)] if case.facts.active else [])
    return automatic, joined([*had, *outside(joined(supplied), closed)])


def _refused(parameter: str, said: str) -> RefusedError:
    return RefusedError(f"{parameter}: {said}.", status=400, code="not_possible", parameter=parameter)


def _up(moment: datetime) -> int:
    """Whole unix seconds, rounded up: what opens at a whole second and not before `moment` opens at it or later."""
    return -int(-moment.timestamp() // 1)


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
