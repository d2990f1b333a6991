"""The statements of the coverage pin no RDS Proxy connection."""

from __future__ import annotations

import re

import pytest

from marketflow.persistence.coverage_sql import COVERAGE
from marketflow.persistence.load_sql import load

pytestmark = pytest.mark.unit

LOADS = [load(asked=asked, sessions=sessions) for asked in (False, True) for sessions in (False, True)]


@pytest.mark.parametrize("sql", [COVERAGE, *LOADS])
def test_a_statement_pins_nothing(sql: str) -> None:
    """https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-proxy-pinning.html: one statement under 16 KB."""
    assert ";" not in sql
    assert len(sql.encode()) < 16_384
    assert not re.search(r"\b(set_config|nextval|temp|temporary|listen|prepare|declare|pg_advisory\w*)\b", sql.lower())


def test_a_question_changes_nothing() -> None:
    """A read that is sent again after a broken connection must not do anything twice."""
    assert not re.search(r"\b(insert|update|delete|truncate|merge|for update|create|alter|drop)\b", COVERAGE)


def test_a_load_says_only_what_its_answer_has() -> None:
    """A price without candles plans neither ranges nor sessions: a load takes about a millisecond."""
    named = [(":asked" in sql, ":sessions" in sql) for sql in LOADS]
    assert named == [(False, False), (False, True), (True, False), (True, True)]
