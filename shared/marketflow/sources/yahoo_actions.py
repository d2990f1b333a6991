"""Yahoo's events: dividends in major units and splits, on the exchange's date."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

from marketflow.domain.money import exact, float32_decimal, to_major
from marketflow.domain.records import ActionKind, CorporateAction, Reject
from marketflow.errors import MalformedPayloadError
from marketflow.sources import wire
from marketflow.sources.yahoo_chart import Object, json_object
from marketflow.sources.yahoo_frame import Frame, read_unit

FIRST_POSITION = -2
"""The position of the first event in the quarantine; the next ones count down, since rows count up from zero."""

_GROUPS = {"dividends": ActionKind.DIVIDEND, "splits": ActionKind.SPLIT}


def read_actions(events: object, frame: Frame) -> tuple[tuple[CorporateAction, ...], tuple[Reject, ...]]:
    """The dividends and splits in `events`, in the order of their dates, and what of it is none.

    Whatever stands there, it never costs the candles beside it. Two events of a kind on one date are one that was
    corrected: the later stamp counts.
    """
    found: dict[tuple[datetime, ActionKind], CorporateAction] = {}
    rejects = []
    for position, (group, entry) in zip(range(FIRST_POSITION, -(2**31), -1), _entries(events), strict=False):
        try:
            event = json_object(entry, f"A member of {group}")  # whatever is not in a group fails here
            action = _action(_GROUPS[group], event, frame, position)
        except MalformedPayloadError as error:
            rejects.append(wire.reject(error, position=position, row=entry, source_symbol=frame.symbol))
            continue
        found[action.effective, action.kind] = action
    return tuple(found[key] for key in sorted(found)), tuple(rejects)


def _entries(events: object) -> Iterator[tuple[str, object]]:
    """Every event with the name of its group, by stamp; what should hold events and does not, under its own name."""
    if events is None:
        return
    if not isinstance(events, dict):
        yield "events", events
        return
    for name in _GROUPS:
        group = events.get(name)
        if isinstance(group, dict):
            # The vendor's order is no order at all.
            yield from ((name, group[stamp]) for stamp in sorted(group))
        elif group is not None:
            yield f"events.{name}", group


def _action(kind: ActionKind, event: Object, frame: Frame, position: int) -> CorporateAction:
    """One event; raises MalformedPayloadError when a number or its time is none."""
    # The stamp is the session's open, and perhaps the last trade on the day itself: the date is what both agree on.
    effective = frame.midnight(frame.day(wire.epoch(event.get("date"), latest=frame.clock)))
    if kind is ActionKind.SPLIT:
        return CorporateAction(
            source_symbol=frame.symbol,
            kind=kind,
            effective=effective,
            numerator=_shares(event.get("numerator")),
            denominator=_shares(event.get("denominator")),
            position=position,
        )
    # Foreign payers have a currency of their own; without one the amount is in the unit of the prices.
    unit = event.get("currency") or None
    currency, power = (frame.currency, frame.power) if unit is None else read_unit(unit)
    return CorporateAction(
        source_symbol=frame.symbol,
        kind=kind,
        effective=effective,
        amount=to_major(float32_decimal(event.get("amount")), power),
        currency=currency,
        position=position,
    )


def _shares(value: object) -> Decimal:
    """One side of a ratio; a whole number without the point that the vendor sometimes writes."""
    number = exact(value)
    whole = number.to_integral_value()
    return whole if whole == number else number
