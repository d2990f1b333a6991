"""The first half of the simulation: runs of one fetcher of Binance, request by request."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

from bench.scaling import timing
from bench.scaling.loading import MINUTE, UNEVEN, Seen, Sent
from bench.scaling.settings import Fetching
from bench.workload.asked import Calls, calls
from bench.workload.flow import BATCH
from bench.workload.measured import S3_PUT_SECONDS, SQS_SEND_SECONDS, VENDOR_SECONDS, Measured, vcpus
from marketflow.services.order import beginning


@dataclass(slots=True)
class Fetcher:
    """One fetcher with its share of the symbols. `late`: its last run ended before every request was made.

    `due` has for each symbol the first minute whose candle is not delivered yet, 0 before its first answer.
    """

    fetching: Fetching
    share: int
    measured: Measured
    rng: Random
    late: bool = False
    due: list[int] = field(init=False)

    def __post_init__(self) -> None:
        self.due = [0] * self.share

    def run(self, minute: int, seen: Seen) -> list[Sent]:
        """The messages of one run.

        Last prices come first, and then the candles, from another symbol on in each run. After an incomplete run each
        answer reaches back as far as one call can, because the state remembers complete runs only. Messages go out when
        the last answer is there, and those that Lambda cuts off are in the archive alone.
        """
        tick = minute * MINUTE
        start = tick + timing.before_requests(self.fetching, self.measured, self.share)
        prices = self._prices()
        first = beginning(minute, self.share)
        order = [None] * sum(int(one.number) for one in prices) + [*range(first, self.share), *range(first)]
        client = _Client(self.fetching, self.measured, self.rng, start)
        made = 0
        while made < len(order) and client.begins_before(tick + self.fetching.usable_seconds):
            client.begin()
            made += 1
        last = client.finish()
        ended = last + timing.after_requests(made)
        cut_off = tick + self.fetching.timeout
        sent = list(self._sent(order[:made], last, minute, prices, cut_off))
        if ended <= cut_off:
            sent.append(Sent(ended, range(0), self.measured.message("report")))
        seen.asked += sum(len(one.minutes) > 0 for one in sent)
        seen.longest_run = max(seen.longest_run, min(ended, cut_off) - tick)
        self.late = made < len(order) or ended > cut_off
        return sent

    def _prices(self) -> tuple[Calls, ...]:
        """The calls for last prices of one run."""
        return calls(self.fetching.source, "ticker_price", self.share, every_seconds=self.fetching.every_seconds)

    def _sent(
        self, asked: list[int | None], last: float, minute: int, prices: tuple[Calls, ...], cut_off: float
    ) -> Iterator[Sent]:
        """The answers to what was asked, ten by ten, from when the last one is there until the run is cut off."""
        klines = self.measured.message("binance.klines_1m catching up" if self.late else "binance.klines_1m")
        many = self.measured.message("binance.ticker_price", max((one.symbols for one in prices), default=1))
        for place, symbol in enumerate(asked):
            at = last + (place // BATCH + 1) * SQS_SEND_SECONDS
            if at > cut_off:
                return
            if symbol is None:
                yield Sent(at, range(0), many)
                continue
            yield Sent(at, range(self.due[symbol], minute + 1), klines)
            self.due[symbol] = minute + 1


class _Client:
    """The requests of one run: so many places, a pause between two starts, one processor for whatever was answered."""

    def __init__(self, fetching: Fetching, measured: Measured, rng: Random, start: float) -> None:
        self._pause = fetching.min_interval_seconds
        self._latency = VENDOR_SECONDS[fetching.source]
        self._cpu = measured.fetch_request_ms / 1000 / vcpus(fetching.memory)
        self._rng = rng
        self._free = [start] * fetching.max_concurrency
        self._answers: list[float] = []
        self._next_start = self._processor = self._last = start

    def begins_before(self, moment: float) -> bool:
        """Whether the next request can begin by `moment`; every answer until then is worked on first."""
        while self._answers and (not self._free or self._answers[0] <= max(self._free[0], self._next_start)):
            self._take()
        return max(self._free[0], self._next_start) <= moment

    def begin(self) -> None:
        """Begin the next request, as `begins_before` found it."""
        start = max(heapq.heappop(self._free), self._next_start)
        self._next_start = start + self._pause
        heapq.heappush(self._answers, start + self._latency * self._rng.lognormvariate(0, timing.LONG_TAIL))

    def finish(self) -> float:
        """When the last answer is in the archive."""
        while self._answers:
            self._take()
        return self._last

    def _take(self) -> None:
        answered = heapq.heappop(self._answers)
        self._processor = max(self._processor, answered) + self._cpu * self._rng.lognormvariate(0, UNEVEN)
        self._last = max(self._last, self._processor + S3_PUT_SECONDS)
        heapq.heappush(self._free, self._processor + S3_PUT_SECONDS)
