"""Fetching the past, as `make smoke` does it: a day of minutes from the simulator, and the archive once more."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta

from local.admin_api import AdminApi
from local.client import ApiClient
from local.jobs import watch
from local.processes import LocalError
from local.stack import LocalStack

SYMBOL = "ETHUSDT"


def check_backfill(client: ApiClient, stack: LocalStack) -> str:
    """A day of last month is asked for, counted to the row and served; replaying what came of it adds no row."""
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    start, end = today - timedelta(days=31), today - timedelta(days=30)
    window = {"start": start.isoformat(), "end": end.isoformat()}

    def served() -> str:
        return client.get(f"/candles/{SYMBOL}", interval="1m", order="asc", limit=10_000, **window).text

    with AdminApi.of(stack.facts) as operator:
        begun = operator.post("/backfills", {"symbol": SYMBOL, "interval": "1m", **window})
        job = watch(operator, f"/backfills/{begun['id']}", io.StringIO())
        candles = served()
        if job["status"] != "completed" or candles.count("open_time") != job["counts"]["rows"]:
            raise LocalError(f"The backfill says {job}; {candles.count('open_time')} candles are served.")
        begun = operator.post("/replays", {"source": "binance", "start": today.isoformat(), "symbol": SYMBOL})
        again = watch(operator, f"/replays/{begun['id']}", io.StringIO())
    if again["status"] != "completed" or served() != candles:
        raise LocalError(f"After a replay the candles are others, or it did not end well: {again}")
    counts = job["counts"]
    return f"{counts['rows']} minutes of {SYMBOL} in {counts['asked']} requests; {again['counts']['asked']} replayed"
