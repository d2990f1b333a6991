"""The table of faults covers every behaviour that the vendors' wire facts name for test doubles."""

from __future__ import annotations

import re
from itertools import chain
from pathlib import Path

import pytest

from local.simulator.fault_table import FAULTS

pytestmark = pytest.mark.unit

FACTS = Path(__file__).resolve().parents[3].parent / "shared" / "sources.md"

# Section 4 of the wire facts, "Test doubles: behaviours worth scripting", word by word.
BEHAVIOURS = """
forming last row; zero-volume row; missing hour; misaligned open times; BREAK symbol with frozen ticker; [];
object vs array; -1121; -1100; -1120; 429+Retry-After then 200; 418; 451 pretty-printed; 403 HTML; 503;
limit 1000 paging ending on a short page; unknown status and unknown filterType; used-weight header rising;
snapshot row; duplicate last date; null row; null OHLC with volume; missing timestamp; empty arrays; length mismatch;
gmtoffset lie; GBp/ILA/ZAc; currency null; split inside window; events unsorted; granularity other than asked;
404; 400 x2; 422 x2; 401 `finance` envelope; 429 text body; consent HTML 200; "Will be right back";
both tradingPeriods shapes; `rates` vs `conversion_rates`; integer rates; result error with 200; bare 403; 429;
v4 rounding; time_eol_unix > 0; next update in the past; Frankfurter carry-back date; weekend 404; 422; 301 redirect;
ECB single quotes; N/A; stale Monday file
"""
LISTED = [" ".join(words.split()) for words in BEHAVIOURS.split(";")]


def test_every_behaviour_has_a_line() -> None:
    """Each behaviour is covered by a fault, and no fault claims one that is not there."""
    assert set(chain.from_iterable(fault.covers for fault in FAULTS.values())) == set(LISTED)


def test_the_list_is_that_of_the_wire_facts() -> None:
    """The list above is what the page says, as long as the page is at hand."""
    if not FACTS.exists():
        pytest.skip("the page with the wire facts is not beside this checkout")
    section = FACTS.read_text(encoding="utf-8").partition("## 4. Test doubles")[2].partition("\n## ")[0]
    lines = [line.partition(": ")[2] for line in section.strip().splitlines()[1:]]
    said = [part.strip() for line in lines for part in re.split(r"[;,]", line.rstrip("."))]
    assert [part if part != "`[]`" else "[]" for part in said] == LISTED
