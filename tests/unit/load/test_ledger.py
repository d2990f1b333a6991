"""The account of every archived answer: a planted loss is seen, and nothing else counts as one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from local.load.backpressure import account_faults, curve_faults
from local.load.drills import split
from local.load.figures import Sample
from local.load.ledger import Account, dead_keys, oldest_missing_seconds
from local.load.queues import Look
from marketflow.domain.fetching import FetchRequest, RawResponse
from marketflow.domain.jobs import Claim, Part
from marketflow.messaging.archive import raw_key
from marketflow.messaging.envelope import Codec

pytestmark = pytest.mark.unit

NOW = datetime(2026, 11, 25, 18, 30, tzinfo=UTC)
REQUEST = FetchRequest(source="binance", dataset="klines_1m", symbols=("BTCUSDT",), path="/api/v3/klines")
RESPONSE = RawResponse(status=200, headers={}, received_at=NOW, body=b"[]")


def account(**places: str) -> Account:
    """An account with a key for each letter."""
    return Account(**{place: frozenset(letters) for place, letters in places.items()})


def test_an_answer_that_is_nowhere_is_missing() -> None:
    """What is in the tables, in the quarantine or among the dead letters is accounted for; d is lost."""
    found = account(archived="abcd", loaded="a", quarantined="b", dead="c")
    assert found.missing == {"d"}
    assert account_faults(found) == ["1 archived answers are nowhere", "1 answers are among the dead letters"]


def test_rows_of_an_answer_that_was_never_archived_are_a_fault() -> None:
    """The archive comes first: rows that it cannot bring back are as bad as lost ones."""
    found = account(archived="a", loaded="ab")
    assert found.invented == {"b"}
    assert account_faults(found) == ["1 answers are in the tables and not archived"]
    assert account_faults(account(archived="ab", loaded="ab")) == []


def test_dead_letters_name_their_answers() -> None:
    """An answer and a claim name the object that they are about; what is no message names none."""
    codec, key = Codec(), raw_key(REQUEST, RESPONSE)
    payload = codec.payload(REQUEST, RESPONSE, raw_key=key, correlation_id="test")
    part = Part(job="job", number=1, subject="other")
    claim = codec.claim(Claim(raw_key="other", part=part), correlation_id="test")
    assert dead_keys([payload, claim, "{not a message"]) == {key, "other"}


def test_the_oldest_missing_answer_gives_the_age() -> None:
    """Of two that are not loaded the older one counts; without any the queue has no age."""
    now = datetime.now(UTC)
    kept = {"old": now - timedelta(seconds=90), "new": now, "loaded": now - timedelta(hours=1)}
    assert oldest_missing_seconds(kept, frozenset({"loaded"})) == pytest.approx(90, abs=5)
    assert oldest_missing_seconds(kept, frozenset(kept)) == 0


def test_a_curve_tells_what_must_not_be() -> None:
    """Dead letters, a queue that never grew older, and more at work than the queue's mapping allows."""
    good = [Look(at=0.0, waiting=0, hidden=0, dead=0, oldest=0.0, etl=2), Look(at=3.0, dead=0, oldest=9.0, etl=2)]
    assert curve_faults(good, limit=2) == []
    assert len(curve_faults([Look(at=0.0, dead=1, oldest=0.0, etl=3)], limit=2)) == 3


def test_bad_answers_are_of_the_outage_only_when_they_overlap_it() -> None:
    """A request that was on its way when something was killed belongs to the outage; one that came later does not."""
    before = Sample(1.0, 1.1, 503, expected=False)
    caught = Sample(9.8, 10.1, 502, expected=False)
    during = Sample(11.0, 11.1, 0, expected=False)
    fine = Sample(12.0, 12.1, 200, expected=True)
    after = Sample(21.0, 21.1, 500, expected=False)
    inside, outside = split([before, caught, during, fine, after], start=10.0, end=20.0)
    assert (inside, outside) == ([caught, during], [before, after])
