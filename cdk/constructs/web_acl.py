"""A web ACL before the API: who asks too often, or is known for attacks, is refused before it costs a function."""

from __future__ import annotations

import json

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_wafv2 as waf
from constructs import Construct

from cdk.constructs.api_stage import log_group
from cdk.constructs.security_headers import SECURITY_HEADERS
from cdk.stages import Stage, Waf

WINDOW_SECONDS = 300
SECRETS = ("authorization", "x-api-key")
"""Request headers that no log may show."""

MANAGED: dict[str, tuple[str, ...]] = {
    "AWSManagedRulesAmazonIpReputationList": (),
    "AWSManagedRulesCommonRuleSet": ("NoUserAgent_HEADER", "SizeRestrictions_BODY", "SizeRestrictions_QUERYSTRING"),
}
"""Groups of AWS, and those of their rules that only count: a program need not name itself, a hundred symbols take more
than the 2,048 bytes of query that one allows, and the functions themselves refuse bodies that are too large.

https://docs.aws.amazon.com/waf/latest/developerguide/aws-managed-rule-groups-baseline.html
"""

TOO_MANY = "too-many"
ONLY_REFUSED = {
    "DefaultBehavior": "DROP",
    "Filters": [
        {"Behavior": "KEEP", "Requirement": "MEETS_ANY", "Conditions": [{"ActionCondition": {"Action": "BLOCK"}}]}
    ],
}
"""What the log keeps. The gateway's access log has what was let through."""


class WebAcl(Construct):
    """Attached to the stage of `api`. What AWS' groups block, the gateway answers as WAF_FILTERED (cdk/problems.py)."""

    def __init__(
        self, scope: Construct, construct_id: str, *, stage: Stage, limits: Waf, api: apigateway.RestApi
    ) -> None:
        super().__init__(scope, construct_id)
        name = stage.resource("api")
        acl = waf.CfnWebACL(
            self,
            "Acl",
            name=name,
            scope="REGIONAL",
            default_action=waf.CfnWebACL.DefaultActionProperty(allow=waf.CfnWebACL.AllowActionProperty()),
            visibility_config=_counted(name),
            custom_response_bodies={TOO_MANY: _too_many()},
            rules=[_rate(limits), *(_managed(place, group) for place, group in enumerate(MANAGED, start=1))],
        )
        waf.CfnWebACLAssociation(
            self, "Association", resource_arn=api.deployment_stage.stage_arn, web_acl_arn=acl.attr_arn
        )
        # The service delivers to groups of this prefix only, and wants their ARN without the star at its end.
        group = log_group(self, "Log", stage=stage, name=f"aws-waf-logs-{name}")
        arn = Stack.of(self).format_arn(
            service="logs",
            resource="log-group",
            resource_name=group.log_group_name,
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        waf.CfnLoggingConfiguration(
            self,
            "Logging",
            resource_arn=acl.attr_arn,
            log_destination_configs=[arn],
            redacted_fields=[
                waf.CfnLoggingConfiguration.FieldToMatchProperty(single_header={"Name": header}) for header in SECRETS
            ],
            logging_filter=ONLY_REFUSED,
        )


def _counted(metric: str) -> waf.CfnWebACL.VisibilityConfigProperty:
    # A sampled request is shown with all its headers, credentials included; redaction is for the log alone.
    return waf.CfnWebACL.VisibilityConfigProperty(
        cloud_watch_metrics_enabled=True, metric_name=metric, sampled_requests_enabled=False
    )


def _rate(limits: Waf) -> waf.CfnWebACL.RuleProperty:
    """Refuses an address for as long as its requests of the last five minutes are above the limit."""
    headers = {**SECURITY_HEADERS, "Cache-Control": "no-store", "Retry-After": str(WINDOW_SECONDS)}
    answer = waf.CfnWebACL.CustomResponseProperty(
        response_code=429,
        custom_response_body_key=TOO_MANY,
        response_headers=[waf.CfnWebACL.CustomHTTPHeaderProperty(name=one, value=headers[one]) for one in headers],
    )
    return waf.CfnWebACL.RuleProperty(
        name="rate",
        priority=0,
        action=waf.CfnWebACL.RuleActionProperty(block=waf.CfnWebACL.BlockActionProperty(custom_response=answer)),
        statement=waf.CfnWebACL.StatementProperty(
            rate_based_statement=waf.CfnWebACL.RateBasedStatementProperty(
                aggregate_key_type="IP", limit=limits.rate_per_5_minutes, evaluation_window_sec=WINDOW_SECONDS
            )
        ),
        visibility_config=_counted("rate"),
    )


def _managed(priority: int, group: str) -> waf.CfnWebACL.RuleProperty:
    count = waf.CfnWebACL.RuleActionProperty(count=waf.CfnWebACL.CountActionProperty())
    return waf.CfnWebACL.RuleProperty(
        name=group,
        priority=priority,
        override_action=waf.CfnWebACL.OverrideActionProperty(none={}),
        statement=waf.CfnWebACL.StatementProperty(
            managed_rule_group_statement=waf.CfnWebACL.ManagedRuleGroupStatementProperty(
                vendor_name="AWS",
                name=group,
                rule_action_overrides=[
                    waf.CfnWebACL.RuleActionOverrideProperty(name=rule, action_to_use=count) for rule in MANAGED[group]
                ],
            )
        ),
        visibility_config=_counted(group),
    )


def _too_many() -> waf.CfnWebACL.CustomResponseBodyProperty:
    """The members of every problem. The service knows no request id, and no type but plain JSON."""
    problem = {
        "type": "urn:marketflow:problem:throttled",
        "title": "Too many requests",
        "status": 429,
        "detail": "Too many requests from this address in the last five minutes; ask again later.",
        "instance": "urn:marketflow:web-acl",
        "code": "throttled",
        "request_id": "unknown",
    }
    return waf.CfnWebACL.CustomResponseBodyProperty(
        content_type="APPLICATION_JSON", content=json.dumps(problem, separators=(",", ":"))
    )
