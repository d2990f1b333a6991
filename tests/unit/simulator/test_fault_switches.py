"""How switches are read, counted and drawn, and how they are set over the wire."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local.simulator.fault_table import FAULTS, Kind
from local.simulator.faults import Faults, parse
from local.simulator.wire import Answer
from tests.unit.simulator.support import BROWSER, ask, world

pytestmark = pytest.mark.unit

HALF_PAST_NINE = 1_767_605_400


def test_every_form_of_a_setting() -> None:
    """on, a probability, a window, a number of times, and symbols."""
    assert parse("binance.http_429", "on").probability == 1.0
    assert parse("binance.http_429", "0.05x3@btcusdt, ETHUSDT").symbols == {"BTCUSDT", "ETHUSDT"}
    assert parse("binance.http_429", "1x3").times == 3
    window = parse("binance.outage", "2026-01-05T09:30Z/2026-01-05T10:30Z").window
    assert window == (HALF_PAST_NINE, HALF_PAST_NINE + 3600)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("binance.http_430", "on", "There is no fault 'binance.http_430'"),
        ("binance.paging", "on", "needs no switch"),
        ("binance.http_429", "often", "Write on, a probability"),
        ("binance.http_429", "1.5", "between 0 and 1"),
        ("binance.http_429", "onx", "Write on, a probability"),
        ("binance.outage", "2026-01-05T09:30/2026-01-05T10:30", "need a zone"),
        ("binance.outage", "2026-01-05T10:30Z/2026-01-05T09:30Z", "ends before it starts"),
        ("binance.outage", "onx3", "only faults of single requests"),
        ("yahoo.split", "on", "needs a window"),
        ("exchangerate.http_429", "on@USD", "not for a symbol"),
    ],
)
def test_a_setting_that_does_not_fit_is_refused(name: str, text: str, said: str) -> None:
    """An unknown name or a value that does not fit is a ValueError that says what to write."""
    with pytest.raises(ValueError, match=said):
        parse(name, text)


def test_probabilities_are_drawn_from_seed_and_counter() -> None:
    """About the asked share of requests is struck, the same ones under the same seed."""

    def strikes(seed: int) -> list[bool]:
        faults = Faults(seed, {"yahoo.http_429": "0.2"})
        return [faults.hits("yahoo.http_429", now=0) for _ in range(500)]

    assert strikes(7) == strikes(7) != strikes(8)
    assert 60 < sum(strikes(7)) < 140


def test_times_symbols_and_windows_bound_a_fault() -> None:
    """It strikes so many times only, for these symbols only, within its window only, and counts what it did."""
    faults = Faults(7, {"yahoo.http_404": "1x2@AAPL", "yahoo.http_503": "2026-01-05T09:30Z/2026-01-05T10:30Z"})
    assert not faults.hits("yahoo.http_404", now=0, symbols=("MSFT",))
    assert [faults.hits("yahoo.http_404", now=0, symbols=("AAPL",)) for _ in range(3)] == [True, True, False]
    assert [faults.hits("yahoo.http_503", now=HALF_PAST_NINE + offset) for offset in (-1, 0, 3600)] == [
        False,
        True,
        False,
    ]
    report = faults.report()
    assert report["yahoo.http_404"] == {
        "kind": "request",
        "explanation": FAULTS["yahoo.http_404"].explanation,
        "setting": "1x2@AAPL",
        "injected": 2,
    }
    assert report["yahoo.http_503"]["injected"] == 1
    faults.set({"yahoo.http_404": "1x1@AAPL"})
    assert faults.hits("yahoo.http_404", now=0, symbols=("AAPL",))


def switches(answer: Answer) -> dict[str, Any]:
    """The faults of an answer of the admin path."""
    assert answer.status == 200
    found: dict[str, Any] = json.loads(answer.body)["faults"]
    return found


def test_switches_over_the_wire() -> None:
    """GET lists all, PUT sets some, DELETE takes back some or all; nothing is set when one setting is wrong."""
    asked = world(faults={"binance.http_503": "on"})
    listed = switches(ask(asked, "/_faults"))
    assert listed.keys() == FAULTS.keys()
    assert listed["binance.http_503"]["setting"] == "on"
    assert ask(asked, "/binance/api/v3/ping").status == 503
    assert switches(ask(asked, "/_faults"))["binance.http_503"]["injected"] == 1

    wrong = asked.answer("PUT", "/_faults", "yahoo.http_503=on&yahoo.nonsense=on", {})
    assert wrong.status == 400
    assert "yahoo.nonsense" in json.loads(wrong.body)["error"]
    assert ask(asked, "/yahoo/v8/finance/chart/AAPL").status == 200

    set_ = switches(asked.answer("PUT", "/_faults", "yahoo.http_503=1x1&ecb.stale=0.5", {}))
    assert (set_["yahoo.http_503"]["setting"], set_["ecb.stale"]["setting"]) == ("1x1", "0.5")
    assert ask(asked, "/yahoo/v8/finance/chart/AAPL").status == 503
    assert ask(asked, "/yahoo/v8/finance/chart/AAPL").status == 200

    left = switches(asked.answer("DELETE", "/_faults", "binance.http_503", {}))
    assert (left["binance.http_503"]["setting"], left["ecb.stale"]["setting"]) == (None, "0.5")
    assert ask(asked, "/binance/api/v3/ping").status == 200
    gone = switches(asked.answer("DELETE", "/_faults", "", {}))
    assert all(item["setting"] is None for item in gone.values())
    assert asked.answer("PUT", "/_faults", "", BROWSER).status == 400
    assert asked.answer("POST", "/_faults", "", BROWSER).status == 405


def test_a_healthy_world_injects_nothing() -> None:
    """Without switches no fault ever strikes."""
    asked = world()
    for path in ("/binance/api/v3/ticker/24hr", "/yahoo/v8/finance/chart/AAPL", "/exchangerate/v6/latest/USD"):
        assert ask(asked, path).status == 200
    assert all(item["injected"] == 0 for item in switches(ask(asked, "/_faults")).values())


def test_names_and_kinds() -> None:
    """Every fault is called vendor.behaviour, explains itself in one sentence, and is of a known kind."""
    for name, fault in FAULTS.items():
        assert name.partition(".")[0] in {"binance", "yahoo", "exchangerate", "frankfurter", "ecb"}
        assert fault.explanation.endswith(".")
        assert fault.kind in Kind
