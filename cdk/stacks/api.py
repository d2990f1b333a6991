"""Api: the functions that answer requests, and the gateway in front of them."""

from __future__ import annotations

from aws_cdk import ArnFormat, CfnOutput
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_cognito as cognito
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from constructs import Construct

from cdk.access import DatabaseAccess, DatabaseRole
from cdk.bundling import Bundler
from cdk.constructs.code import Code
from cdk.constructs.dispatch import PREFIX
from cdk.constructs.function import Function
from cdk.constructs.keys_access import grant_keys
from cdk.constructs.live import ALIAS, live
from cdk.constructs.once_table import OnceTable
from cdk.constructs.rest_api import RestApi
from cdk.constructs.usage_plans import UsagePlans, plans_setting
from cdk.constructs.web_acl import WebAcl
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
        self.code = Code(stack=self, stage=stage, bundler=bundler)
        read = self._read(database)
        once = OnceTable(self, "Once", stage=stage)
        admin = self._admin(database, data, once)
        functions = {"api": live(read, stage=stage), "admin": live(admin, stage=stage), "keys": self._named("keys")}
        rest = RestApi(self, "Rest", stage=stage, functions=functions, user_pool=user_pool)
        self._keys(rest.api, once)
        if stage.api.waf is not None:
            WebAcl(self, "WebAcl", stage=stage, limits=stage.api.waf, api=rest.api)
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
            layers=["core"],
            environment={"DATABASE_URL": database.url(DatabaseRole.READER), **self._http()},
            network=database.network,
        )
        database.grant_connect(read.role, DatabaseRole.READER)
        return read

    def _keys(self, api: apigateway.RestApi, once: OnceTable) -> Function:
        """The function of users' own API keys, outside the VPC: it talks to API Gateway and DynamoDB alone."""
        stage = self.settings
        plans = UsagePlans(self, "Plans", stage=stage, api=api)
        size = stage.functions.keys
        keys = Function(
            self,
            "Keys",
            stage=stage,
            code=self.code,
            folder="keys",
            name="keys",
            size=size,
            environment={
                **self._http(),
                **once.environment(timeout=size.timeout),
                "USAGE_PLAN_IDS": self.to_json_string(plans.ids),
            },
        )
        grant_keys(keys.role, stack=self, plan_ids=plans.ids)
        once.grant_use(keys.role)
        live(keys, stage=stage).add_permission(
            "Gateway", principal=iam.ServicePrincipal("apigateway.amazonaws.com"), source_arn=api.arn_for_execute_api()
        )
        return keys

    def _http(self) -> dict[str, str]:
        """The settings of every function behind the gateway."""
        stage = self.settings
        return {"CORS_ORIGINS": ",".join(stage.api.cors_origins), "PLANS": plans_setting(stage)}

    def _named(self, name: str) -> lambda_.IFunction:
        """The live version of the function `name` by nothing but its ARN, so that the gateway does not wait for it.

        The function waits for the gateway: it is told the usage plans, and those belong to the deployed stage.
        """
        function_name = self.settings.resource(name)
        arn = self.format_arn(
            service="lambda",
            resource="function",
            resource_name=f"{function_name}:{ALIAS}",
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        return lambda_.Function.from_function_attributes(
            self, f"{name.capitalize()}ByName", function_arn=arn, skip_permissions=True
        )

    def _admin(self, database: DatabaseAccess, data: s3.IBucket, once: OnceTable) -> Function:
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
                "DATABASE_URL": database.url(DatabaseRole.WRITER),
                "DATA_BUCKET": data.bucket_name,
                **self._http(),
                **once.environment(timeout=stage.functions.admin.timeout),
            },
            network=database.network,
        )
        database.grant_connect(admin.role, DatabaseRole.WRITER)
        once.grant_use(admin.role)
        # Symbols for the fetchers, and commands for the dispatcher.
        written = [
            data.arn_for_objects(key)
            for key in (*(f"catalog/{name}.json" for name in (*CATALOG, "symbols")), f"{PREFIX}*")
        ]
        admin.role.add_to_policy(iam.PolicyStatement(actions=["s3:PutObject"], resources=written))
        return admin
