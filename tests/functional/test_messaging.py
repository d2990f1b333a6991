"""What S3 and SQS really do with our objects and messages."""

from __future__ import annotations

import pytest

from marketflow.domain.fetching import FetchRequest
from marketflow.domain.state import SourceState
from marketflow.errors import ConfigurationError, RetryLaterError
from marketflow.messaging.archive import RawArchive
from marketflow.messaging.publisher import MAX_BATCH_BYTES, Publisher, batches
from marketflow.messaging.state import SourceStates, SymbolCatalog
from tests.cloud import Cloud
from tests.fakes import response, symbol

pytestmark = pytest.mark.functional

REQUEST = FetchRequest(source="binance", dataset="klines_1m", symbols=("BTCUSDT",), path="/k")


def test_an_archived_answer_comes_back(cloud: Cloud) -> None:
    """The archive gives back request, answer and body; failed answers lie apart from data."""
    archive = RawArchive(bucket=cloud.bucket, client=cloud.s3)
    key = archive.put(REQUEST, response(b"body"))
    failed = archive.put(REQUEST, response(b"sorry", status=503), failed=True)
    assert archive.get(key) == (REQUEST, response(b"body"))
    assert cloud.keys() == sorted([key, failed])
    assert failed.startswith("errors/")


def test_the_symbols_of_a_source_are_published_and_read(cloud: Cloud) -> None:
    """Fetchers read exactly the symbols that were last published."""
    book = SymbolCatalog(bucket=cloud.bucket, client=cloud.s3)
    book.write("binance", [symbol("A"), symbol("B")])
    book.write("binance", [symbol("B")])
    assert book.read("binance") == (symbol("B"),)


def test_missing_symbols_name_the_object_and_the_remedy(cloud: Cloud) -> None:
    """Before the first migration a fetcher says which object is missing and who writes it."""
    with pytest.raises(ConfigurationError, match=r"catalog/binance\.json.*deploy again"):
        SymbolCatalog(bucket=cloud.bucket, client=cloud.s3).read("binance")


def test_two_runs_that_end_together_lose_neither_change(cloud: Cloud) -> None:
    """A change is applied to what somebody else wrote in the meantime, not over it."""
    states = SourceStates(bucket=cloud.bucket, client=cloud.s3)
    interrupted = False

    def change(state: SourceState) -> SourceState:
        nonlocal interrupted
        if not interrupted:
            interrupted = True
            states.update("binance", lambda other: other.model_copy(update={"reason": "other"}))
        return state.model_copy(update={"strikes": state.strikes + 1})

    states.update("binance", change)
    assert states.read("binance") == SourceState(reason="other", strikes=1)


def test_a_state_that_is_always_contended_is_given_up(cloud: Cloud) -> None:
    """A writer that never gets its turn fails instead of trying for ever."""
    states = SourceStates(bucket=cloud.bucket, client=cloud.s3)

    def change(state: SourceState) -> SourceState:
        cloud.s3.put_object(
            Bucket=cloud.bucket,
            Key="state/binance.json",
            Body=SourceState(strikes=state.strikes + 1).model_dump_json().encode(),
        )
        return state

    with pytest.raises(RetryLaterError, match="5 times in a row"):
        states.update("binance", change)


def test_messages_go_in_as_few_calls_as_sqs_takes(cloud: Cloud) -> None:
    """Every message arrives, however many and however large, and no call carries more than SQS allows."""
    texts = [f"{index:04}" + "x" * 60_000 for index in range(7)] + [f"{index:04}" for index in range(7, 40)]
    assert [text for batch in batches(texts) for text in batch] == texts
    assert all(len(batch) <= 10 and sum(map(len, batch)) <= MAX_BATCH_BYTES for batch in batches(texts))
    Publisher(queue_url=cloud.queue_url, client=cloud.sqs).send(texts)
    assert sorted(cloud.messages()) == sorted(texts)
