"""How each source spells an instrument: what can be derived is, and a spelling that cannot be right is refused.

Binance names no currency in its prices. So there the spelling has to agree with the two currencies of the symbol:
nothing later would notice that prices in lira are stored as prices in dollars.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from marketflow.domain.listing import Draft, refusal

LONGEST_BINANCE = 20  # '^[A-Z0-9-_.]{1,20}$', as error -1100 says
_TICKER = re.compile(r"\^?[A-Z0-9][A-Z0-9.&=-]*")


def _binance(draft: Draft) -> str:
    """Base and quote asset in one: https://github.com/binance/binance-spot-api-docs/blob/master/rest-api.md."""
    pair = f"{draft.base_currency or ''}{draft.quote_currency}"
    if len(pair) > LONGEST_BINANCE:
        raise refusal("base_currency", f"Binance's pairs have at most {LONGEST_BINANCE} characters, {pair} has more")
    return _derived(draft, pair, "Binance writes base and quote currency in one")


def _exchangerate(draft: Draft) -> str:
    """Our own spelling of a cross rate; the vendor has a list of currencies and no pairs."""
    return _derived(draft, f"{draft.base_currency or ''}/{draft.quote_currency}", "a pair of rates is BASE/QUOTE")


def _yahoo(draft: Draft) -> str:
    """A ticker: `^GSPC`, `BRK-B`, `THYAO.IS`, `GC=F`, `M&M.NS`. In capitals: Yahoo takes both, and two would be one."""
    ticker = draft.symbol if draft.source_symbol is None else draft.source_symbol
    if not _TICKER.fullmatch(ticker):
        reason = "a Yahoo ticker is made of A-Z 0-9 . & = - and may begin with ^, such as THYAO.IS, BRK-B or ^GSPC"
        raise refusal("source_symbol", reason)
    return ticker


def _derived(draft: Draft, spelling: str, rule: str) -> str:
    if draft.source_symbol not in (None, spelling):
        raise refusal("source_symbol", f"{rule}: with these currencies it is {spelling}")
    return spelling


SPELLINGS: dict[str, Callable[[Draft], str]] = {"binance": _binance, "exchangerate": _exchangerate, "yahoo": _yahoo}
"""By source. Each gives the source's spelling of a symbol; raises RefusedError (400) for one that cannot be right."""
