"""What a snapshot of a started function would hold: SnapStart gives the same one to many environments, hours later."""

from __future__ import annotations

import pytest

from marketflow import bootstrap
from marketflow.bootstrap.api import CONNECT_SECONDS, STATEMENT_SECONDS
from marketflow.bootstrap.process import database_at
from tests.handlers import load

pytestmark = pytest.mark.unit

URL = "postgresql://marketflow@proxy.example:5432/marketflow?auth=iam"


@pytest.fixture
def no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading them before the first request fails; sockets are blocked in unit tests anyway."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("no_credentials")
def test_the_read_api_starts_without_a_connection_and_without_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both would have expired when the snapshot is used; so there is nothing that a hook had to renew."""
    load("api", monkeypatch, {"DATABASE_URL": URL})
    patience = {"connect_deadline_seconds": CONNECT_SECONDS, "statement_timeout_seconds": STATEMENT_SECONDS}
    assert database_at(URL, **patience)._wire is None


@pytest.mark.usefixtures("no_credentials")
def test_the_etl_starts_without_a_connection_and_without_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same for everything that its first message finds wired."""
    load("etl", monkeypatch, {"DATABASE_URL": URL, "DATA_BUCKET": "bucket"})
    bootstrap.loading()
    assert database_at(URL, connect_deadline_seconds=5.0)._wire is None
