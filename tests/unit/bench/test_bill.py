"""A bill is the sum of its items, grows with the symbols, and leaves nothing out unseen."""

from __future__ import annotations

from math import fsum

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.cost import container
from bench.cost.inventory import FREE, PRICED, bill
from bench.cost.prices import Bill, PriceError, Prices
from tests.unit.bench.support import BUSY, DATABASE, DEPLOYMENT, IDLE, bill_of, function, resource, world

pytestmark = pytest.mark.unit

SHRINKS = {("RDS", "backups beyond the storage")}
"""Larger storage has more backups for nothing."""


@pytest.mark.parametrize("demand", [IDLE, BUSY])
def test_the_total_is_the_sum_of_the_items(demand: object) -> None:
    """By items, by lines and by services it is the same money, and no item is below zero."""
    assert demand in (IDLE, BUSY)
    ours = bill_of(DEPLOYMENT, demand=BUSY if demand is BUSY else IDLE)
    assert ours.total == fsum(item.usd for item in ours.items)
    assert fsum(ours.lines().values()) == pytest.approx(ours.total)
    assert fsum(ours.services().values()) == pytest.approx(ours.total)
    assert all(item.usd >= 0 for item in ours.items)


@settings(max_examples=25)
@given(st.integers(1, 40_000))
def test_twice_the_symbols_never_make_an_item_cheaper(symbols: int) -> None:
    """Each line of the bill stays or grows."""
    before, after = bill_of(DEPLOYMENT, symbols=symbols).lines(), bill_of(DEPLOYMENT, symbols=2 * symbols).lines()
    assert before.keys() == after.keys()
    for line, usd in before.items():
        if line not in SHRINKS:
            assert after[line] >= usd - 1e-9, line


def test_requests_only_add() -> None:
    """A busy month costs at least what an idle one does, line by line."""
    idle, busy = bill_of(DEPLOYMENT).lines(), bill_of(DEPLOYMENT, demand=BUSY).lines()
    assert all(busy[line] >= usd for line, usd in idle.items())
    assert sum(busy.values()) > sum(idle.values())


def test_a_type_that_nobody_decided_about_is_refused_by_name() -> None:
    """A new resource in the stacks is a decision about money."""
    with pytest.raises(PriceError, match=r"Surprise \(AWS::EC2::NatGateway\).*inventory\.py"):
        bill_of([*DEPLOYMENT, resource("AWS::EC2::NatGateway", logical_id="Surprise")])


def test_a_function_that_nobody_knows_is_refused_by_name() -> None:
    """Of a new function somebody must say how often it runs."""
    with pytest.raises(PriceError, match=r"function brandnew runs.*usage\.py"):
        bill_of([function("brandnew")])


def test_a_log_that_nobody_knows_is_refused_by_name() -> None:
    """The same for a new log group."""
    with pytest.raises(PriceError, match="/somewhere/new"):
        bill_of([resource("AWS::Logs::LogGroup", {"LogGroupName": "/somewhere/new"})])


@pytest.mark.parametrize(
    ("kind", "properties"),
    [
        ("AWS::ApiGateway::Stage", {"CacheClusterEnabled": True}),
        ("AWS::Lambda::Alias", {"ProvisionedConcurrencyConfig": {"ProvisionedConcurrentExecutions": 1}}),
        ("AWS::RDS::DBInstance", {**DATABASE, "StorageType": "io2"}),
        ("AWS::RDS::DBInstance", {**DATABASE, "PerformanceInsightsRetentionPeriod": 31}),
    ],
)
def test_what_costs_by_one_property_is_refused_until_it_has_a_price(kind: str, properties: dict[str, object]) -> None:
    """A type that is free as we use it is not free with everything switched on."""
    with pytest.raises(PriceError, match=kind):
        bill_of([resource(kind, properties)])


def test_a_snapshot_is_priced_where_the_function_has_one() -> None:
    """SnapStart costs for each published version: kept all month, and restored."""
    version = resource("AWS::Lambda::Version", {"FunctionName": {"Ref": "Functionapi"}}, logical_id="Version")
    snapped = function("api", SnapStart={"ApplyOn": "PublishedVersions"})
    with_it = bill_of([snapped, version], demand=BUSY).lines()
    assert with_it["Lambda", "api: snapshot kept"] > 1
    assert with_it["Lambda", "api: snapshot restored"] > 0
    assert not [item for item in bill_of([function("api"), version]).items if "snapshot" in item.what]


def test_an_interface_endpoint_costs_and_a_gateway_endpoint_does_not() -> None:
    """The one is billed by the hour in each of its zones."""
    gateway = bill_of([resource("AWS::EC2::VPCEndpoint", {"VpcEndpointType": "Gateway"})])
    interface = bill_of([resource("AWS::EC2::VPCEndpoint", {"VpcEndpointType": "Interface", "SubnetIds": ["a", "b"]})])
    assert gateway.total == 0
    assert interface.total == pytest.approx(2 * 730 * 0.01)


def test_a_stage_that_is_too_small_is_named() -> None:
    """What is priced beyond the template is said: a larger instance, more storage."""
    small = bill_of([resource("AWS::RDS::DBInstance", {**DATABASE, "DBInstanceClass": "db.t4g.micro"})], symbols=10_000)
    assert any("t4g.micro" in note and "t4g.small is needed" in note for note in small.notes)
    assert any("max_storage" in note for note in small.notes)
    assert not bill_of([resource("AWS::RDS::DBInstance", DATABASE)]).notes


def test_nothing_is_both_priced_and_free() -> None:
    """Each type has one answer, and each free one its reason."""
    assert not PRICED.keys() & FREE.keys()
    assert all(FREE.values())


def test_the_free_tier_takes_off_no_more_than_was_paid() -> None:
    """It is shown beside the total and not in it."""
    prices, ours = Prices.load(), bill_of(DEPLOYMENT, demand=BUSY)
    assert 0 < ours.free(prices, "always") < ours.total
    assert 0 < ours.free(prices, "first 12 months") < ours.total


@pytest.mark.parametrize(("asked", "left"), [(400_000, 0.0), (1_000_000, 0.0), (4_000_000, 1.2)])
def test_the_free_tier_is_of_the_whole_bill(asked: int, left: float) -> None:
    """A million requests to queues cost nothing, whichever queues they were to."""
    prices = Prices.load()
    ours = Bill(tuple(prices.item("SQS", queue, "sqs.request", asked / 2) for queue in ("one", "other")))
    assert ours.total - ours.free(prices, "always") == pytest.approx(left)


def test_the_cluster_is_the_sum_of_its_items_and_has_the_same_database() -> None:
    """Both designs pay the same for the database's hours and storage; the proxy is ours alone."""
    case = world(DEPLOYMENT, demand=BUSY)
    ours = bill(case)
    cluster = container.bill(case, ours)
    assert cluster.total == fsum(item.usd for item in cluster.items)
    for line in (("RDS", "instance, with a standby"), ("RDS", "storage"), ("CloudWatch", "alarms")):
        assert cluster.lines()[line] == pytest.approx(ours.lines()[line])
    assert ("RDS", "proxy") not in cluster.lines()
    assert cluster.services()["EKS"] == pytest.approx(73)


def test_the_cluster_grows_when_its_nodes_are_full() -> None:
    """Two nodes bear little work, and much work takes more."""
    assert container.nodes(world(DEPLOYMENT)) == 2
    assert container.nodes(world(DEPLOYMENT, symbols=100_000)) > 2
