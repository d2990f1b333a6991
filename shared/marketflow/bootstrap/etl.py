"""Wires the ETL."""

from __future__ import annotations

from marketflow.bootstrap.process import database_at, per_process
from marketflow.config import EtlSettings
from marketflow.domain.symbol import AssetType
from marketflow.etl.base import Archive
from marketflow.etl.base import Loader as LoaderPort
from marketflow.etl.pipeline import Pipeline
from marketflow.etl.strategies import STRATEGIES
from marketflow.messaging.archive import ArchiveOnDemand
from marketflow.messaging.envelope import decode
from marketflow.persistence.jobs import JobBook
from marketflow.persistence.loader import Loader
from marketflow.services.loading import Loading
from marketflow.sources import factory
from marketflow.sources.catalog import CATALOG


@per_process
def loading() -> Loading:
    """The ETL: messages in, rows out."""
    settings = EtlSettings.load()
    # Well below the function's timeout, so that a batch is given back while the function can still say so.
    database = database_at(settings.database_url, connect_deadline_seconds=5.0)
    loader = Loader(database, max_moves=settings.max_moves)
    archive = ArchiveOnDemand(bucket=settings.data_bucket)
    return Loading(
        decode=decode,
        pipelines=pipelines(archive=archive, loader=loader),
        reports=loader,
        jobs=JobBook(database),
        archive=archive,
    )


def pipelines(*, archive: Archive, loader: LoaderPort) -> dict[str, Pipeline]:
    """The ETL of each source."""
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
