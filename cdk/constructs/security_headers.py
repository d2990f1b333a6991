"""The security headers of what the gateway answers by itself: its errors, and preflights of other origins' pages."""

from __future__ import annotations

from aws_cdk import aws_apigateway as apigateway

SECURITY_HEADERS = {
    "Strict-Transport-Security": "max-age=63072000",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none';",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""Those of marketflow.api.security, of which a test makes sure: the CDK app imports nothing but the catalogue."""


def quoted(headers: dict[str, str]) -> dict[str, str]:
    """Static values as the gateway's mappings want them: between single quotes, whatever else is inside."""
    return {name: f"'{value}'" for name, value in headers.items()}


def secure_preflights(api: apigateway.RestApi) -> None:
    """Give the answers to OPTIONS, which the gateway makes without a function, the headers of all others."""
    for method in api.methods:
        if method.http_method != "OPTIONS":
            continue
        resource = method.node.default_child
        assert isinstance(resource, apigateway.CfnMethod)  # noqa: S101 - so typed because jsii cannot say
        for name, value in quoted(SECURITY_HEADERS).items():
            header = f"ResponseParameters.method\\.response\\.header\\.{name}"
            resource.add_property_override(f"Integration.IntegrationResponses.0.{header}", value)
            resource.add_property_override(f"MethodResponses.0.{header}", True)
