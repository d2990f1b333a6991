"""The drills: under a steady load one part after the other is killed, and what was lost is counted."""

from __future__ import annotations

import io
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from botocore.exceptions import BotoCoreError, ClientError

from local.admin_api import AdminApi
from local.jobs import watch
from local.load import ledger, report
from local.load.faults import Fault
from local.load.figures import GOOD, Sample
from local.load.minutes import Minutes, missing_minutes
from local.load.mix import asks
from local.load.queues import depths
from local.load.readers import Reader, wait_for
from local.load.stand import Feeder, Stand
from local.processes import LocalError
from marketflow.errors import DatabaseUnavailableError, RetryLaterError
from marketflow.sources.catalog import CATALOG

READ_RATE = 4.0
FEED_RATE = 8.0
FED_MINUTES = 240
CALM_SECONDS = 8.0
GOOD_SECONDS = 60.0
PATIENCE_SECONDS = 90.0
"""A message that failed is hidden for a minute; when nothing arrives for longer than that, nothing is on its way."""

GONE_SECONDS = 5.0
"""The same where the queue is gone."""

COLUMNS = (
    *("drill", "killed", "down s", "bad answers", "good after s", "in the queue", "caught up s", "by replay", "lost"),
    *("bad outside",),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a drill came to. Times are seconds.

    `killed` processes ended. `down` is from the kill until the part ran again, `good_after` from the kill to the first
    good answer that was asked for after that (None: there was none), `caught_up` from then until every answer archived
    by then was in the tables. `queued` messages were in the queue at the kill. `replayed` answers only a replay of the
    archive brought back, `lost` not even that. `outside` are wrong answers outside of the outage.
    """

    name: str
    what: str
    killed: int
    down: float
    bad: dict[int, int]
    good_after: float | None
    queued: int
    caught_up: float
    replayed: int
    lost: int
    outside: int
    struck_at: datetime
    mended_at: datetime

    def row(self) -> list[object]:
        """A line of the table."""
        answers = [self.bad, self.good_after, self.queued, self.caught_up, self.replayed, self.lost, self.outside]
        return [self.name, self.killed, self.down, *answers]


def drill(stand: Stand, fault: Fault, reader: Reader) -> Outcome:
    """Strike, mend, and count. Raises LocalError when a replay did not end well."""
    time.sleep(CALM_SECONDS)
    first = len(reader.samples)
    queued = sum(depths(stand.stack))
    struck, struck_at = time.monotonic(), datetime.now(UTC)
    killed = fault.strike(stand)
    if fault.mend is not None:
        time.sleep(max(struck + fault.down - time.monotonic(), 0.0))
        fault.mend(stand)
    mended, mended_at = time.monotonic(), datetime.now(UTC)
    good = _first_good(reader, mended)
    replayed, lost = _catch_up(stand, patience=GONE_SECONDS if fault.queue_gone else PATIENCE_SECONDS)
    caught_up = time.monotonic() - mended
    samples = reader.samples[first:]
    inside, outside = split(samples, start=struck, end=good or time.monotonic())
    return Outcome(
        name=fault.name,
        what=fault.what,
        killed=killed,
        down=round(mended - struck, 1),
        bad=dict(sorted(Counter(sample.status for sample in inside).items())),
        good_after=None if good is None else round(good - struck, 1),
        queued=queued,
        caught_up=round(caught_up, 1),
        replayed=replayed,
        lost=lost,
        outside=len(outside),
        struck_at=struck_at,
        mended_at=mended_at,
    )


def split(samples: Sequence[Sample], *, start: float, end: float) -> tuple[list[Sample], list[Sample]]:
    """Wrong answers to what was on its way in `[start, end]`, the outage, and those outside of it."""
    bad = [sample for sample in samples if not sample.expected]
    inside = [sample for sample in bad if sample.due <= end and sample.ended >= start]
    return inside, [sample for sample in bad if sample not in inside]


def _first_good(reader: Reader, since: float) -> float | None:
    """When the first good answer came to what was asked for since then; None when none does for a long time."""

    def found() -> list[float]:
        return [one.ended for one in list(reader.samples) if one.due >= since and one.status in GOOD]

    return min(found()) if wait_for(lambda: bool(found()), seconds=GOOD_SECONDS) else None


def _catch_up(stand: Stand, *, patience: float) -> tuple[int, int]:
    """Wait until what is archived now is in the tables; how many answers took a replay, and how many are nowhere."""
    kept = frozenset(ledger.archived(stand.stack))
    missing = _await(stand, kept, patience=patience)
    if not missing:
        return 0, 0
    replay(stand, since=datetime.now(UTC) - timedelta(days=1))
    return len(missing), len(_await(stand, missing, patience=PATIENCE_SECONDS))


def _await(stand: Stand, wanted: frozenset[str], *, patience: float) -> frozenset[str]:
    """Those of the keys that are still nowhere when no more of them arrived for `patience` seconds."""
    missing, changed = wanted, time.monotonic()
    while missing and time.monotonic() - changed < patience:
        try:
            left = missing & ledger.account(stand.stack).missing
        except (DatabaseUnavailableError, RetryLaterError, BotoCoreError, ClientError):
            left = missing
        if left != missing:
            missing, changed = left, time.monotonic()
        time.sleep(0.5)
    return missing


def replay(stand: Stand, *, since: datetime) -> None:
    """Load the whole archive again, as an operator would. Raises LocalError when a job did not end well."""
    with AdminApi.of(stand.stack.facts) as operator:
        begun = [operator.post("/replays", {"source": name, "start": since.isoformat()}) for name in CATALOG]
        jobs = [watch(operator, f"/replays/{one['id']}", io.StringIO()) for one in begun]
    if bad := [job for job in jobs if job["status"] != "completed"]:
        raise LocalError(f"Replays did not end well: {bad}")


def drills(stand: Stand, faults: Sequence[Fault]) -> tuple[list[Outcome], Minutes]:
    """All of them one after the other, under load, and then the minutes that are missing."""
    facts, began = stand.stack.facts, datetime.now(UTC)
    drawn = asks(500, seed=3, end=stand.end)
    outcomes = []
    reader = Reader(facts.api_url, facts.api_key, asks=drawn, rate=READ_RATE)
    with reader, Feeder(stand, stand.minutes(FED_MINUTES), rate=FEED_RATE):
        for fault in faults:
            with stand.steps.step(fault.name) as note:
                outcomes.append(outcome := drill(stand, fault, reader))
                note.text = fault.what
                note.text += "".join(f"; {n} x {s}: {fault.answers.get(s, '?')}" for s, n in outcome.bad.items())
    _catch_up(stand, patience=PATIENCE_SECONDS)
    missing = missing_minutes(stand.stack, began)
    report.table(f"Drills, under {READ_RATE:g} requests and {FEED_RATE:g} messages a second", COLUMNS, _rows(outcomes))
    print(
        f"  Minutes of all pairs meanwhile: {missing.present:,} of {missing.expected:,} are there, missing "
        f"{dict(missing.missing) or 'none'}, after {missing.waited_seconds:.0f} s more."
    )
    return outcomes, missing


def _rows(outcomes: Sequence[Outcome]) -> list[list[object]]:
    return [outcome.row() for outcome in outcomes]


def faults_of(outcomes: Sequence[Outcome]) -> list[str]:
    """What must not be."""
    found = [f"{one.name}: {one.lost} answers were lost" for one in outcomes if one.lost]
    return [
        *found,
        *(f"{one.name}: {one.outside} bad answers outside of the outage" for one in outcomes if one.outside),
    ]
