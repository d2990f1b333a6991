"""Small JSON objects in S3 that fetchers share: the active symbols, and when a source may be asked again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import TypeAdapter

from marketflow.domain.state import SourceState
from marketflow.domain.symbol import Symbol, SymbolRecord
from marketflow.errors import CatalogUnavailableError, ConfigurationError, RetryLaterError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_SYMBOLS = TypeAdapter(tuple[Symbol, ...])
_RECORDS = TypeAdapter(tuple[SymbolRecord, ...])
_RECORDS_KEY = "catalog/symbols.json"
_WRITE_TRIES = 5


def _is(error: ClientError, *codes: str) -> bool:
    return error.response.get("Error", {}).get("Code") in codes


class SymbolCatalog:
    """What others than the database know of its symbols; written by whoever changes the table.

    One object a source has its active symbols, for the fetchers. Another one has every symbol as it is stored: the raw
    archive does not tell of them, and without their numbers it could not be loaded into an empty database again.
    """

    def __init__(self, *, bucket: str, client: S3Client) -> None:
        self._bucket = bucket
        self._client = client

    def read(self, source: str) -> tuple[Symbol, ...]:
        """The active symbols of `source`. Raises ConfigurationError when they were never published."""
        key = f"catalog/{source}.json"
        try:
            stored = self._client.get_object(Bucket=self._bucket, Key=key)
        except ClientError as error:
            if not _is(error, "NoSuchKey"):
                raise
            message = (
                f"s3://{self._bucket}/{key} does not exist. The migration of the deployment writes it: deploy again."
            )
            raise ConfigurationError(message) from error
        return _SYMBOLS.validate_json(stored["Body"].read())

    def write(self, source: str, symbols: Sequence[Symbol]) -> None:
        """Publish the active symbols of `source`; the next tick of its schedule uses them.

        Raises CatalogUnavailableError when S3 does not take them.
        """
        self._put(f"catalog/{source}.json", _SYMBOLS.dump_json(tuple(symbols)))

    def keep(self, records: Sequence[SymbolRecord]) -> None:
        """Keep every symbol, for the day on which the database is lost. Raises CatalogUnavailableError."""
        self._put(_RECORDS_KEY, _RECORDS.dump_json(tuple(records)))

    def kept(self) -> tuple[SymbolRecord, ...]:
        """Every symbol as it was kept last; none when there was no deployment with this bucket yet."""
        try:
            stored = self._client.get_object(Bucket=self._bucket, Key=_RECORDS_KEY)
        except ClientError as error:
            if not _is(error, "NoSuchKey"):
                raise
            return ()
        return _RECORDS.validate_json(stored["Body"].read())

    def _put(self, key: str, body: bytes) -> None:
        try:
            self._client.put_object(Bucket=self._bucket, Key=key, Body=body, ContentType="application/json")
        except (ClientError, BotoCoreError) as error:
            raise CatalogUnavailableError(f"s3://{self._bucket}/{key} was not written: {error}") from error


class SourceStates:
    """What fetchers remember of their source between two runs."""

    def __init__(self, *, bucket: str, client: S3Client) -> None:
        self._bucket = bucket
        self._client = client

    def read(self, source: str) -> SourceState:
        """The state of `source`; an empty one before the first run."""
        return self._load(source)[0]

    def update(self, source: str, change: Callable[[SourceState], SourceState]) -> SourceState:
        """Apply `change` to the newest state, also when two runs of one source end at the same moment.

        S3 refuses the write when somebody else wrote in between (a conditional put); then the change is applied to
        what they wrote. Raises RetryLaterError when that happens again and again.
        """
        for _ in range(_WRITE_TRIES):
            state, etag = self._load(source)
            changed = change(state)
            condition = {"IfMatch": etag} if etag else {"IfNoneMatch": "*"}
            try:
                self._client.put_object(
                    Bucket=self._bucket,
                    Key=f"state/{source}.json",
                    Body=changed.model_dump_json().encode(),
                    ContentType="application/json",
                    **condition,  # type: ignore[arg-type]  # one of two keywords, both strings
                )
            except ClientError as error:
                if _is(error, "PreconditionFailed", "ConditionalRequestConflict"):
                    continue
                raise
            return changed
        raise RetryLaterError(f"The state of {source} was changed by others {_WRITE_TRIES} times in a row.")

    def _load(self, source: str) -> tuple[SourceState, str | None]:
        try:
            stored = self._client.get_object(Bucket=self._bucket, Key=f"state/{source}.json")
        except ClientError as error:
            if not _is(error, "NoSuchKey"):
                raise
            return SourceState(), None
        return SourceState.model_validate_json(stored["Body"].read()), stored["ETag"]
