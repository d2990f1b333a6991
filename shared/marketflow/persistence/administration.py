"""The symbols table for those who change it: SQLAlchemy Core, one transaction at a time, no state left in a session."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import pg8000.dbapi  # type: ignore[import-untyped]  # pg8000 ships no types
import pg8000.exceptions  # type: ignore[import-untyped]  # the same
from sqlalchemy import Connection, Integer, NullPool, Text, bindparam, create_engine, exists, func, or_, select, text
from sqlalchemy.exc import DBAPIError

from marketflow.domain.listing import Listed
from marketflow.domain.symbol import Symbol, SymbolRecord
from marketflow.errors import DatabaseUnavailableError
from marketflow.persistence import read_sql
from marketflow.persistence.connection import AGAIN, GONE
from marketflow.persistence.connector import Connector, server_message, sqlstate
from marketflow.persistence.rds_token import Credentials
from marketflow.persistence.seeds import SEED_SYMBOLS
from marketflow.persistence.tables import raw_objects, symbols

_LOCK = text("LOCK TABLE symbols IN SHARE ROW EXCLUSIVE MODE")
"""Keeps every other writer of the table out until the commit, by hand or by this class; readers and the ETL go on.

Two administrators at once would otherwise both read the active symbols without the change of the other, and whoever
publishes last would publish a catalog without the first one's symbol. It also makes a check and the write after it
one thing: what was read here stays so, and no row needs a lock of its own, for which an ETL that stores rows of that
symbol would have to wait.
"""

_BODY = text(read_sql.SYMBOL).bindparams(bindparam("name", type_=Text), bindparam("id", type_=Integer))
"""The read API's own statement: the entity tag of a symbol is a hash of these bytes, whoever answers with them."""

_ZONE = text("SELECT 1 FROM pg_timezone_names WHERE name = :name").bindparams(bindparam("name", type_=Text))

_NUMBERS_GO_ON = text("SELECT setval(pg_get_serial_sequence('symbols', 'id'), max(id)) FROM symbols")

_SEEDS = {Symbol.model_validate(seed) for seed in SEED_SYMBOLS}

_MEMBERS = [symbols.c[name] for name in Symbol.model_fields]


class SymbolRegistry:
    """Transactions on the symbols. Each opens a connection and hangs up: changes are rare, and nothing is held.

    See `Connector` for the arguments.
    """

    def __init__(
        self,
        url: str,
        *,
        credentials: Callable[[], Credentials] | None = None,
        connect_deadline_seconds: float = 5.0,
        statement_timeout_seconds: float = 5.0,
    ) -> None:
        connector = Connector(
            url=url,
            credentials=credentials,
            application_name="marketflow-admin",
            deadline_seconds=connect_deadline_seconds,
            statement_timeout_seconds=statement_timeout_seconds,
        )
        self._engine = create_engine(
            "postgresql+pg8000://", creator=lambda: connector.open(pg8000.dbapi.Connection), poolclass=NullPool
        )

    @contextmanager
    def transaction(self) -> Iterator[SymbolRegister]:
        """The symbols, with the table to itself; commits at the end, rolls back when something is raised inside.

        Raises DatabaseUnavailableError when there is no connection, the server gives up, or others hold the table for
        too long. A connection that breaks during the commit leaves it open whether the change was made.
        """
        try:
            with self._engine.begin() as connection:
                connection.execute(_LOCK)
                yield SymbolRegister(connection)
        except (DBAPIError, OSError) as error:
            cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
            code = sqlstate(cause) if isinstance(cause, pg8000.exceptions.DatabaseError) else ""
            if code and not code.startswith(GONE + AGAIN):
                raise
            message = f"The database did not carry the change out: {server_message(_as_error(cause))}."
            raise DatabaseUnavailableError(message) from error


class SymbolRegister:
    """The symbols inside one transaction; it satisfies `Register` of marketflow.services.administration."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, name: str) -> Listed | None:
        """The symbol of this name or numeric id; a name that looks like an id wins over the id."""
        number = int(name) if name.isdecimal() and len(name) <= 9 else None
        named = symbols.c.symbol == name
        row = self._connection.execute(
            select(symbols.c.id, *_MEMBERS).where(or_(named, symbols.c.id == number)).order_by(named.desc()).limit(1)
        ).one_or_none()
        if row is None:
            return None
        id_, *values = row
        members = dict(zip(Symbol.model_fields, values, strict=True))
        return Listed(id=id_, symbol=Symbol.model_validate(members), body=self._body(members["symbol"]))

    def clash(self, symbol: Symbol) -> tuple[str, str] | None:
        """The member by which `symbol` is there already, and the name of the symbol that has it."""
        if self._connection.execute(select(symbols.c.id).where(symbols.c.symbol == symbol.symbol)).first():
            return "symbol", symbol.symbol
        spelled = (symbols.c.source == symbol.source) & (symbols.c.source_symbol == symbol.source_symbol)
        name = self._connection.execute(select(symbols.c.symbol).where(spelled)).scalar_one_or_none()
        return None if name is None else ("source_symbol", name)

    def add(self, symbol: Symbol) -> str:
        """Store a new symbol; the JSON with which the read API answers."""
        self._connection.execute(symbols.insert().values(symbol.model_dump(mode="json")))
        return self._body(symbol.symbol)

    def change(self, id_: int, values: Mapping[str, object]) -> str:
        """Store new values of a symbol; the JSON with which the read API answers.

        Another time zone is another beginning of its hours, weeks and months: they are rolled up anew.
        """
        change = symbols.update().where(symbols.c.id == id_).values(**values, updated_at=func.now())
        name = self._connection.execute(change.returning(symbols.c.symbol)).scalar_one()
        if "timezone" in values:
            # Behind the update, which waits for a load of the symbol and makes the next one wait.
            self._connection.execute(select(func.roll_anew(id_)))
        return self._body(name)

    def active(self, source: str) -> tuple[Symbol, ...]:
        """The symbols of `source` that are to be fetched, in the order of their names."""
        chosen = select(*_MEMBERS).where(symbols.c.source == source, symbols.c.active).order_by(symbols.c.symbol)
        return tuple(Symbol.model_validate(dict(row._mapping)) for row in self._connection.execute(chosen))  # noqa: SLF001 - SQLAlchemy's public name

    def records(self) -> tuple[SymbolRecord, ...]:
        """Every symbol, in the order of the numbers."""
        rows = self._connection.execute(select(symbols).order_by(symbols.c.id)).mappings()
        return tuple(
            SymbolRecord(
                id=row["id"],
                symbol=Symbol.model_validate({name: row[name] for name in Symbol.model_fields}),
                created_at=row["created_at"],
                updated_at=row["updated_at"],
            )
            for row in rows
        )

    def restore(self, records: Sequence[SymbolRecord]) -> bool:
        """Make `records` the symbols of a database that is as a migration leaves it; whether that was to be done.

        Once somebody changed a symbol, or a row goes by the number of one, the table itself is the truth.
        """
        loaded = self._connection.execute(select(exists().select_from(raw_objects))).scalar_one()
        found = self.records()
        if not records or loaded or tuple(records) == found or {one.symbol for one in found} != _SEEDS:
            return False
        self._connection.execute(symbols.delete())
        rows = [{**one.symbol.model_dump(mode="json"), **one.model_dump(exclude={"symbol"})} for one in records]
        self._connection.execute(symbols.insert(), rows)
        self._connection.execute(_NUMBERS_GO_ON)
        return True

    def has_zone(self, name: str) -> bool:
        """Whether the database can tell the time in this zone."""
        return self._connection.execute(_ZONE, {"name": name}).first() is not None

    def _body(self, name: str) -> str:
        return str(self._connection.execute(_BODY, {"name": name, "id": None}).scalar_one())


def _as_error(cause: BaseException) -> Exception:
    return cause if isinstance(cause, Exception) else RuntimeError(type(cause).__name__)
