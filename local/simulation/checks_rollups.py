"""The roll-ups are those of the rows: whatever order they were written in, rolling up anew gives the same."""

from __future__ import annotations

from local.simulation.fetching import Scene
from local.simulation.ledger import Reader

_ROLLED = "SELECT CAST(r AS text) FROM rollups AS r ORDER BY 1"
_ANEW = "SELECT roll_anew(id) FROM symbols"


def check(scene: Scene, reader: Reader) -> None:
    """Compare what the loads rolled up with what the rows give; the last of the checks, since it writes."""
    found = {row[0] for row in reader.query(_ROLLED)}
    reader.query(_ANEW)
    due = {row[0] for row in reader.query(_ROLLED)}
    for row in sorted(due - found):
        scene.log.violate("What was rolled up follows from the rows.", row, "another candle, or none")
    for row in sorted(found - due):
        scene.log.violate("Nothing is rolled up but the rows.", "another candle, or none", row)
