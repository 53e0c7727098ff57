"""Whatever a request holds, the answer is an envelope: never an exception, never half a write."""

from __future__ import annotations

import json
import string
from collections.abc import Iterator
from typing import Any

import pytest
from google.protobuf.descriptor import FieldDescriptor
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.sandbox import Sandbox, codec, parsing, routes
from reconciler.sandbox.auth import Tokens
from reconciler.sandbox.handlers import table
from reconciler.sandbox.house import House
from reconciler.sandbox.platform import Ask, Platform
from tests.sandbox.driving import Api, node, png

IDS = ("park", "people", "man", "above", "auto", "i1", "general-image-recognition", "Universal")
WORDS = ("", "me", "merge", "overwrite", "remove", "synonym", "hyponym", "clarifai", "main")


@pytest.fixture(scope="module")
def rooms() -> Iterator[Platform]:
    sandbox = Sandbox(seed=1, user="me-myself")
    sandbox.start()
    try:
        api = Api(sandbox)
        api("POST", "/v2/users/me/apps", {"apps": [{"id": "park"}]})
        api.concepts("people", "man")
        above = api.thresholder("above", 1, people=0.5)
        api.writer("pending", 24151)
        general = node("general", "general-image-recognition", public=True)
        nodes = [general, node("above", "above", above, "general")]
        api("POST", "/workflows", {"workflows": [{"id": "auto", "nodes": nodes}]})
        image = {"base64": codec.base64.b64encode(png(3)).decode()}
        api("POST", "/inputs", {"inputs": [{"id": "i1", "data": {"image": image}}]})
        sandbox.wait_idle(60)
        sandbox.hold()
        house: House = sandbox._open_house
        yield Platform(house._world, Tokens("me-myself", None, {}))
        api.session.close()
    finally:
        sandbox.stop()


def values_for(field: FieldDescriptor) -> st.SearchStrategy[Any]:
    kind = field.cpp_type
    if field.type == FieldDescriptor.TYPE_BYTES:
        return st.one_of(st.binary(max_size=8), st.just(png(4)))
    if kind == FieldDescriptor.CPPTYPE_STRING:
        junk = st.text(st.characters(codec="utf-8"), max_size=8)
        return st.one_of(st.sampled_from(IDS + WORDS), junk)
    if kind == FieldDescriptor.CPPTYPE_BOOL:
        return st.booleans()
    if kind == FieldDescriptor.CPPTYPE_ENUM:
        assert field.enum_type is not None
        return st.sampled_from([value.number for value in field.enum_type.values])
    if kind == FieldDescriptor.CPPTYPE_FLOAT:
        return st.floats(width=32, allow_nan=False, allow_infinity=False)
    if kind == FieldDescriptor.CPPTYPE_DOUBLE:
        return st.floats(allow_nan=False, allow_infinity=False)
    low = 0 if kind in (FieldDescriptor.CPPTYPE_UINT32, FieldDescriptor.CPPTYPE_UINT64) else -5
    return st.one_of(st.integers(low, 5), st.just(2**31 - 1))


def fill(draw: st.DrawFn, message: Any, depth: int) -> Any:
    fields = [
        field
        for field in message.DESCRIPTOR.fields
        if field.name != "user_app_id"
        and not (field.message_type and field.message_type.GetOptions().map_entry)
    ]
    chosen = draw(st.lists(st.sampled_from(fields), unique_by=id, max_size=5)) if fields else []
    for field in chosen:
        if field.message_type is None:
            if field.is_repeated:
                getattr(message, field.name).extend(draw(st.lists(values_for(field), max_size=3)))
            else:
                setattr(message, field.name, draw(values_for(field)))
        elif depth:
            repeats = draw(st.integers(1, 2)) if field.is_repeated else 1
            for _ in range(repeats):
                target = getattr(message, field.name)
                fill_one(draw, target.add() if field.is_repeated else target, depth - 1)
    return message


def fill_one(draw: st.DrawFn, target: Any, depth: int) -> None:
    if target.DESCRIPTOR.full_name == "google.protobuf.Struct":
        names = ("concept_threshold_type", "annotation_status", "max_concepts", "x")
        values: Any = st.one_of(st.booleans(), st.integers(-5, 5), st.text(string.ascii_letters))
        target.update(draw(st.dictionaries(st.sampled_from(names), values, max_size=3)))
        return
    target.SetInParent()
    fill(draw, target, depth)


@st.composite
def asked(draw: st.DrawFn) -> tuple[routes.Rpc, Any]:
    rpc = routes.rpcs()[draw(st.sampled_from(sorted(table.ENTRIES)))]
    request = fill(draw, rpc.request(), 4)
    request_fields = request.DESCRIPTOR.fields_by_name
    if "user_app_id" in request_fields:
        request.user_app_id.user_id = draw(st.sampled_from(["me", "me-myself", "clarifai", "x"]))
        request.user_app_id.app_id = draw(st.sampled_from(["park", "park", "main", "", "y"]))
    return rpc, request


@settings(
    max_examples=1500, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
@given(asked())
def test_the_answer_is_an_envelope(rooms: Platform, pair: tuple[routes.Rpc, Any]) -> None:
    rpc, request = pair
    if rpc.name == "DeleteApp":
        return
    answer = rooms.call(rpc, request, Ask("Key any"))
    assert answer.status.code
    assert answer.status.req_id
    found = json.loads(codec.dumps(answer))
    for field in answer.DESCRIPTOR.fields:
        if field.is_repeated and field.name in (
            "concepts",
            "models",
            "apps",
            "inputs",
            "workflows",
        ):
            assert isinstance(found[field.name], list)


JSON = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.just("auto")
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                [
                    "id",
                    "concepts",
                    "value",
                    "nodes",
                    "model",
                    "output_info",
                    "data",
                    "ids",
                    "action",
                ]
            ),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=12,
)


@settings(max_examples=800, deadline=None, derandomize=True)
@given(rpc=st.sampled_from(sorted(routes.rpcs())), body=JSON)
def test_any_json_is_taken_or_refused_with_a_place(rpc: str, body: Any) -> None:
    message = routes.rpcs()[rpc].request()
    try:
        parsing.parse_into(message, parsing.loads(json.dumps(body).encode()))
    except parsing.BadJson as error:
        assert str(error)
