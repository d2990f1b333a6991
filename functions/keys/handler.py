"""Answers the requests for users' own API keys: an API Gateway proxy event in, an HTTP answer out."""

from __future__ import annotations

from typing import Any

from marketflow import bootstrap

app = bootstrap.keys_api()


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """The answer to one request."""
    return app(event, context)
