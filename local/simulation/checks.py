"""What must hold once everything has come to rest: nothing lost, nothing made up, nothing missing without a reason."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from local.simulation import checks_moves, checks_rollups, oracle_yahoo
from local.simulation.clock import EPOCH
from local.simulation.fetching import Scene
from local.simulation.ledger import EVERYTHING, REVISIONS, Answer, Reader, Row, finals, raw_id, row_of
from local.simulation.oracle import Key, Served, utc

MINUTE = 60
DAY = 86_400
DEEPEST = 1000 * MINUTE
"""How far one answer of Binance's reaches."""

_REFUSED = "SELECT raw_id, position FROM quarantine ORDER BY raw_id, position"
_STATUS = "SELECT source, last_fetch_at FROM source_status"


@dataclass(frozen=True, slots=True)
class Excuse:
    """Why minutes of `symbol` within [start, end), epoch seconds, may be missing."""

    symbol: str
    start: int
    end: int
    reason: str


def check(scene: Scene, reader: Reader) -> None:
    """Compare the tables with the ledger and the market; what does not fit goes to the log."""
    _tables(scene, reader)
    _quarantine(scene, reader)
    checks_moves.check(scene, reader)
    _messages(scene)
    _status(scene, reader)
    excuses = _excuses(scene)
    _unpublished(scene, excuses)
    for key in missing(scene):
        if not _why(excuses, key):
            scene.log.violate(f"{key[1]} has its minute {key[3]}, or a reason.", "a row or a reason", "neither")
    checks_rollups.check(scene, reader)


def _tables(scene: Scene, reader: Reader) -> None:
    """Every row is what was observed last, from the first answer that said so, and none is missing.

    What was believed of a final candle before is among the revisions, and nothing else is.
    """
    found = [row_of(one) for one in reader.query(EVERYTHING)]
    rows = dict(found)
    if len(rows) != len(found):
        scene.log.violate("No key stands twice.", len(found), len(rows))
    due, earlier = scene.ledger.due()
    for key in sorted(rows.keys() | due.keys()):
        if rows.get(key) != due.get(key):
            scene.log.violate(f"{key} equals the oracle.", due.get(key), rows.get(key))
    revised: dict[Key, list[Row]] = {}
    for key, row in map(row_of, reader.query(REVISIONS)):
        revised.setdefault(key, []).append(row)
    for key in sorted(revised.keys() | earlier.keys()):
        if revised.get(key) != earlier.get(key):
            scene.log.violate(f"{key} has the oracle's revisions.", earlier.get(key), revised.get(key))


def _quarantine(scene: Scene, reader: Reader) -> None:
    """In the quarantine is what the oracle finds no data, and nothing else."""
    wanted = set()
    for key in scene.ledger.begun:
        reading = scene.ledger.answers[key].reading
        places = [-1] if reading.whole else [place for place, _ in reading.refused]
        wanted |= {(raw_id(key), place) for place in places}
    found = {(raw, place) for raw, place in reader.query(_REFUSED)}
    names = {raw_id(key): key for key in scene.ledger.answers}
    for raw, place in sorted(wanted - found):
        scene.log.violate("What is no data is in the quarantine.", f"row {place} of {names[raw]}", "nothing")
    for raw, place in sorted(found - wanted):
        scene.log.violate("Data is not in the quarantine.", "nothing", f"row {place} of {names.get(raw, raw)}")


def dead_keys(scene: Scene) -> set[str]:
    """The archived answers whose messages are in the dead-letter queue."""
    keys = set()
    for letter in scene.queue.dead:
        if letter.body.startswith("{"):
            keys.add(json.loads(letter.body).get("raw_key", ""))
    return keys


def _messages(scene: Scene) -> None:
    """Every archived answer was loaded, or is in the dead-letter queue, or was never published by a run that broke."""
    if scene.queue.letters:
        scene.log.violate("The queue is empty.", 0, len(scene.queue.letters))
    ledger, dead = scene.ledger, dead_keys(scene)
    for key in ledger.answers:
        if key in ledger.loaded or key in dead:
            continue
        if key in ledger.published or not scene.broken_runs:
            scene.log.violate("No message is lost.", f"{key} loaded or in the dead-letter queue", "neither")


def _status(scene: Scene, reader: Reader) -> None:
    """The status of a source is that of its newest report."""
    found = dict(reader.query(_STATUS))
    for source, finished in sorted(scene.ledger.reports.items()):
        if found.get(source) != finished:
            scene.log.violate(f"{source} has the time of its newest report.", finished, found.get(source))


def _unpublished(scene: Scene, excuses: list[Excuse]) -> None:
    """What a broken run left in the archive alone was asked for again: its final candles are there, or a reason is."""
    dead = dead_keys(scene)
    for key, answer in scene.ledger.answers.items():
        if key in scene.ledger.loaded or key in dead:
            continue
        for fact in finals(answer.reading):
            # What is older than the run was said to be there already.
            if (
                fact.key[3] >= scene.scenario.start
                and fact.key not in scene.ledger.rows
                and not _why(excuses, fact.key)
            ):
                scene.log.violate(f"{fact.key} of a broken run is fetched again.", fact, "nothing")


def _asked(scene: Scene, symbol: str, what: str, *, fault: str = "") -> list[Served]:
    """The answers about the newest minutes of `symbol`, those among them too that are none because of `fault`."""
    return [
        one
        for one in scene.asked
        if one.symbols == (symbol,)
        and what in one.path
        and one.params.get("interval") == "1m"
        and (one.status == 200 or fault in one.struck)
        and not one.window
    ]


def missing(scene: Scene) -> Iterator[Key]:
    """The minutes between the first and the last answer that are not there."""
    for source, what in (("binance", "klines"), ("yahoo", "chart")):
        for symbol in scene.scenario.symbols.get(source, ()):
            for minute in _due(scene, symbol, _asked(scene, symbol, what)):
                key: Key = ("candles", symbol, "1m", utc(minute))
                if key not in scene.ledger.rows:
                    yield key


def _due(scene: Scene, symbol: str, asked: list[Served]) -> list[int]:
    """The minutes between the first and the last answer."""
    if not asked:
        return []
    first, last = _first_minute(scene, asked), asked[-1].at
    if symbol in scene.world.binance.pairs:
        halted = scene.world.binance.pairs[symbol].halted
        return [] if halted else list(range(first, last - MINUTE, MINUTE))
    delay = scene.world.yahoo.instruments[symbol].exchange.delay
    return list(oracle_yahoo.minutes_between(scene.world, symbol, first, last - delay - MINUTE))


def _first_minute(scene: Scene, asked: list[Served]) -> int:
    """From when on minutes are due: a fresh source reaches back further, but not by a number that we promise."""
    return (
        -(-asked[0].at // MINUTE) * MINUTE if scene.scenario.cold else int(scene.scenario.start.timestamp()) // 60 * 60
    )


def _excuses(scene: Scene) -> list[Excuse]:
    """Why minutes may be missing: the vendor had none, gave none, did not know the symbol, or they wait in the DLQ."""
    found = [excuse for served in scene.asked for excuse in _of_answer(scene, served)]
    if scene.scenario.hole:
        start, end = scene.scenario.hole
        found += [Excuse(symbol, start, end, "outage") for symbol in scene.scenario.symbols["binance"]]
    for symbol in scene.scenario.symbols.get("yahoo", ()):
        found += _incomplete(scene, symbol)
    for key in sorted(dead_keys(scene) & scene.ledger.answers.keys()):
        found += [_at(fact.key, "dead letter") for fact in scene.ledger.answers[key].reading.facts]
    for key in sorted(scene.ledger.begun):
        found += _refused(scene.ledger.answers[key])
    return found


def _refused(answer: Answer) -> list[Excuse]:
    symbol = answer.served.symbols[0]
    return [
        _at(("candles", symbol, "1m", moment), "quarantine")
        for _, moment in answer.reading.refused
        if moment is not None
    ]


def _why(excuses: list[Excuse], key: Key) -> str | None:
    """The reason for which the candle `key` may be missing."""
    moment = _seconds(key[3])
    return next((one.reason for one in excuses if one.symbol == key[1] and one.start <= moment < one.end), None)


def _at(key: Key, reason: str) -> Excuse:
    start = _seconds(key[3])
    return Excuse(key[1], start, start + MINUTE, reason)


def _of_answer(scene: Scene, served: Served) -> list[Excuse]:
    reach = int(served.params.get("limit", "0")) * MINUTE
    unknown = any(name in served.struck for name in ("binance.error_1121", "binance.error_1100", "yahoo.http_404"))
    if unknown and not scene.scenario.patient:
        # It is asked for again after six hours, as far back as one answer goes; this run does not wait for that.
        return [
            Excuse(symbol, served.at - max(reach, DAY), served.at + DAY, "unknown symbol") for symbol in served.symbols
        ]
    if served.window:
        return []
    found = []
    if reach >= DEEPEST and served.status == 200:
        # Stops and pauses together were longer than one answer: that is for a backfill.
        found.append(Excuse(served.symbols[0], 0, served.at - reach + MINUTE, "deeper than one answer"))
    if "binance.empty" in served.struck:
        found.append(Excuse(served.symbols[0], served.at - reach, served.at, "empty answer"))
    return found


def _incomplete(scene: Scene, symbol: str) -> list[Excuse]:
    """What an answer of Yahoo's that lacked rows would have had, unless a whole one of the same days came after it."""
    found: dict[int, Excuse] = {}
    # Who is told that there is no data of that time takes it for an answer.
    for served in _asked(scene, symbol, "chart", fault="yahoo.http_400_listing"):
        start = oracle_yahoo.midnight(scene.world, symbol, served.at)
        if served.params["range"] == "5d":
            start -= 8 * DAY
        found = {day: excuse for day, excuse in found.items() if day < start or served.struck}
        if served.struck:
            found[start] = Excuse(symbol, start, served.at, "incomplete answer")
    return list(found.values())


def _seconds(moment: datetime) -> int:
    return int((moment - EPOCH).total_seconds())
