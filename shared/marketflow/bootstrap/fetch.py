"""Wires the fetchers."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import boto3
import httpx

from marketflow.bootstrap.process import opened, per_process, utc_now
from marketflow.config import FetchSettings
from marketflow.messaging.archive import RawArchive
from marketflow.messaging.envelope import Codec
from marketflow.messaging.publisher import Publisher
from marketflow.messaging.state import SourceStates, SymbolCatalog
from marketflow.services.fetcher import Fetcher
from marketflow.services.ingest import Ingest, Manners
from marketflow.sources import factory


@per_process
def fetcher() -> Fetcher:
    """The fetcher of the source that the settings name."""
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
    opened.callback(fetcher.close)
    return fetcher


def _secret(secret_id: str | None) -> str | None:
    """The API key behind `secret_id`; None when the deployment has none, which the source can do without."""
    if secret_id is None:
        return None
    # Most fetchers need no key, and shall not pay for what finds one.
    from aws_lambda_powertools.utilities.parameters import get_secret  # noqa: PLC0415

    value = get_secret(secret_id)
    return (value if isinstance(value, str) else value.decode()).strip() or None
