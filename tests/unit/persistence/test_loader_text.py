"""What the load path turns Python values into."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflow.persistence.loader import raw_id, storable

pytestmark = pytest.mark.unit


def test_the_raw_id_is_the_signed_beginning_of_the_hash() -> None:
    """raw_id is the first 8 bytes of the key's SHA-256 as a signed bigint, so that any language can recompute it."""
    # printf 'raw/a' | sha256sum
    assert raw_id("raw/a") == int.from_bytes(bytes.fromhex("52c91c8c792655b7"), "big", signed=True)


@given(st.text())
def test_the_raw_id_fits_a_bigint(key: str) -> None:
    """Every key, in whatever letters, has an id that PostgreSQL can store."""
    assert -(2**63) <= raw_id(key.encode("utf-8", "replace").decode()) < 2**63


@given(st.text(st.characters(categories=None, codec=None)))
def test_storable_text_has_no_nul_and_no_lone_surrogate(text: str) -> None:
    """Text for the database is valid UTF-8 without NUL, and unchanged where it was so before."""
    clean = storable(text)
    assert "\0" not in clean
    assert json.loads(json.dumps(clean)) == clean
    clean.encode("utf-8")
    if "\0" not in text and text.encode("utf-8", "ignore").decode() == text:
        assert clean == text
