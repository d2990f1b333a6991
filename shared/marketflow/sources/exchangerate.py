"""ExchangeRate-API, once-a-day currency rates: https://www.exchangerate-api.com/docs/free."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import NoReturn

from marketflow.domain.coverage import Asked
from marketflow.domain.fetching import FetchRequest, FetchTask, RawResponse, Verdict
from marketflow.domain.interval import Interval
from marketflow.domain.money import cross_rate, exact, shown
from marketflow.domain.records import ParsedPayload, Price, Reject
from marketflow.errors import MalformedPayloadError, RetryLaterError, SourceBlockedError
from marketflow.sources import wire
from marketflow.sources.base import Source

STRONG_BASE = "USD"
"""The base that is asked for. Rates are rounded to six decimals: from a weak base one or two digits would be left."""

_FLOOD_WAIT = timedelta(minutes=20)  # the documented time after which a 429 clears
_QUOTA_WAIT = timedelta(days=1)  # a monthly quota; the answer does not say when it starts anew
_OVERDUE_WAIT = timedelta(minutes=30)  # twice an hour is what the open endpoint certainly bears
_LONGEST_PAUSE = timedelta(days=2)
_KEY_TROUBLE = {
    "invalid-key": "Put a valid API key into the source's secret, or remove the secret to use the open endpoint.",
    "inactive-account": "Confirm the e-mail address of the ExchangeRate-API account.",
    "plan-upgrade-required": "Upgrade the ExchangeRate-API plan, or remove the secret to use the open endpoint.",
}


@dataclass(frozen=True, slots=True)
class _Rates:
    """A valid answer: units of each currency per one `base`, and when it was and will be published (unix seconds)."""

    base: str
    published: int
    next_publication: object
    end_of_life: object
    per_base: Mapping[str, object]


class ExchangeRate(Source):
    """Currencies: every pair of `latest` from one answer, crossed over a strong base."""

    name = "exchangerate"

    def build_requests(
        self, task: FetchTask, symbols: Sequence[str], *, now: datetime, since: datetime | None
    ) -> list[FetchRequest]:
        """One GET for all pairs, spelled `BASE/QUOTE`; an answer always holds every currency, so `since` is no matter.

        Raises RefusedError for another dataset and for any window: history is not part of the free plans.
        """
        del now, since
        if task.dataset != "latest":
            raise wire.unknown_dataset(self.spec.title, task)
        wire.no_window(self.spec.title, task)
        if not symbols:
            return []
        return [
            FetchRequest(
                source=self.name,
                dataset=task.dataset,
                symbols=tuple(dict.fromkeys(symbols)),
                path=f"/v6/latest/{STRONG_BASE}",
            )
        ]

    def headers(self) -> Mapping[str, str]:
        """The API key, when there is one; the vendor would take it in the path too, where logs would show it."""
        return {"Authorization": f"Bearer {self.api_key}"} if self.api_key else {}

    def check(self, request: FetchRequest, response: RawResponse) -> Verdict:
        """When the next publication is due, when `response` holds rates of the base that was asked for.

        RetryLaterError: 429 (20 minutes), a used-up quota (a day), 5xx, pages. SourceBlockedError: a key that is
        missing, wrong or not active (401, 403). MalformedPayloadError: other errors, another base, no times, the
        rounded rates of v4. `notice` tells of an announced end of the endpoint.
        """
        rates = self._rates(request, response)
        return Verdict(next_due=_next_due(rates.next_publication, response), notice=self._notice(rates.end_of_life))

    def parse(self, request: FetchRequest, response: RawResponse) -> ParsedPayload:
        """One price per pair, as of the publication; a pair with an unknown or impossible rate becomes a reject."""
        rates = self._rates(request, response)
        as_of = wire.instant(rates.published)
        prices: list[Price] = []
        rejects: list[Reject] = []
        for position, pair in enumerate(request.symbols):
            base, _, quote = pair.partition("/")
            try:
                price = exact(cross_rate(_rate(rates, base), _rate(rates, quote)))
            except MalformedPayloadError as error:
                row = {code: rates.per_base.get(code) for code in (base, quote)}
                rejects.append(wire.reject(error, position=position, row=row, source_symbol=pair))
            else:
                prices.append(Price(pair, as_of, price, currency=quote, position=position))
        # Whatever was published from the day of this publication until the answer is in it.
        span = (as_of.replace(hour=0, minute=0, second=0), max(response.source_time, as_of + timedelta(seconds=1)))
        asked = tuple(Asked(pair, Interval.D1, fetched=(span,)) for pair in request.symbols)
        return ParsedPayload(prices=tuple(prices), rejects=tuple(rejects), asked=asked)

    def _rates(self, request: FetchRequest, response: RawResponse) -> _Rates:
        """The rates in `response`. Raises as `check` does."""
        title = self.spec.title
        if response.status in {401, 403, 429}:  # with or without a JSON body
            _raise_error(_error_type(response, title), response, title)
        wire.require_document(response, title=title, wait=_FLOOD_WAIT)
        document = wire.decode(response, title=title)
        if not isinstance(document, dict):
            raise MalformedPayloadError(
                f"{title} answered with {shown(document)}, not an object.", reason="wrong_shape"
            )
        if response.status != 200 or document.get("result") == "error":
            _raise_error(document.get("error-type"), response, title)
        return _validated(document, request, response)

    def _notice(self, end_of_life: object) -> str | None:
        """The vendor's announcement that the endpoint will end; None for the usual zero."""
        if type(end_of_life) is not int or end_of_life <= 0:
            return None
        when = wire.instant(end_of_life).date().isoformat() if end_of_life < wire.LATEST else str(end_of_life)
        return f"{self.spec.title} announces the end of this endpoint on {when}: put an API key into its secret."


def _error_type(response: RawResponse, title: str) -> object:
    """The vendor's word for what is wrong; None when the body is not its JSON."""
    try:
        document = wire.decode(response, title=title)
    except MalformedPayloadError:
        return None
    return document.get("error-type") if isinstance(document, dict) else None


def _raise_error(error_type: object, response: RawResponse, title: str) -> NoReturn:
    """Raise what an error answer means; the word counts before the status, which varies."""
    message = f"{title} answered HTTP {response.status}, error type {shown(error_type)}."
    if error_type == "quota-reached":
        raise RetryLaterError(message, not_before=wire.retry_time(response, _QUOTA_WAIT))
    if response.status == 429:
        raise RetryLaterError(message, not_before=wire.retry_time(response, _FLOOD_WAIT))
    if isinstance(error_type, str) and error_type in _KEY_TROUBLE:
        raise SourceBlockedError(message, remedy=_KEY_TROUBLE[error_type])
    if response.status in {401, 403}:
        raise SourceBlockedError(
            message, remedy="Put a valid API key into the source's secret, or run the fetcher from another address."
        )
    raise MalformedPayloadError(message, reason="request_refused")


def _validated(document: dict[str, object], request: FetchRequest, response: RawResponse) -> _Rates:
    """The rates of a v6 document about the base that `request` names in its path.

    Raises MalformedPayloadError: `not_v6`, `wrong_base`, `wrong_shape`, `bad_base_rate`, `bad_time`.
    """
    base = request.path.rpartition("/")[2]
    if document.get("result") != "success":
        # v4 has no `result`, and rates of three digits that are off by a thousandth.
        raise MalformedPayloadError("The answer is not a successful one of API version 6.", reason="not_v6")
    if document.get("base_code") != base:
        raise MalformedPayloadError(
            f"Asked for rates of {base}, got {shown(document.get('base_code'))}.", reason="wrong_base"
        )
    per_base = document.get("rates", document.get("conversion_rates"))
    if not isinstance(per_base, dict):
        raise MalformedPayloadError("The answer has no rates.", reason="wrong_shape")
    if per_base.get(base) != 1:
        raise MalformedPayloadError(
            f"One {base} is {shown(per_base.get(base))} {base} in the answer.", reason="bad_base_rate"
        )
    return _Rates(
        base=base,
        published=wire.epoch(document.get("time_last_update_unix"), latest=int(response.source_time.timestamp())),
        next_publication=document.get("time_next_update_unix"),
        end_of_life=document.get("time_eol_unix"),
        per_base=per_base,
    )


def _rate(rates: _Rates, code: str) -> Decimal:
    """Units of `code` per one base, above zero. Raises MalformedPayloadError (`missing_code`, `not_positive`, …)."""
    if code not in rates.per_base:
        raise MalformedPayloadError(f"{code!r} is not among the rates.", reason="missing_code")
    rate = exact(rates.per_base[code])
    if rate <= 0:
        raise MalformedPayloadError(f"A rate of {rate} {code} per {rates.base} is none.", reason="not_positive")
    return rate


def _next_due(publication: object, response: RawResponse) -> datetime:
    """When to ask next (UTC): one to five minutes after the announced publication, half an hour on when it is overdue.

    The vendor moves the time from day to day, so it is never guessed. The minutes spread the load; they follow from the
    time itself, so that every reading of one answer gives the same.
    """
    now = response.received_at.astimezone(UTC)
    if type(publication) is int and publication < now.timestamp() + _LONGEST_PAUSE.total_seconds():
        spread = 60 + zlib.crc32(str(publication).encode()) % 241
        if publication + spread > now.timestamp():
            return wire.instant(publication + spread)
    return now + _OVERDUE_WAIT
