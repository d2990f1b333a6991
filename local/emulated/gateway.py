"""AWS/ApiGateway and the access log of REST APIs, and what ties a request to its function's log.

MiniStack has no metrics of an API, keeps no access log and takes the stage's setting of it out of the template. It
gives the function another request id than the gateway's own answers have, and not the API key that it found good, as
API Gateway does in `requestContext`.
https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-metrics-and-dimensions.html
"""

from __future__ import annotations

import time
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ministack.core.responses import get_account_id
from ministack.services import apigateway_v1 as gateway
from ministack.services.cloudformation import provisioners

from local.emulated import logs, store
from local.emulated.access_log import line

MILLISECONDS = "Milliseconds"
STREAM = "access"


@dataclass(slots=True)
class Request:
    """One request on its way through the gateway; times in milliseconds."""

    id: str
    integration: float | None = None


_current: ContextVar[Request] = ContextVar("request")
_execute = gateway._execute_in_scope
_call_lambda = gateway._call_lambda_raw
_build_event = gateway._build_lambda_event_v1
_HANDLERS = provisioners._RESOURCE_HANDLERS["AWS::ApiGateway::Stage"]
_create_stage, _update_stage = _HANDLERS["create"], _HANDLERS["update"]


def install() -> None:
    """Watch every request."""
    gateway._execute_in_scope = execute
    gateway._call_lambda_raw = call_lambda
    gateway._build_lambda_event_v1 = build_event
    _HANDLERS["create"] = create_stage
    _HANDLERS["update"] = update_stage


async def execute(request: dict[str, Any], api_id: str, stage_name: str, method: str, *others: Any) -> Any:  # noqa: ANN401 - MiniStack has no types
    """A request's answer, counted and logged."""
    started, now = time.perf_counter(), datetime.now(UTC)
    seen = Request(request["request_id"])
    _current.set(seen)
    answer = await _execute(request, api_id, stage_name, method, *others)
    error = answer if isinstance(answer, gateway._GatewayError) else None
    if error is not None:
        answer = gateway._gateway_error_response(error, request)
    if request["stage"] is not None:
        latency = (time.perf_counter() - started) * 1000
        _count(request, method, int(answer[0]), latency, seen)
        values = _context(request, method, others[0], answer, error)
        _log(request["stage"], {**values, **_times(now, latency, seen)})
    return answer


async def call_lambda(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - the same
    """The integration of a request, timed."""
    started = time.perf_counter()
    try:
        return await _call_lambda(*arguments, **options)
    finally:
        seen = _current.get(None)
        if seen is not None:
            seen.integration = (time.perf_counter() - started) * 1000


def build_event(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - the same
    """The function's event, with the request's id and the key in it."""
    event = _build_event(*arguments, **options)
    resource, _, method, headers = arguments[3:7]
    if (seen := _current.get(None)) is not None:
        event["requestContext"] |= {"requestId": seen.id, "extendedRequestId": seen.id}
    if resource["resourceMethods"].get(method, {}).get("apiKeyRequired"):
        key = gateway._resolve_api_key(gateway._api_key_from_request(headers))
        event["requestContext"]["identity"] |= {"apiKey": key["value"], "apiKeyId": key["id"]}
    return event


def create_stage(logical_id: str, properties: dict[str, Any], stack_name: str) -> Any:  # noqa: ANN401 - the same
    """A stage of a template, with its access log."""
    created = _create_stage(logical_id, properties, stack_name)
    _keep_setting(properties)
    return created


def update_stage(physical_id: str, old: dict[str, Any], new: dict[str, Any], stack_name: str) -> Any:  # noqa: ANN401 - the same
    """The same for a changed template."""
    updated = _update_stage(physical_id, old, new, stack_name)
    _keep_setting(new)
    return updated


def _keep_setting(properties: dict[str, Any]) -> None:
    told = properties.get("AccessLogSetting") or {}
    setting = {"destinationArn": told["DestinationArn"], "format": told["Format"]} if told else {}
    gateway._stages_v1[properties["RestApiId"]][properties["StageName"]]["accessLogSettings"] = setting


def _count(request: dict[str, Any], method: str, status: int, latency: float, seen: Request) -> None:
    api = gateway._rest_apis[request["api_id"]]["name"]
    resource = request["resource_path"]
    sets = [{"ApiName": api}, {"ApiName": api, "Stage": request["stage_name"]}]
    if resource and _detailed(request["stage"], resource, method):
        sets.append({**sets[1], "Resource": resource, "Method": method})
    for dimensions in sets:
        store.put("AWS/ApiGateway", "Count", dimensions, 1)
        store.put("AWS/ApiGateway", "4XXError", dimensions, int(400 <= status < 500))
        store.put("AWS/ApiGateway", "5XXError", dimensions, int(status >= 500))
        store.put("AWS/ApiGateway", "Latency", dimensions, round(latency), MILLISECONDS)
        if seen.integration is not None:
            store.put("AWS/ApiGateway", "IntegrationLatency", dimensions, round(seen.integration), MILLISECONDS)


def _detailed(stage: dict[str, Any], resource: str, method: str) -> bool:
    """Whether the stage has metrics for each method: by a setting of the method's own, else by that of all."""
    # MiniStack keeps the paths as templates have them, with ~1 for each slash.
    told = {key.replace("~1", "/").lstrip("/"): one for key, one in (stage.get("methodSettings") or {}).items()}
    own = told.get(f"{resource}/{method}".lstrip("/")) or told.get("*/*") or {}
    return bool(own.get("metricsEnabled"))


def _context(
    request: dict[str, Any],
    method: str,
    path: str,
    answer: tuple[Any, ...],
    error: Any,  # noqa: ANN401 - MiniStack has no types
) -> dict[str, object]:
    headers, stage_name = request["headers"], request["stage_name"]
    key = gateway._resolve_api_key(gateway._api_key_from_request(headers))
    return {
        "accountId": get_account_id(),
        "apiId": request["api_id"],
        "error.message": error and error.message,
        "error.responseType": error and error.response_type,
        "extendedRequestId": request["request_id"],
        "httpMethod": method,
        "identity.apiKeyId": key and key["id"],
        "identity.sourceIp": "127.0.0.1",
        "identity.userAgent": gateway._header_ci(headers, "user-agent"),
        "path": f"/{stage_name}{path}",
        "protocol": "HTTP/1.1",
        "requestId": request["request_id"],
        "resourcePath": request["resource_path"],
        "responseLength": len(answer[2]),
        "stage": stage_name,
        "status": answer[0],
    }


def _times(now: datetime, latency: float, seen: Request) -> dict[str, object]:
    integration = None if seen.integration is None else round(seen.integration)
    return {
        "integrationLatency": integration,
        "integration.latency": integration,
        "requestTime": now.strftime("%d/%b/%Y:%H:%M:%S +0000"),
        "requestTimeEpoch": int(now.timestamp() * 1000),
        "responseLatency": round(latency),
    }


def _log(stage: dict[str, Any], values: dict[str, object]) -> None:
    setting = stage.get("accessLogSettings") or {}
    if setting:
        group = setting["destinationArn"].split(":log-group:")[1].removesuffix(":*")
        logs.append(group, STREAM, line(setting["format"], values))
