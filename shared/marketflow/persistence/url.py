"""DATABASE_URL, the one setting that says where the database is and how to prove who we are."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from marketflow.errors import ConfigurationError

EXPECTED = (
    "Expected postgresql://user@host:5432/database?auth=iam (AWS), postgresql://user:password@host:5432/database or "
    "postgresql://user@/database?host=/socket/folder."
)
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_PARAMETERS = {"host", "port", "auth", "sslmode"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionSettings:
    """Where the database is. `unix_socket` is the socket's file; then `host` is not used.

    `iam` says that the password is a token that is signed for each connection; `tls` that the connection is encrypted
    and the server's certificate and name are verified (there is no unverified encryption).
    """

    user: str
    database: str
    host: str = "localhost"
    port: int = 5432
    unix_socket: str | None = None
    password: str | None = field(default=None, repr=False)
    iam: bool = False
    tls: bool = False

    @property
    def place(self) -> str:
        """The server and database for messages; never a credential."""
        return f"{self.unix_socket or f'{self.host}:{self.port}'}, database {self.database}"


def parse_database_url(url: str) -> ConnectionSettings:
    """The settings in `url`. Raises ConfigurationError that names DATABASE_URL and never repeats the URL's password.

    TCP is encrypted and verified unless `sslmode=disable` says otherwise or the host is this machine; with
    `auth=iam` it always is.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _refuse("it is not a URL") from None
    if parts.scheme not in {"postgresql", "postgres"}:
        raise _refuse(f"its scheme is {parts.scheme or 'missing'!r}")
    if not parts.username:
        raise _refuse("it names no user")
    database = unquote(parts.path.removeprefix("/"))
    if not database or "/" in database:
        raise _refuse("it names no database")
    return _settings(parts, database=database, port=port, options=_options(parts))


def _options(parts: SplitResult) -> dict[str, str]:
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    options = dict(pairs)
    if parts.fragment or len(options) < len(pairs):
        raise _refuse("it has a fragment or a parameter twice")
    if unknown := options.keys() - _PARAMETERS:
        raise _refuse(f"it has unknown parameters: {', '.join(sorted(unknown))}")
    if options.get("auth", "iam") != "iam":
        raise _refuse("auth can only be iam")
    if options.get("sslmode", "disable") not in {"disable", "verify-full"}:
        raise _refuse("sslmode can only be disable or verify-full")
    return options


def _settings(parts: SplitResult, *, database: str, port: int | None, options: dict[str, str]) -> ConnectionSettings:
    user = unquote(parts.username or "")
    password = None if parts.password is None else unquote(parts.password)
    if "port" in options:
        if not options["port"].isdecimal():
            raise _refuse("its port is not a number")
        port = int(options["port"])
    port = 5432 if port is None else port
    iam = options.get("auth") == "iam"
    folder = options.get("host")
    if folder is not None:
        if parts.hostname or not folder.startswith("/"):
            raise _refuse("host= must be the folder of a Unix socket, with no other host beside it")
        if iam:
            raise _refuse("auth=iam needs TLS, which a Unix socket does not have")
        return ConnectionSettings(
            user=user,
            database=database,
            port=port,
            unix_socket=f"{folder.rstrip('/')}/.s.PGSQL.{port}",
            password=password,
        )
    if not parts.hostname:
        raise _refuse("it names no host")
    if iam and (password is not None or options.get("sslmode") == "disable"):
        raise _refuse("auth=iam excludes a password and sslmode=disable")
    mode = options.get("sslmode", "disable" if parts.hostname in _LOOPBACK and not iam else "verify-full")
    return ConnectionSettings(
        user=user,
        database=database,
        host=parts.hostname,
        port=port,
        password=password,
        iam=iam,
        tls=mode == "verify-full",
    )


def _refuse(fault: str) -> ConfigurationError:
    return ConfigurationError(f"DATABASE_URL is not usable: {fault}. {EXPECTED}")
