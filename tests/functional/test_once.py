"""What was done for an Idempotency-Key, in DynamoDB as moto has it."""

from __future__ import annotations

import json

import boto3
import pytest

from marketflow.errors import RefusedError, ServiceUnavailableError
from marketflow.idempotency.once import DAY_SECONDS, PowertoolsOnce
from tests.cloud import Cloud, make_once_table

pytestmark = pytest.mark.functional

TABLE = "marketflow-test-once"
TIMEOUT = 29


class Desk:
    """The table, and work that counts how often it was done."""

    def __init__(self) -> None:
        self.client = boto3.client("dynamodb")
        make_once_table(TABLE)
        self.once = PowertoolsOnce(table=TABLE, client=self.client, seconds=TIMEOUT)
        self.done = 0

    def work(self) -> str:
        """The number of the time."""
        self.done += 1
        return f"answer {self.done}"

    def ask(
        self, key: str | None = "k", *, operation: str = "POST /v1/x", owner: str = "ann", payload: bytes = b"{}"
    ) -> str:
        """One request."""
        return self.once(operation=operation, owner=owner, key=key, payload=payload, work=self.work)

    def items(self) -> list[dict[str, object]]:
        """What the table holds."""
        return list(self.client.scan(TableName=TABLE)["Items"])  # type: ignore[arg-type]

    def wait(self, *, seconds: int) -> None:
        """Make what the table holds so many seconds older."""
        for item in self.client.scan(TableName=TABLE)["Items"]:
            for name, unit in (("expiration", 1), ("in_progress_expiration", 1000)):
                if name in item:
                    item[name] = {"N": str(int(item[name]["N"]) - seconds * unit)}
            self.client.put_item(TableName=TABLE, Item=item)


@pytest.fixture
def desk(cloud: Cloud) -> Desk:
    """An empty table."""
    return Desk()


def test_the_same_request_is_done_once(desk: Desk) -> None:
    """Every later one gets the first answer."""
    assert [desk.ask(), desk.ask(), desk.ask()] == ["answer 1"] * 3


def test_a_request_without_a_key_is_always_done(desk: Desk) -> None:
    """And leaves nothing behind."""
    assert [desk.ask(None), desk.ask(None)] == ["answer 1", "answer 2"]
    assert desk.items() == []


def test_another_body_is_refused(desk: Desk) -> None:
    """Nothing is done for it."""
    desk.ask()
    with pytest.raises(RefusedError) as refused:
        desk.ask(payload=b"{ }")
    assert (refused.value.status, refused.value.code, desk.done) == (422, "idempotency_mismatch", 1)


@pytest.mark.parametrize("other", [{"owner": "bob"}, {"operation": "POST /v1/y"}, {"key": "K"}])
def test_a_key_belongs_to_its_caller_and_route(desk: Desk, other: dict[str, str]) -> None:
    """The same word of somebody else, or for something else, is another request."""
    desk.ask()
    assert desk.ask(**other) == "answer 2"  # type: ignore[arg-type]


def test_a_request_while_the_first_is_running_is_refused(desk: Desk) -> None:
    """The client is to ask again; nothing is done twice."""

    def slow() -> str:
        with pytest.raises(RefusedError) as refused:
            desk.ask()
        assert (refused.value.status, refused.value.code) == (409, "idempotency_in_progress")
        return "slow"

    assert desk.once(operation="POST /v1/x", owner="ann", key="k", payload=b"{}", work=slow) == "slow"
    assert (desk.ask(), desk.done) == ("slow", 0)


def test_work_that_fails_is_not_remembered(desk: Desk) -> None:
    """Its error comes through as it is, and the client may try again."""

    def fail() -> str:
        raise RefusedError("no", status=409, code="too_many_keys")

    with pytest.raises(RefusedError, match="no"):
        desk.once(operation="POST /v1/x", owner="ann", key="k", payload=b"{}", work=fail)
    assert desk.items() == []
    assert desk.ask() == "answer 1"


def test_a_request_that_was_cut_off_blocks_its_key_for_the_functions_timeout(desk: Desk) -> None:
    """Lambda ends a function without a word."""

    def die() -> str:
        raise SystemExit

    with pytest.raises(SystemExit):
        desk.once(operation="POST /v1/x", owner="ann", key="k", payload=b"{}", work=die)
    desk.wait(seconds=TIMEOUT - 5)
    with pytest.raises(RefusedError):
        desk.ask()
    desk.wait(seconds=6)
    assert desk.ask() == "answer 1"


def test_an_answer_is_forgotten_after_a_day(desk: Desk) -> None:
    """Not before."""
    desk.ask()
    desk.wait(seconds=DAY_SECONDS - 60)
    assert desk.ask() == "answer 1"
    desk.wait(seconds=120)
    assert desk.ask() == "answer 2"


def test_the_table_holds_neither_owner_nor_body(desk: Desk) -> None:
    """Hashes, the answer and two times."""
    desk.ask(owner="somebody@example.com", payload=b"private words")
    kept = json.dumps(desk.items())
    assert "answer 1" in kept
    assert "somebody" not in kept
    assert "private" not in kept


def test_a_table_that_is_out_of_reach_is_said_to_pass(desk: Desk) -> None:
    """Nothing is done when it cannot be remembered."""
    desk.client.delete_table(TableName=TABLE)
    with pytest.raises(ServiceUnavailableError):
        desk.ask()
    assert desk.done == 0
