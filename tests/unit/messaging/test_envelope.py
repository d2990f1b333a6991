"""The rules of the messages on the payload queue."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflow.domain.fetching import FetchReport, FetchRequest
from marketflow.errors import MalformedPayloadError
from marketflow.messaging.archive import pack, raw_key, unpack
from marketflow.messaging.envelope import MAX_MESSAGE_BYTES, Codec, PayloadMessage, ReportMessage, decode
from tests.fakes import NOON, response

pytestmark = pytest.mark.unit

REQUEST = FetchRequest(source="binance", dataset="klines_1m", symbols=("这是BTC",), path="/k", params=(("a", "b"),))


def message(body: bytes) -> PayloadMessage:
    decoded = decode(Codec().payload(REQUEST, response(body), raw_key="raw/x", correlation_id="c"))
    assert isinstance(decoded, PayloadMessage)
    return decoded


@given(st.binary(max_size=2000))
def test_a_message_gives_back_the_body_to_the_byte(body: bytes) -> None:
    """What the fetcher saw is what the ETL sees: request, status, headers, time and every byte of the body."""
    back = message(body)
    assert back.response() == response(body)
    assert (back.request, back.raw_key, back.correlation_id) == (REQUEST, "raw/x", "c")


def test_a_large_body_travels_by_claim_check() -> None:
    """A message never exceeds its limit: a body that does not fit stays in the archive, under the key it names."""
    large = random.Random(1).randbytes(MAX_MESSAGE_BYTES)
    back = message(large)
    assert back.body is None
    assert back.response() is None
    assert back.raw_key == "raw/x"


def test_a_report_comes_back_as_it_was() -> None:
    """The report of a run survives the queue."""
    report = FetchReport(source="binance", started_at=NOON, finished_at=NOON, requests=3, succeeded=2)
    back = decode(Codec().report(report, correlation_id="c"))
    assert isinstance(back, ReportMessage)
    assert back.report == report


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", "null", '{"kind":"payload"}', '{"kind":"other","version":1}', "é" * 50]
)
def test_what_is_not_a_message_is_refused_by_name(text: str) -> None:
    """Anything else on the queue is refused with a typed error, never half-read."""
    with pytest.raises(MalformedPayloadError, match="Not a message of this queue"):
        decode(text)


def test_a_newer_version_is_refused() -> None:
    """A message of a version that this code does not know is not guessed at."""
    text = (
        Codec()
        .payload(REQUEST, response(), raw_key="raw/x", correlation_id="c")
        .replace('"version":1', '"version":2', 1)
    )
    with pytest.raises(MalformedPayloadError):
        decode(text)


def test_a_body_that_is_not_gzip_is_refused() -> None:
    """A corrupted body is a malformed payload, not a crash."""
    with pytest.raises(MalformedPayloadError) as caught:
        message(b"x").model_copy(update={"body": b"not gzip"}).response()
    assert caught.value.reason == "bad_gzip"


@given(st.binary(max_size=2000))
def test_the_archive_keeps_request_and_answer_together(body: bytes) -> None:
    """One object of the archive is enough to parse an answer again: what was asked, what came back, byte for byte."""
    assert unpack(pack(REQUEST, response(body)), key="k") == (REQUEST, response(body))


@pytest.mark.parametrize("stored", [b"", b"plain", b"\x1f\x8b\x08broken", pack(REQUEST, response())[:-9]])
def test_a_damaged_archive_object_is_named(stored: bytes) -> None:
    """An object that cannot be read is refused with its key."""
    with pytest.raises(MalformedPayloadError, match="raw/damaged"):
        unpack(stored, key="raw/damaged")


def test_an_archive_key_tells_source_day_and_symbol() -> None:
    """A source, a day or one symbol of the archive is a prefix or filter of the key, in plain characters."""
    one = raw_key(REQUEST.model_copy(update={"symbols": ("^GSPC",)}), response())
    assert one.startswith("raw/source=binance/date=2026-11-23/symbol=^GSPC/klines_1m-20261123T120000000Z-")
    many = raw_key(REQUEST.model_copy(update={"symbols": ("A", "B")}), response(), prefix="errors")
    assert many.startswith("errors/source=binance/date=2026-11-23/symbol=_all/")


def test_archiving_the_same_answer_twice_keeps_one_key() -> None:
    """A key is a function of the answer, so that a retry does not leave a second copy."""
    assert raw_key(REQUEST, response()) == raw_key(REQUEST, response())
    assert raw_key(REQUEST, response(b"a")) != raw_key(REQUEST, response(b"b"))
