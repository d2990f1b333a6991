"""JSON as this API writes it: compact, decimals digit for digit, times in RFC 3339."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal


def compact(value: object, *, quoted: bool = False) -> str:
    """`value` as JSON without a blank between tokens, as Postgres glues the other bodies.

    A Decimal keeps its digits and never has an exponent, as a string when `quoted`. An aware time is in UTC, with
    milliseconds only where there are some.
    """
    if isinstance(value, Mapping):
        members = (f"{compact(str(name))}:{compact(member, quoted=quoted)}" for name, member in value.items())
        return f"{{{','.join(members)}}}"
    if isinstance(value, list | tuple):
        return f"[{','.join(compact(item, quoted=quoted) for item in value)}]"
    if isinstance(value, Decimal):
        return f'"{value:f}"' if quoted else f"{value:f}"
    if isinstance(value, datetime):
        return compact(_moment(value))
    return json.dumps(value)


def _moment(value: datetime) -> str:
    utc = value.astimezone(UTC).replace(tzinfo=None)
    return utc.isoformat(timespec="milliseconds" if utc.microsecond else "seconds") + "Z"
