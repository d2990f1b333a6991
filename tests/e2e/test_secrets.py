"""No secret leaves the places that must hold it: after a full run, every log, store and answer is searched for each."""

from __future__ import annotations

import base64
import gzip
import json
import secrets
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from botocore.exceptions import ClientError

from local.admin_api import AdminApi, machine_token
from local.sign_in import PASSWORD, SignIn
from local.simulator.exchangerate import FREE_KEY
from local.smoke_user import User
from local.stack import PREFIX, LocalStack, outputs
from marketflow.domain.access import METRICS_SCOPE
from marketflow.persistence.connection import Database
from tests.e2e.conftest import wait_for

pytestmark = pytest.mark.e2e

PRIVATE = ("cdk.out", "local.json", "api-key")
"""What the run keeps in its folder with the operator's key in it, by design: none of it is a log."""


class Run:
    """The secrets that were used, by what each is, and what was answered on the way."""

    def __init__(self) -> None:
        self.secrets: dict[str, str] = {}
        self.answers: list[str] = []

    def keep(self, answer: httpx.Response) -> httpx.Response:
        """Remember an answer that must show no secret, headers included."""
        self.answers.append(f"{answer.headers}\n{answer.text}")
        return answer


def spellings(secret: str) -> set[str]:
    """The secret as it is, in a URL, in JSON, and in base64 wherever in a longer text it begins."""
    found = {secret, quote(secret, safe=""), json.dumps(secret)[1:-1]}
    for before in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            # The characters at both ends hold bits of the neighbours.
            found.add(encode(b"\0" * before + secret.encode()).decode()[4:-4])
    return found


def fetch(stack: LocalStack, source: str) -> dict[str, Any]:
    """The report of a fetcher that is run on the spot."""
    tick = json.dumps({"version": 1, "datasets": ["latest"]})
    answer = stack.client("lambda").invoke(FunctionName=f"{PREFIX}fetch-{source}", Payload=tick)
    report: dict[str, Any] = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, report
    return report


@pytest.fixture(scope="module")
def run(stack: LocalStack) -> Run:
    """A full run: people and machines sign in, keys are made, used, rotated and revoked."""
    done = Run()
    sign_in = SignIn(stack.facts)
    email = f"{secrets.token_hex(6)}@example.com"
    sign_in.sign_up(email)
    tokens = sign_in.tokens(email)
    user, name = User(stack.facts, tokens.access), {"Idempotency-Key": secrets.token_hex(8)}
    made = user.expect(201, "POST", "/keys", json={"name": "charts", "plan": "free"}, headers=name)
    again = user.expect(201, "POST", "/keys", json={"name": "charts", "plan": "free"}, headers=name)
    assert made == again
    wait_for(lambda: user.ask(made["value"]).status_code == 200, seconds=15)
    done.keep(user.ask(made["value"], "/prices/NOSUCHSYMBOL"))
    done.keep(user.ask(made["value"], "/prices?symbol=x"))
    done.keep(user.manage("GET", "/keys"))
    rotated = user.expect(201, "POST", f"/keys/{made['id']}/rotate")
    wait_for(lambda: done.keep(user.ask(made["value"])).status_code == 403, seconds=15)
    user.expect(204, "DELETE", f"/keys/{rotated['id']}")
    wrong_key, wrong_token = secrets.token_hex(32), secrets.token_urlsafe(200)
    assert done.keep(user.ask(wrong_key)).status_code == 403
    assert done.keep(User(stack.facts, wrong_token).manage("GET", "/keys")).status_code == 401
    machine = machine_token(stack.facts.aws_endpoint_url)
    scraper = machine_token(stack.facts.aws_endpoint_url, scope=METRICS_SCOPE, client="ScraperClientId")
    assert User(stack.facts, scraper).manage("GET", "/metrics").status_code == 200
    assert done.keep(User(stack.facts, scraper).manage("GET", "/keys")).status_code == 401
    with AdminApi.of(stack.facts) as operator:
        done.keep(operator.send("GET", "/backfills"))
        done.keep(operator.send("POST", "/backfills", {"symbol": "BTCUSDT"}))
    done.secrets = {
        "the operator's API key": stack.facts.api_key,
        "the source's API key": FREE_KEY,
        "a made API key": made["value"],
        "a rotated API key": rotated["value"],
        "a wrong API key": wrong_key,
        "a wrong token": wrong_token,
        "a person's access token": tokens.access,
        "a person's ID token": tokens.id,
        "a machine's access token": machine,
        "the scraper's access token": scraper,
        "the machine's client secret": client_secret(stack, "MachineClientId"),
        "the scraper's client secret": client_secret(stack, "ScraperClientId"),
        "a person's password": PASSWORD,
    }
    return done


def client_secret(stack: LocalStack, client: str) -> str:
    """What a client of the user pool signs in with."""
    told = outputs(stack.facts.aws_endpoint_url, "identity")
    described = stack.client("cognito-idp").describe_user_pool_client(
        UserPoolId=told["UserPoolId"], ClientId=told[client]
    )
    return str(described["UserPoolClient"]["ClientSecret"])


def assert_clean(run: Run, texts: Iterator[tuple[str, str]]) -> None:
    """None of the texts, each with the place where it was found, holds a secret; there are some."""
    wanted = [(what, spelling) for what, secret in run.secrets.items() for spelling in spellings(secret)]
    number, found = 0, set()
    for place, text in texts:
        number += 1
        found |= {f"{what} in {place}" for what, spelling in wanted if spelling in text}
    assert number
    assert not found


@pytest.mark.parametrize("before", ["", "x", "xy", "user:"])
def test_the_search_finds_a_secret_in_each_spelling(before: str) -> None:
    """As it is, in a URL, and in base64 behind whatever; else the tests below would find nothing."""
    run = Run()
    run.secrets = {"a key": "mf+free/0123456789abcdef"}
    for text in (
        f"GET /?key={quote(run.secrets['a key'], safe='')}",
        f"x-api-key: {run.secrets['a key']}",
        base64.b64encode(f"{before}{run.secrets['a key']}".encode()).decode(),
    ):
        with pytest.raises(AssertionError, match="a key in a log"):
            assert_clean(run, iter([("a log", f"before {text} behind")]))
    assert_clean(run, iter([("a log", "mf+free/0123456789abcde")]))


def test_the_source_was_asked_with_its_key(stack: LocalStack, run: Run) -> None:
    """The vendor refuses a key that is none with 403: what is searched for below was really sent."""
    assert run.secrets["the source's API key"] == FREE_KEY
    stack.client("s3").delete_object(Bucket=stack.data_bucket(), Key="state/exchangerate.json")
    report = fetch(stack, "exchangerate")
    assert report["succeeded"] == report["requests"] == 1
    keys = stack.client("s3").list_objects_v2(Bucket=stack.data_bucket(), Prefix="raw/source=exchangerate/")["Contents"]
    newest = max(keys, key=lambda one: one["LastModified"])["Key"]
    archived = stack.client("s3").get_object(Bucket=stack.data_bucket(), Key=newest)["Body"].read()
    assert b'"conversion_rates"' in gzip.decompress(archived), "only the keyed endpoint names them so"


def test_no_file_of_the_run_holds_a_secret(stack: LocalStack, run: Run) -> None:
    """What the emulator, the CDK, the simulator and the functions wrote on this machine."""
    files = (path for path in (stack.home / "logs").rglob("*") if path.is_file())
    assert_clean(run, ((path.name, path.read_text(errors="replace")) for path in files))


def test_no_log_group_holds_a_secret(stack: LocalStack, run: Run) -> None:
    """Every group in CloudWatch, the gateway's own among them."""
    logs = stack.client("logs")
    groups = [
        one["logGroupName"]
        for page in logs.get_paginator("describe_log_groups").paginate()
        for one in page["logGroups"]
    ]

    def events() -> Iterator[tuple[str, str]]:
        for group in groups:
            for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group):
                yield group, "\n".join(event["message"] for event in page["events"])

    assert len(groups) > 10
    assert_clean(run, events())


def test_no_object_holds_a_secret(stack: LocalStack, run: Run) -> None:
    """The archive with requests and answers, commands, catalogues and states."""
    s3, bucket = stack.client("s3"), stack.data_bucket()
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    keys = [one["Key"] for page in pages for one in page.get("Contents", [])]

    def objects() -> Iterator[tuple[str, str]]:
        for key in keys:
            body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
            with suppress(gzip.BadGzipFile):
                body = gzip.decompress(body)
            yield key, f"{key}\n{body.decode(errors='replace')}"

    assert_clean(run, objects())


def test_no_message_holds_a_secret(stack: LocalStack, run: Run) -> None:
    """What was given up, and what waits: a message has a request in it."""
    sqs = stack.client("sqs")
    urls = sqs.list_queues(QueueNamePrefix=PREFIX)["QueueUrls"]
    dead = [url for url in urls if url.endswith("-dlq")]
    assert dead
    sqs.send_message(QueueUrl=dead[0], MessageBody=f"so that there is one, {datetime.now(UTC)}")

    def messages() -> Iterator[tuple[str, str]]:
        for url in dead:
            answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0)
            for message in answer.get("Messages", []):
                yield url, json.dumps(message)

    assert_clean(run, messages())
    sqs.purge_queue(QueueUrl=dead[0])


def test_no_answer_holds_a_secret(run: Run) -> None:
    """Problems of the gateway and of the functions, and lists of keys: what was sent is not sent back."""
    assert len(run.answers) > 5
    assert_clean(run, (("an answer", answer) for answer in run.answers))


def test_no_table_holds_a_secret(stack: LocalStack, run: Run) -> None:
    """Neither the database nor what is remembered for an Idempotency-Key, whose first answer showed a key."""
    (once,) = stack.client("dynamodb").list_tables()["TableNames"]
    items = [
        item
        for page in stack.client("dynamodb").get_paginator("scan").paginate(TableName=once)
        for item in page["Items"]
    ]
    assert any("charts" in json.dumps(item) for item in items), "the key that was made is remembered, without its value"
    database = Database(stack.facts.database_url, application_name="e2e")
    try:
        tables = database.query("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
        rows = {
            name: database.query(f'SELECT string_agg(t::text, chr(10)) FROM "{name}" t')  # noqa: S608 - the database's own names
            for (name,) in tables
        }
    finally:
        database.close()
    texts = [(name, found[0][0] or "") for name, found in rows.items()]
    assert len(texts) > 5
    assert_clean(run, iter([*texts, *((once, json.dumps(item)) for item in items)]))


def test_no_function_is_told_a_secret(stack: LocalStack, run: Run) -> None:
    """Environment variables name the secret of a source; its value is fetched by the role that may."""
    pages = stack.client("lambda").get_paginator("list_functions").paginate()
    variables = [(one["FunctionName"], json.dumps(one["Environment"])) for page in pages for one in page["Functions"]]
    assert any(f"{PREFIX}exchangerate" in text for _, text in variables)
    assert_clean(run, iter(variables))


def test_the_secret_is_where_it_belongs(stack: LocalStack) -> None:
    """In Secrets Manager, and nowhere else; without it the search above would have nothing to find."""
    kept = stack.client("secretsmanager").get_secret_value(SecretId=f"{PREFIX}exchangerate")
    assert kept["SecretString"] == FREE_KEY
    with pytest.raises(ClientError):
        stack.client("secretsmanager").get_secret_value(SecretId=f"{PREFIX}binance")
