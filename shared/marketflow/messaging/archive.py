"""The raw archive: every body that a source ever sent, untouched, in S3."""

from __future__ import annotations

import gzip
import hashlib
import re
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from pydantic import BaseModel, ValidationError

from marketflow.domain.fetching import FetchRequest, RawResponse
from marketflow.errors import MalformedPayloadError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

RAW_PREFIX = "raw"
ERROR_PREFIX = "errors"
MANY_SYMBOLS = "_all"

_moment_in = re.compile(r"-([0-9]{8}T[0-9]{9})Z-[0-9a-f]+\.gz$").search


class _Facts(BaseModel):
    request: FetchRequest
    response: RawResponse


def raw_key(request: FetchRequest, response: RawResponse, *, prefix: str = RAW_PREFIX) -> str:
    """The object key of an answer; a source, a day or a symbol is a prefix or a filter of it (Hive style).

    The date is that of `received_at` in UTC. The hash covers request and body, so that two answers of one
    millisecond keep two keys and the same answer, archived twice, keeps one.
    """
    symbol = _folder(request.symbols[0]) if len(request.symbols) == 1 else MANY_SYMBOLS
    moment = response.received_at
    digest = hashlib.sha256(request.model_dump_json().encode() + response.body).hexdigest()[:12]
    return (
        f"{prefix}/source={request.source}/date={moment:%Y-%m-%d}/symbol={symbol}"
        f"/{request.dataset}-{moment:%Y%m%dT%H%M%S}{moment.microsecond // 1000:03d}Z-{digest}.gz"
    )


def _folder(source_symbol: str) -> str:
    """A symbol as a part of a key; two that differ in strange characters only share one."""
    return re.sub(r"[^A-Za-z0-9._=^-]", "-", source_symbol)


def received_at(key: str) -> datetime | None:
    """When the answer at `key` came (UTC, milliseconds); None for a key of another form."""
    match = _moment_in(key)
    return None if match is None else datetime.strptime(f"{match[1]}+0000", "%Y%m%dT%H%M%S%f%z")


def pack(request: FetchRequest, response: RawResponse) -> bytes:
    """The archived form of an answer: gzip of one line of JSON, the facts, then the body as it came.

    The facts are inside because S3 keeps at most 2 KB of metadata beside an object, and copies may lose it.
    """
    facts = _Facts(request=request, response=response).model_dump_json(exclude={"response": {"body"}})
    return gzip.compress(facts.encode() + b"\n" + response.body, 6, mtime=0)


def unpack(stored: bytes, *, key: str) -> tuple[FetchRequest, RawResponse]:
    """The inverse of `pack`. Raises MalformedPayloadError (reason `bad_archive`) when `stored` is not of that form."""
    try:
        line, separator, body = gzip.decompress(stored).partition(b"\n")
        facts = _Facts.model_validate_json(line)
    except (OSError, EOFError, zlib.error, ValidationError) as error:
        raise MalformedPayloadError(f"The archive object {key} cannot be read.", reason="bad_archive") from error
    if not separator:
        raise MalformedPayloadError(f"The archive object {key} has no body.", reason="bad_archive")
    return facts.request, facts.response.model_copy(update={"body": body})


class RawArchive:
    """Puts answers into the data bucket and finds them again."""

    def __init__(self, *, bucket: str, client: S3Client) -> None:
        self._bucket = bucket
        self._client = client

    def put(self, request: FetchRequest, response: RawResponse, *, failed: bool = False) -> str:
        """Store an answer; its key. `failed` ones go below `errors/`: they explain an outage but are never data."""
        key = raw_key(request, response, prefix=ERROR_PREFIX if failed else RAW_PREFIX)
        self._client.put_object(
            Bucket=self._bucket, Key=key, Body=pack(request, response), ContentType="application/gzip"
        )
        return key

    def get(self, key: str) -> tuple[FetchRequest, RawResponse]:
        """The request and the answer behind `key`. Raises MalformedPayloadError when the object is not one of ours."""
        return unpack(self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read(), key=key)

    def every_key(self, source: str) -> Iterator[str]:
        """The keys of all that was ever received of `source`, in order."""
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=f"{RAW_PREFIX}/source={source}/"
        )
        for page in pages:
            yield from (one["Key"] for one in page.get("Contents", []))

    def keys(
        self, source: str, start: datetime, end: datetime, *, source_symbol: str | None = None, after: str | None = None
    ) -> Iterator[list[str]]:
        """The keys of what was received of `source` in `[start, end)` (UTC), in order, a page of S3's at a time.

        With `source_symbol` (vendor spelling) only the answers that may name it: its own and those about many. `after`
        is the key behind which to begin. A page may be empty.
        """
        for prefix in _prefixes(source, start, end, source_symbol):
            if after is not None and after > prefix and not after.startswith(prefix):
                continue
            behind = {"StartAfter": after} if after is not None and after.startswith(prefix) else {}
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix, **behind)  # type: ignore[arg-type]  # one keyword, a string
            for page in pages:
                found = (one["Key"] for one in page.get("Contents", []))
                yield [key for key in found if (moment := received_at(key)) is not None and start <= moment < end]


class ArchiveOnDemand:
    """The raw archive for the few bodies that do not fit a message: boto3 is imported when the first one comes."""

    def __init__(self, *, bucket: str) -> None:
        self._bucket = bucket

    @cached_property
    def _archive(self) -> RawArchive:
        import boto3  # noqa: PLC0415 - see above

        return RawArchive(bucket=self._bucket, client=boto3.client("s3"))

    def get(self, key: str) -> tuple[FetchRequest, RawResponse]:
        """What was asked and answered at `key`."""
        return self._archive.get(key)


def _prefixes(source: str, start: datetime, end: datetime, source_symbol: str | None) -> Iterator[str]:
    """Where those answers lie, in the order of their keys."""
    day, last = start.astimezone(UTC).date(), (end.astimezone(UTC) - timedelta(microseconds=1)).date()
    folders = [""]
    if source_symbol is not None:
        folders = [f"symbol={name}/" for name in sorted({_folder(source_symbol), MANY_SYMBOLS})]
    while day <= last:
        for folder in folders:
            yield f"{RAW_PREFIX}/source={source}/date={day.isoformat()}/{folder}"
        day += timedelta(days=1)
