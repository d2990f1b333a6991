"""With IAM enforced every function works with exactly its own role, and a grant that is missing is missed."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from local.admin_api import AdminApi, machine_token
from local.client import ApiClient
from local.jobs import watch
from local.sign_in import SignIn
from local.smoke_admin import AdminClient
from local.smoke_user import User
from local.stack import PREFIX, LocalStack
from marketflow.domain.fetching import FetchReport
from marketflow.messaging.envelope import ReportMessage
from marketflow.persistence.connection import Database
from marketflow.sources.catalog import CATALOG
from tests.e2e.conftest import lose, simulated_stack, wait_for

pytestmark = pytest.mark.e2e

NOTHING = FetchReport(
    source="binance", started_at=datetime.now(UTC), finished_at=datetime.now(UTC), requests=0, succeeded=0
)
"""A report that changes nothing."""


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """A stack of its own, because the last test takes a role's policies away."""
    with simulated_stack(tmp_path_factory.mktemp("guarded")) as running:
        yield running


def fetch(stack: LocalStack, source: str) -> tuple[bool, str]:
    """Run a fetcher on the spot: whether it failed, and its result with the end of its log."""
    datasets = [dataset for schedule in CATALOG[source].schedules for dataset in schedule.datasets]
    tick = {"version": 1, "datasets": datasets}
    answer = stack.client("lambda").invoke(
        FunctionName=f"{PREFIX}fetch-{source}", Payload=json.dumps(tick), LogType="Tail"
    )
    log = base64.b64decode(answer.get("LogResult", "")).decode()
    return "FunctionError" in answer, answer["Payload"].read().decode() + log


def test_every_function_works_with_its_own_role(guarded: LocalStack) -> None:
    """Migration (by the deployment), fetchers, ETL, API and administration each do their work with their grants."""
    for source in CATALOG:
        failed, said = fetch(guarded, source)
        assert not failed, said
    with ApiClient(guarded.facts) as client:
        prices = client.wait_for_prices(seconds=60, alive=guarded.check)
    assert all(prices.values())
    new = {"symbol": "DOTUSDT", "source": "binance", "base_currency": "DOT", "quote_currency": "USDT"}
    with AdminClient(guarded, token=machine_token(guarded.facts.aws_endpoint_url)) as admin:
        admin.must(201, "POST", "/symbols", new)
        admin.must(204, "DELETE", "/symbols/DOTUSDT")


def test_keys_work_with_their_own_role(guarded: LocalStack) -> None:
    """Making, listing, renaming, rotating and revoking, usage and what is done once: all of it is granted."""
    sign_in = SignIn(guarded.facts)
    user = User(guarded.facts, sign_in.local(admin=False).access)
    body, headers = {"name": "charts", "plan": "free"}, {"Idempotency-Key": "roles"}
    made = [user.expect(201, "POST", "/keys", json=body, headers=headers) for _ in range(2)]
    assert made[0] == made[1]
    user.expect(200, "PATCH", f"/keys/{made[0]['id']}", json={"name": "phone"})
    user.expect(200, "GET", f"/keys/{made[0]['id']}/usage")
    rotated = user.expect(201, "POST", f"/keys/{made[0]['id']}/rotate")
    user.expect(204, "DELETE", f"/keys/{rotated['id']}")
    assert user.expect(200, "GET", "/keys") == []


def test_the_operators_work_is_done_with_the_roles_that_it_needs(guarded: LocalStack) -> None:
    """Administration, S3, dispatcher, fetcher and ETL: a backfill, a replay and a redrive come to their ends."""
    day = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    start = day - timedelta(days=50)
    asked = {"symbol": "BTCUSDT", "interval": "1m", "start": start.isoformat()}
    sqs, dead = guarded.client("sqs"), guarded.queue_url("payloads-dlq")
    with AdminApi.of(guarded.facts) as operator:
        job = operator.post("/backfills", {**asked, "end": (start + timedelta(hours=1)).isoformat()})
        assert watch(operator, f"/backfills/{job['id']}", io.StringIO())["counts"]["rows"] == 60
        job = operator.post("/backfills", {**asked, "symbol": "USDTRY", "interval": "1d"})
        assert watch(operator, f"/backfills/{job['id']}", io.StringIO())["counts"]["rows"] > 30
        job = operator.post("/replays", {"source": "exchangerate", "start": day.isoformat()})
        assert watch(operator, f"/replays/{job['id']}", io.StringIO())["status"] == "completed"
        sqs.send_message(QueueUrl=dead, MessageBody=ReportMessage(correlation_id="x", report=NOTHING).to_json())
        operator.post("/redrives", {"queue": "payloads-dlq"})
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]

        def gone() -> bool:
            counts = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=names)["Attributes"]
            return not any(int(counts[name]) for name in names)

        wait_for(gone, seconds=60)


def test_the_auditor_works_with_its_own_role(guarded: LocalStack) -> None:
    """It reads and writes the ledger, and S3 takes the command of the repair that it begins."""
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    database = Database(guarded.facts.database_url, application_name="e2e")
    try:
        wait_for(lambda: database.query("SELECT FROM candles WHERE interval = '1m'"), seconds=60)
        assert lose(database, "SOLUSDT", now - timedelta(minutes=150), now - timedelta(minutes=120)) == 30
        for scope in ("deep", "recent"):
            answer = guarded.client("lambda").invoke(
                FunctionName=f"{PREFIX}audit", Payload=json.dumps({"version": 1, "scope": scope})
            )
            assert "FunctionError" not in answer, answer["Payload"].read()
        wait_for(
            lambda: database.query(
                "SELECT FROM job_parts p JOIN jobs j ON j.id = p.job_id"
                " WHERE j.requested_by = 'auditor' AND j.symbol = 'SOLUSDT' AND p.outcome = 'stored'"
            ),
            seconds=120,
        )
    finally:
        database.close()


def test_functions_connect_as_the_least_role(guarded: LocalStack) -> None:
    """What the server says of their sessions: the reader reads, the writer does the rest, and the owner has none."""
    with ApiClient(guarded.facts) as client:
        client.wait_for_prices(seconds=60, alive=guarded.check)
    sessions = (
        "SELECT usename, bool_or(query ILIKE '%from read_prices%'), bool_or(query ILIKE '%insert into%')"
        " FROM pg_stat_activity WHERE application_name = 'marketflow' GROUP BY usename"
    )
    found: dict[str, tuple[bool, bool]] = {}

    def both() -> bool:
        with closing(Database(guarded.facts.database_url, application_name="e2e")) as database:
            found.update({user: (reads, writes) for user, reads, writes in database.query(sessions)})
        return len(found) == 2

    wait_for(both, seconds=60)
    assert found.keys() == {"marketflow_reader", "marketflow_writer"}
    assert found["marketflow_reader"] == (True, False)
    assert not found["marketflow_writer"][0]


def test_a_missing_grant_fails(guarded: LocalStack) -> None:
    """A fetcher whose policies are taken away is refused by AWS, by name of what it may not do."""
    configuration = guarded.client("lambda").get_function_configuration(FunctionName=f"{PREFIX}fetch-binance")
    role = configuration["Role"].rsplit("/", 1)[-1]
    iam = guarded.client("iam")
    for policy in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        iam.delete_role_policy(RoleName=role, PolicyName=policy)
    failed, said = fetch(guarded, "binance")
    assert failed
    assert "AccessDenied" in said
    failed, said = fetch(guarded, "exchangerate")
    assert not failed, said
