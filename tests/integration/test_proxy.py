"""RDS Proxy lends the same database connection to one function after the other, unless a function pins it.

https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-proxy-pinning.html says what pins a PostgreSQL session: SET,
PREPARE, cursors, LISTEN, temporary tables, advisory locks, sequences, and statements of more than 16 KB.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from marketflow.persistence.connection import Database
from marketflow.persistence.url import parse_database_url
from tests.cloud import Cloud
from tests.handlers import EVENTS, Context, event, load
from tests.integration.persistence.recorder import Recorder, Sent
from tests.integration.retirement import Pipeline
from tests.integration.roles import READER, WRITER, as_role

pytestmark = pytest.mark.integration

READS = sorted(path.stem for path in EVENTS.glob("api_*.json"))
LOADS = sorted(path.stem for path in EVENTS.glob("sqs_*.json") if "task" not in path.stem)
LARGEST = 16 * 1024
PINNING = re.compile(
    r"\b(set\s+\w+\s*(=|to\b)|set_config|prepare|deallocate|declare|fetch|listen|notify|temp|temporary|nextval|setval"
    r"|pg_(try_)?advisory\w*|lock\s+table|create|discard)\b",
    re.IGNORECASE,
)


@pytest.fixture
def recorder(database_url: str, tmp_path: Path) -> Iterator[Recorder]:
    """Between the function and this test's database."""
    server = parse_database_url(database_url).unix_socket
    assert server is not None
    with Recorder(tmp_path, server) as recording:
        yield recording


@pytest.fixture
def url(database_url: str, tmp_path: Path) -> str:
    """This test's database by way of the recorder."""
    return re.sub(r"host=[^&]+", f"host={tmp_path}", database_url)


def statements(sent: list[Sent]) -> list[str]:
    """What was asked; every message before it is checked to be one that leaves nothing behind in the session."""
    found = []
    for message in sent:
        # Parse, Bind, Describe, Execute, Flush, Sync, Terminate: no simple query, which may hold several statements.
        assert message.kind in "PBDEHSX", message
        if message.kind == "P":
            name, text = message.texts(2)
            assert name == "", "a named statement is a prepared one"
            found.append(text)
        if message.kind == "B":
            assert message.texts(2) == ["", ""], "a named portal is a cursor"
    return found


def assert_pins_nothing(sent: list[Sent]) -> None:
    """Every statement is one that any connection of the proxy may carry out."""
    asked = statements(sent)
    assert asked
    for text in asked:
        # A word within quotes is a value, and an UPDATE has a SET of its own.
        bare = re.sub(r"'(?:[^']|'')*'", "''", text)
        bare = re.sub(r"\b(do\s+)?update\b(\s+\w+(\s+as)?(\s+\w+)?)?\s+set\b", "update", bare, flags=re.IGNORECASE)
        assert re.match(r"\s*(select|with|insert|update|delete)\b", bare, re.IGNORECASE), text
        assert (pins := PINNING.search(bare)) is None, f"{pins and pins[0]!r} in {text}"
        assert len(text.encode()) < LARGEST


def test_no_read_pins_the_proxy(recorder: Recorder, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every route of the read API, and all on one connection."""
    handler = load("api", monkeypatch, {"DATABASE_URL": as_role(url, READER)})
    for name in READS:
        assert handler(event(name), Context())["statusCode"] < 500, name
    assert_pins_nothing(recorder.sent)
    assert recorder.connections == 1


def test_no_load_pins_the_proxy(recorder: Recorder, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every kind of answer, the same answer again, and a report; all on one connection."""
    settings = {"DATABASE_URL": as_role(url, WRITER), "DATA_BUCKET": "unused"}
    handler = load("etl", monkeypatch, settings)
    for name in [*LOADS, *LOADS]:
        handler(event(name), Context())
    assert any("insert into candles" in text.lower() for text in statements(recorder.sent))
    assert_pins_nothing(recorder.sent)
    assert recorder.connections == 1


def test_no_retirement_pins_the_proxy(
    recorder: Recorder, url: str, database: Database, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A month with rows from its export to what is deleted behind it. The one function in it has its own time limit."""
    Pipeline(database, cloud).fill()
    settings = {
        "DATABASE_URL": as_role(url, WRITER),
        "DATA_BUCKET": cloud.bucket,
        "HISTORY_MONTHS": "2",
    }
    handler = load("retire", monkeypatch, settings)
    assert handler(event("schedule_retire"), Context(seconds_left=600))["retired"] > 0
    assert any("retire_month" in text for text in statements(recorder.sent))
    assert_pins_nothing(recorder.sent)
    assert recorder.connections == 1


@pytest.mark.parametrize(
    "pinning",
    [
        "SET statement_timeout = 1",
        "SELECT pg_advisory_xact_lock(1)",
        "CREATE TEMP TABLE t ()",
        f"SELECT '{'x' * LARGEST}'",
    ],
)
def test_what_pins_would_be_seen(pinning: str) -> None:
    """The other tests can fail."""
    with pytest.raises(AssertionError):
        assert_pins_nothing([Sent("P", f"\0{pinning}\0".encode())])
