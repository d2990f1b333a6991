"""The usage plans on which users put the keys that they make."""

from __future__ import annotations

import json

from aws_cdk import aws_apigateway as apigateway
from constructs import Construct

from cdk.stages import Plan, Stage

DAY_SECONDS = 86_400


class UsagePlans(Construct):
    """One plan for each of `Stage.api.plans`; `ids` by the plan's name. Without keys: the function `keys` adds them."""

    def __init__(self, scope: Construct, construct_id: str, *, stage: Stage, api: apigateway.RestApi) -> None:
        super().__init__(scope, construct_id)
        self.ids: dict[str, str] = {}
        for name, plan in stage.api.plans.items():
            usage = apigateway.UsagePlan(
                self,
                name.capitalize(),
                name=stage.resource(name),
                description=f"Keys that users make on the plan {name}",
                throttle=apigateway.ThrottleSettings(rate_limit=plan.rate, burst_limit=plan.burst),
                quota=apigateway.QuotaSettings(limit=plan.quota_per_day, period=apigateway.Period.DAY),
                api_stages=[apigateway.UsagePlanPerApiStage(api=api, stage=api.deployment_stage)],
            )
            self.ids[name] = usage.usage_plan_id


def plans_of(stage: Stage) -> dict[str, Plan]:
    """Every plan of the stage by its name, the operator's included."""
    return {"operator": stage.api.plan} | {str(name): plan for name, plan in stage.api.plans.items()}


def plans_setting(stage: Stage) -> str:
    """The setting PLANS of the functions behind the gateway."""
    return json.dumps({name: plan.model_dump() for name, plan in plans_of(stage).items()})


def every_policy(stage: Stage) -> str:
    """The `RateLimit-Policy` of the gateway's own answers, which cannot ask whose key it was: every plan's by name.

    Like marketflow.api.limits.policy, which answers for one plan.
    """
    return ", ".join(
        f'"{name}-rate";q={plan.rate};w=1;burst={plan.burst}, "{name}-quota";q={plan.quota_per_day};w={DAY_SECONDS}'
        for name, plan in plans_of(stage).items()
    )
