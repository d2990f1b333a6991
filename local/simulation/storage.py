"""S3 in memory, as far as the pipeline uses it: objects, ETags, conditional writes."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from typing import TypedDict

from botocore.exceptions import ClientError


class Stored(TypedDict):
    """What GetObject answers."""

    Body: io.BytesIO
    ETag: str


class MemoryS3:
    """One bucket. `conflict` says whether a conditional write comes too late, as when another process wrote before."""

    def __init__(self, conflict: Callable[[], bool] = lambda: False) -> None:
        self.objects: dict[str, bytes] = {}
        self._conflict = conflict

    def put_object(
        self,
        *,
        Bucket: str,  # noqa: N803
        Key: str,  # noqa: N803
        Body: bytes,  # noqa: N803
        ContentType: str = "",  # noqa: N803
        IfMatch: str | None = None,  # noqa: N803
        IfNoneMatch: str | None = None,  # noqa: N803
    ) -> dict[str, str]:
        """Store an object. Raises ClientError (PreconditionFailed) when a condition does not hold."""
        del Bucket, ContentType
        held = self.objects.get(Key)
        conditional = IfMatch is not None or IfNoneMatch is not None
        stale = (IfNoneMatch == "*" and held is not None) or (
            IfMatch is not None and (held is None or _etag(held) != IfMatch)
        )
        if stale or (conditional and self._conflict()):
            raise _error("PutObject", "PreconditionFailed", 412)
        self.objects[Key] = Body
        return {"ETag": _etag(Body)}

    def get_object(self, *, Bucket: str, Key: str) -> Stored:  # noqa: N803
        """An object. Raises ClientError (NoSuchKey)."""
        del Bucket
        if Key not in self.objects:
            raise _error("GetObject", "NoSuchKey", 404)
        body = self.objects[Key]
        return {"Body": io.BytesIO(body), "ETag": _etag(body)}


def _etag(body: bytes) -> str:
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'


def _error(operation: str, code: str, status: int) -> ClientError:
    return ClientError({"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}, operation)  # type: ignore[typeddict-item]  # the rest of the metadata is not ours
