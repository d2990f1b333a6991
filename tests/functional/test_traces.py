"""A trace goes from the schedule to the row: handed on to SQS, and found again by what it was about."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from marketflow.domain.loading import LoadResult
from marketflow.messaging.publisher import Publisher
from marketflow.observability import metrics
from marketflow.observability.loads import note_load
from marketflow.services.loading import Loaded
from tests.cloud import Cloud

pytestmark = pytest.mark.functional

ROOT, PARENT = "1-5759e988-bd862e3fe1be46a994272793", "53995c3f42cd8ad8"


@pytest.fixture
def daemon(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """An X-Ray daemon, as Lambda has one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.settimeout(5)
        monkeypatch.setenv("AWS_XRAY_DAEMON_ADDRESS", f"127.0.0.1:{listening.getsockname()[1]}")
        yield listening
    metrics.clear_metrics()


def loaded() -> None:
    """One answer became rows."""
    note_load(Loaded(correlation_id="tick-1", source="binance", raw_key="raw/source=binance/1", result=LoadResult()))


def test_what_is_sent_to_sqs_carries_the_trace(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQS makes the message's AWSTraceHeader of this header, and Lambda links the consumer's trace to it.

    https://docs.aws.amazon.com/xray/latest/devguide/xray-services-sqs.html
    """
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "marketflow-test-fetch-binance")
    monkeypatch.setenv("_X_AMZN_TRACE_ID", f"Root={ROOT};Parent={PARENT};Sampled=1")
    sent: list[Any] = []
    cloud.sqs.meta.events.register("before-send.sqs", lambda request, **_: sent.append(request.headers))
    Publisher(queue_url=cloud.queue_url, client=cloud.sqs).send(["a", "b"])
    (headers,) = sent
    assert f"Root={ROOT};Parent={PARENT};Sampled=1" in str(headers["X-Amzn-Trace-Id"])


def test_a_load_is_found_by_its_correlation_id(daemon: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a subsegment of the invocation, in the daemon's own format, without the X-Ray SDK."""
    monkeypatch.setenv("_X_AMZN_TRACE_ID", f"Root={ROOT};Parent={PARENT};Sampled=1;Lineage=25:a87bd80c:0")
    loaded()
    header, _, body = daemon.recv(65_536).partition(b"\n")
    assert json.loads(header) == {"format": "json", "version": 1}
    segment = json.loads(body)
    assert (segment["trace_id"], segment["parent_id"], segment["type"]) == (ROOT, PARENT, "subsegment")
    assert len(segment["id"]) == 16
    assert segment["annotations"] == {
        "correlation_id": "tick-1",
        "source": "binance",
        "raw_key": "raw/source=binance/1",
    }


@pytest.mark.parametrize("header", ["", f"Root={ROOT};Parent={PARENT};Sampled=0", f"Root={ROOT};Sampled=1", "?"])
def test_a_trace_that_is_not_recorded_is_not_noted(
    daemon: socket.socket, monkeypatch: pytest.MonkeyPatch, header: str
) -> None:
    """Nothing is sent, and nothing fails: a row matters more than its trace."""
    monkeypatch.setenv("_X_AMZN_TRACE_ID", header)
    loaded()
    daemon.settimeout(0.05)
    with pytest.raises(TimeoutError):
        daemon.recv(1)
