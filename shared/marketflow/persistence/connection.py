"""The one connection of a process, and the only way in which MarketFlow's own SQL reaches the server.

Every statement must be a read or an idempotent upsert: when a connection breaks after a statement was sent, nobody can
know whether it was carried out, so it is sent again on a new connection. The same holds for what runs together.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import pg8000.core  # type: ignore[import-untyped]  # pg8000 ships no types
import pg8000.exceptions  # type: ignore[import-untyped]  # the same
import pg8000.native  # type: ignore[import-untyped]  # the same
from pg8000.converters import make_params  # type: ignore[import-untyped]  # the same

from marketflow.errors import DatabaseUnavailableError, RetryLaterError
from marketflow.persistence.connector import Connector, server_message, sqlstate
from marketflow.persistence.rds_token import Credentials

_TIMESTAMPTZ, _JSON, _JSONB = 1184, 114, 3802
"""Type numbers of pg_type."""

GONE = ("08", "57P", "25006")
"""The session is over, or the server became a read-only replica: the same statement may succeed on a new connection."""

AGAIN = ("40", "53", "55P03", "57014")
"""Deadlock, serialisation, out of resources, lock or statement timeout: nothing was done, a later try may succeed."""

PAUSE_SECONDS = 1.0
"""How long a server that could not be reached counts as gone: each message of a batch would wait for it once more."""

_compile = lru_cache(maxsize=256)(pg8000.native.to_statement)
"""Turns `:name` into `$1`, character by character in Python: worth doing once for each statement text."""


_Rows = list[list[Any]]
_Bound = tuple[str, Sequence[object]]
"""A statement with `$1` and the values for it."""


class _BrokenError(Exception):
    """The connection is gone."""


def _bind(values: Sequence[str | None]) -> bytes:
    """The message that gives the unnamed statement its parameters, all of them and the answer as text."""
    core = pg8000.core
    parts = [core.NULL_BYTE, core.NULL_BYTE, core.H_pack(0), core.H_pack(len(values))]
    for value in values:
        if value is None:
            parts.append(core.i_pack(-1))
        else:
            encoded = value.encode()
            parts += [core.i_pack(len(encoded)), encoded]
    return b"".join([*parts, core.H_pack(0)])


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


class _Wire(pg8000.native.Connection):  # type: ignore[misc]  # its base has no types
    """A pg8000 connection that runs statements in one round trip and one implicit transaction.

    pg8000 itself needs three, with a sync after each: a transaction-level proxy may then carry the three to different
    servers. Protocol: https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-EXT-QUERY
    """

    def __init__(self, **arguments: Any) -> None:  # noqa: ANN401 - what pg8000 takes
        self._results: list[_Rows] = []
        super().__init__(**arguments)
        self.register_in_adapter(_TIMESTAMPTZ, _utc)
        # JSON stays text: parsing it would turn exact numbers into floats, and the API passes it through.
        self.register_in_adapter(_JSON, str)
        self.register_in_adapter(_JSONB, str)

    def execute_once(self, statements: Sequence[_Bound]) -> list[_Rows]:
        """The rows of each of `statements`; none of one that returns none."""
        core = pg8000.core
        messages = []
        for statement, values in statements:
            messages += [
                core._create_message(core.PARSE, core.NULL_BYTE + statement.encode() + core.NULL_BYTE + core.H_pack(0)),  # noqa: SLF001 - pg8000's own way to frame
                core._create_message(core.BIND, _bind(make_params(self.py_types, values))),  # noqa: SLF001 - the same
                core._create_message(core.DESCRIBE, core.PORTAL + core.NULL_BYTE),  # noqa: SLF001 - the same
                core.EXECUTE_MSG,
            ]
        # One write, and no flush behind each message: the server would wake us up to hear its answer to every one.
        self._send_message(b"".join([*messages, core.SYNC]), b"")
        core._flush(self._sock)  # noqa: SLF001 - pg8000's own way to name a failed write
        self._results = []
        self.handle_messages(core.Context(None))
        return self._results

    def handle_COMMAND_COMPLETE(self, data: bytes, context: Any) -> None:  # noqa: ANN401, N802 - pg8000's name
        """Keep the rows of a statement apart from those of the next one; pg8000 calls it at the end of each."""
        super().handle_COMMAND_COMPLETE(data, context)
        self._results.append(context.rows or [])
        context.rows = None


class Database:
    """A lazily opened connection that is replaced when it breaks. Not for use by two threads at once.

    `timestamptz` comes back as aware UTC datetime, `numeric` as Decimal, `json` and `jsonb` as their text.
    See `Connector` for the arguments.
    """

    def __init__(
        self,
        url: str,
        *,
        credentials: Callable[[], Credentials] | None = None,
        application_name: str = "marketflow",
        connect_deadline_seconds: float = 10.0,
        statement_timeout_seconds: float = 30.0,
    ) -> None:
        self._connector = Connector(
            url=url,
            credentials=credentials,
            application_name=application_name,
            deadline_seconds=connect_deadline_seconds,
            statement_timeout_seconds=statement_timeout_seconds,
        )
        self._wire: _Wire | None = None
        self._unreachable: tuple[float, DatabaseUnavailableError] | None = None

    def query(self, sql: str, /, **params: object) -> list[list[Any]]:
        """Run one statement with `:name` parameters; its rows, none when it returns none.

        Raises DatabaseUnavailableError when no connection is to be had or the server does not answer in time,
        RetryLaterError when the server gave the statement up (deadlock, timeout, no room). Errors of the statement
        itself are pg8000's DatabaseError.
        """
        return self.together((sql, params))[0]

    def together(self, *statements: tuple[str, Mapping[str, object]]) -> list[list[list[Any]]]:
        """Run statements with `:name` parameters in one transaction and one round trip; the rows of each.

        Each sees what the ones before it did, and what others committed before it began: a row that the first one
        locks is read by the next one as its holder left it. Raises as `query` does; then none of them did anything.
        """
        bound = []
        for sql, params in statements:
            statement, values_of = _compile(sql)
            bound.append((statement, values_of(params)))
        if self._wire is not None:
            # A connection that was idle for long is often found dead only now: the second attempt is on a new one.
            with contextlib.suppress(_BrokenError):
                return self._run(self._wire, bound)
        self._wire = self._open()
        try:
            return self._run(self._wire, bound)
        except _BrokenError as error:
            message = f"The database at {self._connector.place} closed the connection: {error}."
            raise DatabaseUnavailableError(message) from error

    def _open(self) -> _Wire:
        if self._unreachable is not None and time.monotonic() < self._unreachable[0]:
            raise self._unreachable[1]
        self._unreachable = None
        try:
            return self._connector.open(_Wire)
        except DatabaseUnavailableError as error:
            self._unreachable = (time.monotonic() + PAUSE_SECONDS, error)
            raise

    def close(self) -> None:
        """Hang up; the next query opens a new connection."""
        wire, self._wire = self._wire, None
        if wire is not None:
            buffer = wire._sock  # noqa: SLF001 - pg8000 forgets it without closing it when its farewell fails
            with contextlib.suppress(pg8000.exceptions.InterfaceError, OSError, ValueError):
                wire.close()
            with contextlib.suppress(OSError, ValueError, AttributeError):
                buffer.close()

    def _run(self, wire: _Wire, statements: Sequence[_Bound]) -> list[_Rows]:
        try:
            return wire.execute_once(statements)
        except pg8000.exceptions.DatabaseError as error:
            code = sqlstate(error)
            if code.startswith(AGAIN):
                raise RetryLaterError(f"The database gave a statement up: {server_message(error)}.") from error
            if code.startswith(GONE):
                self.close()
                raise _BrokenError(server_message(error)) from error
            raise
        except (pg8000.exceptions.InterfaceError, OSError) as error:
            self.close()
            if isinstance(error, TimeoutError) or isinstance(error.__cause__, TimeoutError):
                message = f"The database at {self._connector.place} did not answer a statement in time."
                raise DatabaseUnavailableError(message) from error
            raise _BrokenError(server_message(error)) from error
        except BaseException:
            # Half an answer may be left on the wire: the next statement would read it as its own.
            self.close()
            raise
