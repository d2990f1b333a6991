"""The export in the data bucket: its files below `history/`, and beside them how far each month has come."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from datetime import date
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import ValidationError

from marketflow.domain.retention import Chunk, Dataset, Manifest, Totals, prefix
from marketflow.errors import NotExportedError, ServiceUnavailableError
from marketflow.history import parquet

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class HistoryBucket:
    """Satisfies `History` of marketflow.services.export. A file passes through a temporary one, not through memory."""

    def __init__(self, *, bucket: str, client: S3Client) -> None:
        self._bucket = bucket
        self._client = client

    def manifest(self, month: date) -> Manifest | None:
        """How far the export of a month has come; None when there is none.

        Raises NotExportedError when the object is not one of ours, ServiceUnavailableError when S3 does not answer.
        """
        key = _manifest_key(month)
        with _s3():
            try:
                stored = self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()
            except ClientError as error:
                if error.response.get("Error", {}).get("Code") == "NoSuchKey":
                    return None
                raise
        try:
            return Manifest.model_validate_json(stored)
        except ValidationError as error:
            raise NotExportedError(f"s3://{self._bucket}/{key} cannot be read: restore its last version.") from error

    def keep(self, month: date, manifest: Manifest) -> None:
        """Write that down. Raises ServiceUnavailableError."""
        body = manifest.model_dump_json().encode()
        with _s3():
            self._client.put_object(Bucket=self._bucket, Key=_manifest_key(month), Body=body)

    def write(self, dataset: Dataset, key: str, chunks: Iterable[Chunk]) -> int:
        """Write a file; its rows. Raises NotExportedError when a value does not fit, ServiceUnavailableError."""
        with tempfile.TemporaryFile() as file:
            rows = parquet.write(dataset, chunks, file)
            file.seek(0)
            with _s3():
                self._client.put_object(Bucket=self._bucket, Key=key, Body=file)
        return rows

    def totals(self, dataset: Dataset, key: str) -> Totals:
        """What the rows of the file in the bucket sum up to, every value read back. Raises ServiceUnavailableError."""
        with tempfile.TemporaryFile() as file:
            with _s3():
                body = self._client.get_object(Bucket=self._bucket, Key=key)["Body"]
                for piece in body.iter_chunks(1 << 20):
                    file.write(piece)
            file.seek(0)
            return parquet.totals(dataset, file)

    def sweep(self, dataset: Dataset, month: date, kept: Collection[str]) -> None:
        """Delete the files of a month that are not among `kept`: of an export before this one."""
        with _s3():
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=prefix(dataset, month)
            )
            for page in pages:
                for one in page.get("Contents", []):
                    if one["Key"] not in kept:
                        self._client.delete_object(Bucket=self._bucket, Key=one["Key"])


def _manifest_key(month: date) -> str:
    return f"history/manifests/month={month:%Y-%m}.json"


@contextmanager
def _s3() -> Iterator[None]:
    """Failures of S3 as an error that says what to do."""
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise ServiceUnavailableError(f"S3 did not do what the export needs: {error}.") from error
