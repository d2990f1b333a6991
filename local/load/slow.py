"""A database that is slow for real: another session holds the candles for a while, as a careless migration would."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager

from marketflow.persistence.connection import Database


def hold(url: str, seconds: float) -> None:
    """Let nobody else read or write candles for so long. Raises as `Database.query` does."""
    with closing(Database(url, application_name="marketflow-load")) as database:
        database.query("BEGIN")
        database.query("LOCK TABLE candles IN ACCESS EXCLUSIVE MODE")
        database.query("SELECT pg_sleep(CAST(:seconds AS float8))", seconds=seconds)
        database.query("COMMIT")


@contextmanager
def held(url: str, seconds: float) -> Iterator[None]:
    """Hold them in the background; waits for the end on leaving."""
    thread = threading.Thread(target=hold, args=(url, seconds), daemon=True)
    thread.start()
    try:
        yield
    finally:
        thread.join(timeout=seconds + 30)


def bursts(url: str, lengths: Sequence[float], *, pause: float) -> None:
    """Hold them again and again, with a pause in which the others get a turn."""
    for seconds in lengths:
        hold(url, seconds)
        time.sleep(pause)
