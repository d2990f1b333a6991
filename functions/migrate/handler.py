"""Prepares a deployment: CloudFormation calls it as a custom resource and deploys nothing further until it succeeds.

Protocol: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref.html
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import httpx
from aws_lambda_powertools.utilities.typing import LambdaContext

from marketflow import bootstrap
from marketflow.observability import logger
from marketflow.tracing import tracer


def answer(event: dict[str, Any], *, status: str, reason: str) -> None:
    """Tell CloudFormation how it went, by a PUT to the presigned S3 address that it gave."""
    verdict = {
        "Status": status,
        "Reason": reason[:1000],
        "PhysicalResourceId": event.get("PhysicalResourceId", "marketflow-schema"),
        **{name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")},
    }
    httpx.put(event["ResponseURL"], json=verdict, headers={"content-type": ""}, timeout=30).raise_for_status()


@logger.inject_lambda_context(clear_state=True, correlation_id_path="RequestId")
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], context: LambdaContext) -> None:
    """Prepare on create and update; a deletion leaves the data alone."""
    if event["RequestType"] == "Delete":
        answer(event, status="SUCCESS", reason="The data stays.")
        return
    try:
        prepared = bootstrap.preparation().run()
    except Exception as error:  # noqa: BLE001 - without an answer CloudFormation waits for an hour
        logger.exception("deployment not prepared")
        reason = f"See the log group {context.log_group_name}. {type(error).__name__}: {error}"
        answer(event, status="FAILED", reason=reason)
        return
    logger.info("deployment prepared", extra={"prepared": asdict(prepared)})
    answer(event, status="SUCCESS", reason="Prepared.")
