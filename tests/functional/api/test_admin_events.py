"""Every canonical event of the administration is answered as its name says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from marketflow.api.admin_routes import AdminRoutes
from marketflow.api.app import App
from tests.unit.api.market import Answer, FakeLog
from tests.unit.api.test_admin_routes import BTC
from tests.unit.services.register import FakeCatalog, FakeOnce, FakeRegistry, administration

pytestmark = pytest.mark.functional

EVENTS = Path(__file__).parents[3] / "events"
STATUS = {"admin_add_symbol": 201, "admin_change_symbol": 200, "admin_deactivate_symbol": 204}
OPERATOR = "f3a4b8c2-1061-70aa-5d8e-9b7c6d5e4f3a"


def test_no_event_is_left_out() -> None:
    """Each event of the administration in the folder is expected here."""
    assert {path.stem for path in EVENTS.glob("admin_*.json")} == STATUS.keys()


@pytest.mark.parametrize(("name", "status"), STATUS.items())
def test_an_event_is_answered(name: str, status: int) -> None:
    """The operator of the access token changes a symbol, and the fetchers' catalog follows; no token is logged."""
    catalog, once, log = FakeCatalog(), FakeOnce(), FakeLog()
    routes = AdminRoutes(administration=administration(FakeRegistry(rows={1: BTC}), catalog), once=once)
    answer = Answer(App(routes.table(), log=log)(json.loads((EVENTS / f"{name}.json").read_text())))
    assert answer.status == status, answer.body
    assert catalog.published.keys() == {"binance"}
    assert [owner for _, owner, _, _ in once.asked] == ([OPERATOR] if status == 201 else [])
    assert log.lines[0][1]["caller"] == OPERATOR
    assert "an.access.token" not in json.dumps([answer.raw, log.lines])
