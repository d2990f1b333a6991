"""The schema: every table as SQLAlchemy Core metadata. Migrations change the database, this says what it is now."""

from __future__ import annotations

from sqlalchemy import (
    DDL,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    MetaData,
    Numeric,
    Table,
    Text,
    UniqueConstraint,
    event,
    false,
    func,
    text,
    true,
)
from sqlalchemy.dialects.postgresql import ENUM, TSTZMULTIRANGE

from marketflow.domain.interval import Interval
from marketflow.domain.jobs import JobKind, Requester
from marketflow.domain.symbol import AssetType

metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ck": "%(table_name)s_%(constraint_name)s_check",
        "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
    }
)

candle_interval = ENUM(*(interval.value for interval in Interval), name="candle_interval", metadata=metadata)
"""Ordered by length, as the members are declared."""

_UTC = DateTime(timezone=True)
_NAME = Text(collation="C")
"""Sorted by code point, so that pages come in the same order on every server."""

_NOTHING = text("'{}'")

symbols = Table(
    "symbols",
    metadata,
    Column("id", Integer, Identity(), primary_key=True),
    Column("symbol", _NAME, nullable=False, comment="Our unique spelling."),
    Column("source", Text, nullable=False, comment="A name of the source catalogue."),
    Column("source_symbol", _NAME, nullable=False, comment="The vendor's spelling."),
    Column("asset_type", Text, nullable=False),
    Column("base_currency", Text, comment="What one unit is; null for stocks."),
    Column("quote_currency", Text, nullable=False, comment="The major unit in which prices are stored."),
    Column("price_unit", Text, nullable=False, comment="The unit in which the vendor quotes, such as GBp."),
    Column("exchange", Text, comment="ISO 10383 market identifier code."),
    Column("timezone", Text, nullable=False, server_default="UTC", comment="IANA name; decides a daily candle's date."),
    Column("name", Text),
    Column("active", Boolean, nullable=False, server_default=true(), comment="Whether it is fetched."),
    Column("created_at", _UTC, nullable=False, server_default=func.now()),
    Column("updated_at", _UTC, nullable=False, server_default=func.now()),
    UniqueConstraint("symbol"),
    UniqueConstraint("source", "source_symbol"),
    CheckConstraint(f"asset_type IN ({', '.join(repr(kind.value) for kind in AssetType)})", name="asset_type"),
)

raw_objects = Table(
    "raw_objects",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False, comment="First 8 bytes of SHA-256 of key, signed."),
    Column("key", Text, nullable=False, comment="The object in the data bucket."),
    Column("source", Text, nullable=False),
    Column("dataset", Text, nullable=False),
    Column("received_at", _UTC, nullable=False),
    UniqueConstraint("key"),
    # They come in the order of this time: a block range index costs next to nothing.
    Index("raw_objects_received_at_idx", "received_at", postgresql_using="brin"),
    comment="Every answer of a source that was loaded; where its untouched body is.",
)


def _candle_checks() -> tuple[CheckConstraint, ...]:
    return (
        # NaN is greater than everything, infinity included, for Postgres: the bound on high keeps both out of all four.
        CheckConstraint(
            "low > 0 AND low <= open AND low <= close AND high >= open AND high >= close AND high < 'Infinity'",
            name="prices",
        ),
        CheckConstraint("volume >= 0 AND volume < 'Infinity'", name="volume"),
        CheckConstraint("quote_volume >= 0 AND quote_volume < 'Infinity'", name="quote_volume"),
        CheckConstraint("trades >= 0", name="trades"),
    )


candles = Table(
    "candles",
    metadata,
    Column("symbol_id", Integer, ForeignKey(symbols.c.id), primary_key=True, autoincrement=False),
    Column("interval", candle_interval, primary_key=True),
    Column("open_time", _UTC, primary_key=True, comment="The start, inclusive."),
    Column("open", Numeric, nullable=False),
    Column("high", Numeric, nullable=False),
    Column("low", Numeric, nullable=False),
    Column("close", Numeric, nullable=False),
    Column("volume", Numeric, comment="In the base asset; null when the source gives none."),
    Column("quote_volume", Numeric, comment="In the quote currency."),
    Column("trades", BigInteger),
    Column("final", Boolean, nullable=False, comment="The source's own clock was past the close."),
    Column(
        "observed_at",
        _UTC,
        nullable=False,
        comment="When the first answer with these values was received; of a forming candle the newest.",
    ),
    Column("raw_id", BigInteger, nullable=False, comment="raw_objects.id of that answer."),
    Column(
        "held", Boolean, nullable=False, server_default=false(), comment="Too far from the last close to be served."
    ),
    *_candle_checks(),
    Index("candles_held_idx", "symbol_id", "interval", "open_time", postgresql_where=text("held")),
    postgresql_partition_by="LIST (interval)",
    comment="One row per symbol, interval and open time; a gap is a fact and has no row.",
)

rollups = Table(
    "rollups",
    metadata,
    Column("symbol_id", Integer, primary_key=True, autoincrement=False),
    Column("interval", candle_interval, primary_key=True),
    Column("open_time", _UTC, primary_key=True, comment="The start, inclusive."),
    Column("open", Numeric, nullable=False),
    Column("high", Numeric, nullable=False),
    Column("low", Numeric, nullable=False),
    Column("close", Numeric, nullable=False),
    Column("volume", Numeric, comment="Missing when that of a part is."),
    Column("quote_volume", Numeric),
    Column("trades", BigInteger),
    Column(
        "rows_final",
        Boolean,
        nullable=False,
        comment="All parts are final and none is held; fetched_ranges says whether more may come.",
    ),
    postgresql_partition_by="LIST (interval)",
    comment="Candles made of minutes, or of the days of stocks: they follow from what is stored.",
)
"""Without checks and foreign key: every row is computed from rows that have them, in the statement that wrote those."""

revisions = Table(
    "revisions",
    metadata,
    Column("symbol_id", Integer, ForeignKey(symbols.c.id), primary_key=True, autoincrement=False),
    Column("interval", candle_interval, primary_key=True),
    Column("open_time", _UTC, primary_key=True, comment="The start, inclusive."),
    Column("observed_at", _UTC, primary_key=True, comment="When the first answer with these values was received."),
    Column("raw_id", BigInteger, primary_key=True, autoincrement=False, comment="raw_objects.id of that answer."),
    Column("open", Numeric, nullable=False),
    Column("high", Numeric, nullable=False),
    Column("low", Numeric, nullable=False),
    Column("close", Numeric, nullable=False),
    Column("volume", Numeric, comment="In the base asset; null when the source gives none."),
    Column("quote_volume", Numeric, comment="In the quote currency."),
    Column("trades", BigInteger),
    *_candle_checks(),
    comment="What was believed of final candles before their present values.",
)

prices = Table(
    "prices",
    metadata,
    Column("symbol_id", Integer, ForeignKey(symbols.c.id), primary_key=True, autoincrement=False),
    Column("as_of", _UTC, primary_key=True, comment="The source's time of the price."),
    Column("price", Numeric, nullable=False),
    Column("observed_at", _UTC, nullable=False, comment="When the newest answer about this moment was received."),
    Column("raw_id", BigInteger, nullable=False, comment="raw_objects.id of that answer."),
    Column(
        "held", Boolean, nullable=False, server_default=false(), comment="Too far from the last price to be served."
    ),
    CheckConstraint("price > 0 AND price < 'Infinity'", name="price"),
    postgresql_partition_by="RANGE (as_of)",
    comment="Observed prices; the latest of a symbol is the one with the greatest as_of.",
)

months = Table(
    "months",
    metadata,
    Column("month", Date, primary_key=True, comment="The first day, UTC."),
    Column("retired_at", _UTC, comment="When its rows were exported and dropped; null while they are here."),
    comment="Which months have partitions of minutes and prices, and which had.",
)

retirements = Table(
    "retirements",
    metadata,
    Column("month", Date, primary_key=True),
    Column("run", Text, comment="Who has the month."),
    Column("run_until", _UTC, comment="Until when, whatever becomes of that run."),
    Column("token", Text, comment="Names the beginning of the export; the manifest in the bucket has the same."),
    Column(
        "changed", Boolean, nullable=False, server_default=false(), comment="Whether the month was written to since."
    ),
    Column("tidied_at", _UTC, comment="When all was deleted that named only its rows."),
    comment="How far old months are on their way out of the database.",
)

_PARTS = {
    candles: (
        "candles_1m PARTITION OF candles FOR VALUES IN ('1m') PARTITION BY RANGE (open_time)",
        "candles_1d PARTITION OF candles FOR VALUES IN ('1d')",
    ),
    rollups: (
        "rollups_minutes PARTITION OF rollups FOR VALUES IN ('5m', '15m', '30m') PARTITION BY RANGE (open_time)",
        "rollups_hours PARTITION OF rollups FOR VALUES IN ('1h', '4h', '1d', '1w', '1M')",
    ),
    prices: ("prices_past PARTITION OF prices FOR VALUES FROM (MINVALUE) TO ('2026-01-01T00:00:00Z')",),
}
"""The partitions that are always there; `make_months` makes those of the months."""

for _table, _statements in _PARTS.items():
    for _statement in _statements:
        event.listen(_table, "after_create", DDL(f"CREATE TABLE {_statement}"))  # type: ignore[no-untyped-call]  # SQLAlchemy's

actions = Table(
    "actions",
    metadata,
    Column("symbol_id", Integer, ForeignKey(symbols.c.id), primary_key=True, autoincrement=False),
    Column("kind", _NAME, primary_key=True),
    Column("effective", _UTC, primary_key=True, comment="00:00 exchange time of the ex-date."),
    Column("amount", Numeric, comment="A share, adjusted for the splits up to observed_at."),
    Column("currency", Text, comment="The major unit of amount."),
    Column("numerator", Numeric, comment="So many shares a split makes..."),
    Column("denominator", Numeric, comment="...of so many."),
    Column("observed_at", _UTC, nullable=False, comment="When the first answer with these values was received."),
    Column("raw_id", BigInteger, nullable=False, comment="raw_objects.id of that answer."),
    Column("last_observed_at", _UTC, nullable=False, comment="When the newest answer about it was received."),
    Column("last_raw_id", BigInteger, nullable=False, comment="raw_objects.id of that answer."),
    CheckConstraint(
        "(kind = 'dividend' AND amount IS NOT NULL AND currency IS NOT NULL AND numerator IS NULL"
        " AND denominator IS NULL) OR (kind = 'split' AND amount IS NULL AND currency IS NULL"
        " AND numerator IS NOT NULL AND denominator IS NOT NULL)",
        name="kind",
    ),
    CheckConstraint("amount > 0 AND amount < 'Infinity'", name="amount"),
    CheckConstraint(
        "numerator > 0 AND numerator < 'Infinity' AND denominator > 0 AND denominator < 'Infinity'", name="ratio"
    ),
    comment="Dividends and splits of shares.",
)

quarantine = Table(
    "quarantine",
    metadata,
    Column("raw_id", BigInteger, primary_key=True, autoincrement=False),
    Column("position", Integer, primary_key=True, autoincrement=False, comment="Place in the payload; -1: all of it."),
    Column("reason", Text, primary_key=True, comment="A short stable code."),
    Column("symbol", Text, comment="The vendor's spelling."),
    Column("detail", Text, nullable=False),
    Column("row_text", Text, nullable=False, comment="The refused row as JSON, or the beginning of the body."),
    Column("raw_key", Text, nullable=False, comment="The object in the data bucket."),
    Column("source", Text, nullable=False),
    Column("dataset", Text, nullable=False),
    Column("observed_at", _UTC, nullable=False, comment="When the answer was received."),
    comment="What a source sent that is not data, with the reason.",
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", _NAME, primary_key=True),
    Column("kind", Text, nullable=False, comment="Whether the data comes from a source or from the archive."),
    Column("source", Text, nullable=False),
    Column("symbol", Text, comment="Our spelling; null for a replay of all."),
    Column("interval", candle_interval),
    Column("starts_at", _UTC, nullable=False, comment="Of a backfill: open time; of a replay: when it was received."),
    Column("ends_at", _UTC, nullable=False, comment="Exclusive."),
    Column("parts", BigInteger, comment="How many there are; null while the archive is being listed."),
    Column("created_at", _UTC, nullable=False, server_default=func.now()),
    Column(
        "requested_by",
        Text,
        nullable=False,
        server_default=Requester.OPERATOR.value,
        comment="A person, the auditor for a gap, or a split.",
    ),
    CheckConstraint(f"kind IN ({', '.join(repr(kind.value) for kind in JobKind)})", name="kind"),
    CheckConstraint(f"requested_by IN ({', '.join(repr(one.value) for one in Requester)})", name="requested_by"),
    Index(None, "kind", "created_at", "id"),
    comment="Backfills and replays.",
)

job_parts = Table(
    "job_parts",
    metadata,
    Column("job_id", _NAME, ForeignKey(jobs.c.id, ondelete="CASCADE"), primary_key=True),
    Column("part", BigInteger, primary_key=True, autoincrement=False),
    Column("outcome", Text, nullable=False),
    Column("received", Boolean, nullable=False, comment="Whether there was an answer at all."),
    Column("rows", Integer, nullable=False, comment="Rows of the answer that are data."),
    Column("quarantined", Integer, nullable=False, comment="Rows of the answer that are none."),
    Column("reason", Text, comment="Of a failure: a short stable code."),
    Column("detail", Text),
    Column("subject", Text, nullable=False, comment="The window that was asked for, or the key in the archive."),
    Column("known_at", _UTC, nullable=False, server_default=func.now()),
    CheckConstraint("outcome IN ('stored', 'empty', 'failed')", name="outcome"),
    comment="What became of each part of a job; one that is not here is not known yet.",
)

source_status = Table(
    "source_status",
    metadata,
    Column("source", Text, primary_key=True),
    Column("last_fetch_at", _UTC, comment="End of the newest fetcher run."),
    Column("last_success_at", _UTC, comment="The newest good answer."),
    Column("next_due_at", _UTC, comment="When the next data is expected."),
    Column("last_error_at", _UTC),
    Column("last_error", Text, comment="Stays until the next one; older than last_success_at means over."),
    Column("budget_used", Integer),
    Column("budget_limit", Integer),
    Column("last_loaded_at", _UTC, comment="When rows were last put into these tables."),
    Column("newest_data_at", _UTC, comment="The newest open_time or as_of among them."),
    Column("updated_at", _UTC, nullable=False, server_default=func.now()),
    Column("outages", TSTZMULTIRANGE, nullable=False, server_default=_NOTHING, comment="When it did not answer."),
    comment="How each source does.",
)

fetched_ranges = Table(
    "fetched_ranges",
    metadata,
    Column("symbol_id", Integer, ForeignKey(symbols.c.id), primary_key=True, autoincrement=False),
    Column("interval", candle_interval, primary_key=True),
    Column("fetched", TSTZMULTIRANGE, nullable=False, comment="Open times for which an answer was complete."),
    Column("refused", TSTZMULTIRANGE, nullable=False, comment="Open times for which an answer held what is no data."),
    Column("closed", TSTZMULTIRANGE, nullable=False, server_default=_NOTHING, comment="Days without a published rate."),
    comment="What was asked of a source and answered: a candle that is missing from it does not exist there.",
)

answers = Table(
    "answers",
    metadata,
    Column("symbol_id", Integer, ForeignKey(symbols.c.id), primary_key=True, autoincrement=False),
    Column("interval", candle_interval, primary_key=True),
    Column("observed_at", _UTC, primary_key=True, comment="When it was received."),
    Column("raw_id", BigInteger, primary_key=True, autoincrement=False, comment="raw_objects.id of it."),
    Column("said", TSTZMULTIRANGE, nullable=False, comment="The open times of its final candles."),
    comment="Which final candles each answer said: most said what was known, and changed no row.",
)

gaps = Table(
    "gaps",
    metadata,
    Column("id", _NAME, primary_key=True, comment="Stays with the gap while it grows, shrinks or loses parts."),
    Column("symbol_id", Integer, ForeignKey(symbols.c.id), nullable=False),
    Column("interval", candle_interval, nullable=False),
    Column("starts_at", _UTC, nullable=False, comment="Open time of the first missing candle."),
    Column("ends_at", _UTC, nullable=False, comment="Close of the last one."),
    Column("missing", Integer, nullable=False),
    Column("reason", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column(
        "tries", Integer, nullable=False, comment="How many repairs were begun for it, or for what it was a part of."
    ),
    Column("job", _NAME, comment="The newest repair: jobs.id, also when that job is forgotten."),
    Column("first_seen_at", _UTC, nullable=False),
    Column(
        "last_seen_at",
        _UTC,
        nullable=False,
        comment="When an audit last wrote it; an open gap is written again at least each hour.",
    ),
    Column("last_tried_at", _UTC),
    Column("closed_at", _UTC, comment="When an audit found nothing of it missing any more."),
    CheckConstraint("starts_at < ends_at", name="order"),
    CheckConstraint("missing > 0 AND tries >= 0", name="counts"),
    Index(None, "symbol_id", "interval", "starts_at", unique=True, postgresql_where=text("closed_at IS NULL")),
    comment="What must exist and is not stored, why, and what becomes of it.",
)

audits = Table(
    "audits",
    metadata,
    Column("symbol_id", Integer, ForeignKey(symbols.c.id), primary_key=True, autoincrement=False),
    Column("interval", candle_interval, primary_key=True),
    Column("token", Text, comment="The newest change of its gaps; who read an older one may not write."),
    Column("recent_at", _UTC),
    Column("deep_at", _UTC, comment="When the whole past was last looked at."),
    Column("deep_from", _UTC, comment="Where that goes on; null when it was finished."),
    comment="When the auditor last looked at a symbol and interval.",
)

split_refetches = Table(
    "split_refetches",
    metadata,
    Column("symbol_id", Integer, ForeignKey(symbols.c.id), primary_key=True, autoincrement=False),
    Column("interval", candle_interval, primary_key=True),
    Column("effective", _UTC, primary_key=True),
    Column("job", _NAME, comment="The backfill; null where nothing had been observed before the split."),
    Column("decided_at", _UTC, nullable=False, server_default=func.now()),
    comment="For which splits it was decided whether the history before them is fetched again.",
)

sessions = Table(
    "sessions",
    metadata,
    Column("exchange", _NAME, primary_key=True, comment="symbols.exchange; the symbol itself where that is null."),
    Column("opens_at", _UTC, primary_key=True),
    Column("closes_at", _UTC, nullable=False, comment="The earliest that was ever said: a half day is told late."),
    CheckConstraint("opens_at < closes_at", name="order"),
    comment="When exchanges are open for trade, as the sources say.",
)
