"""DATABASE_URL."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflow.errors import ConfigurationError
from marketflow.persistence.connection import Database
from marketflow.persistence.url import ConnectionSettings, parse_database_url

pytestmark = pytest.mark.unit


def test_a_socket_folder_becomes_the_socket_file() -> None:
    """`host=` names the folder of a Unix socket, percent-encoded where it has to be; nothing is encrypted there."""
    assert parse_database_url("postgresql://postgres@/marketflow?host=/a%20b/c/") == ConnectionSettings(
        user="postgres", database="marketflow", unix_socket="/a b/c/.s.PGSQL.5432"
    )


def test_iam_is_always_verified_tls() -> None:
    """`auth=iam` needs no other parameter: TLS is on and verified, even to this machine."""
    settings = parse_database_url("postgresql://marketflow@localhost:6432/marketflow?auth=iam")
    assert (settings.iam, settings.tls, settings.port, settings.password) == (True, True, 6432, None)


@pytest.mark.parametrize(
    ("url", "tls"),
    [
        ("postgresql://u:p@db.example.com/m", True),
        ("postgresql://u:p@db.example.com/m?sslmode=disable", False),
        ("postgresql://u:p@localhost/m", False),
        ("postgresql://u:p@[::1]/m", False),
        ("postgresql://u:p@localhost/m?sslmode=verify-full", True),
    ],
)
def test_tcp_is_encrypted_unless_told_otherwise_or_local(url: str, tls: bool) -> None:
    """A password crosses a network only through verified TLS, unless the operator writes sslmode=disable."""
    assert parse_database_url(url).tls is tls


def test_escaped_credentials_are_decoded_and_the_password_is_never_shown() -> None:
    """User, password and database are percent-decoded; no printed form has the password."""
    settings = parse_database_url("postgres://a%40b:s%2Fecret@127.0.0.1:5433/m%20f")
    assert (settings.user, settings.password, settings.database) == ("a@b", "s/ecret", "m f")
    assert "s/ecret" not in f"{settings!r} {settings.place}"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "marketflow",
        "mysql://u@h/d",
        "postgresql+pg8000://u@h/d",
        "postgresql://h/d",
        "postgresql://u@h",
        "postgresql://u@h/d/e",
        "postgresql://u@/d",
        "postgresql://u@h:port/d",
        "postgresql://u@h:70000/d",
        "postgresql://u@/d?host=relative",
        "postgresql://u@/d?host=/s&port=x",
        "postgresql://u@h/d?host=/s",
        "postgresql://u@h/d?auth=password",
        "postgresql://u@h/d?sslmode=prefer",
        "postgresql://u@h/d?sslmod=disable",
        "postgresql://u@h/d?auth=iam&auth=iam",
        "postgresql://u@h/d#x",
        "postgresql://u:hunter2@h/d?auth=iam",
        "postgresql://u@h/d?auth=iam&sslmode=disable",
        "postgresql://u@/d?host=/s&auth=iam",
        "postgresql://u:hunter2@[h/d",
    ],
)
def test_nonsense_names_the_setting_and_hides_the_password(url: str) -> None:
    """A URL that cannot work is refused at once, by the setting's name and without repeating a secret."""
    with pytest.raises(ConfigurationError, match=r"^DATABASE_URL is not usable: .*Expected postgresql://") as caught:
        Database(url)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@given(st.text(max_size=60) | st.text(max_size=40).map(lambda tail: f"postgresql://u@h/d?{tail}"))
def test_any_text_is_parsed_or_refused(url: str) -> None:
    """No text, however strange, gives another error than ConfigurationError."""
    with contextlib.suppress(ConfigurationError):
        assert parse_database_url(url).user


def test_iam_without_credentials_is_refused_before_connecting() -> None:
    """A process that was given no AWS credentials learns so when it starts, not when it connects."""
    with pytest.raises(ConfigurationError, match="auth=iam, but this process was given no AWS credentials"):
        Database("postgresql://marketflow@db.example.com/marketflow?auth=iam")
