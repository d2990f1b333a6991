"""The gateway's own errors as problem+json."""

from __future__ import annotations

from aws_cdk import aws_apigateway as apigateway

from cdk.constructs.security_headers import SECURITY_HEADERS, quoted
from cdk.constructs.usage_plans import every_policy
from cdk.problems import PROBLEMS
from cdk.stages import Stage

CORS_EXPOSED = ["Link", "Location", "ETag", "RateLimit-Policy", "Retry-After", "X-Adjustment"]
REFUSED = (401, 403)
"""What the gateway answers to a credential that is none: it tells nothing of plans."""


def add_problems(api: apigateway.RestApi, *, stage: Stage) -> None:
    """Give `api` every answer of cdk/problems.py, with what each plan allows where a key was found good or none asked.

    Where pages of other origins may read the API at all, they may read these.
    """
    # An error tells nothing that a page may not read, and a gateway response cannot choose among origins.
    exposed = f"'{', '.join(CORS_EXPOSED)}'"
    readable = {"Access-Control-Allow-Origin": "'*'", "Access-Control-Expose-Headers": exposed}
    cors = readable if stage.api.cors_origins else {}
    secure = quoted(SECURITY_HEADERS)
    limits = {"RateLimit-Policy": f"'{every_policy(stage)}'"}
    for problem in PROBLEMS:
        api.add_gateway_response(
            "".join(word.capitalize() for word in problem.kind.response_type.split("_")),
            type=problem.kind,
            status_code=str(problem.status),
            response_headers={**secure, **problem.headers, **cors, **({} if problem.status in REFUSED else limits)},
            templates={"application/json": problem.template},
        )
