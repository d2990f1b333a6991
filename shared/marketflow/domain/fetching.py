"""What is asked of a source and what it answered: the words that fetchers, archive and ETL share."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from pydantic import AwareDatetime, BaseModel

from marketflow.domain.interval import Interval
from marketflow.domain.jobs import Part, PartFailure
from marketflow.domain.models import STRICT
from marketflow.domain.ticks import Tick

OUTAGE_FAILURES = frozenset({"no_answer", "retry_later", "blocked", "not_asked"})
"""The failures of a run that say that the source does not answer us at all."""


class FetchTask(BaseModel):
    """A piece of work for one fetcher: from its schedule (no window) or from its task queue (a window to fill).

    `symbols` are vendor spellings; None means every active symbol. `[start, end)` is UTC; None means the newest data.
    `part` is the part of a backfill that this task is.
    """

    model_config = STRICT

    version: int = 1
    dataset: str
    symbols: tuple[str, ...] | None = None
    start: AwareDatetime | None = None
    end: AwareDatetime | None = None
    part: Part | None = None


class FetchOrder(Tick):
    """The event of a source's schedule: the datasets to fetch now, for every active symbol."""

    datasets: tuple[str, ...]


class FetchRequest(BaseModel):
    """One GET at a source, as data: the path, the query and what it is expected to answer.

    Never holds a credential: `fetch` adds those, so a request can be logged, queued and archived.
    """

    model_config = STRICT

    source: str
    dataset: str
    symbols: tuple[str, ...]
    path: str
    params: tuple[tuple[str, str], ...] = ()
    interval: Interval | None = None
    start: AwareDatetime | None = None
    end: AwareDatetime | None = None


class RawResponse(BaseModel):
    """What came back, untouched. `headers` has lower-case names; `received_at` is our clock, UTC."""

    model_config = STRICT

    status: int
    headers: dict[str, str]
    received_at: AwareDatetime
    body: bytes = b""

    @property
    def source_time(self) -> datetime:
        """The source's own clock: its `Date` header, or `received_at` when it sent none that can be read."""
        try:
            moment = parsedate_to_datetime(self.headers["date"])
            return moment.astimezone(UTC) if moment.tzinfo else self.received_at
        except (KeyError, ValueError, OverflowError):
            return self.received_at


class Verdict(BaseModel):
    """What a good answer says besides its data: when the next one is due, and how much of the budget is used.

    `notice` is a sentence for the operator, to be logged as a warning: the vendor announces the end of an endpoint.
    """

    model_config = STRICT

    next_due: AwareDatetime | None = None
    budget_used: int | None = None
    budget_limit: int | None = None
    notice: str | None = None


class FetchReport(BaseModel):
    """What one run of a fetcher did and what it knows about its source; all times UTC.

    `last_success_at` is the newest `received_at` of a good answer in this run. `failures` counts requests by reason.
    `notice` is what the source announced about itself, such as the end of an endpoint. `lost` is the part of a backfill
    that this run gave up for good.
    """

    model_config = STRICT

    source: str
    started_at: AwareDatetime
    finished_at: AwareDatetime
    requests: int
    succeeded: int
    failures: dict[str, int] = {}
    last_success_at: AwareDatetime | None = None
    next_due_at: AwareDatetime | None = None
    last_error: str | None = None
    notice: str | None = None
    budget_used: int | None = None
    budget_limit: int | None = None
    lost: PartFailure | None = None

    @property
    def outage(self) -> tuple[datetime, datetime] | None:
        """The half-open time during which the source gave nothing, as far as this run knows; None when it did.

        It begins a minute before the run, since what was over by then is what the run would have got, and lasts until
        the source is to be asked again. Answers that came and were no data are none of an outage, and nor is a symbol
        that the source does not know.
        """
        silent = OUTAGE_FAILURES & self.failures.keys() if self.requests else self.last_error is not None
        start = self.started_at - timedelta(minutes=1)
        end = max(self.finished_at, self.next_due_at or self.finished_at)
        return (start, end) if silent and not self.succeeded and start < end else None
