"""The load path: one statement per payload, set-based, repeatable, indifferent to the order in which payloads come."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from decimal import Decimal

from marketflow.domain.coverage import Asked, Session, Span
from marketflow.domain.fetching import FetchReport
from marketflow.domain.loading import LoadResult, Provenance
from marketflow.domain.moves import BOUNDS
from marketflow.domain.records import Candle, CorporateAction, ParsedPayload, Price, Reject
from marketflow.domain.symbol import AssetType
from marketflow.persistence.connection import Database
from marketflow.persistence.load_sql import LOCK, REPORT, load
from marketflow.persistence.moves_sql import judgements, move


class Loader:
    """Writes payloads and reports. Every method is one idempotent statement, and so one transaction."""

    def __init__(self, database: Database, *, max_moves: Mapping[AssetType, Decimal] = BOUNDS) -> None:
        self._database = database
        self._bounds = {**BOUNDS, **max_moves}

    def load(self, payload: ParsedPayload, provenance: Provenance) -> LoadResult:
        """Store what one answer said; what was refused, here or before, goes to the quarantine.

        A candle is replaced when (final, observed_at) of the new one is greater: forming becomes final and never back,
        and an older answer never overwrites a newer one. A final candle, a price or a corporate action with the same
        values is not rewritten: its row keeps naming the answer that said it first. Rows whose `source_symbol` the
        source does not have are refused as `unknown_symbol`, candles and prices in another currency than the symbol's
        as `wrong_currency`; then the answer settles nothing but that. Rows whose prices are too far from the last ones
        are stored and held back (`marketflow.domain.moves`; `max_moves` are the bounds).

        The rows must satisfy `marketflow.domain.rules`; the table's constraints stop the whole payload otherwise.
        Raises RetryLaterError or DatabaseUnavailableError; then a later try gives the same result as this one would.
        """
        coverage: dict[str, object] = {}
        if payload.asked:
            coverage["asked"] = _json(_asked(asked) for asked in payload.asked)
        if payload.sessions:
            coverage["sessions"] = _json(_session(session) for session in payload.sessions)
        number = raw_id(provenance.raw_key)
        rows = {
            "raw_id": number,
            "raw_key": provenance.raw_key,
            "source": provenance.source,
            "dataset": provenance.dataset,
            "observed_at": provenance.observed_at,
            "candles": _json(_candle(candle) for candle in payload.candles),
            "prices": _json(_price(price) for price in payload.prices),
            "actions": _json(_action(action) for action in payload.actions),
            "rejects": _json(_reject(reject) for reject in payload.rejects),
            **coverage,
        }
        _, (counts,), *judged = self._database.together(
            (LOCK, {"source": provenance.source, "names": _names(payload)}),
            (load(asked=bool(payload.asked), sessions=bool(payload.sessions)), rows),
            *judgements(payload, provenance, raw_id=number, bounds=self._bounds),
        )
        candles, candles_written, prices, prices_written, actions, actions_written, quarantined = counts
        return LoadResult(
            candles_written=candles_written,
            candles_unchanged=candles - candles_written,
            prices_written=prices_written,
            prices_unchanged=prices - prices_written,
            actions_written=actions_written,
            actions_unchanged=actions - actions_written,
            quarantined=quarantined,
            moves=tuple(move(row) for found in judged for row in found),
        )

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


def _names(payload: ParsedPayload) -> list[str]:
    """The vendor's names of the symbols that the payload has rows of."""
    names = {row.source_symbol for row in payload.candles}
    names |= {row.source_symbol for row in payload.prices} | {row.source_symbol for row in payload.actions}
    return sorted(storable(name) for name in names)


def raw_id(raw_key: str) -> int:
    """The 64-bit name of an archived answer: the beginning of the SHA-256 of its key, as PostgreSQL's signed bigint."""
    return int.from_bytes(hashlib.sha256(raw_key.encode()).digest()[:8], "big", signed=True)


def storable(text: str) -> str:
    """`text` without what PostgreSQL cannot store: NUL and lone surrogates, which vendors' JSON may well contain."""
    if text.isascii() and "\0" not in text:
        return text
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()


def _json(rows: Iterable[dict[str, object]]) -> str:
    return json.dumps(list(rows), ensure_ascii=False, separators=(",", ":"))


def _number(value: Decimal | None) -> str | None:
    """Every digit, as a JSON string: a JSON number would pass through a float in too many hands."""
    return None if value is None else str(value)


def _candle(candle: Candle) -> dict[str, object]:
    return {
        "position": candle.position,
        "source_symbol": storable(candle.source_symbol),
        "currency": candle.currency,
        "interval": candle.interval.value,
        "open_time": candle.open_time.isoformat(),
        "open": _number(candle.open),
        "high": _number(candle.high),
        "low": _number(candle.low),
        "close": _number(candle.close),
        "volume": _number(candle.volume),
        "quote_volume": _number(candle.quote_volume),
        "trades": candle.trades,
        "final": candle.final,
    }


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
