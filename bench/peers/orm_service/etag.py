"""Entity tags for every good answer, as plain ASGI middleware: Starlette's base class would add tasks and queues."""

from __future__ import annotations

from hashlib import sha256

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class ETagMiddleware:
    """Adds `ETag` and answers 304 to a client that has the same."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hold the answer back until its body is complete."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        start: Message = {}
        parts: list[bytes] = []

        async def hold(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
                return
            parts.append(message.get("body", b""))
            if message.get("more_body", False):
                return
            body = b"".join(parts)
            headers = MutableHeaders(raw=start["headers"])
            headers["cache-control"] = "private, no-cache"
            if start["status"] == 200:
                headers["etag"] = tag = f'"{sha256(body).hexdigest()[:32]}"'
                if Headers(scope=scope).get("if-none-match") == tag:
                    start["status"], body = 304, b""
                    headers["content-length"] = "0"
            await send(start)
            await send({"type": "http.response.body", "body": body})

        await self.app(scope, receive, hold)
