"""Wires the read API. It imports neither boto3 nor SQLAlchemy: they would be most of its cold start."""

from __future__ import annotations

from typing import TYPE_CHECKING

from marketflow.api.app import App, build
from marketflow.bootstrap.process import cursor_key, database_at, per_process, utc_now
from marketflow.config import ApiSettings
from marketflow.domain.reading import SourceFacts
from marketflow.observability import logger
from marketflow.persistence.reader import Reader
from marketflow.services.market_data import MarketData
from marketflow.sources.catalog import CATALOG

if TYPE_CHECKING:
    from marketflow.persistence.connection import Database
    from marketflow.persistence.gauges import GaugeReader
    from marketflow.services.convert import Converter
    from marketflow.services.coverage import Coverages

CONNECT_SECONDS = 3.0
STATEMENT_SECONDS = 6.0
"""With the grace of a connection they end before the function does, which can then still say 503 and when to ask again.

A function that is cut off answers nothing: the gateway says 502, and the environment is lost with its connection.
"""


@per_process
def read_api() -> App:
    """The read API. It imports neither boto3 nor SQLAlchemy: they would be most of its cold start."""
    settings = ApiSettings.load()
    sources = [
        SourceFacts(
            source=spec.name,
            title=spec.title,
            asset_type=spec.asset_type,
            freshness_target_seconds=spec.freshness_target_seconds,
            attribution=spec.attribution,
            terms_url=spec.terms_url,
        )
        for spec in CATALOG.values()
    ]
    database = database_at(
        settings.database_url,
        connect_deadline_seconds=CONNECT_SECONDS,
        statement_timeout_seconds=STATEMENT_SECONDS,
    )
    reader = Reader(database)
    return build(
        market_data=MarketData(reader=reader, clock=utc_now, sources=sources),
        converter=lambda: _converter(reader),
        coverages=lambda: _coverages(database),
        gauges=lambda: _gauges(database),
        cursor_key=cursor_key(settings.database_url),
        log=logger,
        cors_origins=settings.cors_origins,
        plans=settings.plans,
    )


def _converter(reader: Reader) -> Converter:
    from marketflow.services.convert import Converter  # noqa: PLC0415 - few requests need it

    return Converter(reader=reader, clock=utc_now)


def _coverages(database: Database) -> Coverages:
    from marketflow.bootstrap.coverage import coverages_in  # noqa: PLC0415 - the same

    return coverages_in(database)


def _gauges(database: Database) -> GaugeReader:
    from marketflow.persistence.gauges import GaugeReader  # noqa: PLC0415 - the same

    return GaugeReader(
        database,
        clock=utc_now,
        freshness_seconds={spec.name: spec.freshness_target_seconds for spec in CATALOG.values()},
        session_sources={spec.name for spec in CATALOG.values() if spec.calendar == "sessions"},
    )
