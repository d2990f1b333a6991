"""The Prometheus text format, and the page that tells of the numbers."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from marketflow.api.metrics_routes import exposition
from marketflow.domain.gauges import FAMILIES, PREFIX, Sample
from marketflow.errors import DatabaseUnavailableError
from tests.unit.api.market import Client, FakeReader

pytestmark = pytest.mark.unit

PAGE = Path(__file__).resolve().parents[3] / "docs" / "prometheus.md"


def test_samples_are_written_in_the_order_of_the_families() -> None:
    """Whatever order they come in, two scrapes of the same state are the same bytes; no family is without a value."""
    samples = [
        Sample("symbols", ("yahoo", "active"), 12.0),
        Sample("symbols", ("binance", "active"), 24.0),
        Sample("schema_current", (), 1.0),
    ]
    assert exposition(samples) == exposition(reversed(samples))
    assert exposition(samples).splitlines() == [
        "# HELP marketflow_schema_current 1 while the database has the schema that this API needs, else 0.",
        "# TYPE marketflow_schema_current gauge",
        "marketflow_schema_current 1.0",
        "# HELP marketflow_symbols Symbols of a source: fetched (active) and kept without (inactive).",
        "# TYPE marketflow_symbols gauge",
        'marketflow_symbols{source="binance",state="active"} 24.0',
        'marketflow_symbols{source="yahoo",state="active"} 12.0',
    ]


def test_any_label_comes_through() -> None:
    """Quotes, backslashes and line breaks are escaped."""
    name = 'a "b"\\c\nd'
    (family,) = text_string_to_metric_families(exposition([Sample("source_stale", (name,), 1)]))
    assert family.samples[0].labels == {"source": name}


def test_a_sample_of_no_family_is_a_fault() -> None:
    """It would have no description."""
    with pytest.raises(KeyError):
        exposition([Sample("nonsense", (), 1)])


def test_a_scrape_fails_with_the_database() -> None:
    """A monitoring system has to see that, and not the numbers of a moment ago."""
    client = Client(FakeReader(failure=DatabaseUnavailableError("gone")))
    assert client.get("/v1/metrics").status == 503


def test_the_answer_is_not_cached() -> None:
    """A number is true at its moment."""
    answer = Client(FakeReader()).get("/v1/metrics")
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")


def test_the_page_has_every_number() -> None:
    """Name, labels and what it says, as the code has them."""
    rows = re.findall(r"^\| `(\S+?)` \| (.*?) \| (.*?) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    told = [(name, tuple(re.findall(r"`(\w+)`", labels)), says) for name, labels, says in rows]
    assert told == [(PREFIX + family.name, family.labels, family.help) for family in FAMILIES]
