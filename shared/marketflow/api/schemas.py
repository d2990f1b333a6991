"""What the bodies of answers look like, as JSON Schema 2020-12: the components of the OpenAPI document.

Data and not models: Postgres writes most bodies, and no model ever reads them. Objects are open, because within v1
members may be added.
"""

from __future__ import annotations

from typing import Any

from marketflow.domain.interval import Interval
from marketflow.domain.jobs import JobStatus
from marketflow.domain.plans import Plan
from marketflow.domain.records import ActionKind
from marketflow.domain.symbol import AssetType

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
TRUTH: Schema = {"type": "boolean"}
COUNT: Schema = {"type": "integer", "minimum": 0}
DECIMAL: Schema = {"$ref": "#/components/schemas/Decimal"}
TIME: Schema = {"$ref": "#/components/schemas/Time"}


def ref(name: str) -> Schema:
    """A reference to the component `name`."""
    return {"$ref": f"#/components/schemas/{name}"}


def array(*names: str) -> Schema:
    """A list whose items are each one of these components."""
    items = [ref(name) for name in names]
    return {"type": "array", "items": items[0] if len(items) == 1 else {"oneOf": items}}


def _one_of(*words: str) -> Schema:
    return {"type": "string", "enum": list(words)}


def _said(schema: Schema, description: str) -> Schema:
    return {**schema, "description": description}


def _or_null(schema: Schema) -> Schema:
    if "$ref" in schema:
        return {"anyOf": [schema, {"type": "null"}]}
    return {**schema, "type": [schema["type"], "null"]}


def _object(description: str, **members: Schema) -> Schema:
    """An object that has all of the members; `from_` stands for `from`."""
    named = {name.rstrip("_"): schema for name, schema in members.items()}
    return {"type": "object", "description": description, "properties": named, "required": sorted(named)}


_AGE = _said(COUNT, "Whole seconds.")

_CANDLE: dict[str, Schema] = {
    "open_time": _said(TIME, "When the candle begins."),
    **dict.fromkeys(("open", "high", "low", "close"), DECIMAL),
    **dict.fromkeys(("volume", "quote_volume"), _or_null(DECIMAL)),
    "trades": _or_null(COUNT),
    "final": _said(TRUTH, "Whether the interval is over and the source has said its last word on it."),
}

_REPORT: dict[str, Schema] = {
    **dict.fromkeys(("last_success_at", "last_fetch_at", "next_due_at"), _or_null(TIME)),
    "last_error": _or_null(TEXT),
    "last_error_at": _or_null(TIME),
    "budget_used": _or_null(COUNT),
    "budget_limit": _or_null(COUNT),
    "newest_data_at": _or_null(TIME),
    "age_seconds": _or_null(_AGE),
    "stale": _said(
        TRUTH,
        "Whether the newest data is older than the target, or there is none; never of a source that is asked on "
        "request only, whose target is 0.",
    ),
}

_KEY: dict[str, Schema] = {
    "id": TEXT,
    "name": TEXT,
    "plan": _one_of(*Plan),
    "created_at": TIME,
    "last4": _said(TEXT, "The last four characters of the value, to tell keys apart."),
}

_PROBLEM: dict[str, Schema] = {
    "type": {"type": "string", "format": "uri", "description": "urn:marketflow:problem: and the code."},
    "title": TEXT,
    "status": {"type": "integer", "minimum": 400, "maximum": 599},
    "detail": _said(TEXT, "What happened, to what, and what to do."),
    "code": _said(TEXT, "The reason for programs, stable within v1; new ones may be added."),
}

_PROBLEM_ANSWER = _object(
    "An error (RFC 9457). Some codes have further members.",
    **_PROBLEM,
    instance={"type": "string", "format": "uri-reference"},
    request_id=_said(TEXT, "Names the request in our logs."),
)
_PROBLEM_ANSWER["properties"]["parameter"] = _said(TEXT, "The parameter that is to blame, where one is.")

_JOB: dict[str, Schema] = {
    "id": TEXT,
    "status": _said(
        _one_of(*JobStatus),
        "Follows from the counts: completed only when the outcome of every part is known.",
    ),
    "source": TEXT,
    "symbol": TEXT,
    "interval": _one_of(*Interval),
    "requested_by": _said(
        TEXT,
        "`operator`: a person. `auditor`: the repair of a gap. `split`: the history before a split, which the source "
        "has adjusted since. More may be added.",
    ),
    "start": TIME,
    "end": TIME,
    "counts": ref("JobCounts"),
    "failures": _said({"type": "array", "items": ref("JobFailure")}, "The failed parts by reason, the most first."),
    "created_at": TIME,
    "started_at": _said(_or_null(TIME), "When the first part was known."),
    "updated_at": _said(TIME, "When the last part was known."),
    "finished_at": _or_null(TIME),
    "parts_per_second": _or_null({"type": "number", "minimum": 0}),
    "seconds_left": _said(_or_null(COUNT), "At the rate so far; null while that is not known."),
}

SCHEMAS: dict[str, Schema] = {
    "Decimal": {
        "type": ["number", "string"],
        "pattern": r"^-?[0-9]+(\.[0-9]+)?$",
        "description": "An exact decimal, digit for digit and without an exponent; a string with numbers=string.",
        "examples": [68000.12, "68000.12000000"],
    },
    "Time": {
        "type": "string",
        "format": "date-time",
        "pattern": "Z$",
        "description": "RFC 3339 in UTC.",
        "examples": ["2026-11-23T12:00:00Z"],
    },
    "Health": _object("The API is alive.", status=_one_of("ok")),
    "Ready": _object(
        "The API can serve.",
        status=_one_of("ready"),
        database=_one_of("ok"),
        migrations=_object("The schema's revision.", current=TRUTH, revision=_or_null(TEXT), expected=TEXT),
        sources={"type": "array", "items": ref("Lag")},
    ),
    "Lag": _object(
        "How far behind a source is.",
        source=TEXT,
        **_REPORT,
        last_loaded_at=_or_null(TIME),
        freshness_target_seconds=_or_null(_AGE),
    ),
    "Symbol": _object(
        "An instrument.",
        id={"type": "integer"},
        symbol=TEXT,
        name=_or_null(TEXT),
        asset_type=_one_of(*AssetType),
        base_currency=_or_null(TEXT),
        quote_currency=_said(TEXT, "What its prices are in: ISO 4217, or a crypto code."),
        exchange=_or_null(TEXT),
        timezone=_said(TEXT, "The exchange's, by its IANA name; answers are in UTC all the same."),
        source=TEXT,
        source_symbol=_said(TEXT, "How the source calls it."),
        price_unit=_said(TEXT, "The unit in which the source quotes it, such as GBp for pence."),
        active=_said(TRUTH, "Whether it is being fetched."),
        created_at=TIME,
        updated_at=TIME,
    ),
    "Action": _object(
        "A dividend, which has an amount, or a split, which has a ratio.",
        effective_at=_said(TIME, "Midnight of the ex-date at the exchange: later prices have it in them."),
        kind=_one_of(*ActionKind),
        ex_date={"type": "string", "format": "date", "description": "At the exchange."},
        amount=_said(_or_null(DECIMAL), "What was paid for each share that there was on the ex-date."),
        currency=_or_null(TEXT),
        numerator=_said(_or_null(DECIMAL), "How many shares a split makes: 4 of 1, or 1 of 10 when it is reverse."),
        denominator=_said(_or_null(DECIMAL), "Of how many."),
        source=TEXT,
        observed_at=_said(TIME, "When we first received it so."),
    ),
    "Price": _object(
        "The latest observed price.",
        symbol=TEXT,
        price=DECIMAL,
        currency=TEXT,
        as_of=TIME,
        age_seconds=_AGE,
        stale=_said(TRUTH, "Whether it is older than the freshness target of the symbol's source."),
        source=_said(TEXT, "Who said it."),
    ),
    "ObservedPrice": _object(
        "A price that was observed.",
        as_of=_said(TIME, "The time of the price; of a published rate that of its publication."),
        price=DECIMAL,
        source=_said(TEXT, "Who said it: of a currency's past that is ecb, where the symbol's source has none."),
        currency=TEXT,
        observed_at=_said(TIME, "When we received it."),
    ),
    "Candle": _object("A candle of one symbol.", **_CANDLE),
    "SymbolCandle": _object("A candle that says whose it is.", symbol=TEXT, **_CANDLE),
    "SymbolProblem": _object(
        "Stands in a list in place of a symbol's data.",
        symbol=TEXT,
        problem=_object("Why there is none.", **_PROBLEM),
    ),
    "Conversion": _object(
        "An amount in another currency. Time and age are those of the oldest leg.",
        from_=TEXT,
        to=TEXT,
        amount=DECIMAL,
        result=DECIMAL,
        rate=DECIMAL,
        as_of=TIME,
        age_seconds=_AGE,
        legs={"type": "array", "items": ref("Leg")},
    ),
    "Leg": _object(
        "One step of a conversion.",
        symbol=_said(_or_null(TEXT), "The pair; null when the source is `parity`."),
        from_=TEXT,
        to=TEXT,
        rate=DECIMAL,
        as_of=TIME,
        age_seconds=_AGE,
        source=TEXT,
        inverted=_said(TRUTH, "Whether the pair was taken from its quote to its base."),
    ),
    "Source": _object(
        "A source, how it does, and on what terms its data may be used.",
        source=TEXT,
        title=TEXT,
        asset_type=_one_of(*AssetType),
        **_REPORT,
        budget_left=_or_null(COUNT),
        freshness_target_seconds=_AGE,
        attribution=_said(TEXT, "The credit to show with the data, as HTML."),
        terms_url={"type": "string", "format": "uri"},
    ),
    "Coverage": _object(
        "What must exist of a symbol's candles and what does. A candle is expected once its interval is over.",
        symbol=TEXT,
        interval=_one_of(*Interval),
        start=TIME,
        end=TIME,
        expected=_said(COUNT, "How many candles the market's calendar has in the range."),
        present=_said(COUNT, "How many of them are stored and final."),
        missing=_said(COUNT, "How many of them are not."),
        complete=_said(TRUTH, "Whether nothing is missing, save for times in which nothing was traded."),
        missing_by_reason={
            "type": "object",
            "description": "How many candles are missing for each reason.",
            "additionalProperties": COUNT,
        },
        gap_count=_said(COUNT, "How many gaps there are, also beyond those that are told."),
        gaps={"type": "array", "items": ref("Gap")},
    ),
    "Gap": _object(
        "A longest run of expected candles that are missing for one reason.",
        start=_said(TIME, "When the first of them opens."),
        end=_said(TIME, "When the last of them is over; it is not included."),
        missing=_said(COUNT, "How many candles; the market may have been closed in between."),
        reason=_said(
            TEXT,
            "`no_trades`: the source answered and has none, because nothing was traded. `source_outage`: it answered "
            "and has none although it writes one for every minute, or it gave no answer. `quarantined`: what it sent "
            "was no data. `not_fetched`: it was never asked, or its answer is still to come. `closed`: the market was "
            "not open. More may be added.",
        ),
        repair=_object(
            "What becomes of it.",
            state=_said(
                TEXT,
                "`not_needed`: there is nothing to be had. `automatic`: the next scheduled run asks for it. "
                "`on_request`: a backfill can. `not_possible`: the source does not give it any more. `queued`: the "
                "auditor fetches it, now or after a pause. `pending`: it is being fetched. `given_up`: three tries "
                "brought nothing. More may be added.",
            ),
            tries=_said(COUNT, "How many repairs were begun for it, or for what it was a part of."),
        ),
    ),
    "ApiKey": _object("An API key of yours.", **_KEY),
    "NewApiKey": _object(
        "An API key that has just been made.",
        **_KEY,
        value=_said(TEXT, "What to send as x-api-key. Keep it: it is shown this once."),
    ),
    "KeyUsage": _object(
        "The requests of a key on a day.",
        date={"type": "string", "format": "date", "description": "The day in UTC."},
        used=COUNT,
        limit=_said(COUNT, "What the plan allowed."),
        remaining=COUNT,
    ),
    "Backfill": _object("Candles of a symbol that are fetched from the past.", **_JOB),
    "Replay": _object(
        "Answers out of the archive that are loaded again; start and end are when they were received.",
        **{**_JOB, "symbol": _or_null(TEXT), "interval": {"type": "null"}},
    ),
    "JobCounts": _object(
        "What became of the parts, each counted once: asked = stored + empty + failed + pending.",
        asked=_said(_or_null(COUNT), "Requests to the source, or answers in the archive; null until they are counted."),
        received=_said(COUNT, "Those that were answered."),
        stored=_said(COUNT, "Those whose answer holds rows."),
        empty=_said(COUNT, "Those whose answer says that there is nothing."),
        failed=_said(COUNT, "Those that will not be tried again."),
        pending=_said(_or_null(COUNT), "Those of which nothing is known yet."),
        rows=_said(COUNT, "Rows in the answers that are data, whether or not they were new."),
        quarantined=_said(COUNT, "Rows in the answers that were refused."),
    ),
    "JobFailure": _object(
        "Parts that failed for the same reason.",
        reason=_said(TEXT, "A stable word; new ones may be added."),
        count=COUNT,
        detail=_said(TEXT, "What was said of one of them."),
        parts=_said(
            {"type": "array", "items": TEXT}, "The first hundred: windows as start/end, or keys of the archive."
        ),
    ),
    "Redrive": _object(
        "Dead letters that are sent back: those that were there at that time.", id=TEXT, queue=TEXT, asked_at=TIME
    ),
    "Problem": _PROBLEM_ANSWER,
}
