"""What answers are made of where Python writes them and not the database: member names in the contract's order."""

from __future__ import annotations

from marketflow.services.convert import Conversion


def conversion(answer: Conversion) -> dict[str, object]:
    """A conversion and its legs."""
    return {
        "from": answer.source,
        "to": answer.target,
        "amount": answer.amount,
        "result": answer.result,
        "rate": answer.rate,
        "as_of": answer.as_of,
        "age_seconds": answer.age_seconds,
        "legs": [
            {
                "symbol": leg.symbol,
                "from": leg.source_currency,
                "to": leg.target_currency,
                "rate": leg.rate,
                "as_of": leg.as_of,
                "age_seconds": leg.age_seconds,
                "source": leg.source,
                "inverted": leg.inverted,
            }
            for leg in answer.legs
        ],
    }
