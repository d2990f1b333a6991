"""The ETL of a run: two workers on the queue, and a database that fails as databases do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from local.simulation import checks_moves
from local.simulation.fetching import BUCKET, Scene
from local.simulation.mishaps import Crash
from local.simulation.queue import VISIBILITY_SECONDS, Received
from marketflow import bootstrap
from marketflow.errors import DatabaseUnavailableError, MarketFlowError, RetryLaterError
from marketflow.messaging.archive import RawArchive
from marketflow.messaging.envelope import decode
from marketflow.persistence.connection import Database
from marketflow.persistence.jobs import JobBook
from marketflow.persistence.load_candles_sql import CORRECT
from marketflow.persistence.loader import Loader
from marketflow.services.loading import Loading

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

LOADER_NAME = "marketflow-simulated-etl"
_KILL = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
WHERE application_name = :name AND datname = current_database()
"""
Rewrite = Callable[[str], str]
"""Changes the text of a statement: how a test breaks the loader to see that it is noticed."""


class Link:
    """The loader's way to the database. `reader` is a session of its own, `restart` restarts the server."""

    def __init__(
        self, scene: Scene, database: Database, *, reader: Database, restart: Callable[[], None], rewrite: Rewrite
    ) -> None:
        self._scene = scene
        self._database = database
        self._reader = reader
        self._restart = restart
        self._rewrite = rewrite

    def query(self, sql: str, /, **params: object) -> list[list[Any]]:
        """A statement by itself."""
        return self.together((sql, params))[0]

    def together(self, *statements: tuple[str, Mapping[str, object]]) -> list[list[list[Any]]]:
        """The statements of one transaction, with what may happen before, during and after it."""
        mishaps = self._scene.mishaps
        mishaps.crash_if("etl_crash_before_commit")
        if mishaps.strikes("partial_batch_failure"):
            raise RetryLaterError("The database gave a statement up: deadlock detected.")
        if mishaps.strikes("database_unavailable"):
            raise DatabaseUnavailableError("The database took no connection.")
        if mishaps.strikes("database_session_killed"):
            self._reader.query(_KILL, name=LOADER_NAME)
        if mishaps.strikes("database_restarted"):
            self._restart()
        texts = [(self._rewrite(sql), params) for sql, params in statements]
        rows = self._database.together(*texts)
        if mishaps.strikes("database_reply_lost"):
            rows = self._database.together(*texts)
        for (sql, params), found in zip(statements, rows, strict=True):
            # The first transaction of an answer says how many of its candles need the other one.
            self._note(params, whole="raw_key" not in params or sql == CORRECT or found[0][2] == 0)
        mishaps.crash_if("etl_crash_after_commit")
        return rows

    def _note(self, params: Mapping[str, Any], *, whole: bool) -> None:
        if "raw_key" in params:
            self._scene.ledger.commit(params["raw_key"], whole=whole)
            answer = self._scene.ledger.answers.get(params["raw_key"])
            if answer is not None and answer.served.absurd is not None:
                checks_moves.check(self._scene, self._reader)
        elif "finished_at" in params:
            self._scene.ledger.report(params["source"], params["finished_at"])


def loading(scene: Scene, link: Link) -> Loading:
    """The pipeline's own loading, on `link`."""
    loader = Loader(cast("Database", link), max_moves=checks_moves.MAX_MOVES)
    archive = RawArchive(bucket=BUCKET, client=cast("S3Client", scene.s3))
    return Loading(
        decode=decode,
        pipelines=bootstrap.pipelines(archive=archive, loader=loader),
        reports=loader,
        jobs=JobBook(cast("Database", link)),
        archive=archive,
    )


class Worker:
    """One ETL function at work, as the event source mapping of Lambda drives it with partial batch responses."""

    def __init__(self, scene: Scene, load: Callable[[str], object], name: str) -> None:
        self.scene = scene
        self.load = load
        self.name = name

    def steps(self) -> Iterator[float | None]:
        """Work for ever; gives the seconds until the next step, None when the queue is empty."""
        while True:
            batch = self.scene.queue.receive()
            if not batch:
                pause = self.scene.queue.seconds_to_next()
                yield None if pause is None else max(pause, 0.5)
                continue
            self.scene.log.note(self.name, f"received {[received.number for received in batch]}")
            try:
                yield from self.batch(batch)
            except Crash as crash:
                self.scene.log.note("crashed", f"{self.name}: {crash}")
                yield 1.0

    def batch(self, batch: Sequence[Received]) -> Iterator[float]:
        """Load a batch, then delete what did not fail."""
        failed = set()
        for received in batch:
            yield self.busy()
            if not self.try_load(received):
                failed.add(received.number)
        yield 0.02
        for received in batch:
            if received.number not in failed:
                self.scene.queue.delete(received)

    def busy(self) -> float:
        """How long one message takes: now and then longer than it stays hidden."""
        mishaps = self.scene.mishaps
        if mishaps.strikes("visibility_expired"):
            return VISIBILITY_SECONDS + mishaps.between("visibility_expired", 1.0, 90.0)
        return mishaps.between("busy", 0.005, 0.1)

    def try_load(self, received: Received) -> bool:
        """Load one message; whether that went well."""
        try:
            self.load(received.body)
        except MarketFlowError as error:
            self.scene.log.note("not loaded", f"{received.number}: {type(error).__name__}")
            return False
        return True
