"""API keys in API Gateway as moto has it, and what its control plane says where moto has nothing."""

from __future__ import annotations

from datetime import date

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from marketflow.domain.keys import ApiKey
from marketflow.domain.plans import Plan
from marketflow.errors import ServiceUnavailableError
from marketflow.gateway.keys import GatewayKeys
from tests.cloud import Cloud
from tests.fakes import NOON

pytestmark = pytest.mark.functional

VALUE = "mffree0123456789-0123456789-0123456789-abcd"
DAY = date(2026, 11, 22)


class Gateway:
    """The account's API Gateway with the plans free and pro, and keys that are none of ours."""

    def __init__(self) -> None:
        self.client = boto3.client("apigateway")
        self.plans = {plan: self.client.create_usage_plan(name=plan)["id"] for plan in Plan}
        self.operator = self.client.create_api_key(name="operator", enabled=True, value="o" * 30)["id"]
        self.by_hand = self.client.create_api_key(name="by hand", enabled=True, customerId="ann")["id"]
        self.store = GatewayKeys(client=self.client, plan_ids=self.plans)

    def ids(self) -> set[str]:
        """Every key of the account but those that were there before."""
        return {key["id"] for key in self.client.get_api_keys()["items"]} - {self.operator, self.by_hand}


@pytest.fixture
def gateway(cloud: Cloud) -> Gateway:
    """An account."""
    return Gateway()


def test_a_key_is_made_on_its_plan_with_its_owner(gateway: Gateway) -> None:
    """Everything that is known of it stands in API Gateway."""
    made = gateway.store.create(owner="ann", name="charts", plan=Plan.FREE, value=VALUE)
    assert (made.owner, made.name, made.plan, made.last4, made.value) == ("ann", "charts", Plan.FREE, "abcd", VALUE)
    assert made.created_at.utcoffset() is not None
    assert gateway.store.get(made.id) == made
    plans = {plan: gateway.client.get_usage_plan_keys(usagePlanId=gateway.plans[plan])["items"] for plan in Plan}
    assert {plan: [key["id"] for key in keys] for plan, keys in plans.items()} == {"free": [made.id], "pro": []}


def test_the_list_is_of_the_owner_and_has_no_values(gateway: Gateway) -> None:
    """The emulation lists everybody's keys whoever is asked for, and the operator's: the adapter looks through them."""
    mine = gateway.store.create(owner="ann", name="charts", plan=Plan.PRO, value=VALUE)
    gateway.store.create(owner="bob", name="charts", plan=Plan.PRO, value=VALUE[::-1])
    (listed,) = gateway.store.of("ann")
    assert (listed.id, listed.plan, listed.last4, listed.value) == (mine.id, Plan.PRO, "abcd", None)


def test_a_list_has_no_values_even_when_it_was_sent_some(gateway: Gateway) -> None:
    """The emulator sends them although they were not asked for."""
    item = {
        "id": "abc",
        "name": "charts",
        "customerId": "ann",
        "value": VALUE,
        "createdDate": NOON,
        "description": '{"plan": "free", "last4": "abcd"}',
    }
    with Stubber(gateway.client) as stub:
        stub.add_response("get_api_keys", {"items": [item]})
        (listed,) = gateway.store.of("ann")
    assert (listed.id, listed.value) == ("abc", None)


def test_a_key_that_this_service_did_not_make_is_nobodys(gateway: Gateway) -> None:
    """The operator's has no owner; one that was made by hand has no plan of ours."""
    assert gateway.store.get(gateway.operator) is None
    assert gateway.store.get(gateway.by_hand) is None
    assert gateway.store.get("nosuchkey1") is None


def test_a_key_is_renamed_and_revoked(gateway: Gateway) -> None:
    """Revoking what is gone already is no error."""
    made = gateway.store.create(owner="ann", name="charts", plan=Plan.FREE, value=VALUE)
    gateway.store.rename(made.id, "phone")
    found = gateway.store.get(made.id)
    assert found is not None
    assert found.name == "phone"
    gateway.store.delete(made.id)
    gateway.store.delete(made.id)
    assert gateway.ids() == set()


def test_usage_is_by_day(gateway: Gateway) -> None:
    """GetUsage gives pairs of used and remaining requests, in order from the first day."""
    key = ApiKey(id="abc", owner="ann", name="n", plan=Plan.FREE, created_at=NOON, last4="abcd")
    asked = {
        "usagePlanId": gateway.plans[Plan.FREE],
        "keyId": "abc",
        "startDate": "2026-11-22",
        "endDate": "2026-11-23",
    }
    with Stubber(gateway.client) as stub:
        stub.add_response("get_usage", {"items": {"abc": [[3, 997], [10, 990]]}}, asked)
        usage = gateway.store.usage(key, first=DAY, last=date(2026, 11, 23))
        stub.add_response("get_usage", {"items": {}}, asked)
        assert gateway.store.usage(key, first=DAY, last=date(2026, 11, 23)) == {}
    assert usage == {DAY: (3, 997), date(2026, 11, 23): (10, 990)}


@pytest.mark.parametrize(
    ("code", "status"), [("TooManyRequestsException", 429), ("LimitExceededException", 429), ("InternalFailure", 500)]
)
def test_a_busy_control_plane_is_said_to_pass(gateway: Gateway, code: str, status: int) -> None:
    """Its limits are per account and low: the caller is told to ask again."""
    with Stubber(gateway.client) as stub:
        stub.add_client_error("get_api_key", code, http_status_code=status)
        with pytest.raises(ServiceUnavailableError, match=code):
            gateway.store.get("abc")


def test_a_grant_that_is_missing_is_a_fault_of_ours(gateway: Gateway) -> None:
    """Asking again would not help."""
    with Stubber(gateway.client) as stub:
        stub.add_client_error("get_api_keys", "AccessDeniedException", http_status_code=403)
        with pytest.raises(ClientError):
            gateway.store.of("ann")
