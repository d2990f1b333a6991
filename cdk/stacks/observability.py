"""Observability: who is told when something is wrong, and the pages and queries to look at then."""

from __future__ import annotations

from aws_cdk import CfnOutput
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from cdk.alarms import Alarm, CompositeAlarm, alarms, composites
from cdk.alarms.alarm import Severity, described
from cdk.constructs.alarm import metric_alarm
from cdk.constructs.details import Details
from cdk.constructs.overview import Overview
from cdk.constructs.saved_queries import SavedQueries
from cdk.queries import QUERIES
from cdk.retention import removal_policy
from cdk.stack import MarketFlowStack
from cdk.stages import Stage


class ObservabilityStack(MarketFlowStack):
    """A topic for each severity, the alarms of cdk/alarms, dashboards and queries.

    It names resources instead of importing them.
    """

    def __init__(self, scope: Construct, *, stage: Stage) -> None:
        super().__init__(scope, "observability", stage=stage, description="alarms, dashboards and queries")
        key = self._key()
        self.topics: dict[Severity, sns.Topic] = {
            "page": self._topic("Alarms", "alarms", key),
            "ticket": self._topic("Tickets", "tickets", key),
        }
        self.alarms = {spec.name: self._alarm(spec) for spec in alarms(stage)}
        made = [*self.alarms.values(), *(self._composite(spec) for spec in composites(stage))]
        Overview(self, "Overview", stage=stage, alarms=made)
        Details(self, "Details", stage=stage)
        SavedQueries(self, "Queries", stage=stage, queries=QUERIES)
        CfnOutput(self, "AlarmTopicArn", value=self.topics["page"].topic_arn)
        CfnOutput(self, "TicketTopicArn", value=self.topics["ticket"].topic_arn)

    def _alarm(self, spec: Alarm) -> cloudwatch.Alarm:
        alarm = metric_alarm(self, spec, stage=self.settings)
        if spec.severity is not None:
            self._tell(alarm, spec.severity)
        return alarm

    def _composite(self, spec: CompositeAlarm) -> cloudwatch.CompositeAlarm:
        groups = [
            cloudwatch.AlarmRule.all_of(
                *(cloudwatch.AlarmRule.from_alarm(self.alarms[one.name], cloudwatch.AlarmState.ALARM) for one in group)
            )
            for group in spec.any_of
        ]
        alarm = cloudwatch.CompositeAlarm(
            self,
            f"Alarm-{spec.name}",
            composite_alarm_name=self.settings.resource(spec.name),
            alarm_description=described(spec.help, kind=spec.kind, runbook_url=self.settings.runbook_url),
            alarm_rule=cloudwatch.AlarmRule.any_of(*groups),
        )
        self._tell(alarm, spec.severity)
        return alarm

    def _tell(self, alarm: cloudwatch.AlarmBase, severity: Severity) -> None:
        action = actions.SnsAction(self.topics[severity])
        alarm.add_alarm_action(action)
        alarm.add_ok_action(action)

    def _key(self) -> kms.Key:
        # CloudWatch cannot publish to a topic under the key that AWS manages for SNS: that key's policy is fixed.
        return kms.Key(
            self,
            "AlarmKey",
            description=f"Alarms of MarketFlow {self.settings.name}",
            enable_key_rotation=True,
            removal_policy=removal_policy(self.settings),
        )

    def _topic(self, construct_id: str, name: str, key: kms.Key) -> sns.Topic:
        stage = self.settings
        topic = sns.Topic(
            self, construct_id, topic_name=stage.resource(name), master_key=key, enforce_ssl=stage.tls_only
        )
        if stage.alarm_email is not None:
            topic.add_subscription(subscriptions.EmailSubscription(stage.alarm_email))
        # Lets it use the key as well.
        topic.grant_publish(
            iam.ServicePrincipal(
                "cloudwatch.amazonaws.com", conditions={"StringEquals": {"aws:SourceAccount": self.account}}
            )
        )
        return topic
