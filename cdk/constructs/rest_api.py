"""The REST API in front of the functions that answer it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aws_cdk import Duration, Size, Tags
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_cognito as cognito
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from cdk.constructs.api_stage import deployment, log_group
from cdk.constructs.gateway_problems import CORS_EXPOSED, add_problems
from cdk.constructs.operator_key import OperatorKey
from cdk.constructs.security_headers import secure_preflights
from cdk.routes import ROUTES, STAGE_NAME, Route
from cdk.stages import Stage

TLS = "SecurityPolicy_TLS13_1_2_2021_06"
"""TLS 1.2 and 1.3; without a policy of its own the API would take TLS 1.0 as well.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-security-policies.html
"""

COMPRESSED_FROM = Size.bytes(1024)  # below it gzip saves nothing
CORS_HEADERS = ["X-Api-Key", "Authorization", "If-None-Match", "If-Match", "Idempotency-Key", "Content-Type"]


class RestApi(Construct):
    """Regional REST API `api` with the routes of cdk/routes.py; `key` is the operator's.

    `functions` answer, by the names that the routes give them. Tokens are those of `user_pool`.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        stage: Stage,
        functions: Mapping[str, lambda_.IFunction],
        user_pool: cognito.IUserPool,
    ) -> None:
        super().__init__(scope, construct_id)
        self.api = apigateway.RestApi(
            self,
            "Api",
            rest_api_name=stage.resource("api"),
            description="MarketFlow: exact market data",
            endpoint_types=[apigateway.EndpointType.REGIONAL],
            min_compression_size=COMPRESSED_FROM,
            cloud_watch_role=True,
            deploy_options=deployment(self, stage=stage),
            default_cors_preflight_options=_preflight(stage),
        )
        resource = self.api.node.default_child
        assert isinstance(resource, apigateway.CfnRestApi)  # noqa: S101 - so typed because jsii cannot say
        resource.security_policy = TLS
        # The policy needs one; the other mode would refuse requests that come by an operator's own proxy.
        resource.endpoint_access_mode = "BASIC"
        for name, value in stage.api.tags.items():
            Tags.of(self.api).add(name, value)
        # The functions read and check the parameters themselves, and name the one that is wrong.
        integrations = {
            name: apigateway.LambdaIntegration(function, scope_permission_to_method=False)
            for name, function in functions.items()
        }
        for route in ROUTES:
            resource = self.api.root.resource_for_path(route.path)
            resource.add_method(
                route.method,
                integrations[route.function],
                api_key_required=route.needs_key,
                **self._authorization(route, user_pool),
            )
        for path, function in {route.path: route.function for route in reversed(ROUTES)}.items():
            # A method that the path does not have: 405 with the ones that it has. The gateway itself would say 403.
            self.api.root.resource_for_path(path).add_method("ANY", integrations[function])
        secure_preflights(self.api)
        add_problems(self.api, stage=stage)
        # Made before the gateway makes it, which would keep it for ever.
        name = f"API-Gateway-Execution-Logs_{self.api.rest_api_id}/{STAGE_NAME}"
        self.api.deployment_stage.node.add_dependency(log_group(self, "ExecutionLog", stage=stage, name=name))
        self.key = OperatorKey(self, "Operator", stage=stage, api=self.api).key

    def _authorization(self, route: Route, user_pool: cognito.IUserPool) -> dict[str, Any]:
        """The gateway's check of the access token: signature, time and scope. Nothing for a route without one."""
        if route.scope is None:
            return {}
        authorizer = self.node.try_find_child("Tokens") or apigateway.CognitoUserPoolsAuthorizer(
            self, "Tokens", cognito_user_pools=[user_pool]
        )
        return {"authorizer": authorizer, "authorization_scopes": [route.scope]}


def _preflight(stage: Stage) -> apigateway.CorsOptions | None:
    if not stage.api.cors_origins:
        return None
    return apigateway.CorsOptions(
        allow_origins=list(stage.api.cors_origins),
        allow_methods=sorted({route.method for route in ROUTES}),
        allow_headers=CORS_HEADERS,
        expose_headers=CORS_EXPOSED,
        max_age=Duration.hours(1),
    )
