"""The messages of one month of 730 hours, by kind, and what they come to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from bench.workload.asked import Calls, Mix, calls
from bench.workload.measured import Measured, Message
from marketflow.sources.catalog import CATALOG, Schedule, SourceSpec

MONTH_HOURS = 730.0
MONTH_SECONDS = MONTH_HOURS * 3600
BATCH = 10
"""Messages of one SendMessageBatch, and of one invocation of the ETL at most."""


@dataclass(frozen=True, slots=True)
class Tick:
    """One schedule of one source: how often it fires in a month, and what it then asks for."""

    source: SourceSpec
    schedule: Schedule
    calls: tuple[Calls, ...]

    @property
    def number(self) -> float:
        """Ticks in a month."""
        return MONTH_SECONDS / self.schedule.every_seconds

    @property
    def requests(self) -> float:
        """Requests of one tick."""
        return sum(one.number for one in self.calls)

    @property
    def messages(self) -> float:
        """Messages of one tick: an answer each, and the report."""
        return self.requests + 1

    @property
    def weight(self) -> int:
        """Binance's weight of one tick."""
        return sum(one.weight for one in self.calls)


@dataclass(frozen=True, slots=True)
class Flow:
    """What runs through the pipeline with a mix of symbols."""

    mix: Mix
    ticks: tuple[Tick, ...]
    measured: Measured

    @classmethod
    def of(cls, mix: Mix, measured: Measured) -> Flow:
        """By the catalogue's schedules."""
        ticks = tuple(
            Tick(
                source,
                schedule,
                tuple(
                    one
                    for dataset in schedule.datasets
                    for one in calls(source.name, dataset, mix.names(source.name), every_seconds=schedule.every_seconds)
                ),
            )
            for source in CATALOG.values()
            for schedule in source.schedules
        )
        return cls(mix, ticks, measured)

    def of_source(self, source: str) -> Iterator[Tick]:
        """The ticks of one source."""
        return (tick for tick in self.ticks if tick.source.name == source)

    def messages(self, ticks: Iterable[Tick] | None = None) -> Iterator[tuple[float, Message]]:
        """How many there are in a month of each kind, and the figures of one."""
        for tick in self.ticks if ticks is None else ticks:
            for one in tick.calls:
                yield tick.number * one.number, self.measured.message(one.kind, one.symbols)
            yield tick.number, self.measured.message("report")

    def total(self, figure: Callable[[Message], float]) -> float:
        """`figure` of every message of a month, added up."""
        return sum(number * figure(message) for number, message in self.messages())

    @property
    def number(self) -> float:
        """Messages in a month."""
        return self.total(lambda _: 1.0)

    @property
    def requests(self) -> float:
        """Requests to the sources in a month; each leaves one object in the archive."""
        return sum(tick.number * tick.requests for tick in self.ticks)

    @property
    def sends(self) -> float:
        """SendMessageBatch calls in a month: the answers of a tick in tens, and its report alone."""
        return sum(tick.number * (-(-tick.requests // BATCH) + 1) for tick in self.ticks)

    @property
    def series(self) -> int:
        """Series that the auditor looks at: those of the catalogue for each symbol."""
        return sum(len(source.series) * self.mix.names(name) for name, source in CATALOG.items())
