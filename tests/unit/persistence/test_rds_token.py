"""The token of an RDS IAM login."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import botocore.auth
import botocore.session
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketflow.persistence.rds_token import rds_token

pytestmark = pytest.mark.unit


@dataclass(frozen=True)
class Keys:
    """Credentials as `marketflow.config.AwsCredentials` has them."""

    access_key: str
    secret_key: str
    session_token: str | None
    region: str


@pytest.fixture(scope="module")
def aws() -> botocore.session.Session:
    """The AWS SDK's own signer, which the token is compared with."""
    return botocore.session.Session()


_key = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", min_size=16, max_size=20)
_secret = st.text("abcXYZ019+/=", min_size=20, max_size=40)
_user = st.text("abcXYZ019_-.@$ /~é", min_size=1, max_size=20)


@settings(max_examples=25, deadline=None)
@given(
    keys=st.builds(
        Keys, _key, _secret, st.none() | _secret, st.sampled_from(["eu-central-1", "us-gov-west-1", "cn-north-1"])
    ),
    user=_user,
    port=st.integers(1024, 65535),
    moment=st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1)),  # noqa: DTZ001 - hypothesis wants naive bounds
)
def test_it_is_byte_for_byte_the_sdks(
    aws: botocore.session.Session, keys: Keys, user: str, port: int, moment: datetime
) -> None:
    """For any user, key, session token and time, the token equals botocore's generate_db_auth_token."""
    host = "marketflow.proxy-abc123.eu-central-1.rds.amazonaws.com"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.auth, "get_current_datetime", lambda **_: moment)
        client: Any = aws.create_client(
            "rds",
            region_name=keys.region,
            aws_access_key_id=keys.access_key,
            aws_secret_access_key=keys.secret_key,
            aws_session_token=keys.session_token,
        )
        expected = client.generate_db_auth_token(DBHostname=host, Port=port, DBUsername=user)
    token = rds_token(host=host, port=port, user=user, credentials=keys, now=moment.replace(tzinfo=UTC))
    assert token == expected


def test_it_is_signed_for_now() -> None:
    """Without a given moment the token carries the present one, so that it is good for 15 minutes from now."""
    before = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    token = rds_token(host="h", port=1, user="u", credentials=Keys("K", "S", None, "eu-central-1"))
    stamp = token.partition("X-Amz-Date=")[2].partition("&")[0]
    assert before <= stamp <= datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    assert "X-Amz-Expires=900" in token
