"""A web ACL before the API: who asks too often, or is known for attacks, is refused before it costs a function."""

from __future__ import annotations

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_wafv2 as waf
from constructs import Construct

from cdk.constructs import web_acl_rules as rules
from cdk.constructs.api_stage import log_group
from cdk.stages import Stage, Waf

SECRETS = ("authorization", "x-api-key")
"""Request headers that no log may show."""

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
            visibility_config=rules.counted(name),
            custom_response_bodies={rules.TOO_MANY: rules.too_many()},
            rules=[
                rules.rate(limits),
                *(rules.managed(place, group) for place, group in enumerate(rules.MANAGED, start=1)),
            ],
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
