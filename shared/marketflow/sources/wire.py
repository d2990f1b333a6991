"""What every adapter does around its own words: windows on the way out; status, document and times on the way in."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from marketflow.domain.fetching import FetchTask, RawResponse
from marketflow.domain.money import json_number, shown
from marketflow.domain.records import Reject
from marketflow.errors import MalformedPayloadError, RefusedError, RetryLaterError

LONGEST_WAIT = timedelta(days=3)
"""The longest ban that any vendor documents; a longer one is a broken number."""

_EARLIEST = int(datetime(1900, 1, 1, tzinfo=UTC).timestamp())
LATEST = int(datetime(2100, 1, 1, tzinfo=UTC).timestamp())
"""Unix seconds beyond which no vendor's time can be."""

_DAY = 86_400
_ROW_CHARACTERS = 2_000


def window_of(task: FetchTask, *, now: datetime) -> tuple[datetime, datetime] | None:
    """The half-open UTC window of `task`, cut at `now`; None when it asks for the newest data.

    Raises RefusedError for a window without a start, or with nothing in it before `now`.
    """
    if task.start is None and task.end is None:
        return None
    if task.start is None:
        raise RefusedError("A window needs a start.", status=422, code="window_without_start", parameter="start")
    end = now if task.end is None else min(task.end, now)
    if task.start >= end:
        raise RefusedError(
            f"The window from {task.start.isoformat()} to {end.isoformat()} is empty.",
            status=422,
            code="window_empty",
            parameter="start",
        )
    return task.start.astimezone(UTC), end.astimezone(UTC)


def spans(start: datetime, end: datetime, longest: timedelta) -> list[tuple[datetime, datetime]]:
    """`[start, end)` cut into consecutive pieces of at most `longest`."""
    pieces = []
    while start < end:
        stop = min(start + longest, end)
        pieces.append((start, stop))
        start = stop
    return pieces


def unknown_dataset(title: str, task: FetchTask) -> RefusedError:
    """The refusal of a dataset that the source does not have."""
    return RefusedError(
        f"{title} has no dataset {task.dataset!r}.", status=422, code="unknown_dataset", parameter="dataset"
    )


def no_window(title: str, task: FetchTask) -> None:
    """Raise RefusedError when `task` has a window, for a dataset that only knows the present."""
    if task.start is not None or task.end is not None:
        raise RefusedError(
            f"{title} gives only the newest {task.dataset}, no history.",
            status=422,
            code="window_not_available",
            parameter="start",
        )


def retry_time(response: RawResponse, wait: timedelta) -> datetime:
    """When to ask again (UTC, our clock): after `wait`, or later when `Retry-After` (seconds or a date) says so."""
    received = response.received_at.astimezone(UTC)
    return max(received + wait, received + min(_retry_after(response, received), LONGEST_WAIT))


def require_document(response: RawResponse, *, title: str, wait: timedelta) -> None:
    """Raise RetryLaterError unless `response` is an API document: no server trouble, no redirect, no page for people.

    An HTML or text answer says nothing about the market, whatever its status: it is an outage, a firewall or a
    consent page. `wait` is how long to leave the source alone then.
    """
    status = response.status
    if status in {408, 425} or 300 <= status < 400 or status >= 500:
        raise RetryLaterError(f"{title} answered HTTP {status}.", not_before=_asked_to_wait(response))
    content_type = response.headers.get("content-type", "json").lower()
    if "json" not in content_type or response.body[:200].lstrip().startswith(b"<"):
        raise RetryLaterError(
            f"{title} answered HTTP {status} with a page instead of data.", not_before=retry_time(response, wait)
        )


def decode(response: RawResponse, *, title: str) -> object:
    """The JSON document of `response`; numbers with a point or exponent are Decimals (see `money.json_number`).

    Raises MalformedPayloadError: `truncated` when it ends too early, else `not_json`.
    """
    try:
        text = response.body.decode("utf-8")
        document: object = json.loads(text, parse_float=json_number, parse_constant=json_number)
    except RecursionError:
        raise MalformedPayloadError(f"{title} sent JSON nested too deep to read.", reason="not_json") from None
    except ValueError as error:
        complete = response.body.rstrip().endswith((b"}", b"]"))
        reason = "not_json" if complete else "truncated"
        raise MalformedPayloadError(f"{title} sent no JSON ({reason}): {error}", reason=reason) from None
    return document


def epoch(value: object, *, latest: int) -> int:
    """`value` as unix seconds between the year 1900 and one day after `latest` (unix seconds).

    Raises MalformedPayloadError (`bad_time`) for anything else.
    """
    if type(value) is int and _EARLIEST <= value <= min(latest + _DAY, LATEST):
        return value
    raise MalformedPayloadError(f"{shown(value)} is not a unix time that can be.", reason="bad_time")


def header_number(response: RawResponse, *names: str) -> int | None:
    """The whole number in the first of these headers that is there; None when there is none, or no such number."""
    text = next((response.headers[name] for name in names if name in response.headers), "").strip()
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None


def instant(seconds: int) -> datetime:
    """Unix seconds as a UTC datetime."""
    return datetime.fromtimestamp(seconds, UTC)


def reject(
    error: MalformedPayloadError,
    *,
    position: int,
    row: object,
    source_symbol: str | None = None,
    open_time: datetime | None = None,
) -> Reject:
    """The refusal of one row; its JSON text is cut at 2000 characters, the raw body has the rest."""
    try:
        text = json.dumps(row, default=str)[:_ROW_CHARACTERS]
    except (RecursionError, ValueError):
        text = '"a row that cannot be printed"'
    return Reject(
        reason=error.reason,
        detail=str(error),
        position=position,
        row=text,
        source_symbol=source_symbol,
        open_time=open_time,
    )


def _retry_after(response: RawResponse, received: datetime) -> timedelta:
    """How long `Retry-After` asks to wait; zero when it is missing or unreadable."""
    if (seconds := header_number(response, "retry-after")) is not None:
        return timedelta(seconds=seconds)
    text = response.headers.get("retry-after", "")
    try:
        return parsedate_to_datetime(text).astimezone(UTC) - received
    except (ValueError, OverflowError):
        return timedelta(0)


def _asked_to_wait(response: RawResponse) -> datetime | None:
    """The time that `Retry-After` names; None without one, so that the caller's own backoff decides."""
    return retry_time(response, timedelta(0)) if "retry-after" in response.headers else None
