"""Ingestion: from the schedules to the rows. A SourceIngestion for each row of the catalogue, then archive and ETL."""

from __future__ import annotations

import hashlib
import json

from aws_cdk import ArnFormat, CfnOutput, CustomResource, Duration
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda_event_sources as event_sources
from constructs import Construct

from cdk.access import DatabaseAccess, DatabaseRole
from cdk.bundling import PACKAGE, Bundler, tree_hash
from cdk.constructs.audit import Audit
from cdk.constructs.code import Code
from cdk.constructs.data_bucket import DataBucket
from cdk.constructs.dispatch import PREFIX, Dispatch
from cdk.constructs.function import Function
from cdk.constructs.live import live
from cdk.constructs.queue import WorkQueue, secure_queue
from cdk.constructs.source_ingestion import SourceIngestion
from cdk.stack import MarketFlowStack
from cdk.stages import Stage
from marketflow.sources.catalog import CATALOG, SourceSpec

SCHEMA = tuple(
    PACKAGE / "persistence" / name
    for name in ("migrations", "seeds.py", "read_functions.py", "read_sql.py", "kept_sql.py")
)
"""What a migration brings: revisions, symbols, and the functions that readers call (docs/adr/0016)."""


class IngestionStack(MarketFlowStack):
    """Fetchers, queues, the raw archive, the ETL function, and the migration that runs before any of them."""

    def __init__(self, scope: Construct, *, stage: Stage, bundler: Bundler, database: DatabaseAccess) -> None:
        super().__init__(scope, "ingestion", stage=stage, description="from the sources to the rows")
        self.database = database
        self.code = Code(stack=self, stage=stage, bundler=bundler)
        self.data = DataBucket(self, "Data", stage=stage).bucket
        self.migration = self._migration()
        self.etl, self.payloads = self._etl()
        self.sources = {name: self._source(source) for name, source in CATALOG.items()}
        self.dispatch = self._dispatch()
        self.audit = self._audit()
        CfnOutput(self, "DataBucketName", value=self.data.bucket_name)
        self._tell("Payloads", self.payloads)
        self._tell("Commands", self.dispatch.commands)
        CfnOutput(self, "DispatchFunctionName", value=self.dispatch.dispatch.function.function_name)
        CfnOutput(self, "EtlFunctionName", value=self.etl.function.function_name)
        for name, ingestion in self.sources.items():
            CfnOutput(self, f"{name.capitalize()}FunctionName", value=ingestion.fetch.function.function_name)
            self._tell(f"{name.capitalize()}Tasks", ingestion.tasks)
            CfnOutput(self, f"{name.capitalize()}MissedUrl", value=ingestion.missed.queue_url)

    def _migration(self) -> CustomResource:
        """Brings the schema up to date, loads the seeds, publishes the symbols: again whenever those files change.

        CloudFormation calls the function itself: the CDK's provider framework is Node that needs the internet. The
        function answers by a PUT to S3, which it reaches through the gateway endpoint.
        """
        stage = self.settings
        failed = secure_queue(self, "MigrateFailed", stage=stage, name="migrate-dlq")
        migrate = Function(
            self,
            "Migrate",
            stage=stage,
            code=self.code,
            folder="migrate",
            name="migrate",
            size=stage.functions.migrate,
            environment={
                "DATABASE_URL": self.database.url(DatabaseRole.OWNER),
                "DATA_BUCKET": self.data.bucket_name,
            },
            network=self.database.network,
            # CloudFormation invokes it as an event: Lambda's own retry would start a second migration beside the first.
            background={"dead_letter_queue": failed, "retry_attempts": 0},
        )
        self.database.grant_connect(migrate.role, DatabaseRole.OWNER)
        self._allow(migrate.role, "s3:PutObject", *(f"catalog/{name}.json" for name in (*CATALOG, "symbols")))
        self._allow(migrate.role, "s3:GetObject", "catalog/symbols.json")
        migrate.role.add_to_policy(self._may_list())
        revision = f"{tree_hash(SCHEMA)} {stage.database_url}"
        migration = CustomResource(
            self,
            "Migration",
            resource_type="Custom::DatabaseMigration",
            service_token=migrate.function.function_arn,
            # A function that dies without an answer fails the deployment now, not in an hour.
            service_timeout=Duration.seconds(stage.functions.migrate.timeout + 60),
            properties={"Revision": hashlib.sha256(revision.encode()).hexdigest()[:16]},
        )
        migration.node.add_dependency(migrate.ready)
        return migration

    def _etl(self) -> tuple[Function, WorkQueue]:
        stage = self.settings
        etl = Function(
            self,
            "Etl",
            stage=stage,
            code=self.code,
            folder="etl",
            name="etl",
            size=stage.functions.etl,
            layers=["core"],
            environment={
                "DATABASE_URL": self.database.url(DatabaseRole.WRITER),
                "DATA_BUCKET": self.data.bucket_name,
                "MAX_MOVES": json.dumps(stage.max_moves),
            },
            network=self.database.network,
        )
        payloads = WorkQueue(self, "Payloads", stage=stage, name="payloads", consumer_timeout=etl.timeout)
        live(etl, stage=stage).add_event_source(
            event_sources.SqsEventSource(
                payloads.queue,
                batch_size=10,
                max_concurrency=stage.etl_concurrency,
                report_batch_item_failures=True,
            )
        )
        self.database.grant_connect(etl.role, DatabaseRole.WRITER)
        self._allow(etl.role, "s3:GetObject", "raw/*")
        etl.node.add_dependency(self.migration)
        return etl, payloads

    def _source(self, source: SourceSpec) -> SourceIngestion:
        stage, name = self.settings, source.name
        environment = {
            "DATA_BUCKET": self.data.bucket_name,
            "PAYLOAD_QUEUE_URL": self.payloads.queue.queue_url,
            "SOURCE_BASE_URLS": ",".join(stage.source_base_urls.get(name, ())),
            "SOURCE_SECRET_ID": stage.source_secrets.get(name, ""),
        }
        ingestion = SourceIngestion(
            self,
            name.capitalize(),
            stage=stage,
            code=self.code,
            source=source,
            environment={key: value for key, value in environment.items() if value},
        )
        role = ingestion.fetch.role
        self.payloads.queue.grant(role, stage.send_action)
        self._allow(role, "s3:PutObject", f"raw/source={name}/*", f"errors/source={name}/*", f"state/{name}.json")
        self._allow(role, "s3:GetObject", f"catalog/{name}.json", f"state/{name}.json")
        role.add_to_policy(self._may_list())
        if secret := stage.source_secrets.get(name):
            arn = self.format_arn(
                service="secretsmanager",
                resource="secret",
                resource_name=f"{secret}-??????",
                arn_format=ArnFormat.COLON_RESOURCE_NAME,
            )
            role.add_to_policy(iam.PolicyStatement(actions=["secretsmanager:GetSecretValue"], resources=[arn]))
        ingestion.node.add_dependency(self.migration)
        return ingestion

    def _dispatch(self) -> Dispatch:
        tasks = {f"tasks-{name}": ingestion.tasks for name, ingestion in self.sources.items()}
        dispatch = Dispatch(
            self,
            "Commands",
            stage=self.settings,
            code=self.code,
            data=self.data,
            queues={"payloads": self.payloads, **tasks},
        )
        role = dispatch.dispatch.role
        self._allow(role, "s3:GetObject", f"{PREFIX}*")
        self._allow(role, "s3:PutObject", f"{PREFIX}*")
        role.add_to_policy(self._may_list())
        return dispatch

    def _audit(self) -> Audit:
        audit = Audit(
            self,
            "Audit",
            stage=self.settings,
            code=self.code,
            database=self.database,
            bucket=self.data.bucket_name,
        )
        self._allow(audit.audit.role, "s3:PutObject", f"{PREFIX}*")
        audit.node.add_dependency(self.migration)
        return audit

    def _may_list(self) -> iam.PolicyStatement:
        """Without it S3 answers 403 for an object that is not there: "nothing" and "no right" would look the same."""
        return iam.PolicyStatement(actions=["s3:ListBucket"], resources=[self.data.bucket_arn])

    def _allow(self, role: iam.Role, action: str, *prefixes: str) -> None:
        resources = [self.data.arn_for_objects(prefix) for prefix in prefixes]
        role.add_to_policy(iam.PolicyStatement(actions=[action], resources=resources))

    def _tell(self, name: str, work: WorkQueue) -> None:
        CfnOutput(self, f"{name}QueueUrl", value=work.queue.queue_url)
        CfnOutput(self, f"{name}DeadLettersUrl", value=work.dead_letters.queue_url)
