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
    *(LOCK, CORRECT, REPORT),
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
