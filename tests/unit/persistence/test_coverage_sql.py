"""The statements of the coverage pin no RDS Proxy connection."""

from __future__ import annotations

import re

import pytest

from marketflow.persistence.coverage_sql import COVERAGE

pytestmark = pytest.mark.unit


def test_the_statement_pins_nothing() -> None:
    """https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-proxy-pinning.html: one statement under 16 KB."""
    assert ";" not in COVERAGE
    assert len(COVERAGE.encode()) < 16_384
    pins = r"\b(set_config|nextval|temp|temporary|listen|prepare|declare|pg_advisory\w*)\b"
    assert not re.search(pins, COVERAGE.lower())


def test_a_question_changes_nothing() -> None:
    """A read that is sent again after a broken connection must not do anything twice."""
    assert not re.search(r"\b(insert|update|delete|truncate|merge|for update|create|alter|drop)\b", COVERAGE)
