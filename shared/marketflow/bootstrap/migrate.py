"""Wires what makes a deployment ready for traffic."""

from __future__ import annotations

from functools import partial

import boto3

from marketflow.bootstrap.process import per_process
from marketflow.config import AwsCredentials, MigrateSettings
from marketflow.messaging.state import SymbolCatalog
from marketflow.persistence.administration import SymbolRegistry
from marketflow.persistence.migrate import upgrade
from marketflow.services.preparation import Preparation
from marketflow.sources.catalog import CATALOG


@per_process
def preparation() -> Preparation:
    """What makes a deployment ready for traffic."""
    settings = MigrateSettings.load()
    return Preparation(
        upgrade=partial(upgrade, settings.database_url, credentials=AwsCredentials.load),
        symbols=SymbolRegistry(settings.database_url, credentials=AwsCredentials.load).transaction,
        publisher=SymbolCatalog(bucket=settings.data_bucket, client=boto3.client("s3")),
        sources=tuple(CATALOG),
    )
