"""Numbers as both sides of a diff see them."""

from __future__ import annotations

import hashlib
import json
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.address import Address
from reconciler.values import (
    LATER,
    Mark,
    Unknown,
    digest,
    field_digest,
    fill,
    float32,
    freeze,
    marked,
    number,
    thaw,
    unknowns,
    unmarked,
    version_digest,
)


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


# --- shapes that both sides share

UNKNOWN = Unknown(Address("model", ("m",)), "version")


@pytest.mark.parametrize(
    ("value", "same"),
    [
        (1.0, 1),
        (-0.0, 0),
        (1.5, 1.5),
        (1000.0, 1000),
        (float(2**53), float(2**53)),
        (2**53 - 1, 2**53 - 1),
        (2**53, float(2**53)),
        (-(2**53), -float(2**53)),
        (True, True),
        ("1.0", "1.0"),
        (None, None),
        ({"a": [1.0, {"b": 2.0}]}, {"a": (1, {"b": 2})}),
        ((3.0,), (3,)),
    ],
)
def test_a_struct_has_one_kind_of_number(value: Any, same: Any) -> None:
    assert repr(number(value)) == repr(same)


def test_frozen_data_cannot_be_changed_and_comes_back_as_it_was() -> None:
    plain = {"b": [1, {"c": "x"}, None], "a": {"z": True, "y": 0.5}}
    frozen = freeze(plain)
    assert list(frozen) == ["a", "b"]
    assert list(frozen["a"]) == ["y", "z"]
    assert isinstance(frozen["b"], tuple)
    with pytest.raises(TypeError):
        frozen["a"]["y"] = 1
    assert thaw(frozen) == plain
    assert json.dumps(thaw(frozen), sort_keys=True) == json.dumps(plain, sort_keys=True)
    assert freeze((1, [2])) == (1, (2,))
    assert freeze(UNKNOWN) is UNKNOWN


def test_placeholders_are_found_filled_in_and_left_out() -> None:
    value = {"a": [1, UNKNOWN, {"b": UNKNOWN}], "c": ("x", 2)}
    assert list(unknowns(value)) == [UNKNOWN, UNKNOWN]
    assert list(unknowns("x")) == []
    assert fill(value, {UNKNOWN: "v1"}) == {"a": [1, "v1", {"b": "v1"}], "c": ["x", 2]}
    with pytest.raises(KeyError):
        fill(value, {})
    assert thaw(value) == {"a": [1, None, {"b": None}], "c": ["x", 2]}
    assert str(UNKNOWN) == "(known after apply)"


def test_a_digest_is_of_the_content_alone() -> None:
    """Written into marks of live objects: another one would have every version read again."""
    assert digest({"b": 1, "a": ["ä", None]}) == digest({"a": ("ä", UNKNOWN), "b": 1})
    assert digest({}) == "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    assert digest({"a": "ä"}) == "sha256:" + hashlib.sha256('{"a":"ä"}'.encode()).hexdigest()
    both = '{"a":"ä","b":[1,2]}'
    assert digest({"b": [1, 2], "a": "ä"}) == "sha256:" + hashlib.sha256(both.encode()).hexdigest()
    assert version_digest({}) == f"1:{digest({})}"


MARK = Mark("team", "created", True, "1:x", ("b", "a"))


def test_a_mark_comes_back_as_it_was_written() -> None:
    written = marked({"theirs": 1}, MARK)
    assert written["theirs"] == 1
    assert written["reconciler"]["owner"] == "team"
    assert written["reconciler"]["relations"] == ["a", "b"]
    found = Mark.read(written)
    assert found is not None
    assert (found.owner, found.origin, found.protect, found.digest, found.relations) == (
        "team", "created", True, "1:x", ("a", "b"),
    )  # fmt: skip
    assert found.without_digest().digest == ""
    assert unmarked(written) == {"theirs": 1}


def test_a_mark_keeps_what_others_put_under_ours_and_drops_what_it_takes_back() -> None:
    before = marked({"reconciler": {"note": "x"}}, MARK)
    after = marked(before, Mark("team"))["reconciler"]
    assert after["note"] == "x"
    assert "protect" not in after
    assert "relations" not in after


@pytest.mark.parametrize(
    "metadata",
    [None, 3, [], {}, {"reconciler": 3}, {"reconciler": {}}, {"reconciler": {"owner": 3}}],
)
def test_what_is_no_mark_is_none(metadata: Any) -> None:
    assert Mark.read(metadata) is None
    assert unmarked(3) == {}


def test_a_mark_of_another_make_is_read_as_far_as_it_goes() -> None:
    found = Mark.read({"reconciler": {"owner": "o", "protect": 1, "relations": "x"}})
    assert found == Mark("o", "adopted")
    assert marked({"reconciler": "x"}, Mark("o"))["reconciler"]["owner"] == "o"


@pytest.mark.parametrize(
    ("value", "same"),
    [
        ({"b": 1, "a": {"c": ""}}, {"a": {}, "b": 1}),
        ({"a": None, "b": [1, ""]}, {"b": (1, None)}),
        ("", None),
        ([], {}),
        ({"a": [{"b": ""}]}, {"a": [{}]}),
    ],
)
def test_blanks_make_no_other_field(value: Any, same: Any) -> None:
    assert field_digest(value) == field_digest(same)


def test_a_field_has_a_digest_of_its_own() -> None:
    """Kept in marks of live objects: another one would show every field as drifted."""
    assert field_digest("x") == "1:" + hashlib.sha256(b'"x"').hexdigest()[:12]
    values = [
        "",
        "x",
        "y",
        0,
        False,
        [0],
        ["x"],
        ["y"],
        {"a": "x"},
        {"a": "y"},
        {"b": "x"},
        [["x"]],
    ]
    assert len({field_digest(value) for value in values}) == len(values)


@pytest.mark.parametrize("value", [LATER, [LATER], {"a": [1, {"b": LATER}]}], ids=str)
def test_a_field_that_is_known_later_has_its_digest_later(value: Any) -> None:
    assert field_digest(value) == LATER


def test_a_mark_keeps_a_digest_of_each_field() -> None:
    mark = Mark("o", digest="1:x", digests={"b": "1:2", "a": "1:1"})
    written = mark.as_json()["digests"]
    assert list(written.items()) == [("a", "1:1"), ("b", "1:2")]
    assert Mark.read({"reconciler": mark.as_json()}) == mark
    assert dict(mark.without_digest().digests) == {}
    before = marked({}, mark)
    assert "digests" not in marked(before, Mark("o"))["reconciler"]
    odd = Mark.read({"reconciler": {"owner": "o", "digests": 3}})
    assert odd is not None
    assert dict(odd.digests) == {}


def test_an_app_s_mark_keeps_what_would_leave_no_other_trace() -> None:
    mark = Mark("o", resources=("workflow.w", "model.m"))
    written = mark.as_json()
    assert written == {
        "owner": "o",
        "origin": "created",
        "resources": ["model.m", "workflow.w"],
    }
    found = Mark.read({"reconciler": written})
    assert found == Mark("o", resources=("model.m", "workflow.w"))
    assert mark.without_digest() == Mark("o")
    assert "resources" not in marked(marked({}, mark), Mark("o"))["reconciler"]


@pytest.mark.parametrize("number", [0, 7])
def test_a_version_s_mark_keeps_which_it_was_to_be(number: int) -> None:
    written = Mark("o", number=number).as_json()
    assert written == {"owner": "o", "origin": "created", "number": number}
    for kept in (number, float(number)):  # a Struct has doubles alone
        found = Mark.read({"reconciler": {**written, "number": kept}})
        assert found == Mark("o", number=number)
        assert found is not None
        assert type(found.number) is int


@pytest.mark.parametrize("number", [None, "7", 7.5, True, [7]], ids=repr)
def test_what_is_no_number_of_a_version_is_none(number: object) -> None:
    found = Mark.read({"reconciler": {"owner": "o", "origin": "created", "number": number}})
    assert found == Mark("o")
