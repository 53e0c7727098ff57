"""Messages and the platform's JSON, field by field (fact sheet, sections 1.2 and 1.3)."""

from __future__ import annotations

import json
import struct
from typing import Any

import pytest
from clarifai_grpc.grpc.api import resources_pb2 as r
from clarifai_grpc.grpc.api import service_pb2 as s
from clarifai_grpc.grpc.api.status import status_pb2
from google.protobuf import timestamp_pb2
from hypothesis import given
from hypothesis import strategies as st

from reconciler.sandbox import codec, parsing


def parsed(message: Any, value: Any) -> Any:
    parsing.parse_into(message, value)
    return message


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.95, 0.95),
        (0.9, 0.9),
        (0.1, 0.1),
        (0.55, 0.55),
        (0.99, 0.99),
        (0.5, 0.5),
        (1.0, 1),
        (0.0, 0),
        (-0.3, -0.3),
        (0.9499, 0.9499),
        (1e-7, 1e-7),
        (3.4e38, 3.4e38),
    ],
)
def test_float32_is_shown_as_its_shortest_decimal(value: float, shown: float) -> None:
    found = codec.to_json(r.Concept(value=value))["value"]
    assert found == shown
    assert isinstance(found, int) == isinstance(shown, int) or abs(value) > 1e30


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_every_float32_comes_back_as_it_was(value: float) -> None:
    text = json.dumps(codec.to_json(r.Concept(value=value)))
    back = parsed(r.Concept(), json.loads(text)).value
    assert struct.pack("<f", back + 0.0) == struct.pack("<f", value + 0.0)


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        pytest.param(r.Concept(), {"value": 0}, id="shown though zero"),
        pytest.param(r.Model(id="m"), {"id": "m", "app_id": ""}, id="text shown though empty"),
        pytest.param(
            r.Workflow(id="w"), {"id": "w", "use_cases": [], "check_consents": []}, id="lists shown"
        ),
        pytest.param(s.MultiModelResponse(), {"models": []}, id="list of an answer"),
        pytest.param(r.Visibility(gettable=10), {"gettable": 10}, id="enum as number"),
        pytest.param(
            status_pb2.Status(code=10000, description="Ok"),
            {"code": 10000, "description": "Ok"},
            id="status as number",
        ),
        pytest.param(
            r.ImageInfo(width=5, height=0, format="PNG"), {"width": 5, "format": "PNG"}, id="zeros"
        ),
        pytest.param(r.Image(base64=b"\xff\xfe"), {"base64": "//4="}, id="standard base64"),
        pytest.param(s.GetResourceCountsResponse(models=3), {"models": "3"}, id="64 bits are text"),
        pytest.param(
            r.Model(workflow_recommended={"value": False}),
            {"app_id": "", "workflow_recommended": False},
            id="wrapper",
        ),
    ],
)
def test_what_is_shown(message: Any, shown: Any) -> None:
    assert codec.to_json(message) == shown


@pytest.mark.parametrize(
    ("seconds", "nanos", "text"),
    [
        (0, 0, "1970-01-01T00:00:00Z"),
        (1719828000, 640607000, "2024-07-01T10:00:00.640607Z"),
        (1719828000, 640000000, "2024-07-01T10:00:00.640Z"),
        (1719828000, 640607123, "2024-07-01T10:00:00.640607123Z"),
    ],
)
def test_times_are_rfc_3339(seconds: int, nanos: int, text: str) -> None:
    stamp = timestamp_pb2.Timestamp(seconds=seconds, nanos=nanos)
    assert codec.time_text(stamp) == text
    assert parsed(r.Concept(), {"created_at": text}).created_at == stamp


@pytest.mark.parametrize(
    ("sent", "value"),
    [
        ({}, 1.0),
        ({"value": None}, 1.0),
        ({"value": 0}, 0.0),
        ({"value": 0.0}, 0.0),
        ({"value": "0.5"}, 0.5),
    ],
)
def test_a_missing_concept_value_is_one(sent: Any, value: float) -> None:
    request = parsed(s.PostConceptsRequest(), {"concepts": [{"id": "a", **sent}]})
    assert request.concepts[0].value == value


@pytest.mark.parametrize(
    ("message", "sent", "field", "value"),
    [
        (r.Visibility(), {"gettable": "PUBLIC"}, "gettable", 50),
        (r.Visibility(), {"gettable": 50}, "gettable", 50),
        (r.Visibility(), {"gettable": 50.0}, "gettable", 50),
        (r.Visibility(), {"gettable": "50"}, "gettable", 50),
        (status_pb2.Status(), {"code": "INPUT_DOWNLOAD_SUCCESS"}, "code", 30000),
        (r.ImageInfo(), {"width": 3.0}, "width", 3),
        (r.ImageInfo(), {"width": "3"}, "width", 3),
        (r.Image(), {"allow_duplicate_url": "True"}, "allow_duplicate_url", True),
        (r.Image(), {"allow_duplicate_url": "False"}, "allow_duplicate_url", False),
        (r.Image(), {"allowDuplicateUrl": True}, "allow_duplicate_url", True),
        (r.Image(), {"base64": "//4="}, "base64", b"\xff\xfe"),
        (s.GetResourceCountsResponse(), {"models": str(2**63 - 1)}, "models", 2**63 - 1),
        (r.Model(), {"nobody": {"knows": 1}, "id": "m"}, "id", "m"),
    ],
)
def test_what_is_taken(message: Any, sent: Any, field: str, value: Any) -> None:
    assert getattr(parsed(message, sent), field) == value


@pytest.mark.parametrize(
    ("sent", "problem"),
    [
        (
            {"concepts": [{"value": float("1e39")}]},
            "concepts[0].value: 1e+39 does not fit a 32-bit float",
        ),
        ({"concepts": [{"value": "NaN"}]}, "concepts[0].value: 'NaN' is not a finite number"),
        (
            {"concepts": [{"value": "Infinity"}]},
            "concepts[0].value: 'Infinity' is not a finite number",
        ),
        ({"concepts": [{"value": "much"}]}, "concepts[0].value: 'much' is no number"),
        (
            {"concepts": [{"value": True}]},
            "concepts[0].value: expected a number, got true or false",
        ),
        ({"concepts": {"id": "a"}}, "concepts: expected a list, got an object"),
        ({"concepts": ["a"]}, "concepts[0]: expected an object, got text"),
        ({"concepts": [None]}, "concepts[0]: null is not allowed in a list"),
        ({"concepts": [{"id": 5}]}, "concepts[0].id: expected text, got a number"),
        (
            {"concepts": [{"id": "\ud800"}]},
            "concepts[0].id: UnicodeEncodeError: text that cannot be stored",
        ),
        (
            {"concepts": [{"created_at": "now"}]},
            "concepts[0].created_at: 'now' is no RFC 3339 time",
        ),
        (
            {"concepts": [{"visibility": {"gettable": "SOME"}}]},
            "concepts[0].visibility.gettable: 'SOME' is no Gettable",
        ),
        ({"concepts": [{"metadata": []}]}, "concepts[0].metadata: expected an object, got a list"),
        ({"concepts": [{"image": {"base64": "!!"}}]}, "concepts[0].image.base64: not base64: "),
        (
            {"concepts": [{"image": {"image_info": {"width": 1.5}}}]},
            "concepts[0].image.image_info.width: expected a whole number, got 1.5",
        ),
        (
            {"concepts": [{"image": {"image_info": {"width": 2**31}}}]},
            "concepts[0].image.image_info.width: 2147483648 is not between -2147483648 and 2147483647",
        ),
    ],
)
def test_what_is_refused_has_a_place(sent: Any, problem: str) -> None:
    with pytest.raises(parsing.BadJson) as caught:
        parsed(s.PostConceptsRequest(), sent)
    assert str(caught.value).startswith(problem)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"[]", "the body must be an object, not a list"),
        (b"{", "the body is not JSON: "),
        (b"\xff\xfe\xfa", "the body is not UTF-8"),
        (b'{"a": NaN}', "the body is not JSON: NaN is not a number"),
        (b"[" * 100_000, "the body is nested too deeply"),
    ],
)
def test_a_body_that_is_no_object_is_refused(body: bytes, problem: str) -> None:
    with pytest.raises(parsing.BadJson) as caught:
        parsing.loads(body)
    assert str(caught.value).startswith(problem)


def test_deep_nesting_is_refused_by_depth() -> None:
    deep: Any = {}
    for _ in range(200):
        deep = {"x": deep}
    with pytest.raises(parsing.BadJson, match="nested more than 20 levels deep"):
        parsed(r.Concept(), {"metadata": deep})


def test_the_deepest_that_is_let_in_can_be_stored_and_read_inside_an_answer() -> None:
    deep: Any = {}
    for _ in range(parsing.MAX_STRUCT_DEPTH - 1):
        deep = {"x": deep}
    data: Any = {"metadata": deep}
    for _ in range((parsing.MAX_DEPTH - 4) // 2):
        data = {"regions": [{"data": data}]}
    sent = parsed(s.PostInputsRequest(), {"inputs": [{"data": data}]})
    stored = r.Input.FromString(sent.inputs[0].SerializeToString())
    answer = s.PostWorkflowResultsResponse(results=[r.WorkflowResult(input=stored)])
    assert s.PostWorkflowResultsResponse.FromString(answer.SerializeToString()) == answer
    with pytest.raises(parsing.BadJson, match="nested more than 32 levels deep"):
        deeper = {"regions": [{"data": {"regions": [{"data": data}]}}]}
        parsed(s.PostInputsRequest(), {"inputs": [{"data": deeper}]})


def test_a_struct_keeps_its_values_and_its_empty_objects() -> None:
    value = {"a": 1, "b": 1.5, "c": {}, "d": [1, {"e": None}], "f": "x", "g": False}
    assert codec.to_json(parsed(r.Concept(), {"metadata": value}))["metadata"] == value


@pytest.mark.parametrize(
    ("path", "texts", "field", "value"),
    [
        ("status.code", ["INPUT_DOWNLOAD_SUCCESS"], "status", status_pb2.Status(code=30000)),
        ("ids", ["a", "b"], "ids", ["a", "b"]),
        ("page", ["2"], "page", 2),
        ("unknown.path", ["2"], "page", 0),
    ],
)
def test_query_parameters_reach_their_field(
    path: str, texts: list[str], field: str, value: Any
) -> None:
    request = s.ListInputsRequest()
    parsing.bind_text(request, path, texts)
    assert getattr(request, field) == value


@pytest.mark.parametrize("path", ["statuses", "statuses.code", "statuses[].code"])
@pytest.mark.parametrize("text", ["24150", "ANNOTATION_SUCCESS"])
def test_annotation_statuses_are_taken_in_every_written_form(path: str, text: str) -> None:
    request = s.ListAnnotationsRequest()
    parsing.bind_text(request, path, [text, "24151"])
    assert [status.code for status in request.statuses] == [24150, 24151]
