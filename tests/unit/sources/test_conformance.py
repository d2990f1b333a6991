"""What every source of the catalogue has to do, whatever its vendor. A new source is covered by its fixture alone."""

from __future__ import annotations

import ast
import sys
from datetime import UTC, timedelta
from pathlib import Path

import pytest

from marketflow.domain.fetching import FetchRequest, FetchTask
from marketflow.errors import (
    ConfigurationError,
    MalformedPayloadError,
    RefusedError,
    RetryLaterError,
)
from marketflow.sources import catalog
from marketflow.sources.catalog import CATALOG
from marketflow.sources.factory import SOURCES, create
from tests.unit.sources.support import DATASETS, Sample, sample

pytestmark = pytest.mark.unit

PAGE = b"<!doctype html><html><body>Will be right back</body></html>"
SECRET = "k3y-that-nobody-may-see"


@pytest.fixture(params=DATASETS, ids=["-".join(pair) for pair in DATASETS])
def case(request: pytest.FixtureRequest) -> Sample:
    """One scheduled dataset."""
    return sample(*request.param)


def test_the_catalogue_and_the_factory_name_the_same_sources() -> None:
    """Every catalogue row has a class and every class a row, under the same name."""
    assert set(SOURCES) == set(CATALOG)
    assert all(create(name).spec is spec and spec.name == name for name, spec in CATALOG.items())


def test_an_unknown_source_is_a_configuration_error_that_names_the_known_ones() -> None:
    """A misspelt SOURCE says which names there are."""
    with pytest.raises(ConfigurationError, match="binance, yahoo, exchangerate, ecb"):
        create("bianance")


def test_the_catalogue_imports_the_standard_library_only() -> None:
    """CDK reads the catalogue, so importing it must not pull in a package that its environment may lack."""
    tree = ast.parse(Path(catalog.__file__).read_text(encoding="utf-8"))
    modules = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    modules |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert {str(module).partition(".")[0] for module in modules} <= sys.stdlib_module_names


def test_schedules_are_named_apart_and_hosts_are_https() -> None:
    """Names become resources of the stack; data comes over TLS."""
    for spec in CATALOG.values():
        names = [schedule.name for schedule in spec.schedules]
        assert len(names) == len(set(names))
        assert all(url.startswith("https://") for url in spec.base_urls + spec.keyed_base_urls)


def test_requests_are_pure_and_serialisable(case: Sample) -> None:
    """The same question gives the same requests, and each survives JSON, since queues and archives carry them."""
    once, again = (
        case.source.build_requests(case.task, case.symbols, now=case.now, since=case.now - timedelta(hours=1))
        for _ in range(2)
    )
    assert once == again
    assert [FetchRequest.model_validate_json(request.model_dump_json()) for request in once] == once


def test_requests_cover_exactly_the_symbols_asked_for(case: Sample) -> None:
    """No symbol is left out or added, and a duplicate costs nothing."""
    requests = case.source.build_requests(case.task, case.symbols * 2, now=case.now, since=None)
    assert sorted(symbol for request in requests for symbol in request.symbols) == sorted(case.symbols)
    assert {(request.source, request.dataset) for request in requests} == {(case.source.name, case.task.dataset)}


def test_no_symbols_make_no_request(case: Sample) -> None:
    """An empty catalogue of symbols asks nothing."""
    assert case.source.build_requests(case.task, [], now=case.now, since=None) == []


def test_a_credential_never_reaches_a_request(case: Sample) -> None:
    """Requests are logged, queued and archived, so that a key may stand in headers only."""
    keyed = create(case.source.name, api_key=SECRET)
    requests = keyed.build_requests(case.task, case.symbols, now=case.now, since=None)
    assert all(SECRET not in request.model_dump_json() for request in requests)
    assert all(SECRET not in url for url in keyed.base_urls)


def test_an_unknown_dataset_is_refused(case: Sample) -> None:
    """A task for a dataset that the source does not have is the client's mistake."""
    with pytest.raises(RefusedError) as refusal:
        case.source.build_requests(FetchTask(dataset="no_such"), case.symbols, now=case.now, since=None)
    assert refusal.value.code == "unknown_dataset"


def test_the_fixture_is_an_answer_and_gives_its_rows(case: Sample) -> None:
    """A good answer passes the check, nothing in it is rejected, and every row belongs to a symbol asked for."""
    case.source.check(case.request, case.response())
    payload = case.source.parse(case.request, case.response())
    assert payload.rejects == ()
    rows = payload.candles or payload.prices
    assert len(rows) == case.rows
    assert {row.source_symbol for row in rows} <= set(case.request.symbols)
    assert {price.source_symbol for price in payload.prices} <= set(case.request.symbols)


def test_parsing_is_pure(case: Sample) -> None:
    """Replaying an answer gives the same rows, whenever it is replayed."""
    assert case.source.parse(case.request, case.response()) == case.source.parse(case.request, case.response())


def test_times_are_utc(case: Sample) -> None:
    """Every time that leaves an adapter is UTC."""
    payload = case.source.parse(case.request, case.response())
    moments = [candle.open_time for candle in payload.candles] + [price.as_of for price in payload.prices]
    assert moments
    assert {moment.tzinfo for moment in moments} == {UTC}


def test_a_forming_candle_is_not_final(case: Sample) -> None:
    """Exactly the candles whose time has not run out by the source's clock are not final."""
    payload = case.source.parse(case.request, case.response())
    assert {candle.open_time for candle in payload.candles if not candle.final} == case.forming


@pytest.mark.parametrize("content_type", ["text/html", "text/plain", "application/json"])
def test_a_page_with_status_200_is_an_outage(case: Sample, content_type: str) -> None:
    """A page for people is a failed fetch, never 'no data', also when it calls itself JSON."""
    response = case.response(PAGE, content_type=content_type)
    for read in (case.source.check, case.source.parse):
        with pytest.raises(RetryLaterError) as error:
            read(case.request, response)
        assert error.value.not_before is not None
        assert error.value.not_before > case.now


def test_a_text_with_status_200_is_an_outage(case: Sample) -> None:
    """The content type is believed before the body is read: a text is no data, whatever it says."""
    for body in (b"Edge: Too Many Requests", case.response().body):
        with pytest.raises(RetryLaterError):
            case.source.check(case.request, case.response(body, content_type="text/plain"))


def test_429_says_when_to_come_back(case: Sample) -> None:
    """Too many requests: not before the time that the vendor names, and some time later when it names none."""
    with pytest.raises(RetryLaterError) as unnamed:
        case.source.check(case.request, case.response(b"Too Many Requests", status=429, content_type="text/html"))
    assert unnamed.value.not_before is not None
    assert unnamed.value.not_before >= case.now + timedelta(minutes=1)
    with pytest.raises(RetryLaterError) as named:
        case.source.check(case.request, case.response(b"{}", status=429, retry_after="7200"))
    assert named.value.not_before == case.now + timedelta(hours=2)


@pytest.mark.parametrize("status", [302, 500, 502, 503, 504])
def test_server_trouble_is_asked_again(case: Sample, status: int) -> None:
    """Redirects and 5xx are trouble at the source; without a Retry-After the caller's own backoff decides."""
    with pytest.raises(RetryLaterError) as error:
        case.source.check(case.request, case.response(b"", status=status))
    assert error.value.not_before is None


def test_a_cut_body_is_malformed(case: Sample) -> None:
    """Half an answer is no answer, however much of it could be read."""
    body = case.response().body
    with pytest.raises(MalformedPayloadError) as error:
        case.source.parse(case.request, case.response(body[: len(body) // 2]))
    assert error.value.reason == "truncated"


@pytest.mark.parametrize(
    "body", [b"", b"null", b"7", b'"text"', b"[[[", b"[" * 100_000, b'{"a":' * 100_000, b"\xff\xfe"]
)
def test_documents_of_another_shape_are_malformed(case: Sample, body: bytes) -> None:
    """Other JSON, deep nesting and bytes that are no text are refused as a whole."""
    for read in (case.source.check, case.source.parse):
        with pytest.raises(MalformedPayloadError):
            read(case.request, case.response(body))
