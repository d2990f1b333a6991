"""Wires what keeps the ledger of gaps and begins their repair."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import boto3

from marketflow.bootstrap.coverage import coverages_in
from marketflow.bootstrap.process import database_at, per_process, utc_now
from marketflow.config import AuditSettings
from marketflow.domain.interval import Interval
from marketflow.messaging.commands import Commands
from marketflow.persistence.connection import Database
from marketflow.persistence.gaps import GapLedger
from marketflow.services.audit import Auditor
from marketflow.services.repairs import CommandGiver, Repairs
from marketflow.sources.catalog import CATALOG
from marketflow.sources.factory import SOURCES


@per_process
def auditor() -> Auditor:
    """What keeps the ledger of gaps and begins their repair."""
    settings = AuditSettings.load()
    commands = Commands(bucket=settings.data_bucket, client=boto3.client("s3"))
    return auditor_of(database_at(settings.database_url), commands)


def auditor_of(database: Database, commands: CommandGiver, clock: Callable[[], datetime] = utc_now) -> Auditor:
    """An auditor of what is in `database`, at the time that `clock` shows."""
    ledger = gap_ledger(database)
    return Auditor(
        coverages=coverages_in(database, clock),
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
    return GapLedger(
        database,
        intervals={spec.name: [Interval(one.interval) for one in spec.series] for spec in CATALOG.values()},
        rate_sources=[spec.name for spec in CATALOG.values() if spec.calendar == "rates"],
        session_sources=[spec.name for spec in CATALOG.values() if spec.calendar == "sessions"],
    )
