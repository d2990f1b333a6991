"""`Once` by Powertools' idempotency: one DynamoDB item for each request, which DynamoDB forgets a day later.

https://docs.aws.amazon.com/powertools/python/latest/utilities/idempotency/
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.idempotency import DynamoDBPersistenceLayer, IdempotencyConfig
from aws_lambda_powertools.utilities.idempotency.base import IdempotencyHandler
from aws_lambda_powertools.utilities.idempotency.exceptions import (
    IdempotencyAlreadyInProgressError,
    IdempotencyInconsistentStateError,
    IdempotencyPersistenceLayerError,
    IdempotencyValidationError,
)

from marketflow.errors import RefusedError, ServiceUnavailableError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

DAY_SECONDS = 24 * 3600


class _TimeLeft:
    """Stands in for Lambda's context: how long a request that died may block its key, in milliseconds."""

    def __init__(self, seconds: float) -> None:
        self._milliseconds = int(seconds * 1000)

    def get_remaining_time_in_millis(self) -> int:
        """The longest that the function may run."""
        return self._milliseconds


class PowertoolsOnce:
    """Satisfies marketflow.services.once.Once with the table `table`.

    `seconds` is the longest that the work may take (the function's own timeout): a request that was cut off blocks its
    key for no longer. Item keys and payloads are hashed (SHA-256): the table holds neither an owner nor a body.
    """

    def __init__(self, *, table: str, client: DynamoDBClient, seconds: float) -> None:
        self._table = table
        self._client = client
        # A stand-in with the one method that Powertools calls.
        self._time_left: Any = _TimeLeft(seconds)

    def __call__(self, *, operation: str, owner: str, key: str | None, payload: bytes, work: Callable[[], str]) -> str:
        """What `work` answers, or answered to the same request in the last 24 hours."""
        if key is None:
            return work()
        handler = IdempotencyHandler(
            function=work,
            function_payload={"key": [operation, owner, key], "payload": hashlib.sha256(payload).hexdigest()},
            config=IdempotencyConfig(
                event_key_jmespath="key",
                payload_validation_jmespath="payload",
                expires_after_seconds=DAY_SECONDS,
                hash_function="sha256",
                lambda_context=self._time_left,
            ),
            persistence_store=DynamoDBPersistenceLayer(table_name=self._table, boto3_client=self._client),
            key_prefix="once",
            function_args=(),
            function_kwargs={},
        )
        try:
            return str(handler.handle())
        except IdempotencyValidationError:
            raise RefusedError(
                "This Idempotency-Key came before, with another body. Send the same body, or another key.",
                status=422,
                code="idempotency_mismatch",
            ) from None
        except (IdempotencyAlreadyInProgressError, IdempotencyInconsistentStateError):
            raise RefusedError(
                "The first request with this Idempotency-Key is not finished yet; ask again.",
                status=409,
                code="idempotency_in_progress",
            ) from None
        except IdempotencyPersistenceLayerError as error:
            raise ServiceUnavailableError("What was done for this Idempotency-Key cannot be looked up now.") from error
