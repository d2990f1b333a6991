"""The gateway's own errors as problem+json."""

from __future__ import annotations

from aws_cdk import aws_apigateway as apigateway

from cdk.problems import PROBLEMS


def add_problems(api: apigateway.RestApi, *, readable_by_pages: bool) -> None:
    """Give `api` every answer of cdk/problems.py; `readable_by_pages` lets web pages of other origins read them."""
    # An error tells nothing that a page may not read, and a gateway response cannot choose among origins.
    cors = {"Access-Control-Allow-Origin": "'*'"} if readable_by_pages else {}
    for problem in PROBLEMS:
        api.add_gateway_response(
            "".join(word.capitalize() for word in problem.kind.response_type.split("_")),
            type=problem.kind,
            status_code=str(problem.status),
            response_headers={**problem.headers, **cors},
            templates={"application/json": problem.template},
        )
