"""The routes with which the operator changes symbols: the table, and what each one does."""

from __future__ import annotations

import json
from urllib.parse import quote

from marketflow.api.idempotency import idempotency_key
from marketflow.api.messages import Request, Response, entity_tag
from marketflow.api.parameters import SymbolParameters
from marketflow.api.problems import Problem
from marketflow.api.routing import Access, Route
from marketflow.domain.listing import Change, Draft
from marketflow.services.administration import Administration
from marketflow.services.once import Once

_CHANGES = (Problem.SYMBOL_NOT_FOUND, Problem.PRECONDITION_FAILED, Problem.CATALOG_UNAVAILABLE)


class AdminRoutes:
    """The symbols' administration over HTTP; `once` keeps the promise of the header Idempotency-Key."""

    def __init__(self, *, administration: Administration, once: Once) -> None:
        self._administration = administration
        self._once = once

    def table(self) -> tuple[Route, ...]:
        """The routes, in the order in which the documentation shows them."""
        return (
            Route(
                method="POST",
                path="/v1/symbols",
                handler=self.add,
                summary="Adds a symbol; it is fetched with the next tick of its source's schedule.",
                access=Access.ADMIN,
                body=Draft,
                problems=(
                    Problem.INVALID_SYMBOL,
                    Problem.INVALID_HEADER,
                    Problem.SYMBOL_EXISTS,
                    Problem.IDEMPOTENCY_IN_PROGRESS,
                    Problem.IDEMPOTENCY_MISMATCH,
                    Problem.CATALOG_UNAVAILABLE,
                ),
            ),
            Route(
                method="PATCH",
                path="/v1/symbols/{symbol}",
                handler=self.change,
                summary="Changes what is not part of a symbol's history, by a JSON merge patch (RFC 7396).",
                access=Access.ADMIN,
                parameters=SymbolParameters,
                body=Change,
                problems=(*_CHANGES, Problem.INVALID_SYMBOL, Problem.PRECONDITION_REQUIRED),
            ),
            Route(
                method="DELETE",
                path="/v1/symbols/{symbol}",
                handler=self.deactivate,
                summary="Deactivates a symbol: it is no longer fetched, and its history stays and stays served.",
                access=Access.ADMIN,
                parameters=SymbolParameters,
                problems=_CHANGES,
            ),
        )

    def add(self, request: Request, parameters: object, draft: Draft) -> Response:  # noqa: ARG002 - every handler's shape
        """A new symbol, as GET shows it."""
        body = self._once(
            operation="POST /v1/symbols",
            owner=request.caller.subject if request.caller else "",
            key=idempotency_key(request),
            payload=draft.model_dump_json().encode(),
            work=lambda: self._administration.add(draft),
        )
        name = quote(json.loads(body)["symbol"], safe="")
        path = request.public_path.rstrip("/")
        headers = {"Location": f"{request.origin}{path}/{name}", "ETag": entity_tag(body)}
        return Response(status=201, body=body, headers=headers)

    def change(self, request: Request, parameters: SymbolParameters, change: Change) -> Response:
        """A changed symbol, as GET shows it."""
        if not request.headers.get("if-match"):
            detail = (
                "Send If-Match with the ETag of the symbol that you mean to change, as GET gave it, or * for any state."
            )
            raise Problem.PRECONDITION_REQUIRED.refusal(detail)
        body = self._administration.change(
            parameters.symbol, change, condition=lambda known: _matches(request, entity_tag(known))
        )
        return Response(body=body, headers={"ETag": entity_tag(body)})

    def deactivate(self, request: Request, parameters: SymbolParameters) -> Response:
        """Nothing to say; If-Match holds here too, if it is given."""
        self._administration.deactivate(parameters.symbol, condition=lambda known: _matches(request, entity_tag(known)))
        return Response(status=204)


def _matches(request: Request, tag: str) -> bool:
    """Whether `If-Match` names the tag, by the strong comparison that RFC 9110 section 13.1.1 asks for."""
    given = request.headers.get("if-match")
    return given is None or bool({tag, "*"} & {candidate.strip() for candidate in given.split(",")})
