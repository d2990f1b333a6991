"""Observability: who is told when something is wrong, and the page to look at then."""

from __future__ import annotations

from aws_cdk import CfnOutput
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from cdk.alarms import alarms
from cdk.constructs.dashboard import Dashboard
from cdk.retention import removal_policy
from cdk.stack import MarketFlowStack
from cdk.stages import Stage


class ObservabilityStack(MarketFlowStack):
    """A topic, the alarms of cdk/alarms and a dashboard. It names resources instead of importing them."""

    def __init__(self, scope: Construct, *, stage: Stage) -> None:
        super().__init__(scope, "observability", stage=stage, description="alarms and dashboard")
        self.topic = self._topic(stage)
        if stage.alarm_email is not None:
            self.topic.add_subscription(subscriptions.EmailSubscription(stage.alarm_email))
        made = []
        for spec in alarms(stage):
            alarm = cloudwatch.Alarm(
                self,
                f"Alarm-{spec.name}",
                alarm_name=stage.resource(spec.name),
                alarm_description=spec.help,
                metric=spec.metric,
                threshold=spec.threshold,
                comparison_operator=spec.comparison,
                evaluation_periods=spec.periods,
                treat_missing_data=spec.missing_data,
            )
            alarm.add_alarm_action(actions.SnsAction(self.topic))
            made.append(alarm)
        Dashboard(self, "Overview", stage=stage, alarms=made)
        CfnOutput(self, "AlarmTopicArn", value=self.topic.topic_arn)

    def _topic(self, stage: Stage) -> sns.Topic:
        # CloudWatch cannot publish to a topic under the key that AWS manages for SNS: that key's policy is fixed.
        key = kms.Key(
            self,
            "AlarmKey",
            description=f"Alarms of MarketFlow {stage.name}",
            enable_key_rotation=True,
            removal_policy=removal_policy(stage),
        )
        alarm_service = iam.ServicePrincipal(
            "cloudwatch.amazonaws.com", conditions={"StringEquals": {"aws:SourceAccount": self.account}}
        )
        name = stage.resource("alarms")
        topic = sns.Topic(self, "Alarms", topic_name=name, master_key=key, enforce_ssl=stage.tls_only)
        # Lets it use the key as well.
        topic.grant_publish(alarm_service)
        return topic
