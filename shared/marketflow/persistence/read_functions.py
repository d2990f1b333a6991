# ruff: noqa: S608 - put together from the read path's own statements; every value is a parameter
"""The statements that are asked most, as functions of the database, which a session plans once.

Planning a page anew for each request takes a third of its time in PostgreSQL, and a prepared statement would pin an RDS
Proxy session. A function's name holds the hash of its statement, so that code only ever calls what it was written with.
Where the function is not there, because another release's deployment removed it, the statement itself is sent.
"""

from __future__ import annotations

import hashlib
import re
from functools import cache

from marketflow.domain.interval import Interval
from marketflow.domain.reading import Layout
from marketflow.persistence import read_sql

_TYPES = {
    "names": "text",
    "interval": "text",
    "start": "timestamptz",
    "end": "timestamptz",
    "after": "timestamptz",
    "limit": "integer",
    "now": "timestamptz",
    "targets": "text",
    "since": "timestamptz",
    "until": "timestamptz",
}
"""Of the parameters that the statements below have."""

_PAGE = "text text, count bigint, oldest timestamptz, newest timestamptz, final boolean, more boolean"
_ROWS = {"candles": f"{_PAGE}, asset_type text, split boolean", "prices": "text text"}
"""What the functions answer with: the columns of the statements, by position."""

_parameter = re.compile(r"(?<!:):([a-z]+)\b")


@cache
def calls() -> dict[str, str]:
    """The call of each function by the statement that it is made of."""
    return {sql: _call(kind, sql) for kind, sql in _statements()}


def definitions() -> dict[str, str]:
    """What makes each function, by its name."""
    return {_name(kind, sql): _definition(kind, sql) for kind, sql in _statements()}


def _statements() -> list[tuple[str, str]]:
    pages = [
        read_sql.candles(interval, Layout.JSON, quoted=False, descending=descending)
        for interval in Interval
        for descending in (False, True)
    ]
    return [*(("candles", sql) for sql in pages), ("prices", read_sql.prices(quoted=False))]


def _name(kind: str, sql: str) -> str:
    return f"read_{kind}_{hashlib.sha256(sql.encode()).hexdigest()[:16]}"


def _parameters(sql: str) -> list[str]:
    return list(dict.fromkeys(_parameter.findall(sql)))


def _call(kind: str, sql: str) -> str:
    values = ", ".join(f"cast(:{name} as {_TYPES[name]})" for name in _parameters(sql))
    return f"select * from {_name(kind, sql)}({values})"


def _definition(kind: str, sql: str) -> str:
    arguments = ", ".join(f"given_{name} {_TYPES[name]}" for name in _parameters(sql))
    columns = ", ".join(f"got_{column}" for column in _ROWS[kind].split(", "))
    statement = _parameter.sub(r"given_\1", sql)
    return f"""CREATE OR REPLACE FUNCTION {_name(kind, sql)}({arguments}) RETURNS TABLE ({columns})
LANGUAGE plpgsql STABLE SET plan_cache_mode = force_generic_plan AS $$
BEGIN
RETURN QUERY {statement};
END $$"""
