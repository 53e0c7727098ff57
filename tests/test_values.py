"""Numbers as both sides of a diff see them."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.values import float32


def stored(value: float) -> float:
    (found,) = struct.unpack("<f", struct.pack("<f", value))
    assert isinstance(found, float)
    return found


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.949999988079071, 0.95),
        (0.95, 0.95),
        (0.1, 0.1),
        (-0.0, 0.0),
        (1, 1.0),
        (0.30000001, 0.3),
        (1e-45, 1e-45),
        (16777217.0, 16777216.0),
        (1e300, 1e300),
    ],
)
def test_a_float32_is_shown_as_its_shortest_decimal(value: float, shown: float) -> None:
    assert repr(float32(value)) == repr(shown)


@given(st.floats(-1e38, 1e38))
def test_what_the_platform_stores_is_shown_like_what_was_sent(value: float) -> None:
    shown = float32(value)
    assert stored(shown) == stored(value)
    assert float32(stored(value)) == shown == float32(shown)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_no_number_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="is no number"):
        float32(value)
