"""How the REST API is deployed: throttles, traces, and logs that end some day."""

from __future__ import annotations

import json

from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_logs as logs
from constructs import Construct

from cdk.retention import log_retention, removal_policy
from cdk.routes import ROUTES, STAGE_NAME
from cdk.stages import Stage

ACCESS_LOG = {
    "request_id": "$context.requestId",
    "time": "$context.requestTime",
    "ip": "$context.identity.sourceIp",
    "api_key_id": "$context.identity.apiKeyId",
    "method": "$context.httpMethod",
    "path": "$context.path",
    "route": "$context.resourcePath",
    "status": "$context.status",
    "bytes": "$context.responseLength",
    "milliseconds": "$context.responseLatency",
    "function_milliseconds": "$context.integrationLatency",
    "error": "$context.error.responseType",
    "user_agent": "$context.identity.userAgent",
    "trace_id": "$context.xrayTraceId",
}


def log_group(scope: Construct, construct_id: str, *, stage: Stage, name: str) -> logs.LogGroup:
    """A log group that keeps what it holds for as long as the stage says."""
    return logs.LogGroup(
        scope,
        construct_id,
        log_group_name=name,
        retention=log_retention(stage),
        removal_policy=removal_policy(stage),
    )


def deployment(scope: Construct, *, stage: Stage) -> apigateway.StageOptions:
    """The stage STAGE_NAME: an access log in JSON, the throttle of each route's weight, X-Ray."""
    access_log = log_group(scope, "AccessLog", stage=stage, name=f"/marketflow/{stage.name}/api-access")
    return apigateway.StageOptions(
        stage_name=STAGE_NAME,
        access_log_destination=apigateway.LogGroupLogDestination(access_log),
        access_log_format=apigateway.AccessLogFormat.custom(json.dumps(ACCESS_LOG)),
        # Errors only, and never bodies; metrics for each method would cost more than the rest of the API.
        logging_level=apigateway.MethodLoggingLevel.ERROR,
        data_trace_enabled=False,
        metrics_enabled=False,
        tracing_enabled=True,
        throttling_rate_limit=stage.api.throttle.rate,
        throttling_burst_limit=stage.api.throttle.burst,
        method_options={
            f"{route.path}/{route.method}": apigateway.MethodDeploymentOptions(
                throttling_rate_limit=stage.api.methods[route.weight].rate,
                throttling_burst_limit=stage.api.methods[route.weight].burst,
                logging_level=apigateway.MethodLoggingLevel.ERROR,
            )
            for route in ROUTES
        },
    )
