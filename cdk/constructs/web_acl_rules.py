"""The rules of the web ACL: how much one address may ask, and what AWS knows of attacks."""

from __future__ import annotations

import json

from aws_cdk import aws_wafv2 as waf

from cdk.constructs.security_headers import SECURITY_HEADERS
from cdk.stages import Waf

WINDOW_SECONDS = 300
MANAGED: dict[str, tuple[str, ...]] = {
    "AWSManagedRulesAmazonIpReputationList": (),
    "AWSManagedRulesCommonRuleSet": ("NoUserAgent_HEADER", "SizeRestrictions_BODY", "SizeRestrictions_QUERYSTRING"),
}
"""Groups of AWS, and those of their rules that only count: a program need not name itself, a hundred symbols take more
than the 2,048 bytes of query that one allows, and the functions themselves refuse bodies that are too large.

https://docs.aws.amazon.com/waf/latest/developerguide/aws-managed-rule-groups-baseline.html
"""

TOO_MANY = "too-many"


def counted(metric: str) -> waf.CfnWebACL.VisibilityConfigProperty:
    """Counted by CloudWatch under this name."""
    # A sampled request is shown with all its headers, credentials included; redaction is for the log alone.
    return waf.CfnWebACL.VisibilityConfigProperty(
        cloud_watch_metrics_enabled=True, metric_name=metric, sampled_requests_enabled=False
    )


def rate(limits: Waf) -> waf.CfnWebACL.RuleProperty:
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
        visibility_config=counted("rate"),
    )


def managed(priority: int, group: str) -> waf.CfnWebACL.RuleProperty:
    """One of MANAGED."""
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
        visibility_config=counted(group),
    )


def too_many() -> waf.CfnWebACL.CustomResponseBodyProperty:
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
