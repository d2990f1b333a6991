"""Extract, transform, load: one archived answer at a time."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from datetime import datetime

from marketflow.domain.fetching import RawResponse
from marketflow.domain.loading import WHOLE_PAYLOAD, Delivery, LoadResult, Provenance
from marketflow.domain.records import Candle, CorporateAction, ParsedPayload, Price, Reject
from marketflow.domain.rules import Fault, candle_faults, first_fault
from marketflow.errors import MalformedPayloadError, MarketFlowError
from marketflow.etl.base import Archive, Loader, Parser
from marketflow.etl.coverage import account
from marketflow.etl.strategies import Strategy

SHOWN_CHARACTERS = 2000
"""How much of a body that is not data the quarantine shows; the archive has all of it."""

NOT_AN_ANSWER = "not_an_answer"
"""The reason for an answer that its parser calls an error of the source: it is archived, but it is not data."""


class Pipeline:
    """The ETL of one source: `strategy` is that of its asset type, `owner` the source of its symbols (None: itself)."""

    def __init__(
        self, *, strategy: Strategy, parser: Parser, archive: Archive, loader: Loader, owner: str | None = None
    ) -> None:
        self._strategy = strategy
        self._parser = parser
        self._archive = archive
        self._loader = loader
        self._owner = owner

    def run(self, delivery: Delivery) -> LoadResult:
        """Load one answer; a row that is not data goes to the quarantine, and so does a payload that is none at all.

        Raises RetryLaterError when the database does not take it; then nothing of it is stored. Raises
        MalformedPayloadError when the claimed body is not in the archive in a readable form.
        """
        response = self.claim(delivery)
        payload = self.extract(delivery, response)
        clock = response.source_time
        rows = self.transform(payload, clock=clock)
        asked = account(payload.asked, rows.rejects, delivery.request, clock=clock)
        return self.load(delivery, response, replace(rows, asked=asked, sessions=payload.sessions))

    def claim(self, delivery: Delivery) -> RawResponse:
        """The answer itself: out of the message, or out of the archive when it did not fit."""
        return delivery.response or self._archive.get(delivery.raw_key)[1]

    def extract(self, delivery: Delivery, response: RawResponse) -> ParsedPayload:
        """The rows as the source means them. A payload that is no data becomes one Reject, so that it does not return.

        Trying again would read the same body, so whatever the parser says of it is final here.
        """
        try:
            return self._parser.parse(delivery.request, response)
        except MarketFlowError as error:
            reason = error.reason if isinstance(error, MalformedPayloadError) else NOT_AN_ANSWER
            text = response.body[: SHOWN_CHARACTERS * 4].decode("utf-8", "replace")[:SHOWN_CHARACTERS]
            symbols = delivery.request.symbols
            whole = Reject(
                reason=reason,
                detail=str(error),
                position=WHOLE_PAYLOAD,
                row=text,
                source_symbol=symbols[0] if len(symbols) == 1 else None,
            )
            return ParsedPayload(rejects=(whole,))

    def transform(self, payload: ParsedPayload, *, clock: datetime) -> ParsedPayload:
        """The rows that satisfy the strategy's rules; each other one as a Reject with its reason."""
        prices: list[Price] = []
        actions: list[CorporateAction] = []
        rejects = list(payload.rejects)
        candles = payload.candles
        if faults := candle_faults(candles, clock, self._strategy.candle_rules):
            rejects += [_reject(candles[place], fault) for place, fault in faults.items()]
            candles = tuple(candle for place, candle in enumerate(candles) if place not in faults)
        for price in payload.prices:
            fault = first_fault(price, clock, self._strategy.price_rules)
            prices.append(price) if fault is None else rejects.append(_reject(price, fault))
        for action in payload.actions:
            fault = first_fault(action, clock, self._strategy.action_rules)
            actions.append(action) if fault is None else rejects.append(_reject(action, fault))
        return ParsedPayload(candles, tuple(prices), tuple(rejects), tuple(actions))

    def load(self, delivery: Delivery, response: RawResponse, payload: ParsedPayload) -> LoadResult:
        """Store the rows under the name of the answer that they come from."""
        provenance = Provenance(
            raw_key=delivery.raw_key,
            source=delivery.request.source,
            dataset=delivery.request.dataset,
            observed_at=response.received_at,
            owner=self._owner,
        )
        return self._loader.load(payload, provenance)


def _reject(row: Candle | Price | CorporateAction, fault: Fault) -> Reject:
    text = json.dumps({field.name: getattr(row, field.name) for field in fields(row)}, default=str)
    return Reject(
        reason=fault.reason,
        detail=fault.detail,
        position=row.position,
        row=text,
        source_symbol=row.source_symbol,
        open_time=row.open_time if isinstance(row, Candle) else None,
    )
