"""Opens connections: socket or TCP, verified TLS, a fresh IAM token each time, patience with a bound."""

from __future__ import annotations

import ssl
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import pg8000.exceptions  # type: ignore[import-untyped]  # pg8000 ships no types

from marketflow.errors import ConfigurationError, DatabaseUnavailableError
from marketflow.persistence.rds_token import Credentials, rds_token
from marketflow.persistence.url import parse_database_url

FIRST_PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 1.0
GRACE_SECONDS = 5.0
"""What the server has beyond its own statement timeout to say so, before we hang up."""

T = TypeVar("T")


def sqlstate(error: pg8000.exceptions.DatabaseError) -> str:
    """The server's five-character error code.

    https://www.postgresql.org/docs/current/errcodes-appendix.html
    """
    facts = error.args[0] if error.args else None
    return str(facts.get("C", "")) if isinstance(facts, dict) else ""


def server_routine(error: pg8000.exceptions.DatabaseError) -> str:
    """The function of the server that raised the error, which tells some apart that share a code."""
    facts = error.args[0] if error.args else None
    return str(facts.get("R", "")) if isinstance(facts, dict) else ""


def server_message(error: Exception) -> str:
    """What the server said, or the kind of failure; never a parameter or a credential."""
    facts = error.args[0] if error.args else None
    return str(facts.get("M", "")) if isinstance(facts, dict) else str(facts or type(error).__name__)


def _said_by_server(error: Exception, outside: BaseException | None) -> Exception:
    """The refusal behind `error`, if there is one; `outside` is what was being handled before and has no part in it.

    After a refusal pg8000 hangs up politely. When the server was faster, that fails, and only this failure is raised.
    """
    link: BaseException | None = error
    while link is not None and link is not outside:
        if isinstance(link, Exception) and isinstance(link, pg8000.exceptions.DatabaseError):
            return link
        link = link.__context__
    return error


@dataclass(frozen=True, slots=True, kw_only=True)
class Connector:
    """How to reach one database.

    `credentials` is asked for each new connection, and only when the URL says `auth=iam`. `deadline_seconds` bounds all
    attempts to connect together, `statement_timeout_seconds` one statement.
    """

    url: str
    credentials: Callable[[], Credentials] | None = None
    application_name: str = "marketflow"
    deadline_seconds: float = 10.0
    statement_timeout_seconds: float = 30.0

    def __post_init__(self) -> None:
        if parse_database_url(self.url).iam and self.credentials is None:
            raise ConfigurationError("DATABASE_URL says auth=iam, but this process was given no AWS credentials.")

    def __repr__(self) -> str:
        return f"Connector({self.place})"

    @property
    def place(self) -> str:
        """The server and database for messages; never a credential."""
        return parse_database_url(self.url).place

    def open(self, factory: Callable[..., T]) -> T:
        """A connection of `factory`, one of pg8000's connection classes, after as many attempts as the deadline allows.

        Raises DatabaseUnavailableError when the server does not take one in time, ConfigurationError when it refuses
        the user, the database or has no certificate that we trust: asking again would not help.
        """
        deadline = time.monotonic() + self.deadline_seconds
        pause = FIRST_PAUSE_SECONDS
        outside = sys.exception()
        while True:
            left = max(deadline - time.monotonic(), FIRST_PAUSE_SECONDS)
            try:
                connection = factory(**self._arguments(), timeout=left)
            except (pg8000.exceptions.Error, OSError) as failure:
                error = _said_by_server(failure, outside)
                if (advice := self._hopeless(error)) is not None:
                    raise ConfigurationError(f"The database at {self.place} refused us: {advice}") from error
                if time.monotonic() + pause >= deadline:
                    message = (
                        f"The database at {self.place} took no connection within {self.deadline_seconds:g} s: "
                        f"{server_message(error)}."
                    )
                    raise DatabaseUnavailableError(message) from error
            else:
                # pg8000 has one timeout for connecting and for every later wait; they are not the same to us.
                connection._usock.settimeout(  # type: ignore[attr-defined]  # noqa: SLF001
                    self.statement_timeout_seconds + GRACE_SECONDS
                )
                return connection
            time.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    def _arguments(self) -> dict[str, Any]:
        settings = parse_database_url(self.url)
        arguments: dict[str, Any] = {
            "user": settings.user,
            "database": settings.database,
            "host": settings.host,
            "port": settings.port,
            "unix_sock": settings.unix_socket,
            # Without one, pg8000 stumbles over the absence; with an empty one, the server says what is wrong.
            "password": settings.password or "",
            "ssl_context": ssl.create_default_context() if settings.tls else False,
            "application_name": self.application_name,
        }
        if settings.iam and self.credentials is not None:
            arguments["password"] = rds_token(
                host=settings.host, port=settings.port, user=settings.user, credentials=self.credentials()
            )
        else:
            # RDS Proxy would pin the session; behind it the limit of the role counts (revision 0015).
            milliseconds = round(self.statement_timeout_seconds * 1000)
            arguments["startup_params"] = {"statement_timeout": str(milliseconds)}
        return arguments

    @staticmethod
    def _hopeless(error: Exception) -> str | None:
        """What the operator has to mend, when no further attempt could succeed."""
        if isinstance(error, ssl.SSLCertVerificationError):
            return f"its certificate is not trusted ({error.verify_message}). Check the host in DATABASE_URL."
        if isinstance(error, pg8000.exceptions.DatabaseError):
            code = sqlstate(error)
            if code.startswith("28") or code == "3D000":
                return f"{server_message(error)}. Check the user and database in DATABASE_URL and the login's grants."
        return None
