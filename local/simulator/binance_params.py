"""How Binance reads query parameters, and the errors it answers when it cannot."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping

from local.simulator.pairs import Pair
from local.simulator.wire import Answer, Request, json_answer

JSON_UTF8 = "application/json;charset=UTF-8"
SYMBOL_RANGE = "^[A-Z0-9-_.]{1,20}$"
SYMBOLS_RANGE = '^\\[("[A-Z0-9-_.]{1,20}"(,"[A-Z0-9-_.]{1,20}"){0,}){0,1}\\]$'
INTERVAL_RANGE = "^[a-zA-Z0-9]{1,36}$"
NUMBER_RANGE = "^[0-9]{1,20}$"
_MICROSECONDS_FROM = 10**14  # a time parameter at least this big is in microseconds
STATUSES = frozenset({"TRADING", "END_OF_DAY", "HALT", "BREAK", "CANCEL_ONLY"})


class BinanceError(Exception):
    """A refusal: HTTP status, Binance's code and text."""

    def __init__(self, code: int, msg: str, status: int = 400) -> None:
        super().__init__(msg)
        self.status = status
        self.code = code
        self.msg = msg

    def answer(self) -> Answer:
        """The error as Binance sends it."""
        return json_answer(self.status, {"code": self.code, "msg": self.msg}, {"content-type": JSON_UTF8})


def illegal(name: str, legal: str) -> BinanceError:
    """The -1100 for parameter `name`."""
    return BinanceError(-1100, f"Illegal characters found in parameter '{name}'; legal range is '{legal}'.")


def invalid_symbol() -> BinanceError:
    """The -1121."""
    return BinanceError(-1121, "Invalid symbol.")


def invalid_interval() -> BinanceError:
    """The -1120."""
    return BinanceError(-1120, "Invalid interval.")


def check_names(request: Request, allowed: Iterable[str]) -> None:
    """Refuse parameters that are empty (-1105), sent twice (-1101) or not known here (-1104)."""
    names = [name for name, _ in request.params]
    for name, value in request.params:
        if value == "":
            raise BinanceError(-1105, f"Parameter '{name}' was empty.")
    if len(set(names)) < len(names):
        raise BinanceError(
            -1101, f"Too many parameters; expected '{len(set(names))}' and received '{len(names)}' parameters."
        )
    read = len(set(names) & set(allowed))
    if read < len(names):
        raise BinanceError(
            -1104, f"Not all sent parameters were read; read '{read}' parameter(s) but was sent '{len(names)}'."
        )


def mandatory(request: Request, name: str) -> str:
    """The value of a parameter that must be there (-1102)."""
    value = request.param(name)
    if value is None:
        raise BinanceError(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")
    return value


def number(request: Request, name: str) -> int | None:
    """A non-negative integer parameter; None when it was not sent."""
    value = request.param(name)
    if value is None:
        return None
    if not re.fullmatch(r"[0-9]{1,20}", value):
        raise illegal(name, NUMBER_RANGE)
    return int(value)


def milliseconds(request: Request, name: str) -> int | None:
    """A time parameter in ms, whichever of ms or microseconds it was sent in."""
    value = number(request, name)
    return value // 1000 if value is not None and value >= _MICROSECONDS_FROM else value


def find(pairs: Mapping[str, Pair], symbol: str) -> Pair:
    """The pair called `symbol`. Names outside the legal range that are no pair get -1100, others -1121."""
    pair = pairs.get(symbol)
    if pair is None:
        raise invalid_symbol() if re.fullmatch(r"[A-Z0-9\-_.]{1,20}", symbol) else illegal("symbol", SYMBOL_RANGE)
    return pair


def selection(request: Request, pairs: Mapping[str, Pair]) -> tuple[list[Pair], bool]:
    """The pairs that `symbol`, `symbols` or neither choose, and whether the answer is a single object.

    `symbolStatus` leaves out pairs of another status; with a single symbol that does not match it is -1220.
    """
    symbol, symbols, status = request.param("symbol"), request.param("symbols"), request.param("symbolStatus")
    if symbol is not None and symbols is not None:
        raise BinanceError(-1128, "Combination of optional parameters invalid.")
    if status is not None and status not in STATUSES:
        raise BinanceError(-1122, "Invalid symbolStatus.")
    if symbol is not None:
        pair = find(pairs, symbol)
        if status not in {None, pair.status}:
            raise BinanceError(-1220, "The symbol's status does not match the requested symbolStatus.")
        return [pair], True
    chosen = list(pairs.values()) if symbols is None else [find(pairs, name) for name in _names(symbols)]
    return [pair for pair in chosen if status in {None, pair.status}], False


def _names(symbols: str) -> list[str]:
    try:
        names = json.loads(symbols)
    except json.JSONDecodeError:
        names = None
    if not isinstance(names, list) or not names or not all(isinstance(name, str) and name for name in names):
        raise illegal("symbols", SYMBOLS_RANGE)
    if len(set(names)) < len(names):
        raise BinanceError(-1151, "Symbol is present multiple times in the list.")
    return names
