"""What a prediction refuses, and how the statuses of its inputs make that of its envelope."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest

from tests.sandbox.driving import Api, node, png

MAIN = "/v2/users/clarifai/apps/main"
MODEL = f"{MAIN}/models/general-image-embedding/outputs"
WORKFLOW = f"{MAIN}/workflows/General/results"


def image(content: bytes) -> Any:
    return {"data": {"image": {"base64": base64.b64encode(content).decode()}}}


GOOD = image(png(1))
BROKEN = image(b"no image")
UNREACHABLE = {"data": {"image": {"url": "http://127.0.0.1:9/x.png"}}}


@pytest.mark.parametrize("path", [MODEL, WORKFLOW], ids=["model", "workflow"])
@pytest.mark.parametrize(
    ("inputs", "http", "code", "items"),
    [
        ([GOOD, GOOD], 200, 10000, [10000, 10000]),
        ([GOOD, BROKEN], 207, 10010, [10000, 30101]),
        ([UNREACHABLE, GOOD], 207, 10010, [30002, 10000]),
        ([BROKEN], 400, 10020, [30101]),
        ([UNREACHABLE], 400, 30002, [30002]),
        ([UNREACHABLE, UNREACHABLE], 400, 30002, [30002, 30002]),
        ([UNREACHABLE, BROKEN], 400, 10020, [30002, 30101]),
        ([{"data": {}}], 400, 10020, [30104]),
        ([{"data": {"video": {"url": "http://127.0.0.1:9/x.mp4"}}}], 400, 10020, [10040]),
    ],
)
def test_the_envelope_sums_the_items_up(
    api: Api, path: str, inputs: Any, http: int, code: int, items: list[int]
) -> None:
    answer = api.raw("POST", path, json={"inputs": inputs})
    found = answer.json()
    listed = found["outputs" if path == MODEL else "results"]
    assert [item["status"]["code"] for item in listed] == items
    assert (answer.status_code, found["status"]["code"]) == (http, code)
    if http == 400:
        assert found["status"]["details"] == listed[0]["status"]["details"]


@pytest.mark.parametrize(
    ("path", "count", "details"),
    [
        (MODEL, 0, "the request names no inputs"),
        (MODEL, 129, "129 inputs in one request, the most is 128"),
        (WORKFLOW, 0, "the request names no inputs"),
        (WORKFLOW, 33, "33 inputs in one request, the most is 32"),
    ],
)
def test_a_prediction_has_its_limits(api: Api, path: str, count: int, details: str) -> None:
    assert api.refused("POST", path, {"inputs": [GOOD] * count}) == (400, 11102, details)


@pytest.mark.parametrize("where", ["version", "model"])
@pytest.mark.parametrize(
    ("info", "details"),
    [
        (
            {"params": {"max_concepts": 201}},
            "max_concepts is 201; it must be in the interval (0, 200]",
        ),
        ({"params": {"max_concepts": 0}}, "max_concepts is 0; it must be in the interval (0, 200]"),
        ({"params": {"max_concepts": "all"}}, "max_concepts is 'all'; it must be a number"),
        ({"params": {"min_value": 1.5}}, "min_value is 1.5; it must be in the interval [0, 1]"),
        ({"params": {"min_value": "low"}}, "min_value is 'low'; it must be a number"),
        ({"params": {"min_value": True}}, "min_value is True; it must be a number"),
        (
            {"output_config": {"max_concepts": 201}},
            "max_concepts is 201; it must be in the interval (0, 200]",
        ),
        (
            {"output_config": {"min_value": -0.5}},
            "min_value is -0.5; it must be in the interval [0, 1]",
        ),
    ],
)
def test_bounds_that_cannot_be(api: Api, where: str, info: Any, details: str) -> None:
    model = (
        {"model_version": {"output_info": info}} if where == "version" else {"output_info": info}
    )
    refused = api.refused("POST", MODEL, {"inputs": [GOOD], "model": model})
    assert refused == (400, 21202, details)


@pytest.mark.parametrize(
    ("config", "details"),
    [
        ({"max_concepts": 201}, "max_concepts is 201; it must be in the interval (0, 200]"),
        ({"min_value": 1.5}, "min_value is 1.5; it must be in the interval [0, 1]"),
    ],
)
def test_bounds_of_a_workflow_that_cannot_be(api: Api, config: Any, details: str) -> None:
    refused = api.refused("POST", WORKFLOW, {"inputs": [GOOD], "output_config": config})
    assert refused == (400, 21202, details)


@pytest.mark.parametrize(
    ("path", "http", "code"),
    [
        ("/models/nobody/outputs", 404, 11101),
        ("/models/untrained/outputs", 400, 21102),
        (f"{MAIN}/models/general-image-embedding/versions/{'0' * 32}/outputs", 404, 11101),
        ("/workflows/nobody/results", 404, 11101),
        (f"{MAIN}/workflows/General/versions/{'0' * 32}/results", 404, 11101),
    ],
)
def test_what_cannot_run(api: Api, path: str, http: int, code: int) -> None:
    api("POST", "/models", {"model": {"id": "untrained"}})
    assert api.refused("POST", path, {"inputs": [GOOD]})[:2] == (http, code)


@pytest.mark.parametrize(
    ("path", "http", "code"),
    [
        ("/v2/workflows/mixed/results", 403, 11007),
        ("/v2/workflows/Universal/results", 403, 11007),
        ("/v2/workflows/own/results", 200, 10000),
        ("/v2/models/general-image-embedding/outputs", 404, 11101),
        (MODEL, 401, 11008),
    ],
)
def test_an_app_key_runs_nothing_public(
    start: Callable[..., Api], path: str, http: int, code: int
) -> None:
    api = start(pat="pat", app_keys={"key": "park"})
    writer = api.writer("writer", 24150)
    for graph in (
        {"id": "mixed", "nodes": [node("n", "general-image-embedding", public=True)]},
        {"id": "own", "nodes": [node("n", "writer", writer)]},
    ):
        api("POST", "/workflows", {"workflows": [graph]})
    headers = {"Authorization": "Key key"}
    answer = api.raw("POST", path, json={"inputs": [GOOD]}, headers=headers)
    assert (answer.status_code, answer.json()["status"]["code"]) == (http, code)
