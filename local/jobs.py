"""`make backfill`, `make replay` and `make redrive`: asks the API for the work and watches how it does."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TextIO

import httpx

from local.admin_api import AdminApi
from local.processes import LocalError
from local.status import duration

USAGE = {
    "backfill": "make backfill SYMBOL=BTCUSDT INTERVAL=1m FROM=2026-01-01 [TO=2026-02-01]",
    "replay": "make replay SOURCE=binance FROM=2026-01-01 [TO=2026-01-08] [SYMBOL=BTCUSDT]",
    "redrive": "make redrive QUEUE=payloads-dlq (make dlq shows what is in them)",
}
WIDTH = 30
ASK_SECONDS = 1.0
LONGEST_REPLAY = timedelta(days=31)
"""The longest range of one replay that the API takes."""


def line(job: Mapping[str, Any]) -> str:
    """How a job does, in one line: a bar, the counts, the rate and the time left."""
    counts = job["counts"]
    asked, known = counts["asked"], counts["stored"] + counts["empty"] + counts["failed"]
    share = 0.0 if asked is None else 1.0 if asked == 0 else known / asked
    bar = "#" * int(share * WIDTH)
    said = [f"{known}/{'?' if asked is None else asked} parts", f"{counts['rows']} rows"]
    if counts["failed"]:
        said.append(f"{counts['failed']} failed")
    if job["parts_per_second"] and job["finished_at"] is None:
        said.append(f"{job['parts_per_second']:.1f}/s")
    if job["seconds_left"]:
        said.append(f"{duration(job['seconds_left'])} left")
    return f"[{bar:<{WIDTH}}] {share:4.0%}  {', '.join(said)}"


def summary(job: Mapping[str, Any]) -> str:
    """What came of a job that is over."""
    counts = job["counts"]
    names = ("asked", "received", "stored", "empty", "failed")
    lines = [f"{job['status']}: " + ", ".join(f"{name} {counts[name]}" for name in names)]
    lines.append(f"{counts['rows']} rows, {counts['quarantined']} refused")
    lines += [
        f"  {failure['count']} x {failure['reason']}: {failure['detail']} ({failure['parts'][0]}, …)"
        for failure in job["failures"]
    ]
    return "\n".join(lines)


def watch(operator: AdminApi, path: str, out: TextIO) -> dict[str, Any]:
    """Show how the job at `path` does until it is over; its end."""
    rewrites = out.isatty()
    while True:
        job: dict[str, Any] = operator.get(path)
        over = job["status"].startswith("completed")
        if rewrites:
            out.write(f"\r\x1b[2K{line(job)}")
        elif over:
            out.write(line(job))
        out.flush()
        if over:
            out.write("\n")
            return job
        time.sleep(ASK_SECONDS)


def ranges(start: str, end: str) -> Iterator[tuple[str, str]]:
    """A range of dates or times in pieces that the API takes as one replay. Raises LocalError for what is neither."""
    try:
        first, last = (_moment(text) for text in (start, end))
    except ValueError as error:
        raise LocalError(f"Not a date or time: {error}.") from None
    while first < last:
        stop = min(first + LONGEST_REPLAY, last)
        yield first.isoformat(), stop.isoformat()
        first = stop


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text) if text else datetime.now(UTC)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _given(environment: Mapping[str, str], kind: str, *names: str) -> list[str]:
    values = [environment.get(name, "") for name in names]
    if missing := [name for name, value in zip(names, values, strict=True) if not value]:
        raise LocalError(f"{', '.join(missing)} is missing. {USAGE[kind]}")
    return values


def backfill(operator: AdminApi, environment: Mapping[str, str], out: TextIO) -> bool:
    """Fetch the past of a symbol; whether nothing of it failed."""
    symbol, interval, start = _given(environment, "backfill", "SYMBOL", "INTERVAL", "FROM")
    body = {"symbol": symbol, "interval": interval, "start": start, "end": environment.get("TO") or None}
    job = operator.post("/backfills", body)
    out.write(f"backfill {job['id']}: {symbol} {interval}, {job['start']} to {job['end']}\n")
    return _end(watch(operator, f"/backfills/{job['id']}", out), out)


def replay(operator: AdminApi, environment: Mapping[str, str], out: TextIO) -> bool:
    """Load the archive of a source again, a month at a time; whether nothing of it failed."""
    source, start = _given(environment, "replay", "SOURCE", "FROM")
    good = True
    for first, last in ranges(start, environment.get("TO", "")):
        wanted = {"source": source, "start": first, "end": last, "symbol": environment.get("SYMBOL") or None}
        job = operator.post("/replays", wanted)
        out.write(f"replay {job['id']}: {source}, {job['start']} to {job['end']}\n")
        good &= _end(watch(operator, f"/replays/{job['id']}", out), out)
    return good


def redrive(operator: AdminApi, environment: Mapping[str, str], out: TextIO) -> bool:
    """Send the dead letters of a queue back to where they came from."""
    (queue,) = _given(environment, "redrive", "QUEUE")
    begun = operator.post("/redrives", {"queue": queue})
    out.write(f"What was in {begun['queue']} at {begun['asked_at']} goes back. Look again with: make dlq\n")
    return True


def _end(job: Mapping[str, Any], out: TextIO) -> bool:
    out.write(f"{summary(job)}\n")
    return str(job["status"]) == "completed"


WORK = {"backfill": backfill, "replay": replay, "redrive": redrive}


def main(arguments: Sequence[str]) -> int:
    """`arguments` name the work. Returns the exit code: 0 when it is done and nothing of it failed."""
    try:
        with AdminApi.from_environment(os.environ) as operator:
            return 0 if WORK[arguments[0]](operator, os.environ, sys.stdout) else 1
    except KeyboardInterrupt:
        print("\nIt goes on without you: GET /v1/backfills tells how it does.", file=sys.stderr)
        return 130
    except LocalError as error:
        print(error, file=sys.stderr)
    except httpx.HTTPError as error:
        print(f"The API does not answer ({type(error).__name__}). Is the stack running? make status", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
