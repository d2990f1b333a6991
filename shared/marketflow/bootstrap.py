"""Wires the functions: the one place where settings, clients and services meet.

Each function here builds one Lambda's object graph, once per process. Imports stand inside, because a function must
not pay at cold start for what only another one needs.
"""

from __future__ import annotations

import hashlib
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from typing import TYPE_CHECKING

from marketflow.config import (
    AdminSettings,
    ApiSettings,
    AuditSettings,
    AwsCredentials,
    DispatchSettings,
    EtlSettings,
    FetchSettings,
    IdempotencySettings,
    KeysSettings,
    MigrateSettings,
    RetireSettings,
)
from marketflow.domain.symbol import AssetType

if TYPE_CHECKING:
    from collections.abc import Callable

    from marketflow.api.app import App
    from marketflow.domain.coverage import Supply
    from marketflow.etl.base import Archive, Loader
    from marketflow.etl.pipeline import Pipeline
    from marketflow.persistence.connection import Database
    from marketflow.persistence.gaps import GapLedger
    from marketflow.services.audit import Auditor
    from marketflow.services.coverage import Coverages
    from marketflow.services.dispatch import Dispatcher
    from marketflow.services.fetcher import Fetcher
    from marketflow.services.loading import Loading
    from marketflow.services.once import Once
    from marketflow.services.preparation import Preparation
    from marketflow.services.repairs import CommandGiver
    from marketflow.services.retire import Retirer
    from marketflow.sources.catalog import SourceSpec


_opened = ExitStack()


def utc_now() -> datetime:
    """The system clock, UTC."""
    return datetime.now(UTC)


@cache
def fetcher() -> Fetcher:
    """The fetcher of the source that the settings name."""
    import boto3
    import httpx

    from marketflow.messaging.archive import RawArchive
    from marketflow.messaging.envelope import Codec
    from marketflow.messaging.publisher import Publisher
    from marketflow.messaging.state import SourceStates, SymbolCatalog
    from marketflow.services.fetcher import Fetcher
    from marketflow.services.ingest import Ingest, Manners
    from marketflow.sources import factory

    settings = FetchSettings.load()
    s3, sqs = boto3.client("s3"), boto3.client("sqs")
    source = factory.create(settings.source, base_urls=settings.base_urls, api_key=_secret(settings.secret_id))
    spec = source.spec
    client = httpx.AsyncClient(follow_redirects=True)
    ingest = Ingest(
        source=source,
        fetch=partial(source.fetch, client),
        manners=Manners(
            max_concurrency=spec.max_concurrency,
            min_interval_seconds=spec.min_interval_seconds,
            timeout_seconds=spec.timeout_seconds,
            cadence=timedelta(seconds=spec.schedules[0].every_seconds) if spec.schedules else None,
        ),
        archive=RawArchive(bucket=settings.data_bucket, client=s3),
        codec=Codec(),
        outbox=Publisher(queue_url=settings.payload_queue_url, client=sqs),
        symbols=SymbolCatalog(bucket=settings.data_bucket, client=s3),
        states=SourceStates(bucket=settings.data_bucket, client=s3),
        clock=utc_now,
    )
    fetcher = Fetcher(
        ingest,
        tasks=Publisher(queue_url=settings.task_queue_url, client=sqs),
        tries=settings.task_tries,
        clock=utc_now,
        release=client.aclose,
    )
    _opened.callback(fetcher.close)
    return fetcher


@cache
def loading() -> Loading:
    """The ETL: messages in, rows out."""
    from marketflow.messaging.archive import ArchiveOnDemand
    from marketflow.messaging.envelope import decode
    from marketflow.persistence.jobs import JobBook
    from marketflow.persistence.loader import Loader
    from marketflow.services.loading import Loading

    settings = EtlSettings.load()
    # Well below the function's timeout, so that a batch is given back while the function can still say so.
    database = _database(settings.database_url, connect_deadline_seconds=5.0)
    loader = Loader(database, max_moves=settings.max_moves)
    archive = ArchiveOnDemand(bucket=settings.data_bucket)
    return Loading(
        decode=decode,
        pipelines=pipelines(archive=archive, loader=loader),
        reports=loader,
        jobs=JobBook(database),
        archive=archive,
    )


def pipelines(*, archive: Archive, loader: Loader) -> dict[str, Pipeline]:
    """The ETL of each source."""
    from marketflow.etl.pipeline import Pipeline
    from marketflow.etl.strategies import STRATEGIES
    from marketflow.sources import factory
    from marketflow.sources.catalog import CATALOG

    return {
        name: Pipeline(
            strategy=STRATEGIES[AssetType(spec.asset_type)],
            parser=factory.create(name),
            archive=archive,
            loader=loader,
            owner=spec.supplies,
        )
        for name, spec in CATALOG.items()
    }


@cache
def preparation() -> Preparation:
    """What makes a deployment ready for traffic."""
    import boto3

    from marketflow.messaging.state import SymbolCatalog
    from marketflow.persistence.administration import SymbolRegistry
    from marketflow.persistence.migrate import upgrade
    from marketflow.services.preparation import Preparation
    from marketflow.sources.catalog import CATALOG

    settings = MigrateSettings.load()
    return Preparation(
        upgrade=partial(upgrade, settings.database_url, credentials=AwsCredentials.load),
        symbols=SymbolRegistry(settings.database_url, credentials=AwsCredentials.load).transaction,
        publisher=SymbolCatalog(bucket=settings.data_bucket, client=boto3.client("s3")),
        sources=tuple(CATALOG),
    )


@cache
def dispatcher() -> Dispatcher:
    """What splits jobs into parts and gives them to the queues."""
    import boto3

    from marketflow.messaging.archive import RawArchive
    from marketflow.messaging.commands import Commands
    from marketflow.messaging.envelope import Codec
    from marketflow.messaging.publisher import Publisher
    from marketflow.messaging.redrive import DeadLetters
    from marketflow.services.dispatch import Dispatcher
    from marketflow.sources.factory import SOURCES

    settings = DispatchSettings.load()
    s3, sqs = boto3.client("s3"), boto3.client("sqs")
    urls = settings.queue_urls
    commands = Commands(bucket=settings.data_bucket, client=s3)
    return Dispatcher(
        commands=commands,
        sources=SOURCES,
        archive=RawArchive(bucket=settings.data_bucket, client=s3),
        codec=Codec(),
        queues={name: Publisher(queue_url=url, client=sqs) for name, url in urls.items()},
        dead_letters=DeadLetters(urls=urls, client=sqs),
    )


@cache
def read_api() -> App:
    """The read API. It imports neither boto3 nor SQLAlchemy: they would be most of its cold start."""
    from marketflow.api.app import build
    from marketflow.domain.reading import SourceFacts
    from marketflow.observability import logger
    from marketflow.persistence.reader import Reader
    from marketflow.services.convert import Converter
    from marketflow.services.market_data import MarketData
    from marketflow.sources.catalog import CATALOG

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
    database = _database(settings.database_url)
    reader = Reader(database)
    return build(
        market_data=MarketData(reader=reader, clock=utc_now, sources=sources),
        converter=Converter(reader=reader, clock=utc_now),
        coverages=_coverages(database),
        cursor_key=_cursor_key(settings.database_url),
        log=logger,
        cors_origins=settings.cors_origins,
        plans=settings.plans,
    )


@cache
def auditor() -> Auditor:
    """What keeps the ledger of gaps and begins their repair."""
    import boto3

    from marketflow.messaging.commands import Commands

    settings = AuditSettings.load()
    commands = Commands(bucket=settings.data_bucket, client=boto3.client("s3"))
    return auditor_of(_database(settings.database_url), commands)


def auditor_of(database: Database, commands: CommandGiver, clock: Callable[[], datetime] = utc_now) -> Auditor:
    """An auditor of what is in `database`, at the time that `clock` shows."""
    from marketflow.services.audit import Auditor
    from marketflow.services.repairs import Repairs
    from marketflow.sources.catalog import CATALOG
    from marketflow.sources.factory import SOURCES

    ledger = gap_ledger(database)
    return Auditor(
        coverages=_coverages(database, clock),
        ledger=ledger,
        repairs=Repairs(
            book=ledger,
            commands=commands,
            histories={name: source.histories for name, source in SOURCES.items()},
            suppliers={spec.supplies: spec.name for spec in CATALOG.values() if spec.supplies is not None},
            clock=clock,
        ),
        freshness={spec.name: spec.freshness_target_seconds for spec in CATALOG.values() if spec.series},
        clock=clock,
    )


def gap_ledger(database: Database) -> GapLedger:
    """The ledger of gaps in `database`, of every series of the catalogue."""
    from marketflow.domain.interval import Interval
    from marketflow.persistence.gaps import GapLedger
    from marketflow.sources.catalog import CATALOG

    return GapLedger(
        database,
        intervals={spec.name: [Interval(one.interval) for one in spec.series] for spec in CATALOG.values()},
        rate_sources=[spec.name for spec in CATALOG.values() if spec.calendar == "rates"],
    )


@cache
def retirer() -> Retirer:
    """What exports old months and drops them."""
    import boto3

    from marketflow.history.bucket import HistoryBucket
    from marketflow.persistence.months import MonthBook
    from marketflow.services.retire import Retirer

    settings = RetireSettings.load()
    return Retirer(
        months=MonthBook(_database(settings.database_url)),
        history=HistoryBucket(bucket=settings.data_bucket, client=boto3.client("s3")),
        history_months=settings.history_months,
        clock=utc_now,
    )


def _coverages(database: Database, clock: Callable[[], datetime] = utc_now) -> Coverages:
    from marketflow.persistence.coverage import CoverageRepository
    from marketflow.services.coverage import Coverages
    from marketflow.sources.catalog import CATALOG

    return Coverages(
        reader=CoverageRepository(database),
        clock=clock,
        supplies={spec.name: supply(spec) for spec in CATALOG.values()},
    )


def supply(spec: SourceSpec) -> Supply:
    """What the catalogue and the source itself declare of its candles, in the words of the domain."""
    from marketflow.domain.coverage import Calendar, Reach, Supplement, Supply
    from marketflow.domain.interval import Interval
    from marketflow.sources.catalog import suppliers
    from marketflow.sources.factory import SOURCES

    histories = SOURCES[spec.name].histories

    return Supply(
        calendar=Calendar(spec.calendar),
        flat_candles=spec.flat_candles,
        reach={
            Interval(series.interval): Reach(
                catches_up_seconds=series.catches_up_seconds, history=histories.get(Interval(series.interval))
            )
            for series in spec.series
        },
        supplements=[
            Supplement(
                currencies=frozenset(supplier.currencies),
                since=datetime.fromisoformat(supplier.since or "1900-01-01").replace(tzinfo=UTC),
            )
            for supplier in suppliers(spec.name)
        ],
    )


@cache
def keys_api() -> App:
    """The function of users' own API keys, which live in API Gateway."""
    import boto3

    from marketflow.api.app import App
    from marketflow.api.key_routes import KeyRoutes
    from marketflow.domain.plans import Plan
    from marketflow.gateway.keys import GatewayKeys
    from marketflow.observability import logger
    from marketflow.services.keys import Keys

    settings = KeysSettings.load()
    keys = Keys(
        store=GatewayKeys(client=boto3.client("apigateway"), plan_ids=settings.usage_plan_ids),
        once=once(settings),
        plans={Plan(name): limits for name, limits in settings.plans.items() if name in set(Plan)},
        clock=utc_now,
    )
    return App(KeyRoutes(keys).table(), log=logger, cors_origins=settings.cors_origins)


def once(settings: IdempotencySettings) -> Once:
    """What remembers the work that was done for an Idempotency-Key."""
    import boto3

    from marketflow.idempotency.once import PowertoolsOnce

    return PowertoolsOnce(table=settings.table, client=boto3.client("dynamodb"), seconds=settings.timeout_seconds)


@cache
def admin_api() -> App:
    """The API of the operator: what changes symbols, and what fetches and loads the past."""
    import boto3
    from botocore.config import Config

    from marketflow.api.admin_routes import AdminRoutes
    from marketflow.api.app import App
    from marketflow.api.backfill_routes import BackfillRoutes
    from marketflow.api.cursors import Cursors
    from marketflow.messaging.commands import Commands
    from marketflow.messaging.state import SymbolCatalog
    from marketflow.observability import logger
    from marketflow.persistence.administration import SymbolRegistry
    from marketflow.persistence.jobs import JobBook
    from marketflow.services.administration import Administration
    from marketflow.services.backfills import Backfills, SourcePast
    from marketflow.sources.catalog import CATALOG
    from marketflow.sources.factory import SOURCES
    from marketflow.sources.spelling import SPELLINGS

    settings = AdminSettings.load()
    # The symbols are locked while the catalog is written: S3 answers soon, or the change is given up.
    impatient = Config(connect_timeout=1, read_timeout=3, retries={"total_max_attempts": 2})
    s3 = boto3.client("s3", config=impatient)
    administration = Administration(
        registry=SymbolRegistry(settings.database_url, credentials=AwsCredentials.load),
        catalog=SymbolCatalog(bucket=settings.data_bucket, client=s3),
        sources={name: AssetType(spec.asset_type) for name, spec in CATALOG.items() if spec.supplies is None},
        spellings=SPELLINGS,
    )
    backfills = Backfills(
        book=JobBook(_database(settings.database_url)),
        commands=Commands(bucket=settings.data_bucket, client=s3),
        sources={
            name: SourcePast(
                title=CATALOG[name].title,
                histories=source.histories,
                supplies=CATALOG[name].supplies,
                currencies=frozenset(CATALOG[name].currencies),
            )
            for name, source in SOURCES.items()
        },
        queues=("payloads", *(f"tasks-{name}" for name in CATALOG), "commands"),
        clock=utc_now,
    )
    remembering = once(settings)
    table = (
        *AdminRoutes(administration=administration, once=remembering).table(),
        *BackfillRoutes(
            backfills=backfills, once=remembering, cursors=Cursors(_cursor_key(settings.database_url))
        ).table(),
    )
    return App(table, log=logger, cors_origins=settings.cors_origins)


@cache
def _database(url: str, *, connect_deadline_seconds: float = 10.0) -> Database:
    from marketflow.persistence.connection import Database

    database = Database(url, credentials=AwsCredentials.load, connect_deadline_seconds=connect_deadline_seconds)
    _opened.callback(database.close)
    return database


def close() -> None:
    """Close what was opened and forget what was wired. Lambda never calls it; tests and tools do."""
    _opened.close()
    for wired in (fetcher, loading, preparation, dispatcher, auditor, retirer, read_api, keys_api, admin_api, _database):
        wired.cache_clear()


def _cursor_key(database_url: str) -> bytes:
    # Every process of a deployment has the same address of the database and nobody outside knows it, which is all that
    # the key of a cursor needs: a cursor grants nothing, the key only tells a damaged one from a good one.
    return hashlib.sha256(database_url.encode()).digest()


def _secret(secret_id: str | None) -> str | None:
    """The API key behind `secret_id`; None when the deployment has none, which the source can do without."""
    if secret_id is None:
        return None
    from aws_lambda_powertools.utilities.parameters import get_secret

    value = get_secret(secret_id)
    return (value if isinstance(value, str) else value.decode()).strip() or None
