"""A world without a socket: an httpx transport that a client can be given in place of the network."""

from __future__ import annotations

import httpx

from local.simulator.world import World


def transport(world: World) -> httpx.MockTransport:
    """A transport for `httpx.Client` and `httpx.AsyncClient` whose every host is `world`."""

    def handle(request: httpx.Request) -> httpx.Response:
        path, _, query = request.url.raw_path.decode("ascii").partition("?")
        answer = world.answer(request.method, path, query, dict(request.headers))
        return httpx.Response(answer.status, headers=answer.headers, content=answer.body)

    return httpx.MockTransport(handle)
