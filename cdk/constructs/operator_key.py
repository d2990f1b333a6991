"""The operator's API key and the usage plan that opens the API to it."""

from __future__ import annotations

from aws_cdk import aws_apigateway as apigateway
from constructs import Construct

from cdk.stages import Stage


class OperatorKey(Construct):
    """`key`, on a usage plan with the stage's throttle and quota. Without `Stage.api_key` AWS makes its value."""

    def __init__(self, scope: Construct, construct_id: str, *, stage: Stage, api: apigateway.RestApi) -> None:
        super().__init__(scope, construct_id)
        plan, name = stage.api.plan, stage.resource("operator")
        self.key = api.add_api_key("Key", api_key_name=name, value=stage.api_key, description="The operator's own key")
        usage = api.add_usage_plan(
            "Plan",
            name=name,
            throttle=apigateway.ThrottleSettings(rate_limit=plan.rate, burst_limit=plan.burst),
            quota=apigateway.QuotaSettings(limit=plan.quota_per_day, period=apigateway.Period.DAY),
            api_stages=[apigateway.UsagePlanPerApiStage(api=api, stage=api.deployment_stage)],
        )
        usage.add_api_key(self.key)
