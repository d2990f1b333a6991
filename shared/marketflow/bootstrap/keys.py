"""Wires the function of users' own API keys."""

from __future__ import annotations

import boto3

from marketflow.api.app import App
from marketflow.api.key_routes import KeyRoutes
from marketflow.bootstrap.process import per_process, utc_now
from marketflow.config import IdempotencySettings, KeysSettings
from marketflow.domain.plans import Plan
from marketflow.gateway.keys import GatewayKeys
from marketflow.idempotency.once import PowertoolsOnce
from marketflow.observability import logger
from marketflow.services.keys import Keys
from marketflow.services.once import Once


@per_process
def keys_api() -> App:
    """The function of users' own API keys, which live in API Gateway."""
    settings = KeysSettings.load()
    keys = Keys(
        store=GatewayKeys(client=boto3.client("apigateway"), plan_ids=settings.usage_plan_ids),
        once=once(settings),
        plans={Plan(name): limits for name, limits in settings.plans.items() if name in set(Plan)},
        clock=utc_now,
    )
    return App(KeyRoutes(keys).table(), log=logger, cors_origins=settings.cors_origins)


def once(settings: IdempotencySettings) -> Once:
    """What remembers the work that was done for an Idempotency-Key."""
    return PowertoolsOnce(table=settings.table, client=boto3.client("dynamodb"), seconds=settings.timeout_seconds)
