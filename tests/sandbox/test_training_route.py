"""Training over the API: queued, training, trained or not, and what a classifier then says."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from reconciler.sandbox import study
from tests.sandbox.driving import Api, node, png

BASE = {"id": "general-image-embedding", "user_id": "clarifai", "app_id": "main"}


def image(shade: int) -> Any:
    return {"image": {"base64": base64.b64encode(png(shade)).decode()}}


def label(api: Api, **shades: range) -> None:
    inputs = [
        {"id": f"{concept}-{shade}", "data": {**image(shade), "concepts": [{"id": concept}]}}
        for concept, found in shades.items()
        for shade in found
    ]
    api("POST", "/inputs", {"inputs": inputs})
    api.sandbox.wait_idle()


def specification(*concepts: str, **fields: Any) -> Any:
    info = {
        "data": {"concepts": [{"id": concept} for concept in concepts]},
        "params": {"concepts_mutually_exclusive": True},
    }
    return {"output_info": info, "input_info": {"base_embed_model": BASE}, **fields}


def status(api: Api, version: str, model: str = "clf") -> Any:
    return api("GET", f"/models/{model}/versions/{version}")["model_version"]["status"]


def test_training_is_queued_and_then_done(api: Api) -> None:
    label(api, dark=range(12), bright=range(240, 252))
    api("POST", "/models", {"model": {"id": "clf", "model_type_id": "embedding-classifier"}})
    api.sandbox.hold()
    version = api.version("clf", specification("dark", "bright"))
    assert status(api, version)["code"] == 21103
    assert api("GET", "/models", trained_only="true")["models"] == []
    graph = {
        "id": "w",
        "nodes": [node("e", BASE["id"], public=True), node("c", "clf", version, "e")],
    }
    refused = api.refused("POST", "/workflows", {"workflows": [graph]})
    assert refused[:2] == (400, 22002)
    body = {"inputs": [{"data": image(3)}]}
    assert api.refused("POST", f"/models/clf/versions/{version}/outputs", body)[1] == 21102
    api.sandbox.release()
    api.sandbox.wait_idle()
    found = api("GET", f"/models/clf/versions/{version}")["model_version"]
    assert found["status"]["code"] == 21100
    assert found["total_input_count"] == 24
    assert found["modified_at"] == found["completed_at"]
    assert found["output_info"]["params"] == {
        "concepts_mutually_exclusive": True,
        "max_concepts": 20,
        "min_value": 0,
        "select_concepts": [],
    }
    api("POST", "/workflows", {"workflows": [graph]})
    for shade, concept in ((5, "dark"), (245, "bright")):
        (output,) = api("POST", "/models/clf/outputs", {"inputs": [{"data": image(shade)}]})[
            "outputs"
        ]
        best = output["data"]["concepts"][0]
        assert (best["id"], best["app_id"]) == (concept, "park")
        assert best["value"] > 0.9


@pytest.mark.parametrize(
    ("labels", "concepts", "code"),
    [
        ({}, ["dark", "bright"], 21110),
        ({"dark": range(5)}, ["dark", "bright"], 21111),
        ({"dark": range(5)}, [], 21110),
    ],
    ids=["no data", "no positives", "no concepts"],
)
def test_training_that_cannot_succeed_ends_with_its_status(
    api: Api, labels: Any, concepts: list[str], code: int
) -> None:
    label(api, **labels) if labels else None
    api("POST", "/models", {"model": {"id": "clf"}})
    version = api.version("clf", specification(*concepts))
    api.sandbox.wait_idle()
    assert status(api, version)["code"] == code
    assert api("GET", "/models/clf")["model"]["model_version"]["status"]["code"] == code


@pytest.mark.parametrize(
    ("zero", "lenient", "code"),
    [("0.0", True, 21100), ("0.0", False, 21111), ("0", True, 21111), ("1, 0.0", True, 21100)],
    ids=["as a client writes unset ones", "taken for denials", "a plain denial", "both"],
)
def test_labels_without_a_value_teach_where_there_are_no_others(
    api: Api, zero: str, lenient: bool, code: int
) -> None:
    api.sandbox.switch(zero_labels_may_be_unset=lenient)
    for number, value in enumerate(zero.split(", ")):
        inputs = ",".join(
            f'{{"id":"{id_}{number}","data":{{"image":{json.dumps(image(shade)["image"])},'
            f'"concepts":[{{"id":"{id_}","value":{value}}}]}}}}'
            for id_, shade in (("dark", number), ("bright", 255 - number))
        )
        answer = api.raw("POST", "/inputs", data=f'{{"inputs":[{inputs}]}}')
        assert answer.status_code == 200
        assert answer.json()["inputs"][0]["data"]["concepts"][0]["value"] == float(value)
    api.sandbox.wait_idle()
    api("POST", "/models", {"model": {"id": "clf"}})
    wanted = {"data": {"concepts": [{"id": "bright"}]}}
    version = api.version("clf", {"output_info": wanted})
    api.sandbox.wait_idle()
    assert status(api, version)["code"] == code


def test_only_successful_annotations_teach(api: Api) -> None:
    inputs = [{"id": f"i{shade}", "data": image(shade)} for shade in range(6)]
    api("POST", "/inputs", {"inputs": inputs})
    api.sandbox.wait_idle()
    annotations = [
        {
            "input_id": f"i{shade}",
            "data": {"concepts": [{"id": "low" if shade < 3 else "high"}]},
            "status": {"code": "ANNOTATION_PENDING"},
        }
        for shade in range(6)
    ]
    made = api("POST", "/annotations", {"annotations": annotations})["annotations"]
    api("POST", "/models", {"model": {"id": "clf"}})
    first = api.version("clf", specification("low", "high"))
    api.sandbox.wait_idle()
    assert status(api, first)["code"] == 21110
    changes = [
        {"id": item["id"], "input_id": item["input_id"], "status": {"code": 24150}} for item in made
    ]
    api("PATCH", "/annotations", {"annotations": changes, "action": "merge"})
    second = api.version("clf", specification("low", "high"))
    api.sandbox.wait_idle()
    assert status(api, second)["code"] == 21100


@pytest.mark.parametrize(
    ("enrich", "code"), [(None, 21100), ("Automatic", 21100), ("Disabled", 21112)]
)
def test_inputs_with_other_labels_show_what_a_concept_is_not(
    api: Api, enrich: str | None, code: int
) -> None:
    label(api, dark=range(4), bright=range(240, 244))
    info: Any = {"output_info": {"data": {"concepts": [{"id": "dark"}]}}}
    if enrich:
        info["train_info"] = {"params": {"enrich_dataset": enrich}}
    api("POST", "/models", {"model": {"id": "clf"}})
    version = api.version("clf", info)
    api.sandbox.wait_idle()
    assert status(api, version)["code"] == code
    if code == 21100:
        body = {"inputs": [{"data": image(shade)} for shade in (2, 245)]}
        outputs = api("POST", "/models/clf/outputs", body)["outputs"]
        dark, bright = (output["data"]["concepts"] for output in outputs)
        assert [one["id"] for one in dark] == [one["id"] for one in bright] == ["dark"]
        assert dark[0]["value"] > 0.5 > bright[0]["value"]


def test_the_work_on_a_version_can_be_watched(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    label(api, dark=range(4), bright=range(240, 244))
    seen: list[int] = []
    real = study.work

    def watched(*arguments: Any) -> Any:
        seen.append(status(api, version)["code"])
        return real(*arguments)

    monkeypatch.setattr(study, "work", watched)
    api("POST", "/models", {"model": {"id": "clf"}})
    api.sandbox.hold()
    version = api.version("clf", specification("dark", "bright"))
    seen.append(status(api, version)["code"])
    api.sandbox.release()
    api.sandbox.wait_idle()
    seen.append(status(api, version)["code"])
    assert seen == [21103, 21101, 21100]


@pytest.mark.parametrize(
    ("type_id", "fields", "code", "details"),
    [
        (
            "visual-classifier",
            {"train_info": {"params": {"template": "x"}}},
            21106,
            "the sandbox does not train models of type 'visual-classifier'",
        ),
        (
            "embedding-classifier",
            {"input_info": {"base_embed_model": {"id": "mine"}}},
            21118,
            "base_embed_model 'mine' is not the sandbox's embedding model",
        ),
    ],
)
def test_what_is_not_trained_here_says_so(
    api: Api, type_id: str, fields: Any, code: int, details: str
) -> None:
    api("POST", "/models", {"model": {"id": "m", "model_type_id": type_id}})
    version = api.version("m", fields)
    api.sandbox.wait_idle()
    found = status(api, version, "m")
    assert (found["code"], found["details"]) == (code, details)


def test_training_goes_on_after_a_restart(start: Callable[..., Api], tmp_path: Path) -> None:
    api = start(data=tmp_path)
    label(api, dark=range(5), bright=range(240, 245))
    api("POST", "/models", {"model": {"id": "clf"}})
    api.sandbox.hold()
    version = api.version("clf", specification("dark", "bright"))
    api.sandbox.stop()
    again = start(data=tmp_path, create=False)
    again.sandbox.wait_idle()
    assert status(again, version)["code"] == 21100


# --- predictions ----------------------------------------------------------------------------


@pytest.fixture
def picture_server() -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            good = self.path == "/good.png"
            body = png(3) if good else b"nothing here"
            self.send_response(200 if good else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_urls_that_can_be_reached_are_fetched(api: Api, picture_server: str) -> None:
    def url(name: str) -> Any:
        return {"data": {"image": {"url": f"{picture_server}/{name}"}}}

    path = "/v2/users/clarifai/apps/main/models/general-image-embedding/outputs"
    good = api("POST", path, {"inputs": [url("good.png")]})["outputs"][0]
    assert good["data"]["embeddings"][0]["num_dimensions"] == len(
        good["data"]["embeddings"][0]["vector"]
    )
    mixed = api.raw("POST", path, json={"inputs": [url("good.png"), url("bad.png")]})
    assert (mixed.status_code, mixed.json()["status"]["code"]) == (207, 10010)
    assert [o["status"]["code"] for o in mixed.json()["outputs"]] == [10000, 30002]
    details = f"404 Client Error: Not Found for url: {picture_server}/bad.png"
    assert mixed.json()["outputs"][1]["status"]["details"] == details
    failed = api.raw("POST", path, json={"inputs": [url("bad.png")]})
    assert (failed.status_code, failed.json()["status"]["code"]) == (400, 30002)
    api("POST", "/inputs", {"inputs": [{"id": "i1", **url("good.png")}]})
    api.sandbox.wait_idle()
    kept = api("GET", "/inputs/i1")["input"]
    assert kept["status"]["code"] == 30000
    info = kept["data"]["image"]["image_info"]
    assert (info["width"], info["height"], info["format"]) == (16, 16, "PNG")


def test_a_scripted_url_need_not_be_reachable(start: Callable[..., Api], tmp_path: Path) -> None:
    scores = tmp_path / "scores.yaml"
    url = "http://example.invalid/cat.jpg"
    scores.write_text(
        f"source: a test\nimages:\n- url: {url}\n  concepts: {{ai_mFqxrph2: 0.95, ai_own: 0.2}}\n"
    )
    api = start(scores=scores)
    path = "/v2/users/clarifai/apps/main/models/general-image-recognition/outputs"
    body: Any = {"inputs": [{"data": {"image": {"url": url}}}]}
    output = api("POST", path, body)["outputs"][0]
    assert [(c["id"], c["name"], c["value"]) for c in output["data"]["concepts"]] == [
        ("ai_mFqxrph2", "cat", 0.95),
        ("ai_own", "ai_own", 0.2),
    ]
    assert "source: a test" in output["status"]["details"]
    body["model"] = {"model_version": {"output_info": {"params": {"min_value": 0.5}}}}
    assert len(api("POST", path, body)["outputs"][0]["data"]["concepts"]) == 1


def test_inputs_of_the_app_can_be_predicted_by_id(api: Api) -> None:
    api("POST", "/inputs", {"inputs": [{"id": "i1", "data": image(4)}]})
    path = "/workflows/Universal/results"
    result = api("POST", path, {"inputs": [{"id": "i1"}]})["results"][0]
    assert result["input"]["id"] == "i1"
    assert [output["model"]["id"] for output in result["outputs"]] == [
        "general-image-embedding",
        "general-clusterering",
        "multilingual-text-embedding",
    ]
    assert set(result["outputs"][0]["model"]) == {"id", "app_id", "user_id", "model_version"}
    assert api.refused("POST", path, {"inputs": [{"id": "nobody"}]})[:2] == (404, 11101)


@pytest.mark.parametrize(
    ("path", "count"), [("/workflows/Empty/results", 33), ("/models/w/outputs", 129)]
)
def test_predictions_have_a_most(api: Api, path: str, count: int) -> None:
    api.writer("w", 24150)
    inputs = [{"data": {"text": {"raw": "x"}}}] * count
    assert api.refused("POST", path, {"inputs": inputs})[:2] == (400, 11102)
    assert api.refused("POST", path, {"inputs": []})[:2] == (400, 11102)


def test_outputs_are_suppressed_and_limited(start: Callable[..., Api], tmp_path: Path) -> None:
    scores = tmp_path / "scores.yaml"
    url = "http://example.invalid/cat.jpg"
    scores.write_text(f"source: s\nimages:\n- url: {url}\n  concepts: {{ai_a: 0.9, ai_b: 0.4}}\n")
    api = start(scores=scores)
    general: Any = node("g", "general-image-recognition", public=True)
    embed = {**node("e", "general-image-embedding", public=True), "suppress_output": True}
    api("POST", "/workflows", {"workflows": [{"id": "w", "nodes": [general, embed]}]})

    def concepts(**config: Any) -> list[str]:
        body = {"inputs": [{"data": {"image": {"url": url}}}], "output_config": config}
        (output,) = api("POST", "/workflows/w/results", body)["results"][0]["outputs"]
        return [concept["id"] for concept in output["data"].get("concepts", [])]

    assert concepts() == ["ai_a", "ai_b"]
    assert concepts(max_concepts=1) == ["ai_a"]
    assert concepts(min_value=0.5) == ["ai_a"]
    assert concepts(select_concepts=[{"id": "ai_b"}]) == ["ai_b"]
    body = {"inputs": [{"data": {"image": {"url": url}}}], "output_config": {"min_value": 2}}
    assert api.refused("POST", "/workflows/w/results", body)[1] == 21202
