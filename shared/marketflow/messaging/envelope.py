"""The messages on the payload queue: answers of a source, reports of fetcher runs, and what the dispatcher says."""

from __future__ import annotations

import gzip
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from marketflow.domain.fetching import FetchReport, FetchRequest, RawResponse
from marketflow.domain.jobs import Claim, Listed, Part
from marketflow.domain.loading import Delivery
from marketflow.domain.models import STRICT
from marketflow.errors import MalformedPayloadError

MAX_MESSAGE_BYTES = 200_000
"""A message that would be larger travels without its body; the receiver takes that from the archive."""

COMPRESSION_LEVEL = 6


class _Message(BaseModel):
    model_config = ConfigDict(**STRICT, ser_json_bytes="base64", val_json_bytes="base64")

    version: Literal[1] = 1
    correlation_id: str

    def to_json(self) -> str:
        """The message as it travels."""
        return self.model_dump_json()


class PayloadMessage(_Message):
    """One answer of a source. `body` is gzip in base64, or None: a claim check, the body lies at `raw_key`."""

    kind: Literal["payload"] = "payload"
    request: FetchRequest
    status: int
    headers: dict[str, str]
    received_at: AwareDatetime
    raw_key: str
    body: bytes | None
    part: Part | None = None

    @classmethod
    def of(
        cls,
        request: FetchRequest,
        response: RawResponse,
        *,
        raw_key: str,
        correlation_id: str,
        part: Part | None = None,
    ) -> PayloadMessage:
        """The message for an archived answer, with the body inside when it fits."""
        message = cls.model_construct(
            correlation_id=correlation_id,
            request=request,
            status=response.status,
            headers=response.headers,
            received_at=response.received_at,
            raw_key=raw_key,
            body=gzip.compress(response.body, COMPRESSION_LEVEL, mtime=0),
            part=part,
        )
        if len(message.to_json().encode()) <= MAX_MESSAGE_BYTES:
            return message
        return message.model_copy(update={"body": None})

    def response(self) -> RawResponse | None:
        """The answer as the fetcher saw it; None when the body has to be claimed from the archive."""
        if self.body is None:
            return None
        try:
            body = gzip.decompress(self.body)
        except (OSError, EOFError) as error:
            message = f"The body of a message about {self.raw_key} is not gzip."
            raise MalformedPayloadError(message, reason="bad_gzip") from error
        return RawResponse(status=self.status, headers=self.headers, received_at=self.received_at, body=body)

    def content(self) -> Delivery:
        """What the ETL loads. Raises MalformedPayloadError (reason `bad_gzip`) when the body cannot be unpacked."""
        return Delivery(request=self.request, response=self.response(), raw_key=self.raw_key, part=self.part)


class ReportMessage(_Message):
    """What one fetcher run did, for the table of sources."""

    kind: Literal["report"] = "report"
    report: FetchReport

    def content(self) -> FetchReport:
        """What the table of sources takes."""
        return self.report


class ClaimMessage(_Message):
    """An archived answer that is to be loaded again: all of it lies in the archive."""

    kind: Literal["claim"] = "claim"
    claim: Claim

    def content(self) -> Claim:
        """What is to be claimed."""
        return self.claim


class ListedMessage(_Message):
    """How many parts a job turned out to have."""

    kind: Literal["listed"] = "listed"
    listed: Listed

    def content(self) -> Listed:
        """What the table of jobs takes."""
        return self.listed


class Codec:
    """Turns what one function tells another into messages."""

    def payload(
        self,
        request: FetchRequest,
        response: RawResponse,
        *,
        raw_key: str,
        correlation_id: str,
        part: Part | None = None,
    ) -> str:
        """The message that carries one answer, which may be a part of a backfill."""
        message = PayloadMessage.of(request, response, raw_key=raw_key, correlation_id=correlation_id, part=part)
        return message.to_json()

    def claim(self, claim: Claim, *, correlation_id: str) -> str:
        """The message that has an archived answer loaded again."""
        return ClaimMessage(claim=claim, correlation_id=correlation_id).to_json()

    def listed(self, listed: Listed, *, correlation_id: str) -> str:
        """The message that says how many parts a job has."""
        return ListedMessage(listed=listed, correlation_id=correlation_id).to_json()

    def report(self, report: FetchReport, *, correlation_id: str) -> str:
        """The message that carries the report of one run."""
        return ReportMessage(report=report, correlation_id=correlation_id).to_json()


AnyMessage = PayloadMessage | ReportMessage | ClaimMessage | ListedMessage
_ADAPTER: TypeAdapter[AnyMessage] = TypeAdapter(Annotated[AnyMessage, Field(discriminator="kind")])


def decode(text: str) -> AnyMessage:
    """The message in `text`. Raises MalformedPayloadError (reason `bad_message`) that says which fields are wrong."""
    try:
        return _ADAPTER.validate_json(text)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()[:5])
        raise MalformedPayloadError(f"Not a message of this queue: {faults}.", reason="bad_message") from None
