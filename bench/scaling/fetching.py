"""The first half of the simulation: runs of one fetcher of Binance, request by request."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from random import Random

from bench.scaling import timing
from bench.scaling.loading import MINUTE, UNEVEN, Seen, Sent
from bench.scaling.settings import Fetching
from bench.workload.asked import Calls, calls
from bench.workload.flow import BATCH
from bench.workload.measured import S3_PUT_SECONDS, SQS_SEND_SECONDS, VENDOR_SECONDS, Measured, vcpus


@dataclass(slots=True)
class Fetcher:
    """One fetcher with its share of the symbols. `late`: its last run ended before every request was made."""

    fetching: Fetching
    share: int
    measured: Measured
    rng: Random
    late: bool = False

    def run(self, minute: int, seen: Seen) -> list[Sent]:
        """The messages of one run.

        The candles come first, in the catalogue's order, and then the last prices. After an incomplete run each answer
        reaches back as far as one call can, because the state remembers complete runs only. What is no longer asked
        for passes the same gate, pause by pause, and messages go out when all have passed: a run that Lambda cuts off
        before has sent nothing.
        """
        tick = minute * MINUTE
        start = tick + timing.before_requests(self.fetching, self.measured, self.share)
        prices = self._prices()
        wanted = self.share + sum(int(one.number) for one in prices)
        client = _Client(self.fetching, self.measured, self.rng, start)
        made = 0
        while made < wanted and client.begins_before(tick + self.fetching.usable_seconds):
            client.begin()
            made += 1
        last = client.finish(passing=wanted - made)
        sent = self._sent(made, last, minute, prices)
        ended = last + timing.after_requests(made)
        sent.append(Sent(ended, None, self.measured.message("report")))
        cut_off = tick + self.fetching.timeout
        sent = [one for one in sent if one.at <= cut_off]
        seen.asked += sum(one.minute is not None for one in sent)
        seen.longest_run = max(seen.longest_run, min(ended, cut_off) - tick)
        self.late = made < wanted or ended > cut_off
        return sent

    def _prices(self) -> tuple[Calls, ...]:
        """The calls for last prices of one run."""
        return calls(self.fetching.source, "ticker_price", self.share, every_seconds=self.fetching.every_seconds)

    def _sent(self, made: int, last: float, minute: int, asked: tuple[Calls, ...]) -> list[Sent]:
        """The answers of so many requests, ten by ten, when the last one is there."""
        klines = self.measured.message("binance.klines_1m catching up" if self.late else "binance.klines_1m")
        prices = self.measured.message("binance.ticker_price", max((one.symbols for one in asked), default=1))
        return [
            Sent(
                last + (place // BATCH + 1) * SQS_SEND_SECONDS,
                minute if place < self.share else None,
                klines if place < self.share else prices,
            )
            for place in range(made)
        ]


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

    def finish(self, *, passing: int) -> float:
        """When the last answer is in the archive, and so many requests that are not made have passed the gate."""
        while self._answers:
            self._take()
        return max(self._last, self._next_start + (passing - 1) * self._pause) if passing else self._last

    def _take(self) -> None:
        answered = heapq.heappop(self._answers)
        self._processor = max(self._processor, answered) + self._cpu * self._rng.lognormvariate(0, UNEVEN)
        self._last = max(self._last, self._processor + S3_PUT_SECONDS)
        heapq.heappush(self._free, self._processor + S3_PUT_SECONDS)
