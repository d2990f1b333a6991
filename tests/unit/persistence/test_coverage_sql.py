"""The statements of loads and of the coverage pin no RDS Proxy connection."""

from __future__ import annotations

import re
from itertools import chain, combinations

import pytest

from marketflow.persistence.coverage_sql import COVERAGE
from marketflow.persistence.load_candles_sql import CORRECT
from marketflow.persistence.load_sql import LOCK, load
from marketflow.persistence.moves_sql import CANDLES, PRICES

pytestmark = pytest.mark.unit

PARTS = ("candles", "prices", "actions", "asked", "sessions")
LOADS = {
    frozenset(parts): load(frozenset(parts))
    for parts in chain.from_iterable(combinations(PARTS, count) for count in range(len(PARTS) + 1))
}


@pytest.mark.parametrize("sql", [COVERAGE, LOCK, CORRECT, CANDLES, PRICES, *LOADS.values()])
def test_a_statement_pins_nothing(sql: str) -> None:
    """https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-proxy-pinning.html: one statement under 16 KB."""
    assert ";" not in sql
    assert len(sql.encode()) < 16_384
    assert not re.search(r"\b(set_config|nextval|temp|temporary|listen|prepare|declare|pg_advisory\w*)\b", sql.lower())


def test_a_question_changes_nothing() -> None:
    """A read that is sent again after a broken connection must not do anything twice."""
    assert not re.search(r"\b(insert|update|delete|truncate|merge|for update|create|alter|drop)\b", COVERAGE)


def test_a_load_says_only_what_its_answer_has() -> None:
    """Each part that is planned for nothing costs time: a load takes about a millisecond."""
    for parts, sql in LOADS.items():
        assert {part for part in PARTS if f":{part}" in sql} == parts
