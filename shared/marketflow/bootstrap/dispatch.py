"""Wires what splits jobs into parts."""

from __future__ import annotations

import boto3

from marketflow.bootstrap.process import per_process
from marketflow.config import DispatchSettings
from marketflow.messaging.archive import RawArchive
from marketflow.messaging.commands import Commands
from marketflow.messaging.envelope import Codec
from marketflow.messaging.publisher import Publisher
from marketflow.messaging.redrive import DeadLetters
from marketflow.services.dispatch import Dispatcher
from marketflow.sources.factory import SOURCES


@per_process
def dispatcher() -> Dispatcher:
    """What splits jobs into parts and gives them to the queues."""
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
