"""GET /v1/docs: Swagger UI over the deployment's own OpenAPI document, from the deployment's own files.

Swagger UI ships inside Powertools, which is in the layer anyway (https://swagger.io/docs/open-source-tools/swagger-ui/).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

from pydantic import Field

from marketflow.api.messages import Request, Response
from marketflow.api.parameters import NoParameters
from marketflow.api.problems import Problem
from marketflow.api.routing import Access, Route

CACHE_CONTROL = "public, no-cache"
"""Kept, but asked for again each time, which the entity tag makes a 304. The names hold no version: a file that lived
longer than its deployment could meet a newer page."""

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
}
"""The page may ask this deployment and nobody else, runs no script but its own, and no other page may frame it."""

JAVASCRIPT = "text/javascript; charset=utf-8"
STYLES = "text/css; charset=utf-8"

OURS = Path(__file__).parent
SWAGGER_UI = Path("event_handler", "openapi", "swagger_ui")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """A file that the page loads: its name on disk and whether it is one of Powertools'."""

    file: str
    content_type: str
    powertools: bool = False

    def path(self) -> Path:
        """Where the file is. Powertools' event handler, which it belongs to, is found and not imported."""
        if not self.powertools:
            return OURS / self.file
        spec = find_spec("aws_lambda_powertools")
        if spec is None or not spec.submodule_search_locations:
            raise FileNotFoundError("aws_lambda_powertools, which brings Swagger UI, is not installed")
        return Path(spec.submodule_search_locations[0]) / SWAGGER_UI / self.file


ASSETS = {
    "swagger-ui.js": Asset(file="swagger-ui-bundle.min.js", content_type=JAVASCRIPT, powertools=True),
    "swagger-ui.css": Asset(file="swagger-ui.min.css", content_type=STYLES, powertools=True),
    "init.js": Asset(file="init.js", content_type=JAVASCRIPT),
    "style.css": Asset(file="style.css", content_type=STYLES),
}
"""By the name in the URL."""


class AssetParameters(NoParameters):
    """GET /v1/docs/{file}."""

    file: str = Field(description="One of the files that the page loads.")


def page(request: Request, parameters: NoParameters) -> Response:  # noqa: ARG001 - every handler's shape
    """The page; its files stand below its own public path, whatever stage or domain that begins with."""
    here = quote(request.public_path.rstrip("/"), safe="/%")
    html = _text(OURS / "page.html").replace("{docs}", here)
    return Response(body=html, content_type="text/html; charset=utf-8", cache_control=CACHE_CONTROL, headers=HEADERS)


def asset(request: Request, parameters: AssetParameters) -> Response:
    """One of the page's files."""
    found = ASSETS.get(parameters.file)
    if found is None:
        return Problem.PATH_NOT_FOUND.response(request, "There is nothing at this path.")
    return Response(
        body=_text(found.path()), content_type=found.content_type, cache_control=CACHE_CONTROL, headers=HEADERS
    )


@cache
def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


ROUTES = (
    Route(
        method="GET",
        path="/v1/docs",
        handler=page,
        summary="A page where a person reads this API and tries it.",
        access=Access.OPEN,
        documented=False,
    ),
    Route(
        method="GET",
        path="/v1/docs/{file}",
        handler=asset,
        summary="A file that the page loads.",
        access=Access.OPEN,
        parameters=AssetParameters,
        problems=(Problem.PATH_NOT_FOUND,),
        documented=False,
    ),
)
