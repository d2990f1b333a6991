"""The load path: one transaction and one round trip a payload, set-based, repeatable, indifferent to order."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from pg8000.exceptions import DatabaseError  # type: ignore[import-untyped]  # pg8000 ships no types

from marketflow.domain.coverage import Asked, Session, Span
from marketflow.domain.fetching import FetchReport
from marketflow.domain.interval import Interval
from marketflow.domain.loading import LoadResult, Provenance
from marketflow.domain.moves import BOUNDS
from marketflow.domain.records import CorporateAction, ParsedPayload, Price, Reject
from marketflow.domain.series import Series, series_of
from marketflow.domain.symbol import AssetType
from marketflow.persistence.connection import Database
from marketflow.persistence.load_candles_sql import CORRECT, FEW
from marketflow.persistence.load_sql import LOCK, REPORT, load
from marketflow.persistence.moves_sql import Statement, judgements, move, roll_ups
from marketflow.persistence.partitions import is_missing, within_months


class Loader:
    """Writes payloads and reports. Every method may be repeated."""

    def __init__(self, database: Database, *, max_moves: Mapping[AssetType, Decimal] = BOUNDS) -> None:
        self._database = database
        self._bounds = {**BOUNDS, **max_moves}

    def load(self, payload: ParsedPayload, provenance: Provenance) -> LoadResult:
        """Store what one answer said; what was refused, here or before, goes to the quarantine.

        The tables follow from the set of the answers, in whatever order and however often they are loaded: the newest
        answer, by (observed_at, raw_id), counts. Of a candle the newest final one does, with the first answer
        that said so since it last said otherwise; what was believed before is in `revisions`. A forming candle is the
        newest forming one until there is a final one. Loading an answer that says something else than it did when it
        was loaded before replaces what it said; what it no longer says at all stays. Rows whose `source_symbol` the
        source does not have are refused as `unknown_symbol`, candles and prices in another currency than the symbol's
        as `wrong_currency`; then the answer settles nothing but that. Rows whose prices are too far from the last ones
        are stored and held back (`marketflow.domain.moves`; `max_moves` are the bounds).

        One transaction, and a second one where a final candle is contradicted: a process that ends between the two
        leaves the others of its rows stored, and the message comes again.

        What the rows change of longer candles is rolled up in the same transaction. A month that has no partitions yet
        gets them; rows of a retired month are left out (`LoadResult.retired`).

        The rows must satisfy `marketflow.domain.rules`; the table's constraints stop the transaction otherwise.
        Raises RetryLaterError or DatabaseUnavailableError; then a later try gives the same result as this one would.
        """
        try:
            return self._load(payload, provenance)
        except DatabaseError as error:
            if not is_missing(error):
                raise
        payload, retired = within_months(self._database, payload)
        return replace(self._load(payload, provenance), retired=retired)

    def _load(self, payload: ParsedPayload, provenance: Provenance) -> LoadResult:
        owner = provenance.owner or provenance.source
        series = series_of(payload.candles)
        rows = {
            "candles": [_series(one) for one in series],
            "prices": [_price(price) for price in payload.prices],
            "actions": [_action(action) for action in payload.actions],
            "asked": [_asked(asked) for asked in payload.asked],
            "sessions": [_session(session) for session in payload.sessions],
        }
        parts = {name: _json(some) for name, some in rows.items() if some}
        number = raw_id(provenance.raw_key)
        parameters: dict[str, object] = {
            "raw_id": number,
            "raw_key": provenance.raw_key,
            "source": provenance.source,
            "owner": owner,
            "names": _names(series, payload.prices, payload.actions, payload.asked, payload.sessions),
            "dataset": provenance.dataset,
            "observed_at": provenance.observed_at,
            "rejects": _json(_reject(reject) for reject in payload.rejects),
            **parts,
            **_places(series, payload.prices),
        }
        names = _names(series, payload.prices, payload.actions)
        lock: list[Statement] = [(LOCK, {"source": owner, "names": names})] if names else []
        judge = judgements(series, payload, source=owner, raw_id=number, bounds=self._bounds)
        statement = load(frozenset(parts), page=sum(map(len, series)) > FEW)
        counts, judged = self._write(lock, (statement, parameters), judge, roll_ups(judge))
        candles, candles_written, odd, prices, prices_written, actions, actions_written, reasons = counts
        if odd:
            (corrected,), again = self._write(lock, (CORRECT, parameters), judge, roll_ups(judge, whole=True))
            candles_written += corrected
            judged += again
        refused: dict[str, int] = json.loads(reasons)
        return LoadResult(
            candles_written=candles_written,
            candles_unchanged=candles - candles_written,
            prices_written=prices_written,
            prices_unchanged=prices - prices_written,
            actions_written=actions_written,
            actions_unchanged=actions - actions_written,
            quarantined=sum(refused.values()),
            refused=refused,
            moves=tuple(dict.fromkeys(move(row) for found in judged for row in found)),
        )

    def _write(
        self, lock: list[Statement], write: Statement, judge: list[Statement], roll: list[Statement]
    ) -> tuple[list[Any], list[list[list[Any]]]]:
        """Run all of it as one transaction: the one row that `write` answers, and the rows of each of `judge`."""
        answers = self._database.together(*lock, write, *judge, *roll)[len(lock) :]
        return answers[0][0], answers[1 : 1 + len(judge)]

    def record_report(self, report: FetchReport) -> None:
        """Store what a fetcher run says of its source. A late report never moves a time backwards."""
        self._database.query(
            REPORT,
            source=report.source,
            finished_at=report.finished_at,
            last_success_at=report.last_success_at,
            next_due_at=report.next_due_at,
            last_error=None if report.last_error is None else storable(report.last_error),
            budget_used=report.budget_used,
            budget_limit=report.budget_limit,
            outage=_ranges(() if report.outage is None else (report.outage,)),
        )


def _names(*rows: Iterable[Series | Price | CorporateAction | Asked | Session]) -> list[str]:
    """The vendor's names of the symbols that `rows` are about."""
    return sorted({storable(row.source_symbol) for some in rows for row in some})


def _places(series: Sequence[Series], prices: Sequence[Price]) -> dict[str, object]:
    """Between which times, ends included, the rows are that a payload has, and of which intervals."""
    places: dict[str, object] = {}
    if series:
        spans = [one.span for one in series]
        places["intervals"] = sorted({one.interval.value for one in series})
        places["first_open"], places["last_open"] = min(one[0] for one in spans), max(one[1] for one in spans)
    if prices:
        moments = [price.as_of for price in prices]
        places["first_moment"], places["last_moment"] = min(moments), max(moments)
    return places


def raw_id(raw_key: str) -> int:
    """The 64-bit name of an archived answer: the beginning of the SHA-256 of its key, as PostgreSQL's signed bigint."""
    return int.from_bytes(hashlib.sha256(raw_key.encode()).digest()[:8], "big", signed=True)


def storable(text: str) -> str:
    """`text` without what PostgreSQL cannot store: NUL and lone surrogates, which vendors' JSON may well contain."""
    if text.isascii() and "\0" not in text:
        return text
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()


_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode  # `dumps` makes one for each call


def _json(rows: Iterable[dict[str, object]]) -> str:
    return _encode(list(rows))


def _number(value: Decimal | None) -> str | None:
    """Every digit, as a JSON string: a JSON number would pass through a float in too many hands."""
    return None if value is None else str(value)


def _series(series: Series) -> dict[str, object]:
    # Days begin at any hour: what an answer says of one reaches from its open time for an hour.
    reach = timedelta(minutes=1) if series.interval is Interval.M1 else timedelta(hours=1)
    return {
        "source_symbol": storable(series.source_symbol),
        "currency": series.currency,
        "interval": series.interval.value,
        "newest": series.span[1].isoformat(),
        "said": _ranges(series.final_runs(reach)),
        "position": _array(series.positions),
        "open_time": _array(series.open_times),
        "open": _array(series.opens),
        "high": _array(series.highs),
        "low": _array(series.lows),
        "close": _array(series.closes),
        "volume": _array(series.volumes),
        "quote_volume": _array(series.quote_volumes),
        "trades": _array(series.trades),
        "final": _array(series.finals),
    }


def _array(column: Sequence[str | int | None]) -> str:
    """The text of an array; the text of a number, or of a boolean, needs no quotes in it."""
    try:
        return "{" + ",".join(column) + "}"  # type: ignore[arg-type]  # most columns are of texts, and none is missing
    except TypeError:
        return "{" + ",".join(["NULL" if one is None else str(one) for one in column]) + "}"


def _price(price: Price) -> dict[str, object]:
    return {
        "position": price.position,
        "source_symbol": storable(price.source_symbol),
        "currency": price.currency,
        "as_of": price.as_of.isoformat(),
        "price": _number(price.price),
    }


def _action(action: CorporateAction) -> dict[str, object]:
    return {
        "position": action.position,
        "source_symbol": storable(action.source_symbol),
        "kind": action.kind.value,
        "effective": action.effective.isoformat(),
        "amount": _number(action.amount),
        "currency": action.currency,
        "numerator": _number(action.numerator),
        "denominator": _number(action.denominator),
    }


def _reject(reject: Reject) -> dict[str, object]:
    return {
        "position": reject.position,
        "reason": reject.reason,
        "source_symbol": None if reject.source_symbol is None else storable(reject.source_symbol),
        "detail": storable(reject.detail),
        "row_text": storable(reject.row),
    }


def _asked(asked: Asked) -> dict[str, object]:
    return {
        "source_symbol": storable(asked.source_symbol),
        "interval": asked.interval.value,
        "fetched": _ranges(asked.fetched),
        "refused": _ranges(asked.refused),
        "closed": _ranges(asked.closed),
    }


def _session(session: Session) -> dict[str, object]:
    return {
        "source_symbol": storable(session.source_symbol),
        "opens_at": session.opens_at.isoformat(),
        "closes_at": session.closes_at.isoformat(),
    }


def _ranges(spans: Iterable[Span]) -> str:
    """The text of a tstzmultirange."""
    return "{" + ",".join(f"[{start.isoformat()},{end.isoformat()})" for start, end in spans) + "}"
