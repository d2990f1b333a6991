"""The switches: what is set, whether it strikes now, and how often it has. Deterministic from seed and counters."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from local.simulator.fault_table import FAULTS, Kind
from local.simulator.noise import salt, unit

HOUR = 3600
_WITH_SYMBOLS = frozenset({"binance", "yahoo"})


@dataclass(frozen=True, slots=True)
class Setting:
    """What a switch is set to; see `parse` for the text form. Times are epoch seconds."""

    text: str
    probability: float = 1.0
    window: tuple[int, int] | None = None
    times: int | None = None
    symbols: frozenset[str] = frozenset()


def parse(name: str, text: str) -> Setting:
    """Read `VALUE[xTIMES][@SYMBOL,SYMBOL]`, VALUE being `on`, a probability, or `START/END` in ISO 8601.

    Raises ValueError, with what to write instead, for an unknown name or a value that does not fit.
    """
    fault = FAULTS.get(name)
    if fault is None:
        raise ValueError(f"There is no fault {name!r}. GET /_faults lists them.")
    if fault.kind is Kind.ALWAYS:
        raise ValueError(f"{name} needs no switch, it is always there: {fault.explanation}")
    value, _, symbols = text.partition("@")
    value, counted, times = value.partition("x")
    try:
        window = _window(value) if "/" in value else None
        probability = 1.0 if window or value == "on" else float(value)
        count = int(times) if counted else None
    except ValueError as error:
        raise ValueError(
            f"{name}={text} cannot be read: {error}. Write on, a probability such as 0.05, or START/END such as "
            "2026-01-05T10:00Z/2026-01-05T11:00Z; add x3 for three times only, @AAPL,MSFT for these symbols only."
        ) from error
    if not 0.0 <= probability <= 1.0:
        raise ValueError(f"{name}={text}: a probability lies between 0 and 1.")
    if fault.kind is not Kind.REQUEST and count:
        raise ValueError(f"{name}={text}: only faults of single requests can be counted with x.")
    if fault.kind is Kind.MOMENT and window is None:
        raise ValueError(f"{name}={text}: this one needs a window START/END; it happens at its start.")
    if symbols and name.partition(".")[0] not in _WITH_SYMBOLS:
        raise ValueError(f"{name}={text}: requests to this vendor are not for a symbol; leave out @{symbols}.")
    names = frozenset(part.strip().upper() for part in symbols.split(",") if part.strip())
    return Setting(text, probability, window, count, names)


def _window(value: str) -> tuple[int, int]:
    start, end = (datetime.fromisoformat(part) for part in value.split("/"))
    if start.tzinfo is None or end.tzinfo is None:
        raise ValueError("the times need a zone, such as Z")
    if end <= start:
        raise ValueError("the window ends before it starts")
    return int(start.timestamp()), int(end.timestamp())


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretches:
    """Stretches of data time, in epoch seconds: one window, or whole hours drawn with a probability.

    The draw is the same for all symbols, because an exchange goes down as a whole.
    """

    window: tuple[int, int] | None = None
    key: int = 0
    probability: float = 0.0

    def within(self, start: int, end: int) -> list[tuple[int, int]]:
        """The stretches that overlap [start, end), in order."""
        if self.window:
            return [self.window] if self.window[0] < end and self.window[1] > start else []
        if not self.probability:
            return []
        hours = range(start // HOUR * HOUR, end, HOUR)
        return [(hour, hour + HOUR) for hour in hours if unit(self.key ^ hour) < self.probability]

    def at(self, moment: int) -> tuple[int, int] | None:
        """The stretch that holds `moment`; None when there is none."""
        return next(iter(self.within(moment, moment + 1)), None)


NOWHERE = Stretches()


class Faults:
    """The state of all switches of one world. Safe to use from several threads."""

    def __init__(self, seed: int, settings: Mapping[str, str] | None = None) -> None:
        self._seed = seed
        self._lock = threading.Lock()
        self._settings: dict[str, Setting] = {}
        self._asked: Counter[str] = Counter()
        self._injected: Counter[str] = Counter()
        self._used: Counter[str] = Counter()
        self.set(settings or {})

    def set(self, settings: Mapping[str, str]) -> None:
        """Set these switches, all or none. Raises ValueError as `parse` does."""
        parsed = {name: parse(name, text) for name, text in settings.items()}
        with self._lock:
            self._settings.update(parsed)
            for name in parsed:
                self._used[name] = 0

    def clear(self, *names: str) -> None:
        """Take back these switches, or all when none is named."""
        with self._lock:
            for name in names or tuple(self._settings):
                self._settings.pop(name, None)

    def hits(self, name: str, *, now: int, symbols: Collection[str] = ()) -> bool:
        """Whether the fault strikes a request for `symbols`; counts it if so. `now` is in epoch seconds."""
        setting = self._setting(name, symbols)
        if setting is None or (setting.window and not setting.window[0] <= now < setting.window[1]):
            return False
        with self._lock:
            self._asked[name] += 1
            if unit(salt(self._seed, "fault", name, str(self._asked[name]))) >= setting.probability:
                return False
            if setting.times is not None and self._used[name] >= setting.times:
                return False
            self._used[name] += 1
            self._injected[name] += 1
            return True

    def stretches(self, name: str, *, symbol: str) -> Stretches:
        """The stretches of data time that the fault takes; none when it is off. `note` counts what came of it."""
        setting = self._setting(name, (symbol,))
        if setting is None:
            return NOWHERE
        if setting.window:
            return Stretches(window=setting.window)
        return Stretches(key=salt(self._seed, "hour", name), probability=setting.probability)

    def note(self, name: str) -> None:
        """Count one answer that a fault of data time changed."""
        with self._lock:
            self._injected[name] += 1

    def moment(self, name: str, *, now: int, symbol: str) -> int | None:
        """When the fault happened, in epoch seconds; None when it is not set or still to come."""
        setting = self._setting(name, (symbol,))
        if setting is None or setting.window is None or now < setting.window[0]:
            return None
        self.note(name)
        return setting.window[0]

    def report(self) -> dict[str, dict[str, object]]:
        """Every behaviour with its explanation, setting (None when off) and how often it was injected."""
        with self._lock:
            settings, injected = dict(self._settings), Counter(self._injected)
        return {
            name: {
                "kind": fault.kind.value,
                "explanation": fault.explanation,
                "setting": settings[name].text if name in settings else None,
                "injected": injected[name],
            }
            for name, fault in FAULTS.items()
        }

    def _setting(self, name: str, symbols: Collection[str]) -> Setting | None:
        setting = self._settings.get(name)
        return setting if setting and (not setting.symbols or setting.symbols.intersection(symbols)) else None
