"""A cursor is read only as it was written, and only for the query that it continues."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflow.api.cursors import Cursors
from marketflow.api.messages import Request
from marketflow.errors import RefusedError
from tests.unit.api.market import KEY, event

pytestmark = pytest.mark.unit

CURSORS = Cursors(KEY)
POSITION = ["BTCUSDT", "2026-01-01T00:00:00+00:00"]


def request(path: str = "/v1/candles", **query: str) -> Request:
    """A request with a query."""
    return Request.from_event(event(path, query={name: [value] for name, value in query.items()}), base_path="/api")


def assert_refused(request: Request, cursor: str, length: int = 2) -> None:
    """The cursor is a 400 that names it."""
    with pytest.raises(RefusedError) as caught:
        CURSORS.read(request, cursor, length=length)
    assert (caught.value.status, caught.value.code, caught.value.parameter) == (400, "invalid_cursor", "cursor")


@given(st.lists(st.text(), min_size=1, max_size=3))
def test_a_cursor_gives_back_what_was_written(position: list[str]) -> None:
    """Reading is the inverse of writing, for any position, and a cursor needs no escaping in a URL."""
    cursor = CURSORS.write(request(), position)
    assert CURSORS.read(request(), cursor, length=len(position)) == position
    assert cursor.replace("-", "").replace("_", "").isalnum()


@given(st.data())
def test_a_changed_cursor_is_refused(data: st.DataObject) -> None:
    """No single character can be changed, added or left out, not even the spare bits of the last one."""
    cursor = CURSORS.write(request(), POSITION)
    place = data.draw(st.integers(0, len(cursor)))
    rest = data.draw(st.integers(place, min(place + 1, len(cursor))))
    changed = cursor[:place] + data.draw(st.text(max_size=2)) + cursor[rest:]
    if changed != cursor:
        assert_refused(request(), changed)


@given(st.integers(0, 60))
def test_a_cursor_has_one_spelling(place: int) -> None:
    """What base64 would skip (foreign characters, the spare bits at the end, padding) is refused as well."""
    cursor = CURSORS.write(request(), ["ABC"])
    assert len(cursor) % 4 == 3
    assert_refused(request(), f"{cursor[:place]}!!!!{cursor[place:]}", length=1)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    sibling = alphabet[alphabet.index(cursor[-1]) ^ 1]
    assert_refused(request(), cursor[:-1] + sibling, length=1)
    assert_refused(request(), cursor + "=", length=1)


@given(st.text())
def test_any_other_text_is_refused(text: str) -> None:
    """Text that we did not write never gets through, and never causes another error."""
    assert_refused(request(), text)


def test_a_cursor_belongs_to_its_path_and_query() -> None:
    """A cursor of another symbol, interval or order is refused; the page's size may change."""
    cursor = CURSORS.write(request(interval="1m", limit="10"), POSITION)
    assert CURSORS.read(request(interval="1m", limit="20", cursor=cursor), cursor, length=2) == POSITION
    for other in (request(interval="5m"), request(), request("/v1/candles/A", interval="1m"), request(order="asc")):
        assert_refused(other, cursor)


def test_a_cursor_of_another_shape_is_refused() -> None:
    """A cursor with a good signature, from a version with other sort keys, is refused rather than misread."""
    assert_refused(request(), CURSORS.write(request(), POSITION[:1]))


def test_a_cursor_cannot_be_made_without_the_key() -> None:
    """Another key, or a position with a signature made up, is refused."""
    assert_refused(request(), Cursors(b"another key").write(request(), POSITION))
    forged = base64.urlsafe_b64encode(bytes(16) + json.dumps(POSITION).encode()).decode().rstrip("=")
    assert_refused(request(), forged)
