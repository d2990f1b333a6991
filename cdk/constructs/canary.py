"""How a new version takes over from the old one: CodeDeploy moves the alias in two steps, and back when an alarm rings.

CloudFormation hands the move to CodeDeploy (the alias's UpdatePolicy) and waits for it. When it is rolled back, the
stack's update fails, and all of the stack goes back to what it was.
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-updatepolicy.html
"""

from __future__ import annotations

from collections.abc import Iterator

from aws_cdk import Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_codedeploy as codedeploy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from constructs import Construct

from cdk.alarms import Alarm
from cdk.constructs.alarm import metric_alarm
from cdk.routes import ROUTES
from cdk.stages import Canary, Stage

MINUTE = Duration.minutes(1)
ANSWERING = {route.function for route in ROUTES}
"""The functions behind the gateway."""


def alarms(stage: Stage, name: str, alias: lambda_.Alias) -> Iterator[Alarm]:
    """What ends the canary of the function `name`, without the stage's prefix.

    Only the new version's errors count: while the old one fails, the version that mends it must get through.
    """
    function = stage.resource(name)
    yield Alarm(
        name=f"canary-{name}-errors",
        kind="canary-errors",
        severity="ticket",
        help=f"The new version of {function} failed while it had a part of the traffic: the deployment is rolled back.",
        metric=cloudwatch.Metric(
            namespace="AWS/Lambda",
            metric_name="Errors",
            dimensions_map={
                "FunctionName": function,
                "Resource": f"{function}:{alias.alias_name}",
                "ExecutedVersion": alias.version.version,
            },
            statistic="Sum",
            period=MINUTE,
        ),
    )
    if name in ANSWERING:
        yield Alarm(
            name="canary-api-server-errors",
            kind="canary-api-server-errors",
            severity="ticket",
            help="The API answered 5xx while a new version had a part of the traffic: the deployment is rolled back.",
            metric=cloudwatch.Metric(
                namespace="AWS/ApiGateway",
                metric_name="5XXError",
                dimensions_map={"ApiName": stage.resource("api")},
                statistic="Sum",
                period=MINUTE,
            ),
            threshold=stage.alarms.server_errors,
        )


class Deployments(Construct):
    """CodeDeploy's side of a stack: one application, a deployment group for each alias that is guarded."""

    def __init__(self, scope: Construct, construct_id: str, *, stage: Stage, canary: Canary) -> None:
        super().__init__(scope, construct_id)
        self._stage = stage
        self._application = codedeploy.LambdaApplication(self, "Application")
        self._role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("codedeploy.amazonaws.com"),
            description="Moves the aliases of functions to new versions",
        )
        self._steps = codedeploy.LambdaDeploymentConfig(
            self,
            "Steps",
            traffic_routing=codedeploy.TrafficRouting.time_based_canary(
                interval=Duration.minutes(canary.minutes), percentage=canary.percent
            ),
        )
        # By name: the topic's stack is deployed last.
        arn = Stack.of(self).format_arn(service="sns", resource=stage.resource("tickets"))
        self._topic = sns.Topic.from_topic_arn(self, "Topic", arn)

    def guard(self, alias: lambda_.Alias, *, name: str) -> None:
        """Let `alias`, of the function `name`, move by a canary."""
        codedeploy.LambdaDeploymentGroup(
            self,
            f"Group-{name}",
            application=self._application,
            role=self._role,
            deployment_config=self._steps,
            alias=alias,
            alarms=[self._alarm(alarm) for alarm in alarms(self._stage, name, alias)],
            auto_rollback=codedeploy.AutoRollbackConfig(
                failed_deployment=True, stopped_deployment=True, deployment_in_alarm=True
            ),
        )

    def _alarm(self, alarm: Alarm) -> cloudwatch.Alarm:
        """The stack's own alarm of that name, made when a first group asks for it."""
        made = self.node.try_find_child(f"Alarm-{alarm.name}")
        if isinstance(made, cloudwatch.Alarm):
            return made
        made = metric_alarm(self, alarm, stage=self._stage)
        action = actions.SnsAction(self._topic)
        made.add_alarm_action(action)
        made.add_ok_action(action)
        return made
