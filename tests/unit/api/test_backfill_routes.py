"""The operator's routes for history over HTTP: what is accepted, what is refused, and what is answered."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflow.api.app import App
from marketflow.api.backfill_routes import BackfillRoutes
from marketflow.api.cursors import Cursors
from marketflow.domain.interval import Interval
from marketflow.domain.jobs import Command, History, JobKind, JobPage, JobStatus, NewJob
from marketflow.services.backfills import Backfills, SourcePast
from tests.documented import check
from tests.unit.api.market import KEY, NOON, Answer, FakeLog, event, follow

pytestmark = pytest.mark.unit

BODY = {"symbol": "BTCUSDT", "interval": "1m", "start": "2026-01-01"}


def shown(job: NewJob) -> dict[str, Any]:
    """A job as the database writes it."""
    names = ("received", "stored", "empty", "failed", "rows", "quarantined")
    return {
        "id": job.id,
        "status": "queued",
        "source": job.source,
        "symbol": job.symbol,
        "interval": job.interval,
        "requested_by": job.requested_by,
        "start": f"{job.start:%Y-%m-%dT%H:%M:%SZ}",
        "end": f"{job.end:%Y-%m-%dT%H:%M:%SZ}",
        "counts": {"asked": job.parts, "pending": job.parts, **dict.fromkeys(names, 0)},
        "failures": [],
        "created_at": "2026-03-02T12:00:00Z",
        "started_at": None,
        "updated_at": "2026-03-02T12:00:00Z",
        "finished_at": None,
        "parts_per_second": None,
        "seconds_left": None,
    }


@dataclass
class FakeBook:
    """Keeps jobs in the order in which they come."""

    jobs: dict[str, NewJob] = field(default_factory=dict)
    kept: datetime | None = None

    def create(self, job: NewJob) -> None:
        """Keep it."""
        self.jobs[job.id] = job

    def forget(self, job: str) -> None:
        """Take it out."""
        del self.jobs[job]

    def one(self, kind: JobKind, job: str) -> str | None:
        """As the database writes it."""
        found = self.jobs.get(job)
        return None if found is None or found.kind is not kind else json.dumps(shown(found))

    def page(
        self, kind: JobKind, *, status: JobStatus | None, after: tuple[datetime, str] | None, limit: int
    ) -> JobPage:
        """Those behind `after`, by their ids."""
        wanted = [] if status not in (None, JobStatus.QUEUED) else list(self.jobs.values())
        rest = [job for job in wanted if job.kind is kind and (after is None or job.id > after[1])]
        last = (NOON.isoformat(), rest[limit - 1].id) if len(rest) > limit else None
        return JobPage(body=json.dumps([shown(job) for job in rest[:limit]]), last=last)

    def retired_before(self) -> datetime | None:
        """What the test says."""
        return self.kept

    def source_of(self, symbol: str) -> tuple[str, str] | None:
        """One symbol."""
        return ("binance", "BTCUSDT") if symbol == "BTCUSDT" else None


@dataclass
class FakeCommands:
    """Keeps commands."""

    given: list[Command] = field(default_factory=list)

    def give(self, command: Command) -> None:
        """Keep it."""
        self.given.append(command)


@dataclass
class FakeOnce:
    """Remembers each key's answer, and who asked."""

    known: dict[tuple[str, str, str], str] = field(default_factory=dict)

    def __call__(self, *, operation: str, owner: str, key: str | None, payload: bytes, work: Callable[[], str]) -> str:
        """The first answer to a key."""
        if key is None:
            return work()
        name = (operation, owner, key)
        if name not in self.known:
            self.known[name] = work()
        return self.known[name]


@dataclass
class Client:
    """Calls the routes as API Gateway would, for somebody with the admin scope."""

    book: FakeBook = field(default_factory=FakeBook)
    commands: FakeCommands = field(default_factory=FakeCommands)
    once: FakeOnce = field(default_factory=FakeOnce)

    def __post_init__(self) -> None:
        history = History(dataset="d", page=timedelta(minutes=1000), since=NOON - timedelta(days=3000))
        numbers = iter(range(1000))
        backfills = Backfills(
            book=self.book,
            commands=self.commands,
            sources={"binance": SourcePast(title="Binance", histories={Interval.M1: history})},
            queues=("payloads",),
            clock=lambda: NOON,
            new_id=lambda: f"job{next(numbers):03}",
        )
        routes = BackfillRoutes(backfills=backfills, once=self.once, cursors=Cursors(KEY))
        self.app = App(routes.table(), log=FakeLog())

    def send(self, method: str, path: str, body: object = None, *, key: str | None = None, **query: str) -> Answer:
        """One request."""
        headers = {"Content-Type": "application/json"} | ({"Idempotency-Key": key} if key else {})
        one = event(path, method=method, query={name: [value] for name, value in query.items()}, headers=headers)
        one["body"] = None if body is None else json.dumps(body)
        one["requestContext"]["authorizer"] = {"claims": {"sub": "operator", "scope": "marketflow/admin"}}
        return Answer(self.app(one, None))


def test_a_backfill_is_accepted_and_found() -> None:
    """202 with what was begun; the same by its id, and in the list."""
    client = Client()
    begun = client.send("POST", "/v1/backfills", BODY)
    assert begun.status == 202
    check("/v1/backfills", begun, method="post")
    assert begun.headers["Location"] == f"https://api.example.com/api/v1/backfills/{begun.json['id']}"
    found = client.send("GET", f"/v1/backfills/{begun.json['id']}")
    check("/v1/backfills/{backfill}", found)
    assert found.json == begun.json
    listed = client.send("GET", "/v1/backfills")
    check("/v1/backfills", listed)
    assert listed.json == [begun.json]
    assert [command.id for command in client.commands.given] == [begun.json["id"]]


def test_a_replay_and_a_redrive_are_accepted() -> None:
    """202; a replay is found by its id, and is no backfill."""
    client = Client()
    begun = client.send("POST", "/v1/replays", {"source": "binance", "start": "2026-11-01", "symbol": "BTCUSDT"})
    check("/v1/replays", begun, method="post")
    found = client.send("GET", f"/v1/replays/{begun.json['id']}")
    check("/v1/replays/{replay}", found)
    assert (begun.status, found.json) == (202, begun.json)
    assert client.send("GET", f"/v1/backfills/{begun.json['id']}").status == 404
    redriven = client.send("POST", "/v1/redrives", {"queue": "payloads-dlq"})
    check("/v1/redrives", redriven, method="post")
    assert redriven.status == 202


def test_a_key_makes_it_once() -> None:
    """The same Idempotency-Key gives the same backfill; another operation has keys of its own."""
    client = Client()
    first, again = (client.send("POST", "/v1/backfills", BODY, key="mine") for _ in range(2))
    assert first.json == again.json
    assert client.send("POST", "/v1/redrives", {"queue": "payloads"}, key="mine").status == 202
    assert len(client.book.jobs) == 1
    assert {owner for _, owner, _ in client.once.known} == {"operator"}


@pytest.mark.parametrize(
    ("path", "body", "parameter"),
    [
        ("/v1/backfills", {**BODY, "interval": "2m"}, "interval"),
        ("/v1/backfills", {**BODY, "interval": "1h"}, "interval"),
        ("/v1/backfills", {**BODY, "start": "yesterday"}, "start"),
        ("/v1/backfills", {**BODY, "end": "tomorrow"}, "end"),
        ("/v1/backfills", {**BODY, "end": "2999-01-01"}, "end"),
        ("/v1/backfills", {**BODY, "start": "0001-01-01"}, "start"),
        ("/v1/backfills", {**BODY, "symbol": "a\0b"}, "symbol"),
        ("/v1/backfills", {**BODY, "limit": 3}, "limit"),
        ("/v1/backfills", {"symbol": "BTCUSDT"}, "interval"),
        ("/v1/replays", {"source": "nobody", "start": "2026-01-01"}, "source"),
        ("/v1/replays", {"source": "binance", "start": "2020-01-01"}, "end"),
        ("/v1/redrives", {"queue": "migrate-dlq"}, "queue"),
        ("/v1/redrives", {"queue": ""}, "queue"),
    ],
)
def test_what_is_wrong_is_named(path: str, body: dict[str, object], parameter: str) -> None:
    """400 with the member; nothing was begun."""
    client = Client()
    answer = client.send("POST", path, body)
    check(path, answer, method="post")
    assert (answer.status, answer.json["parameter"]) == (400, parameter)
    assert answer.json["code"] in ("invalid_body", "not_possible")
    assert not client.commands.given


def test_what_is_not_there_is_not_found() -> None:
    """A symbol, a backfill, a replay."""
    client = Client()
    unknown = client.send("POST", "/v1/backfills", {**BODY, "symbol": "NOPE"})
    check("/v1/backfills", unknown, method="post")
    assert (unknown.status, unknown.json["code"]) == (404, "symbol_not_found")
    for path, template in (("/v1/backfills/x", "/v1/backfills/{backfill}"), ("/v1/replays/x", "/v1/replays/{replay}")):
        answer = client.send("GET", path)
        check(template, answer)
        assert answer.status == 404


def test_the_list_comes_in_pages() -> None:
    """The link leads from page to page to the last one; a cursor of another query is refused."""
    client = Client()
    for _ in range(5):
        client.send("POST", "/v1/backfills", BODY)
    seen: list[str] = []
    query: dict[str, str] = {"limit": "2"}
    while True:
        answer = client.send("GET", "/v1/backfills", **query)
        check("/v1/backfills", answer)
        seen += [one["id"] for one in answer.json]
        if "Link" not in answer.headers:
            break
        _, query = follow(answer.headers["Link"])
    assert seen == [f"job{number:03}" for number in range(5)]
    first = client.send("GET", "/v1/backfills", limit="2")
    _, query = follow(first.headers["Link"])
    assert client.send("GET", "/v1/backfills", **{**query, "status": "queued"}).json["code"] == "invalid_cursor"
    assert client.send("GET", "/v1/backfills", status="running").json == []
    assert client.send("GET", "/v1/backfills", status="lost").status == 400


@given(
    path=st.sampled_from(["/v1/backfills", "/v1/replays", "/v1/redrives"]),
    body=st.dictionaries(
        st.sampled_from(["symbol", "interval", "start", "end", "source", "queue", "other"]),
        st.one_of(
            st.none(),
            st.booleans(),
            st.integers(),
            st.text(max_size=50),
            st.lists(st.integers(), max_size=2),
            st.sampled_from(["BTCUSDT", "1m", "1M", "binance", "payloads", "payloads-dlq"]),
            st.datetimes().map(lambda moment: f"{moment.isoformat()}Z"),
            st.dates().map(str),
        ),
    ),
)
def test_no_body_brings_it_down(path: str, body: dict[str, Any]) -> None:
    """Whatever is sent, the answer is one that the document names, and what is refused was not begun."""
    client = Client()
    answer = client.send("POST", path, body)
    check(path, answer, method="post")
    assert answer.status in {202, 400, 404}
    assert bool(client.commands.given) is (answer.status == 202)


def test_events_of_the_gateway_are_answered(canonical: Sequence[tuple[str, dict[str, Any], int]]) -> None:
    """Each canonical event of these routes, as the gateway sends it."""
    for name, one, status in canonical:
        client = Client()
        client.send("POST", "/v1/backfills", BODY)
        client.send("POST", "/v1/replays", {"source": "binance", "start": "2026-11-01"})
        assert Answer(client.app(one, None)).status == status, name


@pytest.fixture
def canonical() -> list[tuple[str, dict[str, Any], int]]:
    """The events by name, and what they are answered with."""
    from tests.handlers import event as load_event  # noqa: PLC0415 - its name is taken here

    names = {
        "history_backfill_create": 202,
        "history_backfill": 200,
        "history_backfills": 200,
        "history_replay_create": 202,
        "history_replay": 200,
        "history_redrive_create": 202,
    }
    return [(name, load_event(name), status) for name, status in names.items()]
