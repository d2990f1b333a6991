"""A Lambda function with a role and a log group of its own making."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aws_cdk import CfnResource, Duration
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct, DependencyGroup

from cdk.constructs.code import ARCHITECTURES, RUNTIMES, Code
from cdk.retention import log_retention, removal_policy
from cdk.stages import FunctionSize, Stage

NETWORK_ACTIONS = (
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
)
"""What Lambda does in the function's name to put it into a VPC; none of it can be narrowed to one resource."""


class Function(Construct):
    """One deployed function of the folder functions/<folder>, named `marketflow-<stage>-<name>`.

    `layers` are those of the folder layers/ that it takes, exactly one of them with the marketflow package.
    `network` are the VPC arguments of a function that talks to the database, `background` the arguments for one that is
    invoked asynchronously (its dead-letter queue, retries). The role may write this function's log and traces, nothing
    else: what it may do beyond that is granted where it is used, in the stack.
    """

    def __init__(  # noqa: PLR0913 - each is a fact of its own about a deployed function
        self,
        scope: Construct,
        construct_id: str,
        *,
        stage: Stage,
        code: Code,
        folder: str,
        name: str,
        environment: dict[str, str],
        size: FunctionSize,
        layers: Sequence[str] = ("dependencies",),
        network: dict[str, Any] | None = None,
        background: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        self.name = stage.resource(name)
        self.timeout = Duration.seconds(size.timeout)
        self.log_group = logs.LogGroup(
            self,
            "Logs",
            log_group_name=f"/aws/lambda/{self.name}",
            retention=log_retention(stage),
            removal_policy=removal_policy(stage),
        )
        self.role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
            description=f"What {self.name} may do",
        )
        self.log_group.grant_write(self.role)
        if network:
            self.role.add_to_policy(iam.PolicyStatement(actions=list(NETWORK_ACTIONS), resources=["*"]))
        self.function = lambda_.Function(
            self,
            "Function",
            function_name=self.name,
            code=code.function(folder),
            handler="handler.handler",
            runtime=RUNTIMES[stage.python],
            architecture=ARCHITECTURES[stage.architecture],
            layers=[code.layer(layer) for layer in layers],
            memory_size=size.memory,
            snap_start=lambda_.SnapStartConf.ON_PUBLISHED_VERSIONS if size.snap_start else None,
            timeout=self.timeout,
            role=self.role,
            log_group=self.log_group,
            tracing=lambda_.Tracing.ACTIVE,
            environment={
                "MARKETFLOW_STAGE": stage.name,
                "LOG_LEVEL": stage.log_level,
                "POWERTOOLS_SERVICE_NAME": name,
                "POWERTOOLS_METRICS_NAMESPACE": stage.metrics_namespace,
                **stage.environment,
                **environment,
            },
            **(network or {}),
            **(background or {}),
        )
        # All that must be there before a first invocation, beside the function itself, to whose ARN an invoker refers.
        invocation = self.function.node.try_find_child("EventInvokeConfig")
        parts = (self.log_group, self.role.node.find_child("DefaultPolicy"), invocation)
        self.ready = DependencyGroup(*(part for part in parts if part is not None))
        # The CDK lets a function wait for its role's policy by naming the role as well, to which it refers anyway.
        resource = self.function.node.default_child
        if isinstance(resource, CfnResource):
            resource.add_metadata("cfn-lint", {"config": {"ignore_checks": ["W3005"]}})
