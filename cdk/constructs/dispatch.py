"""Commands: small objects below `tasks/` in the data bucket, the queue that S3 tells of them, and who carries them out.

A function in the VPC reaches S3 and no queue. What it wants done, it writes there.
"""

from __future__ import annotations

from aws_cdk import CfnResource, Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda_event_sources as event_sources
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from cdk.constructs.code import Code
from cdk.constructs.function import Function
from cdk.constructs.live import live
from cdk.constructs.queue import WorkQueue
from cdk.stages import Stage

COMMANDS = "commands"
PREFIX = "tasks/"


class Dispatch(Construct):
    """`dispatch` carries out the commands in `data`; `commands` is the queue that S3 tells of them.

    `queues` are the work queues that it feeds and whose dead letters it sends back, by their short names; `commands`
    is one of them as well.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        stage: Stage,
        code: Code,
        data: s3.Bucket,
        queues: dict[str, WorkQueue],
    ) -> None:
        super().__init__(scope, construct_id)
        timeout = Duration.seconds(stage.functions.dispatch.timeout)
        self.commands = WorkQueue(self, "Commands", stage=stage, name=COMMANDS, consumer_timeout=timeout)
        every = {**queues, COMMANDS: self.commands}
        urls = {name: work.queue.queue_url for name, work in every.items()}
        urls |= {f"{name}-dlq": work.dead_letters.queue_url for name, work in every.items()}
        self.dispatch = Function(
            self,
            "Dispatch",
            stage=stage,
            code=code,
            folder="dispatch",
            name="dispatch",
            size=stage.functions.dispatch,
            environment={"DATA_BUCKET": data.bucket_name, "QUEUE_URLS": Stack.of(self).to_json_string(urls)},
        )
        live(self.dispatch, stage=stage).add_event_source(
            event_sources.SqsEventSource(
                self.commands.queue, batch_size=1, max_concurrency=2, report_batch_item_failures=True
            )
        )
        for work in every.values():
            work.queue.grant(self.dispatch.role, stage.send_action)
            work.dead_letters.grant(self.dispatch.role, "sqs:ReceiveMessage", "sqs:DeleteMessage")
        self._notify(data)

    def _notify(self, data: s3.Bucket) -> None:
        """Let the bucket tell the queue. Not by the CDK's own way, which is one more function of its making."""
        account = Stack.of(self).account
        # The bucket's name would be a circle: the bucket is made when the queue lets it send.
        allowed = self.commands.queue.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal("s3.amazonaws.com")],
                actions=["sqs:SendMessage"],
                resources=[self.commands.queue.queue_arn],
                conditions={"StringEquals": {"aws:SourceAccount": account}},
            )
        )
        bucket = data.node.default_child
        assert isinstance(bucket, s3.CfnBucket)  # noqa: S101 - so typed because jsii cannot say
        bucket.notification_configuration = s3.CfnBucket.NotificationConfigurationProperty(
            queue_configurations=[
                s3.CfnBucket.QueueConfigurationProperty(
                    event="s3:ObjectCreated:*",
                    queue=self.commands.queue.queue_arn,
                    filter=s3.CfnBucket.NotificationFilterProperty(
                        s3_key=s3.CfnBucket.S3KeyFilterProperty(
                            rules=[s3.CfnBucket.FilterRuleProperty(name="prefix", value=PREFIX)]
                        )
                    ),
                )
            ]
        )
        assert isinstance(allowed.policy_dependable, sqs.QueuePolicy)  # noqa: S101 - the same
        policy = allowed.policy_dependable.node.default_child
        assert isinstance(policy, CfnResource)  # noqa: S101 - the same
        bucket.add_resource_dependency(policy)
