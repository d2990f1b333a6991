"""Api: the read API, its function in the VPC and the gateway in front of it."""

from __future__ import annotations

from aws_cdk import CfnOutput
from constructs import Construct

from cdk.access import DatabaseAccess
from cdk.bundling import Bundler
from cdk.constructs.code import code_for
from cdk.constructs.function import Function
from cdk.constructs.rest_api import RestApi
from cdk.stack import MarketFlowStack
from cdk.stages import Stage


class ApiStack(MarketFlowStack):
    """One function behind one REST API. Deployed after Ingestion, whose migration the function's code relies on."""

    def __init__(self, scope: Construct, *, stage: Stage, bundler: Bundler, database: DatabaseAccess) -> None:
        super().__init__(scope, "api", stage=stage, description="the read API")
        self.function = Function(
            self,
            "Read",
            stage=stage,
            code=code_for(self, stage=stage, bundler=bundler),
            folder="api",
            name="api",
            size=stage.functions.api,
            environment={"DATABASE_URL": database.url, "CORS_ORIGINS": ",".join(stage.api.cors_origins)},
            network=database.network,
        )
        database.grant_connect(self.function.role)
        rest = RestApi(self, "Rest", stage=stage, function=self.function.function)
        CfnOutput(self, "ApiUrl", value=rest.api.url, description="Paths begin below it: v1/health")
        CfnOutput(self, "ApiId", value=rest.api.rest_api_id)
        CfnOutput(self, "ApiKeyId", value=rest.key.key_id, description="aws apigateway get-api-key --include-value")
        CfnOutput(self, "ApiFunctionName", value=self.function.function.function_name)
