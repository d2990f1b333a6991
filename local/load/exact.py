"""Whether the rows are exactly those of the archived answers: nothing lost, nothing doubled, not a digit changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from local import drill, postgres
from local.load import ledger
from local.load.stand import Stand
from local.restore import Restore
from local.stack import PREFIX
from marketflow.config import EtlSettings

COUNTED = ("raw_objects", "candles", "prices")


def exact(stand: Stand, home: Path) -> dict[str, Any]:
    """Load the whole archive into an empty database, each answer once, and compare the fingerprints of all tables.

    Raises LocalError that names the tables that differ.
    """
    stack = stand.stack
    configured = stack.client("lambda").get_function_configuration(FunctionName=f"{PREFIX}etl")
    etl = EtlSettings.load(configured["Environment"]["Variables"])
    server = postgres.start(home / "restored", disposable=True)
    try:
        restore = Restore(
            database_url=server.url, bucket=etl.data_bucket, s3=stack.client("s3"), max_moves=etl.max_moves
        )
        restore.prepare()
        keys = restore.archived()
        restore.load(keys)
        both = set(keys)
        drill.compare(restore, stack.facts.database_url, both)
        counts = {name: restore.database.query(f"SELECT count(*) FROM {name}")[0][0] for name in COUNTED}  # noqa: S608 - of the names above
        restore.database.close()
    finally:
        server.stop()
    found = ledger.account(stack)
    return {"answers": len(both), **counts, "dead": len(found.dead), "invented": len(found.invented)}
