"""History: what the database no longer keeps. A function exports and drops old months; Athena reads the export."""

from __future__ import annotations

from aws_cdk import CfnOutput
from aws_cdk import aws_athena as athena
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from cdk.access import DatabaseAccess
from cdk.bundling import Bundler
from cdk.constructs.code import Code
from cdk.constructs.history_tables import HistoryTables
from cdk.constructs.retire import Retire
from cdk.stack import MarketFlowStack
from cdk.stages import Stage

RESULTS = "athena/"
"""Where Athena puts what a query answers; the bucket forgets it after a week."""

SCAN_LIMIT = 10 * 1024**3
"""The most bytes that one query reads: about a twentieth of a dollar."""


class HistoryStack(MarketFlowStack):
    """For stages that keep a few months. Who may query is for the operator to say: no other role reads history/."""

    def __init__(
        self,
        scope: Construct,
        *,
        stage: Stage,
        bundler: Bundler,
        database: DatabaseAccess,
        data: s3.Bucket,
        months: int,
    ) -> None:
        super().__init__(scope, "history", stage=stage, description="old months: their export, and Athena's tables")
        self.retire = Retire(
            self,
            "Retire",
            stage=stage,
            code=Code(stack=self, stage=stage, bundler=bundler),
            database=database,
            bucket=data.bucket_name,
            months=months,
        )
        role = self.retire.retire.role
        role.add_to_policy(
            iam.PolicyStatement(
                actions=["s3:GetObject", "s3:PutObject", "s3:DeleteObject"],
                resources=[data.arn_for_objects("history/*")],
            )
        )
        role.add_to_policy(iam.PolicyStatement(actions=["s3:ListBucket"], resources=[data.bucket_arn]))
        tables = HistoryTables(self, "Tables", stage=stage, bucket=data.bucket_name)
        workgroup = athena.CfnWorkGroup(
            self,
            "Queries",
            name=stage.resource("history"),
            description="Queries of the months that are no longer in the database",
            recursive_delete_option=True,
            work_group_configuration=athena.CfnWorkGroup.WorkGroupConfigurationProperty(
                bytes_scanned_cutoff_per_query=SCAN_LIMIT,
                enforce_work_group_configuration=True,
                publish_cloud_watch_metrics_enabled=True,
                engine_version=athena.CfnWorkGroup.EngineVersionProperty(
                    selected_engine_version="Athena engine version 3"
                ),
                result_configuration=athena.CfnWorkGroup.ResultConfigurationProperty(
                    output_location=f"s3://{data.bucket_name}/{RESULTS}",
                    encryption_configuration=athena.CfnWorkGroup.EncryptionConfigurationProperty(
                        encryption_option="SSE_S3"
                    ),
                ),
            ),
        )
        CfnOutput(self, "RetireFunctionName", value=self.retire.retire.function.function_name)
        CfnOutput(self, "AthenaWorkGroup", value=workgroup.name)
        CfnOutput(self, "AthenaDatabase", value=tables.name)
