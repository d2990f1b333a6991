"""Api: the functions that answer requests, and the gateway in front of them."""

from __future__ import annotations

from aws_cdk import CfnOutput
from aws_cdk import aws_cognito as cognito
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from cdk.access import DatabaseAccess
from cdk.bundling import Bundler
from cdk.constructs.code import code_for
from cdk.constructs.dispatch import PREFIX
from cdk.constructs.function import Function
from cdk.constructs.rest_api import RestApi
from cdk.stack import MarketFlowStack
from cdk.stages import Stage
from marketflow.sources.catalog import CATALOG


class ApiStack(MarketFlowStack):
    """Functions behind one REST API. Deployed after Ingestion, whose migration the functions' code relies on."""

    def __init__(
        self,
        scope: Construct,
        *,
        stage: Stage,
        bundler: Bundler,
        database: DatabaseAccess,
        data: s3.IBucket,
        user_pool: cognito.IUserPool,
    ) -> None:
        super().__init__(scope, "api", stage=stage, description="the HTTP API")
        self.code = code_for(self, stage=stage, bundler=bundler)
        read = self._read(database)
        functions = {"api": read.function, "admin": self._admin(database, data).function}
        rest = RestApi(self, "Rest", stage=stage, functions=functions, user_pool=user_pool)
        CfnOutput(self, "ApiUrl", value=rest.api.url, description="Paths begin below it: v1/health")
        CfnOutput(self, "ApiId", value=rest.api.rest_api_id)
        CfnOutput(self, "ApiKeyId", value=rest.key.key_id, description="aws apigateway get-api-key --include-value")
        CfnOutput(self, "ApiFunctionName", value=read.function.function_name)

    def _read(self, database: DatabaseAccess) -> Function:
        """The read API, in the VPC of the database."""
        stage = self.settings
        read = Function(
            self,
            "Read",
            stage=stage,
            code=self.code,
            folder="api",
            name="api",
            size=stage.functions.api,
            environment={"DATABASE_URL": database.url, "CORS_ORIGINS": ",".join(stage.api.cors_origins)},
            network=database.network,
        )
        database.grant_connect(read.role)
        return read

    def _admin(self, database: DatabaseAccess, data: s3.IBucket) -> Function:
        """What changes symbols, in the VPC of the database; it publishes the active ones to the fetchers."""
        stage = self.settings
        admin = Function(
            self,
            "Admin",
            stage=stage,
            code=self.code,
            folder="admin",
            name="admin",
            size=stage.functions.admin,
            environment={
                "DATABASE_URL": database.url,
                "DATA_BUCKET": data.bucket_name,
                "CORS_ORIGINS": ",".join(stage.api.cors_origins),
            },
            network=database.network,
        )
        database.grant_connect(admin.role)
        # Symbols for the fetchers, and commands for the dispatcher.
        written = [data.arn_for_objects(key) for key in (*(f"catalog/{name}.json" for name in CATALOG), f"{PREFIX}*")]
        admin.role.add_to_policy(iam.PolicyStatement(actions=["s3:PutObject"], resources=written))
        return admin
