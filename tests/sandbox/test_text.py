"""Apps of texts, end to end: features, training, routing, operators on texts, and what is no text."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.sandbox.language import embed
from tests.sandbox.driving import Api, node

EMBEDDER = "multilingual-text-embedding"
BASE = {"id": EMBEDDER, "user_id": "clarifai", "app_id": "main"}

SPORT = (
    "The keeper saved a penalty in the last minute of the match",
    "Their striker scored twice and the team won the league",
    "The coach named his team for the final on Saturday",
    "A late goal decided the match between the two teams",
    "The players trained all week for the cup final",
    "She won the race and broke the record of the league",
)
FOOD = (
    "Stir the onions into the butter and add a pinch of salt",
    "Bake the bread for forty minutes until the crust is brown",
    "Simmer the soup with garlic, pepper and a spoon of butter",
    "Add sugar and flour, then bake the cake for an hour",
    "Chop the garlic and fry it with the onions and pepper",
    "Season the soup with salt and serve it with fresh bread",
)
UNSEEN = {"sport": "The team scored a goal in the match", "food": "Fry the garlic in butter"}


def text(raw: str, *concepts: str) -> Any:
    return {"data": {"text": {"raw": raw}, "concepts": [{"id": id_} for id_ in concepts]}}


def train_texts(api: Api, **fields: Any) -> str:
    api(
        "POST",
        "/inputs",
        {"inputs": [*(text(raw, "sport") for raw in SPORT), *(text(raw, "food") for raw in FOOD)]},
    )
    api.sandbox.wait_idle()
    info = {"data": {"concepts": [{"id": "sport"}, {"id": "food"}]}}
    version = api.model("topics", "embedding-classifier", {"output_info": info, **fields})
    api.sandbox.wait_idle()
    found = api("GET", f"/models/topics/versions/{version}")["model_version"]["status"]
    assert found["code"] == 21100, found
    return version


def use_as_default(api: Api, *nodes: Any) -> None:
    api("POST", "/workflows", {"workflows": [{"id": "w", "nodes": list(nodes)}]})
    body = {"apps": [{"id": api.app, "default_workflow": {"id": "w"}}], "action": "overwrite"}
    api("PATCH", "/v2/users/me/apps", body)


# --- features -------------------------------------------------------------------------------


def cosine(one: str, other: str) -> float:
    first, second = embed(one), embed(other)
    product = sum(x * y for x, y in zip(first, second, strict=True))
    return product / (math.hypot(*first) * math.hypot(*second))


@pytest.mark.parametrize(
    ("near", "far"),
    [
        ("The striker scored a goal", "Whisk two eggs with sugar"),
        ("scoring goals", "baking cakes"),
        ("SCORED A GOAL", "baked a cake"),
    ],
    ids=["words", "stems", "capitals"],
)
def test_texts_that_share_words_or_stems_are_near(near: str, far: str) -> None:
    assert cosine("scored a goal", near) > cosine("scored a goal", far) + 0.1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a  goal\n\tscored", "a goal scored"),
        ("目标 进球", "目标\u3000进球"),
        ("x " * 100_000 + "one end", "x " * 100_000 + "another"),
    ],
    ids=["white space", "other white space", "beyond what counts"],
)
def test_what_makes_no_difference(one: str, other: str) -> None:
    assert embed(one) == embed(other)


@given(st.text(max_size=200))
def test_every_text_has_a_vector_of_the_same_length_and_finite(raw: str) -> None:
    vector = embed(raw)
    assert len(vector) == 2048
    assert all(map(math.isfinite, vector))
    assert embed(raw) == vector


def test_a_text_without_words_is_zero() -> None:
    assert not any(embed(" \n"))


# --- end to end -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fields", [{"input_info": {"base_embed_model": BASE}}, {}], ids=["named", "settled by the data"]
)
def test_a_classifier_learns_texts(api: Api, fields: Any) -> None:
    train_texts(api, **fields)
    for concept, raw in UNSEEN.items():
        body = {"inputs": [{"data": {"text": {"raw": raw}}}]}
        (output,) = api("POST", "/models/topics/outputs", body)["outputs"]
        assert output["data"]["concepts"][0]["id"] == concept
        assert output["data"]["concepts"][0]["value"] > 0.5


def test_new_texts_are_annotated_by_the_default_workflow(api: Api) -> None:
    version = train_texts(api)
    confident = api.thresholder("confident", "GREATER_THAN_OR_EQUAL", sport=0.5, food=0.5)
    doubtful = api.thresholder("doubtful", "LESS_THAN", sport=0.5, food=0.5)
    use_as_default(
        api,
        node("embed", EMBEDDER, public=True),
        node("topics", "topics", version, "embed"),
        node("confident", "confident", confident, "topics"),
        node("success", "s", api.writer("s", 24150), "confident"),
        node("doubtful", "doubtful", doubtful, "topics"),
        node("pending", "p", api.writer("p", 24151), "doubtful"),
    )
    inputs = [{"id": f"new-{concept}", **text(raw)} for concept, raw in UNSEEN.items()]
    api("POST", "/inputs", {"inputs": inputs})
    api.sandbox.wait_idle()
    for concept in UNSEEN:
        found = api("GET", "/annotations", input_ids=f"new-{concept}", list_all_annotations="true")
        made = {
            item["status"]["code"]: [one["id"] for one in item["data"]["concepts"]]
            for item in found["annotations"]
            if item.get("user_id") and not item.get("input_level")
        }
        other = next(name for name in UNSEEN if name != concept)
        assert made == {24150: [concept], 24151: [other]}


def test_the_public_workflow_for_texts_embeds_them(api: Api) -> None:
    body = {"inputs": [{"data": {"text": {"raw": "a goal"}}}]}
    (result,) = api("POST", "/workflows/Text/results", body)["results"]
    (output,) = result["outputs"]
    assert output["model"]["id"] == EMBEDDER
    (embedding,) = output["data"]["embeddings"]
    assert embedding["num_dimensions"] == len(embedding["vector"]) == 2048


def test_images_and_texts_of_one_app_do_not_mix(api: Api) -> None:
    train_texts(api)
    picture = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="  # fmt: skip
    body = {"inputs": [{"data": {"image": {"base64": picture}}}]}
    (output,) = api("POST", "/models/topics/outputs", body)["outputs"]
    assert output["status"]["code"] == 10000
    assert output["data"].get("concepts", []) == []
    info = {
        "output_info": {"data": {"concepts": [{"id": "sport"}]}},
        "input_info": {"base_embed_model": {**BASE, "id": "general-image-embedding"}},
    }
    version = api.version("topics", info)
    api.sandbox.wait_idle()
    found = api("GET", f"/models/topics/versions/{version}")["model_version"]["status"]
    assert found["code"] == 21110  # all that is labelled is text


# --- operators ------------------------------------------------------------------------------


def test_a_regular_expression_labels_texts(api: Api) -> None:
    api.concepts("cat")
    version = api.model(
        "regex",
        "regex-based-classifier",
        {
            "output_info": {
                "data": {"concepts": [{"id": "cat"}]},
                "params": {"regex": r"(?i)\bcats?\b"},
            }
        },
    )
    use_as_default(
        api, node("regex", "regex", version), node("w", "w", api.writer("w", 24150), "regex")
    )
    inputs = [{"id": "yes", **text("Two Cats.")}, {"id": "no", **text("concatenate")}]
    api("POST", "/inputs", {"inputs": inputs})
    api.sandbox.wait_idle()
    found = api("GET", "/annotations", user_ids=api.sandbox.user_id)["annotations"]
    made = [item for item in found if not item.get("input_level")]
    assert [(item["input_id"], item["data"]["concepts"][0]["id"]) for item in made] == [
        ("yes", "cat")
    ]
    assert made[0]["data"]["concepts"][0]["value"] == 1


def test_a_prompt_goes_on_to_what_reads_text(api: Api) -> None:
    api.concepts("asked")
    params = {"prompt_template": "Is {data.text.raw} blue? {data.text.raw}!"}
    prompter = api.model("prompt", "prompter", {"output_info": {"params": params}})
    regex = api.model(
        "regex",
        "regex-based-classifier",
        {
            "output_info": {
                "data": {"concepts": [{"id": "asked"}]},
                "params": {"regex": r"^Is the sky blue\? the sky!$"},
            }
        },
    )
    nodes = [
        node("prompt", "prompt", prompter),
        node("regex", "regex", regex, "prompt"),
        node("embed", EMBEDDER, "", "prompt", public=True),
    ]
    api("POST", "/workflows", {"workflows": [{"id": "w", "nodes": nodes}]})
    body = {"inputs": [{"data": {"text": {"raw": "the sky"}}}]}
    (result,) = api("POST", "/workflows/w/results", body)["results"]
    by_model = {output["model"]["id"]: output["data"] for output in result["outputs"]}
    assert by_model["prompt"]["text"]["raw"] == "Is the sky blue? the sky!"
    assert [one["id"] for one in by_model["regex"]["concepts"]] == ["asked"]
    expected = embed("Is the sky blue? the sky!")
    assert by_model[EMBEDDER]["embeddings"][0]["vector"] == pytest.approx(expected, abs=1e-6)


def test_a_prompt_without_a_place_for_the_text_fails_and_says_so(api: Api) -> None:
    api.model("p", "prompter", {"output_info": {"params": {"prompt_template": "Hello"}}})
    body = {"inputs": [{"data": {"text": {"raw": "x"}}}]}
    answer = api.raw("POST", "/models/p/outputs", json=body).json()
    assert answer["outputs"][0]["status"]["code"] == 21202
    assert answer["outputs"][0]["status"]["details"] == (
        "prompter 'p': prompt_template must be a text with {data.text.raw}, not 'Hello'"
    )


# --- where texts come from ------------------------------------------------------------------


@dataclass(frozen=True)
class Library:
    """A web server with texts, which may be taken away."""

    address: str
    pages: dict[str, bytes]

    def url(self, name: str) -> str:
        return f"{self.address}/{name}.txt"


@pytest.fixture
def library() -> Iterator[Library]:
    pages = {
        "/goal.txt": "\ufeffThe team scored a goal".encode(),
        "/latin.txt": "Caf\xe9 au lait".encode("latin-1"),
    }

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = pages.get(self.path)
            self.send_response(404 if body is None else 200)
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield Library(f"http://127.0.0.1:{server.server_port}", pages)
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_text_behind_a_url_is_fetched_once_and_kept(api: Api, library: Library) -> None:
    train_texts(api)
    urls = {name: library.url(name) for name in ("goal", "latin", "gone")}
    inputs = [{"id": name, "data": {"text": {"url": url}}} for name, url in urls.items()]
    api("POST", "/inputs", {"inputs": inputs})
    api.sandbox.wait_idle()
    found = {item["id"]: item for item in api("GET", "/inputs")["inputs"]}
    assert found["goal"]["status"]["code"] == 30000
    assert found["goal"]["data"]["text"]["text_info"] == {"char_count": 22, "encoding": "UTF-8"}
    assert found["latin"]["status"]["code"] == 30002
    assert found["latin"]["status"]["details"] == (
        "the bytes are no UTF-8 text: byte 3 fits nowhere"
    )
    assert found["gone"]["status"]["code"] == 30002
    assert "404" in found["gone"]["status"]["details"]
    (output,) = api("POST", "/models/topics/outputs", {"inputs": [{"id": "goal"}]})["outputs"]
    assert output["data"]["concepts"][0]["id"] == "sport"


def test_what_was_fetched_outlives_its_url(api: Api, library: Library) -> None:
    url = library.url("goal")
    api("POST", "/inputs", {"inputs": [{"id": "goal", "data": {"text": {"url": url}}}]})
    api.sandbox.wait_idle()
    assert api("GET", "/inputs/goal")["input"]["data"]["text"]["url"] == url
    library.pages.clear()
    body = {"inputs": [{"data": {"text": {"url": url}}}]}
    answer = api.raw("POST", "/workflows/Text/results", json=body)
    assert (answer.status_code, answer.json()["status"]["code"]) == (400, 30002)
    (result,) = api("POST", "/workflows/Text/results", {"inputs": [{"id": "goal"}]})["results"]
    vector = result["outputs"][0]["data"]["embeddings"][0]["vector"]
    assert vector == pytest.approx(embed("The team scored a goal"), abs=1e-6)
