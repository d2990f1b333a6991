"""API Gateway, Cognito, KMS, SNS and endpoints: how people and alarms get in and out."""

from __future__ import annotations

from collections.abc import Iterator

from bench.cost.prices import Item, PriceError
from bench.cost.templates import Resource
from bench.cost.usage import OPERATIONS
from bench.cost.world import World
from bench.workload.flow import MONTH_HOURS

ALARM_MESSAGES = 50
"""Assumed: messages of alarms in a month."""

MACHINE_TOKENS = 24
"""Assumed: tokens of the machine client, which live for an hour; a job a day takes fewer."""


def api(resource: Resource, world: World) -> Iterator[Item]:
    """Requests, and the answers on their way out."""
    del resource
    number = world.usage.requests + OPERATIONS["admin"] + OPERATIONS["keys"]
    yield world.item("API Gateway", "requests", "apigateway.rest.request", number)
    yield world.item("Data transfer", "answers to the internet", "transfer.out_gb", world.usage.sent_gigabytes)


def stage(resource: Resource, world: World) -> Iterator[Item]:
    """A stage costs nothing without a cache; its logs are log groups. Raises PriceError for one with a cache."""
    del world
    if resource.properties.get("CacheClusterEnabled"):
        raise PriceError(f"{resource} has a cache, which is billed by the hour: add its price.")
    return iter(())


def web_acl(resource: Resource, world: World) -> Iterator[Item]:
    """The ACL and its rules by the month, and each request that it looks at; AWS' own groups cost as any rule."""
    yield world.item("WAF", "web ACL", "waf.web_acl", 1)
    yield world.item("WAF", "rules", "waf.rule", len(resource.properties["Rules"]))
    yield world.item("WAF", "requests", "waf.request", world.usage.requests)


def pool(resource: Resource, world: World) -> Iterator[Item]:
    """People who sign in."""
    del resource
    yield world.item("Cognito", "people", "cognito.essentials.mau", world.usage.demand.people)


def client(resource: Resource, world: World) -> Iterator[Item]:
    """An app client costs when machines sign in with it."""
    if "client_credentials" in resource.properties.get("AllowedOAuthFlows", ()):
        yield world.item("Cognito", "machine client", "cognito.machine_client", 1)
        yield world.item("Cognito", "machine tokens", "cognito.machine_token", MACHINE_TOKENS)


def key(resource: Resource, world: World) -> Iterator[Item]:
    """A key, and its use by alarms."""
    del resource
    yield world.item("KMS", "key", "kms.key", 1)
    yield world.item("KMS", "requests", "kms.request", ALARM_MESSAGES)


def topic(resource: Resource, world: World) -> Iterator[Item]:
    """Messages of alarms."""
    del resource
    yield world.item("SNS", "alarms", "sns.publish", ALARM_MESSAGES)


def endpoint(resource: Resource, world: World) -> Iterator[Item]:
    """A gateway endpoint is free; an interface endpoint costs for each zone."""
    if resource.properties.get("VpcEndpointType", "Gateway") != "Gateway":
        zones = len(resource.properties.get("SubnetIds", ())) or 1
        yield world.item("VPC", "interface endpoints", "vpc.endpoint_hour", MONTH_HOURS, times=zones)
