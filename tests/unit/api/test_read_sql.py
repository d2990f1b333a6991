"""The statements of the read path do not pin an RDS Proxy connection, and hold no value."""

from __future__ import annotations

import re
from functools import partial

import pytest

from marketflow.domain.interval import Interval
from marketflow.domain.reading import Adjustment, Layout
from marketflow.persistence import actions_sql, past_sql, read_sql, rolled_sql

pytestmark = pytest.mark.unit

STATEMENTS = [
    read_sql.SYMBOL,
    read_sql.SYMBOLS,
    read_sql.STATUS,
    read_sql.SOURCES,
    read_sql.PAIRS,
    *(read_sql.prices(quoted=quoted) for quoted in (False, True)),
    *(
        statement(layout, quoted=quoted, descending=descending)
        for statement in (
            *(partial(read_sql.candles, interval) for interval in Interval),
            read_sql.history,
            actions_sql.actions,
            *(partial(actions_sql.candles, adjustment) for adjustment in Adjustment),
        )
        for layout in Layout
        for quoted in (False, True)
        for descending in (False, True)
    ),
    *(
        statement(quoted=quoted, descending=descending)
        for statement in (
            *(partial(read_sql.candle_batch, interval) for interval in Interval),
            *(partial(actions_sql.candle_batch, interval) for interval in Interval),
        )
        for quoted in (False, True)
        for descending in (False, True)
    ),
]
ROLLED = [
    statement(quoted=True, descending=descending, past=past)
    for interval in (Interval.M5, Interval.MO1)
    for basis in (None, *Adjustment)
    for statement in (
        partial(rolled_sql.candles, interval, basis, Layout.JSON),
        partial(rolled_sql.candle_batch, interval, basis),
    )
    for descending in (False, True)
    for past in (False, True)
]
STATEMENTS += ROLLED
STATEMENTS += [past_sql.as_known(sql) for sql in STATEMENTS if "from candles" in sql]


@pytest.mark.parametrize("sql", STATEMENTS)
def test_a_statement_pins_nothing(sql: str) -> None:
    """https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-proxy-pinning.html: one SELECT under 16 KB."""
    assert sql.startswith(("select ", "with recursive ", "with candles as not materialized "))
    assert ";" not in sql
    assert len(sql.encode()) < 16_384
    assert not re.search(r"\b(set|set_config|nextval|temp|temporary|listen|prepare|declare|pg_advisory\w*)\b", sql)


@pytest.mark.parametrize("sql", STATEMENTS)
def test_a_statement_changes_nothing(sql: str) -> None:
    """A read that is sent again after a broken connection must not do anything twice."""
    assert not re.search(r"\b(insert|update|delete|truncate|merge|for update|create|alter|drop)\b", sql)
