"""Loads a whole raw archive into an empty database: what a restore is, and what a drill of one tries."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from marketflow import bootstrap
from marketflow.domain.fetching import FetchRequest, RawResponse
from marketflow.domain.loading import Delivery
from marketflow.domain.moves import BOUNDS
from marketflow.domain.symbol import AssetType
from marketflow.errors import MalformedPayloadError
from marketflow.messaging.archive import RawArchive
from marketflow.messaging.state import SymbolCatalog
from marketflow.persistence import migrate
from marketflow.persistence.administration import SymbolRegistry
from marketflow.persistence.connection import Database
from marketflow.persistence.loader import Loader
from marketflow.sources.catalog import CATALOG

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

READERS = 16
"""Objects that are read from S3 at once; the database loads one after the other."""


@dataclass(slots=True)
class Restored:
    """What came of a restore: the answers that were loaded, and those that could not be, with the reason."""

    symbols: int = 0
    loaded: int = 0
    unreadable: list[str] = field(default_factory=list)


class Restore:
    """Fills the empty database at `database_url` from the data bucket, of which it only reads.

    `max_moves` are the bounds of absurd moves, by which some rows are held back.
    """

    def __init__(
        self, *, database_url: str, bucket: str, s3: S3Client, max_moves: Mapping[AssetType, Decimal] = BOUNDS
    ) -> None:
        self._url = database_url
        self._archive = RawArchive(bucket=bucket, client=s3)
        self._catalog = SymbolCatalog(bucket=bucket, client=s3)
        self.database = Database(database_url, application_name="marketflow-restore")
        self._pipelines = bootstrap.pipelines(archive=self._archive, loader=Loader(self.database, max_moves=max_moves))
        self.restored = Restored()

    def prepare(self) -> None:
        """The schema, and the symbols with their numbers. A bucket that kept none leaves the seeds."""
        migrate.upgrade(self._url)
        kept = self._catalog.kept()
        with SymbolRegistry(self._url).transaction() as symbols:
            symbols.restore(kept)
            self.restored.symbols = len(symbols.records())

    def archived(self) -> list[str]:
        """What is in the archive now."""
        return [key for source in CATALOG for key in self._archive.every_key(source)]

    def load(self, keys: Iterable[str]) -> None:
        """Load the answers at `keys`. Raises DatabaseUnavailableError or RetryLaterError; then it may be repeated."""
        for key, read in self._ahead(keys):
            try:
                request, response = read.result()
                self._pipelines[request.source].run(Delivery(request=request, response=response, raw_key=key))
            except (MalformedPayloadError, KeyError) as error:
                self.restored.unreadable.append(f"{key}: {error}")
            else:
                self.restored.loaded += 1

    def _ahead(self, keys: Iterable[str]) -> Iterator[tuple[str, Future[tuple[FetchRequest, RawResponse]]]]:
        """Read a few objects ahead of the database, in order."""
        with ThreadPoolExecutor(READERS) as pool:
            waiting: deque[tuple[str, Future[tuple[FetchRequest, RawResponse]]]] = deque()
            for key in keys:
                waiting.append((key, pool.submit(self._archive.get, key)))
                if len(waiting) == 2 * READERS:
                    yield waiting.popleft()
            yield from waiting
