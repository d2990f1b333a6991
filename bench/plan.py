"""How much is measured: all of it, or the same figures from less data and fewer rounds in under a minute."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The sizes of one run. A turn is what one competitor does before the next one has its go; a round is one of each.

    `pages` and `batches` are the requests of a turn, `starts` the processes of one; `bodies` are klines answers of
    1,000 rows, of which the slow loader gets `orm_bodies`; `large` and `small` are the candles of the two databases.
    """

    mode: str
    rounds: int
    cold_rounds: int
    pages: int
    batches: int
    starts: int
    bodies: int
    orm_bodies: int
    scale_bodies: int
    large: int
    small: int

    def said(self) -> str:
        """What the figures of such a run are made of, for whoever reads them."""
        sizes = f"{self.large:,} against {self.small:,} candles"
        if self.mode == "full":
            return f"median of {self.rounds} rounds, {sizes}"
        return f"median of {self.rounds} rounds ({self.cold_rounds} of cold starts), {sizes}: a hint, not the figures"


FULL = Plan(
    mode="full",
    rounds=7,
    cold_rounds=7,
    pages=40,
    batches=60,
    starts=3,
    bodies=24,
    orm_bodies=2,
    scale_bodies=12,
    large=20_000_000,
    small=1_000_000,
)
QUICK = Plan(
    mode="quick",
    rounds=3,
    cold_rounds=2,
    pages=15,
    batches=20,
    starts=1,
    bodies=8,
    orm_bodies=1,
    scale_bodies=6,
    large=1_000_000,
    small=50_000,
)
