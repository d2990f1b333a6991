"""Wires what exports old months and drops them."""

from __future__ import annotations

import boto3

from marketflow.bootstrap.process import database_at, per_process, utc_now
from marketflow.config import RetireSettings
from marketflow.history.bucket import HistoryBucket
from marketflow.persistence.months import MonthBook
from marketflow.services.retire import Retirer


@per_process
def retirer() -> Retirer:
    """What exports old months and drops them."""
    settings = RetireSettings.load()
    return Retirer(
        months=MonthBook(database_at(settings.database_url)),
        history=HistoryBucket(bucket=settings.data_bucket, client=boto3.client("s3")),
        history_months=settings.history_months,
        clock=utc_now,
    )
