"""The password of an RDS IAM login, signed locally: no AWS SDK to import and no call that an isolated subnet blocks."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime
from typing import Protocol
from urllib.parse import quote

LIFETIME_SECONDS = 900
"""How long a token opens connections; connections that it opened stay open."""


class Credentials(Protocol):
    """Temporary AWS credentials and the region of the database, as `marketflow.config.AwsCredentials` has them."""

    @property
    def access_key(self) -> str:
        """AWS_ACCESS_KEY_ID."""
        ...

    @property
    def secret_key(self) -> str:
        """AWS_SECRET_ACCESS_KEY."""
        ...

    @property
    def session_token(self) -> str | None:
        """AWS_SESSION_TOKEN; None for keys that do not expire."""
        ...

    @property
    def region(self) -> str:
        """AWS_REGION, such as `eu-central-1`."""
        ...


def rds_token(*, host: str, port: int, user: str, credentials: Credentials, now: datetime | None = None) -> str:
    """A presigned `rds-db:connect` request of `user` without its scheme, good for 15 minutes from `now` (UTC).

    AWS Signature Version 4 in query parameters:
    https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
    """
    moment = (now or datetime.now(UTC)).strftime("%Y%m%dT%H%M%SZ")
    scope = f"{moment[:8]}/{credentials.region}/rds-db/aws4_request"
    parameters = {
        "Action": "connect",
        "DBUser": user,
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Credential": f"{credentials.access_key}/{scope}",
        "X-Amz-Date": moment,
        "X-Amz-Expires": str(LIFETIME_SECONDS),
        "X-Amz-SignedHeaders": "host",
    }
    if credentials.session_token is not None:
        parameters["X-Amz-Security-Token"] = credentials.session_token
    pairs = [f"{quote(name, safe='-._~')}={quote(value, safe='-._~')}" for name, value in parameters.items()]
    request = "\n".join(
        ("GET", "/", "&".join(sorted(pairs)), f"host:{host}:{port}", "", "host", hashlib.sha256(b"").hexdigest())
    )
    to_sign = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    key = f"AWS4{credentials.secret_key}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
    return f"{host}:{port}/?{'&'.join(pairs)}&X-Amz-Signature={signature}"
