"""The load and the drills themselves, in short: the same code as `make load` and `make drills`, with one kill."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from local.client import ApiClient
from local.load.drills import drill
from local.load.faults import FAULTS
from local.load.figures import summarise
from local.load.mix import asks
from local.load.readers import Reader
from local.load.stand import Feeder, Stand
from local.load.workers import Workers, environment
from local.stack import LocalStack
from local.steps import Steps
from tests.e2e.conftest import retried_after

pytestmark = pytest.mark.e2e

SECONDS = 5.0


@pytest.fixture
def stand(stack: LocalStack, api: ApiClient) -> Stand:
    """The stack of the session as the load sees it, with a price of everything and no more history than it has."""
    api.wait_for_prices(seconds=60, alive=stack.check, each=True)
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    return Stand(stack=stack, steps=Steps(quiet=True), bucket=stack.data_bucket(), end=now, fresh=now)


def test_the_handlers_answer_the_mix_in_process(stand: Stand) -> None:
    """Five seconds of the mix in two processes: every request gets the status that it must get."""
    with Workers("api", count=2, variables=environment(stand.stack, "api")) as workers:
        samples = workers.closed(asks(500, seed=1, end=stand.end), seconds=SECONDS)
    summary = summarise(samples, seconds=SECONDS)
    assert (summary.wrong, summary.server_errors) == (0, 0), summary.statuses
    assert {200, 304, 400, 404} <= summary.statuses.keys()


@pytest.mark.parametrize(("name", "status"), [("PostgreSQL", 503), ("api", 502)])
def test_what_is_killed_under_load_comes_back_and_loses_nothing(stand: Stand, name: str, status: int) -> None:
    """While users read and messages come: a problem document meanwhile, or the gateway's 502, and then all is well."""
    (fault,) = (one for one in FAULTS if one.name == name)
    facts = stand.stack.facts
    reader = Reader(facts.api_url, facts.api_key, asks=asks(200, seed=2, end=stand.end), rate=3.0)
    with retried_after(stand.stack, 5), reader, Feeder(stand, stand.minutes(20), rate=5.0) as feeder:
        outcome = drill(stand, fault, reader)
    assert feeder.fed
    assert outcome.bad.keys() <= {status}, reader.problems
    assert outcome.killed
    assert outcome.good_after is not None
    assert (outcome.lost, outcome.outside) == (0, 0), reader.problems
