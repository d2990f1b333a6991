"""The statements of the load path do not pin an RDS Proxy connection."""

from __future__ import annotations

import re
from itertools import combinations

import pytest

from marketflow.persistence.load_candles_sql import CORRECT
from marketflow.persistence.load_sql import LOCK, REPORT, load

pytestmark = pytest.mark.unit

PARTS = ("candles", "prices", "actions", "asked", "sessions")
STATEMENTS = [
    *(load(frozenset(parts)) for count in range(len(PARTS) + 1) for parts in combinations(PARTS, count)),
    *(LOCK, CORRECT, REPORT, load(frozenset({"candles", "asked"}), page=True)),
]


@pytest.mark.parametrize("sql", STATEMENTS)
def test_a_statement_pins_nothing(sql: str) -> None:
    """https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-proxy-pinning.html: one statement under 16 KB."""
    assert ";" not in sql
    assert len(sql.encode()) < 16_384
    assert not re.search(r"\b(set_config|nextval|temp|temporary|listen|prepare|declare|pg_advisory\w*)\b", sql.lower())
    assert not re.match(r"\s*set\b", sql.lower())


def test_a_load_says_only_what_its_answer_has() -> None:
    """A price without candles plans neither candles nor ranges nor sessions: a load takes about a millisecond."""
    for count in range(len(PARTS) + 1):
        for parts in combinations(PARTS, count):
            sql = load(frozenset(parts))
            assert {part for part in PARTS if f":{part}" in sql} == set(parts)


@pytest.mark.parametrize("sql", STATEMENTS)
def test_candles_and_prices_are_looked_up_alone_and_within_bounds(sql: str) -> None:
    """Partitions outside of the answer's times are left out of a plan, and no plan joins the rows between them."""
    lookups = re.findall(r"FROM (candles|prices) AS \w\s+WHERE (.*?) (?:OFFSET 0|LIMIT 1)", sql, re.DOTALL)
    assert len(lookups) == len(re.findall(r"\b(?:FROM|JOIN|UPDATE|USING) (?:candles|prices)\b", sql))
    for table, conditions in lookups:
        first, last = (":first_open", ":last_open") if table == "candles" else (":first_moment", ":last_moment")
        assert f"BETWEEN CAST({first} AS timestamptz) AND CAST({last} AS timestamptz)" in " ".join(conditions.split())
        assert table == "prices" or "= ANY(CAST(:intervals AS candle_interval[]))" in conditions
