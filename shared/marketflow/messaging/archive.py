"""The raw archive: every body that a source ever sent, untouched, in S3."""

from __future__ import annotations

import gzip
import hashlib
import re
import zlib
from typing import TYPE_CHECKING

from pydantic import BaseModel, ValidationError

from marketflow.domain.fetching import FetchRequest, RawResponse
from marketflow.errors import MalformedPayloadError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

RAW_PREFIX = "raw"
ERROR_PREFIX = "errors"
MANY_SYMBOLS = "_all"


class _Facts(BaseModel):
    request: FetchRequest
    response: RawResponse


def raw_key(request: FetchRequest, response: RawResponse, *, prefix: str = RAW_PREFIX) -> str:
    """The object key of an answer; a source, a day or a symbol is a prefix or a filter of it (Hive style).

    The date is that of `received_at` in UTC. The hash covers request and body, so that two answers of one
    millisecond keep two keys and the same answer, archived twice, keeps one.
    """
    symbol = request.symbols[0] if len(request.symbols) == 1 else MANY_SYMBOLS
    moment = response.received_at
    digest = hashlib.sha256(request.model_dump_json().encode() + response.body).hexdigest()[:12]
    return (
        f"{prefix}/source={request.source}/date={moment:%Y-%m-%d}/symbol={re.sub(r'[^A-Za-z0-9._=^-]', '-', symbol)}"
        f"/{request.dataset}-{moment:%Y%m%dT%H%M%S}{moment.microsecond // 1000:03d}Z-{digest}.gz"
    )


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
