"""Answers the operator's requests, which change symbols: an API Gateway proxy event in, an HTTP answer out.

The gateway has checked the access token and its scope before it calls this function.
"""

from __future__ import annotations

from typing import Any

from marketflow import bootstrap

app = bootstrap.admin_api()


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """The answer to one request."""
    return app(event, context)
