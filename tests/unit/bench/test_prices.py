"""The table of prices says where each price is from, and has all that is asked of it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from bench.cost.metrics import AUDIT, BUDGET, DISPATCH, ETL, FETCH, RETIRE, STALE
from bench.cost.prices import FILE, PriceError, Prices
from bench.cost.schedules import fires
from bench.scaling.instances import LADDER
from marketflow import observability
from marketflow.observability.audits import MISSING

pytestmark = pytest.mark.unit

COST = Path(FILE).parent


def test_every_price_says_what_it_is_of_where_it_stands_and_since_when() -> None:
    """A price without its page and date could not be checked."""
    for key, price in Prices.load().table.items():
        assert price.usd > 0, key
        assert price.unit, key
        assert price.page, key
        assert re.fullmatch(r"20\d\d-[01]\d", price.as_of), key


def test_the_free_tier_is_of_prices_that_there_are() -> None:
    """A name that no price has would take off nothing, silently."""
    prices = Prices.load()
    assert prices.free.keys() <= prices.table.keys()
    assert {free.kind for free in prices.free.values()} == {"always", "first 12 months"}


def test_every_instance_has_a_price() -> None:
    """Whatever the model wants the database to be can be priced."""
    assert {f"rds.{instance.name}.hour" for instance in LADDER} <= Prices.load().table.keys()


def test_no_price_lies_idle() -> None:
    """Each key of the table is written in the code, as it is or put together from a name."""
    code = "\n".join(path.read_text(encoding="utf-8") for path in COST.rglob("*.py"))
    composed = re.compile(
        r"^(rds\..*\.hour|s3\.(standard|transition|glacier|standard_ia).*|msk\..*\.hour|lambda\.(arm|x86)\..*)$"
    )
    for key in json.loads(FILE.read_text(encoding="utf-8"))["prices"]:
        assert f'"{key}"' in code or composed.match(key), key


def test_a_price_that_is_missing_is_named() -> None:
    """Nothing is priced at zero because nobody wrote its price down."""
    with pytest.raises(PriceError, match=r"gold\.ounce.*prices\.json"):
        Prices.load().item("Gold", "ounces", "gold.ounce", 1)


@pytest.mark.parametrize(
    ("expression", "a_day"),
    [
        ("cron(* * * * ? *)", 1440),
        ("cron(7/30 * * * ? *)", 48),
        ("cron(0/10 * * * ? *)", 144),
        ("cron(17 3 * * ? *)", 1),
        ("cron(0,30 */6 * * ? *)", 8),
        ("rate(5 minutes)", 288),
        ("rate(1 hour)", 24),
        ("rate(1 day)", 1),
    ],
)
def test_a_schedule_fires_as_often_as_it_says(expression: str, a_day: float) -> None:
    """A month has 730 hours."""
    assert fires(expression) == pytest.approx(a_day * 730 / 24)


@pytest.mark.parametrize("expression", ["cron(* * L * ? *)", "cron(1-5 * * * ? *)", "at(2026-01-01T00:00:00)"])
def test_a_schedule_that_cannot_be_counted_is_refused(expression: str) -> None:
    """Rather no bill than a wrong one."""
    with pytest.raises(PriceError, match=re.escape(expression)):
        fires(expression)


def test_every_custom_metric_is_counted() -> None:
    """The names are those that marketflow.observability writes: each costs for every set of dimensions."""
    modules = sorted(Path(observability.__file__).parent.glob("*.py"))
    source = "\n".join(module.read_text(encoding="utf-8") for module in modules)
    written = set(re.findall(r'add_metric\(name="(\w+)"', source))
    written |= set(re.findall(r'^ +\("(\w+)", (?:standing|len\(retired|retired)', source, re.MULTILINE))
    written |= set(MISSING.values())
    assert written == {*FETCH, BUDGET, *ETL, *DISPATCH, *AUDIT, *STALE, *RETIRE}
