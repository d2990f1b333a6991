"""`make drill`: tries whether the raw archive alone brings everything back, in a database that is thrown away.

Without BUCKET it takes the archive of the pipeline that runs here, and compares the result with its database. With it,
that of a deployment, with the AWS credentials of the shell, of which it needs the right to read.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from local import postgres
from local.emulator import aws_client
from local.processes import LocalError
from local.restore import Restore
from local.settings import load_settings
from local.stack import PREFIX, Facts, read_facts
from local.steps import Steps
from local.trial import trial
from marketflow.config import EtlSettings
from marketflow.domain.moves import BOUNDS
from marketflow.persistence.connection import Database
from marketflow.persistence.fingerprint import fingerprint

ROUNDS = 40
"""How often it catches up with a pipeline that goes on fetching, before it gives up comparing: two minutes at least."""

PAUSE_SECONDS = 3.0
SHOWN = 10
TABLES = ("raw_objects", "candles", "revisions", "prices", "actions", "quarantine")


def drill(home: Path) -> str:
    """Restore into `home`, compare, throw away. Raises LocalError that says what did not come back."""
    bucket = os.environ.get("BUCKET", "")
    facts = None if bucket else read_facts(load_settings(os.environ).home)
    s3 = boto3.client("s3") if facts is None else aws_client("s3", facts.aws_endpoint_url)
    bounds = BOUNDS
    if facts is not None:
        etl = _settings_of_etl(facts)
        bucket, bounds = etl.data_bucket, etl.max_moves
    server = postgres.start(home / "postgres", disposable=True)
    try:
        restore = Restore(database_url=server.url, bucket=bucket, s3=s3, max_moves=bounds)
        return _drill(restore, bucket, facts)
    except (ClientError, BotoCoreError) as error:
        raise LocalError(f"The bucket {bucket} cannot be read: {error}") from error
    finally:
        server.stop()


def _settings_of_etl(facts: Facts) -> EtlSettings:
    """What the running pipeline loads with: the same answers come to the same rows only by the same rules."""
    client = aws_client("lambda", facts.aws_endpoint_url)
    found = client.get_function_configuration(FunctionName=f"{PREFIX}etl")
    return EtlSettings.load(found["Environment"]["Variables"])


def _drill(restore: Restore, bucket: str, facts: Facts | None) -> str:
    steps, restored = Steps(), restore.restored
    with steps.step("Schema and symbols") as note:
        restore.prepare()
        note.text = f"{restored.symbols} symbols"
    with steps.step("Archive") as note:
        keys = restore.archived()
        note.text = f"{len(keys)} answers in {bucket}"
    with steps.step("Restored") as note:
        restore.load(keys)
        note.text = ", ".join(f"{_count(restore.database, table)} {table}" for table in TABLES)
    if facts is not None:
        with steps.step("Compared") as note:
            compare(restore, facts.database_url, set(keys))
            note.text = "every table equals that of the running pipeline"
    if restored.unreadable:
        told = "\n  ".join(restored.unreadable[:SHOWN])
        raise LocalError(f"{len(restored.unreadable)} archived answers cannot be read:\n  {told}")
    return f"The archive brings everything back: {restored.loaded} answers."


def compare(restore: Restore, database_url: str, loaded: set[str]) -> None:
    """Wait for a moment at which both databases have loaded the same answers and hold the same rows.

    A load that was cut off between its two transactions has its answer noted and its runs unsorted until its message
    comes again (docs/adr/0009-revisions.md): tables that differ are looked at again. Raises LocalError that names those
    that still differ, or when the two never had the same answers.
    """
    differing: list[str] = []
    running = Database(database_url, application_name="marketflow-drill")
    try:
        for _ in range(ROUNDS):
            new = [key for key in restore.archived() if key not in loaded]
            restore.load(new)
            loaded.update(new)
            before = _loaded(running)
            if before == _loaded(restore.database):
                wanted, found = fingerprint(running), fingerprint(restore.database)
                if _loaded(running) == before:
                    differing = [table for table in wanted if wanted[table] != found[table]]
                    if not differing:
                        return
            time.sleep(PAUSE_SECONDS)
    finally:
        running.close()
    if differing:
        raise LocalError(f"The restored tables are not those of the running pipeline: {', '.join(differing)} differ.")
    raise LocalError(
        "The running pipeline was never at rest: what it loaded and what is archived were not the same set of answers. "
        "Look into its dead-letter queues (make dlq), or drill when less is fetched."
    )


def _loaded(database: Database) -> list[list[object]]:
    """What a database has loaded, in one number and one word."""
    return database.query("SELECT count(*), md5(CAST(sum(id) AS text)) FROM raw_objects")


def _count(database: Database, table: str) -> int:
    return int(database.query(f"SELECT count(*) FROM {table}")[0][0])  # noqa: S608 - of the tables above


def main() -> int:
    """Run the drill. Returns the exit code: 0 when everything came back."""
    return trial("drill", drill)


if __name__ == "__main__":
    sys.exit(main())
