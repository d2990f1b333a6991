"""Wires the API of the operator."""

from __future__ import annotations

import boto3
from botocore.config import Config

from marketflow.api.admin_routes import AdminRoutes
from marketflow.api.app import App
from marketflow.api.backfill_routes import BackfillRoutes
from marketflow.api.cursors import Cursors
from marketflow.bootstrap.keys import once
from marketflow.bootstrap.process import cursor_key, database_at, per_process, utc_now
from marketflow.config import AdminSettings, AwsCredentials
from marketflow.domain.symbol import AssetType
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


@per_process
def admin_api() -> App:
    """The API of the operator: what changes symbols, and what fetches and loads the past."""
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
        book=JobBook(database_at(settings.database_url)),
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
            backfills=backfills, once=remembering, cursors=Cursors(cursor_key(settings.database_url))
        ).table(),
    )
    return App(table, log=logger, cors_origins=settings.cors_origins)
