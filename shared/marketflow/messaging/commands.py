"""Commands for the dispatcher: small objects below `tasks/`, of which S3 itself tells the commands queue.

A function inside the VPC reaches S3 and no queue; this is how it hands work on.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import unquote_plus

from botocore.exceptions import BotoCoreError, ClientError

from marketflow.domain.jobs import BackfillCommand, Command, RedriveCommand, ReplayCommand, read_command
from marketflow.errors import CatalogUnavailableError, MalformedPayloadError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PREFIX = "tasks"


class Commands:
    """Writes commands, and reads those of which S3 told."""

    def __init__(self, *, bucket: str, client: S3Client) -> None:
        self._bucket = bucket
        self._client = client

    def give(self, command: Command) -> None:
        """Hand `command` on. The same command, given twice, is one object, of which S3 tells twice.

        Raises CatalogUnavailableError when S3 does not take it.
        """
        key = command_key(command)
        try:
            self._client.put_object(
                Bucket=self._bucket, Key=key, Body=command.model_dump_json().encode(), ContentType="application/json"
            )
        except (ClientError, BotoCoreError) as error:
            raise CatalogUnavailableError(f"s3://{self._bucket}/{key} was not written: {error}") from error

    def told(self, body: str) -> list[Command]:
        """The commands of which `body`, a notification of S3, tells; none in the test that S3 sends at set-up.

        Raises MalformedPayloadError when it is no notification, or when an object holds no command.
        """
        return [self._read(key) for key in notified_keys(body)]

    def _read(self, key: str) -> Command:
        return read_command(self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read())


def command_key(command: Command) -> str:
    """The object key of a command; that of each continuation is another one."""
    match command:
        case BackfillCommand(next_part=step) | ReplayCommand(listed=step):
            return f"{PREFIX}/{command.kind}/{command.id}/{step}.json"
        case RedriveCommand():
            return f"{PREFIX}/{command.kind}/{command.id}.json"


def notified_keys(body: str) -> list[str]:
    """The keys in a notification (https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html).

    Raises MalformedPayloadError (reason `bad_notification`) for anything else.
    """
    try:
        message = json.loads(body)
        if message.get("Event") == "s3:TestEvent":
            return []
        return [unquote_plus(record["s3"]["object"]["key"]) for record in message["Records"]]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise MalformedPayloadError("Not a notification of S3.", reason="bad_notification") from None
