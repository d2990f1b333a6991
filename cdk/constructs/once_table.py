"""What was done for the Idempotency-Keys of the last day."""

from __future__ import annotations

from aws_cdk import RemovalPolicy
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from constructs import Construct

from cdk.stages import Stage

ACTIONS = ("dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem")


class OnceTable(Construct):
    """An on-demand table in the form that Powertools' idempotency has; it is encrypted, as every DynamoDB table is."""

    def __init__(self, scope: Construct, construct_id: str, *, stage: Stage) -> None:
        super().__init__(scope, construct_id)
        self.table = dynamodb.Table(
            self,
            "Table",
            table_name=stage.resource("once"),
            partition_key=dynamodb.Attribute(name="id", type=dynamodb.AttributeType.STRING),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            time_to_live_attribute="expiration",
            # Nothing in it is older than a day.
            removal_policy=RemovalPolicy.DESTROY,
        )

    def environment(self, *, timeout: int) -> dict[str, str]:
        """The settings of a function that uses it; `timeout` is the function's own, in seconds."""
        return {"IDEMPOTENCY_TABLE": self.table.table_name, "FUNCTION_TIMEOUT": str(timeout)}

    def grant_use(self, role: iam.IRole) -> None:
        """Let `role` remember and look up."""
        self.table.grant(role, *ACTIONS)
